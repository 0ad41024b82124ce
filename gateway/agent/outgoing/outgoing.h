// SPDX-License-Identifier: MIT
/* What moves the outgoing queue: it looks at the rows that can go on, does what their state asks
 * for, and writes each step down before the next (outgoing_db.h). It keeps nothing that mail.db
 * does not have, so a restart goes on wherever it was.
 *
 *     queued        key known? -> working. Else look in the node's store, else ask -> awaiting-key
 *                   (a mail whose sender's keys are locked stays where it is, in any state)
 *     awaiting-key  the key came -> working; nobody answered in time -> ask again, longer;
 *                   at last failed
 *     working       the ack's work, then build and sign the message, then its work (object_jobs.h)
 *     sent          no acknowledgement in time -> working again, with twice the lifetime;
 *                   at last failed */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct agent;
struct outgoing;

enum {
    OUTGOING_MAX_AT_WORK = 32, /* mails in work at a time; the rest wait as queued */
    OUTGOING_BATCH = 64,       /* rows looked at in one turn */
    OUTGOING_GATHER_MS = 100,  /* new mails of one such span go on together */
    OUTGOING_TICK_MS = 1000
};

/* Takes up what is in mail.db. */
struct outgoing *outgoing_new(struct agent *agent, struct fault *fault) MUST_USE;
/* No timer, nothing new: what is under way only cleans up. Before its parts are freed. */
void outgoing_stop(struct outgoing *outgoing);
void outgoing_free(struct outgoing **outgoing);

/* Something changed: look soon. */
void outgoing_wake(struct outgoing *outgoing);
/* A mail was queued. */
void outgoing_new_mail(struct outgoing *outgoing);

/* No mail is given up for an hour after the clock stepped, since it may step back. The clock as it
 * is now is right, however it got there. */
void outgoing_trust_clock(struct outgoing *outgoing);

/* A step that was under way for that row is over (outgoing_step.h). */
void outgoing_step_ended(struct outgoing *outgoing, int64_t id);

#endif
