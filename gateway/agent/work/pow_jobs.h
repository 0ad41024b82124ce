// SPDX-License-Identifier: MIT
/* The queue of proof of work.
 *
 * Each thread of the pool, and the graphics processor where there is one, works on a job for a turn
 * and then takes the one whose turn it is (pow_turn.h says whose). Nobody waits for another:
 * several may be at one job, or at different ones. Searches have no memory, so nothing is lost by
 * taking turns, and nothing need be kept over a restart. */
#ifndef BITTERN_GATEWAY_AGENT_WORK_POW_JOBS_H
#define BITTERN_GATEWAY_AGENT_WORK_POW_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "gateway/agent/work/pow_gpu.h"

struct loop;
struct pool;
struct pow_jobs;
struct pow_kernel;

enum {
    POW_JOBS_TURN_MS = 100,    /* about so long is a thread's turn */
    POW_JOBS_GPU_TURN_MS = 500 /* a graphics processor takes longer to change over */
};

struct pow_done {
    /* In the loop. Not called for a job that was cancelled. */
    void (*call)(void *context, int64_t id, uint64_t nonce);
    void *context;
};

/* All borrowed; `gpu` may be NULL. */
struct pow_jobs *pow_jobs_new(struct loop *loop, struct pool *pool, const struct pow_kernel *kernel,
                              struct pow_gpu *gpu, struct pow_done done) MUST_USE;
/* Stops what runs (within 10 ms) and forgets the rest. */
void pow_jobs_free(struct pow_jobs **jobs);

/* Find the nonce for a whole object (its own nonce is passed over). `id` is the caller's, unused so
 * far. */
void pow_jobs_add(struct pow_jobs *jobs, int64_t id, struct bytes object, uint64_t target);
/* Threads are off it within 10 ms. An unknown id is ignored. */
void pow_jobs_cancel(struct pow_jobs *jobs, int64_t id);

/* How far it is. The search draws lots: how long it has run says nothing of how long it will. */
struct pow_progress {
    double trials; /* so far */
    double chance; /* 0 to 1: of a hundred such searches so many are done after as many trials */
    /* From now until it is done, the shorter jobs before it included; -1 while the speed is not
     * known. */
    double left_sec;     /* on average */
    double left_p95_sec; /* in 19 of 20 cases no more than that */
};
/* False when there is no such job. */
bool pow_jobs_progress(const struct pow_jobs *jobs, int64_t id, struct pow_progress *out) MUST_USE;

struct pow_jobs_status {
    const char *kernel;
    unsigned n_threads;
    size_t n_jobs;
    double trials_per_sec; /* of all together while they worked last; 0: not known */
    struct pow_gpu_status gpu;
    struct pow_progress next; /* of the job that is done next, if n_jobs > 0 */
    double left_sec;          /* for all jobs, on average; -1 while the speed is not known */
};
struct pow_jobs_status pow_jobs_status(const struct pow_jobs *jobs) MUST_USE;

#endif
