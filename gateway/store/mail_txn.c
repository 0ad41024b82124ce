// SPDX-License-Identifier: MIT
#include "gateway/store/mail_txn_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"

static const struct folder_hooks no_hooks;

void mail_txn_init(struct mail_txn *txn, struct db *db, const struct folder_hooks *hooks)
{
    *txn =
        (struct mail_txn){.db = db, .now_sec = clock_now_sec(), .hooks = hooks ? hooks : &no_hooks};
}

struct db *mail_txn_db(struct mail_txn *txn)
{
    return txn->db;
}

int64_t mail_txn_now_sec(const struct mail_txn *txn)
{
    return txn->now_sec;
}

static void mailbox_free(struct touched_mailbox *mailbox)
{
    for (size_t i = 0; i < mailbox->n_keywords; i++) {
        free(mailbox->keywords[i]);
    }
    free(mailbox->name);
    free(mailbox->puts);
    uid_set_clear(&mailbox->expunged);
    free(mailbox);
}

void mail_txn_clear(struct mail_txn *txn)
{
    for (size_t i = 0; i < txn->n_mailboxes; i++) {
        mailbox_free(txn->mailboxes[i]);
    }
    free(txn->mailboxes);
    free(txn->accounts);
    *txn = (struct mail_txn){0};
}

/* ---- Reading in ---- */

static struct touched_mailbox *read_mailbox(struct db *db, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT account_id, name, kind, is_container, uid_validity, uid_next,"
                   " modseq_highest, n_messages, n_unseen, n_deleted, size_bytes"
                   " FROM mailbox WHERE id = ?1",
                   fault);
    if (!stmt) {
        return NULL;
    }
    db_bind_i64(stmt, 1, id);
    struct touched_mailbox *mailbox = NULL;
    switch (db_step(stmt, fault)) {
    case DB_ROW:
        mailbox = xcalloc(1, sizeof(*mailbox));
        *mailbox = (struct touched_mailbox){
            .id = id,
            .account_id = db_column_i64(stmt, 0),
            .name = xstrdup(db_column_text(stmt, 1)),
            .kind = (enum folder_kind)db_column_i64(stmt, 2),
            .is_container = db_column_i64(stmt, 3) != 0,
            .uid_validity = (uint32_t)db_column_i64(stmt, 4),
            .uid_next = (uint32_t)db_column_i64(stmt, 5),
            .modseq = (uint64_t)db_column_i64(stmt, 6),
            .n_messages = db_column_i64(stmt, 7),
            .n_unseen = db_column_i64(stmt, 8),
            .n_deleted = db_column_i64(stmt, 9),
            .size_bytes = db_column_i64(stmt, 10),
        };
        break;
    case DB_DONE:
        fault_set(fault, FAULT_NOT_FOUND, "no such mailbox");
        break;
    case DB_FAILED:
        break;
    }
    db_reset(stmt);
    return mailbox;
}

struct touched_mailbox *mail_txn_mailbox(struct mail_txn *txn, int64_t mailbox_id,
                                         struct fault *fault)
{
    for (size_t i = 0; i < txn->n_mailboxes; i++) {
        struct touched_mailbox *mailbox = txn->mailboxes[i];
        if (mailbox->id == mailbox_id) {
            if (mailbox->is_deleted) {
                fault_set(fault, FAULT_NOT_FOUND, "no such mailbox");
                return NULL;
            }
            return mailbox;
        }
    }
    struct touched_mailbox *mailbox = read_mailbox(txn->db, mailbox_id, fault);
    if (mailbox) {
        txn->mailboxes = array_grow(txn->mailboxes, txn->n_mailboxes, &txn->mailboxes_capacity,
                                    sizeof(struct touched_mailbox *));
        txn->mailboxes[txn->n_mailboxes++] = mailbox;
    }
    return mailbox;
}

