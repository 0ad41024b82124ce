// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/outgoing_row.h"

#include <inttypes.h>

#include "base/db.h"
#include "base/mem.h"

static struct bytes take_bytes(struct db_stmt *stmt, int column, struct arena *arena)
{
    struct bytes value = db_column_bytes(stmt, column);
    return value.len == 0 ? (struct bytes){0}
                          : (struct bytes){arena_memdup(arena, value.data, value.len), value.len};
}

static void fill_row(struct outgoing_row *row, struct db_stmt *stmt, struct arena *arena)
{
    int c = 0;
    row->id = db_column_i64(stmt, c++);
    row->mail_id = db_column_i64(stmt, c++);
    row->account_id = db_column_i64(stmt, c++);
    row->sender = arena_strdup(arena, db_column_text(stmt, c++));
    row->recipient = arena_strdup(arena, db_column_text(stmt, c++));
    row->kind = (enum outgoing_kind)db_column_i64(stmt, c++);
    row->state = (enum outgoing_state)db_column_i64(stmt, c++);
    row->why = (enum report_why)db_column_i64(stmt, c++);
    row->reason = arena_strdup(arena, db_column_text(stmt, c++));
    row->forced = db_column_i64(stmt, c++) != 0;
    row->ackdata = take_bytes(stmt, c++, arena);
    row->ack_packet = take_bytes(stmt, c++, arena);
    row->tries = (uint32_t)db_column_i64(stmt, c++);
    row->next_sec = db_column_i64(stmt, c++);
    row->since_sec = db_column_i64(stmt, c++);
    row->left_sec = db_column_i64(stmt, c++);
    row->n_sent = (uint32_t)db_column_i64(stmt, c++);
    row->told_sec = db_column_i64(stmt, c++);
    row->notify = (unsigned)db_column_i64(stmt, c++);
    row->report_due = (unsigned)db_column_i64(stmt, c++);
    row->original = arena_strdup(arena, db_column_text(stmt, c++));
    row->ttl_sec = db_column_i64(stmt, c++);
    row->message_id = arena_strdup(arena, db_column_text(stmt, c++));
    row->subject = arena_strdup(arena, db_column_text(stmt, c++));
    row->form = (enum outgoing_form)db_column_i64(stmt, c++);
    row->plain_len = (size_t)db_column_i64(stmt, c++);
    row->extended_len = (size_t)db_column_i64(stmt, c++);
    row->accepted_sec = db_column_i64(stmt, c++);
    row->email_id = (uint64_t)db_column_i64(stmt, c++);
    row->envelope_id = arena_strdup(arena, db_column_text(stmt, c++));
    row->return_full = db_column_i64(stmt, c++) != 0;
    row->ticket = take_bytes(stmt, c++, arena);
    row->program_id = take_bytes(stmt, c++, arena);
}

bool outgoing_read(struct db *db, struct outgoing_row *out, int64_t id, struct arena *arena,
                   struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db,
        "SELECT o.id, o.mail_id, m.account_id, m.sender, o.recipient, o.kind, o.state, o.why, "
        "o.reason,"
        " o.forced, o.ackdata, o.ack_packet, o.tries, o.next_sec, o.since_sec, o.left_sec,"
        " o.n_sent, o.told_sec, o.notify,"
        " o.report_due, o.original, CASE o.ttl_sec WHEN 0 THEN m.ttl_sec ELSE o.ttl_sec END,"
        " m.message_id, m.subject, m.needs_extended, length(m.content_plain),"
        " length(m.content_extended), m.accepted_sec, m.email_id, m.envelope_id, m.return_full, "
        "o.ticket, o.program_id"
        " FROM outgoing o JOIN outgoing_mail m ON m.id = o.mail_id WHERE o.id = ?1",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_DONE) {
        return fault_set(fault, FAULT_NOT_FOUND, "there is no number %" PRId64 " in the queue", id);
    }
    if (step != DB_ROW) {
        return false;
    }
    fill_row(out, stmt, arena);
    db_reset(stmt);
    return (unsigned)out->state < OUTGOING_N_STATES ||
           fault_set(fault, FAULT_CORRUPT, "a row of the queue has no known state");
}

bool outgoing_read_content(struct db *db, struct bytes *out, int64_t mail_id, bool extended,
                           struct arena *arena, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   extended ? "SELECT content_extended FROM outgoing_mail WHERE id = ?1"
                            : "SELECT content_plain FROM outgoing_mail WHERE id = ?1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mail_id);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such mail in the queue");
    }
    *out = take_bytes(stmt, 0, arena);
    db_reset(stmt);
    return true;
}

bool outgoing_count(struct db *db, size_t out[OUTGOING_N_STATES], struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT state, count(*) FROM outgoing GROUP BY state", fault);
    if (stmt == NULL) {
        return false;
    }
    for (size_t i = 0; i < OUTGOING_N_STATES; i++) {
        out[i] = 0;
    }
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        int64_t state = db_column_i64(stmt, 0);
        if (state >= 0 && state < OUTGOING_N_STATES) {
            out[state] = (size_t)db_column_i64(stmt, 1);
        }
    }
    return step == DB_DONE;
}
