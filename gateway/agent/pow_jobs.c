// SPDX-License-Identifier: MIT
#include "gateway/agent/pow_jobs.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/loop.h"
#include "crypto/pow_search.h"

struct job {
    struct list_node node;
    int64_t id;
    struct pow_search *search;
    double mean_trials;
    int64_t added_ms;
};

struct pow_jobs {
    struct list_node jobs; /* in order of arrival */
    struct pool *pool;
    const struct pow_kernel *kernel;
    struct pow_done done;
    struct deferred choose;
    size_t n_jobs;

    struct job *running; /* NULL while no worker is out, or when its job was cancelled */
    size_t n_workers_out;
    uint64_t slice_trials; /* a worker's share of a slice */
    uint64_t slice_start_trials;
    int64_t slice_start_us;
    double trials_per_sec;
    bool closing;
};

/* One worker's part of a slice. Holds a reference of its own, so a job may go at any moment. */
struct slice {
    struct pow_jobs *jobs;
    struct pow_search *search;
    uint64_t trials;
};

enum { FIRST_SLICE_TRIALS = 1 << 20 };

static void choose(void *context);

static void job_free(struct pow_jobs *jobs, struct job *job)
{
    if (jobs->running == job) {
        jobs->running = NULL;
    }
    list_remove(&job->node);
    jobs->n_jobs--;
    pow_search_cancel(job->search);
    pow_search_unref(&job->search);
    free(job);
}

struct pow_jobs *pow_jobs_new(struct loop *loop, struct pool *pool, const struct pow_kernel *kernel,
                              struct pow_done done)
{
    struct pow_jobs *jobs = xcalloc(1, sizeof(*jobs));
    list_init(&jobs->jobs);
    jobs->pool = pool;
    jobs->kernel = kernel;
    jobs->done = done;
    jobs->slice_trials = FIRST_SLICE_TRIALS;
    deferred_init(&jobs->choose, loop, choose, jobs);
    return jobs;
}

void pow_jobs_free(struct pow_jobs **jobs_in)
{
    struct pow_jobs *jobs = *jobs_in;
    *jobs_in = NULL;
    if (jobs == NULL) {
        return;
    }
    list_for_each(node, &jobs->jobs)
    {
        job_free(jobs, list_entry(node, struct job, node));
    }
    deferred_cancel(&jobs->choose);
    jobs->closing = true;
    if (jobs->n_workers_out == 0) {
        free(jobs);
    }
}

static void run_slice(void *job, const struct pool_token *token)
{
    struct slice *slice = job;
    if (!pool_is_cancelled(token)) {
        (void)pow_search_work(slice->search, slice->trials);
    }
}

/* Speed over the slice that just ended, smoothed; and how many trials the next one should have. */
static void measure(struct pow_jobs *jobs, uint64_t trials)
{
    int64_t us = clock_mono_us() - jobs->slice_start_us;
    if (us < 1000 || trials == 0) {
        return;
    }
    double speed = (double)trials * 1e6 / (double)us;
    jobs->trials_per_sec =
        jobs->trials_per_sec == 0.0 ? speed : 0.7 * jobs->trials_per_sec + 0.3 * speed;
    double share =
        jobs->trials_per_sec * POW_JOBS_SLICE_MS / 1000.0 / (double)pool_n_threads(jobs->pool);
    jobs->slice_trials = share < POW_SLICE_TRIALS ? POW_SLICE_TRIALS : (uint64_t)share;
}

static void slice_done(void *job, bool was_cancelled)
{
    (void)was_cancelled;
    struct slice *slice = job;
    struct pow_jobs *jobs = slice->jobs;
    jobs->n_workers_out--;
    if (jobs->closing) {
        if (jobs->n_workers_out == 0) {
            free(jobs);
        }
    } else if (jobs->n_workers_out == 0) {
        measure(jobs, pow_search_trials(slice->search) - jobs->slice_start_trials);
        deferred_arm(&jobs->choose);
    }
    pow_search_unref(&slice->search);
    free(slice);
}

