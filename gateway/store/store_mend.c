// SPDX-License-Identifier: MIT
#include "gateway/store/store_mend.h"

#include "base/buf.h"
#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/analysis.h"
#include "gateway/store/bodies.h"
#include "gateway/store/folder_rows.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "mailproto/imap/message_info.h"

/* ---- Contents. ---- */

/* The pieces of a body, if they are all there: then true. */
static bool read_pieces(struct db *db, struct buf *out, int64_t id, int64_t size,
                        bool *out_is_whole, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT id, content FROM body_piece WHERE id BETWEEN ?1 AND ?2 ORDER BY id", fault);
    if (!stmt) {
        return false;
    }
    int64_t next = id * BODY_MAX_PIECES;
    db_bind_i64(stmt, 1, next);
    db_bind_i64(stmt, 2, next + BODY_MAX_PIECES - 1);
    bool in_order = true;
    enum db_step step;
    buf_reset(out);
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct bytes piece = db_column_bytes(stmt, 1);
        in_order = in_order && db_column_i64(stmt, 0) == next++ &&
                   out->len % BODY_PIECE_BYTES == 0 && piece.len <= BODY_PIECE_BYTES;
        if (in_order) {
            buf_append_bytes(out, piece);
        }
    }
    *out_is_whole = in_order && out->len == (uint64_t)size;
    return step == DB_DONE;
}

struct mended_body {
    int64_t id;
    int64_t account_id;
    int64_t size;
    int64_t arrived_sec;
    bool has_form; /* its row is there, with a form that can be read */
    uint8_t digest[SHA256_BYTES];
    bool has_digest;
};

/* A row of its own, or the same one with a form as if nobody had understood the mail. */
static bool write_plain(struct db *db, const struct mended_body *content, struct bytes bytes,
                        const uint8_t digest[SHA256_BYTES], struct fault *fault)
{
    struct arena arena = {0};
    struct mail_analysis analysis;
    analysis_of_opaque(&analysis, bytes, content->arrived_sec, &arena);
    struct db_stmt *stmt =
        db_prepare(db,
                   "INSERT INTO body (id, account_id, size, header_len, digest, thread_id, preview,"
                   " info) VALUES (?1, ?2, ?3, ?4, ?5, ?1, '', ?6) ON CONFLICT (id) DO UPDATE SET"
                   " header_len = ?4, digest = ?5, preview = '', info = ?6",
                   fault);
    bool ok = stmt != NULL;
    if (ok) {
        db_bind_i64(stmt, 1, content->id);
        db_bind_i64(stmt, 2, content->account_id);
        db_bind_i64(stmt, 3, content->size);
        db_bind_i64(stmt, 4, (int64_t)analysis.info.parts[0].body_offset);
        db_bind_bytes(stmt, 5, (struct bytes){digest, SHA256_BYTES});
        db_bind_bytes(stmt, 6, analysis.info_blob);
        ok = db_run(stmt, fault);
    }
    arena_clear(&arena);
    return ok;
}

static bool write_digest(struct db *db, int64_t id, const uint8_t digest[SHA256_BYTES],
                         struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "UPDATE body SET digest = ?2 WHERE id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_bytes(stmt, 2, (struct bytes){digest, SHA256_BYTES});
    return db_run(stmt, fault);
}

static bool mend_content(struct db *db, const struct mended_body *content, struct buf *pieces,
                         struct store_mended *out, struct fault *fault)
{
    bool is_whole;
    if (!read_pieces(db, pieces, content->id, content->size, &is_whole, fault)) {
        return false;
    }
    if (!is_whole) {
        return bodies_remove(db, (uint64_t)content->id, fault);
    }
    uint8_t digest[SHA256_BYTES];
    hash_sha256(digest, buf_view(pieces));
    bool is_same =
        content->has_digest && bytes_equal((struct bytes){digest, sizeof digest},
                                           (struct bytes){content->digest, SHA256_BYTES});
    out->n_altered += content->has_digest && !is_same;
    out->n_plain += !content->has_form;
    if (!content->has_form) {
        return write_plain(db, content, buf_view(pieces), digest, fault);
    }
    return is_same || write_digest(db, content->id, digest, fault);
}

static void read_content(struct db_stmt *stmt, struct mended_body *out)
{
    struct arena arena = {0};
    struct message_info info;
    struct bytes digest = db_column_bytes(stmt, 4);
    struct bytes form = db_column_bytes(stmt, 5);
    *out = (struct mended_body){.id = db_column_i64(stmt, 0),
                                .account_id = db_column_i64(stmt, 1),
                                .size = db_column_i64(stmt, 2),
                                .arrived_sec = db_column_i64(stmt, 3)};
    out->has_digest = digest.len == SHA256_BYTES;
    if (out->has_digest) {
        struct reader reader = reader_of(digest);
        reader_copy(&reader, out->digest, SHA256_BYTES);
    }
    out->has_form = message_info_parse(&info, form, (uint64_t)out->size, &arena, NULL) &&
                    db_column_i64(stmt, 6) >= 0 && db_column_i64(stmt, 6) <= out->size;
    arena_clear(&arena);
}

