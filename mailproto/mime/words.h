// SPDX-License-Identifier: MIT
/* Encoded words in header fields (RFC 2047) and parameter values (RFC 2231), to UTF-8.
 *
 * Nothing is lost: what is no encoded word stays as it stands. Neighbouring words in the same
 * character set are joined before they are converted, since some senders cut characters in two. */
#ifndef BITTERN_MAILPROTO_MIME_WORDS_H
#define BITTERN_MAILPROTO_MIME_WORDS_H

#include "base/bytes.h"
#include "base/compiler.h"

struct arena;
struct buf;

/* Append an unfolded header value, decoded. Well-formed UTF-8, may hold control characters. */
void words_decode(struct buf *out, struct bytes value);
/* Append an extended value: charset'language'text with %XX (RFC 2231 section 4). */
void words_decode_extended(struct buf *out, struct bytes value);
/* For people: decoded, control characters out, runs of white space made one space. In `arena`. */
struct bytes words_clean(struct bytes value, struct arena *arena) MUST_USE;

/* The same for UTF-8 that holds no encoded words. */
struct bytes words_clean_plain(struct bytes text, struct arena *arena) MUST_USE;

#endif
