// SPDX-License-Identifier: MIT
/* Giving mails away as the messages that they are: who wrote to whom, subject and text, and how far
 * it came; for programs that keep messages and no mails. One by one, like export_mail.h; the mail
 * is taken apart by the decoder. */
#ifndef BITTERN_GATEWAY_AGENT_MOVING_EXPORT_MESSAGE_H
#define BITTERN_GATEWAY_AGENT_MOVING_EXPORT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

struct agent;

enum exported_kind {
    EXPORTED_OTHER, /* no Bitmessage: a report, the welcome, what a client put there */
    EXPORTED_RECEIVED,
    EXPORTED_SENT, /* or on its way */
    EXPORTED_DRAFT
};

struct agent_exported_recipient {
    const char *address; /* "" where it is not one; of a broadcast the sender's */
    const char *label;
    bool is_broadcast;
    const char *state;    /* of a sent one: "delivered" ...; "": not known any more */
    struct bytes ackdata; /* while an acknowledgement is waited for; else empty */
    struct bytes ripe;    /* of the address; empty where there is none */
    int64_t ttl_sec;      /* of a sent one; 0: not known any more */
    uint8_t hash[32];     /* the object's; of a sent one where that is not known, made of the
                             Message-ID and the recipient: the same each time */
};

/* All borrowed during the callback. */
struct agent_exported_message {
    uint32_t uid;  /* 0: there is none behind `after_uid` */
    uint8_t flags; /* enum mailbox_flag */
    int64_t internal_sec;
    enum exported_kind kind; /* of EXPORTED_OTHER nothing below is filled */
    const char *from;        /* "BM-..." */
    const char *from_label;
    struct agent_exported_recipient *recipients; /* of a received one: one */
    size_t n_recipients;
    struct bytes subject; /* UTF-8; so is the text, with LF */
    struct bytes text;
    size_t n_files; /* attachments, which are left out */
};

struct agent_message_done {
    /* `message` NULL: `fault` says why not. Once, from the loop, never from inside the call. */
    void (*call)(void *context, const struct agent_exported_message *message,
                 const struct fault *fault);
    void *context;
};

/* The first mail of the mailbox whose UID is above `after_uid`. FAULT_BUSY: no decoder. */
void agent_export_message(struct agent *agent, int64_t mailbox_id, uint32_t after_uid,
                          struct agent_message_done done);

#endif
