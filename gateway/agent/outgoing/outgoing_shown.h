// SPDX-License-Identifier: MIT
/* What a mail client sees of a mail in the queue: the keyword on its copies, and the one in Outbox.
 * On the writer thread, in the transaction that changed a recipient's state. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_SHOWN_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_SHOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct mail_txn;

/* Bring both up to date with its recipients' states. */
bool outgoing_show_mail(struct mail_txn *txn, int64_t mail_id, struct fault *fault) MUST_USE;
/* A client took its copy out of Outbox: it is neither looked for nor put back. */
bool outgoing_forget_copy(struct mail_txn *txn, int64_t mail_id, struct fault *fault) MUST_USE;

#endif
