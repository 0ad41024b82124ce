// SPDX-License-Identifier: MIT
/* The copy in Sent: the mail as its client gave it, with what it lacks in front (RFC 6409 section
 * 8): Message-ID, From, Date, and as Bcc those whom only the envelope names. Nothing of this
 * leaves. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_SUBMIT_COPY_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_SUBMIT_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "gateway/agent/outgoing/recipient.h"

struct arena;
struct buf;
struct outgoing_mail;

/* All borrowed. */
struct submit_copy {
    const struct keyring *keyring;
    int64_t account_id;
    const struct outgoing_mail *mail; /* the same mail, taken apart */
    const struct address *sender;
    const char *full_name; /* for a From that is added; "" */
    const struct recipient *recipients;
    size_t n_recipients;
    int64_t accepted_sec;
};

/* Returns the mail's Message-ID with its brackets, in `arena`: its own where that is printable,
 * else a new one. NULL: there is no memory, and the mail is as it was. */
const char *submit_copy_complete(struct buf *mail, const struct submit_copy *copy,
                                 struct arena *arena) MUST_USE;

#endif
