// SPDX-License-Identifier: MIT
/* The tree is kept closed: whatever stands at a/b has a row for a. A level that nobody asked for is
 * a container, made with the first mailbox below it and gone with the last. So a name that is free
 * has nothing below it, and a rename never meets a name that is taken.
 *
 * A container that becomes a mailbox, and a mailbox that becomes a container, is another row: ids
 * and UIDVALIDITY belong to a mailbox and die with it. */
#include "gateway/store/folders.h"

#include <string.h>

#include "base/fault.h"
#include "gateway/store/client_messages.h"
#include "gateway/store/folder_names.h"
#include "gateway/store/folder_rows.h"
#include "gateway/store/mail_txn_internal.h"
#include "mailproto/imap/mailbox.h"

/* ---- Hooks ---- */

typedef bool folder_hook(void *context, struct mail_txn *txn, int64_t account_id,
                         enum folder_kind kind, int64_t mailbox_id, const char *label,
                         struct fault *fault);

static bool run_hook(struct mail_txn *txn, folder_hook *hook, int64_t account_id,
                     enum folder_kind kind, int64_t mailbox_id, const char *name,
                     struct fault *fault)
{
    if (!hook || !folder_is_membership(kind)) {
        return true;
    }
    txn->hooks_ran = true;
    return hook(txn->hooks->context, txn, account_id, kind, mailbox_id, folder_label(name), fault);
}

/* ---- What clients ask for ---- */

