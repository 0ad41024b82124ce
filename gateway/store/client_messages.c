// SPDX-License-Identifier: MIT
#include "gateway/store/client_messages.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/bodies.h"
#include "gateway/store/keywords.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/sent_merge.h"

/* ---- STORE ---- */

static void new_flags(const struct mailbox_message *message, enum mailbox_store_mode mode,
                      uint8_t flags, uint64_t keywords, uint64_t servers, uint8_t *out_flags,
                      uint64_t *out_keywords)
{
    switch (mode) {
    case MAILBOX_STORE_REPLACE:
        *out_flags = flags;
        *out_keywords = keywords | (message->keywords & servers);
        break;
    case MAILBOX_STORE_ADD:
        *out_flags = message->flags | flags;
        *out_keywords = message->keywords | keywords;
        break;
    case MAILBOX_STORE_REMOVE:
        *out_flags = message->flags & (uint8_t)~flags;
        *out_keywords = message->keywords & ~keywords;
        break;
    }
}

/* Neighbours that get the same flags and keywords: one statement writes them all. */
struct flags_run {
    uint32_t first; /* 0: none is begun */
    uint32_t last;
    size_t range; /* of the request: between its ranges there may be others' rows */
    uint8_t flags;
    uint64_t keywords;
};

static bool end_run(struct mail_txn *txn, struct touched_mailbox *mailbox, struct flags_run *run,
                    struct fault *fault)
{
    bool ok = run->first == 0 || message_write_flags(txn, mailbox, run->first, run->last,
                                                     run->flags, run->keywords, fault);
    run->first = 0;
    return ok;
}

static bool add_to_run(struct mail_txn *txn, struct touched_mailbox *mailbox, struct flags_run *run,
                       size_t range, uint32_t uid, uint8_t flags, uint64_t keywords,
                       struct fault *fault)
{
    bool fits =
        run->first != 0 && run->range == range && run->flags == flags && run->keywords == keywords;
    if (!fits) {
        if (!end_run(txn, mailbox, run, fault)) {
            return false;
        }
        *run =
            (struct flags_run){.first = uid, .range = range, .flags = flags, .keywords = keywords};
    }
    run->last = uid;
    return true;
}

/* Give each message its new flags; those that were changed by others since then are left out. */
static bool store_each(struct mail_txn *txn, struct touched_mailbox *mailbox,
                       const struct mailbox_store_request *request, uint64_t keywords,
                       uint64_t servers, struct message_list *messages, struct uid_set *out_refused,
                       struct fault *fault)
{
    struct flags_run run = {0};
    size_t range = 0;
    size_t n_kept = 0;
    for (size_t i = 0; i < messages->n; i++) {
        struct mailbox_message *message = &messages->items[i];
        while (message->uid > request->uids->ranges[range].last) {
            range++;
        }
        if (request->has_unchanged_since && message->modseq > request->unchanged_since) {
            uid_set_add(out_refused, message->uid);
            if (!end_run(txn, mailbox, &run, fault)) {
                return false;
            }
            continue;
        }
        uint8_t flags = 0;
        uint64_t new_keywords = 0;
        new_flags(message, request->mode, request->flags.flags & MAILBOX_FLAGS_ALL, keywords,
                  servers, &flags, &new_keywords);
        if (flags == message->flags && new_keywords == message->keywords) {
            if (!end_run(txn, mailbox, &run, fault)) {
                return false;
            }
        } else {
            message_note_flags(mailbox, message, flags, new_keywords);
            if (!add_to_run(txn, mailbox, &run, range, message->uid, flags, new_keywords, fault)) {
                return false;
            }
        }
        messages->items[n_kept++] = *message;
    }
    messages->n = n_kept;
    return end_run(txn, mailbox, &run, fault);
}

bool messages_store(struct mail_txn *txn, struct touched_mailbox *mailbox,
                    const struct mailbox_view *view, const struct mailbox_store_request *request,
                    struct message_list *out_changed, struct uid_set *out_refused,
                    struct fault *fault)
{
    uint64_t servers = 0;
    uint64_t keywords = 0;
    enum keywords_mode mode =
        request->mode == MAILBOX_STORE_REMOVE ? KEYWORDS_OF_CLIENT_KNOWN : KEYWORDS_OF_CLIENT;
    bool is_viewed = messages_collect_viewed(out_changed, view, mailbox, request->uids);
    return keywords_set(txn, mailbox, &keywords, request->flags.keywords, request->flags.n_keywords,
                        mode, fault) &&
           keywords_servers_mask(txn, mailbox, &servers, fault) &&
           (is_viewed ||
            messages_collect(txn->db, out_changed, mailbox->id, request->uids, fault)) &&
           store_each(txn, mailbox, request, keywords, servers, out_changed, out_refused, fault);
}

