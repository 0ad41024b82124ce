// SPDX-License-Identifier: MIT
#include "gateway/backup/salvage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/db.h"
#include "base/db_pages.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/backup/backup_file.h"
#include "gateway/backup/db_files.h"
#include "gateway/backup/salvage_map.h"
#include "gateway/backup/salvage_rows.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store_check.h"
#include "gateway/store/store_mend.h"

#define PART_NAME "salvage.tmp"
#define MODEL_NAME "scratch.tmp"
#define READY_NAME "salvaged.db"

/* ---- Is it broken at all? ---- */

static size_t newest_version(void)
{
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    (void)steps;
    return n_steps;
}

static bool check_keys(struct db *db, struct fault *fault)
{
    struct keyring keyring = {0};
    bool ok = keyring_load(&keyring, db, NULL, NULL, fault);
    keyring_clear(&keyring);
    return ok;
}

/* FAULT_CORRUPT: yes. */
static bool check_whole(const char *mail_db, struct fault *fault)
{
    size_t n_steps = newest_version();
    struct db *db = mail_db_open_reader(mail_db, fault);
    int64_t version = db != NULL && db_quick_check(db, fault) ? db_version(db, fault) : -1;
    bool ok = version > 0 &&
              ((size_t)version < n_steps || (store_check(db, fault) && check_keys(db, fault)));
    if (version > (int64_t)n_steps) {
        ok = fault_set(fault, FAULT_UNSUPPORTED, "mail.db is of a newer Bittern");
    }
    db_close(&db);
    return ok;
}

static bool check_broken(const char *mail_db, struct fault *fault)
{
    struct fault why = {0};
    if (access(mail_db, F_OK) != 0) {
        return fault_set(fault, FAULT_NOT_FOUND, "there is no mail.db to salvage");
    }
    if (check_whole(mail_db, &why)) {
        return fault_set(fault, FAULT_EXISTS, "mail.db is whole: there is nothing to salvage");
    }
    if (why.code == FAULT_UNSUPPORTED) {
        return fault_set(fault, why.code, "%s", why.text);
    }
    log_warn("backup", "salvage: mail.db is broken reason=\"%s\"", why.text);
    return true;
}

/* ---- Reading. ---- */

/* A new database of that version, empty. */
static struct db *make_empty(const char *path, size_t version, struct fault *fault)
{
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    const struct db_options options = {.sync = DB_SYNC_NORMAL}; /* bring_to_order syncs */
    db_files_delete(path);
    struct db *db = db_open(path, &options, fault);
    if (db != NULL && (!db_migrate(db, steps, version < n_steps ? version : n_steps, fault) ||
                       !db_exec(db, "DELETE FROM counter", fault))) {
        db_close(&db);
    }
    return db;
}

static size_t count_owned(const struct salvage_map *map)
{
    size_t n = 0;
    for (uint32_t number = 1; number <= map->n_pages; number++) {
        n += map->owners[number] != SALVAGE_NO_TABLE;
    }
    return n;
}

static bool map_as(struct salvage_map *out, struct db_pages *pages, const char *folder,
                   size_t version, struct fault *fault)
{
    char *path = db_files_path(folder, MODEL_NAME);
    struct db *model = make_empty(path, version, fault);
    bool ok = model != NULL && salvage_map_make(out, pages, model, fault);
    db_close(&model);
    db_files_delete(path);
    free(path);
    return ok;
}

/* The version that the header names, unless the pages are rather those of the newest: then it is
 * the header that is broken. */
static bool map_best(struct salvage_map *out, size_t *out_version, struct db_pages *pages,
                     const char *folder, struct fault *fault)
{
    size_t newest = newest_version();
    size_t named = db_pages_version(pages);
    *out_version = newest;
    if (!map_as(out, pages, folder, newest, fault)) {
        return false;
    }
    if (named == 0 || named >= newest) {
        return true;
    }
    struct salvage_map older;
    if (!map_as(&older, pages, folder, named, fault)) {
        salvage_map_clear(out);
        return false;
    }
    bool is_older = count_owned(&older) >= count_owned(out);
    salvage_map_clear(is_older ? out : &older);
    if (is_older) {
        *out = older;
        *out_version = named;
    }
    return true;
}

