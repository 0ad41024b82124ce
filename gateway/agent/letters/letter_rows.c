// SPDX-License-Identifier: MIT
#include "gateway/agent/letters/letter_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/agent/work/object_jobs_db.h"
#include "gateway/store/folders.h"
#include "gateway/store/messages.h"
#include "gateway/translate/address_form.h"
#include "gateway/translate/to_mail.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/imap/message_info.h"

/* Folders that hold nothing that arrived. */
enum { NOT_ARRIVED = MAILBOX_USE_SENT | MAILBOX_USE_DRAFTS | MAILBOX_USE_JUNK };

/* By the Message-ID that an object's hash makes, wherever a person moved it; copies in several
 * folders are one letter. */
#define ARRIVED_COLUMNS                                                                            \
    "SELECT b.id, b.message_id, min(m.internal_sec), max(m.flags & ?1), b.info FROM body b"        \
    " CROSS JOIN message m ON m.body_id = b.id JOIN mailbox x ON x.id = m.mailbox_id"
#define ARRIVED_WHERE                                                                              \
    " AND x.account_id = ?2 AND (x.special_use & ?3) = 0 AND x.kind <> ?4"                         \
    " GROUP BY b.id ORDER BY b.id"

static unsigned hidden_folders(const struct letter_query *query)
{
    return NOT_ARRIVED | (query->with_trash ? 0 : MAILBOX_USE_TRASH);
}

/* Is it for that address? Out of the mail's own header, which we wrote. */
static bool is_for(struct db_stmt *stmt, const char *address)
{
    struct arena arena = {0};
    struct message_info info;
    bool found = message_info_parse_envelope(&info, db_column_bytes(stmt, 4), &arena, NULL) &&
                 info.envelope.to.n_items > 0 &&
                 bytes_equal(info.envelope.to.items[0].mailbox, bytes_of_str(address));
    arena_clear(&arena);
    return found;
}

static void add_row(struct letter_rows *out, const struct letter_row *row)
{
    out->items = array_grow(out->items, out->n_items, &out->capacity, sizeof(*out->items));
    out->items[out->n_items++] = *row;
}

static bool add_arrived(struct letter_rows *out, struct db_stmt *stmt,
                        const struct letter_query *query, struct fault *fault)
{
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct letter_row row = {.row = db_column_i64(stmt, 0),
                                 .sec = db_column_i64(stmt, 2),
                                 .is_seen = db_column_i64(stmt, 3) != 0,
                                 .id_len = INVENTORY_HASH_BYTES};
        if (to_mail_hash_of_message_id(row.id, bytes_of_str(db_column_text(stmt, 1))) &&
            (query->address == NULL || is_for(stmt, query->address))) {
            add_row(out, &row);
        }
    }
    return step == DB_DONE;
}

static void bind_arrived(struct db_stmt *stmt, const struct letter_query *query)
{
    db_bind_i64(stmt, 1, MAILBOX_FLAG_SEEN);
    db_bind_i64(stmt, 2, query->account_id);
    db_bind_i64(stmt, 3, hidden_folders(query));
    db_bind_i64(stmt, 4, FOLDER_OUTBOX);
}

static bool last_row(struct db *db, int64_t *out, const char *sql, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    *out = db_column_i64(stmt, 0);
    db_reset(stmt);
    return true;
}

static bool collect_arrived(struct db *db, struct letter_rows *out, bool *out_done, int64_t *after,
                            const struct letter_query *query, struct fault *fault)
{
    int64_t last = 0;
    struct db_stmt *stmt =
        db_prepare(db,
                   ARRIVED_COLUMNS
                   " WHERE b.id > ?5 AND b.id <= ?6 AND b.message_id IS NOT NULL" ARRIVED_WHERE,
                   fault);
    if (stmt == NULL || !last_row(db, &last, "SELECT coalesce(max(id), 0) FROM body", fault)) {
        return false;
    }
    bind_arrived(stmt, query);
    db_bind_i64(stmt, 5, *after);
    db_bind_i64(stmt, 6, *after + LETTER_IDS_A_STEP);
    *after += LETTER_IDS_A_STEP;
    *out_done = *after >= last;
    return add_arrived(out, stmt, query, fault);
}

static bool collect_one_arrived(struct db *db, struct letter_rows *out,
                                const struct letter_query *query, struct fault *fault)
{
    char message_id[MESSAGE_ID_BYTES];
    struct db_stmt *stmt;
    if (query->id.len != INVENTORY_HASH_BYTES) {
        return true;
    }
    stmt = db_prepare(db, ARRIVED_COLUMNS " WHERE b.message_id = ?5" ARRIVED_WHERE, fault);
    if (stmt == NULL) {
        return false;
    }
    to_mail_message_id(message_id, query->id.data);
    bind_arrived(stmt, query);
    db_bind_text(stmt, 5, message_id);
    return add_arrived(out, stmt, query, fault);
}

/* ---- what was sent ---- */

/* A mail that stands nowhere any more was deleted for good. */
#define SENT_COLUMNS                                                                               \
    "SELECT o.id, o.program_id, o.since_sec FROM outgoing o"                                       \
    " JOIN outgoing_mail m ON m.id = o.mail_id WHERE m.account_id = ?1 AND"                        \
    " EXISTS (SELECT 1 FROM message g JOIN mailbox x ON x.id = g.mailbox_id"                       \
    " WHERE g.body_id = m.email_id AND (x.special_use & ?2) = 0)"

