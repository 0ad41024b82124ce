// SPDX-License-Identifier: MIT
/* The monthly cap: how much has gone both ways in this calendar month (UTC), and what the node
 * gives up as the cap comes near, in this order:
 *
 *     from  80 %   takes no more inbound connections
 *     from  90 %   ends those that there are, and hands out no object but our own
 *     at   100 %   has no connection at all, until the next month
 *
 * so that a person's own mail is the last to suffer. Counts of a few months are kept: a clock that
 * steps away and back finds its month again. No I/O, no clock. {0} with a cap is a valid start. */
#ifndef BITTERN_NODE_P2P_MONTH_CAP_H
#define BITTERN_NODE_P2P_MONTH_CAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    MONTH_CAP_MAX_MONTHS = 3,
    MONTH_CAP_NO_INBOUND_PERCENT = 80,
    MONTH_CAP_NO_RELAY_PERCENT = 90
};

enum month_stage { MONTH_OPEN, MONTH_NO_INBOUND, MONTH_NO_RELAY, MONTH_SILENT };

struct month_count {
    int32_t month; /* year * 12 + month from 0 */
    uint64_t bytes;
};

struct month_cap {
    uint64_t cap_bytes; /* 0: unbounded */
    struct month_count months[MONTH_CAP_MAX_MONTHS];
    size_t n_months;
};

/* So many bytes went since the last call. */
void month_cap_count(struct month_cap *cap, uint64_t bytes, int64_t now_sec);
/* As it was saved. */
void month_cap_restore(struct month_cap *cap, struct month_count count);
uint64_t month_cap_used(const struct month_cap *cap, int64_t now_sec) MUST_USE;
enum month_stage month_cap_stage(const struct month_cap *cap, int64_t now_sec) MUST_USE;
/* What the node does in that stage, in words for the log. Static storage. */
const char *month_stage_text(enum month_stage stage) MUST_USE;

#endif