/* By id, so that a row that is written does not come again. */
static bool mend_each(struct db *db, const char *next_sql, struct store_mended *out,
                      struct fault *fault)
{
    struct mended_body content = {.id = 0};
    struct buf pieces;
    buf_init(&pieces, 0);
    enum db_step step = DB_ROW;
    bool ok = true;
    while (ok && step == DB_ROW) {
        struct db_stmt *stmt = db_prepare(db, next_sql, fault);
        if (!stmt) {
            ok = false;
            break;
        }
        db_bind_i64(stmt, 1, content.id);
        step = db_step(stmt, fault);
        if (step == DB_ROW) {
            read_content(stmt, &content);
            db_reset(stmt);
            ok = mend_content(db, &content, &pieces, out, fault);
        }
    }
    buf_clear(&pieces);
    return ok && step == DB_DONE;
}

static bool mend_contents(struct db *db, struct store_mended *out, struct fault *fault)
{
    static const char with_row[] = "SELECT id, account_id, size, 0, digest, info, header_len"
                                   " FROM body WHERE id > ?1 ORDER BY id LIMIT 1";
    /* Of which only messages and pieces still tell. */
    static const char without_row[] =
        "SELECT m.body_id, b.account_id, m.size, m.internal_sec, NULL, NULL, -1"
        " FROM message m JOIN mailbox b ON b.id = m.mailbox_id WHERE m.body_id > ?1"
        " AND NOT EXISTS (SELECT 1 FROM body WHERE id = m.body_id) ORDER BY m.body_id LIMIT 1";
    return mend_each(db, with_row, out, fault) && mend_each(db, without_row, out, fault);
}

/* ---- Rows. ---- */

static bool run_all(struct db *db, const char *const *statements, struct fault *fault)
{
    for (; *statements; statements++) {
        if (!db_exec(db, *statements, fault)) {
            return false;
        }
    }
    return true;
}

/* Before contents are looked at: each message stands in a mailbox, each mailbox in an account. */
static const char *const place_all[] = {
    "DELETE FROM message WHERE uid NOT BETWEEN 1 AND 4200000000",
    "INSERT INTO account (id, name, created_sec) SELECT DISTINCT account_id,"
    " 'salvaged-' || account_id, 0 FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)",
    "INSERT INTO account (name, created_sec) SELECT 'salvaged', 0 WHERE NOT EXISTS"
    " (SELECT 1 FROM account) AND EXISTS (SELECT 1 FROM message)",
    /* Of whom a mailbox was says a body in it; else it is the first account's. */
    "INSERT INTO mailbox (id, account_id, name, kind, special_use, uid_validity)"
    " SELECT m.mailbox_id, coalesce((SELECT b.account_id FROM message o JOIN body b"
    " ON b.id = o.body_id WHERE o.mailbox_id = m.mailbox_id AND b.account_id IN"
    " (SELECT id FROM account) LIMIT 1), (SELECT min(id) FROM account)),"
    " 'Salvaged/' || m.mailbox_id, 0, 0, 0 FROM (SELECT DISTINCT mailbox_id FROM message) m"
    " WHERE m.mailbox_id NOT IN (SELECT id FROM mailbox)",
    "UPDATE mailbox SET is_container = 0 WHERE id IN (SELECT mailbox_id FROM message)",
    NULL,
};