static bool add_sent(struct letter_rows *out, struct db_stmt *stmt, struct fault *fault)
{
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct letter_row row = {.row = db_column_i64(stmt, 0), .sec = db_column_i64(stmt, 2)};
        struct bytes id = bytes_slice(db_column_bytes(stmt, 1), 0, LETTER_MAX_ID_BYTES);
        row.id_len = (uint8_t)id.len;
        if (id.len > 0) {
            memcpy(row.id, id.data, id.len);
        }
        add_row(out, &row);
    }
    return step == DB_DONE;
}

static void bind_sent(struct db_stmt *stmt, const struct letter_query *query)
{
    db_bind_i64(stmt, 1, query->account_id);
    db_bind_i64(stmt, 2, query->with_trash ? 0 : MAILBOX_USE_TRASH);
}

static bool collect_sent(struct db *db, struct letter_rows *out, bool *out_done, int64_t *after,
                         const struct letter_query *query, struct fault *fault)
{
    int64_t last = 0;
    struct db_stmt *stmt = db_prepare(
        db, SENT_COLUMNS " AND o.id > ?3 AND o.id <= ?4 AND (?5 = '' OR m.sender = ?5)", fault);
    if (stmt == NULL || !last_row(db, &last, "SELECT coalesce(max(id), 0) FROM outgoing", fault)) {
        return false;
    }
    bind_sent(stmt, query);
    db_bind_i64(stmt, 3, *after);
    db_bind_i64(stmt, 4, *after + LETTER_IDS_A_STEP);
    db_bind_text(stmt, 5, query->address == NULL ? "" : query->address);
    *after += LETTER_IDS_A_STEP;
    *out_done = *after >= last;
    return add_sent(out, stmt, fault);
}

static bool collect_one_sent(struct db *db, struct letter_rows *out,
                             const struct letter_query *query, struct fault *fault)
{
    bool by_ticket = query->ticket.len > 0;
    struct db_stmt *stmt =
        db_prepare(db,
                   by_ticket ? SENT_COLUMNS " AND o.ticket = ?3 ORDER BY o.id LIMIT 1"
                             : SENT_COLUMNS " AND o.program_id = ?3 ORDER BY o.id LIMIT 1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    bind_sent(stmt, query);
    db_bind_bytes(stmt, 3, by_ticket ? query->ticket : query->id);
    return add_sent(out, stmt, fault);
}

bool letter_rows_collect(struct db *db, struct letter_rows *out, bool *out_done, int64_t *after,
                         const struct letter_query *query, struct fault *fault)
{
    bool one = query->id.data != NULL || query->ticket.data != NULL;
    bool arrived = query->box == LETTERS_ARRIVED;
    *out_done = one;
    if (one) {
        return arrived ? collect_one_arrived(db, out, query, fault)
                       : collect_one_sent(db, out, query, fault);
    }
    return arrived ? collect_arrived(db, out, out_done, after, query, fault)
                   : collect_sent(db, out, out_done, after, query, fault);
}

static int compare(const void *a, const void *b)
{
    const struct letter_row *left = a;
    const struct letter_row *right = b;
    if (left->sec != right->sec) {
        return left->sec < right->sec ? -1 : 1;
    }
    return left->row < right->row ? -1 : left->row > right->row;
}

void letter_rows_sort(struct letter_rows *rows)
{
    if (rows->n_items > 0) {
        qsort(rows->items, rows->n_items, sizeof(*rows->items), compare);
    }
}

/* ---- one of them ---- */

static bool body_of_row(struct db *db, uint64_t *out, int64_t outgoing_id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT m.email_id FROM outgoing o JOIN outgoing_mail m"
                                      " ON m.id = o.mail_id WHERE o.id = ?1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, outgoing_id);
    enum db_step step = db_step(stmt, fault);
    *out = step == DB_ROW ? (uint64_t)db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    return step != DB_FAILED;
}

bool letter_find_bodies(struct db *db, uint64_t *out_arrived, uint64_t *out_sent,
                        const struct letter_choice *choice, struct fault *fault)
{
    struct letter_query query = {.account_id = choice->account_id,
                                 .id = choice->id,
                                 .ticket = choice->ticket,
                                 .with_trash = true};
    struct letter_rows arrived = {0};
    struct letter_rows sent = {0};
    bool ok = (choice->boxes & LETTERS_IN_ARRIVED) == 0 ||
              collect_one_arrived(db, &arrived, &query, fault);
    ok = ok &&
         ((choice->boxes & LETTERS_IN_SENT) == 0 || collect_one_sent(db, &sent, &query, fault));
    *out_sent = 0;
    *out_arrived = arrived.n_items > 0 ? (uint64_t)arrived.items[0].row : 0;
    ok = ok && (sent.n_items == 0 || body_of_row(db, out_sent, sent.items[0].row, fault));
    free(arrived.items);
    free(sent.items);
    return ok;
}

bool letter_is_asking(struct db *db, const char *address)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT 1 FROM object_job WHERE address = ?1 AND kind = ?2 AND step = ?3", NULL);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, address);
    db_bind_i64(stmt, 2, JOB_GETPUBKEY);
    db_bind_i64(stmt, 3, JOB_WORK);
    bool found = db_step(stmt, NULL) == DB_ROW;
    db_reset(stmt);
    return found;
}
