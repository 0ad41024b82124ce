// SPDX-License-Identifier: MIT
#include "gateway/store/body_rows.h"

#include <stdio.h>

#include "base/db.h"
#include "base/fault.h"
#include "gateway/store/bodies.h"
#include "mailproto/imap/mailbox.h"

enum { STATEMENT_MAX_BYTES = 512 };

void body_rows_clear(struct body_rows *rows)
{
    buf_clear(&rows->bytes);
    rows->n = 0;
    rows->next = 0;
}

/* Tables and columns that nobody asked for are not read. */
static void write_statement(char out[STATEMENT_MAX_BYTES], unsigned items)
{
    bool with_text = (items & MAILBOX_ITEM_TEXT) != 0;
    bool with_content = (items & MAILBOX_ITEM_CONTENT) != 0;
    bool with_header = (items & MAILBOX_ITEM_HEADER) != 0;
    _Static_assert(BODY_MAX_PIECES == 1024, "the statement below says so, too");
    snprintf(out, STATEMENT_MAX_BYTES,
             "SELECT b.id, b.size, b.header_len, b.thread_id, %s, %s, %s, %s FROM body b%s%s"
             " WHERE b.id BETWEEN ?1 AND ?2 ORDER BY b.id",
             (items & MAILBOX_ITEM_INFO) != 0 ? "b.info" : "NULL",
             (items & MAILBOX_ITEM_PREVIEW) != 0 ? "b.preview" : "NULL",
             with_text ? "h.header_text" : "NULL",
             with_content  ? "p.content"
             : with_header ? "substr(p.content, 1, b.header_len)"
                           : "NULL",
             with_text ? " LEFT JOIN body_header h ON h.body_id = b.id" : "",
             with_content || with_header ? " LEFT JOIN body_piece p ON p.id = b.id * 1024" : "");
}

static struct body_span take(struct body_rows *rows, struct db_stmt *stmt, int column)
{
    struct bytes value = db_column_bytes(stmt, column);
    struct body_span span = {.offset = rows->bytes.len, .len = value.len};
    buf_append_bytes(&rows->bytes, value);
    return span;
}

static void take_row(struct body_rows *rows, struct db_stmt *stmt)
{
    struct body_row *row = &rows->rows[rows->n++];
    row->id = (uint64_t)db_column_i64(stmt, 0);
    row->size = (uint64_t)db_column_i64(stmt, 1);
    row->header_len = (uint64_t)db_column_i64(stmt, 2);
    row->thread_id = (uint64_t)db_column_i64(stmt, 3);
    row->info = take(rows, stmt, 4);
    row->preview = take(rows, stmt, 5);
    row->text = take(rows, stmt, 6);
    row->piece = take(rows, stmt, 7);
}

bool body_rows_read(struct db *db, struct body_rows *out, uint64_t first, uint64_t last,
                    unsigned items, struct fault *fault)
{
    char sql[STATEMENT_MAX_BYTES];
    write_statement(sql, items);
    out->n = 0;
    out->next = 0;
    buf_reset(&out->bytes);
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)first);
    db_bind_i64(stmt, 2, (int64_t)last);
    enum db_step step = DB_ROW;
    while (out->n < BODY_ROWS_MAX && out->bytes.len < BODY_ROWS_MAX_BYTES &&
           (step = db_step(stmt, fault)) == DB_ROW) {
        take_row(out, stmt);
    }
    db_reset(stmt);
    return step != DB_FAILED;
}

const struct body_row *body_rows_find(struct body_rows *rows, uint64_t id)
{
    while (rows->next < rows->n && rows->rows[rows->next].id < id) {
        rows->next++;
    }
    bool is_there = rows->next < rows->n && rows->rows[rows->next].id == id;
    return is_there ? &rows->rows[rows->next] : NULL;
}

struct bytes body_rows_bytes(const struct body_rows *rows, struct body_span span)
{
    return bytes_slice(buf_view(&rows->bytes), span.offset, span.len);
}