/* Afterwards: what leads nowhere goes. */
static const char *const tidy_all[] = {
    "DELETE FROM body_piece WHERE id / 1024 NOT IN (SELECT id FROM body)",
    "DELETE FROM body_text WHERE body_id NOT IN (SELECT id FROM body)",
    "DELETE FROM body_header WHERE body_id NOT IN (SELECT id FROM body)",
    "INSERT INTO body_text (body_id, body_text) SELECT id, x'' FROM body"
    " WHERE id NOT IN (SELECT body_id FROM body_text)",
    "INSERT INTO body_header (body_id, header_text) SELECT id, x'' FROM body"
    " WHERE id NOT IN (SELECT body_id FROM body_header)",
    "UPDATE message SET size = (SELECT size FROM body WHERE id = body_id)",
    "DELETE FROM released_body",
    "INSERT INTO released_body SELECT id FROM body WHERE id NOT IN (SELECT body_id FROM message)",
    "DELETE FROM expunged WHERE mailbox_id NOT IN (SELECT id FROM mailbox) OR EXISTS"
    " (SELECT 1 FROM message m WHERE m.mailbox_id = expunged.mailbox_id"
    " AND m.uid BETWEEN first_uid AND last_uid)",
    "DELETE FROM keyword WHERE mailbox_id NOT IN (SELECT id FROM mailbox)"
    " OR bit NOT BETWEEN 0 AND 63",
    /* A name that was lost leaves a gap, which no keyword may have. */
    "WITH RECURSIVE gap (mailbox_id, bit) AS (SELECT mailbox_id, max(bit) - 1 FROM keyword"
    " GROUP BY mailbox_id UNION ALL SELECT mailbox_id, bit - 1 FROM gap WHERE bit > 0)"
    " INSERT OR IGNORE INTO keyword (mailbox_id, bit, name)"
    " SELECT mailbox_id, bit, 'salvaged-' || bit FROM gap WHERE bit >= 0",
    "UPDATE message SET keywords = keywords & ((1 << (SELECT count(*) FROM keyword k WHERE"
    " k.mailbox_id = message.mailbox_id)) - 1) WHERE (SELECT count(*) FROM keyword k WHERE"
    " k.mailbox_id = message.mailbox_id) < 64",
    "DELETE FROM metadata WHERE account_id NOT IN (SELECT id FROM account)",
    "DELETE FROM subscribed_name WHERE account_id NOT IN (SELECT id FROM account)",
    "DELETE FROM login_alias WHERE account_id NOT IN (SELECT id FROM account)",
    /* Damage may have made any number of what only counts up: one that can't be is worked out. */
    "UPDATE message SET modseq = 1 WHERE modseq NOT BETWEEN 1 AND 1 << 52",
    "UPDATE mailbox SET modseq_highest = 1 WHERE modseq_highest NOT BETWEEN 1 AND 1 << 52",
    "UPDATE mailbox SET forgotten_modseq = min(max(forgotten_modseq, 0), modseq_highest)",
    "UPDATE mailbox SET uid_next = 1 WHERE uid_next NOT BETWEEN 1 AND 4200000000",
    "UPDATE mailbox SET uid_validity = 0 WHERE uid_validity NOT BETWEEN 1 AND 4200000000",
    "UPDATE counter SET value = 1 WHERE name = 'uid_validity'"
    " AND value NOT BETWEEN 1 AND 4200000000",
    "DELETE FROM expunged WHERE last_uid > 4200000000 OR modseq > 1 << 52",
    "UPDATE mailbox SET"
    " uid_next = max(uid_next, 1 + coalesce((SELECT max(uid) FROM message m"
    " WHERE m.mailbox_id = mailbox.id), 0), 1 + coalesce((SELECT max(last_uid) FROM expunged e"
    " WHERE e.mailbox_id = mailbox.id), 0)),"
    " modseq_highest = max(modseq_highest, coalesce((SELECT max(modseq) FROM message m"
    " WHERE m.mailbox_id = mailbox.id), 1)),"
    " (n_messages, n_unseen, n_deleted, size_bytes) = (SELECT count(*),"
    " coalesce(sum(flags & 8 = 0), 0), coalesce(sum(flags & 4 != 0), 0), coalesce(sum(size), 0)"
    " FROM message m WHERE m.mailbox_id = mailbox.id)",
    "UPDATE account SET (used_messages, used_bytes) = (SELECT coalesce(sum(n_messages), 0),"
    " coalesce(sum(size_bytes), 0) FROM mailbox b WHERE b.account_id = account.id)",
    "INSERT OR IGNORE INTO counter (name, value) VALUES ('uid_validity', 1)",
    "UPDATE counter SET value = max(value, coalesce((SELECT max(uid_validity) FROM mailbox), 0))"
    " WHERE name = 'uid_validity'",
    NULL,
};

static bool take_out_lost(struct db *db, int64_t *out_n, struct fault *fault)
{
    bool ok = db_exec(db, "DELETE FROM message WHERE body_id NOT IN (SELECT id FROM body)", fault);
    *out_n = ok ? db_changes(db) : 0;
    return ok;
}

/* ---- Mailboxes. ---- */

/* The row after `*id`. */
static enum db_step next_row(struct db *db, const char *sql, int64_t *id, int64_t *out_account,
                             struct arena *arena, const char **out_name, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (!stmt) {
        return DB_FAILED;
    }
    db_bind_i64(stmt, 1, *id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *id = db_column_i64(stmt, 0);
        *out_account = db_column_i64(stmt, 1);
        *out_name = arena_strdup(arena, db_column_text(stmt, 2));
    }
    db_reset(stmt);
    return step;
}

static bool mend_folders(struct mail_txn *txn, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct arena arena = {0};
    const char *name;
    int64_t account;
    int64_t id = 0;
    bool ok = true;
    enum db_step step = DB_ROW;
    while (ok && (step = next_row(db,
                                  "SELECT id, account_id, name FROM mailbox WHERE id > ?1"
                                  " ORDER BY id LIMIT 1",
                                  &id, &account, &arena, &name, fault)) == DB_ROW) {
        ok = folder_ensure_parents(txn, account, name, fault);
    }
    ok = ok && step == DB_DONE;
    id = 0;
    while (ok && (step = next_row(db,
                                  "SELECT id, id, name FROM account WHERE id > ?1"
                                  " ORDER BY id LIMIT 1",
                                  &id, &account, &arena, &name, fault)) == DB_ROW) {
        ok = folders_create_defaults(txn, account, fault);
    }
    arena_clear(&arena);
    return ok && step == DB_DONE;
}

bool store_mend(struct mail_txn *txn, struct store_mended *out, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    *out = (struct store_mended){0};
    return run_all(db, place_all, fault) && mend_contents(db, out, fault) &&
           take_out_lost(db, &out->n_lost, fault) && run_all(db, tidy_all, fault) &&
           mend_folders(txn, fault);
}
