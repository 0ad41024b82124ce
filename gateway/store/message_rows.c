// SPDX-License-Identifier: MIT
/* Rows are read first and changed then: a statement never walks a table that it changes. */
#include "gateway/store/message_rows.h"

#include <stdlib.h>

#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/store/bodies.h"
#include "gateway/store/mail_txn_internal.h"

/* ---- Rows ---- */

void message_read_row(struct db_stmt *stmt, struct mailbox_message *out)
{
    *out = (struct mailbox_message){
        .uid = (uint32_t)db_column_i64(stmt, 0),
        .email_id = (uint64_t)db_column_i64(stmt, 1),
        .flags = (uint8_t)db_column_i64(stmt, 2),
        .keywords = (uint64_t)db_column_i64(stmt, 3),
        .modseq = (uint64_t)db_column_i64(stmt, 4),
        .size = (uint32_t)db_column_i64(stmt, 5),
        .internal_sec = db_column_i64(stmt, 6),
        .internal_zone_min = (int16_t)db_column_i64(stmt, 7),
        .sent_sec = db_column_i64(stmt, 8),
        .sent_zone_min = (int16_t)db_column_i64(stmt, 9),
        .saved_sec = db_column_i64(stmt, 10),
    };
}

void message_list_clear(struct message_list *list)
{
    free(list->items);
    *list = (struct message_list){0};
}

static bool collect_range(struct db *db, struct message_list *out, int64_t mailbox_id,
                          uint32_t first, uint32_t last, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT " MESSAGE_COLUMNS " FROM message"
                                      " WHERE mailbox_id = ?1 AND uid BETWEEN ?2 AND ?3"
                                      " ORDER BY uid",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    db_bind_i64(stmt, 2, first);
    db_bind_i64(stmt, 3, last);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        out->items = array_grow(out->items, out->n, &out->capacity, sizeof(struct mailbox_message));
        message_read_row(stmt, &out->items[out->n++]);
    }
    return step == DB_DONE;
}

bool messages_collect(struct db *db, struct message_list *out, int64_t mailbox_id,
                      const struct uid_set *uids, struct fault *fault)
{
    if (!uids) {
        return collect_range(db, out, mailbox_id, 1, UINT32_MAX, fault);
    }
    for (size_t i = 0; i < uids->n_ranges; i++) {
        if (!collect_range(db, out, mailbox_id, uids->ranges[i].first, uids->ranges[i].last,
                           fault)) {
            return false;
        }
    }
    return true;
}

bool messages_collect_viewed(struct message_list *out, const struct mailbox_view *view,
                             const struct touched_mailbox *mailbox, const struct uid_set *uids)
{
    if (!view || mailbox->modseq != view->highest_modseq) {
        return false;
    }
    for (size_t i = 0; i < uids->n_ranges; i++) {
        uint32_t seq = mailbox_view_lower_bound(view, uids->ranges[i].first);
        for (; seq <= view->n_messages; seq++) {
            const struct mailbox_message *message = mailbox_view_at(view, seq);
            if (message->uid > uids->ranges[i].last) {
                break;
            }
            out->items =
                array_grow(out->items, out->n, &out->capacity, sizeof(struct mailbox_message));
            out->items[out->n++] = *message;
        }
    }
    return true;
}

/* ---- Counts ---- */

static void count_message(struct touched_mailbox *mailbox, const struct mailbox_message *message,
                          int sign)
{
    mailbox->n_messages += sign;
    mailbox->n_unseen += (message->flags & MAILBOX_FLAG_SEEN) ? 0 : sign;
    mailbox->n_deleted += (message->flags & MAILBOX_FLAG_DELETED) ? sign : 0;
    mailbox->size_bytes += sign * (int64_t)message->size;
}

bool account_add_usage(struct mail_txn *txn, int64_t account_id, uint64_t bytes, uint64_t messages,
                       bool within_quota, struct fault *fault)
{
    struct touched_account *account = mail_txn_account(txn, account_id, fault);
    if (!account) {
        return false;
    }
    uint64_t new_bytes = account->used_bytes + bytes;
    uint64_t new_messages = account->used_messages + messages;
    bool is_full = (account->quota_bytes != 0 && new_bytes > account->quota_bytes) ||
                   (account->quota_messages != 0 && new_messages > account->quota_messages);
    if (within_quota && is_full) {
        return fault_set(fault, FAULT_NO_SPACE, "the account's quota is full");
    }
    account->used_bytes = new_bytes;
    account->used_messages = new_messages;
    account->usage_changed = true;
    return true;
}

bool account_drop_usage(struct mail_txn *txn, int64_t account_id, uint64_t bytes, uint64_t messages,
                        struct fault *fault)
{
    struct touched_account *account = mail_txn_account(txn, account_id, fault);
    if (!account) {
        return false;
    }
    if (bytes > account->used_bytes || messages > account->used_messages) {
        return fault_set(fault, FAULT_CORRUPT, "the account holds more than was counted");
    }
    account->used_bytes -= bytes;
    account->used_messages -= messages;
    account->usage_changed = true;
    return true;
}

