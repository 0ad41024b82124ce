// SPDX-License-Identifier: MIT
/* What programs that know no mailboxes do to a message: to all its copies at once, named by the
 * content that they share. Inside a transaction. */
#ifndef BITTERN_GATEWAY_STORE_MESSAGE_MOVES_H
#define BITTERN_GATEWAY_STORE_MESSAGE_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct fault;
struct mail_txn;

/* All succeed when there is no such message any more. */

bool messages_set_seen(struct mail_txn *txn, uint64_t email_id, bool is_seen,
                       struct fault *fault) MUST_USE;
/* Into the account's folder for deleted mails, each copy but those in Outbox, which are expunged as
 * by a client: what has not left is cancelled. */
bool messages_trash(struct mail_txn *txn, int64_t account_id, uint64_t email_id,
                    struct fault *fault) MUST_USE;
/* Back from there into `mailbox_id`. */
bool messages_untrash(struct mail_txn *txn, int64_t account_id, uint64_t email_id,
                      int64_t mailbox_id, struct fault *fault) MUST_USE;
/* All that is in that folder, for good. */
bool messages_empty_trash(struct mail_txn *txn, int64_t account_id, struct fault *fault) MUST_USE;

#endif
