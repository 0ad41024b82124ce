// SPDX-License-Identifier: MIT
/* The items of STATUS, which LIST can return too (RFC 5819). For this room alone. */
#ifndef BITTERN_MAILPROTO_IMAP_STATUS_ITEMS_H
#define BITTERN_MAILPROTO_IMAP_STATUS_ITEMS_H

#include <stdbool.h>

#include "base/compiler.h"

struct fault;
struct imap_parser;
struct imap_session;

/* "(MESSAGES UNSEEN ...)" to a set of bits. */
unsigned status_items_parse(struct imap_session *session, struct imap_parser *args);
/* The whole untagged line. False, and no line, when the mailbox has no status. */
bool status_items_print(struct imap_session *session, const char *name, unsigned items,
                        struct fault *fault);

#endif