static bool check_use(struct mail_txn *txn, int64_t account_id, unsigned use, struct fault *fault)
{
    const unsigned known = MAILBOX_USE_ARCHIVE | MAILBOX_USE_DRAFTS | MAILBOX_USE_JUNK |
                           MAILBOX_USE_SENT | MAILBOX_USE_TRASH;
    if (use == 0) {
        return true;
    }
    bool is_one_bit = (use & (use - 1)) == 0;
    if (!is_one_bit || (use & ~known) != 0) {
        return fault_set(fault, FAULT_UNSUPPORTED, "a mailbox can't have that use here");
    }
    int64_t n_taken = 0;
    struct db_stmt *stmt = db_prepare(
        txn->db, "SELECT count(*) FROM mailbox WHERE account_id = ?1 AND special_use = ?2", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_i64(stmt, 2, use);
    bool ok = db_step(stmt, fault) == DB_ROW;
    n_taken = ok ? db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    if (n_taken != 0) {
        return fault_set(fault, FAULT_UNSUPPORTED, "another mailbox has that use already");
    }
    return ok;
}

/* Make a mailbox where there is nothing, or a container. */
static bool make_mailbox(struct mail_txn *txn, int64_t *out_id, int64_t account_id,
                         const char *name, unsigned use, struct fault *fault)
{
    struct folder folder;
    switch (folder_find_row(txn->db, &folder, account_id, name, fault)) {
    case DB_FAILED:
        return false;
    case DB_ROW:
        if (!folder.is_container || folder_is_root(folder.kind)) {
            return fault_set(fault, FAULT_EXISTS, "there is a mailbox of that name");
        }
        if (!folder_delete_row(txn, folder.id, fault)) {
            return false;
        }
        break;
    case DB_DONE:
        if (!folder_ensure_parents(txn, account_id, name, fault)) {
            return false;
        }
        break;
    }
    return folder_insert_row(txn, out_id, account_id, name, use,
                             folder_is_root(folder_kind_of_name(name)), fault);
}

bool folders_create(struct mail_txn *txn, int64_t account_id, const char *name, unsigned use,
                    struct fault *fault)
{
    int64_t id;
    return folder_check_new_name(name, fault) && check_use(txn, account_id, use, fault) &&
           make_mailbox(txn, &id, account_id, name, use, fault) &&
           run_hook(txn, txn->hooks->joined, account_id, folder_kind_of_name(name), id, name,
                    fault);
}

/* Delete a mailbox or an empty container. A mailbox with others below leaves a container. */
static bool remove_folder(struct mail_txn *txn, int64_t account_id, const char *name,
                          const struct folder *folder, struct fault *fault)
{
    int64_t n_below;
    if (!folder_count_below(txn->db, &n_below, account_id, name, fault)) {
        return false;
    }
    if (folder->is_container && n_below != 0) {
        return fault_set(fault, FAULT_UNSUPPORTED, "there are mailboxes below it");
    }
    int64_t id;
    if (!folder_delete_row(txn, folder->id, fault)) {
        return false;
    }
    return n_below != 0 ? folder_insert_row(txn, &id, account_id, name, 0, true, fault)
                        : folder_prune_parents(txn, account_id, name, fault);
}

bool folders_delete(struct mail_txn *txn, int64_t account_id, const char *name, struct fault *fault)
{
    struct folder folder;
    if (!folder_get_row(txn->db, &folder, account_id, name, fault)) {
        return false;
    }
    switch (folder.kind) {
    case FOLDER_INBOX:
    case FOLDER_OUTBOX:
    case FOLDER_CHANS:
    case FOLDER_SUBSCRIPTIONS:
        return fault_set(fault, FAULT_DENIED, "%s can't be deleted", name);
    case FOLDER_NORMAL:
    case FOLDER_CHAN:
    case FOLDER_SUBSCRIPTION:
        break;
    }
    return run_hook(txn, txn->hooks->left, account_id, folder.kind, folder.id, name, fault) &&
           remove_folder(txn, account_id, name, &folder, fault);
}

/* RFC 3501 section 6.3.5: the messages go, INBOX stays, and what is below it, too. */
static bool rename_inbox(struct mail_txn *txn, int64_t account_id, int64_t inbox_id, const char *to,
                         struct fault *fault)
{
    if (folder_kind_of_name(to) != FOLDER_NORMAL) {
        return fault_set(fault, FAULT_DENIED, "INBOX can't become %s", to);
    }
    int64_t target_id;
    if (!make_mailbox(txn, &target_id, account_id, to, 0, fault)) {
        return false;
    }
    struct touched_mailbox *inbox = mail_txn_mailbox(txn, inbox_id, fault);
    struct touched_mailbox *target = inbox ? mail_txn_mailbox(txn, target_id, fault) : NULL;
    return target && messages_transfer(txn, inbox, target, NULL, true, NULL, fault);
}

static bool check_rename(struct mail_txn *txn, int64_t account_id, const struct folder *folder,
                         const char *from, const char *to, struct fault *fault)
{
    if (folder->kind == FOLDER_OUTBOX || folder_is_root(folder->kind)) {
        return fault_set(fault, FAULT_DENIED, "%s can't be renamed", from);
    }
    if (strcmp(from, to) == 0) {
        return fault_set(fault, FAULT_EXISTS, "there is a mailbox of that name");
    }
    if (folder_is_below(to, from)) {
        return fault_set(fault, FAULT_DENIED, "a mailbox can't be moved below itself");
    }
    int64_t n_below = 0;
    if (!folder_count_below(txn->db, &n_below, account_id, from, fault)) {
        return false;
    }
    if (folder_is_membership(folder_kind_of_name(to)) && (n_below != 0 || folder->is_container)) {
        return fault_set(fault, FAULT_DENIED, "a chan or subscription holds no folders");
    }
    return true;
}

/* Give `from` and all below it their new names. Kinds come from names; what is below a mailbox that
 * can be renamed is always a normal one. */
static bool rename_rows(struct mail_txn *txn, int64_t account_id, const char *from, const char *to,
                        struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(txn->db,
                   "UPDATE mailbox SET name = ?3 || substr(name, length(?2) + 1),"
                   " kind = CASE name WHEN ?2 THEN ?4 ELSE kind END WHERE account_id = ?1"
                   " AND (name = ?2 OR (name > ?2 || '/' AND name < ?2 || '0'))",
                   fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, from);
    db_bind_text(stmt, 3, to);
    db_bind_i64(stmt, 4, folder_kind_of_name(to));
    mail_txn_list_changed(txn, account_id);
    return db_run(stmt, fault);
}

/* `to` must be free, and get the levels above it. */
static bool make_room(struct mail_txn *txn, int64_t account_id, const char *to, struct fault *fault)
{
    struct folder folder;
    switch (folder_find_row(txn->db, &folder, account_id, to, fault)) {
    case DB_ROW:
        return fault_set(fault, FAULT_EXISTS, "there is a mailbox of that name");
    case DB_DONE:
        return folder_ensure_parents(txn, account_id, to, fault);
    case DB_FAILED:
        break;
    }
    return false;
}

bool folders_rename(struct mail_txn *txn, int64_t account_id, const char *from, const char *to,
                    struct fault *fault)
{
    struct folder folder;
    if (!folder_check_new_name(to, fault) ||
        !folder_get_row(txn->db, &folder, account_id, from, fault)) {
        return false;
    }
    if (folder.kind == FOLDER_INBOX) {
        return rename_inbox(txn, account_id, folder.id, to, fault);
    }
    if (!check_rename(txn, account_id, &folder, from, to, fault) ||
        !make_room(txn, account_id, to, fault) || !rename_rows(txn, account_id, from, to, fault) ||
        !folder_prune_parents(txn, account_id, from, fault)) {
        return false;
    }
    /* The row may have been read in already, under its old name. */
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, folder.id, fault);
    if (!mailbox) {
        return false;
    }
    enum folder_kind kind = folder_kind_of_name(to);
    mailbox->kind = kind;
    if (kind == folder.kind) {
        return run_hook(txn, txn->hooks->relabelled, account_id, kind, folder.id, to, fault);
    }
    return run_hook(txn, txn->hooks->left, account_id, folder.kind, folder.id, from, fault) &&
           run_hook(txn, txn->hooks->joined, account_id, kind, folder.id, to, fault);
}