/* ---- EXPUNGE ---- */

static bool run_outbox_hook(struct mail_txn *txn, const struct touched_mailbox *mailbox,
                            const struct mailbox_message *message, struct fault *fault)
{
    if (mailbox->kind != FOLDER_OUTBOX || !txn->hooks->outbox_removed) {
        return true;
    }
    txn->hooks_ran = true;
    return txn->hooks->outbox_removed(txn->hooks->context, txn, mailbox->account_id, mailbox->id,
                                      message->uid, message->email_id, fault);
}

bool messages_expunge(struct mail_txn *txn, struct touched_mailbox *mailbox,
                      const struct uid_set *uids, struct uid_set *out_expunged, struct fault *fault)
{
    struct message_list rows = {0};
    bool ok = messages_collect(txn->db, &rows, mailbox->id, uids, fault);
    size_t n_deleted = 0;
    for (size_t i = 0; i < rows.n; i++) {
        if (rows.items[i].flags & MAILBOX_FLAG_DELETED) {
            rows.items[n_deleted++] = rows.items[i];
        }
    }
    rows.n = n_deleted;
    ok = ok && messages_remove_rows(txn, mailbox, &rows, fault);
    for (size_t i = 0; ok && i < rows.n; i++) {
        uid_set_add(out_expunged, rows.items[i].uid);
        ok = run_outbox_hook(txn, mailbox, &rows.items[i], fault);
    }
    message_list_clear(&rows);
    return ok;
}

bool messages_expunge_one(struct mail_txn *txn, struct touched_mailbox *mailbox, uint32_t uid,
                          struct fault *fault)
{
    struct message_list rows = {0};
    struct uid_set one = {0};
    uid_set_add(&one, uid);
    bool ok = messages_collect(txn->db, &rows, mailbox->id, &one, fault);
    if (ok && rows.n == 0) {
        ok = fault_set(fault, FAULT_NOT_FOUND, "the message is gone");
    }
    ok = ok && messages_remove_rows(txn, mailbox, &rows, fault) &&
         run_outbox_hook(txn, mailbox, &rows.items[0], fault);
    uid_set_clear(&one);
    message_list_clear(&rows);
    return ok;
}

/* ---- COPY and MOVE ---- */

static bool is_junk(struct mail_txn *txn, const struct touched_mailbox *mailbox)
{
    int64_t use = 0;
    struct db_stmt *stmt =
        db_prepare(txn->db, "SELECT special_use FROM mailbox WHERE id = ?1", NULL);
    if (stmt) {
        db_bind_i64(stmt, 1, mailbox->id);
        use = db_step(stmt, NULL) == DB_ROW ? db_column_i64(stmt, 0) : 0;
        db_reset(stmt);
    }
    return (use & MAILBOX_USE_JUNK) != 0;
}

/* Into junk, or out of it: the agent makes of it what its settings say. */
static bool run_junk_hook(struct mail_txn *txn, const struct touched_mailbox *from,
                          const struct touched_mailbox *to, const struct message_list *rows,
                          struct fault *fault)
{
    bool into = is_junk(txn, to);
    if (!txn->hooks->junk_moved || into == is_junk(txn, from)) {
        return true;
    }
    txn->hooks_ran = true;
    for (size_t i = 0; i < rows->n; i++) {
        if (!txn->hooks->junk_moved(txn->hooks->context, txn, to->account_id,
                                    rows->items[i].email_id, into, fault)) {
            return false;
        }
    }
    return true;
}

void uid_pairs_clear(struct uid_pairs *pairs)
{
    free(pairs->from);
    free(pairs->to);
    *pairs = (struct uid_pairs){0};
}

bool messages_check_target(const struct touched_mailbox *mailbox, struct fault *fault)
{
    if (mailbox->is_container) {
        return fault_set(fault, FAULT_NOT_FOUND, "%s holds no messages", mailbox->name);
    }
    if (mailbox->kind == FOLDER_OUTBOX) {
        return fault_set(fault, FAULT_DENIED,
                         "mails come into Outbox by being sent, not by being put there");
    }
    return true;
}

/* One message: its row in the target, and for a move out of where it was. */
static bool transfer_row(struct mail_txn *txn, struct touched_mailbox *from,
                         struct touched_mailbox *to, const struct mailbox_message *message,
                         bool move, uint32_t *out_uid, struct fault *fault)
{
    struct mailbox_message copy = *message;
    if (!keywords_map(txn, from, to, message->keywords, &copy.keywords, fault) ||
        !message_insert_row(txn, to, &copy, MESSAGE_BY_CLIENT, fault)) {
        return false;
    }
    *out_uid = copy.uid;
    return !move || message_delete_row(txn, from, message, fault);
}

