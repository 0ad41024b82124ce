// SPDX-License-Identifier: MIT
/* Giving all mails away, one by one, so that none of it takes long or much memory. */
#ifndef BITTERN_GATEWAY_AGENT_MOVING_EXPORT_MAIL_H
#define BITTERN_GATEWAY_AGENT_MOVING_EXPORT_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct agent;

struct agent_exported_mailbox {
    int64_t id;
    const char *account;
    const char *name; /* the whole path, UTF-8, levels joined by '/' */
    const char *use;  /* "inbox", "outbox", "drafts", "sent", "archive", "junk", "trash"; "": any */
    int64_t n_messages;
};
/* All that can hold mails, by account and name. */
bool agent_export_mailboxes(struct agent *agent,
                            void (*each)(void *context,
                                         const struct agent_exported_mailbox *mailbox),
                            void *context, struct fault *fault) MUST_USE;

struct agent_exported_mail {
    uint32_t uid;
    uint8_t flags; /* enum mailbox_flag */
    int64_t internal_sec;
    struct bytes content; /* borrowed during `each` */
};
/* The first mail of the mailbox whose UID is above `after_uid`; `each` is not called when there is
 * none. */
bool agent_export_mail(struct agent *agent, int64_t mailbox_id, uint32_t after_uid,
                       void (*each)(void *context, const struct agent_exported_mail *mail),
                       void *context, struct fault *fault) MUST_USE;

#endif
