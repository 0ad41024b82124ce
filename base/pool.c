// SPDX-License-Identifier: MIT
/* Worker threads around one queue per class, under one lock.
 *
 * A job is always in exactly one place: waiting (under the lock), running (the worker's), or ended
 * (posted to the loop). The loop's own table, by id, is touched by the loop alone; the flag that
 * tells a job to stop is atomic, and the job outlives its run, so cancelling needs no lock. */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/list.h"
#include "base/loop.h"
#include "base/loop_internal.h"
#include "base/map.h"
#include "base/mem.h"

enum { POOL_DEFAULT_MAX_QUEUED = 1024, POOL_MAX_THREADS = 256, POOL_NAME_BYTES = 16 };

struct pool_token {
    atomic_bool cancelled;
};

struct pool_job {
    struct loop_message message; /* first: the loop gives us back its address */
    struct list_node node;       /* in its class's queue; under the lock */
    struct pool *pool;
    struct pool_token token;
    uint64_t id;
    void (*run)(void *job, const struct pool_token *token);
    void (*done)(void *job, bool was_cancelled);
    void *job;
};

struct pool {
    struct loop *loop;
    struct map jobs; /* by id: waiting, running or on the way back; the loop's alone */
    uint64_t last_id;
    size_t max_queued;
    char name[POOL_NAME_BYTES];
    int nice;
    enum pool_schedule schedule;
    pthread_t *threads;
    unsigned n_threads;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    struct list_node queues[POOL_N_CLASSES];
    size_t n_queued;
    bool ending;
};

bool pool_is_cancelled(const struct pool_token *token)
{
    return atomic_load_explicit(&token->cancelled, memory_order_relaxed);
}

unsigned pool_n_cores(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
        return 1;
    }
    int n_cores = CPU_COUNT(&cores);
    return n_cores > 0 ? (unsigned)n_cores : 1;
}

/* ---- On the worker. ---- */

/* What the system refuses here (a sandbox, a container) only costs politeness. */
static void set_priority(const struct pool *pool)
{
    struct sched_param param = {0};
    if (pool->schedule != POOL_SCHEDULE_NORMAL) {
        int policy = pool->schedule == POOL_SCHEDULE_BATCH ? SCHED_BATCH : SCHED_IDLE;
        (void)pthread_setschedparam(pthread_self(), policy, &param);
    }
    if (pool->nice > 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), pool->nice);
    }
}

static struct pool_job *first_waiting(struct pool *pool)
{
    for (size_t i = 0; i < POOL_N_CLASSES; i++) {
        if (!list_is_empty(&pool->queues[i])) {
            return list_entry(pool->queues[i].next, struct pool_job, node);
        }
    }
    return NULL;
}

/* NULL: the pool ends. */
static struct pool_job *take_job(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_job *job;
    while ((job = first_waiting(pool)) == NULL && !pool->ending) {
        pthread_cond_wait(&pool->wake, &pool->lock);
    }
    if (job != NULL) {
        list_remove(&job->node);
        pool->n_queued--;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *work(void *context)
{
    struct pool *pool = context;
    (void)pthread_setname_np(pthread_self(), pool->name); /* from outside it would open a file */
    set_priority(pool);
    struct pool_job *job;
    while ((job = take_job(pool)) != NULL) {
        if (!pool_is_cancelled(&job->token)) {
            job->run(job->job, &job->token);
        }
        loop_post(pool->loop, &job->message);
    }
    return NULL;
}

/* ---- In the loop. ---- */

static void on_job_ended(struct loop_message *message)
{
    struct pool_job *job = (struct pool_job *)message;
    map_remove_u64(&job->pool->jobs, job->id);
    job->done(job->job, pool_is_cancelled(&job->token));
    free(job);
}

/* Signals are for the loop's thread: a worker starts with all of them blocked. */
static bool start_thread(struct pool *pool, pthread_t *thread)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, work, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

struct pool *pool_new(struct loop *loop, const struct pool_config *config, struct fault *fault)
{
    unsigned n_threads = config->n_threads != 0 ? config->n_threads : pool_n_cores();
    n_threads = n_threads < POOL_MAX_THREADS ? n_threads : POOL_MAX_THREADS;
    struct pool *pool = xcalloc(1, sizeof *pool);
    pool->loop = loop;
    pool->max_queued = config->max_queued != 0 ? config->max_queued : POOL_DEFAULT_MAX_QUEUED;
    pool->nice = config->nice;
    pool->schedule = config->schedule;
    memcpy(pool->name, config->name, strnlen(config->name, POOL_NAME_BYTES - 1));
    pool->threads = xcalloc(n_threads, sizeof *pool->threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (size_t i = 0; i < POOL_N_CLASSES; i++) {
        list_init(&pool->queues[i]);
    }
    while (pool->n_threads < n_threads && start_thread(pool, &pool->threads[pool->n_threads])) {
        pool->n_threads++;
    }
    if (pool->n_threads == 0) {
        fault_set(fault, FAULT_IO, "start a thread of the pool %s: none can be had", pool->name);
        pool_free(&pool);
    }
    return pool;
}

static void cancel_all(struct pool *pool)
{
    size_t cursor = 0;
    struct pool_job *job;
    while ((job = map_next(&pool->jobs, &cursor, NULL)) != NULL) {
        atomic_store(&job->token.cancelled, true);
    }
}

void pool_free(struct pool **pool_at)
{
    struct pool *pool = *pool_at;
    if (pool == NULL) {
        return;
    }
    cancel_all(pool);
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_threads; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    /* A worker leaves only when nothing waits: all jobs are posted by now. */
    loop_deliver_posted(pool->loop);
    assert(pool->jobs.n_items == 0);
    map_clear(&pool->jobs);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
    *pool_at = NULL;
}

unsigned pool_n_threads(const struct pool *pool)
{
    return pool->n_threads;
}

size_t pool_n_jobs(const struct pool *pool)
{
    return pool->jobs.n_items;
}

static bool enqueue(struct pool *pool, struct pool_job *job, enum pool_class job_class)
{
    pthread_mutex_lock(&pool->lock);
    bool fits = pool->n_queued < pool->max_queued && !pool->ending;
    if (fits) {
        list_append(&pool->queues[job_class], &job->node);
        pool->n_queued++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return fits;
}

uint64_t pool_submit(struct pool *pool, enum pool_class job_class,
                     void (*run)(void *job, const struct pool_token *token),
                     void (*done)(void *job, bool was_cancelled), void *job, struct fault *fault)
{
    struct pool_job *entry = xcalloc(1, sizeof *entry);
    uint64_t id = ++pool->last_id;
    entry->message.run = on_job_ended;
    entry->pool = pool;
    entry->id = id;
    entry->run = run;
    entry->done = done;
    entry->job = job;
    list_init(&entry->node);
    map_put_u64(&pool->jobs, id, entry);
    if (!enqueue(pool, entry, job_class)) {
        map_remove_u64(&pool->jobs, id);
        free(entry);
        fault_set(fault, FAULT_BUSY, "the pool %s has %zu jobs waiting", pool->name,
                  pool->max_queued);
        return 0;
    }
    return id;
}

void pool_cancel(struct pool *pool, uint64_t id)
{
    struct pool_job *job = map_get_u64(&pool->jobs, id);
    if (job != NULL) {
        atomic_store(&job->token.cancelled, true);
    }
}
