// SPDX-License-Identifier: MIT
/* SQLite behind our own words.
 *
 * Statements live in a map by their text. One that is in use when it is asked for again gets a
 * twin, chained behind it: recursion over folders, say, needs as many as it is deep. */
#include "base/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

enum {
    DB_DEFAULT_CACHE_KIB = 8000,
    DB_PAGE_BYTES = 4096,
    DB_LOG_LIMIT_BYTES = 64 * 1024 * 1024,
    DB_MAX_VALUE_BYTES = 512 * 1024 * 1024,
    DB_STEPS_BETWEEN_CHECKS = 1000 /* of SQLite's virtual machine: some tens of microseconds */
};

struct db {
    sqlite3 *handle;
    struct map stmts; /* by text; values are chains */
    int64_t deadline_ms;
    bool deadline_passed;
};

struct db_stmt {
    struct db *db;
    struct db_stmt *twin; /* the same text, for use while this one is in use */
    sqlite3_stmt *handle;
    int bind_error; /* the first one, until the next step */
    bool in_use;
};

/* ---- Faults. ---- */

static enum fault_code code_of_constraint(int extended)
{
    return extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
                   extended == SQLITE_CONSTRAINT_ROWID
               ? FAULT_EXISTS
               : FAULT_INVALID;
}

static enum fault_code code_of(const struct db *db, int extended, int system_errno)
{
    switch (extended & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return FAULT_CORRUPT;
    case SQLITE_FULL:
        return FAULT_NO_SPACE;
    case SQLITE_IOERR:
        return system_errno == ENOSPC || system_errno == EDQUOT ? FAULT_NO_SPACE : FAULT_IO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FAULT_BUSY;
    case SQLITE_CONSTRAINT:
        return code_of_constraint(extended);
    case SQLITE_INTERRUPT:
        return db->deadline_passed ? FAULT_TIMEOUT : FAULT_CANCELLED;
    case SQLITE_READONLY:
    case SQLITE_AUTH:
    case SQLITE_PERM:
        return FAULT_DENIED;
    case SQLITE_TOOBIG:
        return FAULT_LIMIT;
    case SQLITE_CANTOPEN:
        return system_errno == ENOENT ? FAULT_NOT_FOUND : FAULT_IO;
    default:
        return FAULT_INTERNAL;
    }
}

/* SQLite's own words name tables and columns, never values: they may be shown. */
static bool set_fault(const struct db *db, const char *what, struct fault *fault)
{
    int extended = sqlite3_extended_errcode(db->handle);
    enum fault_code code = code_of(db, extended, sqlite3_system_errno(db->handle));
    return fault_set(fault, code, "%s: %s", what, sqlite3_errmsg(db->handle));
}

/* The command's first word, as the fault's "what". */
static const char *verb_of(const char *sql)
{
    static const char *const verbs[] = {"SELECT", "INSERT",   "UPDATE",    "DELETE", "BEGIN",
                                        "COMMIT", "ROLLBACK", "SAVEPOINT", "CREATE", "PRAGMA"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strncasecmp(sql, verbs[i], strlen(verbs[i])) == 0) {
            return verbs[i];
        }
    }
    return "database";
}

/* ---- Opening. ---- */

static int on_progress(void *context)
{
    struct db *db = context;
    db->deadline_passed = db->deadline_ms != 0 && clock_mono_ms() >= db->deadline_ms;
    return db->deadline_passed;
}

/* SQLite would make the file with the umask's mode; its -wal and -shm copy the file's. */
static bool make_private_file(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fault_set_errno(fault, errno, "open %s", path);
    }
    close(fd);
    return true;
}

static bool set_pragmas(struct db *db, const struct db_options *options, struct fault *fault)
{
    unsigned cache_kib = options->cache_kib != 0 ? options->cache_kib : DB_DEFAULT_CACHE_KIB;
    struct buf sql = {0};
    buf_printf(&sql,
               "PRAGMA cache_size=-%u; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON;"
               "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;",
               cache_kib);
    if (!options->read_only) {
        buf_printf(&sql,
                   "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s;"
                   "PRAGMA secure_delete=%s; PRAGMA journal_size_limit=%d;",
                   DB_PAGE_BYTES, options->sync == DB_SYNC_FULL ? "FULL" : "NORMAL",
                   options->secure_delete ? "ON" : "OFF", DB_LOG_LIMIT_BYTES);
    }
    if (options->max_bytes != 0) {
        buf_printf(&sql, "PRAGMA max_page_count=%llu;",
                   (unsigned long long)(options->max_bytes / DB_PAGE_BYTES));
    }
    bool ok = db_exec(db, buf_str(&sql), fault);
    buf_clear(&sql);
    return ok;
}