bool folders_subscribe(struct mail_txn *txn, int64_t account_id, const char *name, bool subscribed,
                       struct fault *fault)
{
    int64_t n_names;
    if (!folder_count_rows(txn->db, &n_names,
                           "SELECT count(*) FROM subscribed_name WHERE account_id = ?1", account_id,
                           NULL, fault)) {
        return false;
    }
    if (subscribed && n_names >= FOLDERS_MAX_PER_ACCOUNT) {
        return fault_set(fault, FAULT_LIMIT, "there are %d subscriptions already",
                         FOLDERS_MAX_PER_ACCOUNT);
    }
    struct db_stmt *stmt =
        subscribed
            ? db_prepare(txn->db,
                         "INSERT OR IGNORE INTO subscribed_name (account_id, name)"
                         " VALUES (?1, ?2)",
                         fault)
            : db_prepare(txn->db, "DELETE FROM subscribed_name WHERE account_id = ?1 AND name = ?2",
                         fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, name);
    mail_txn_list_changed(txn, account_id);
    return db_run(stmt, fault);
}

/* ---- The agent's way ---- */

static bool ensure_with_use(struct mail_txn *txn, int64_t *out_id, int64_t account_id,
                            const char *name, unsigned use, struct fault *fault)
{
    struct folder folder;
    enum db_step step = folder_find_row(txn->db, &folder, account_id, name, fault);
    if (step == DB_FAILED) {
        return false;
    }
    if (step == DB_ROW && (!folder.is_container || folder_is_root(folder.kind))) {
        *out_id = folder.id;
        return true;
    }
    return make_mailbox(txn, out_id, account_id, name, use, fault) &&
           folders_subscribe(txn, account_id, name, true, fault);
}

bool folders_ensure(struct mail_txn *txn, int64_t *out_mailbox_id, int64_t account_id,
                    const char *name, struct fault *fault)
{
    return ensure_with_use(txn, out_mailbox_id, account_id, name, 0, fault);
}

static const struct {
    const char *name;
    unsigned use;
} default_folders[] = {
    {FOLDER_NAME_INBOX, 0},
    {FOLDER_NAME_DRAFTS, MAILBOX_USE_DRAFTS},
    {FOLDER_NAME_SENT, MAILBOX_USE_SENT},
    {FOLDER_NAME_ARCHIVE, MAILBOX_USE_ARCHIVE},
    {FOLDER_NAME_JUNK, MAILBOX_USE_JUNK},
    {FOLDER_NAME_TRASH, MAILBOX_USE_TRASH},
    {FOLDER_NAME_OUTBOX, 0},
    {FOLDER_NAME_CHANS, 0},
    {FOLDER_NAME_SUBSCRIPTIONS, 0},
};

