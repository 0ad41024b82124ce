// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/outgoing_state.h"

#include <assert.h>
#include <string.h>

#define MAY(state) (1u << (state))

/* A row per state: its words, what may follow, and how far it has got (for the mail as a whole: the
 * lowest rank is shown). Cancelled stands behind all: it is shown when nothing else is left. */
static const struct {
    const char *name;
    const char *keyword;
    unsigned next;
    int rank;
    bool in_outbox;
} states[OUTGOING_N_STATES] = {
    [OUTGOING_QUEUED] = {"queued", "$bm-queued",
                         MAY(OUTGOING_AWAITING_KEY) | MAY(OUTGOING_WORKING) | MAY(OUTGOING_FAILED) |
                             MAY(OUTGOING_CANCELLED),
                         2, true},
    [OUTGOING_AWAITING_KEY] = {"awaiting-key", "$bm-awaiting-key",
                               MAY(OUTGOING_WORKING) | MAY(OUTGOING_FAILED) |
                                   MAY(OUTGOING_CANCELLED),
                               3, true},
    [OUTGOING_WORKING] = {"working", "$bm-working",
                          MAY(OUTGOING_SENT) | MAY(OUTGOING_HELD) | MAY(OUTGOING_FAILED) |
                              MAY(OUTGOING_CANCELLED),
                          4, true},
    [OUTGOING_HELD] = {"held", "$bm-held",
                       MAY(OUTGOING_WORKING) | MAY(OUTGOING_QUEUED) | MAY(OUTGOING_CANCELLED), 1,
                       true},
    [OUTGOING_SENT] = {"sent", "$bm-sent",
                       MAY(OUTGOING_DELIVERED) | MAY(OUTGOING_WORKING) | MAY(OUTGOING_FAILED), 5,
                       false},
    [OUTGOING_DELIVERED] = {"delivered", "$bm-delivered", 0, 6, false},
    [OUTGOING_FAILED] = {"failed", "$bm-failed", MAY(OUTGOING_QUEUED), 0, false},
    [OUTGOING_CANCELLED] = {"cancelled", "$bm-cancelled", 0, 7, false},
};

const char *outgoing_state_name(enum outgoing_state state)
{
    assert((unsigned)state < OUTGOING_N_STATES);
    return states[state].name;
}

bool outgoing_state_parse(enum outgoing_state *out, const char *name)
{
    for (size_t i = 0; i < OUTGOING_N_STATES; i++) {
        if (strcmp(states[i].name, name) == 0) {
            *out = (enum outgoing_state)i;
            return true;
        }
    }
    return false;
}

const char *outgoing_state_keyword(enum outgoing_state state)
{
    assert((unsigned)state < OUTGOING_N_STATES);
    return states[state].keyword;
}

bool outgoing_state_may_become(enum outgoing_state from, enum outgoing_state to)
{
    assert((unsigned)from < OUTGOING_N_STATES && (unsigned)to < OUTGOING_N_STATES);
    return (states[from].next & MAY(to)) != 0;
}

bool outgoing_state_is_final(enum outgoing_state state)
{
    return state == OUTGOING_DELIVERED || state == OUTGOING_FAILED || state == OUTGOING_CANCELLED;
}

bool outgoing_state_is_in_outbox(enum outgoing_state state)
{
    assert((unsigned)state < OUTGOING_N_STATES);
    return states[state].in_outbox;
}

enum outgoing_state outgoing_state_of_mail(const enum outgoing_state *of, size_t n_states)
{
    assert(n_states > 0);
    enum outgoing_state shown = of[0];
    for (size_t i = 1; i < n_states; i++) {
        if (states[of[i]].rank < states[shown].rank) {
            shown = of[i];
        }
    }
    return shown;
}