static bool open_handle(struct db *db, const char *path, const struct db_options *options,
                        struct fault *fault)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    flags |= options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK) {
        return db->handle != NULL ? set_fault(db, "open", fault)
                                  : fault_set(fault, FAULT_INTERNAL, "open: no memory");
    }
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, DB_MAX_VALUE_BYTES);
    sqlite3_busy_timeout(db->handle, (int)options->busy_wait_ms);
    sqlite3_progress_handler(db->handle, DB_STEPS_BETWEEN_CHECKS, on_progress, db);
    return set_pragmas(db, options, fault);
}

struct db *db_open(const char *path, const struct db_options *options, struct fault *fault)
{
    struct db *db = xcalloc(1, sizeof *db);
    bool ok;
    if (options->read_only || options->must_exist) {
        ok = access(path, F_OK) == 0 || fault_set_errno(fault, errno, "look for it");
    } else {
        ok = make_private_file(path, fault);
    }
    if (!ok || !open_handle(db, path, options, fault)) {
        fault_wrap(fault, "database %s", path);
        db_close(&db);
    }
    return db;
}

static void free_stmts(struct db *db)
{
    size_t cursor = 0;
    struct db_stmt *stmt;
    while ((stmt = map_next(&db->stmts, &cursor, NULL)) != NULL) {
        while (stmt != NULL) {
            struct db_stmt *twin = stmt->twin;
            sqlite3_finalize(stmt->handle);
            free(stmt);
            stmt = twin;
        }
    }
    map_clear(&db->stmts);
}

static void move_part(const char *path, const char *suffix, const char *new_path)
{
    char *from = xasprintf("%s%s", path, suffix);
    char *to = xasprintf("%s%s", new_path, suffix);
    if (rename(from, to) != 0) {
        unlink(from);
    }
    free(from);
    free(to);
}

char *db_set_aside(const char *path, const char *why)
{
    char *new_path = xasprintf("%s.%s-%lld", path, why, (long long)clock_now_sec());
    move_part(path, "", new_path);
    move_part(path, "-wal", new_path);
    move_part(path, "-shm", new_path);
    return new_path;
}

void db_close(struct db **db)
{
    if (*db == NULL) {
        return;
    }
    free_stmts(*db);
    int result = sqlite3_close((*db)->handle);
    assert(result == SQLITE_OK); /* a backup was left open */
    (void)result;
    free(*db);
    *db = NULL;
}

bool db_exec(struct db *db, const char *sql, struct fault *fault)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ||
           set_fault(db, verb_of(sql), fault);
}

/* ---- Statements. ---- */

static struct db_stmt *prepare_new(struct db *db, const char *sql, struct fault *fault)
{
    sqlite3_stmt *handle = NULL;
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL) !=
        SQLITE_OK) {
        set_fault(db, verb_of(sql), fault);
        return NULL;
    }
    struct db_stmt *stmt = xcalloc(1, sizeof *stmt);
    stmt->db = db;
    stmt->handle = handle;
    return stmt;
}

struct db_stmt *db_prepare(struct db *db, const char *sql, struct fault *fault)
{
    struct bytes key = bytes_of_str(sql);
    struct db_stmt *first = map_get(&db->stmts, key);
    struct db_stmt *stmt = first;
    while (stmt != NULL && stmt->in_use) {
        stmt = stmt->twin;
    }
    if (stmt == NULL) {
        stmt = prepare_new(db, sql, fault);
        if (stmt == NULL) {
            return NULL;
        }
        stmt->twin = first;
        map_put(&db->stmts, key, stmt);
    }
    stmt->in_use = true;
    return stmt;
}

static void keep_error(struct db_stmt *stmt, int result)
{
    if (stmt->bind_error == SQLITE_OK) {
        stmt->bind_error = result;
    }
}

void db_bind_i64(struct db_stmt *stmt, int index, int64_t value)
{
    keep_error(stmt, sqlite3_bind_int64(stmt->handle, index, value));
}

void db_bind_bytes(struct db_stmt *stmt, int index, struct bytes value)
{
    const void *data = value.len != 0 ? (const void *)value.data : "";
    keep_error(stmt, sqlite3_bind_blob64(stmt->handle, index, data, value.len, SQLITE_TRANSIENT));
}