bool folders_create_defaults(struct mail_txn *txn, int64_t account_id, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(default_folders); i++) {
        int64_t id;
        if (!ensure_with_use(txn, &id, account_id, default_folders[i].name, default_folders[i].use,
                             fault)) {
            return false;
        }
    }
    return true;
}

bool folders_ensure_use(struct mail_txn *txn, int64_t *out_mailbox_id, int64_t account_id,
                        unsigned use, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(txn->db,
                                      "SELECT id FROM mailbox WHERE account_id = ?1"
                                      " AND special_use = ?2 AND NOT is_container ORDER BY id",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_i64(stmt, 2, use);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out_mailbox_id = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    if (step != DB_DONE) {
        return step == DB_ROW;
    }
    for (size_t i = 0; i < ARRAY_LEN(default_folders); i++) {
        if (default_folders[i].use == use) {
            return ensure_with_use(txn, out_mailbox_id, account_id, default_folders[i].name, use,
                                   fault);
        }
    }
    return fault_set(fault, FAULT_UNSUPPORTED, "no mailbox has that use");
}

bool folders_drop(struct mail_txn *txn, int64_t account_id, const char *name, struct fault *fault)
{
    struct folder folder;
    enum db_step step = folder_find_row(txn->db, &folder, account_id, name, fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    return remove_folder(txn, account_id, name, &folder, fault) &&
           folders_subscribe(txn, account_id, name, false, fault);
}

bool folders_find(struct db *db, int64_t *out_mailbox_id, int64_t account_id, const char *name,
                  struct fault *fault)
{
    struct folder folder;
    if (!folder_get_row(db, &folder, account_id, name, fault)) {
        return false;
    }
    if (folder.is_container) {
        return fault_set(fault, FAULT_NOT_FOUND, "%s holds no messages", name);
    }
    *out_mailbox_id = folder.id;
    return true;
}

bool folders_delete_all(struct mail_txn *txn, int64_t account_id, struct fault *fault)
{
    for (;;) {
        struct db_stmt *stmt =
            db_prepare(txn->db, "SELECT id FROM mailbox WHERE account_id = ?1 LIMIT 1", fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, account_id);
        enum db_step step = db_step(stmt, fault);
        int64_t id = step == DB_ROW ? db_column_i64(stmt, 0) : 0;
        db_reset(stmt);
        if (step != DB_ROW) {
            return step == DB_DONE;
        }
        if (!folder_delete_row(txn, id, fault)) {
            return false;
        }
    }
}

/* ---- After a restore ---- */

/* The mailbox that follows `*id` by number; DB_DONE at the end. */
static enum db_step next_mailbox(struct db *db, int64_t *id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT id FROM mailbox WHERE id > ?1 ORDER BY id LIMIT 1", fault);
    if (!stmt) {
        return DB_FAILED;
    }
    db_bind_i64(stmt, 1, *id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *id = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    return step;
}

static bool renew(struct mail_txn *txn, int64_t mailbox_id, struct fault *fault)
{
    int64_t uid_validity;
    if (!folder_next_uid_validity(txn, &uid_validity, fault)) {
        return false;
    }
    struct db_stmt *stmt =
        db_prepare(txn->db, "UPDATE mailbox SET uid_validity = ?2 WHERE id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    db_bind_i64(stmt, 2, uid_validity);
    return db_run(stmt, fault);
}

bool folders_renew_all(struct mail_txn *txn, struct fault *fault)
{
    /* Further than any database grows between a backup and its restore. */
    static const char skip_ids[] =
        "UPDATE sqlite_sequence SET seq = seq + 1000000 WHERE name IN ('mailbox', 'body')";
    int64_t id = 0;
    enum db_step step;
    while ((step = next_mailbox(txn->db, &id, fault)) == DB_ROW) {
        if (!renew(txn, id, fault)) {
            return false;
        }
    }
    return step == DB_DONE && db_exec(txn->db, skip_ids, fault);
}
