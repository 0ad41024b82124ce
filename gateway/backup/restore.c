// SPDX-License-Identifier: MIT
#include "gateway/backup/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/backup/db_files.h"
#include "gateway/backup/seal.h"
#include "gateway/store/accounts.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store_check.h"

#define OPENED_NAME "restore.tmp" /* unsealed, not yet checked */
#define SCRATCH_NAME "scratch.tmp"
#define READY_NAME "restored.db"

/* ---- preparing ---- */

static bool unseal_to(int to, struct seal_reader *reader, const struct pool_token *token,
                      struct fault *fault)
{
    struct bytes chunk;
    do {
        if (pool_is_cancelled(token)) {
            return fault_set(fault, FAULT_CANCELLED, "the restore was stopped");
        }
        if (!seal_reader_next(reader, &chunk, fault) || !file_write_all(to, chunk, fault)) {
            return false;
        }
    } while (chunk.len > 0);
    return fsync(to) == 0 || fault_set_errno(fault, errno, "unseal the backup");
}

static bool unseal(const char *folder, const char *opened, const struct seal_key *key,
                   const struct pool_token *token, struct fault *fault)
{
    char *sealed = db_files_path(folder, RESTORE_SEALED_NAME);
    int from = open(sealed, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = from >= 0 || fault_set_errno(fault, errno, "open %s", sealed);
    free(sealed);
    struct seal_reader *reader = ok ? seal_reader_new(from, key, fault) : NULL;
    int to = reader != NULL ? open(opened, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    ok = reader != NULL && (to >= 0 || fault_set_errno(fault, errno, "write %s", opened)) &&
         unseal_to(to, reader, token, fault);
    seal_reader_free(&reader);
    process_close_fd(&from);
    process_close_fd(&to);
    return ok;
}

static bool count_rows(struct db *db, const char *sql, int64_t *out, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    bool ok = stmt != NULL && db_step(stmt, fault) == DB_ROW;
    *out = ok ? db_column_i64(stmt, 0) : 0;
    if (stmt != NULL) {
        db_reset(stmt);
    }
    return ok;
}

static bool check(const char *folder, const char *opened, struct restore_summary *out,
                  struct fault *fault)
{
    char *scratch = db_files_path(folder, SCRATCH_NAME);
    db_files_delete(scratch);
    bool ok = mail_db_check_foreign(opened, scratch, fault);
    db_files_delete(scratch);
    free(scratch);
    struct db *db = ok ? mail_db_open(opened, fault) : NULL; /* brings it up to date, too */
    ok = db != NULL && store_check(db, fault) &&
         count_rows(db, "SELECT count(*) FROM account", &out->n_accounts, fault) &&
         count_rows(db, "SELECT count(*) FROM identity", &out->n_identities, fault) &&
         count_rows(db, "SELECT count(*) FROM message", &out->n_messages, fault);
    db_close(&db);
    return ok || fault_wrap(fault, "the backup");
}

bool restore_prepare(const char *folder, const struct seal_key *key, const struct pool_token *token,
                     struct restore_summary *out, struct fault *fault)
{
    char *opened = db_files_path(folder, OPENED_NAME);
    *out = (struct restore_summary){0};
    db_files_delete(opened);
    bool ok = unseal(folder, opened, key, token, fault) && check(folder, opened, out, fault) &&
              db_files_rename(folder, OPENED_NAME, READY_NAME, fault) &&
              file_sync_folder(folder, fault);
    db_files_delete(opened);
    free(opened);
    return ok;
}

/* ---- finishing: what of the old database is taken over ---- */

/* The columns of `identity`, but for those that mean another row in this database. */
static bool identity_columns(struct db *db, struct buf *out, const char *prefix,
                             struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT name FROM pragma_table_info('identity')"
                                      " WHERE name NOT IN ('id', 'account_id', 'mailbox_id',"
                                      " 'lock_id')",
                                      fault);
    enum db_step step = stmt != NULL ? DB_ROW : DB_FAILED;
    while (step == DB_ROW && (step = db_step(stmt, fault)) == DB_ROW) {
        buf_printf(out, ", %s%s", prefix, db_column_text(stmt, 0));
    }
    return step == DB_DONE;
}

#define MISSING_HERE                                                                               \
    " FROM old.identity o JOIN old.account a ON a.id = o.account_id"                               \
    " WHERE NOT EXISTS (SELECT 1 FROM main.identity i JOIN main.account m ON m.id = i.account_id"  \
    " WHERE i.address = o.address AND m.name = a.name)"

/* The accounts of keys that the backup has not, where it has not them either. */
static bool add_accounts(struct mail_txn *txn, struct fault *fault)
{
    struct arena arena = {0};
    struct db *db = mail_txn_db(txn);
    char **names = NULL;
    size_t n_names = 0;
    size_t capacity = 0;
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT DISTINCT a.name" MISSING_HERE
                   " AND NOT EXISTS (SELECT 1 FROM main.account m WHERE m.name = a.name)",
                   fault);
    enum db_step step = stmt != NULL ? DB_ROW : DB_FAILED;
    while (step == DB_ROW && (step = db_step(stmt, fault)) == DB_ROW) {
        names = array_grow(names, n_names, &capacity, sizeof *names);
        names[n_names++] = arena_strdup(&arena, db_column_text(stmt, 0));
    }
    bool ok = step == DB_DONE;
    for (size_t i = 0; ok && i < n_names; i++) {
        int64_t id;
        ok = accounts_create(txn, &id, names[i], fault);
    }
    free(names);
    arena_clear(&arena);
    return ok && db_exec(db,
                         "UPDATE main.account SET"
                         " (scram_salt, scram_iterations, scram_stored_key, scram_server_key) ="
                         " (SELECT scram_salt, scram_iterations, scram_stored_key,"
                         " scram_server_key FROM old.account o WHERE o.name = main.account.name)"
                         " WHERE scram_salt IS NULL"
                         " AND name IN (SELECT name FROM old.account)",
                         fault);
}

