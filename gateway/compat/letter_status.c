// SPDX-License-Identifier: MIT
#include "gateway/compat/letter_status.h"

static const char *of_broadcast(enum outgoing_state state)
{
    switch (state) {
    case OUTGOING_QUEUED:
    case OUTGOING_AWAITING_KEY:
        return "broadcastqueued";
    case OUTGOING_WORKING:
        return "doingbroadcastpow";
    case OUTGOING_SENT:
    case OUTGOING_DELIVERED:
        return "broadcastsent";
    case OUTGOING_HELD:
        return "toodifficult";
    case OUTGOING_FAILED:
        return "badkey";
    case OUTGOING_CANCELLED:
        break;
    }
    return "notfound";
}

static const char *of_failed(enum report_why why)
{
    return why == REPORT_WHY_NO_KEY   ? "awaitingpubkey"
           : why == REPORT_WHY_NO_ACK ? "msgsent"
                                      : "badkey";
}

const char *letter_status(const struct letter *letter)
{
    bool is_ours = letter->kind == OUTGOING_TO_OWN || letter->kind == OUTGOING_TO_CHAN;
    if (letter->kind == OUTGOING_TO_SUBSCRIBERS) {
        return of_broadcast(letter->state);
    }
    switch (letter->state) {
    case OUTGOING_QUEUED:
        return letter->is_forced ? "forcepow" : "msgqueued";
    case OUTGOING_AWAITING_KEY:
        return letter->is_asking ? "doingpubkeypow" : "awaitingpubkey";
    case OUTGOING_WORKING:
        return "doingmsgpow";
    case OUTGOING_HELD:
        return "toodifficult";
    case OUTGOING_SENT:
        return letter->awaits_ack && !is_ours ? "msgsent" : "msgsentnoackexpected";
    case OUTGOING_DELIVERED:
        return is_ours ? "msgsentnoackexpected" : "ackreceived";
    case OUTGOING_FAILED:
        return of_failed(letter->why);
    case OUTGOING_CANCELLED:
        break;
    }
    return "notfound";
}
