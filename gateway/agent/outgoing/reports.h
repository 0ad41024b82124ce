// SPDX-License-Identifier: MIT
/* Mails that the agent writes to its users: delivery reports that are due in the queue, the
 * welcome. A report is due from the transaction that called for it until the one that stores it. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_REPORTS_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_REPORTS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct agent;
struct reports;

struct reports *reports_new(struct agent *agent) MUST_USE;
/* No timer, nothing new: what is under way only cleans up. Before its parts are freed. */
void reports_stop(struct reports *reports);
void reports_free(struct reports **reports);
/* Look soon whether reports are due. */
void reports_wake(struct reports *reports);

/* Put the welcome mail into an account's INBOX; `done` comes once. */
struct reports_done {
    void (*call)(void *context, const struct fault *fault);
    void *context;
};
void reports_welcome(struct reports *reports, int64_t account_id, const char *account,
                     const char *address_text, const char *label, struct reports_done done);

/* A mail that was handed in while nobody could answer is refused: its sender finds the reason and
 * the mail in INBOX, once for each `once`. */
struct reports_refusal {
    int64_t account_id;
    const char *recipient; /* as it was written; "": not known */
    const char *reason;
    struct bytes mail;
    const char *once;
};
void reports_refuse(struct reports *reports, const struct reports_refusal *refusal,
                    struct reports_done done);

#endif