void db_bind_text_bytes(struct db_stmt *stmt, int index, struct bytes value)
{
    const char *text = value.len != 0 ? (const char *)value.data : "";
    keep_error(stmt, sqlite3_bind_text64(stmt->handle, index, text, value.len, SQLITE_TRANSIENT,
                                         SQLITE_UTF8));
}

void db_bind_text(struct db_stmt *stmt, int index, const char *value)
{
    if (value == NULL) {
        db_bind_null(stmt, index);
    } else {
        db_bind_text_bytes(stmt, index, bytes_of_str(value));
    }
}

void db_bind_null(struct db_stmt *stmt, int index)
{
    keep_error(stmt, sqlite3_bind_null(stmt->handle, index));
}

enum db_step db_step(struct db_stmt *stmt, struct fault *fault)
{
    if (stmt->bind_error != SQLITE_OK) {
        fault_set(fault, code_of(stmt->db, stmt->bind_error, 0), "bind: %s",
                  sqlite3_errstr(stmt->bind_error));
        db_reset(stmt);
        return DB_FAILED;
    }
    assert(stmt->in_use);
    int result = sqlite3_step(stmt->handle);
    if (result == SQLITE_ROW) {
        return DB_ROW;
    }
    if (result != SQLITE_DONE) {
        set_fault(stmt->db, verb_of(sqlite3_sql(stmt->handle)), fault);
    }
    db_reset(stmt);
    return result == SQLITE_DONE ? DB_DONE : DB_FAILED;
}

bool db_run(struct db_stmt *stmt, struct fault *fault)
{
    enum db_step step;
    do {
        step = db_step(stmt, fault);
    } while (step == DB_ROW);
    return step == DB_DONE;
}

void db_reset(struct db_stmt *stmt)
{
    sqlite3_reset(stmt->handle);
    sqlite3_clear_bindings(stmt->handle); /* drops the copies of what was bound, too */
    stmt->bind_error = SQLITE_OK;
    stmt->in_use = false;
}

int64_t db_column_i64(struct db_stmt *stmt, int index)
{
    return sqlite3_column_int64(stmt->handle, index);
}

struct bytes db_column_bytes(struct db_stmt *stmt, int index)
{
    const void *data = sqlite3_column_blob(stmt->handle, index);
    int len = sqlite3_column_bytes(stmt->handle, index);
    return (struct bytes){data, data != NULL ? (size_t)len : 0};
}

const char *db_column_text(struct db_stmt *stmt, int index)
{
    const unsigned char *text = sqlite3_column_text(stmt->handle, index);
    return text != NULL ? (const char *)text : "";
}

bool db_column_is_null(struct db_stmt *stmt, int index)
{
    return sqlite3_column_type(stmt->handle, index) == SQLITE_NULL;
}

int64_t db_last_insert_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->handle);
}

/* ---- Transactions. ---- */

static bool run_kept(struct db *db, const char *sql, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    return stmt != NULL && db_run(stmt, fault);
}

bool db_begin(struct db *db, struct fault *fault)
{
    return run_kept(db, "BEGIN IMMEDIATE", fault);
}

bool db_begin_read(struct db *db, struct fault *fault)
{
    return run_kept(db, "BEGIN DEFERRED", fault);
}

bool db_commit(struct db *db, struct fault *fault)
{
    if (run_kept(db, "COMMIT", fault)) {
        return true;
    }
    db_rollback(db);
    return false;
}

void db_rollback(struct db *db)
{
    if (db_in_transaction(db)) {
        (void)run_kept(db, "ROLLBACK", NULL);
    }
}

bool db_in_transaction(const struct db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

bool db_savepoint(struct db *db, struct fault *fault)
{
    return run_kept(db, "SAVEPOINT part", fault);
}

bool db_savepoint_release(struct db *db, struct fault *fault)
{
    return run_kept(db, "RELEASE part", fault);
}

void db_savepoint_rollback(struct db *db)
{
    if (db_in_transaction(db) && run_kept(db, "ROLLBACK TO part", NULL)) {
        (void)run_kept(db, "RELEASE part", NULL);
    }
}

/* ---- Schema. ---- */

int64_t db_version(struct db *db, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "PRAGMA user_version", fault);
    if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
        return -1;
    }
    int64_t version = db_column_i64(stmt, 0);
    db_reset(stmt);
    return version;
}