static void start_slice(struct pow_jobs *jobs, struct job *job)
{
    jobs->running = job;
    jobs->slice_start_trials = pow_search_trials(job->search);
    jobs->slice_start_us = clock_mono_us();
    for (unsigned i = 0; i < pool_n_threads(jobs->pool); i++) {
        struct slice *slice = xcalloc(1, sizeof(*slice));
        slice->jobs = jobs;
        slice->search = pow_search_ref(job->search);
        slice->trials = jobs->slice_trials;
        if (pool_submit(jobs->pool, POOL_NORMAL, run_slice, slice_done, slice, NULL) == 0) {
            pow_search_unref(&slice->search);
            free(slice);
            break;
        }
        jobs->n_workers_out++;
    }
}

/* The job that is expected to be done first, counted shorter the longer it waited. */
static struct job *next_job(struct pow_jobs *jobs)
{
    struct job *best = NULL;
    double best_weight = 0.0;
    int64_t now_ms = clock_mono_ms();
    list_for_each(node, &jobs->jobs)
    {
        struct job *job = list_entry(node, struct job, node);
        double waited_sec = (double)(now_ms - job->added_ms) / 1000.0;
        double weight = job->mean_trials / (1.0 + waited_sec / POW_JOBS_PATIENCE_SEC);
        if (best == NULL || weight < best_weight) {
            best = job;
            best_weight = weight;
        }
    }
    return best;
}

static void choose(void *context)
{
    struct pow_jobs *jobs = context;
    struct job *running = jobs->running;
    uint64_t nonce = 0;
    if (jobs->n_workers_out > 0) {
        return;
    }
    if (running != NULL && pow_search_nonce(running->search, &nonce)) {
        int64_t id = running->id;
        job_free(jobs, running);
        deferred_arm(&jobs->choose);
        jobs->done.call(jobs->done.context, id, nonce);
        return;
    }
    jobs->running = NULL;
    struct job *job = next_job(jobs);
    if (job != NULL) {
        start_slice(jobs, job);
    }
}

void pow_jobs_add(struct pow_jobs *jobs, int64_t id, struct bytes object, uint64_t target)
{
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
    pow_initial_hash(initial_hash, bytes_slice(object, POW_NONCE_BYTES, object.len));

    struct job *job = xcalloc(1, sizeof(*job));
    job->id = id;
    job->search = pow_search_new(initial_hash, target, jobs->kernel);
    job->mean_trials = pow_estimate(target, 1.0).mean_trials;
    job->added_ms = clock_mono_ms();
    list_append(&jobs->jobs, &job->node);
    jobs->n_jobs++;
    deferred_arm(&jobs->choose);
}

static struct job *find(const struct pow_jobs *jobs, int64_t id)
{
    for (struct list_node *node = jobs->jobs.next; node != &jobs->jobs; node = node->next) {
        struct job *job = list_entry(node, struct job, node);
        if (job->id == id) {
            return job;
        }
    }
    return NULL;
}

void pow_jobs_cancel(struct pow_jobs *jobs, int64_t id)
{
    struct job *job = find(jobs, id);
    if (job != NULL) {
        job_free(jobs, job);
    }
}

size_t pow_jobs_count(const struct pow_jobs *jobs)
{
    return jobs->n_jobs;
}

const char *pow_jobs_kernel(const struct pow_jobs *jobs)
{
    return jobs->kernel->name;
}

double pow_jobs_trials_per_sec(const struct pow_jobs *jobs)
{
    return jobs->trials_per_sec;
}

bool pow_jobs_progress(const struct pow_jobs *jobs, int64_t id, struct pow_progress *out)
{
    const struct job *job = find(jobs, id);
    if (job == NULL) {
        return false;
    }
    out->done = (double)pow_search_trials(job->search) / job->mean_trials;
    out->left_sec = jobs->trials_per_sec > 0.0 ? job->mean_trials / jobs->trials_per_sec : -1.0;
    return true;
}