/* ---- Single rows ---- */

bool message_insert_row(struct mail_txn *txn, struct touched_mailbox *mailbox,
                        struct mailbox_message *message, enum message_origin origin,
                        struct fault *fault)
{
    if (mailbox->uid_next == UINT32_MAX) {
        return fault_set(fault, FAULT_LIMIT, "the mailbox has used up its UIDs");
    }
    struct db_stmt *stmt = db_prepare(txn->db,
                                      "INSERT INTO message (mailbox_id, origin, " MESSAGE_COLUMNS
                                      ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                                      " ?12, ?13)",
                                      fault);
    if (!stmt) {
        return false;
    }
    message->modseq = mailbox_change(mailbox);
    message->uid = mailbox->uid_next;
    message->saved_sec = txn->now_sec;
    db_bind_i64(stmt, 1, mailbox->id);
    db_bind_i64(stmt, 2, origin);
    db_bind_i64(stmt, 3, message->uid);
    db_bind_i64(stmt, 4, (int64_t)message->email_id);
    db_bind_i64(stmt, 5, message->flags);
    db_bind_i64(stmt, 6, (int64_t)message->keywords);
    db_bind_i64(stmt, 7, (int64_t)message->modseq);
    db_bind_i64(stmt, 8, message->size);
    db_bind_i64(stmt, 9, message->internal_sec);
    db_bind_i64(stmt, 10, message->internal_zone_min);
    db_bind_i64(stmt, 11, message->sent_sec);
    db_bind_i64(stmt, 12, message->sent_zone_min);
    db_bind_i64(stmt, 13, message->saved_sec);
    if (!db_run(stmt, fault)) {
        return false;
    }
    mailbox->uid_next++;
    count_message(mailbox, message, 1);
    mailbox_put(mailbox, message);
    return true;
}

bool message_write_flags(struct mail_txn *txn, struct touched_mailbox *mailbox, uint32_t first,
                         uint32_t last, uint8_t flags, uint64_t keywords, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(txn->db,
                                      "UPDATE message SET flags = ?4, keywords = ?5, modseq = ?6"
                                      " WHERE mailbox_id = ?1 AND uid BETWEEN ?2 AND ?3",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox->id);
    db_bind_i64(stmt, 2, first);
    db_bind_i64(stmt, 3, last);
    db_bind_i64(stmt, 4, flags);
    db_bind_i64(stmt, 5, (int64_t)keywords);
    db_bind_i64(stmt, 6, (int64_t)mailbox_change(mailbox));
    return db_run(stmt, fault);
}

void message_note_flags(struct touched_mailbox *mailbox, struct mailbox_message *message,
                        uint8_t flags, uint64_t keywords)
{
    count_message(mailbox, message, -1);
    message->flags = flags;
    message->keywords = keywords;
    message->modseq = mailbox_change(mailbox);
    count_message(mailbox, message, 1);
    mailbox_put(mailbox, message);
}

bool message_update_row(struct mail_txn *txn, struct touched_mailbox *mailbox,
                        struct mailbox_message *message, uint8_t flags, uint64_t keywords,
                        struct fault *fault)
{
    if (flags == message->flags && keywords == message->keywords) {
        return true;
    }
    message_note_flags(mailbox, message, flags, keywords);
    return message_write_flags(txn, mailbox, message->uid, message->uid, flags, keywords, fault);
}

static bool release_body(struct mail_txn *txn, uint64_t body_id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(txn->db, "INSERT OR IGNORE INTO released_body (body_id) VALUES (?1)", fault);
    if (!stmt) {
        return false;
    }
    txn->released = true;
    db_bind_i64(stmt, 1, (int64_t)body_id);
    return db_run(stmt, fault);
}

bool message_delete_row(struct mail_txn *txn, struct touched_mailbox *mailbox,
                        const struct mailbox_message *message, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(txn->db, "DELETE FROM message WHERE mailbox_id = ?1 AND uid = ?2", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox->id);
    db_bind_i64(stmt, 2, message->uid);
    if (!db_run(stmt, fault)) {
        return false;
    }
    mailbox_change(mailbox);
    count_message(mailbox, message, -1);
    uid_set_add(&mailbox->expunged, message->uid);
    return true;
}

enum db_step message_find_row(struct db *db, struct mailbox_message *out, int64_t mailbox_id,
                              uint32_t uid, enum message_origin *out_origin, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT " MESSAGE_COLUMNS ", origin FROM message"
                                      " WHERE mailbox_id = ?1 AND uid = ?2",
                                      fault);
    if (!stmt) {
        return DB_FAILED;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    db_bind_i64(stmt, 2, uid);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        message_read_row(stmt, out);
        *out_origin = (enum message_origin)db_column_i64(stmt, 11);
    }
    db_reset(stmt);
    return step;
}

