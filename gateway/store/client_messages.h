// SPDX-License-Identifier: MIT
/* What clients do to messages, inside a transaction: for gateway/store alone. */
#ifndef BITTERN_GATEWAY_STORE_CLIENT_MESSAGES_H
#define BITTERN_GATEWAY_STORE_CLIENT_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "gateway/store/message_rows.h"
#include "gateway/store/messages.h"
#include "mailproto/imap/mailbox.h"

struct mail_txn;
struct touched_mailbox;

/* Which message became which. */
struct uid_pairs {
    uint32_t *from;
    uint32_t *to;
    size_t n;
};
void uid_pairs_clear(struct uid_pairs *pairs);

/* STORE. `view`: the newest when it was asked for, or NULL. out_changed: the new states of those
 * that are there and were not refused. */
bool messages_store(struct mail_txn *txn, struct touched_mailbox *mailbox,
                    const struct mailbox_view *view, const struct mailbox_store_request *request,
                    struct message_list *out_changed, struct uid_set *out_refused,
                    struct fault *fault) MUST_USE;
/* EXPUNGE of those of `uids` (NULL: of all) that have \Deleted; runs the hook of Outbox. */
bool messages_expunge(struct mail_txn *txn, struct touched_mailbox *mailbox,
                      const struct uid_set *uids, struct uid_set *out_expunged,
                      struct fault *fault) MUST_USE;
/* One message, whatever its flags (REPLACE). FAULT_NOT_FOUND when it is gone. */
bool messages_expunge_one(struct mail_txn *txn, struct touched_mailbox *mailbox, uint32_t uid,
                          struct fault *fault) MUST_USE;
/* COPY or MOVE of `uids` (NULL: of all). `out` may be NULL. Runs the hook of Outbox for a move. */
bool messages_transfer(struct mail_txn *txn, struct touched_mailbox *from,
                       struct touched_mailbox *to, const struct uid_set *uids, bool move,
                       struct uid_pairs *out, struct fault *fault) MUST_USE;
/* May a client put messages there? FAULT_DENIED for Outbox, FAULT_NOT_FOUND for a container. */
bool messages_check_target(const struct touched_mailbox *mailbox, struct fault *fault) MUST_USE;
/* A client's own copy of a mail that was submitted, within MESSAGE_SENT_MERGE_SEC: *out_merged, and
 * its place; its flags are added to that of the message that is there. */
bool messages_merge_own_copy(struct mail_txn *txn, struct touched_mailbox *mailbox,
                             const struct message_new *message, struct message_place *out,
                             bool *out_merged, struct fault *fault) MUST_USE;
#endif
