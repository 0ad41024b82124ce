// SPDX-License-Identifier: MIT
#include "gateway/agent/pruning.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timer.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/store/mail_txn.h"

struct pruning {
    struct agent *agent;
    struct timer timer;
    int64_t clock_sec; /* at the last look */
    int64_t mono_ms;
};

#define MAIL_OF_OBJECT                                                                             \
    "SELECT 1 FROM body b WHERE b.message_id = trim(x.message_id, '<>')"                           \
    " AND b.account_id = x.account_id"

/* ?1: older than that; ?2: at most so many; ?3: now. A mail of the queue goes as a whole, when none
 * of its recipients waits for anything (0 to 3: in Outbox; 4 with a time: sent, to be
 * acknowledged). */
static const struct {
    const char *sql;
    int64_t keep_sec;
    bool takes_now;
} rows[] = {
    {"DELETE FROM outgoing_mail WHERE id IN (SELECT m.id FROM outgoing_mail m WHERE"
     " m.accepted_sec < ?1 AND NOT EXISTS (SELECT 1 FROM outgoing o WHERE o.mail_id = m.id AND"
     " (o.state < 4 OR (o.state = 4 AND o.next_sec != 0) OR o.since_sec >= ?1 OR o.report_due != "
     "0))"
     " ORDER BY m.id LIMIT ?2)",
     PRUNING_KEEP_QUEUE_SEC, false},
    {"DELETE FROM seen WHERE mark IN (SELECT mark FROM seen WHERE sec < ?1 ORDER BY sec LIMIT ?2)",
     SEEN_KEEP_SEC, false},
    {"DELETE FROM pubkey WHERE address IN (SELECT address FROM pubkey WHERE personal = 0"
     " AND seen_sec < ?1 LIMIT ?2)",
     PRUNING_KEEP_PUBKEY_SEC, false},
    /* Of a mail that still stands in a mailbox: looked at again after that time. */
    {"UPDATE object_mail SET sec = ?3 WHERE (hash, account_id) IN (SELECT x.hash, x.account_id"
     " FROM object_mail x WHERE x.sec < ?1 AND EXISTS (" MAIL_OF_OBJECT
     ") ORDER BY x.sec LIMIT ?2)",
     PRUNING_KEEP_THREAD_SEC, true},
    {"DELETE FROM object_mail WHERE (hash, account_id) IN (SELECT x.hash, x.account_id"
     " FROM object_mail x WHERE x.sec < ?1 AND NOT EXISTS (" MAIL_OF_OBJECT
     ") ORDER BY x.sec LIMIT ?2)",
     PRUNING_KEEP_THREAD_SEC, false},
};

bool pruning_run(struct mail_txn *txn, int64_t now_sec, size_t *out_n, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    *out_n = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct db_stmt *stmt = db_prepare(db, rows[i].sql, fault);
        if (stmt == NULL) {
            return false;
        }
        db_bind_i64(stmt, 1, now_sec - rows[i].keep_sec);
        db_bind_i64(stmt, 2, PRUNING_MAX_ROWS);
        if (rows[i].takes_now) {
            db_bind_i64(stmt, 3, now_sec);
        }
        if (!db_run(stmt, fault)) {
            return false;
        }
        *out_n += (size_t)db_changes(db);
    }
    return true;
}

bool pruning_is_steady(int64_t clock_span_sec, int64_t true_span_sec)
{
    int64_t off_sec = clock_span_sec - true_span_sec;
    return off_sec <= PRUNING_STEP_SEC && off_sec >= -PRUNING_STEP_SEC;
}

struct prune_job {
    int64_t now_sec;
    size_t n_dropped;
};

static bool run_prune(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct prune_job *prune = job;
    return pruning_run(txn, prune->now_sec, &prune->n_dropped, fault);
}

static void prune_done(void *job, const struct fault *fault)
{
    struct prune_job *prune = job;
    if (fault != NULL) {
        log_warn("agent", "old rows not dropped reason=\"%s\"", fault->text);
    } else if (prune->n_dropped > 0) {
        log_info("agent", "old rows dropped n=%zu", prune->n_dropped);
    }
    free(prune);
}

static void look(void *context)
{
    struct pruning *pruning = context;
    int64_t now_sec = clock_now_sec();
    int64_t mono_ms = clock_mono_ms();
    if (pruning_is_steady(now_sec - pruning->clock_sec, (mono_ms - pruning->mono_ms) / 1000)) {
        struct prune_job *prune = xcalloc(1, sizeof(*prune));
        prune->now_sec = now_sec;
        agent_write(pruning->agent, run_prune, prune_done, prune);
    }
    pruning->clock_sec = now_sec;
    pruning->mono_ms = mono_ms;
}

struct pruning *pruning_new(struct agent *agent)
{
    struct pruning *pruning = xcalloc(1, sizeof(*pruning));
    pruning->agent = agent;
    pruning->clock_sec = clock_now_sec();
    pruning->mono_ms = clock_mono_ms();
    timer_init(&pruning->timer, agent->parts.loop, look, pruning);
    timer_arm_periodic(&pruning->timer, (int64_t)PRUNING_EVERY_SEC * 1000);
    return pruning;
}

void pruning_free(struct pruning **pruning_in)
{
    struct pruning *pruning = *pruning_in;
    *pruning_in = NULL;
    if (pruning != NULL) {
        timer_cancel(&pruning->timer);
        free(pruning);
    }
}
