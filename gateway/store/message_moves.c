// SPDX-License-Identifier: MIT
#include "gateway/store/message_moves.h"

#include <stdlib.h>

#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/store/client_messages.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/message_rows.h"
#include "gateway/store/messages.h"
#include "mailproto/imap/mailbox.h"

struct places {
    struct message_place *items;
    size_t n_items;
};

/* Where copies stand. */
static bool find_places(struct db *db, struct places *out, uint64_t email_id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT mailbox_id, uid FROM message WHERE body_id = ?1", fault);
    size_t capacity = 0;
    enum db_step step;
    *out = (struct places){0};
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)email_id);
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        out->items = array_grow(out->items, out->n_items, &capacity, sizeof(*out->items));
        out->items[out->n_items++] = (struct message_place){
            .mailbox_id = db_column_i64(stmt, 0), .uid = (uint32_t)db_column_i64(stmt, 1)};
    }
    return step == DB_DONE;
}

static bool set_seen_at(struct mail_txn *txn, const struct message_place *place, bool is_seen,
                        struct fault *fault)
{
    struct mailbox_message row;
    enum message_origin origin;
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, place->mailbox_id, fault);
    if (!mailbox) {
        return false;
    }
    enum db_step step =
        message_find_row(txn->db, &row, place->mailbox_id, place->uid, &origin, fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    uint8_t flags =
        is_seen ? row.flags | MAILBOX_FLAG_SEEN : row.flags & (uint8_t)~MAILBOX_FLAG_SEEN;
    return message_update_row(txn, mailbox, &row, flags, row.keywords, fault);
}

bool messages_set_seen(struct mail_txn *txn, uint64_t email_id, bool is_seen, struct fault *fault)
{
    struct places places;
    bool ok = find_places(txn->db, &places, email_id, fault);
    for (size_t i = 0; ok && i < places.n_items; i++) {
        ok = set_seen_at(txn, &places.items[i], is_seen, fault);
    }
    free(places.items);
    return ok;
}

static bool move_one(struct mail_txn *txn, struct touched_mailbox *from, int64_t to_id,
                     uint32_t uid, struct fault *fault)
{
    struct uid_set one = {0};
    struct touched_mailbox *to = mail_txn_mailbox(txn, to_id, fault);
    uid_set_add(&one, uid);
    bool ok = to && messages_transfer(txn, from, to, &one, true, NULL, fault);
    uid_set_clear(&one);
    return ok;
}

static bool trash_one(struct mail_txn *txn, const struct message_place *place, int64_t trash_id,
                      struct fault *fault)
{
    struct touched_mailbox *from = mail_txn_mailbox(txn, place->mailbox_id, fault);
    if (!from || from->id == trash_id) {
        return from != NULL;
    }
    return from->kind == FOLDER_OUTBOX ? messages_expunge_one(txn, from, place->uid, fault)
                                       : move_one(txn, from, trash_id, place->uid, fault);
}

bool messages_trash(struct mail_txn *txn, int64_t account_id, uint64_t email_id,
                    struct fault *fault)
{
    struct places places;
    int64_t trash_id = 0;
    bool ok = find_places(txn->db, &places, email_id, fault) &&
              folders_ensure_use(txn, &trash_id, account_id, MAILBOX_USE_TRASH, fault);
    for (size_t i = 0; ok && i < places.n_items; i++) {
        ok = trash_one(txn, &places.items[i], trash_id, fault);
    }
    free(places.items);
    return ok;
}

bool messages_untrash(struct mail_txn *txn, int64_t account_id, uint64_t email_id,
                      int64_t mailbox_id, struct fault *fault)
{
    struct places places;
    int64_t trash_id = 0;
    bool ok = find_places(txn->db, &places, email_id, fault) &&
              folders_ensure_use(txn, &trash_id, account_id, MAILBOX_USE_TRASH, fault);
    for (size_t i = 0; ok && i < places.n_items; i++) {
        if (places.items[i].mailbox_id == trash_id) {
            struct touched_mailbox *trash = mail_txn_mailbox(txn, trash_id, fault);
            ok = trash && move_one(txn, trash, mailbox_id, places.items[i].uid, fault);
        }
    }
    free(places.items);
    return ok;
}

bool messages_empty_trash(struct mail_txn *txn, int64_t account_id, struct fault *fault)
{
    struct message_list rows = {0};
    int64_t trash_id = 0;
    struct touched_mailbox *trash = NULL;
    bool ok = folders_ensure_use(txn, &trash_id, account_id, MAILBOX_USE_TRASH, fault);
    ok = ok && (trash = mail_txn_mailbox(txn, trash_id, fault)) != NULL &&
         messages_collect(txn->db, &rows, trash_id, NULL, fault) &&
         messages_remove_rows(txn, trash, &rows, fault);
    message_list_clear(&rows);
    return ok;
}
