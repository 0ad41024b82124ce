// SPDX-License-Identifier: MIT
/* Attempts are numbered from 0 on and dealt out to the workers in strides. What is found is a
 * number: the keys are made from it again when they are asked for.
 *
 * The lowest hit counts, so that any number of workers comes to the same keys. `best` is the lowest
 * so far. No stride above it is begun any more, and the search has ended when the last one below it
 * has come back: then all strides that were dealt out (next_attempt is above best) are done
 * (n_active is 0). The order of these two looks matters: a worker counts itself active before it
 * takes a stride, so whoever sees the stride as taken also sees its worker, until it is done.
 *
 * A random search counts up from one random scalar: attempt i has the key base + i, whose public
 * key is that of attempt i - 1 plus the generator, a fifth of the price of a multiplication. Each
 * key by itself is as random as the first; only one of them ever leaves the search. */
#include "crypto/key_search.h"

#include "base/mem.h"
#include "crypto/key_internal.h"
#include "crypto/libs_internal.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_STRIDE = 64, PASSPHRASE_STRIDE = 8 };

static const uint64_t no_hit = UINT64_MAX;

struct key_search {
    unsigned n_zero_bytes;

    bool is_random;
    struct private_key signing; /* of all attempts */
    struct public_key signing_public;
    struct private_key base; /* the encryption key of attempt 0 */

    uint8_t *passphrase;
    size_t passphrase_len;
    uint64_t first_nonce;

    atomic_uint state; /* enum key_search_state; leaves KEY_SEARCH_RUNNING once */
    _Atomic uint64_t next_attempt;
    _Atomic uint64_t n_active;
    _Atomic uint64_t best;
    _Atomic uint64_t n_attempts;
};

static struct key_search *search_new(unsigned n_zero_bytes)
{
    assert(n_zero_bytes <= KEY_SEARCH_MAX_ZERO_BYTES);
    struct key_search *search = xcalloc(1, sizeof *search);
    search->n_zero_bytes = n_zero_bytes;
    atomic_init(&search->state, KEY_SEARCH_RUNNING);
    atomic_init(&search->best, no_hit);
    return search;
}

struct key_search *key_search_new_random(unsigned n_zero_bytes)
{
    struct key_search *search = search_new(n_zero_bytes);
    search->is_random = true;
    private_key_random(&search->signing);
    public_key_derive(&search->signing_public, &search->signing);
    private_key_random(&search->base);
    return search;
}

struct key_search *key_search_new_passphrase(struct bytes passphrase, uint64_t first_nonce,
                                             unsigned n_zero_bytes)
{
    assert(passphrase.len <= KEY_SEARCH_MAX_PASSPHRASE_BYTES && first_nonce % 2 == 0);
    struct key_search *search = search_new(n_zero_bytes);
    search->passphrase = xmemdup(passphrase.data, passphrase.len);
    search->passphrase_len = passphrase.len;
    search->first_nonce = first_nonce;
    return search;
}

void key_search_free(struct key_search **search)
{
    if (*search == NULL) {
        return;
    }
    if ((*search)->passphrase != NULL) {
        mem_wipe((*search)->passphrase, (*search)->passphrase_len);
        free((*search)->passphrase);
    }
    mem_wipe(*search, sizeof **search);
    free(*search);
    *search = NULL;
}

static bool is_short(const struct key_search *search, const uint8_t ripe[RIPE_BYTES])
{
    static const uint8_t zeros[KEY_SEARCH_MAX_ZERO_BYTES] = {0};
    return memcmp(ripe, zeros, search->n_zero_bytes) == 0;
}

static uint64_t nonce_of(const struct key_search *search, uint64_t attempt)
{
    return search->first_nonce + 2 * attempt;
}

static bool passphrase_keys(struct private_key *out_signing, struct private_key *out_encryption,
                            const struct key_search *search, uint64_t attempt)
{
    struct bytes passphrase = {search->passphrase, search->passphrase_len};
    uint64_t nonce = nonce_of(search, attempt);
    return private_key_from_passphrase(out_signing, passphrase, nonce) &&
           private_key_from_passphrase(out_encryption, passphrase, nonce + 1);
}

/* base + attempt. False when that is 0 modulo n. */
static bool random_key(struct private_key *out, const struct key_search *search, uint64_t attempt)
{
    uint8_t tweak[PRIVATE_KEY_BYTES] = {0};
    *out = search->base;
    store_be64(tweak + PRIVATE_KEY_BYTES - 8, attempt);
    return secp256k1_ec_seckey_tweak_add(crypto_libs()->curve, out->scalar, tweak) == 1;
}

/* A hit counts if it is the lowest so far. */
static void offer(struct key_search *search, uint64_t attempt)
{
    uint64_t best = atomic_load(&search->best);
    while (attempt < best && !atomic_compare_exchange_weak(&search->best, &best, attempt)) {
    }
}

/* True while attempt `attempt` may still matter. */
static bool goes_on(struct key_search *search, uint64_t attempt)
{
    return atomic_load(&search->state) == KEY_SEARCH_RUNNING &&
           attempt < atomic_load(&search->best);
}

