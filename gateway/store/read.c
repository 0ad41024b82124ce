// SPDX-License-Identifier: MIT
/* Reading messages: a walk at the session's pace, one short read a message.
 *
 * Whether a message is there, and which body it has, is known from the view; so the disk is asked
 * for the body alone. The reads of one turn of the loop share a snapshot; nothing is held longer
 * but one piece of content. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/fault.h"
#include "gateway/store/bodies.h"
#include "gateway/store/store_internal.h"

struct mailbox_reader {
    struct open_mailbox *shared;
    struct uid_set uids;
    struct uid_set_walk walk;
    unsigned items;

    /* The message that read_next gave last. */
    uint64_t email_id;
    uint64_t size;
    uint64_t thread_id;
    struct buf info;
    struct buf header;
    struct buf preview;
    struct buf text;
    struct buf piece;
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
    buf_clear(&reader->info);
    buf_clear(&reader->header);
    buf_clear(&reader->preview);
    buf_clear(&reader->text);
    buf_clear(&reader->piece);
    free(reader);
}

/* Make `number` the piece in memory. */
static bool load_piece(struct mailbox_reader *reader, uint64_t number, struct fault *fault)
{
    if (reader->has_piece && reader->piece_number == number) {
        return true;
    }
    buf_reset(&reader->piece);
    store_hold_snapshot(reader->shared->store);
    reader->has_piece = bodies_read_piece(reader->shared->store->reader, &reader->piece,
                                          reader->email_id, number, fault);
    reader->piece_number = number;
    return reader->has_piece;
}

static bool read_header(struct mailbox_reader *reader, uint64_t header_len, struct fault *fault)
{
    for (uint64_t offset = 0; offset < header_len; offset += BODY_PIECE_BYTES) {
        if (!load_piece(reader, offset / BODY_PIECE_BYTES, fault)) {
            return false;
        }
        buf_append_bytes(&reader->header,
                         bytes_slice(buf_view(&reader->piece), 0, header_len - offset));
    }
    return true;
}

/* Columns that nobody asked for are not read. */
static const char *statement_for(unsigned items)
{
    bool with_info = items & MAILBOX_ITEM_INFO;
    bool with_preview = items & MAILBOX_ITEM_PREVIEW;
    if (with_info && with_preview) {
        return "SELECT size, header_len, thread_id, info, preview FROM body WHERE id = ?1";
    }
    if (with_info) {
        return "SELECT size, header_len, thread_id, info FROM body WHERE id = ?1";
    }
    return with_preview
               ? "SELECT size, header_len, thread_id, NULL, preview FROM body WHERE id = ?1"
               : "SELECT size, header_len, thread_id FROM body WHERE id = ?1";
}

/* The folded header text lies in a table of its own. */
static bool read_text(struct mailbox_reader *reader, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(reader->shared->store->reader,
                   "SELECT header_text FROM body_text WHERE body_id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)reader->email_id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        buf_append_bytes(&reader->text, db_column_bytes(stmt, 0));
        db_reset(stmt);
    }
    return step == DB_ROW || step == DB_DONE;
}

static enum mailbox_read read_body(struct mailbox_reader *reader, struct fault *fault)
{
    store_hold_snapshot(reader->shared->store);
    struct db_stmt *stmt =
        db_prepare(reader->shared->store->reader, statement_for(reader->items), fault);
    if (!stmt) {
        return MAILBOX_READ_FAILED;
    }
    db_bind_i64(stmt, 1, (int64_t)reader->email_id);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE ? MAILBOX_READ_GONE : MAILBOX_READ_FAILED;
    }
    reader->size = (uint64_t)db_column_i64(stmt, 0);
    uint64_t header_len = (uint64_t)db_column_i64(stmt, 1);
    reader->thread_id = (uint64_t)db_column_i64(stmt, 2);
    if (reader->items & MAILBOX_ITEM_INFO) {
        buf_append_bytes(&reader->info, db_column_bytes(stmt, 3));
    }
    if (reader->items & MAILBOX_ITEM_PREVIEW) {
        buf_append_bytes(&reader->preview, db_column_bytes(stmt, 4));
    }
    db_reset(stmt);
    if ((reader->items & MAILBOX_ITEM_TEXT) && !read_text(reader, fault)) {
        return MAILBOX_READ_FAILED;
    }
    if (!(reader->items & MAILBOX_ITEM_HEADER)) {
        return MAILBOX_READ_OK;
    }
    struct fault header_fault = {0};
    if (read_header(reader, header_len, &header_fault)) {
        return MAILBOX_READ_OK;
    }
    /* Cleared away between the two reads. */
    if (header_fault.code == FAULT_NOT_FOUND) {
        return MAILBOX_READ_GONE;
    }
    fault_set(fault, header_fault.code, "%s", header_fault.text);
    return MAILBOX_READ_FAILED;
}

enum mailbox_read store_read_next(struct mailbox_reader *reader, struct mailbox_item_data *out,
                                  struct fault *fault)
{
    uint32_t uid;
    if (!uid_set_next(&reader->uids, &reader->walk, &uid)) {
        return MAILBOX_READ_END;
    }
    buf_reset(&reader->info);
    buf_reset(&reader->header);
    buf_reset(&reader->preview);
    buf_reset(&reader->text);
    reader->has_piece = false;
    reader->email_id = 0;
    *out = (struct mailbox_item_data){.uid = uid};
    const struct mailbox_message *message = open_mailbox_message(reader->shared, uid);
    if (!message) {
        return MAILBOX_READ_GONE;
    }
    reader->email_id = message->email_id;
    enum mailbox_read result = read_body(reader, fault);
    if (result == MAILBOX_READ_OK) {
        out->content_len = reader->size;
        out->info = buf_view(&reader->info);
        out->header = buf_view(&reader->header);
        out->preview = buf_view(&reader->preview);
        out->text = buf_view(&reader->text);
        out->thread_id = reader->thread_id;
    }
    return result;
}

enum mailbox_read store_read_content(struct mailbox_reader *reader, uint64_t offset, size_t max_len,
                                     struct bytes *out, struct fault *fault)
{
    if (reader->email_id == 0 || offset >= reader->size || max_len == 0) {
        return MAILBOX_READ_END;
    }
    struct fault piece_fault = {0};
    if (!load_piece(reader, offset / BODY_PIECE_BYTES, &piece_fault)) {
        fault_set(fault, piece_fault.code, "%s", piece_fault.text);
        return piece_fault.code == FAULT_NOT_FOUND ? MAILBOX_READ_GONE : MAILBOX_READ_FAILED;
    }
    *out = bytes_slice(buf_view(&reader->piece), offset % BODY_PIECE_BYTES, max_len);
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
