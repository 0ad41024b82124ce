// SPDX-License-Identifier: MIT
/* The states of an outgoing mail, kept for each recipient: the same words in the queue, on the
 * page, as keywords in the mailbox and in reports.
 *
 *     queued ---> awaiting-key ---> working ---> sent ---> delivered
 *        |             |            |    ^       |  |
 *        |             |            v    |       |  `--> working (its time has run out: again)
 *        |             |           held -'       v
 *        `-------------`------------`--------> failed ---> queued (by the user)
 *
 * and every state before sent ---> cancelled. The numbers are on disk. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_STATE_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

enum outgoing_state {
    OUTGOING_QUEUED = 0,   /* accepted, waits its turn */
    OUTGOING_AWAITING_KEY, /* the recipient's public key was asked for */
    OUTGOING_WORKING,      /* proof of work, then handing over to the node */
    OUTGOING_HELD,         /* asks for more work than the bound, or was restored: waits for the
                            * user, and then goes to work, or back to queued without a key */
    OUTGOING_SENT,         /* in the network */
    OUTGOING_DELIVERED,    /* acknowledged by the recipient's Bitmessage */
    OUTGOING_FAILED,       /* given up, with a reason */
    OUTGOING_CANCELLED     /* by the user */
};
enum { OUTGOING_N_STATES = OUTGOING_CANCELLED + 1 };

/* "queued", "awaiting-key" ... Static storage. */
const char *outgoing_state_name(enum outgoing_state state) MUST_USE;
bool outgoing_state_parse(enum outgoing_state *out, const char *name) MUST_USE;
/* "$bm-queued" ... : the keyword that its mail bears. Static storage. */
const char *outgoing_state_keyword(enum outgoing_state state) MUST_USE;

/* May a mail go from one to the other? The table of design: the only one. */
bool outgoing_state_may_become(enum outgoing_state from, enum outgoing_state to) MUST_USE;
/* Nothing leads out of it any more but the user's own wish. */
bool outgoing_state_is_final(enum outgoing_state state) MUST_USE;
/* Its mail stands in Outbox: queued, awaiting-key, working or held. */
bool outgoing_state_is_in_outbox(enum outgoing_state state) MUST_USE;
/* The state that a mail with several recipients shows: failed before held before the least
 * advanced; cancelled ones don't count unless all are. n_states > 0. */
enum outgoing_state outgoing_state_of_mail(const enum outgoing_state *states,
                                           size_t n_states) MUST_USE;

#endif
