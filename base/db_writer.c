// SPDX-License-Identifier: MIT
/* The writer thread and its queue.
 *
 * A job is in one of three places: the queue (under the lock), the batch that the thread works on
 * (the thread's), the list that is being told (the loop's). The batch goes back to the loop as one
 * message, so that the owners are told in order and nobody hears of a commit before it is one.
 *
 * While the thread commits one batch, the next gathers: the slower the disk, the larger the groups.
 */
#include "base/db_writer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/loop_internal.h"
#include "base/mem.h"

enum {
    WRITER_DEFAULT_JOBS_A_COMMIT = 256,
    WRITER_DEFAULT_MAX_QUEUED = 4096,
    WRITER_DEFAULT_IDLE_MS = 5000
};

struct writer_job {
    struct list_node node;
    bool (*run)(struct db *db, void *job, struct fault *fault); /* NULL: the log is cut */
    void (*done)(void *job, const struct fault *fault);
    void *job;
    struct fault fault; /* code FAULT_NONE: it went well */
};

/* What was committed, or failed, together: on its way to the loop. */
struct batch {
    struct loop_message message; /* first */
    struct db_writer *writer;
    struct list_node jobs;
};

struct db_writer {
    struct loop *loop;
    struct db *db; /* the thread's while it runs */
    size_t max_jobs_a_commit;
    size_t max_queued;
    int64_t idle_ms;
    size_t n_jobs; /* submitted, not done; the loop's */
    atomic_uint_fast64_t n_commits;
    pthread_t thread;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    struct list_node queue;
    size_t n_queued;
    bool ending;
};

/* ---- In the loop. ---- */

static void tell_batch(struct loop_message *message)
{
    struct batch *batch = (struct batch *)message;
    struct db_writer *writer = batch->writer;
    while (!list_is_empty(&batch->jobs)) {
        struct writer_job *job = list_entry(batch->jobs.next, struct writer_job, node);
        list_remove(&job->node);
        writer->n_jobs--;
        job->done(job->job, job->fault.code != FAULT_NONE ? &job->fault : NULL);
        free(job);
    }
    free(batch);
}

/* ---- On the thread. ---- */

static void fail(struct writer_job *job, const struct fault *fault)
{
    if (job->fault.code == FAULT_NONE) {
        job->fault = *fault;
    }
}

static void fail_all(struct batch *batch, const struct fault *fault)
{
    list_for_each(node, &batch->jobs)
    {
        fail(list_entry(node, struct writer_job, node), fault);
    }
}

static bool run_job(struct db *db, struct writer_job *job)
{
    struct fault fault = {0};
    if (job->run == NULL || job->run(db, job->job, &fault)) {
        return true;
    }
    if (fault.code == FAULT_NONE) {
        fault_set(&fault, FAULT_INTERNAL, "a write failed without a reason");
    }
    fail(job, &fault);
    return false;
}

/* Its own savepoint undoes a job that fails, alone. */
static void run_job_in_savepoint(struct db *db, struct writer_job *job)
{
    struct fault fault = {0};
    if (!db_savepoint(db, &fault)) {
        fail(job, &fault);
        return;
    }
    if (!run_job(db, job)) {
        db_savepoint_rollback(db);
    } else if (!db_savepoint_release(db, &fault)) {
        fail(job, &fault);
        db_savepoint_rollback(db);
    }
}

/* SQLite may give up the whole transaction on a full disk or an I/O error: then what ran before in
 * it is gone, too. True when it still stands. */
static bool run_jobs(struct db *db, struct batch *batch, struct fault *fault)
{
    list_for_each(node, &batch->jobs)
    {
        struct writer_job *job = list_entry(node, struct writer_job, node);
        run_job_in_savepoint(db, job);
        if (!db_in_transaction(db)) {
            *fault = job->fault;
            if (fault->code == FAULT_NONE) {
                fault_set(fault, FAULT_INTERNAL, "a write ended the transaction");
            }
            return false;
        }
    }
    return true;
}

static bool is_alone(const struct batch *batch)
{
    return batch->jobs.next->next == &batch->jobs;
}

/* A job that has the transaction for itself needs no savepoint, for which SQLite copies each page
 * before it is changed. */
static bool run_alone(struct db *db, struct batch *batch)
{
    return run_job(db, list_entry(batch->jobs.next, struct writer_job, node));
}

static void write_batch(struct db_writer *writer, struct batch *batch)
{
    struct fault fault = {0};
    if (!db_begin(writer->db, &fault)) {
        fail_all(batch, &fault);
    } else if (is_alone(batch) && !run_alone(writer->db, batch)) {
        db_rollback(writer->db);
    } else if ((!is_alone(batch) && !run_jobs(writer->db, batch, &fault)) ||
               !db_commit(writer->db, &fault)) {
        db_rollback(writer->db);
        fault_wrap(&fault, "nothing was written");
        fail_all(batch, &fault);
    } else {
        atomic_fetch_add(&writer->n_commits, 1);
    }
}

