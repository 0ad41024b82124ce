// SPDX-License-Identifier: MIT
/* The one writer thread of a database.
 *
 * Rooms hand it whole operations by value. It takes the jobs that wait, up to a bound, runs each in
 * a savepoint of its own within one transaction (one alone needs none), commits once (group commit:
 * one fsync for all), and then tells each job's owner in the loop, in the order of submission. What
 * done(job, NULL) tells is on the disk (with DB_SYNC_FULL).
 *
 * A job whose run fails is undone alone and gets its fault; the others go on. When the commit
 * fails, or the database gives the transaction up in the middle (as on a full disk), every job of
 * it gets that fault.
 *
 * run may touch nothing but its job and the db. It should be short: the others wait. */
#ifndef BITTERN_BASE_DB_WRITER_H
#define BITTERN_BASE_DB_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct loop;
struct db;
struct db_writer;

struct db_writer_config {
    size_t max_jobs_a_commit;   /* 0: 256 */
    size_t max_queued;          /* 0: 4096 */
    int64_t idle_checkpoint_ms; /* tidy the log after so long without a job; 0: 5000 */
};

/* Takes the connection, migrated and ready; NULL config: all defaults. */
struct db_writer *db_writer_new_take(struct loop *loop, struct db *db,
                                     const struct db_writer_config *config) MUST_USE;
/* Runs and commits what is queued, calls done for each, closes the connection. */
void db_writer_free(struct db_writer **writer);

/* Queue a job; from the loop. False (FAULT_BUSY) when max_queued wait: nothing will be called then
 * and the job is still the caller's. `done` frees the job; its fault is NULL after the commit. */
bool db_writer_submit(struct db_writer *writer,
                      bool (*run)(struct db *db, void *job, struct fault *fault),
                      void (*done)(void *job, const struct fault *fault), void *job,
                      struct fault *fault) MUST_USE;
/* Behind all that is queued: have the log moved into the file and cut to nothing, so that nothing
 * of what was overwritten is left in it. `done` hears FAULT_BUSY when a reader was in the way; the
 * idle moments do it then. False as above. */
bool db_writer_cut_log(struct db_writer *writer, void (*done)(void *job, const struct fault *fault),
                       void *job, struct fault *fault) MUST_USE;
/* Jobs submitted and not done yet. */
size_t db_writer_n_jobs(const struct db_writer *writer) MUST_USE;
/* Commits so far: jobs per commit show what grouping gains. */
uint64_t db_writer_n_commits(const struct db_writer *writer) MUST_USE;

#endif
