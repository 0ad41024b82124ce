// SPDX-License-Identifier: MIT
/* A SQLite database behind a small typed interface.
 *
 * One `struct db` is one connection and belongs to one thread at a time. Statements are prepared
 * once and kept by the connection; asking again for the same text gives the same statement, reset.
 * A statement that is being stepped can be asked for again (a second one is prepared).
 *
 * Faults: FAULT_CORRUPT (a broken file), FAULT_NO_SPACE (disk or page limit), FAULT_BUSY (another
 * connection writes), FAULT_EXISTS (a UNIQUE or PRIMARY KEY is violated), FAULT_INVALID (another
 * constraint), FAULT_CANCELLED (db_interrupt), FAULT_TIMEOUT (the deadline), FAULT_LIMIT (a value
 * too big), FAULT_DENIED (read-only), FAULT_IO. No bound value appears in a fault's text. */
#ifndef BITTERN_BASE_DB_H
#define BITTERN_BASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct db;
struct db_stmt;

enum db_sync {
    DB_SYNC_FULL,  /* a commit is on the disk when it returns: mail, keys, queue */
    DB_SYNC_NORMAL /* a commit survives a crash of ours, not always one of the machine */
};

/* {0} is a good start for mail.db: read and write, FULL. */
struct db_options {
    bool read_only;  /* the file must exist; sees committed data alone (WAL snapshot) */
    bool must_exist; /* FAULT_NOT_FOUND instead of making the file */
    enum db_sync sync;
    bool secure_delete;    /* overwrite what is deleted */
    unsigned cache_kib;    /* 0: 8000 */
    uint64_t max_bytes;    /* of the file; 0: no bound. Above it: FAULT_NO_SPACE */
    unsigned busy_wait_ms; /* how long a write waits for another connection; 0: not at all */
};

/* Made 0600 if not there. */
struct db *db_open(const char *path, const struct db_options *options,
                   struct fault *fault) MUST_USE;
void db_close(struct db **db);

/* Move a file that nobody has open, with its log, out of the way: PATH.WHY-TIME. Returns the new
 * path, the caller's. What can't be moved is removed: for files that can be made anew. */
char *db_set_aside(const char *path, const char *why) MUST_USE;

/* One or more statements without parameters. */
bool db_exec(struct db *db, const char *sql, struct fault *fault) MUST_USE;

/* ---- Statements. ---- */

/* The statement for the one SQL command `sql`, ready to bind. NULL: the text is wrong or the
 * database broken. Kept by the connection. */
struct db_stmt *db_prepare(struct db *db, const char *sql, struct fault *fault) MUST_USE;
/* Parameters count from 1. Bytes and text are copied. A failure shows at the next db_step. */
void db_bind_i64(struct db_stmt *stmt, int index, int64_t value);
void db_bind_bytes(struct db_stmt *stmt, int index, struct bytes value);
/* NULL binds NULL. */
void db_bind_text(struct db_stmt *stmt, int index, const char *value);
void db_bind_text_bytes(struct db_stmt *stmt, int index, struct bytes value);
void db_bind_null(struct db_stmt *stmt, int index);

enum db_step {
    DB_ROW,   /* columns can be read until the next db_step or db_reset */
    DB_DONE,  /* no more rows; the statement is reset */
    DB_FAILED /* the fault says why; the statement is reset */
};
enum db_step db_step(struct db_stmt *stmt, struct fault *fault) MUST_USE;
/* Step to the end, whatever rows there are. True unless it failed. */
bool db_run(struct db_stmt *stmt, struct fault *fault) MUST_USE;
/* Done with it before the last row. Harmless at any time; a statement left on a row holds its
 * snapshot and keeps the log from being reset. */
void db_reset(struct db_stmt *stmt);

/* Columns count from 0. Borrowed until the next db_step or db_reset. NULL reads as 0, empty, "". */
int64_t db_column_i64(struct db_stmt *stmt, int index) MUST_USE;
struct bytes db_column_bytes(struct db_stmt *stmt, int index) MUST_USE;
const char *db_column_text(struct db_stmt *stmt, int index) MUST_USE;
bool db_column_is_null(struct db_stmt *stmt, int index) MUST_USE;

int64_t db_last_insert_id(struct db *db) MUST_USE;
/* Rows that the last INSERT, UPDATE or DELETE changed. */
int64_t db_changes(struct db *db) MUST_USE;

/* ---- Transactions. ---- */

/* BEGIN IMMEDIATE: the right to write is had or refused here, not in the middle. */
bool db_begin(struct db *db, struct fault *fault) MUST_USE;
/* A snapshot for several reads. End it with db_commit or db_rollback. */
bool db_begin_read(struct db *db, struct fault *fault) MUST_USE;
/* On failure everything is rolled back. */
bool db_commit(struct db *db, struct fault *fault) MUST_USE;
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db) MUST_USE;
/* A nested part that can be undone alone; strictly nested. */
bool db_savepoint(struct db *db, struct fault *fault) MUST_USE;
bool db_savepoint_release(struct db *db, struct fault *fault) MUST_USE;
void db_savepoint_rollback(struct db *db);

/* ---- Schema. ---- */

/* One step from user_version i to i + 1: `sql` (may be NULL), then `run` (may be NULL). */
struct db_migration {
    const char *sql;
    bool (*run)(struct db *db, struct fault *fault);
};
/* Bring the schema to version `n_steps`, a transaction a step. FAULT_UNSUPPORTED when the file is
 * of a newer program, or of another one: it has tables and no version. */
bool db_migrate(struct db *db, const struct db_migration *steps, size_t n_steps,
                struct fault *fault) MUST_USE;
/* user_version; -1 when it can't be read. */
int64_t db_version(struct db *db, struct fault *fault) MUST_USE;

/* ---- Care. ---- */

/* PRAGMA quick_check: FAULT_CORRUPT with its first words when something is wrong. Takes its time.
 */
bool db_quick_check(struct db *db, struct fault *fault) MUST_USE;
/* Move the log into the file and cut it to nothing. False when a reader is in the way (after
 * busy_wait_ms), or it failed: all stays as it was. For idle moments. */
bool db_checkpoint(struct db *db);
/* Statements fail with FAULT_TIMEOUT from `mono_ms` (clock_mono_ms) on; 0: no deadline. */
void db_set_deadline(struct db *db, int64_t mono_ms);
/* From any thread: the statement that runs fails with FAULT_CANCELLED. */
void db_interrupt(struct db *db);

/* A consistent copy while others write, in steps. The target file must not exist; 0600. */
struct db_backup;
struct db_backup *db_backup_start(struct db *db, const char *path, struct fault *fault) MUST_USE;
/* Copy up to `n_pages` (-1: all). DB_ROW: there is more. */
enum db_step db_backup_step(struct db_backup *backup, int n_pages, struct fault *fault) MUST_USE;
/* Ends it; an unfinished target is removed. */
void db_backup_free(struct db_backup **backup);

#endif
