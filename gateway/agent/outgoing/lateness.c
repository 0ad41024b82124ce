// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/lateness.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/message_build.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/outgoing/reports.h"
#include "gateway/store/mail_txn.h"
#include "mailproto/smtp/smtp_session.h"

/* Those to be told now, by value to the writer thread. */
struct telling {
    struct agent *agent;
    int64_t ids[LATENESS_BATCH];
    size_t n_ids;
};

static bool run_telling(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct telling *telling = job;
    for (size_t i = 0; i < telling->n_ids; i++) {
        if (!outgoing_tell_late(txn, telling->ids[i], fault)) {
            return false;
        }
    }
    return true;
}

static void telling_done(void *job, const struct fault *fault)
{
    struct telling *telling = job;
    if (fault != NULL) {
        log_warn("agent", "late mails not noted reason=\"%s\"", fault->text);
    } else if (!telling->agent->closing) {
        reports_wake(telling->agent->reports);
    }
    free(telling);
}

/* The parameters are named below; the numbers are those of enum outgoing_state. */
static const char late_sql[] =
    "SELECT o.id, o.state, o.told_sec, m.accepted_sec FROM outgoing o"
    " JOIN outgoing_mail m ON m.id = o.mail_id"
    " WHERE (o.state IN (1, 2, 3) AND (o.notify = 0 OR o.notify & ?1) OR o.state = 0 AND o.notify "
    "& ?1)"
    " AND (o.state = 2 AND o.told_sec = 0"
    "  OR CASE o.told_sec WHEN 0 THEN m.accepted_sec + ?2 ELSE o.told_sec + ?3 END <= ?4)";

static bool works_long(struct agent *agent, int64_t id)
{
    struct pow_progress progress;
    return object_jobs_progress(agent->jobs, id, &progress) &&
           progress.left_sec > LATENESS_LONG_WORK_SEC;
}

static void collect(struct telling *telling, int64_t now_sec)
{
    struct agent *agent = telling->agent;
    struct db_stmt *stmt = db_prepare(agent_reader(agent), late_sql, NULL);
    if (stmt == NULL) {
        return;
    }
    db_bind_i64(stmt, 1, SMTP_NOTIFY_DELAY);
    db_bind_i64(stmt, 2, LATENESS_FIRST_SEC);
    db_bind_i64(stmt, 3, LATENESS_AGAIN_SEC);
    db_bind_i64(stmt, 4, now_sec);
    while (telling->n_ids < LATENESS_BATCH && db_step(stmt, NULL) == DB_ROW) {
        int64_t id = db_column_i64(stmt, 0);
        bool is_early =
            db_column_i64(stmt, 2) == 0 && db_column_i64(stmt, 3) + LATENESS_FIRST_SEC > now_sec;
        if (!is_early || works_long(agent, id)) {
            telling->ids[telling->n_ids++] = id;
        }
    }
    db_reset(stmt);
}

void lateness_check(struct lateness *lateness, struct agent *agent)
{
    int64_t now_sec = clock_now_sec();
    int64_t since_sec = now_sec - lateness->checked_sec;
    if (since_sec >= 0 && since_sec < LATENESS_CHECK_SEC) {
        return;
    }
    struct telling *telling = xcalloc(1, sizeof(*telling));
    telling->agent = agent;
    collect(telling, now_sec);
    /* A full batch: the rest at the next look, a second later. */
    lateness->checked_sec = telling->n_ids < LATENESS_BATCH ? now_sec : 0;
    if (telling->n_ids == 0) {
        free(telling);
    } else {
        agent_write(agent, run_telling, telling_done, telling);
    }
}

/* ---- in words ---- */

/* A message that is signed goes its way. */
static bool is_built(struct db *db, int64_t outgoing_id)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT 1 FROM object_job WHERE outgoing_id = ?1 AND step IN (?2, ?3, ?4)", NULL);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, outgoing_id);
    db_bind_i64(stmt, 2, JOB_WORK);
    db_bind_i64(stmt, 3, JOB_PUBLISH);
    db_bind_i64(stmt, 4, JOB_LEAVING);
    bool found = db_step(stmt, NULL) == DB_ROW;
    db_reset(stmt);
    return found;
}

bool lateness_waits_for_keys(struct agent *agent, const struct outgoing_row *row)
{
    if (!message_waits_for_keys(row, &agent->keyring)) {
        return false;
    }
    return row->state == OUTGOING_QUEUED ||
           (row->state == OUTGOING_AWAITING_KEY && row->next_sec <= clock_now_sec()) ||
           (row->state == OUTGOING_WORKING && !is_built(agent_reader(agent), row->id));
}

static enum report_why explain_work(struct agent *agent, const struct outgoing_row *row,
                                    struct buf *reason)
{
    struct pow_progress progress;
    struct work_cost cost;
    buf_append_str(reason, "this machine does the proof of work that the network asks for");
    if (message_cost_left(&cost, row, &agent->keyring, agent_reader(agent),
                          agent->parts.settings)) {
        buf_append_str(reason, ", ");
        work_cost_write(reason, &cost, 0);
    }
    if (object_jobs_progress(agent->jobs, row->id, &progress) && progress.left_sec >= 0) {
        buf_append_str(reason, ": about ");
        work_cost_write_time(reason, progress.left_sec);
        buf_append_str(reason, " more, and in 19 of 20 cases less than ");
        work_cost_write_time(reason, progress.left_p95_sec);
    }
    return REPORT_WHY_WORK;
}

enum report_why lateness_explain(struct agent *agent, const struct outgoing_row *row,
                                 struct buf *reason)
{
    bool is_resend = row->n_sent > 0;
    if (lateness_waits_for_keys(agent, row)) {
        buf_append_str(reason, LATENESS_LOCKED);
        return REPORT_WHY_TURN;
    }
    switch (row->state) {
    case OUTGOING_QUEUED:
        buf_append_str(reason, "it waits for its turn, or for the node");
        return REPORT_WHY_TURN;
    case OUTGOING_AWAITING_KEY:
        buf_append_str(reason, "the recipient's public key is not known yet: it was asked for, and "
                               "his Bitmessage answers when it runs");
        return REPORT_WHY_NO_KEY;
    case OUTGOING_HELD:
        buf_append_str(reason, row->reason);
        return REPORT_WHY_TOO_DEAR;
    case OUTGOING_WORKING:
    case OUTGOING_SENT:
        if (is_resend && (row->state == OUTGOING_WORKING || row->n_sent > 1)) {
            buf_printf(reason,
                       "it was sent %u times, and no acknowledgement came in its lifetime: it is "
                       "sent again, for twice as long",
                       (unsigned)(row->n_sent - (row->state == OUTGOING_SENT ? 1 : 0)));
            return REPORT_WHY_NO_ACK;
        }
        return row->state == OUTGOING_WORKING ? explain_work(agent, row, reason) : REPORT_WHY_NONE;
    case OUTGOING_DELIVERED:
    case OUTGOING_FAILED:
    case OUTGOING_CANCELLED:
        break;
    }
    return REPORT_WHY_NONE;
}