static struct touched_account *account_slot(struct mail_txn *txn, int64_t account_id)
{
    for (size_t i = 0; i < txn->n_accounts; i++) {
        if (txn->accounts[i].id == account_id) {
            return &txn->accounts[i];
        }
    }
    txn->accounts = array_grow(txn->accounts, txn->n_accounts, &txn->accounts_capacity,
                               sizeof(struct touched_account));
    txn->accounts[txn->n_accounts] = (struct touched_account){.id = account_id};
    return &txn->accounts[txn->n_accounts++];
}

struct touched_account *mail_txn_account(struct mail_txn *txn, int64_t account_id,
                                         struct fault *fault)
{
    struct touched_account *account = account_slot(txn, account_id);
    if (account->is_loaded) {
        return account;
    }
    struct db_stmt *stmt = db_prepare(txn->db,
                                      "SELECT quota_bytes, quota_messages, used_bytes,"
                                      " used_messages FROM account WHERE id = ?1",
                                      fault);
    if (!stmt) {
        return NULL;
    }
    db_bind_i64(stmt, 1, account_id);
    switch (db_step(stmt, fault)) {
    case DB_ROW:
        account->quota_bytes = (uint64_t)db_column_i64(stmt, 0);
        account->quota_messages = (uint64_t)db_column_i64(stmt, 1);
        account->used_bytes = (uint64_t)db_column_i64(stmt, 2);
        account->used_messages = (uint64_t)db_column_i64(stmt, 3);
        account->is_loaded = true;
        break;
    case DB_DONE:
        fault_set(fault, FAULT_NOT_FOUND, "no such account");
        break;
    case DB_FAILED:
        break;
    }
    db_reset(stmt);
    return account->is_loaded ? account : NULL;
}

/* ---- Noting changes ---- */

void mail_txn_list_changed(struct mail_txn *txn, int64_t account_id)
{
    account_slot(txn, account_id)->list_changed = true;
}

void mail_txn_metadata_changed(struct mail_txn *txn, int64_t account_id, int64_t mailbox_id)
{
    struct touched_account *account = account_slot(txn, account_id);
    account->metadata_changed = true;
    account->metadata_mailbox_id = mailbox_id;
}

uint64_t mailbox_change(struct touched_mailbox *mailbox)
{
    if (!mailbox->is_changed) {
        mailbox->is_changed = true;
        mailbox->modseq++;
    }
    return mailbox->modseq;
}

void mailbox_put(struct touched_mailbox *mailbox, const struct mailbox_message *message)
{
    mailbox->puts = array_grow(mailbox->puts, mailbox->n_puts, &mailbox->puts_capacity,
                               sizeof(struct mailbox_message));
    mailbox->puts[mailbox->n_puts++] = *message;
}

/* Merge sort, because it is stable: of one UID the last note must stay last. */
static void sort_messages(struct mailbox_message *messages, struct mailbox_message *spare, size_t n)
{
    if (n < 2) {
        return;
    }
    size_t half = n / 2;
    sort_messages(messages, spare, half);
    sort_messages(messages + half, spare, n - half);
    memcpy(spare, messages, half * sizeof(*messages));
    size_t left = 0;
    size_t right = half;
    for (size_t out = 0; left < half; out++) {
        if (right < n && messages[right].uid < spare[left].uid) {
            messages[out] = messages[right++];
        } else {
            messages[out] = spare[left++];
        }
    }
}

void mailbox_sort_puts(struct touched_mailbox *mailbox)
{
    bool sorted = true;
    for (size_t i = 1; i < mailbox->n_puts && sorted; i++) {
        sorted = mailbox->puts[i - 1].uid < mailbox->puts[i].uid;
    }
    if (!sorted) {
        struct mailbox_message *spare = xcalloc(mailbox->n_puts / 2 + 1, sizeof(*spare));
        sort_messages(mailbox->puts, spare, mailbox->n_puts);
        free(spare);
    }

    size_t n_kept = 0;
    for (size_t i = 0; i < mailbox->n_puts; i++) {
        uint32_t uid = mailbox->puts[i].uid;
        bool is_last_of_uid = i + 1 == mailbox->n_puts || mailbox->puts[i + 1].uid != uid;
        if (is_last_of_uid && !uid_set_has(&mailbox->expunged, uid)) {
            mailbox->puts[n_kept++] = mailbox->puts[i];
        }
    }
    mailbox->n_puts = n_kept;
}