static bool copy_all(const char *folder, const char *part, struct db_pages *pages,
                     struct salvage_losses *losses, struct buf *report, struct fault *fault)
{
    struct salvage_map map = {0};
    size_t version;
    struct db *db = NULL;
    bool ok = map_best(&map, &version, pages, folder, fault) &&
              (db = make_empty(part, version, fault)) != NULL &&
              salvage_rows_copy(db, pages, &map, losses, fault);
    buf_printf(report, "pages=%" PRIu32 "\nbroken_pages=%" PRIu32 "\n", map.n_pages, map.n_broken);
    db_close(&db);
    salvage_map_clear(&map);
    return ok;
}

/* ---- Bringing to order. ---- */

static const char *const mend_people[] = {
    "INSERT OR IGNORE INTO account (id, name, created_sec) SELECT DISTINCT account_id,"
    " 'salvaged-' || account_id, 0 FROM identity WHERE account_id NOT IN (SELECT id FROM account)"
    " AND account_id BETWEEN 1 AND 1 << 40",
    "UPDATE OR IGNORE identity SET account_id = (SELECT min(id) FROM account)"
    " WHERE account_id NOT IN (SELECT id FROM account) AND EXISTS (SELECT 1 FROM account)",
    "INSERT OR IGNORE INTO login_alias (name, account_id)"
    " SELECT address, account_id FROM identity WHERE kind = 0"
    " UNION ALL SELECT address || '@bm.alt', account_id FROM identity WHERE kind = 0",
    /* Their folders are made anew when their next mail comes. */
    "UPDATE identity SET mailbox_id = 0 WHERE mailbox_id NOT IN (SELECT id FROM mailbox)",
    "UPDATE broadcast_subscription SET mailbox_id = 0"
    " WHERE mailbox_id NOT IN (SELECT id FROM mailbox)",
    "UPDATE outgoing SET state = 3 WHERE state NOT BETWEEN 0 AND 7",
    "DELETE FROM outgoing_mail WHERE id NOT IN (SELECT mail_id FROM outgoing)",
    "DELETE FROM object_job WHERE outgoing_id != 0"
    " AND outgoing_id NOT IN (SELECT id FROM outgoing)",
};

static bool run_mending(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    for (size_t i = 0; i < ARRAY_LEN(mend_people); i++) {
        if (!db_exec(db, mend_people[i], fault)) {
            return false;
        }
    }
    return store_mend(txn, job, fault) && folders_renew_all(txn, fault) &&
           outgoing_hold_all(txn, "salvaged from a broken database: it may have left before",
                             fault);
}

/* What is there now; each is a count. */
static const struct {
    const char *name;
    const char *sql;
} counts[] = {
    {"accounts", "SELECT count(*) FROM account"},
    {"identities", "SELECT count(*) FROM identity"},
    {"contacts", "SELECT count(*) FROM contact"},
    {"subscriptions", "SELECT count(*) FROM broadcast_subscription"},
    {"rules", "SELECT (SELECT count(*) FROM sender_rule) + (SELECT count(*) FROM chan_rule)"},
    {"mailboxes", "SELECT count(*) FROM mailbox WHERE NOT is_container"},
    {"messages", "SELECT count(*) FROM message"},
    {"unopenable_keys", "SELECT count(*) FROM identity WHERE lock_id != 0"
                        " AND lock_id NOT IN (SELECT id FROM key_lock)"},
    {"queued", "SELECT count(*) FROM outgoing WHERE state = 3"}, /* OUTGOING_HELD: all of them */
};

static bool report_counts(struct db *db, struct buf *report, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct db_stmt *stmt = db_prepare(db, counts[i].sql, fault);
        if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
            return false;
        }
        buf_printf(report, "%s=%" PRId64 "\n", counts[i].name, db_column_i64(stmt, 0));
        db_reset(stmt);
    }
    return true;
}

