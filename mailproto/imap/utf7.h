// SPDX-License-Identifier: MIT
/* Mailbox names of IMAP4rev1: modified UTF-7 (RFC 3501 section 5.1.3). */
#ifndef BITTERN_MAILPROTO_IMAP_UTF7_H
#define BITTERN_MAILPROTO_IMAP_UTF7_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

/* Append the modified UTF-7 form of well-formed UTF-8. */
void utf7_encode(struct buf *out, struct bytes utf8);
/* Append the UTF-8 form. False when it is not modified UTF-7, or not in its one canonical form;
 * `out` may have grown then. */
bool utf7_decode(struct buf *out, struct bytes utf7) MUST_USE;

#endif
