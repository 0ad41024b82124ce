// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/kept_objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timer.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/incoming/incoming.h"
#include "gateway/agent/incoming/walk.h"
#include "gateway/store/mail_txn.h"

enum { RETRY_MS = 1000 };

#define MISSED_NOTE "'lock missed'"

struct kept_objects {
    struct agent *agent;
    struct kept_status status;
    struct deferred pump;
    struct timer retry;
    int64_t last_id; /* all up to it were taken up since the keys were opened */
    size_t n_open;
    bool is_dropping;
    bool is_at_end;

    /* Tried, and to be dropped. */
    int64_t ids[KEPT_AT_ONCE];
    size_t n_ids;
};

static void pump(void *context);

static bool read_status(struct db *db, struct kept_status *out, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT count(*), coalesce(sum(length(object)), 0),"
                   " EXISTS (SELECT 1 FROM agent_note WHERE name = " MISSED_NOTE ")"
                   " FROM kept_object",
                   fault);
    if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    out->n_objects = (uint64_t)db_column_i64(stmt, 0);
    out->n_bytes = (uint64_t)db_column_i64(stmt, 1);
    out->is_full = db_column_i64(stmt, 2) != 0;
    db_reset(stmt);
    return true;
}

struct kept_objects *kept_objects_new(struct agent *agent, struct fault *fault)
{
    struct kept_objects *kept = xcalloc(1, sizeof(*kept));
    kept->agent = agent;
    deferred_init(&kept->pump, agent->parts.loop, pump, kept);
    timer_init(&kept->retry, agent->parts.loop, pump, kept);
    if (!read_status(agent_reader(agent), &kept->status, fault)) {
        (void)fault_wrap(fault, "count what was kept for locked keys");
        kept_objects_free(&kept);
    }
    return kept;
}

void kept_objects_stop(struct kept_objects *kept)
{
    deferred_cancel(&kept->pump);
    timer_cancel(&kept->retry);
}

void kept_objects_free(struct kept_objects **kept)
{
    free(*kept);
    *kept = NULL;
}

struct kept_status kept_objects_status(const struct kept_objects *kept)
{
    return kept->status;
}

/* ---- keeping ---- */

/* By value to the writer, but for the arrival, which waits for its end. */
struct keeping {
    struct kept_objects *kept;
    struct agent *agent;
    struct arrival *arrival;
    bool has_room;
    bool is_new;
    bool has_mark;
    struct walk_mark mark;
    void (*done)(struct arrival *arrival, const struct fault *fault);
};

static bool insert(struct mail_txn *txn, struct keeping *keeping, struct fault *fault)
{
    const struct arrival *arrival = keeping->arrival;
    struct db_stmt *stmt =
        db_prepare(mail_txn_db(txn),
                   "INSERT OR IGNORE INTO kept_object (hash, arrived_sec, object)"
                   " VALUES (?1, ?2, ?3)",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){arrival->hash, OBJECT_HASH_BYTES});
    db_bind_i64(stmt, 2, arrival->arrived_sec);
    db_bind_bytes(stmt, 3, (struct bytes){arrival->bytes, arrival->bytes_len});
    bool ok = db_run(stmt, fault);
    keeping->is_new = ok && db_changes(mail_txn_db(txn)) > 0;
    return ok;
}

static bool run_keeping(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct keeping *keeping = job;
    struct db *db = mail_txn_db(txn);
    bool ok = keeping->has_room ? insert(txn, keeping, fault)
                                : db_exec(db,
                                          "INSERT OR IGNORE INTO agent_note (name, value)"
                                          " VALUES (" MISSED_NOTE ", x'')",
                                          fault);
    return ok && (!keeping->has_mark || walk_write(db, &keeping->mark, fault));
}

static void count_back(struct kept_objects *kept, const struct arrival *arrival)
{
    kept->status.n_objects--;
    kept->status.n_bytes -= arrival->bytes_len;
}

static void keeping_done(void *job, const struct fault *fault)
{
    struct keeping *keeping = job;
    struct kept_objects *kept = keeping->kept;
    if (!keeping->agent->closing) {
        if (keeping->has_room && (fault != NULL || !keeping->is_new)) {
            count_back(kept, keeping->arrival);
        }
        keeping->done(keeping->arrival, fault);
        kept_objects_wake(kept); /* the keys may have been opened meanwhile */
    }
    free(keeping);
}

static bool has_room(const struct kept_objects *kept, size_t object_len)
{
    const struct agent_settings *settings = &kept->agent->parts.settings->agent;
    return kept->status.n_objects < settings->lock_keep_objects &&
           object_len <= settings->lock_keep_bytes &&
           kept->status.n_bytes <= settings->lock_keep_bytes - object_len;
}

void kept_objects_keep(struct kept_objects *kept, struct arrival *arrival,
                       void (*done)(struct arrival *arrival, const struct fault *fault))
{
    struct keeping *keeping = xcalloc(1, sizeof(*keeping));
    keeping->kept = kept;
    keeping->agent = kept->agent;
    keeping->arrival = arrival;
    keeping->done = done;
    keeping->has_room = has_room(kept, arrival->bytes_len);
    keeping->has_mark = walk_mark_with(arrival, &keeping->mark);
    if (keeping->has_room) {
        kept->status.n_objects++;
        kept->status.n_bytes += arrival->bytes_len;
    } else if (!kept->status.is_full) {
        kept->status.is_full = true;
        log_warn("agent", "no room for more messages that wait for locked keys objects=%llu",
                 (unsigned long long)kept->status.n_objects);
    }
    agent_write(kept->agent, run_keeping, keeping_done, keeping);
}