/* What the keys that are taken over are sealed to, where the backup has not the same: its
 * passphrase opens it, beside the backup's own. */
static bool add_locks(struct db *db, struct fault *fault)
{
    return db_exec(
        db,
        "INSERT INTO main.key_lock (public_key, salt, passes, memory_kib, wrapped,"
        " seals_all, n_wrong) SELECT public_key, salt, passes, memory_kib, wrapped,"
        " seals_all, n_wrong FROM old.key_lock WHERE id IN (SELECT o.lock_id" MISSING_HERE
        ") AND public_key NOT IN (SELECT public_key FROM main.key_lock) ORDER BY id",
        fault);
}

/* Messages that waited for locked keys came after the backup, and may have left the network. */
static bool add_kept(struct db *db, struct fault *fault)
{
    return db_exec(db,
                   "INSERT OR IGNORE INTO main.kept_object (hash, arrived_sec, object)"
                   " SELECT hash, arrived_sec, object FROM old.kept_object ORDER BY id",
                   fault);
}

/* A chan's folder is made anew when its first mail comes. */
static bool add_identities(struct db *db, struct fault *fault)
{
    struct buf columns = {0};
    struct buf values = {0};
    struct buf sql = {0};
    bool ok =
        identity_columns(db, &columns, "", fault) && identity_columns(db, &values, "o.", fault);
    buf_printf(
        &sql,
        "INSERT OR IGNORE INTO main.identity (account_id, lock_id%s)"
        " SELECT (SELECT id FROM main.account m WHERE m.name = a.name),"
        " coalesce((SELECT id FROM main.key_lock WHERE public_key ="
        " (SELECT public_key FROM old.key_lock k WHERE k.id = o.lock_id)), 0)%s" MISSING_HERE,
        buf_str(&columns), buf_str(&values));
    ok = ok && db_exec(db, buf_str(&sql), fault) &&
         db_exec(db,
                 "INSERT OR IGNORE INTO main.login_alias (name, account_id)"
                 " SELECT l.name, (SELECT id FROM main.account m WHERE m.name = a.name)"
                 " FROM old.login_alias l JOIN old.account a ON a.id = l.account_id"
                 " WHERE l.name IN (SELECT address FROM main.identity)",
                 fault);
    buf_clear(&columns);
    buf_clear(&values);
    buf_clear(&sql);
    return ok;
}

