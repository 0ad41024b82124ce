// SPDX-License-Identifier: MIT
#include "gateway/agent/keys/pubkey_ahead.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timer.h"
#include "crypto/random.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/store/mail_txn.h"
#include "node/objects/pubkey.h"

enum { LOOK_EVERY_MS = 3600 * 1000, RETRY_MS = 60 * 1000 };

/* ---- in a transaction ---- */

static bool write_one(struct db *db, const struct pubkey_ahead_order *order, int64_t expires_sec,
                      struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "INSERT INTO pubkey_ahead (identity_id, expires_sec, object)"
                                      " VALUES (?1, ?2, ?3)",
                                      fault);
    struct buf object = {0};
    bool ok = stmt != NULL &&
              pubkey_write(&object, (uint64_t)expires_sec, &order->sender, order->keys, fault);
    if (ok) {
        db_bind_i64(stmt, 1, order->identity_id);
        db_bind_i64(stmt, 2, expires_sec);
        db_bind_bytes(stmt, 3, buf_view(&object));
        ok = db_run(stmt, fault);
    }
    buf_clear(&object);
    return ok;
}

/* The last end there is; 0: none. */
static bool read_last(struct db *db, int64_t *out, int64_t identity_id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT max(expires_sec) FROM pubkey_ahead WHERE identity_id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, identity_id);
    bool ok = db_step(stmt, fault) == DB_ROW;
    *out = ok ? db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    return ok;
}

static int64_t horizon_sec(int64_t now_sec)
{
    return now_sec + (int64_t)PUBKEY_AHEAD_OBJECTS * PUBKEY_AHEAD_STEP_SEC;
}

bool pubkey_ahead_write(struct db *db, const struct pubkey_ahead_order *order, struct fault *fault)
{
    int64_t last_sec = 0;
    if (!read_last(db, &last_sec, order->identity_id, fault)) {
        return false;
    }
    if (last_sec < order->now_sec + PUBKEY_AHEAD_STEP_SEC) { /* none, or all but run out */
        last_sec = order->now_sec + random_between(1, PUBKEY_AHEAD_STEP_SEC);
    }
    for (int64_t next_sec = last_sec + PUBKEY_AHEAD_STEP_SEC;
         next_sec <= horizon_sec(order->now_sec) + PUBKEY_AHEAD_STEP_SEC;
         next_sec += PUBKEY_AHEAD_STEP_SEC) {
        if (!write_one(db, order, next_sec, fault)) {
            return fault_wrap(fault, "sign a public key ahead");
        }
    }
    return true;
}

bool pubkey_ahead_take(struct db *db, struct buf *out, int64_t *out_expires_sec,
                       int64_t identity_id, int64_t now_sec, struct fault *fault)
{
    *out_expires_sec = 0;
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT expires_sec, object FROM pubkey_ahead"
                                      " WHERE identity_id = ?1 AND expires_sec > ?2"
                                      " AND expires_sec <= ?3 ORDER BY expires_sec DESC LIMIT 1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, identity_id);
    db_bind_i64(stmt, 2, now_sec);
    db_bind_i64(stmt, 3, now_sec + PUBKEY_TTL_SEC);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out_expires_sec = db_column_i64(stmt, 0);
        buf_append_bytes(out, db_column_bytes(stmt, 1));
    }
    db_reset(stmt);
    struct db_stmt *drop =
        step == DB_FAILED
            ? NULL
            : db_prepare(db,
                         "DELETE FROM pubkey_ahead WHERE identity_id = ?1 AND expires_sec <= ?2",
                         fault);
    if (drop == NULL) {
        return false;
    }
    db_bind_i64(drop, 1, identity_id);
    db_bind_i64(drop, 2, *out_expires_sec);
    return db_run(drop, fault);
}

/* ---- in the loop ---- */

struct pubkeys_ahead {
    struct agent *agent;
    struct deferred pump;
    struct timer timer;
    int64_t after; /* all up to that identity are filled up */
    bool is_writing;
};

struct pubkey_ahead_order pubkey_ahead_order_of(const struct own_key *own, int64_t now_sec)
{
    return (struct pubkey_ahead_order){
        .identity_id = own->id,
        .sender = keyring_sender(own),
        .keys = &own->keys,
        .now_sec = now_sec,
    };
}

/* By value to the writer: keys and all, wiped after. */
struct filling {
    struct pubkeys_ahead *ahead;
    struct agent *agent;
    struct identity_keys keys;
    struct pubkey_ahead_order order;
};

