// SPDX-License-Identifier: MIT
/* What both ends of the link have: an input that frames are taken from, an output, the hello that
 * must come first, and the questions that wait for their answers. */
#ifndef BITTERN_NODE_LINK_LINK_END_INTERNAL_H
#define BITTERN_NODE_LINK_LINK_END_INTERNAL_H

#include "base/buf.h"
#include "node/link/link_frame.h"

struct link_end {
    struct buf in;
    size_t n_taken; /* bytes at the front of `in` whose events were handed out */
    struct buf out;
    bool has_greeted;    /* the other side said hello */
    struct fault breach; /* why the link is dead; FAULT_NONE while it lives */
};

void link_end_init(struct link_end *end);
void link_end_clear(struct link_end *end);
bool link_end_feed(struct link_end *end, struct bytes in, struct fault *fault) MUST_USE;
/* True and a frame; false and `fault` as link_gateway_next_event. Sees to it that hello comes first
 * and once. */
bool link_end_next(struct link_end *end, struct link_frame *out, struct fault *fault) MUST_USE;
/* The other side broke a rule: the link is dead from now on. Returns false. */
bool link_end_break(struct link_end *end, struct fault *fault, const char *why);

/* Numbers of questions that are open, without order. */
struct link_pending {
    uint64_t requests[LINK_MAX_PENDING];
    size_t n_requests;
};

/* False when it is there already or there is no room. */
bool link_pending_add(struct link_pending *pending, uint64_t request) MUST_USE;
bool link_pending_has(const struct link_pending *pending, uint64_t request) MUST_USE;
/* False when it was not there. */
bool link_pending_remove(struct link_pending *pending, uint64_t request) MUST_USE;

/* A scan that runs: slot 0 of the array is the live scan's own. */
struct link_scan {
    bool is_running;
    uint32_t id;
    uint32_t run;  /* tells this start of it from an earlier one under the same id */
    uint64_t last; /* the greatest number sent or seen */

    /* Of the gateway's end alone. */
    struct link_epoch epoch; /* the one asked for */
    uint64_t asked_number;
    bool has_started; /* `last` holds */
};
enum { LINK_N_SCANS = 1 + LINK_MAX_SCANS };

/* NULL when no such scan runs. */
struct link_scan *link_scan_find(struct link_scan scans[LINK_N_SCANS], uint32_t id) MUST_USE;
/* The slot for a scan that begins, or begins anew; NULL when all are taken. */
struct link_scan *link_scan_slot(struct link_scan scans[LINK_N_SCANS], uint32_t id) MUST_USE;

#endif
