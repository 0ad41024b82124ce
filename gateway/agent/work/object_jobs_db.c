// SPDX-License-Identifier: MIT
#include "gateway/agent/work/object_jobs_db.h"

#include <inttypes.h>

#include "base/db.h"
#include "base/mem.h"

bool object_jobs_write(struct db *db, const struct object_job_new *job, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "INSERT INTO object_job (kind, step, outgoing_id, address, object, hash,"
                   " trials_per_byte, extra_bytes, ttl_sec, expires_sec, due_sec)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    uint8_t hash[INVENTORY_HASH_BYTES];
    db_bind_i64(stmt, 1, job->kind);
    db_bind_i64(stmt, 2, job->finished ? JOB_PUBLISH : JOB_WORK);
    db_bind_i64(stmt, 3, job->outgoing_id);
    db_bind_text(stmt, 4, job->address);
    db_bind_bytes(stmt, 5, job->object);
    if (job->finished) {
        hash_inventory(hash, job->object);
        db_bind_bytes(stmt, 6, (struct bytes){hash, sizeof(hash)});
    } else {
        db_bind_null(stmt, 6);
    }
    db_bind_i64(stmt, 7, (int64_t)job->demand.trials_per_byte);
    db_bind_i64(stmt, 8, (int64_t)job->demand.extra_bytes);
    db_bind_i64(stmt, 9, job->ttl_sec);
    db_bind_i64(stmt, 10, job->expires_sec);
    db_bind_i64(stmt, 11, job->due_sec);
    return db_run(stmt, fault) || fault_wrap(fault, "store an object to be sent");
}

bool object_jobs_read(struct db *db, struct object_job_row *out, int64_t id, struct arena *arena,
                      struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT id, kind, step, outgoing_id, object, trials_per_byte, extra_bytes,"
                   " ttl_sec, expires_sec, due_sec FROM object_job WHERE id = ?1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such object job");
    }
    struct bytes object = db_column_bytes(stmt, 4);
    *out = (struct object_job_row){
        .id = db_column_i64(stmt, 0),
        .kind = (enum object_job_kind)db_column_i64(stmt, 1),
        .step = (enum object_job_step)db_column_i64(stmt, 2),
        .outgoing_id = db_column_i64(stmt, 3),
        .object = {arena_memdup(arena, object.data, object.len), object.len},
        .demand = {(uint64_t)db_column_i64(stmt, 5), (uint64_t)db_column_i64(stmt, 6)},
        .ttl_sec = db_column_i64(stmt, 7),
        .expires_sec = db_column_i64(stmt, 8),
        .due_sec = db_column_i64(stmt, 9),
    };
    db_reset(stmt);
    return true;
}

bool object_jobs_finish(struct db *db, int64_t id, struct bytes object, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "UPDATE object_job SET object = ?2, hash = ?3, step = ?4 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    uint8_t hash[INVENTORY_HASH_BYTES];
    hash_inventory(hash, object);
    db_bind_i64(stmt, 1, id);
    db_bind_bytes(stmt, 2, object);
    db_bind_bytes(stmt, 3, (struct bytes){hash, sizeof(hash)});
    db_bind_i64(stmt, 4, JOB_PUBLISH);
    return db_run(stmt, fault);
}

bool object_jobs_set_step(struct db *db, int64_t id, enum object_job_step step, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "UPDATE object_job SET step = ?2 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, step);
    return db_run(stmt, fault);
}

/* Run `sql`, whose parameters are numbers. */
static bool run_numbers(struct db *db, const char *sql, const int64_t *numbers, int n_numbers,
                        struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (stmt == NULL) {
        return false;
    }
    for (int i = 0; i < n_numbers; i++) {
        db_bind_i64(stmt, i + 1, numbers[i]);
    }
    return db_run(stmt, fault);
}

bool object_jobs_delete(struct db *db, int64_t id, struct fault *fault)
{
    return run_numbers(db, "DELETE FROM object_job WHERE id = ?1", &id, 1, fault);
}

bool object_jobs_drop_unsent(struct db *db, int64_t outgoing_id, struct fault *fault)
{
    const int64_t numbers[] = {outgoing_id, JOB_WORK, JOB_PUBLISH};
    return run_numbers(db, "DELETE FROM object_job WHERE outgoing_id = ?1 AND step IN (?2, ?3)",
                       numbers, 3, fault);
}

bool object_jobs_claim(struct db *db, bool *out, int64_t id, struct fault *fault)
{
    const int64_t numbers[] = {id, JOB_PUBLISH, JOB_LEAVING};
    bool ok = run_numbers(db, "UPDATE object_job SET step = ?3 WHERE id = ?1 AND step = ?2",
                          numbers, 3, fault);
    *out = ok && db_changes(db) > 0;
    return ok;
}

bool object_jobs_is_leaving(struct db *db, bool *out, int64_t outgoing_id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT EXISTS (SELECT 1 FROM object_job WHERE outgoing_id = ?1 AND step = ?2)", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, outgoing_id);
    db_bind_i64(stmt, 2, JOB_LEAVING);
    if (db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    *out = db_column_i64(stmt, 0) != 0;
    db_reset(stmt);
    return true;
}

bool object_jobs_is_asking(struct db *db, bool *out, enum object_job_kind kind, const char *address,
                           int64_t now_sec, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT EXISTS (SELECT 1 FROM object_job WHERE address = ?1 AND kind = ?2"
                   " AND expires_sec > ?3)",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, address);
    db_bind_i64(stmt, 2, kind);
    db_bind_i64(stmt, 3, now_sec);
    if (db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    *out = db_column_i64(stmt, 0) != 0;
    db_reset(stmt);
    return true;
}

bool object_jobs_offer_again(struct db *db, int64_t now_sec, int64_t spread_sec,
                             struct fault *fault)
{
    const int64_t numbers[] = {JOB_OFFER_AGAIN, now_sec, spread_sec + 1, JOB_PUBLISHED};
    return run_numbers(db,
                       "UPDATE object_job SET step = ?1, due_sec = ?2 + abs(random() % ?3)"
                       " WHERE step = ?4 AND expires_sec > ?2",
                       numbers, 4, fault);
}

bool object_jobs_drop_expired(struct db *db, int64_t now_sec, struct fault *fault)
{
    const int64_t numbers[] = {now_sec, JOB_PUBLISHED, JOB_OFFER_AGAIN, JOB_RELEASE_ACK};
    return run_numbers(db,
                       "DELETE FROM object_job WHERE expires_sec <= ?1"
                       " AND (step IN (?2, ?3) OR kind = ?4)",
                       numbers, 4, fault);
}