/* Those of a batch that ask for it ask behind its commit. */
static void cut_if_asked(struct db_writer *writer, struct batch *batch)
{
    bool is_tried = false;
    bool is_cut = false;
    list_for_each(node, &batch->jobs)
    {
        struct writer_job *job = list_entry(node, struct writer_job, node);
        if (job->run != NULL) {
            continue;
        }
        is_cut = is_tried ? is_cut : db_checkpoint(writer->db);
        is_tried = true;
        if (!is_cut) {
            struct fault fault = {0};
            (void)fault_set(&fault, FAULT_BUSY, "the log is being read");
            fail(job, &fault);
        }
    }
}

/* Wait for work: false when so much time passed without any. */
static bool wait_for_work(struct db_writer *writer)
{
    struct timespec until = clock_mono_deadline(writer->idle_ms);
    int result = 0;
    while (list_is_empty(&writer->queue) && !writer->ending && result == 0) {
        result = pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
    }
    return !list_is_empty(&writer->queue) || writer->ending;
}

/* NULL: the writer ends and nothing is queued. */
static struct batch *take_batch(struct db_writer *writer, bool *tidy)
{
    pthread_mutex_lock(&writer->lock);
    while (*tidy && !wait_for_work(writer)) {
        pthread_mutex_unlock(&writer->lock);
        *tidy = !db_checkpoint(writer->db);
        pthread_mutex_lock(&writer->lock);
    }
    while (list_is_empty(&writer->queue) && !writer->ending) {
        pthread_cond_wait(&writer->wake, &writer->lock);
    }
    struct batch *batch = NULL;
    if (!list_is_empty(&writer->queue)) {
        batch = xcalloc(1, sizeof *batch);
        batch->message.run = tell_batch;
        batch->writer = writer;
        list_init(&batch->jobs);
        for (size_t i = 0; i < writer->max_jobs_a_commit && writer->n_queued > 0; i++) {
            struct list_node *node = writer->queue.next;
            list_remove(node);
            list_append(&batch->jobs, node);
            writer->n_queued--;
        }
    }
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

static void *write_all(void *context)
{
    struct db_writer *writer = context;
    (void)pthread_setname_np(pthread_self(), "db-writer");
    bool tidy = false; /* the log holds something since it was last moved into the file */
    struct batch *batch;
    while ((batch = take_batch(writer, &tidy)) != NULL) {
        write_batch(writer, batch);
        cut_if_asked(writer, batch);
        tidy = true;
        loop_post(writer->loop, &batch->message);
    }
    return NULL;
}

/* ---- The front door. ---- */

static void start_thread(struct db_writer *writer)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&writer->thread, NULL, write_all, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        fputs("no thread for the database\n", stderr);
        abort(); /* as out of memory: at start, and nothing was accepted yet */
    }
}

struct db_writer *db_writer_new_take(struct loop *loop, struct db *db,
                                     const struct db_writer_config *config)
{
    static const struct db_writer_config defaults;
    if (config == NULL) {
        config = &defaults;
    }
    struct db_writer *writer = xcalloc(1, sizeof *writer);
    writer->loop = loop;
    writer->db = db;
    writer->max_jobs_a_commit =
        config->max_jobs_a_commit != 0 ? config->max_jobs_a_commit : WRITER_DEFAULT_JOBS_A_COMMIT;
    writer->max_queued = config->max_queued != 0 ? config->max_queued : WRITER_DEFAULT_MAX_QUEUED;
    writer->idle_ms =
        config->idle_checkpoint_ms != 0 ? config->idle_checkpoint_ms : WRITER_DEFAULT_IDLE_MS;
    list_init(&writer->queue);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* as clock_mono_deadline */
    pthread_cond_init(&writer->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    start_thread(writer);
    return writer;
}

void db_writer_free(struct db_writer **writer_at)
{
    struct db_writer *writer = *writer_at;
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->ending = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    loop_deliver_posted(writer->loop);
    assert(writer->n_jobs == 0);
    db_close(&writer->db);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
    *writer_at = NULL;
}

static bool submit(struct db_writer *writer,
                   bool (*run)(struct db *db, void *job, struct fault *fault),
                   void (*done)(void *job, const struct fault *fault), void *job,
                   struct fault *fault)
{
    struct writer_job *entry = xcalloc(1, sizeof *entry);
    list_init(&entry->node);
    entry->run = run;
    entry->done = done;
    entry->job = job;
    pthread_mutex_lock(&writer->lock);
    bool fits = writer->n_queued < writer->max_queued && !writer->ending;
    if (fits) {
        list_append(&writer->queue, &entry->node);
        writer->n_queued++;
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
    if (!fits) {
        free(entry);
        return fault_set(fault, FAULT_BUSY, "%zu writes wait already", writer->max_queued);
    }
    writer->n_jobs++;
    return true;
}

bool db_writer_submit(struct db_writer *writer,
                      bool (*run)(struct db *db, void *job, struct fault *fault),
                      void (*done)(void *job, const struct fault *fault), void *job,
                      struct fault *fault)
{
    return submit(writer, run, done, job, fault);
}

bool db_writer_cut_log(struct db_writer *writer, void (*done)(void *job, const struct fault *fault),
                       void *job, struct fault *fault)
{
    return submit(writer, NULL, done, job, fault);
}

size_t db_writer_n_jobs(const struct db_writer *writer)
{
    return writer->n_jobs;
}

uint64_t db_writer_n_commits(const struct db_writer *writer)
{
    return atomic_load(&writer->n_commits);
}
