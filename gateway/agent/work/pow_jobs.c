// SPDX-License-Identifier: MIT
#include "gateway/agent/work/pow_jobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/timer.h"
#include "crypto/pow_search.h"
#include "gateway/agent/work/pow_turn.h"

struct job {
    int64_t id;
    struct pow_search *search;
};

struct pow_jobs {
    /* In order of arrival; for each the trials that are expected of it. */
    struct job *jobs;
    double *mean_trials;
    size_t n_jobs;
    size_t jobs_capacity;
    size_t means_capacity;

    struct pool *pool;
    const struct pow_kernel *kernel;
    struct pow_done done;
    struct deferred fill;
    struct pow_turn turn;
    size_t n_threads_out;
    double thread_trials_per_sec; /* one thread's, smoothed; 0: not known */

    struct pow_gpu *gpu; /* or NULL */
    struct pow_turn gpu_turn;
    struct timer gpu_timer;
    bool closing;
};

/* A thread's turn. Holds a reference of its own, so a job may go at any moment. */
struct slice {
    struct pow_jobs *jobs;
    struct pow_search *search;
    uint64_t max_trials;
    uint64_t n_trials; /* done */
    int64_t took_us;
};

enum { FIRST_TURN_TRIALS = 1 << 18 };

static void fill(void *context);

/* ---- the list ---- */

static size_t find_id(const struct pow_jobs *jobs, int64_t id)
{
    size_t i = 0;
    while (i < jobs->n_jobs && jobs->jobs[i].id != id) {
        i++;
    }
    return i;
}

static size_t find_search(const struct pow_jobs *jobs, const struct pow_search *search)
{
    size_t i = 0;
    while (i < jobs->n_jobs && jobs->jobs[i].search != search) {
        i++;
    }
    return i;
}

static void remove_at(struct pow_jobs *jobs, size_t index)
{
    struct job *job = &jobs->jobs[index];
    size_t n_after = jobs->n_jobs - index - 1;
    if (jobs->gpu != NULL) {
        pow_gpu_drop(jobs->gpu, job->search);
    }
    pow_search_cancel(job->search);
    pow_search_unref(&job->search);
    memmove(job, job + 1, n_after * sizeof *job);
    memmove(&jobs->mean_trials[index], &jobs->mean_trials[index + 1],
            n_after * sizeof *jobs->mean_trials);
    jobs->n_jobs--;
}

/* Hand the nonce over, if the search has one and still is a job: of several that worked on it the
 * first to come back. */
static void finish(struct pow_jobs *jobs, struct pow_search *search)
{
    uint64_t nonce;
    size_t index = find_search(jobs, search);
    if (index < jobs->n_jobs && pow_search_nonce(search, &nonce)) {
        int64_t id = jobs->jobs[index].id;
        remove_at(jobs, index);
        jobs->done.call(jobs->done.context, id, nonce);
    }
}

/* ---- threads ---- */

static void run_slice(void *job, const struct pool_token *token)
{
    struct slice *slice = job;
    if (!pool_is_cancelled(token)) {
        int64_t start_us = clock_mono_us();
        (void)pow_search_work(slice->search, slice->max_trials, &slice->n_trials);
        slice->took_us = clock_mono_us() - start_us;
    }
}

static void measure(struct pow_jobs *jobs, const struct slice *slice)
{
    if (slice->took_us < 1000 || slice->n_trials == 0) {
        return;
    }
    double speed = (double)slice->n_trials * 1e6 / (double)slice->took_us;
    double before = jobs->thread_trials_per_sec;
    jobs->thread_trials_per_sec = before == 0 ? speed : 0.8 * before + 0.2 * speed;
}

static void slice_done(void *job, bool was_cancelled)
{
    (void)was_cancelled;
    struct slice *slice = job;
    struct pow_jobs *jobs = slice->jobs;
    jobs->n_threads_out--;
    if (!jobs->closing) {
        measure(jobs, slice);
        deferred_arm(&jobs->fill);
        finish(jobs, slice->search);
    } else if (jobs->n_threads_out == 0) {
        free(jobs);
    }
    pow_search_unref(&slice->search);
    free(slice);
}

static uint64_t turn_trials(const struct pow_jobs *jobs)
{
    double share = jobs->thread_trials_per_sec * POW_JOBS_TURN_MS / 1000.0;
    return share == 0                 ? FIRST_TURN_TRIALS
           : share < POW_SLICE_TRIALS ? POW_SLICE_TRIALS
                                      : (uint64_t)share;
}

static bool start_slice(struct pow_jobs *jobs, struct pow_search *search)
{
    struct slice *slice = xcalloc(1, sizeof(*slice));
    slice->jobs = jobs;
    slice->search = pow_search_ref(search);
    slice->max_trials = turn_trials(jobs);
    if (pool_submit(jobs->pool, POOL_NORMAL, run_slice, slice_done, slice, NULL) == 0) {
        pow_search_unref(&slice->search);
        free(slice);
        return false;
    }
    jobs->n_threads_out++;
    return true;
}

/* ---- the graphics processor ---- */

static void gpu_next(void *context)
{
    struct pow_jobs *jobs = context;
    if (jobs->gpu == NULL || jobs->n_jobs == 0) {
        return;
    }
    size_t next = pow_turn_next(&jobs->gpu_turn, jobs->mean_trials, jobs->n_jobs);
    pow_gpu_work_on(jobs->gpu, jobs->jobs[next].search);
    timer_arm(&jobs->gpu_timer, POW_JOBS_GPU_TURN_MS);
}

