// SPDX-License-Identifier: MIT
#include "gateway/store/bodies.h"

#include "base/buf.h"
#include "base/db.h"
#include "base/fault.h"
#include "crypto/hash.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/messages.h"

/* How many of a References header's names are looked up: the newest ones, nearest in the thread. */
enum { BODY_MAX_REFERENCES = 20 };

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct bytes message_id_trim(struct bytes text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text = bytes_slice(text, 1, text.len);
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    if (text.len >= 2 && text.data[0] == '<' && text.data[text.len - 1] == '>') {
        text = bytes_slice(text, 1, text.len - 2);
    }
    return text.len <= MESSAGE_MESSAGE_ID_MAX_BYTES ? text : (struct bytes){0};
}

/* ---- Threads ---- */

/* The thread of the account's mail with that Message-ID: DB_ROW, or DB_DONE when there is none. */
static enum db_step find_thread(struct db *db, int64_t *out, int64_t account_id,
                                struct bytes message_id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT thread_id FROM body WHERE message_id = ?1 AND account_id = ?2 LIMIT 1", fault);
    if (!stmt) {
        return DB_FAILED;
    }
    db_bind_text_bytes(stmt, 1, message_id);
    db_bind_i64(stmt, 2, account_id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    return step;
}

/* Take the last "<...>" off the end of `list`; empty when there is none. */
static struct bytes take_last_id(struct bytes *list)
{
    size_t end = list->len;
    while (end > 0 && list->data[end - 1] != '>') {
        end--;
    }
    size_t start = end;
    while (start > 0 && list->data[start - 1] != '<') {
        start--;
    }
    if (start == 0) {
        list->len = 0;
        return (struct bytes){0};
    }
    struct bytes id = bytes_slice(*list, start, end - 1 - start);
    list->len = start - 1;
    return id;
}

/* Of the mails that a header names, the last that we have: its thread. */
static enum db_step thread_of_header(struct db *db, int64_t *out, int64_t account_id,
                                     struct bytes header, struct fault *fault)
{
    for (int i = 0; i < BODY_MAX_REFERENCES; i++) {
        struct bytes id = take_last_id(&header);
        if (id.len == 0) {
            break;
        }
        enum db_step step = find_thread(db, out, account_id, id, fault);
        if (step != DB_DONE) {
            return step;
        }
    }
    return DB_DONE;
}

/* *out 0: it begins one. */
static bool thread_of_mail(struct db *db, int64_t *out, int64_t account_id,
                           const struct mail_envelope *envelope, struct fault *fault)
{
    *out = 0;
    enum db_step step = thread_of_header(db, out, account_id, envelope->references, fault);
    if (step == DB_DONE) {
        step = thread_of_header(db, out, account_id, envelope->in_reply_to, fault);
    }
    return step != DB_FAILED;
}

/* ---- Writing ---- */

/* The id that a mail gets: never one that was given before. Known ahead, a mail that begins a
 * thread need not be written twice to name it after itself. */
static bool next_id(struct db *db, int64_t *out, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT seq FROM sqlite_sequence WHERE name = 'body'", fault);
    if (!stmt) {
        return false;
    }
    enum db_step step = db_step(stmt, fault);
    *out = step == DB_ROW ? db_column_i64(stmt, 0) + 1 : 1;
    db_reset(stmt);
    return step != DB_FAILED;
}

static bool insert_body(struct db *db, uint64_t *out_id, int64_t account_id, struct bytes content,
                        const struct mail_analysis *analysis, struct fault *fault)
{
    int64_t id;
    int64_t thread_id;
    if (!next_id(db, &id, fault) ||
        !thread_of_mail(db, &thread_id, account_id, &analysis->info.envelope, fault)) {
        return false;
    }
    struct db_stmt *stmt = db_prepare(
        db,
        "INSERT INTO body (account_id, size, digest, thread_id, message_id, preview, info,"
        " header_len, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        fault);
    if (!stmt) {
        return false;
    }
    uint8_t digest[SHA256_BYTES];
    hash_sha256(digest, content);
    struct bytes message_id = message_id_trim(analysis->info.envelope.message_id);
    db_bind_i64(stmt, 1, account_id);
    db_bind_i64(stmt, 2, (int64_t)content.len);
    db_bind_bytes(stmt, 3, (struct bytes){digest, sizeof(digest)});
    db_bind_i64(stmt, 4, thread_id == 0 ? id : thread_id);
    if (message_id.len == 0) {
        db_bind_null(stmt, 5);
    } else {
        db_bind_text_bytes(stmt, 5, message_id);
    }
    db_bind_text_bytes(stmt, 6, analysis->preview);
    db_bind_bytes(stmt, 7, analysis->info_blob);
    db_bind_i64(stmt, 8, (int64_t)analysis->info.parts[0].body_offset);
    db_bind_i64(stmt, 9, id);
    *out_id = (uint64_t)id;
    return db_run(stmt, fault);
}

static bool insert_text(struct db *db, uint64_t id, const struct message_text *text,
                        struct fault *fault)
{
    const struct {
        const char *sql;
        struct bytes text;
    } tables[] = {
        {"INSERT INTO body_header (body_id, header_text) VALUES (?1, ?2)", text->header},
        {"INSERT INTO body_text (body_id, body_text) VALUES (?1, ?2)", text->body},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct db_stmt *stmt = db_prepare(db, tables[i].sql, fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, (int64_t)id);
        db_bind_bytes(stmt, 2, tables[i].text);
        if (!db_run(stmt, fault)) {
            return false;
        }
    }
    return true;
}

bool bodies_add(struct db *db, uint64_t *out_id, int64_t account_id, struct bytes content,
                const struct mail_analysis *analysis, struct fault *fault)
{
    if (content.len > MESSAGE_MAX_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a message has at most %d bytes", MESSAGE_MAX_BYTES);
    }
    uint64_t id;
    if (!insert_body(db, &id, account_id, content, analysis, fault) ||
        !insert_text(db, id, &analysis->text, fault)) {
        return false;
    }
    for (uint64_t piece = 0; piece * BODY_PIECE_BYTES < content.len; piece++) {
        struct db_stmt *stmt =
            db_prepare(db, "INSERT INTO body_piece (id, content) VALUES (?1, ?2)", fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, (int64_t)(id * BODY_MAX_PIECES + piece));
        db_bind_bytes(stmt, 2, bytes_slice(content, piece * BODY_PIECE_BYTES, BODY_PIECE_BYTES));
        if (!db_run(stmt, fault)) {
            return false;
        }
    }
    *out_id = id;
    return true;
}

bool bodies_remove(struct db *db, uint64_t id, struct fault *fault)
{
    static const char *const deletions[] = {
        "DELETE FROM body_piece WHERE id >= ?1 * 1024 AND id < (?1 + 1) * 1024",
        "DELETE FROM body_header WHERE body_id = ?1",
        "DELETE FROM body_text WHERE body_id = ?1",
        "DELETE FROM body WHERE id = ?1",
    };
    _Static_assert(BODY_MAX_PIECES == 1024, "the statement above says so, too");
    for (size_t i = 0; i < ARRAY_LEN(deletions); i++) {
        struct db_stmt *stmt = db_prepare(db, deletions[i], fault);
        if (!stmt) {
            return false;
        }
        db_bind_i64(stmt, 1, (int64_t)id);
        if (!db_run(stmt, fault)) {
            return false;
        }
    }
    return true;
}

/* ---- Reading ---- */

bool bodies_read_piece(struct db *db, struct buf *out, uint64_t id, uint64_t number,
                       struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "SELECT content FROM body_piece WHERE id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)(id * BODY_MAX_PIECES + number));
    enum db_step step = db_step(stmt, fault);
    struct bytes piece = step == DB_ROW ? db_column_bytes(stmt, 0) : (struct bytes){0};
    bool ok = step == DB_ROW;
    if (ok && !buf_try_reserve(out, piece.len)) {
        ok = buf_ok(out) ? fault_set(fault, FAULT_BUSY, "there is no memory for the message now")
                         : fault_set(fault, FAULT_LIMIT, "the message is larger than expected");
    } else if (ok) {
        buf_append_bytes(out, piece);
    } else if (step == DB_DONE) {
        fault_set(fault, FAULT_NOT_FOUND, "the message is gone");
    }
    db_reset(stmt);
    return ok;
}

bool bodies_read(struct db *db, struct buf *out, uint64_t id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "SELECT size FROM body WHERE id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)id);
    enum db_step step = db_step(stmt, fault);
    uint64_t size = step == DB_ROW ? (uint64_t)db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "the message is gone");
    }
    for (uint64_t piece = 0; piece * BODY_PIECE_BYTES < size; piece++) {
        if (!bodies_read_piece(db, out, id, piece, fault)) {
            return false;
        }
    }
    return true;
}
