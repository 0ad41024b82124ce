// SPDX-License-Identifier: MIT
/* What must hold of every step added here: it is one more entry at the end of `steps`, a released
 * one is never edited, and tests/gateway/store keeps a database of each released version that must
 * come through with its UIDs and UIDVALIDITY as they were. */
#include "gateway/store/mail_db.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/fault.h"
#include "gateway/store/schema.h"

static bool run_statements(struct db *db, const char *const *statements, struct fault *fault)
{
    for (; *statements; statements++) {
        if (!db_exec(db, *statements, fault)) {
            return false;
        }
    }
    return true;
}

static bool make_version_1(struct db *db, struct fault *fault)
{
    if (!run_statements(db, store_schema, fault) || !run_statements(db, agent_schema, fault)) {
        return false;
    }
    struct db_stmt *stmt =
        db_prepare(db, "INSERT INTO counter (name, value) VALUES ('uid_validity', ?1)", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, clock_now_sec());
    return db_run(stmt, fault);
}

static bool add_people(struct db *db, struct fault *fault)
{
    return run_statements(db, people_schema, fault);
}

/* From today on: when they were written down nobody knows any more. */
static bool date_objects(struct db *db, struct fault *fault)
{
    if (!db_exec(db, agent_schema_object_date, fault)) {
        return false;
    }
    struct db_stmt *stmt = db_prepare(db, "UPDATE object_mail SET sec = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, clock_now_sec());
    return db_run(stmt, fault);
}

static const struct db_migration steps[] = {
    {NULL, make_version_1},
    {agent_schema_key_walk, NULL},
    {agent_schema_departures, NULL},
    {"CREATE INDEX body_by_thread ON body(thread_id)", NULL}, /* SEARCH THREADID */
    {NULL, add_people},
    {agent_schema_why, NULL},
    {agent_schema_handout, NULL},
    {store_schema_body_header, NULL},
    {"CREATE INDEX outgoing_by_recipient ON outgoing (recipient)", NULL}, /* answers by subject */
    {lock_schema, NULL},
    {agent_schema_tickets, NULL},
    {NULL, date_objects},
    {"DROP INDEX outgoing_by_ackdata", NULL}, /* they are all in memory: ack_wait.h */
};

const struct db_migration *mail_db_steps(size_t *out_n)
{
    *out_n = ARRAY_LEN(steps);
    return steps;
}

struct db *mail_db_open(const char *path, struct fault *fault)
{
    /* What was deleted is overwritten: mails and keys that a user removed are gone. */
    const struct db_options options = {.secure_delete = true, .busy_wait_ms = 5000};
    struct db *db = db_open(path, &options, fault);
    if (!db) {
        return NULL;
    }
    if (!db_migrate(db, steps, ARRAY_LEN(steps), fault)) {
        fault_wrap(fault, "open the mail database %s", path);
        db_close(&db);
        return NULL;
    }
    return db;
}

struct db *mail_db_open_reader(const char *path, struct fault *fault)
{
    const struct db_options options = {
        .read_only = true, .must_exist = true, .cache_kib = 4000, .busy_wait_ms = 1000};
    return db_open(path, &options, fault);
}

/* ---- files from outside ---- */

static const char shape_sql[] =
    "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '')"
    " FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1";

static bool same_shape(struct db *a, struct db *b, struct fault *fault)
{
    struct db_stmt *left = db_prepare(a, shape_sql, fault);
    struct db_stmt *right = left ? db_prepare(b, shape_sql, fault) : NULL;
    bool same = right != NULL;
    enum db_step step = DB_ROW;
    while (same && step == DB_ROW) {
        step = db_step(left, fault);
        same = step != DB_FAILED && db_step(right, fault) == step &&
               (step != DB_ROW || bytes_equal(db_column_bytes(left, 0), db_column_bytes(right, 0)));
    }
    if (left) {
        db_reset(left);
    }
    if (right) {
        db_reset(right);
    }
    return same || fault_set(fault, FAULT_CORRUPT, "its tables are not those of Bittern");
}

bool mail_db_check_foreign(const char *path, const char *scratch, struct fault *fault)
{
    struct db *db = mail_db_open_reader(path, fault);
    if (!db) {
        return false;
    }
    struct db *model = NULL;
    int64_t version = db_version(db, fault);
    bool ok = version >= 0;
    if (ok && version > (int64_t)ARRAY_LEN(steps)) {
        ok = fault_set(fault, FAULT_UNSUPPORTED, "it is of a newer Bittern");
    } else if (ok && version == 0) {
        ok = fault_set(fault, FAULT_CORRUPT, "it is not a mail database");
    }
    if (ok && db_quick_check(db, fault)) {
        model = db_open(scratch, &(struct db_options){.sync = DB_SYNC_NORMAL}, fault);
    }
    ok = model && db_migrate(model, steps, (size_t)version, fault) && same_shape(db, model, fault);
    db_close(&model);
    db_close(&db);
    return ok;
}
