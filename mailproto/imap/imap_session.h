// SPDX-License-Identifier: MIT
/* One IMAP dialogue (RFC 9051, RFC 3501), without I/O: bytes in, bytes out.
 *
 * The session knows grammar, states and limits; mails it has from a store by the contract of
 * mailbox.h, who may log in from a sasl_judge. It is driven through mailproto/serve/protocol.h.
 *
 *     bytes -> imap_input (lines, literals) -> imap_command (table) -> cmd_*.c -> mailbox_ops
 *                                                                         |
 *     bytes <- out <- the command's step, as long as there is room <------+ answer
 *             out <- imap_sync: what others changed, where the protocol allows it
 *             out <- the tagged reply
 *
 * One command runs at a time; while it does, no more input is taken. A command that has much to say
 * is a step function that is called again each time the output has drained. */
#ifndef BITTERN_MAILPROTO_IMAP_IMAP_SESSION_H
#define BITTERN_MAILPROTO_IMAP_IMAP_SESSION_H

#include <stdint.h>

#include "base/compiler.h"

struct imap_service;
struct mail_store;
struct mailbox_ops;
struct sasl_judge;
struct serve_protocol;

struct imap_limits {
    uint32_t idle_sec;       /* without a command, once logged in (RFC 9051 section 5.4: 30 min) */
    uint32_t login_sec;      /* from connection to login */
    uint32_t keep_alive_sec; /* in IDLE the server says something this often */
    uint32_t progress_sec;   /* a command that takes its time says that it goes on this often */
    unsigned max_errors;     /* BAD answers in a row before BYE */
    unsigned max_auth_failures;
};

struct imap_limits imap_limits_default(void) MUST_USE;

struct imap_config {
    const struct mailbox_ops *ops;
    struct mail_store *store;
    const struct sasl_judge *judge;
    struct imap_limits limits;
};

/* Copies the configuration; what it points to is borrowed. */
struct imap_service *imap_service_new(const struct imap_config *config) MUST_USE;
/* After the last of its sessions. */
void imap_service_free(struct imap_service **service);

/* The `server` of its sessions is a struct imap_service. */
extern const struct serve_protocol imap_protocol;

#endif
