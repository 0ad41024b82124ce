// SPDX-License-Identifier: MIT
#include "gateway/store/messages.h"

#include <assert.h>
#include <stdlib.h>

#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/bodies.h"
#include "gateway/store/keywords.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/message_rows.h"

/* ---- New messages ---- */

bool messages_add(struct mail_txn *txn, struct message_place *out, int64_t mailbox_id,
                  const struct message_new *message, struct fault *fault)
{
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, mailbox_id, fault);
    if (!mailbox) {
        return false;
    }
    if (mailbox->is_container) {
        return fault_set(fault, FAULT_NOT_FOUND, "%s holds no messages", mailbox->name);
    }
    bool within_quota =
        message->origin == MESSAGE_BY_CLIENT || message->origin == MESSAGE_BY_SUBMISSION;
    const struct message_info *info = &message->analysis->info;
    struct mailbox_message row = {
        .size = (uint32_t)message->content.len,
        .flags = message->flags & MAILBOX_FLAGS_ALL,
        .internal_sec = message->internal_sec != 0 ? message->internal_sec : txn->now_sec,
        .internal_zone_min = message->internal_zone_min,
        .sent_sec = info->sent_sec,
        .sent_zone_min = info->sent_zone_min,
    };
    enum keywords_mode mode =
        message->origin == MESSAGE_BY_CLIENT ? KEYWORDS_OF_CLIENT : KEYWORDS_OF_SERVER;
    if (!keywords_set(txn, mailbox, &row.keywords, message->keywords, message->n_keywords, mode,
                      fault) ||
        !account_add_usage(txn, mailbox->account_id, message->content.len, 1, within_quota,
                           fault) ||
        !bodies_add(txn->db, &row.email_id, mailbox->account_id, message->content,
                    message->analysis, fault) ||
        !message_insert_row(txn, mailbox, &row, message->origin, fault)) {
        return false;
    }
    *out = (struct message_place){mailbox_id, row.uid, row.email_id};
    return true;
}

bool messages_add_copy(struct mail_txn *txn, struct message_place *out, int64_t mailbox_id,
                       const struct message_place *from, struct fault *fault)
{
    struct touched_mailbox *source = mail_txn_mailbox(txn, from->mailbox_id, fault);
    struct touched_mailbox *target = source ? mail_txn_mailbox(txn, mailbox_id, fault) : NULL;
    if (!target) {
        return false;
    }
    struct mailbox_message row;
    enum message_origin origin;
    enum db_step step = message_find_row(txn->db, &row, source->id, from->uid, &origin, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "the message is gone");
    }
    if (!keywords_map(txn, source, target, row.keywords, &row.keywords, fault) ||
        !account_add_usage(txn, target->account_id, row.size, 1, false, fault) ||
        !message_insert_row(txn, target, &row, origin, fault)) {
        return false;
    }
    *out = (struct message_place){mailbox_id, row.uid, row.email_id};
    return true;
}

/* ---- The server's keywords ---- */

bool messages_set_state_at(struct mail_txn *txn, int64_t mailbox_id, uint32_t uid,
                           const char *state, struct fault *fault)
{
    assert(!state || keyword_is_servers(state));
    struct mailbox_message row;
    enum message_origin origin;
    enum db_step step = message_find_row(txn->db, &row, mailbox_id, uid, &origin, fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, mailbox_id, fault);
    uint64_t wanted = 0;
    uint64_t servers = 0;
    if (!mailbox ||
        !keywords_set(txn, mailbox, &wanted, &state, state ? 1 : 0, KEYWORDS_OF_SERVER, fault) ||
        !keywords_servers_mask(txn, mailbox, &servers, fault)) {
        return false;
    }
    return message_update_row(txn, mailbox, &row, row.flags, (row.keywords & ~servers) | wanted,
                              fault);
}

bool messages_set_state(struct mail_txn *txn, uint64_t email_id, const char *state,
                        struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(txn->db, "SELECT mailbox_id, uid FROM message WHERE body_id = ?1", fault);
    if (!stmt) {
        return false;
    }
    struct message_place *places = NULL;
    size_t n_places = 0;
    size_t capacity = 0;
    db_bind_i64(stmt, 1, (int64_t)email_id);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        places = array_grow(places, n_places, &capacity, sizeof(*places));
        places[n_places++] = (struct message_place){.mailbox_id = db_column_i64(stmt, 0),
                                                    .uid = (uint32_t)db_column_i64(stmt, 1)};
    }
    bool ok = step == DB_DONE;
    for (size_t i = 0; ok && i < n_places; i++) {
        ok = messages_set_state_at(txn, places[i].mailbox_id, places[i].uid, state, fault);
    }
    free(places);
    return ok;
}

/* ---- Out of a mailbox ---- */

bool messages_take_out(struct mail_txn *txn, int64_t mailbox_id, uint32_t uid, struct fault *fault)
{
    struct mailbox_message row;
    enum message_origin origin;
    enum db_step step = message_find_row(txn->db, &row, mailbox_id, uid, &origin, fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, mailbox_id, fault);
    const struct message_list rows = {.items = &row, .n = 1};
    return mailbox && messages_remove_rows(txn, mailbox, &rows, fault);
}

/* ---- Reading ---- */

bool messages_find(struct db *db, struct message_place *out, int64_t account_id, int64_t mailbox_id,
                   const char *message_id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT m.mailbox_id, m.uid, m.body_id FROM body b"
                   " CROSS JOIN message m ON m.body_id = b.id WHERE b.message_id = ?1"
                   " AND b.account_id = ?2 AND (?3 = 0 OR m.mailbox_id = ?3)"
                   " ORDER BY b.id DESC, m.mailbox_id, m.uid DESC LIMIT 1",
                   fault);
    if (!stmt) {
        return false;
    }
    db_bind_text_bytes(stmt, 1, message_id_trim(bytes_of_str(message_id)));
    db_bind_i64(stmt, 2, account_id);
    db_bind_i64(stmt, 3, mailbox_id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out = (struct message_place){db_column_i64(stmt, 0), (uint32_t)db_column_i64(stmt, 1),
                                      (uint64_t)db_column_i64(stmt, 2)};
    } else if (step == DB_DONE) {
        fault_set(fault, FAULT_NOT_FOUND, "no such message");
    }
    db_reset(stmt);
    return step == DB_ROW;
}

bool messages_read_content(struct db *db, struct buf *out, uint64_t email_id, struct fault *fault)
{
    return bodies_read(db, out, email_id, fault);
}
