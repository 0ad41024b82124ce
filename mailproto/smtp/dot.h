// SPDX-License-Identifier: MIT
/* The mail behind DATA: dot-stuffing undone, its end found (RFC 5321 section 4.5.2).
 *
 * Only CRLF.CRLF ends it. A bare CR or LF is an error at once: a server that took LF.LF for the
 * end, or passed it on to one that does, would let one mail pose as two. */
#ifndef BITTERN_MAILPROTO_SMTP_DOT_H
#define BITTERN_MAILPROTO_SMTP_DOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

enum dot_result {
    DOT_MORE, /* all bytes were taken, the end has not come */
    DOT_END,  /* the end has come; what follows was not taken */
    DOT_BARE  /* a CR without LF, or an LF without CR */
};

enum dot_place { DOT_AT_LINE_START, DOT_IN_LINE, DOT_AFTER_CR, DOT_AFTER_DOT, DOT_AFTER_DOT_CR };

/* {0} stands before the first byte. */
struct dot {
    enum dot_place place;
    size_t line_len; /* of the line so far */
    size_t longest_line;
};

/* Held back until it is clear what they are; added then. */
enum { DOT_HELD_BYTES = 2 };

/* Append the unstuffed bytes to `out` (NULL: throw them away): at most as many as were taken and
 * DOT_HELD_BYTES. */
enum dot_result dot_feed(struct dot *dot, size_t *out_taken, struct buf *out,
                         struct bytes in) MUST_USE;

#endif
