// SPDX-License-Identifier: MIT
/* The search for keys whose ripe begins with zero bytes, which make a shorter address.
 *
 * By custom every address has at least one such byte (256 attempts), a "short" one two (65,536
 * attempts). Either the keys are random, or they come from a passphrase (deterministic addresses
 * and chans): then the pairs (0, 1), (2, 3), ... of nonces are tried in order and the first hit
 * counts, whatever number of threads looked for it.
 *
 * This room starts no thread. A search is an object that any number of workers may run at the same
 * time, each by a call of key_search_run; for one or two calls a second in the loop's own thread
 * key_search_now will do. Whoever made the search frees it, after the last worker has returned. */
#ifndef BITTERN_CRYPTO_KEY_SEARCH_H
#define BITTERN_CRYPTO_KEY_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/key.h"

enum { KEY_SEARCH_MAX_ZERO_BYTES = 3, KEY_SEARCH_MAX_PASSPHRASE_BYTES = 64 * 1024 };

struct key_search;

enum key_search_state { KEY_SEARCH_RUNNING, KEY_SEARCH_FOUND, KEY_SEARCH_CANCELLED };

/* Random keys. n_zero_bytes <= KEY_SEARCH_MAX_ZERO_BYTES. */
struct key_search *key_search_new_random(unsigned n_zero_bytes) MUST_USE;
/* Keys of a passphrase (copied; at most KEY_SEARCH_MAX_PASSPHRASE_BYTES), from the pair
 * (first_nonce, first_nonce + 1) on; first_nonce is even, 0 for the first address of the
 * passphrase, and out_next_nonce of the one before for the next. */
struct key_search *key_search_new_passphrase(struct bytes passphrase, uint64_t first_nonce,
                                             unsigned n_zero_bytes) MUST_USE;
/* Wipes what was found. Accepts NULL, clears the pointer. */
void key_search_free(struct key_search **search);

/* In a worker: search until nothing is left that this worker could do, because the keys are found
 * or the search is cancelled, looking for either after each attempt. KEY_SEARCH_RUNNING means that
 * another worker is about to finish: the last one to return gets the final answer. */
enum key_search_state key_search_run(struct key_search *search);
/* As key_search_run, for about `max_attempts` at most (4 us each of a random search, 55 us each of
 * a passphrase's). */
enum key_search_state key_search_step(struct key_search *search, uint64_t max_attempts);
/* From any thread. A search that has found its keys stays found. */
void key_search_cancel(struct key_search *search);
enum key_search_state key_search_state(struct key_search *search) MUST_USE;
/* Attempts so far, of all workers. */
uint64_t key_search_attempts(struct key_search *search) MUST_USE;

/* After KEY_SEARCH_FOUND. `out_next_nonce` (may be NULL) is where the passphrase's next address
 * begins; the keys found have the nonces before it. 0 for random keys. */
void key_search_take(struct key_search *search, struct identity_keys *out,
                     uint64_t *out_next_nonce);

/* The whole search in the calling thread: for one zero byte 2 ms on average (random), 15 ms
 * (passphrase). */
void key_search_now_random(struct identity_keys *out, unsigned n_zero_bytes);
void key_search_now_passphrase(struct identity_keys *out, uint64_t *out_next_nonce,
                               struct bytes passphrase, uint64_t first_nonce,
                               unsigned n_zero_bytes);

#endif
