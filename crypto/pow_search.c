// SPDX-License-Identifier: MIT
#include "crypto/pow_search.h"

#include "base/log.h"
#include "base/mem.h"
#include "crypto/random.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What workers share is atomic; the rest is fixed when the search is made. The nonce is written
 * before the state says that it is there. */
struct pow_search {
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
    uint64_t target;
    _Atomic(const struct pow_kernel *) kernel;
    atomic_uint n_refs;
    atomic_uint state;   /* enum pow_state; leaves POW_RUNNING once */
    atomic_bool claimed; /* a worker is writing the nonce */
    _Atomic uint64_t next_nonce;
    _Atomic uint64_t n_trials;
    uint64_t nonce;
};

struct pow_search *pow_search_new(const uint8_t initial_hash[POW_INITIAL_HASH_BYTES],
                                  uint64_t target, const struct pow_kernel *kernel)
{
    struct pow_search *search = xcalloc(1, sizeof *search);
    memcpy(search->initial_hash, initial_hash, POW_INITIAL_HASH_BYTES);
    search->target = target;
    atomic_init(&search->kernel, kernel);
    atomic_init(&search->n_refs, 1);
    atomic_init(&search->state, POW_RUNNING);
    /* From a random place, so that the nonce doesn't tell how long the search took. */
    atomic_init(&search->next_nonce, random_u64());
    return search;
}

struct pow_search *pow_search_ref(struct pow_search *search)
{
    atomic_fetch_add(&search->n_refs, 1);
    return search;
}

void pow_search_unref(struct pow_search **search)
{
    if (*search != NULL && atomic_fetch_sub(&(*search)->n_refs, 1) == 1) {
        free(*search);
    }
    *search = NULL;
}

static void found(struct pow_search *search, uint64_t nonce)
{
    unsigned running = POW_RUNNING;
    if (atomic_exchange(&search->claimed, true)) {
        return; /* another worker was first */
    }
    search->nonce = nonce;
    atomic_compare_exchange_strong(&search->state, &running, POW_FOUND);
}

bool pow_search_offer(struct pow_search *search, uint64_t nonce)
{
    if (!pow_is_met(search->initial_hash, nonce, search->target)) {
        return false;
    }
    found(search, nonce);
    return true;
}

/* A nonce that OpenSSL doesn't confirm means that the kernel, or the processor under it, is not to
 * be trusted: the search goes on with the portable one. */
static void distrust(struct pow_search *search, const struct pow_kernel *kernel)
{
    log_error("pow", "wrong-nonce kernel=%s", kernel->name);
    atomic_store(&search->kernel, pow_kernel_by_name("portable"));
}

void pow_search_take(struct pow_search *search, struct pow_slice *out, uint64_t n_trials)
{
    *out = (struct pow_slice){
        .target = search->target,
        .first_nonce = atomic_fetch_add(&search->next_nonce, n_trials),
        .n_trials = n_trials,
    };
    memcpy(out->initial_hash, search->initial_hash, sizeof out->initial_hash);
}

/* Returns how many trials it did. */
static uint64_t work_slice(struct pow_search *search)
{
    const struct pow_kernel *kernel = atomic_load(&search->kernel);
    struct pow_slice slice;
    uint64_t nonce = 0;

    pow_search_take(search, &slice, POW_SLICE_TRIALS);
    bool is_hit = kernel->search(&nonce, &slice);
    uint64_t n_done = is_hit ? nonce - slice.first_nonce + 1 : POW_SLICE_TRIALS;
    pow_search_count(search, n_done);
    if (is_hit && !pow_search_offer(search, nonce)) {
        distrust(search, kernel);
    }
    return n_done;
}

enum pow_state pow_search_work(struct pow_search *search, uint64_t max_trials, uint64_t *out_done)
{
    uint64_t n_done = 0;
    enum pow_state state = pow_search_state(search);
    uint64_t n_slices = max_trials / POW_SLICE_TRIALS + (max_trials % POW_SLICE_TRIALS != 0);
    while (state == POW_RUNNING && n_slices != 0) {
        n_done += work_slice(search);
        n_slices--;
        state = pow_search_state(search);
    }
    if (out_done != NULL) {
        *out_done = n_done;
    }
    return state;
}

void pow_search_count(struct pow_search *search, uint64_t n_trials)
{
    atomic_fetch_add(&search->n_trials, n_trials);
}

void pow_search_cancel(struct pow_search *search)
{
    unsigned running = POW_RUNNING;
    atomic_compare_exchange_strong(&search->state, &running, POW_CANCELLED);
}

enum pow_state pow_search_state(struct pow_search *search)
{
    return (enum pow_state)atomic_load(&search->state);
}

uint64_t pow_search_trials(struct pow_search *search)
{
    return atomic_load(&search->n_trials);
}

bool pow_search_nonce(struct pow_search *search, uint64_t *out_nonce)
{
    if (pow_search_state(search) != POW_FOUND) {
        return false;
    }
    *out_nonce = search->nonce;
    return true;
}
