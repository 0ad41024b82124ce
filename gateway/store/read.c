// SPDX-License-Identifier: MIT
/* Reading messages: a walk at the session's pace.
 *
 * Whether a message is there, and which body it has, is known from the view; so the disk is asked
 * for bodies alone, and for neighbours at once (body_rows.h): mails that came one behind the other
 * lie so on the disk. The reads of one turn of the loop share a snapshot; nothing is held longer
 * but those rows and one piece of content. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/fault.h"
#include "gateway/store/bodies.h"
#include "gateway/store/body_rows.h"
#include "gateway/store/store_internal.h"

/* Bodies of others that are read along for nothing between two that are asked for. */
enum { READ_MAX_GAP = 4 };

struct mailbox_reader {
    struct open_mailbox *shared;
    struct uid_set uids;
    struct uid_set_walk walk;
    unsigned items;
    struct body_rows ahead;

    /* The message that read_next gave last. */
    const struct body_row *row; /* in `ahead`; NULL: none */
    struct buf header;          /* one that is longer than a piece */
    struct buf piece;           /* read by itself */
    uint64_t piece_number;
    bool has_piece;
};

struct mailbox_reader *store_read_start(struct mailbox *mailbox, const struct uid_set *uids,
                                        unsigned items, struct mailbox_ready ready)
{
    (void)ready; /* nothing is ever waited for */
    struct mailbox_reader *reader = xcalloc(1, sizeof(*reader));
    reader->shared = mailbox->shared;
    reader->items = items;
    uid_set_copy(&reader->uids, uids);
    buf_init(&reader->piece, BODY_PIECE_BYTES);
    return reader;
}

void store_read_end(struct mailbox_reader **pointer)
{
    struct mailbox_reader *reader = *pointer;
    if (!reader) {
        return;
    }
    *pointer = NULL;
    uid_set_clear(&reader->uids);
    body_rows_clear(&reader->ahead);
    buf_clear(&reader->header);
    buf_clear(&reader->piece);
    free(reader);
}

/* The id of the last body that is worth reading together with `first`. */
static uint64_t last_neighbour(const struct mailbox_reader *reader, uint64_t first)
{
    struct uid_set_walk walk = reader->walk;
    uint64_t last = first;
    uint32_t uid;
    for (size_t n = 1; n < BODY_ROWS_MAX && uid_set_next(&reader->uids, &walk, &uid); n++) {
        const struct mailbox_message *message = open_mailbox_message(reader->shared, uid);
        if (!message || message->email_id <= last || message->email_id > last + READ_MAX_GAP) {
            break;
        }
        last = message->email_id;
    }
    return last;
}

/* With its neighbours; alone, where one of those can't be read; without its content, where that is
 * what can't be read: a broken page is an error of the message it holds, when it is asked for. */
static bool read_rows(struct mailbox_reader *reader, uint64_t id, struct fault *fault)
{
    struct db *db = reader->shared->store->reader;
    unsigned without_content = reader->items & ~(unsigned)MAILBOX_ITEM_CONTENT;
    store_hold_snapshot(reader->shared->store);
    return body_rows_read(db, &reader->ahead, id, last_neighbour(reader, id), reader->items,
                          fault) ||
           body_rows_read(db, &reader->ahead, id, id, reader->items, fault) ||
           body_rows_read(db, &reader->ahead, id, id, without_content, fault);
}

/* Find the row of a body, or read it. */
static enum mailbox_read take_row(struct mailbox_reader *reader, uint64_t id, struct fault *fault)
{
    reader->row = body_rows_find(&reader->ahead, id);
    if (reader->row) {
        return MAILBOX_READ_OK;
    }
    if (!read_rows(reader, id, fault)) {
        return MAILBOX_READ_FAILED;
    }
    reader->row = body_rows_find(&reader->ahead, id);
    return reader->row ? MAILBOX_READ_OK : MAILBOX_READ_GONE;
}

/* Piece `number` of the message: the first one may have come with its row. */
static bool load_piece(struct mailbox_reader *reader, uint64_t number, struct bytes *out,
                       struct fault *fault)
{
    if (number == 0 && (reader->items & MAILBOX_ITEM_CONTENT) != 0 && reader->row->piece.len > 0) {
        *out = body_rows_bytes(&reader->ahead, reader->row->piece);
        return true;
    }
    if (!reader->has_piece || reader->piece_number != number) {
        buf_reset(&reader->piece);
        store_hold_snapshot(reader->shared->store);
        reader->has_piece = bodies_read_piece(reader->shared->store->reader, &reader->piece,
                                              reader->row->id, number, fault);
        reader->piece_number = number;
    }
    *out = buf_view(&reader->piece);
    return reader->has_piece;
}

