// SPDX-License-Identifier: MIT
/* What the agent need not keep for ever, dropped by its age: mails of the queue that ended long
 * ago, marks of what was seen, public keys of people whom nobody here wrote to, and which object
 * carried a mail that is deleted.
 *
 * Ages are those of the clock, which may be wrong. So nothing is dropped before the clock has gone
 * on evenly for a while, and each time only a bounded number of rows. */
#ifndef BITTERN_GATEWAY_AGENT_PRUNING_H
#define BITTERN_GATEWAY_AGENT_PRUNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct agent;
struct mail_txn;
struct pruning;

enum {
    PRUNING_KEEP_QUEUE_SEC = 90 * 86400,  /* since the last recipient's end */
    PRUNING_KEEP_PUBKEY_SEC = 28 * 86400, /* unless it is of somebody we wrote to or heard from */
    PRUNING_KEEP_THREAD_SEC =
        400 * 86400, /* an answer to a mail that is deleted finds its thread */
    PRUNING_EVERY_SEC = 3600,
    PRUNING_STEP_SEC = 600, /* the clock against the time that went by: more is a step */
    PRUNING_MAX_ROWS = 1000 /* of each table, at a time */
};

struct pruning *pruning_new(struct agent *agent) MUST_USE;
void pruning_free(struct pruning **pruning);

/* Once, in a transaction. *out_n: rows dropped or renewed. */
bool pruning_run(struct mail_txn *txn, int64_t now_sec, size_t *out_n,
                 struct fault *fault) MUST_USE;
/* Did the clock go on evenly? Both spans are since the look before. */
bool pruning_is_steady(int64_t clock_span_sec, int64_t true_span_sec) MUST_USE;

#endif
