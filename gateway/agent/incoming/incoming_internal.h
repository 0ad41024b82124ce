// SPDX-License-Identifier: MIT
/* The pipeline, as incoming and incoming_note share it. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_INCOMING_INTERNAL_H
#define BITTERN_GATEWAY_AGENT_INCOMING_INCOMING_INTERNAL_H

#include "base/timer.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/incoming/incoming.h"

struct incoming {
    struct agent *agent;
    struct walks *walks;
    size_t n_open;
    struct timer retry;
};

/* Its object is through. */
void incoming_arrival_done(struct arrival *arrival);
/* mail.db refused: `retry` is called, soon and for as long as it takes. */
void incoming_retry_later(struct arrival *arrival, void (*retry)(struct arrival *arrival),
                          const struct fault *fault);

/* ---- incoming_note.c: an acknowledgement of ours, or somebody's key */

enum note_kind { NOTE_ACKNOWLEDGED, NOTE_PUBKEY };

/* Write it down; then the arrival is done. `sender`: whose key it is. */
void incoming_write_note(struct arrival *arrival, enum note_kind kind, int64_t outgoing_id,
                         const struct sender *sender);

#endif