static void try_passphrase(struct key_search *search, uint64_t first)
{
    for (uint64_t i = first; i < first + PASSPHRASE_STRIDE && goes_on(search, i); i++) {
        struct private_key signing;
        struct private_key encryption;
        struct identity_keys keys;
        if (passphrase_keys(&signing, &encryption, search, i)) {
            identity_keys_derive(&keys, &signing, &encryption);
            if (is_short(search, keys.ripe)) {
                offer(search, i);
            }
        }
        atomic_fetch_add(&search->n_attempts, 1);
        private_key_wipe(&signing);
        private_key_wipe(&encryption);
        identity_keys_wipe(&keys);
    }
}

/* The public key of base + first, then one addition for each attempt. What is added in variable
 * time are public keys. */
static void try_random(struct key_search *search, uint64_t first)
{
    const secp256k1_context *curve = crypto_libs()->curve;
    struct private_key one = {{[PRIVATE_KEY_BYTES - 1] = 1}};
    struct private_key key;
    struct public_key public_key;
    secp256k1_pubkey generator;
    secp256k1_pubkey point;
    uint8_t ripe[RIPE_BYTES];

    bool usable = random_key(&key, search, first);
    if (usable) {
        public_key_derive(&public_key, &one);
        usable = public_key_load(&generator, public_key.point);
        public_key_derive(&public_key, &key);
        usable = usable && public_key_load(&point, public_key.point);
    }
    for (uint64_t i = first; usable && i < first + RANDOM_STRIDE && goes_on(search, i); i++) {
        key_ripe(ripe, &search->signing_public, &public_key);
        if (is_short(search, ripe)) {
            offer(search, i);
        }
        atomic_fetch_add(&search->n_attempts, 1);
        const secp256k1_pubkey *both[] = {&point, &generator};
        secp256k1_pubkey sum;
        usable = secp256k1_ec_pubkey_combine(curve, &sum, both, 2) == 1;
        point = sum;
        if (usable) {
            public_key_store(&public_key, &point);
        }
    }
    private_key_wipe(&key);
}

/* See the top: `next_attempt` is looked at before `n_active`. */
static void end_if_all_came_back(struct key_search *search)
{
    unsigned running = KEY_SEARCH_RUNNING;
    uint64_t next = atomic_load(&search->next_attempt);
    uint64_t n_active = atomic_load(&search->n_active);
    if (n_active == 0 && next > atomic_load(&search->best)) {
        atomic_compare_exchange_strong(&search->state, &running, KEY_SEARCH_FOUND);
    }
}

/* False when there is no stride left that could matter. */
static bool try_stride(struct key_search *search)
{
    uint64_t stride = search->is_random ? RANDOM_STRIDE : PASSPHRASE_STRIDE;
    atomic_fetch_add(&search->n_active, 1);
    uint64_t first = atomic_fetch_add(&search->next_attempt, stride);
    bool matters = goes_on(search, first);
    if (matters && search->is_random) {
        try_random(search, first);
    } else if (matters) {
        try_passphrase(search, first);
    }
    atomic_fetch_sub(&search->n_active, 1);
    end_if_all_came_back(search);
    return matters;
}

enum key_search_state key_search_step(struct key_search *search, uint64_t max_attempts)
{
    uint64_t stride = search->is_random ? RANDOM_STRIDE : PASSPHRASE_STRIDE;
    uint64_t n_strides = max_attempts / stride + (max_attempts % stride != 0);
    while (n_strides != 0 && try_stride(search)) {
        n_strides--;
    }
    return key_search_state(search);
}

enum key_search_state key_search_run(struct key_search *search)
{
    return key_search_step(search, UINT64_MAX);
}

enum key_search_state key_search_state(struct key_search *search)
{
    return (enum key_search_state)atomic_load(&search->state);
}

void key_search_cancel(struct key_search *search)
{
    unsigned running = KEY_SEARCH_RUNNING;
    atomic_compare_exchange_strong(&search->state, &running, KEY_SEARCH_CANCELLED);
}

uint64_t key_search_attempts(struct key_search *search)
{
    return atomic_load(&search->n_attempts);
}

void key_search_take(struct key_search *search, struct identity_keys *out, uint64_t *out_next_nonce)
{
    assert(key_search_state(search) == KEY_SEARCH_FOUND);
    uint64_t best = atomic_load(&search->best);
    struct private_key signing = search->signing;
    struct private_key encryption;
    bool made = search->is_random ? random_key(&encryption, search, best)
                                  : passphrase_keys(&signing, &encryption, search, best);
    assert(made);
    identity_keys_derive(out, &signing, &encryption);
    assert(is_short(search, out->ripe));
    if (out_next_nonce != NULL) {
        *out_next_nonce = search->is_random ? 0 : nonce_of(search, best + 1);
    }
    private_key_wipe(&signing);
    private_key_wipe(&encryption);
}

static void run_alone(struct key_search *search, struct identity_keys *out,
                      uint64_t *out_next_nonce)
{
    enum key_search_state state = key_search_run(search);
    assert(state == KEY_SEARCH_FOUND);
    key_search_take(search, out, out_next_nonce);
    key_search_free(&search);
}

void key_search_now_random(struct identity_keys *out, unsigned n_zero_bytes)
{
    run_alone(key_search_new_random(n_zero_bytes), out, NULL);
}

void key_search_now_passphrase(struct identity_keys *out, uint64_t *out_next_nonce,
                               struct bytes passphrase, uint64_t first_nonce, unsigned n_zero_bytes)
{
    run_alone(key_search_new_passphrase(passphrase, first_nonce, n_zero_bytes), out,
              out_next_nonce);
}
