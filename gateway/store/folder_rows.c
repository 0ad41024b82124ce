// SPDX-License-Identifier: MIT
#include "gateway/store/folder_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "gateway/store/folder_names.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/message_rows.h"

/* UIDVALIDITY has 32 bits. Were the clock set to the far future, the count goes on from there. */
#define UID_VALIDITY_MAX_FROM_CLOCK 4200000000

enum db_step folder_find_row(struct db *db, struct folder *out, int64_t account_id,
                             const char *name, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT id, kind, is_container FROM mailbox WHERE account_id = ?1 AND name = ?2",
        fault);
    if (!stmt) {
        return DB_FAILED;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, name);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out = (struct folder){
            .id = db_column_i64(stmt, 0),
            .kind = (enum folder_kind)db_column_i64(stmt, 1),
            .is_container = db_column_i64(stmt, 2) != 0,
        };
    }
    db_reset(stmt);
    return step;
}

bool folder_get_row(struct db *db, struct folder *out, int64_t account_id, const char *name,
                    struct fault *fault)
{
    enum db_step step = folder_find_row(db, out, account_id, name, fault);
    if (step == DB_DONE) {
        fault_set(fault, FAULT_NOT_FOUND, "no such mailbox");
    }
    return step == DB_ROW;
}

bool folder_count_rows(struct db *db, int64_t *out, const char *sql, int64_t account_id,
                       const char *name, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    if (name) {
        db_bind_text(stmt, 2, name);
    }
    bool ok = db_step(stmt, fault) == DB_ROW;
    if (ok) {
        *out = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    return ok;
}

/* '0' is the character after '/'. */
bool folder_count_below(struct db *db, int64_t *out, int64_t account_id, const char *name,
                        struct fault *fault)
{
    return folder_count_rows(db, out,
                             "SELECT count(*) FROM mailbox WHERE account_id = ?1"
                             " AND name > ?2 || '/' AND name < ?2 || '0'",
                             account_id, name, fault);
}

bool folder_next_uid_validity(struct mail_txn *txn, int64_t *out, struct fault *fault)
{
    int64_t from_clock = txn->now_sec < UID_VALIDITY_MAX_FROM_CLOCK ? txn->now_sec : 1;
    return mail_txn_count_up(txn, out, "uid_validity", from_clock, fault);
}

bool folder_insert_row(struct mail_txn *txn, int64_t *out_id, int64_t account_id, const char *name,
                       unsigned use, bool is_container, struct fault *fault)
{
    int64_t n_folders;
    if (!folder_count_rows(txn->db, &n_folders,
                           "SELECT count(*) FROM mailbox WHERE account_id = ?1", account_id, NULL,
                           fault)) {
        return false;
    }
    if (n_folders >= FOLDERS_MAX_PER_ACCOUNT) {
        return fault_set(fault, FAULT_LIMIT, "there are %d mailboxes already",
                         FOLDERS_MAX_PER_ACCOUNT);
    }
    int64_t uid_validity;
    if (!folder_next_uid_validity(txn, &uid_validity, fault)) {
        return false;
    }
    struct db_stmt *stmt =
        db_prepare(txn->db,
                   "INSERT INTO mailbox (account_id, name, kind, special_use, is_container,"
                   " uid_validity) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, name);
    db_bind_i64(stmt, 3, folder_kind_of_name(name));
    db_bind_i64(stmt, 4, use);
    db_bind_i64(stmt, 5, is_container);
    db_bind_i64(stmt, 6, uid_validity);
    if (!db_run(stmt, fault)) {
        return false;
    }
    *out_id = db_last_insert_id(txn->db);
    mail_txn_list_changed(txn, account_id);
    return true;
}

bool folder_delete_row(struct mail_txn *txn, int64_t id, struct fault *fault)
{
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, id, fault);
    if (!mailbox || !messages_drop_all(txn, mailbox, fault)) {
        return false;
    }
    static const char *const deletions[] = {
        "DELETE FROM keyword WHERE mailbox_id = ?1",
        "DELETE FROM expunged WHERE mailbox_id = ?1",
        "DELETE FROM metadata WHERE mailbox_id = ?1",
        "DELETE FROM mailbox WHERE id = ?1",
    };
    for (size_t i = 0; i < ARRAY_LEN(deletions); i++) {
        struct db_stmt *stmt = db_prepare(txn->db, deletions[i], fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, id);
        if (!db_run(stmt, fault)) {
            return false;
        }
    }
    mailbox->is_deleted = true;
    mail_txn_list_changed(txn, mailbox->account_id);
    return true;
}

/* ---- Levels above ---- */

bool folder_ensure_parents(struct mail_txn *txn, int64_t account_id, const char *name,
                           struct fault *fault)
{
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *parent = xstrndup(name, (size_t)(slash - name));
        struct folder folder;
        int64_t id;
        enum db_step step = folder_find_row(txn->db, &folder, account_id, parent, fault);
        bool ok = step == DB_ROW || (step == DB_DONE && folder_insert_row(txn, &id, account_id,
                                                                          parent, 0, true, fault));
        free(parent);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool folder_prune_parents(struct mail_txn *txn, int64_t account_id, const char *name,
                          struct fault *fault)
{
    char *parent = xstrdup(name);
    bool ok = true;
    for (char *slash; ok && (slash = strrchr(parent, '/'));) {
        *slash = '\0';
        struct folder folder;
        int64_t n_below = 0;
        ok = folder_get_row(txn->db, &folder, account_id, parent, fault) &&
             folder_count_below(txn->db, &n_below, account_id, parent, fault);
        if (!ok || !folder.is_container || folder_is_root(folder.kind) || n_below != 0) {
            break;
        }
        ok = folder_delete_row(txn, folder.id, fault);
    }
    free(parent);
    return ok;
}
