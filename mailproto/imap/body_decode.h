// SPDX-License-Identifier: MIT
/* Taking off a content transfer encoding (RFC 2045 section 6), for BINARY (RFC 3516). */
#ifndef BITTERN_MAILPROTO_IMAP_BODY_DECODE_H
#define BITTERN_MAILPROTO_IMAP_BODY_DECODE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

/* Append the decoded `body`. Wrong characters are passed over, as RFC 2045 asks. False when the
 * encoding is not known, or `out` is full. */
bool body_decode(struct buf *out, struct bytes encoding, struct bytes body) MUST_USE;

#endif