static bool set_version(struct db *db, size_t version, struct fault *fault)
{
    char *sql = xasprintf("PRAGMA user_version=%zu", version);
    bool ok = db_exec(db, sql, fault);
    free(sql);
    return ok;
}

static bool migrate_step(struct db *db, const struct db_migration *step, size_t version,
                         struct fault *fault)
{
    bool ok = db_begin(db, fault) && (step->sql == NULL || db_exec(db, step->sql, fault)) &&
              (step->run == NULL || step->run(db, fault)) && set_version(db, version, fault) &&
              db_commit(db, fault);
    if (!ok) {
        db_rollback(db);
        fault_wrap(fault, "bring the database to version %zu", version);
    }
    return ok;
}

static bool has_tables(struct db *db)
{
    struct db_stmt *stmt = db_prepare(db, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL);
    bool has_one = stmt != NULL && db_step(stmt, NULL) == DB_ROW;
    if (stmt != NULL) {
        db_reset(stmt);
    }
    return has_one;
}

bool db_migrate(struct db *db, const struct db_migration *steps, size_t n_steps,
                struct fault *fault)
{
    int64_t version = db_version(db, fault);
    if (version < 0) {
        return false;
    }
    if ((uint64_t)version > n_steps) {
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "the database has version %lld, this program knows up to %zu",
                         (long long)version, n_steps);
    }
    if (version == 0 && has_tables(db)) {
        return fault_set(fault, FAULT_UNSUPPORTED, "the database is another program's");
    }
    for (size_t i = (size_t)version; i < n_steps; i++) {
        if (!migrate_step(db, &steps[i], i + 1, fault)) {
            return false;
        }
    }
    return true;
}

/* ---- Care. ---- */

bool db_quick_check(struct db *db, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "PRAGMA quick_check(1)", fault);
    if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    const char *words = db_column_text(stmt, 0);
    bool ok = strcmp(words, "ok") == 0;
    if (!ok) { /* its first line names the database, the second what is wrong */
        const char *second = strchr(words, '\n');
        words = second != NULL ? second + 1 : words;
        fault_set(fault, FAULT_CORRUPT, "check the database: %.*s", (int)strcspn(words, "\n"),
                  words);
    }
    db_reset(stmt);
    return ok;
}

bool db_checkpoint(struct db *db)
{
    return sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
           SQLITE_OK;
}

void db_set_deadline(struct db *db, int64_t mono_ms)
{
    db->deadline_ms = mono_ms;
    db->deadline_passed = false;
}

void db_interrupt(struct db *db)
{
    sqlite3_interrupt(db->handle);
}

/* ---- Backup. ---- */

struct db_backup {
    struct db target;
    sqlite3_backup *handle;
    char *path;
    bool complete;
};

static bool create_target(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fault_set_errno(fault, errno, "back up to %s", path);
    }
    close(fd);
    return true;
}

struct db_backup *db_backup_start(struct db *db, const char *path, struct fault *fault)
{
    if (!create_target(path, fault)) {
        return NULL;
    }
    struct db_backup *backup = xcalloc(1, sizeof *backup);
    backup->path = xstrdup(path);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    if (sqlite3_open_v2(path, &backup->target.handle, flags, NULL) == SQLITE_OK) {
        backup->handle = sqlite3_backup_init(backup->target.handle, "main", db->handle, "main");
    }
    if (backup->handle == NULL) {
        set_fault(&backup->target, "back up", fault);
        db_backup_free(&backup);
    }
    return backup;
}

enum db_step db_backup_step(struct db_backup *backup, int n_pages, struct fault *fault)
{
    int result = sqlite3_backup_step(backup->handle, n_pages);
    if (result == SQLITE_DONE) {
        backup->complete = true;
        return DB_DONE;
    }
    if (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED) {
        return DB_ROW;
    }
    fault_set(fault, code_of(&backup->target, result, 0), "back up: %s", sqlite3_errstr(result));
    return DB_FAILED;
}

void db_backup_free(struct db_backup **backup_at)
{
    struct db_backup *backup = *backup_at;
    if (backup == NULL) {
        return;
    }
    sqlite3_backup_finish(backup->handle);
    sqlite3_close(backup->target.handle);
    if (!backup->complete) {
        unlink(backup->path);
    }
    free(backup->path);
    free(backup);
    *backup_at = NULL;
}