/* ---- trying ---- */

struct dropping {
    struct kept_objects *kept;
    struct agent *agent;
    int64_t ids[KEPT_AT_ONCE];
    size_t n_ids;
    uint64_t n_objects;
    uint64_t n_bytes;
};

static bool drop_one(struct db *db, struct dropping *dropping, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "DELETE FROM kept_object WHERE id = ?1 RETURNING length(object)", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        dropping->n_objects++;
        dropping->n_bytes += (uint64_t)db_column_i64(stmt, 0);
        return db_run(stmt, fault);
    }
    return step == DB_DONE;
}

static bool run_dropping(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct dropping *dropping = job;
    dropping->n_objects = 0;
    dropping->n_bytes = 0;
    for (size_t i = 0; i < dropping->n_ids; i++) {
        if (!drop_one(mail_txn_db(txn), dropping, dropping->ids[i], fault)) {
            return false;
        }
    }
    return true;
}

static void dropping_done(void *job, const struct fault *fault)
{
    struct dropping *dropping = job;
    struct kept_objects *kept = dropping->kept;
    if (!dropping->agent->closing) {
        kept->is_dropping = false;
        if (fault == NULL) {
            kept->status.n_objects -= dropping->n_objects;
            kept->status.n_bytes -= dropping->n_bytes;
            kept->is_at_end = false;
            deferred_arm(&kept->pump);
        } else { /* they are tried again, which does no harm */
            log_warn("agent", "what was kept is not dropped reason=\"%s\"", fault->text);
            kept->last_id = 0;
            timer_arm(&kept->retry, RETRY_MS);
        }
    }
    free(dropping);
}

static void drop_tried(struct kept_objects *kept)
{
    struct dropping *dropping = xcalloc(1, sizeof(*dropping));
    dropping->kept = kept;
    dropping->agent = kept->agent;
    memcpy(dropping->ids, kept->ids, sizeof(dropping->ids));
    dropping->n_ids = kept->n_ids;
    kept->n_ids = 0;
    kept->is_dropping = true;
    agent_write(kept->agent, run_dropping, dropping_done, dropping);
}

void kept_objects_tried(struct kept_objects *kept, const struct arrival *arrival)
{
    kept->n_open--;
    if (arrival->has_all_keys) {
        kept->ids[kept->n_ids++] = arrival->kept_id;
    }
    deferred_arm(&kept->pump);
}

/* At most so many as there is room for noting that they were tried. */
static void take_next(struct kept_objects *kept)
{
    struct db_stmt *stmt =
        db_prepare(agent_reader(kept->agent),
                   "SELECT id, object, arrived_sec FROM kept_object WHERE id > ?1 ORDER BY id"
                   " LIMIT ?2",
                   NULL);
    size_t n_room = KEPT_AT_ONCE - kept->n_open - kept->n_ids;
    size_t n_taken = 0;
    if (stmt == NULL) {
        return;
    }
    db_bind_i64(stmt, 1, kept->last_id);
    db_bind_i64(stmt, 2, (int64_t)n_room);
    while (n_taken < n_room && db_step(stmt, NULL) == DB_ROW) {
        n_taken++;
        kept->n_open++;
        kept->last_id = db_column_i64(stmt, 0);
        incoming_take_kept(kept->agent->incoming, kept->last_id, db_column_bytes(stmt, 1),
                           db_column_i64(stmt, 2));
    }
    db_reset(stmt);
    kept->is_at_end = n_taken < n_room;
}

static void pump(void *context)
{
    struct kept_objects *kept = context;
    if (kept->is_dropping) {
        return;
    }
    bool is_open = kept->agent->keyring.n_undecrypted == 0;
    if (is_open && !kept->is_at_end && kept->n_open + kept->n_ids < KEPT_AT_ONCE) {
        take_next(kept);
    }
    if (kept->n_ids > 0 && kept->n_open == 0) {
        drop_tried(kept);
    }
}

void kept_objects_wake(struct kept_objects *kept)
{
    if (kept->status.n_objects > 0 && kept->agent->keyring.n_undecrypted == 0) {
        if (kept->n_open == 0) {
            kept->last_id = 0;
        }
        kept->is_at_end = false;
        deferred_arm(&kept->pump);
    }
}

bool kept_objects_catch_up(struct db *db, struct fault *fault)
{
    return db_exec(db,
                   "DELETE FROM key_walk WHERE own_id != 0"
                   " AND EXISTS (SELECT 1 FROM agent_note WHERE name = " MISSED_NOTE ");"
                   "INSERT INTO key_walk (own_id) SELECT id FROM identity WHERE enabled"
                   " AND EXISTS (SELECT 1 FROM agent_note WHERE name = " MISSED_NOTE ");"
                   "DELETE FROM agent_note WHERE name = " MISSED_NOTE,
                   fault);
}
