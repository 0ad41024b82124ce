// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/incoming_internal.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/store/mail_txn.h"

struct note {
    struct arrival *arrival;
    struct agent *agent;
    enum note_kind kind;
    int64_t outgoing_id;
    struct sender sender;
};

static void note_ack_again(struct arrival *arrival)
{
    incoming_write_note(arrival, NOTE_ACKNOWLEDGED, arrival->outgoing_id, NULL);
}

static void note_pubkey_again(struct arrival *arrival)
{
    incoming_write_note(arrival, NOTE_PUBKEY, 0, &arrival->trial.sender);
}

static bool run_note(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct note *note = job;
    if (note->kind == NOTE_PUBKEY) {
        return pubkeys_store(txn, &note->sender, false, fault);
    }
    struct fault why = {0};
    return outgoing_acknowledged(txn, note->outgoing_id, &why) || why.code == FAULT_NOT_FOUND ||
           fault_set(fault, why.code, "%s", why.text);
}

static void note_done(void *job, const struct fault *fault)
{
    struct note *note = job;
    struct agent *agent = note->agent;
    if (agent->closing) {
        free(note);
        return;
    }
    if (fault != NULL) {
        note->arrival->outgoing_id = note->outgoing_id;
        note->arrival->trial.sender = note->sender;
        incoming_retry_later(note->arrival,
                             note->kind == NOTE_PUBKEY ? note_pubkey_again : note_ack_again, fault);
    } else {
        if (note->kind == NOTE_ACKNOWLEDGED) {
            ack_wait_forget(&agent->acks, &note->arrival->object);
        }
        incoming_arrival_done(note->arrival);
        agent_queue_changed(agent);
    }
    free(note);
}

void incoming_write_note(struct arrival *arrival, enum note_kind kind, int64_t outgoing_id,
                         const struct sender *sender)
{
    struct note *note = xcalloc(1, sizeof(*note));
    note->arrival = arrival;
    note->agent = arrival->incoming->agent;
    note->kind = kind;
    note->outgoing_id = outgoing_id;
    if (sender != NULL) {
        note->sender = *sender;
    }
    agent_write(note->agent, run_note, note_done, note);
}