/* The terms may have changed since: then the next look does it with the new ones. */
static bool has_these_terms(struct db *db, bool *out, const struct pubkey_ahead_order *order,
                            struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT behaviour = ?2 AND trials_per_byte = ?3 AND"
                                      " extra_bytes = ?4 AND lock_id != 0 FROM identity"
                                      " WHERE id = ?1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, order->identity_id);
    db_bind_i64(stmt, 2, order->sender.behaviour);
    db_bind_i64(stmt, 3, (int64_t)order->sender.demand.trials_per_byte);
    db_bind_i64(stmt, 4, (int64_t)order->sender.demand.extra_bytes);
    enum db_step step = db_step(stmt, fault);
    *out = step == DB_ROW && db_column_i64(stmt, 0) != 0;
    db_reset(stmt);
    return step != DB_FAILED;
}

static bool run_filling(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct filling *filling = job;
    struct db *db = mail_txn_db(txn);
    bool is_current = false;
    return has_these_terms(db, &is_current, &filling->order, fault) &&
           (!is_current || pubkey_ahead_write(db, &filling->order, fault));
}

static void filling_done(void *job, const struct fault *fault)
{
    struct filling *filling = job;
    struct pubkeys_ahead *ahead = filling->ahead;
    if (!filling->agent->closing) {
        ahead->is_writing = false;
        if (fault != NULL) {
            log_warn("agent", "public keys not signed ahead reason=\"%s\"", fault->text);
            timer_arm(&ahead->timer, RETRY_MS);
        } else {
            deferred_arm(&ahead->pump);
        }
    }
    mem_wipe(&filling->keys, sizeof(filling->keys));
    free(filling);
}

/* The next identity under a passphrase whose keys are open, and whose last object ends before the
 * horizon. */
static const struct own_key *find_next(struct pubkeys_ahead *ahead, int64_t now_sec)
{
    const struct keyring *keyring = &ahead->agent->keyring;
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        int64_t last_sec = 0;
        if (own->id <= ahead->after || own->kind == IDENTITY_CHAN || own->lock_id == 0 ||
            !own->can_sign) {
            continue;
        }
        ahead->after = own->id;
        if (read_last(agent_reader(ahead->agent), &last_sec, own->id, NULL) &&
            last_sec < horizon_sec(now_sec)) {
            return own;
        }
    }
    return NULL;
}

static void pump(void *context)
{
    struct pubkeys_ahead *ahead = context;
    int64_t now_sec = clock_now_sec();
    const struct own_key *own = ahead->is_writing ? NULL : find_next(ahead, now_sec);
    if (own == NULL) {
        return;
    }
    struct filling *filling = xcalloc(1, sizeof(*filling));
    filling->ahead = ahead;
    filling->agent = ahead->agent;
    filling->keys = own->keys;
    filling->order = pubkey_ahead_order_of(own, now_sec);
    filling->order.keys = &filling->keys;
    ahead->is_writing = true;
    agent_write(ahead->agent, run_filling, filling_done, filling);
}

void pubkeys_ahead_wake(struct pubkeys_ahead *ahead)
{
    ahead->after = 0;
    deferred_arm(&ahead->pump);
}

static void on_timer(void *context)
{
    struct pubkeys_ahead *ahead = context;
    pubkeys_ahead_wake(ahead);
    timer_arm(&ahead->timer, LOOK_EVERY_MS);
}

struct pubkeys_ahead *pubkeys_ahead_new(struct agent *agent)
{
    struct pubkeys_ahead *ahead = xcalloc(1, sizeof(*ahead));
    ahead->agent = agent;
    deferred_init(&ahead->pump, agent->parts.loop, pump, ahead);
    timer_init(&ahead->timer, agent->parts.loop, on_timer, ahead);
    timer_arm(&ahead->timer, LOOK_EVERY_MS);
    return ahead;
}

void pubkeys_ahead_stop(struct pubkeys_ahead *ahead)
{
    deferred_cancel(&ahead->pump);
    timer_cancel(&ahead->timer);
}

void pubkeys_ahead_free(struct pubkeys_ahead **ahead)
{
    free(*ahead);
    *ahead = NULL;
}

int64_t pubkeys_ahead_until_sec(struct agent *agent)
{
    int64_t until_sec = 0;
    struct db_stmt *stmt = db_prepare(
        agent_reader(agent),
        "SELECT min(coalesce((SELECT max(expires_sec) FROM pubkey_ahead a"
        " WHERE a.identity_id = i.id), 0)) FROM identity i WHERE i.kind = ?1 AND i.enabled"
        " AND i.lock_id != 0",
        NULL);
    if (stmt != NULL) {
        db_bind_i64(stmt, 1, IDENTITY_OWN);
        until_sec = db_step(stmt, NULL) == DB_ROW ? db_column_i64(stmt, 0) : 0;
        db_reset(stmt);
    }
    return until_sec;
}
