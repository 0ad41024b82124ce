// SPDX-License-Identifier: MIT
/* One search for a nonce, shared by any number of workers.
 *
 * This room starts no thread: each worker of a pool calls pow_search_work, and the search deals out
 * slices of nonces that don't overlap. Workers look for the end (found, cancelled) between slices
 * of POW_SLICE_TRIALS trials, that is within about 5 ms on the slowest kernel. A found nonce is
 * checked again with OpenSSL before anyone hears of it; a kernel that was wrong is not used any
 * further in this search.
 *
 * Nothing need be kept of a search that is stopped: it has no memory, so starting anew costs
 * nothing on average. */
#ifndef BITTERN_CRYPTO_POW_SEARCH_H
#define BITTERN_CRYPTO_POW_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "crypto/pow.h"
#include "crypto/pow_kernel.h"

enum { POW_SLICE_TRIALS = 1 << 13 };

struct pow_search;

enum pow_state { POW_RUNNING, POW_FOUND, POW_CANCELLED };

/* With one reference, the caller's. The search starts at a random nonce. */
struct pow_search *pow_search_new(const uint8_t initial_hash[POW_INITIAL_HASH_BYTES],
                                  uint64_t target, const struct pow_kernel *kernel) MUST_USE;
struct pow_search *pow_search_ref(struct pow_search *search) MUST_USE;
/* Frees with the last reference. Accepts NULL, clears the pointer. */
void pow_search_unref(struct pow_search **search);

/* In a worker thread: search until found, cancelled, or about `max_trials` trials of this call are
 * done (UINT64_MAX: no bound). POW_RUNNING means there is more to do. Several workers may be inside
 * at once; *out_done (or NULL) is how many trials this one did. */
enum pow_state pow_search_work(struct pow_search *search, uint64_t max_trials, uint64_t *out_done);
/* From any thread; workers return within 10 ms. A search that has found its nonce stays found. */
void pow_search_cancel(struct pow_search *search);

/* For a searcher of another make, a graphics processor say, beside the workers: the next
 * `n_trials` nonces, which are dealt out to nobody else. */
void pow_search_take(struct pow_search *search, struct pow_slice *out, uint64_t n_trials);
/* It did so many of them. */
void pow_search_count(struct pow_search *search, uint64_t n_trials);
/* It says that this nonce will do. False when OpenSSL doesn't confirm it: that searcher is not to
 * be trusted. */
bool pow_search_offer(struct pow_search *search, uint64_t nonce) MUST_USE;

/* From any thread, at any time. */
enum pow_state pow_search_state(struct pow_search *search) MUST_USE;
/* Trials so far, of all workers. */
uint64_t pow_search_trials(struct pow_search *search) MUST_USE;
/* True and the nonce when found. */
bool pow_search_nonce(struct pow_search *search, uint64_t *out_nonce) MUST_USE;

#endif
