// SPDX-License-Identifier: MIT
/* One step of one row of the outgoing queue, written down. A step is decided in the loop, goes by
 * value to the writer thread, and does nothing there when the row is no longer in the state in
 * which it was looked at: it was cancelled or acknowledged meanwhile. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_STEP_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_STEP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/outgoing/outgoing_state.h"
#include "gateway/agent/work/object_jobs_db.h"
#include "gateway/translate/report.h"
#include "node/objects/sender.h"

struct agent;
struct outgoing_row;

enum outgoing_step_kind {
    STEP_BEGIN_WORK, /* -> working */
    STEP_HOLD,       /* -> working -> held */
    STEP_ASK,        /* -> awaiting-key, with a request; or a further request */
    STEP_KEY_FOUND,  /* the key was in the node's store: keep it */
    STEP_JOB,        /* working: an object to work on */
    STEP_RESEND,     /* sent -> working */
    STEP_FAIL        /* -> failed */
};

struct outgoing_step {
    struct agent *agent;
    enum outgoing_step_kind kind;
    int64_t id;
    enum outgoing_state state;
    enum report_why why; /* HOLD, FAIL */
    char reason[FAULT_TEXT_BYTES];

    struct address address; /* ASK */
    int64_t ttl_sec;
    uint32_t tries;
    struct sender sender; /* KEY_FOUND */

    struct buf object; /* JOB: owned */
    enum object_job_kind job_kind;
    struct pow_demand demand;
    int64_t expires_sec;
};

struct outgoing_step *outgoing_step_new(struct agent *agent, enum outgoing_step_kind kind,
                                        const struct outgoing_row *row) MUST_USE;
/* To the writer; then the queue is told (outgoing_step_ended), also when it failed. */
void outgoing_step_submit_take(struct outgoing_step *step);

#endif
