// SPDX-License-Identifier: MIT
/* The queue of proof of work.
 *
 * All threads of the pool work on one search at a time, for a slice; then the queue chooses again:
 * the job that is expected to be done first, where waiting makes a job look shorter, so that a long
 * one also gets its turn. Searches have no memory, so nothing is lost by taking turns, and nothing
 * need be kept over a restart. */
#ifndef BITTERN_GATEWAY_AGENT_POW_JOBS_H
#define BITTERN_GATEWAY_AGENT_POW_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct loop;
struct pool;
struct pow_jobs;
struct pow_kernel;

enum {
    POW_JOBS_SLICE_MS = 500, /* about so long a search runs before the queue chooses again */
    POW_JOBS_PATIENCE_SEC =
        30 /* after so long a wait a job counts half its length, then a third ... */
};

struct pow_done {
    /* In the loop. Not called for a job that was cancelled. */
    void (*call)(void *context, int64_t id, uint64_t nonce);
    void *context;
};

/* All borrowed. */
struct pow_jobs *pow_jobs_new(struct loop *loop, struct pool *pool, const struct pow_kernel *kernel,
                              struct pow_done done) MUST_USE;
/* Stops what runs (within 10 ms) and forgets the rest. */
void pow_jobs_free(struct pow_jobs **jobs);

/* Find the nonce for a whole object (its own nonce is passed over). `id` is the caller's, unused so
 * far. */
void pow_jobs_add(struct pow_jobs *jobs, int64_t id, struct bytes object, uint64_t target);
/* An unknown id is ignored. */
void pow_jobs_cancel(struct pow_jobs *jobs, int64_t id);

size_t pow_jobs_count(const struct pow_jobs *jobs) MUST_USE;
const char *pow_jobs_kernel(const struct pow_jobs *jobs) MUST_USE;
/* All threads together, over the last slices; 0 before any. */
double pow_jobs_trials_per_sec(const struct pow_jobs *jobs) MUST_USE;

struct pow_progress {
    double done;     /* trials so far by those expected: may pass 1 */
    double left_sec; /* on average, when it alone is worked on; -1: speed not known yet */
};
/* False when there is no such job. */
bool pow_jobs_progress(const struct pow_jobs *jobs, int64_t id, struct pow_progress *out) MUST_USE;

#endif