/* A header that does not fit into the first piece is put together. */
static enum mailbox_read take_header(struct mailbox_reader *reader, struct bytes *out,
                                     struct fault *fault)
{
    uint64_t header_len = reader->row->header_len;
    if (header_len <= BODY_PIECE_BYTES) {
        struct bytes piece = body_rows_bytes(&reader->ahead, reader->row->piece);
        *out = bytes_slice(piece, 0, header_len);
        return MAILBOX_READ_OK;
    }
    if (!buf_try_reserve(&reader->header, header_len)) {
        fault_set(fault, FAULT_BUSY, "there is no memory for the header now");
        return MAILBOX_READ_FAILED;
    }
    struct fault piece_fault = {0};
    for (uint64_t offset = 0; offset < header_len; offset += BODY_PIECE_BYTES) {
        struct bytes piece;
        if (!load_piece(reader, offset / BODY_PIECE_BYTES, &piece, &piece_fault)) {
            /* Cleared away between the two reads. */
            fault_set(fault, piece_fault.code, "%s", piece_fault.text);
            return piece_fault.code == FAULT_NOT_FOUND ? MAILBOX_READ_GONE : MAILBOX_READ_FAILED;
        }
        buf_append_bytes(&reader->header, bytes_slice(piece, 0, header_len - offset));
    }
    *out = buf_view(&reader->header);
    return MAILBOX_READ_OK;
}

enum mailbox_read store_read_next(struct mailbox_reader *reader, struct mailbox_item_data *out,
                                  struct fault *fault)
{
    uint32_t uid;
    if (!uid_set_next(&reader->uids, &reader->walk, &uid)) {
        return MAILBOX_READ_END;
    }
    buf_reset(&reader->header);
    reader->has_piece = false;
    reader->row = NULL;
    *out = (struct mailbox_item_data){.uid = uid};
    const struct mailbox_message *message = open_mailbox_message(reader->shared, uid);
    if (!message) {
        return MAILBOX_READ_GONE;
    }
    enum mailbox_read result = take_row(reader, message->email_id, fault);
    if (result == MAILBOX_READ_OK && (reader->items & MAILBOX_ITEM_HEADER) != 0) {
        result = take_header(reader, &out->header, fault);
    }
    if (result != MAILBOX_READ_OK) {
        reader->row = NULL;
        return result;
    }
    out->content_len = reader->row->size;
    out->info = body_rows_bytes(&reader->ahead, reader->row->info);
    out->preview = body_rows_bytes(&reader->ahead, reader->row->preview);
    out->text = body_rows_bytes(&reader->ahead, reader->row->text);
    out->thread_id = reader->row->thread_id;
    return MAILBOX_READ_OK;
}

enum mailbox_read store_read_content(struct mailbox_reader *reader, uint64_t offset, size_t max_len,
                                     struct bytes *out, struct fault *fault)
{
    if (!reader->row || offset >= reader->row->size || max_len == 0) {
        return MAILBOX_READ_END;
    }
    struct fault piece_fault = {0};
    struct bytes piece;
    if (!load_piece(reader, offset / BODY_PIECE_BYTES, &piece, &piece_fault)) {
        fault_set(fault, piece_fault.code, "%s", piece_fault.text);
        return piece_fault.code == FAULT_NOT_FOUND ? MAILBOX_READ_GONE : MAILBOX_READ_FAILED;
    }
    *out = bytes_slice(piece, offset % BODY_PIECE_BYTES, max_len);
    return MAILBOX_READ_OK;
}

bool store_thread_uids(struct mailbox *mailbox, uint64_t thread_id, struct uid_set *out,
                       struct fault *fault)
{
    store_hold_snapshot(mailbox->shared->store);
    struct db_stmt *stmt = db_prepare(mailbox->shared->store->reader,
                                      "SELECT m.uid FROM body AS b"
                                      " JOIN message AS m ON m.body_id = b.id"
                                      " WHERE b.thread_id = ?1 AND m.mailbox_id = ?2",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)thread_id);
    db_bind_i64(stmt, 2, mailbox->shared->id);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        uid_set_add(out, (uint32_t)db_column_i64(stmt, 0));
    }
    return step == DB_DONE;
}