bool messages_transfer(struct mail_txn *txn, struct touched_mailbox *from,
                       struct touched_mailbox *to, const struct uid_set *uids, bool move,
                       struct uid_pairs *out, struct fault *fault)
{
    struct message_list rows = {0};
    struct uid_pairs pairs = {0};
    bool ok = messages_collect(txn->db, &rows, from->id, uids, fault);
    pairs.from = xcalloc(rows.n + 1, sizeof(*pairs.from));
    pairs.to = xcalloc(rows.n + 1, sizeof(*pairs.to));
    uint64_t bytes = 0;
    for (size_t i = 0; ok && i < rows.n; i++) {
        pairs.from[i] = rows.items[i].uid;
        bytes += rows.items[i].size;
        ok = transfer_row(txn, from, to, &rows.items[i], move, &pairs.to[i], fault);
    }
    pairs.n = rows.n;
    ok = ok && (move || account_add_usage(txn, to->account_id, bytes, rows.n, true, fault));
    for (size_t i = 0; ok && move && i < rows.n; i++) {
        ok = run_outbox_hook(txn, from, &rows.items[i], fault);
    }
    ok = ok && run_junk_hook(txn, from, to, &rows, fault);
    if (ok && out) {
        *out = pairs;
    } else {
        uid_pairs_clear(&pairs);
    }
    message_list_clear(&rows);
    return ok;
}

/* ---- A client's own copy of a sent mail ---- */

/* The submitted mails of that Message-ID that came into the mailbox lately. (CROSS JOIN: by the
 * Message-ID first, or SQLite walks the whole mailbox.) */
static bool find_own_copy(struct mail_txn *txn, struct touched_mailbox *mailbox,
                          const struct message_new *message, uint32_t *out_uid,
                          uint64_t *out_email_id, struct fault *fault)
{
    struct bytes message_id = message_id_trim(message->analysis->info.envelope.message_id);
    *out_uid = 0;
    if (message_id.len == 0) {
        return true;
    }
    struct db_stmt *stmt = db_prepare(
        txn->db,
        "SELECT m.uid, m.body_id, m.origin FROM body b CROSS JOIN message m ON m.body_id = b.id"
        " WHERE b.message_id = ?1 AND m.mailbox_id = ?2 AND m.origin IN (?3, ?5)"
        " AND m.saved_sec >= ?4 ORDER BY m.uid DESC",
        fault);
    if (!stmt) {
        return false;
    }
    db_bind_text_bytes(stmt, 1, message_id);
    db_bind_i64(stmt, 2, mailbox->id);
    db_bind_i64(stmt, 3, MESSAGE_BY_SUBMISSION);
    db_bind_i64(stmt, 4, txn->now_sec - MESSAGE_SENT_MERGE_SEC);
    db_bind_i64(stmt, 5, MESSAGE_WITHOUT_TEXT);
    bool ok = true;
    enum db_step step = DB_DONE;
    struct buf content;
    buf_init(&content, 0);
    while (ok && *out_uid == 0 && (step = db_step(stmt, fault)) == DB_ROW) {
        uint64_t email_id = (uint64_t)db_column_i64(stmt, 1);
        bool any_text = db_column_i64(stmt, 2) == MESSAGE_WITHOUT_TEXT;
        buf_reset(&content);
        ok = bodies_read(txn->db, &content, email_id, fault);
        if (ok && (any_text || sent_copies_are_equal(buf_view(&content), message->content))) {
            *out_uid = (uint32_t)db_column_i64(stmt, 0);
            *out_email_id = email_id;
        }
    }
    db_reset(stmt);
    buf_clear(&content);
    return ok && step != DB_FAILED;
}

bool messages_merge_own_copy(struct mail_txn *txn, struct touched_mailbox *mailbox,
                             const struct message_new *message, struct message_place *out,
                             bool *out_merged, struct fault *fault)
{
    uint32_t uid;
    uint64_t email_id = 0;
    *out_merged = false;
    if (!find_own_copy(txn, mailbox, message, &uid, &email_id, fault)) {
        return false;
    }
    if (uid == 0) {
        return true;
    }
    struct message_list changed = {0};
    struct uid_set refused = {0};
    struct uid_set uids = {0};
    uid_set_add(&uids, uid);
    const struct mailbox_store_request request = {
        .uids = &uids,
        .mode = MAILBOX_STORE_ADD,
        .flags = {message->flags, message->keywords, message->n_keywords},
    };
    bool ok = messages_store(txn, mailbox, NULL, &request, &changed, &refused, fault);
    uid_set_clear(&uids);
    uid_set_clear(&refused);
    message_list_clear(&changed);
    if (ok) {
        *out = (struct message_place){mailbox->id, uid, email_id};
        *out_merged = true;
    }
    return ok;
}