bool messages_remove_rows(struct mail_txn *txn, struct touched_mailbox *mailbox,
                          const struct message_list *rows, struct fault *fault)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (!message_delete_row(txn, mailbox, &rows->items[i], fault) ||
            !release_body(txn, rows->items[i].email_id, fault)) {
            return false;
        }
        bytes += rows->items[i].size;
    }
    return account_drop_usage(txn, mailbox->account_id, bytes, rows->n, fault);
}

bool messages_drop_all(struct mail_txn *txn, struct touched_mailbox *mailbox, struct fault *fault)
{
    static const char *const statements[] = {
        "INSERT OR IGNORE INTO released_body (body_id)"
        " SELECT body_id FROM message WHERE mailbox_id = ?1",
        "DELETE FROM message WHERE mailbox_id = ?1",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        struct db_stmt *stmt = db_prepare(txn->db, statements[i], fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, mailbox->id);
        if (!db_run(stmt, fault)) {
            return false;
        }
    }
    txn->released = true;
    return account_drop_usage(txn, mailbox->account_id, (uint64_t)mailbox->size_bytes,
                              (uint64_t)mailbox->n_messages, fault);
}

bool messages_clear_released(struct mail_txn *txn, size_t max, bool *out_more, struct fault *fault)
{
    uint64_t *ids = xcalloc(max + 1, sizeof(*ids));
    size_t n_ids = 0;
    bool ok = false;
    struct db_stmt *stmt =
        db_prepare(txn->db, "SELECT body_id FROM released_body ORDER BY body_id LIMIT ?1", fault);
    if (!stmt) {
        goto out;
    }
    db_bind_i64(stmt, 1, (int64_t)max);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        ids[n_ids++] = (uint64_t)db_column_i64(stmt, 0);
    }
    ok = step == DB_DONE;
    for (size_t i = 0; ok && i < n_ids; i++) {
        stmt = db_prepare(txn->db, "SELECT 1 FROM message WHERE body_id = ?1 LIMIT 1", fault);
        if (!stmt) {
            ok = false;
            break;
        }
        db_bind_i64(stmt, 1, (int64_t)ids[i]);
        step = db_step(stmt, fault);
        db_reset(stmt);
        ok = step == DB_ROW || (step == DB_DONE && bodies_remove(txn->db, ids[i], fault));
    }
    if (ok && n_ids != 0) {
        stmt = db_prepare(txn->db, "DELETE FROM released_body WHERE body_id <= ?1", fault);
        ok = stmt != NULL;
        if (stmt) {
            db_bind_i64(stmt, 1, (int64_t)ids[n_ids - 1]);
            ok = db_run(stmt, fault);
        }
    }
    *out_more = n_ids == max;

out:
    free(ids);
    return ok;
}

/* The mailbox with the longest list above `max_runs`: DB_DONE when there is none. */
static enum db_step find_long_log(struct db *db, int64_t *out_mailbox_id, int64_t max_runs,
                                  struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT mailbox_id FROM expunged GROUP BY mailbox_id"
                                      " HAVING count(*) > ?1 LIMIT 1",
                                      fault);
    if (!stmt) {
        return DB_FAILED;
    }
    db_bind_i64(stmt, 1, max_runs);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out_mailbox_id = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    return step;
}

/* First the note up to where is forgotten, then the rows. */
static bool trim_log(struct db *db, int64_t mailbox_id, int64_t n_kept, struct fault *fault)
{
    static const char *const statements[] = {
        "UPDATE mailbox SET forgotten_modseq = (SELECT modseq FROM expunged WHERE mailbox_id = ?1"
        " ORDER BY modseq DESC LIMIT 1 OFFSET ?2) WHERE id = ?1",
        "DELETE FROM expunged WHERE mailbox_id = ?1 AND ?2 >= 0 AND modseq <="
        " (SELECT forgotten_modseq FROM mailbox WHERE id = ?1)",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        struct db_stmt *stmt = db_prepare(db, statements[i], fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, mailbox_id);
        db_bind_i64(stmt, 2, n_kept);
        if (!db_run(stmt, fault)) {
            return false;
        }
    }
    return true;
}

bool messages_trim_expunged(struct mail_txn *txn, int64_t max_runs, struct fault *fault)
{
    for (;;) {
        int64_t mailbox_id;
        enum db_step step = find_long_log(txn->db, &mailbox_id, max_runs, fault);
        if (step != DB_ROW) {
            return step == DB_DONE;
        }
        if (!trim_log(txn->db, mailbox_id, max_runs / 2, fault)) {
            return false;
        }
    }
}