/* Each identity's address was a name for the login, in a table of its own. */
static bool report_lost_keys(struct db *db, const struct salvage_losses *losses, struct buf *report,
                             struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db,
        "SELECT DISTINCT substr(name, 1, instr(name || '@', '@') - 1) AS address FROM login_alias"
        " WHERE address NOT IN (SELECT i.address FROM identity i) AND name LIKE 'BM-%'",
        fault);
    enum db_step step = stmt != NULL ? DB_ROW : DB_FAILED;
    while (step == DB_ROW && (step = db_step(stmt, fault)) == DB_ROW) {
        buf_printf(report, "lost_identity=%s\n", db_column_text(stmt, 0));
    }
    buf_printf(report, "damaged_keys=%" PRId64 "\n", losses->n_damaged_keys);
    return step == DB_DONE;
}

static bool bring_to_order(const char *part, const struct salvage_losses *losses,
                           struct buf *report, struct fault *fault)
{
    struct store_mended mended = {0};
    struct db *db = mail_db_open(part, fault);
    bool ok = db != NULL && mail_txn_run(db, run_mending, &mended, fault) &&
              db_quick_check(db, fault) && store_check(db, fault) &&
              report_counts(db, report, fault) && report_lost_keys(db, losses, report, fault);
    buf_printf(report,
               "lost_messages=%" PRId64 "\naltered_messages=%" PRId64 "\nplain_messages=%" PRId64
               "\nlost_rows=%" PRId64 "\n",
               mended.n_lost, mended.n_altered, mended.n_plain, losses->n_rows);
    if (ok) {
        db_checkpoint(db);
    }
    db_close(&db); /* the last connection: its log goes with it */
    return ok || fault_wrap(fault, "bring what was salvaged to order");
}

bool salvage_prepare(const char *folder, struct buf *report, struct fault *fault)
{
    char *mail_db = db_files_path(folder, MAIL_DB_NAME);
    char *part = db_files_path(folder, PART_NAME);
    struct salvage_losses losses = {0};
    bool ok = check_broken(mail_db, fault);
    struct db_pages *pages = ok ? db_pages_open(mail_db, fault) : NULL;
    ok = pages != NULL && copy_all(folder, part, pages, &losses, report, fault) &&
         bring_to_order(part, &losses, report, fault) &&
         db_files_rename(folder, PART_NAME, READY_NAME, fault) && file_sync_folder(folder, fault);
    db_pages_close(&pages);
    db_files_delete(part);
    free(part);
    free(mail_db);
    return ok;
}

/* ---- Putting it in place. ---- */

bool salvage_finish(const char *folder, int64_t now_sec, struct buf *report, struct fault *fault)
{
    char *ready = db_files_path(folder, READY_NAME);
    char aside[DB_FILES_NAME_BYTES];
    bool is_ready = access(ready, F_OK) == 0;
    bool ok =
        !is_ready || (db_files_set_aside(folder, MAIL_DB_NAME, "broken", now_sec, aside, fault) &&
                      db_files_rename(folder, READY_NAME, MAIL_DB_NAME, fault) &&
                      file_sync_folder(folder, fault));
    if (is_ready && ok) {
        log_info("backup", "salvaged; the broken database was kept as %s", aside);
        if (report != NULL) {
            buf_printf(report, "kept=%s\n", aside);
        }
    }
    free(ready);
    return ok || fault_wrap(fault, "put the salvaged database in place");
}

void salvage_advise(const char *folder, struct fault *fault)
{
    struct arena arena = {0};
    struct backup_file *backups = NULL;
    size_t n = 0;
    if (!backup_file_list(folder, &backups, &n, &arena, NULL)) {
        n = 0;
    }
    const char *newest = NULL;
    for (size_t i = 0; i < n && newest == NULL; i++) {
        newest = backups[i].is_automatic ? backups[i].name : NULL;
    }
    struct fault cause = *fault;
    fault_set(fault, cause.code,
              "mail.db is broken; 'bittern salvage' reads out of it what can be read; the newest "
              "automatic backup: %s%s (%.90s)",
              newest != NULL ? "gateway/" BACKUP_FOLDER "/" : "none", newest != NULL ? newest : "",
              cause.text);
    arena_clear(&arena);
}
