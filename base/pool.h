// SPDX-License-Identifier: MIT
/* Worker threads: work by value, off the loop.
 *
 * A job is a block of the caller's that holds copies of all it needs. run(job) is called on a
 * worker and may touch nothing but the job; done(job) is called in the loop, exactly once for each
 * job that was taken, and frees it. Jobs of the more urgent class go first; within a class, in
 * order.
 *
 * Work of very different length belongs in different pools: one at low priority for proof of work,
 * one for trial decryption, one for long reads. */
#ifndef BITTERN_BASE_POOL_H
#define BITTERN_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct loop;
struct pool;
struct pool_token;

enum pool_schedule {
    POOL_SCHEDULE_NORMAL,
    POOL_SCHEDULE_BATCH, /* SCHED_BATCH: longer slices, no boost for waking up */
    POOL_SCHEDULE_IDLE   /* SCHED_IDLE: only what nobody else wants */
};

enum pool_class { POOL_URGENT, POOL_NORMAL, POOL_BACKGROUND, POOL_N_CLASSES };

struct pool_config {
    const char *name;   /* of the threads; at most 15 characters */
    unsigned n_threads; /* 0: as many as there are cores that we may use */
    int nice;           /* 0 to 19 */
    enum pool_schedule schedule;
    size_t max_queued; /* jobs that wait; 0: 1024 */
};

/* How many threads a config with n_threads 0 gives. */
unsigned pool_n_cores(void) MUST_USE;

struct pool *pool_new(struct loop *loop, const struct pool_config *config,
                      struct fault *fault) MUST_USE;
/* Cancels all jobs, waits for those that run, calls done for each that is left. */
void pool_free(struct pool **pool);
unsigned pool_n_threads(const struct pool *pool) MUST_USE;

/* Queue a job. 0 (and FAULT_BUSY) when max_queued wait already: nothing will be called then, the
 * job is still the caller's. Else an id, never used twice. was_cancelled: pool_cancel or pool_free
 * came before it ended; it may or may not have run, wholly or in part. */
uint64_t pool_submit(struct pool *pool, enum pool_class job_class,
                     void (*run)(void *job, const struct pool_token *token),
                     void (*done)(void *job, bool was_cancelled), void *job,
                     struct fault *fault) MUST_USE;
/* Ask the job to stop: one that waits is not run at all, one that runs sees it by
 * pool_is_cancelled. done follows in the loop. An id that is done or unknown is ignored. */
void pool_cancel(struct pool *pool, uint64_t id);
/* Jobs that wait or run. */
size_t pool_n_jobs(const struct pool *pool) MUST_USE;

/* On the worker: true when the job should return as soon as it can. */
bool pool_is_cancelled(const struct pool_token *token) MUST_USE;

#endif
