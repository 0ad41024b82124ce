// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/walk_db.h"

#include <string.h>

#include "base/db.h"

static bool take_epoch(struct link_epoch *out, struct bytes epoch)
{
    if (epoch.len != LINK_EPOCH_BYTES) {
        return false;
    }
    memcpy(out->bytes, epoch.data, LINK_EPOCH_BYTES);
    return true;
}

bool walk_read_live(struct db *db, struct walk_mark *out, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT epoch, number FROM link_cursor WHERE id = 1", fault);
    if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    *out = (struct walk_mark){.id = WALK_LIVE, .number = (uint64_t)db_column_i64(stmt, 1)};
    bool ok = take_epoch(&out->epoch, db_column_bytes(stmt, 0));
    db_reset(stmt);
    return ok || fault_set(fault, FAULT_CORRUPT, "the cursor has no epoch");
}

bool walk_read_next(struct db *db, struct walk_row *out, int64_t after, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT id, own_id, sender, epoch, number, end_number"
                                      " FROM key_walk WHERE id > ?1 ORDER BY id LIMIT 1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, after);
    if (db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    *out = (struct walk_row){.mark.id = db_column_i64(stmt, 0),
                             .mark.last_id = db_column_i64(stmt, 0),
                             .own_id = db_column_i64(stmt, 1)};
    struct address sender;
    /* An address that can't be read is nobody's: its walk finds nothing, and ends. */
    if (address_decode(&sender, bytes_of_str(db_column_text(stmt, 2))) == ADDRESS_OK) {
        out->sender = sender;
    }
    out->is_begun = take_epoch(&out->mark.epoch, db_column_bytes(stmt, 3));
    if (out->is_begun) {
        out->mark.number = (uint64_t)db_column_i64(stmt, 4);
        out->mark.end = (uint64_t)db_column_i64(stmt, 5);
    }
    db_reset(stmt);
    return true;
}

static bool write_live(struct db *db, const struct walk_mark *mark, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "INSERT INTO link_cursor (id, epoch, number) VALUES (1, ?1, ?2)"
                   " ON CONFLICT (id) DO UPDATE SET epoch = ?1,"
                   " number = CASE epoch WHEN ?1 THEN max(number, ?2) ELSE ?2 END",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){mark->epoch.bytes, LINK_EPOCH_BYTES});
    db_bind_i64(stmt, 2, (int64_t)mark->number);
    return db_run(stmt, fault);
}

bool walk_write(struct db *db, const struct walk_mark *mark, struct fault *fault)
{
    if (mark->id == WALK_LIVE) {
        return write_live(db, mark, fault);
    }
    struct db_stmt *stmt =
        db_prepare(db,
                   "UPDATE key_walk SET number = CASE epoch WHEN ?2 THEN max(number, ?3)"
                   " ELSE ?3 END, end_number = ?4, epoch = ?2"
                   " WHERE id BETWEEN ?1 AND ?5",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mark->id);
    db_bind_bytes(stmt, 2, (struct bytes){mark->epoch.bytes, LINK_EPOCH_BYTES});
    db_bind_i64(stmt, 3, (int64_t)mark->number);
    db_bind_i64(stmt, 4, (int64_t)mark->end);
    db_bind_i64(stmt, 5, mark->last_id);
    return db_run(stmt, fault);
}

static bool run_with_id(struct db *db, const char *sql, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    return db_run(stmt, fault);
}

bool walk_write_ended(struct db *db, const struct walk_mark *mark, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "DELETE FROM key_walk WHERE id BETWEEN ?1 AND ?2", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mark->id);
    db_bind_i64(stmt, 2, mark->last_id);
    return db_run(stmt, fault);
}

bool walk_write_needless(struct db *db, int64_t own_id, struct fault *fault)
{
    return run_with_id(db, "DELETE FROM key_walk WHERE own_id = ?1 AND own_id != 0", own_id, fault);
}

bool walk_write_ended_up_to(struct db *db, int64_t last_id, struct fault *fault)
{
    return run_with_id(db, "DELETE FROM key_walk WHERE id <= ?1", last_id, fault);
}
