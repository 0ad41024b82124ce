// SPDX-License-Identifier: MIT
/* Who is told that a mail is late (RFC 3461 section 4.1, NOTIFY=DELAY, or no NOTIFY at all):
 *
 *     its key did not come in four hours, then each day; likewise what is held
 *     its work takes more than minutes: at once, then each day
 *     it waits its turn: the same, for those who asked for it
 *     it is sent again: each time (outgoing_db.h)
 *
 * Times are those of the clock, since the mail was accepted. Told means: a report is due, in the
 * row, from where reports.h takes it up. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_LATENESS_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_LATENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "gateway/translate/report.h"

struct agent;
struct buf;
struct outgoing_row;

enum {
    LATENESS_FIRST_SEC = 4 * 3600,
    LATENESS_AGAIN_SEC = 86400,
    LATENESS_LONG_WORK_SEC = 300, /* still to go, on average */
    LATENESS_CHECK_SEC = 30,
    LATENESS_BATCH = 64 /* told at a time */
};

struct lateness {
    int64_t checked_sec;
};

/* What it says of a mail whose sender's keys are locked, here and in the queue. */
#define LATENESS_LOCKED "it waits for its sender's keys, which are locked: bittern unlock"
bool lateness_waits_for_keys(struct agent *agent, const struct outgoing_row *row) MUST_USE;

/* Look, if it is time. From the loop, every second. */
void lateness_check(struct lateness *lateness, struct agent *agent);

/* What a delay report says of a row as it now is: `reason` is appended to. REPORT_WHY_NONE: it is
 * late no more. */
enum report_why lateness_explain(struct agent *agent, const struct outgoing_row *row,
                                 struct buf *reason) MUST_USE;

#endif
