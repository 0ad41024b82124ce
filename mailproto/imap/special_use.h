// SPDX-License-Identifier: MIT
/* Special-use attributes by name (RFC 6154). */
#ifndef BITTERN_MAILPROTO_IMAP_SPECIAL_USE_H
#define BITTERN_MAILPROTO_IMAP_SPECIAL_USE_H

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

/* "\Drafts" to MAILBOX_USE_DRAFTS; 0 for any other name. */
unsigned special_use_parse(struct bytes name) MUST_USE;
/* Append " \Drafts" for each MAILBOX_USE_ bit. */
void special_use_print(struct buf *out, unsigned attributes);

#endif
