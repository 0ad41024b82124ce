// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/outgoing_step.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/db.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/outgoing.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/store/mail_txn.h"

static bool change(struct mail_txn *txn, const struct outgoing_step *step, enum outgoing_state to,
                   int64_t next_sec, int tries, struct fault *fault)
{
    const struct outgoing_change wanted = {
        .to = to,
        .why = step->why,
        .reason = step->reason,
        .next_sec = next_sec,
        .tries = tries,
    };
    return outgoing_change(txn, step->id, &wanted, fault);
}

/* Asking again changes no state, only when to look next. */
static bool postpone(struct mail_txn *txn, const struct outgoing_step *step, int64_t next_sec,
                     struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        mail_txn_db(txn), "UPDATE outgoing SET next_sec = ?2, tries = ?3 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, step->id);
    db_bind_i64(stmt, 2, next_sec);
    db_bind_i64(stmt, 3, step->tries);
    return db_run(stmt, fault);
}

static bool run_ask(struct mail_txn *txn, const struct outgoing_step *step, struct fault *fault)
{
    int64_t next_sec = mail_txn_now_sec(txn) + step->ttl_sec + step->ttl_sec / 10;
    if (!pubkeys_write_request(txn, &step->address, step->ttl_sec, fault)) {
        return false;
    }
    return step->state == OUTGOING_QUEUED
               ? change(txn, step, OUTGOING_AWAITING_KEY, next_sec, (int)step->tries, fault)
               : postpone(txn, step, next_sec, fault);
}

static bool run_job(struct mail_txn *txn, const struct outgoing_step *step, struct fault *fault)
{
    const struct object_job_new job = {
        .kind = step->job_kind,
        .outgoing_id = step->id,
        .address = "",
        .object = buf_view(&step->object),
        .demand = step->demand,
        .ttl_sec = step->ttl_sec,
        .expires_sec = step->expires_sec,
    };
    return object_jobs_write(mail_txn_db(txn), &job, fault);
}

static bool run_step(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct outgoing_step *step = job;
    struct arena arena = {0};
    struct outgoing_row row;
    bool found = outgoing_read(mail_txn_db(txn), &row, step->id, &arena, fault);
    bool is_current = found && row.state == step->state;
    arena_clear(&arena);
    if (!is_current) {
        return found; /* cancelled or acknowledged meanwhile: nothing to do */
    }
    switch (step->kind) {
    case STEP_BEGIN_WORK:
        return change(txn, step, OUTGOING_WORKING, 0, step->state == OUTGOING_AWAITING_KEY ? 0 : -1,
                      fault);
    case STEP_HOLD:
        return (step->state == OUTGOING_WORKING ||
                change(txn, step, OUTGOING_WORKING, 0, -1, fault)) &&
               change(txn, step, OUTGOING_HELD, 0, -1, fault);
    case STEP_ASK:
        return run_ask(txn, step, fault);
    case STEP_KEY_FOUND:
        return pubkeys_store(txn, &step->sender, true, fault);
    case STEP_JOB:
        return run_job(txn, step, fault);
    case STEP_RESEND:
        return change(txn, step, OUTGOING_WORKING, 0, -1, fault);
    case STEP_FAIL:
        return change(txn, step, OUTGOING_FAILED, 0, -1, fault);
    }
    return true;
}

static void step_done(void *job, const struct fault *fault)
{
    struct outgoing_step *step = job;
    struct agent *agent = step->agent;
    if (fault != NULL) {
        log_error("agent", "outgoing id=%" PRId64 " step not written down reason=\"%s\"", step->id,
                  fault->text);
    }
    if (!agent->closing) {
        outgoing_step_ended(agent->outgoing, step->id);
        if (fault == NULL) {
            agent_queue_changed(agent);
        }
    }
    buf_clear(&step->object);
    free(step);
}

struct outgoing_step *outgoing_step_new(struct agent *agent, enum outgoing_step_kind kind,
                                        const struct outgoing_row *row)
{
    struct outgoing_step *step = xcalloc(1, sizeof(*step));
    step->agent = agent;
    step->kind = kind;
    step->id = row->id;
    step->state = row->state;
    step->tries = row->tries;
    return step;
}

void outgoing_step_submit_take(struct outgoing_step *step)
{
    agent_write(step->agent, run_step, step_done, step);
}