/* ---- finishing: what must not be as it was ---- */

/* No number that the old database gave out comes again. */
static bool raise_counters(struct db *db, struct fault *fault)
{
    return db_exec(db,
                   "UPDATE main.counter SET value = max(value, coalesce("
                   "(SELECT value FROM old.counter o WHERE o.name = counter.name), 0))",
                   fault);
}

/* The node's store is gone through again: what came after the backup and is still in the network
 * comes again, and what the backup has is known by its marks. */
static bool run_finishing(struct mail_txn *txn, void *job, struct fault *fault)
{
    const bool *has_old = job; /* attached as "old" */
    struct db *db = mail_txn_db(txn);
    return (!*has_old ||
            (raise_counters(db, fault) && add_accounts(txn, fault) && add_locks(db, fault) &&
             add_identities(db, fault) && add_kept(db, fault))) &&
           folders_renew_all(txn, fault) &&
           outgoing_hold_all(txn, "restored from a backup: it may have left before", fault) &&
           db_exec(db, "DELETE FROM main.link_cursor", fault);
}

static bool attach(struct db *db, const char *path, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "ATTACH DATABASE ?1 AS old", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, path);
    return db_run(stmt, fault);
}

/* Bring the old database to today's tables and attach it. One that can't be opened has nothing that
 * could be taken over: that may be why there is a restore. */
static bool attach_old(struct db *db, const char *mail_db)
{
    struct fault why = {0};
    if (access(mail_db, F_OK) != 0) {
        return false;
    }
    struct db *old = mail_db_open(mail_db, &why);
    bool ok = old != NULL;
    db_close(&old);
    ok = ok && attach(db, mail_db, &why);
    if (!ok) {
        log_warn("backup", "no keys are taken over from the old database reason=\"%s\"", why.text);
    }
    return ok;
}

static bool bring_up_to_date(const char *ready, const char *mail_db, struct fault *fault)
{
    struct db *db = mail_db_open(ready, fault);
    if (db == NULL) {
        return false;
    }
    bool has_old = attach_old(db, mail_db);
    struct fault why = {0};
    bool ok = mail_txn_run(db, run_finishing, &has_old, &why);
    if (has_old && !db_exec(db, "DETACH DATABASE old", &why)) {
        ok = false;
    }
    if (!ok && has_old && why.code == FAULT_CORRUPT) {
        log_warn("backup", "no keys are taken over from the broken database");
        has_old = false;
        why = (struct fault){0};
        ok = mail_txn_run(db, run_finishing, &has_old, &why);
    }
    if (!ok) {
        fault_set(fault, why.code, "%s", why.text);
    }
    db_checkpoint(db);
    db_close(&db); /* the last connection: its log goes with it */
    return ok;
}

/* ---- finishing: the exchange ---- */

bool restore_finish(const char *folder, int64_t now_sec, struct fault *fault)
{
    char *ready = db_files_path(folder, READY_NAME);
    char *mail_db = db_files_path(folder, MAIL_DB_NAME);
    char *sealed = db_files_path(folder, RESTORE_SEALED_NAME);
    char aside[DB_FILES_NAME_BYTES];
    bool is_ready = access(ready, F_OK) == 0;
    bool ok =
        !is_ready || (bring_up_to_date(ready, mail_db, fault) &&
                      db_files_set_aside(folder, MAIL_DB_NAME, "before", now_sec, aside, fault) &&
                      db_files_rename(folder, READY_NAME, MAIL_DB_NAME, fault) &&
                      file_sync_folder(folder, fault));
    if (is_ready && ok) {
        unlink(sealed);
        log_info("backup", "restored; the database before it was kept beside it");
    }
    free(ready);
    free(mail_db);
    free(sealed);
    return ok || fault_wrap(fault, "restore the backup");
}