bool mail_txn_count_up(struct mail_txn *txn, int64_t *out, const char *counter, int64_t least,
                       struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        txn->db, "UPDATE counter SET value = max(value + 1, ?2) WHERE name = ?1 RETURNING value",
        fault);
    if (!stmt) {
        return false;
    }
    db_bind_text(stmt, 1, counter);
    db_bind_i64(stmt, 2, least);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out = db_column_i64(stmt, 0);
        return db_run(stmt, fault);
    }
    if (step == DB_DONE) {
        fault_set(fault, FAULT_CORRUPT, "the counter %s is missing", counter);
    }
    return false;
}

/* ---- Writing back ---- */

static bool write_expunged(struct mail_txn *txn, struct touched_mailbox *mailbox,
                           struct fault *fault)
{
    for (size_t i = 0; i < mailbox->expunged.n_ranges; i++) {
        struct db_stmt *stmt = db_prepare(txn->db,
                                          "INSERT INTO expunged (mailbox_id, modseq, first_uid,"
                                          " last_uid) VALUES (?1, ?2, ?3, ?4)",
                                          fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, mailbox->id);
        db_bind_i64(stmt, 2, (int64_t)mailbox->modseq);
        db_bind_i64(stmt, 3, mailbox->expunged.ranges[i].first);
        db_bind_i64(stmt, 4, mailbox->expunged.ranges[i].last);
        if (!db_run(stmt, fault)) {
            return false;
        }
    }
    return true;
}

static bool write_mailbox(struct mail_txn *txn, struct touched_mailbox *mailbox,
                          struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        txn->db,
        "UPDATE mailbox SET uid_next = ?2, modseq_highest = ?3, n_messages = ?4, n_unseen = ?5,"
        " n_deleted = ?6, size_bytes = ?7 WHERE id = ?1",
        fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox->id);
    db_bind_i64(stmt, 2, mailbox->uid_next);
    db_bind_i64(stmt, 3, (int64_t)mailbox->modseq);
    db_bind_i64(stmt, 4, mailbox->n_messages);
    db_bind_i64(stmt, 5, mailbox->n_unseen);
    db_bind_i64(stmt, 6, mailbox->n_deleted);
    db_bind_i64(stmt, 7, mailbox->size_bytes);
    return db_run(stmt, fault) && write_expunged(txn, mailbox, fault);
}

static bool write_account(struct mail_txn *txn, const struct touched_account *account,
                          struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        txn->db, "UPDATE account SET used_bytes = ?2, used_messages = ?3 WHERE id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account->id);
    db_bind_i64(stmt, 2, (int64_t)account->used_bytes);
    db_bind_i64(stmt, 3, (int64_t)account->used_messages);
    return db_run(stmt, fault);
}

bool mail_txn_finish(struct mail_txn *txn, struct fault *fault)
{
    for (size_t i = 0; i < txn->n_mailboxes; i++) {
        struct touched_mailbox *mailbox = txn->mailboxes[i];
        if (mailbox->is_changed && !mailbox->is_deleted && !write_mailbox(txn, mailbox, fault)) {
            return false;
        }
        mailbox_sort_puts(mailbox);
    }
    for (size_t i = 0; i < txn->n_accounts; i++) {
        if (txn->accounts[i].usage_changed && !write_account(txn, &txn->accounts[i], fault)) {
            return false;
        }
    }
    return true;
}

bool mail_txn_run(struct db *db, bool (*run)(struct mail_txn *txn, void *job, struct fault *fault),
                  void *job, struct fault *fault)
{
    struct mail_txn txn;
    if (!db_begin(db, fault)) {
        return false;
    }
    mail_txn_init(&txn, db, NULL);
    bool ok = run(&txn, job, fault) && mail_txn_finish(&txn, fault) && db_commit(db, fault);
    mail_txn_clear(&txn);
    if (!ok && db_in_transaction(db)) {
        db_rollback(db);
    }
    return ok;
}