static void gpu_found(void *context, struct pow_search *search)
{
    finish(context, search);
}

/* ---- turns ---- */

static void fill(void *context)
{
    struct pow_jobs *jobs = context;
    unsigned n_threads = pool_n_threads(jobs->pool);
    while (jobs->n_threads_out < n_threads && jobs->n_jobs > 0) {
        size_t next = pow_turn_next(&jobs->turn, jobs->mean_trials, jobs->n_jobs);
        if (!start_slice(jobs, jobs->jobs[next].search)) {
            break;
        }
    }
    if (!timer_is_armed(&jobs->gpu_timer)) {
        gpu_next(jobs);
    }
}

/* ---- life ---- */

struct pow_jobs *pow_jobs_new(struct loop *loop, struct pool *pool, const struct pow_kernel *kernel,
                              struct pow_gpu *gpu, struct pow_done done)
{
    struct pow_jobs *jobs = xcalloc(1, sizeof(*jobs));
    jobs->pool = pool;
    jobs->kernel = kernel;
    jobs->gpu = gpu;
    jobs->done = done;
    deferred_init(&jobs->fill, loop, fill, jobs);
    timer_init(&jobs->gpu_timer, loop, gpu_next, jobs);
    if (gpu != NULL) {
        pow_gpu_set_events(gpu, (struct pow_gpu_events){gpu_found, gpu_next, jobs});
    }
    return jobs;
}

void pow_jobs_free(struct pow_jobs **jobs_in)
{
    struct pow_jobs *jobs = *jobs_in;
    *jobs_in = NULL;
    if (jobs == NULL) {
        return;
    }
    while (jobs->n_jobs > 0) {
        remove_at(jobs, jobs->n_jobs - 1);
    }
    free(jobs->jobs);
    free(jobs->mean_trials);
    deferred_cancel(&jobs->fill);
    timer_cancel(&jobs->gpu_timer);
    if (jobs->gpu != NULL) {
        pow_gpu_set_events(jobs->gpu, (struct pow_gpu_events){0});
    }
    jobs->closing = true;
    if (jobs->n_threads_out == 0) {
        free(jobs);
    }
}

void pow_jobs_add(struct pow_jobs *jobs, int64_t id, struct bytes object, uint64_t target)
{
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
    pow_initial_hash(initial_hash, bytes_slice(object, POW_NONCE_BYTES, object.len));

    jobs->jobs = array_grow(jobs->jobs, jobs->n_jobs, &jobs->jobs_capacity, sizeof *jobs->jobs);
    jobs->mean_trials = array_grow(jobs->mean_trials, jobs->n_jobs, &jobs->means_capacity,
                                   sizeof *jobs->mean_trials);
    jobs->jobs[jobs->n_jobs] = (struct job){id, pow_search_new(initial_hash, target, jobs->kernel)};
    jobs->mean_trials[jobs->n_jobs] = pow_estimate(target, 0).mean_trials;
    jobs->n_jobs++;
    deferred_arm(&jobs->fill);
}

void pow_jobs_cancel(struct pow_jobs *jobs, int64_t id)
{
    size_t index = find_id(jobs, id);
    if (index < jobs->n_jobs) {
        remove_at(jobs, index);
        deferred_arm(&jobs->fill);
    }
}

/* ---- looking ---- */

static double speed_of(const struct pow_jobs *jobs)
{
    double speed = jobs->thread_trials_per_sec * pool_n_threads(jobs->pool);
    return jobs->gpu != NULL ? speed + pow_gpu_status(jobs->gpu).trials_per_sec : speed;
}

static void show_progress(const struct pow_jobs *jobs, size_t index, struct pow_progress *out)
{
    double speed = speed_of(jobs);
    double mean = jobs->mean_trials[index];
    double before = pow_turn_trials_until(jobs->mean_trials, jobs->n_jobs, index) - mean;
    *out = (struct pow_progress){.trials = (double)pow_search_trials(jobs->jobs[index].search),
                                 .left_sec = -1,
                                 .left_p95_sec = -1};
    out->chance = -expm1(-out->trials / mean);
    if (speed > 0) {
        out->left_sec = (before + mean) / speed;
        out->left_p95_sec = (before + mean * POW_P95_PER_MEAN) / speed;
    }
}

bool pow_jobs_progress(const struct pow_jobs *jobs, int64_t id, struct pow_progress *out)
{
    size_t index = find_id(jobs, id);
    if (index == jobs->n_jobs) {
        return false;
    }
    show_progress(jobs, index, out);
    return true;
}

struct pow_jobs_status pow_jobs_status(const struct pow_jobs *jobs)
{
    struct pow_jobs_status status = {
        .kernel = jobs->kernel->name,
        .n_threads = pool_n_threads(jobs->pool),
        .n_jobs = jobs->n_jobs,
        .trials_per_sec = speed_of(jobs),
        .left_sec = -1,
    };
    if (jobs->gpu != NULL) {
        status.gpu = pow_gpu_status(jobs->gpu);
    } else {
        status.gpu = (struct pow_gpu_status){.device = "", .reason = ""};
    }
    double all = 0;
    size_t shortest = 0;
    for (size_t i = 0; i < jobs->n_jobs; i++) {
        all += jobs->mean_trials[i];
        shortest = jobs->mean_trials[i] < jobs->mean_trials[shortest] ? i : shortest;
    }
    if (jobs->n_jobs > 0) {
        show_progress(jobs, shortest, &status.next);
        status.left_sec = status.trials_per_sec > 0 ? all / status.trials_per_sec : -1;
    }
    return status;
}
