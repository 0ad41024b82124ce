// SPDX-License-Identifier: MIT
/* A mail's tree of parts (RFC 2045, 2046), as message_info.h wants it.
 *
 * A walk over the bytes, bounded in depth, number of parts and work; what is beyond a bound is
 * shown as its parent's leaf. Whatever the bytes are, a legal tree comes out: a multipart without a
 * part is a leaf, a type that can't be read is text/plain. */
#ifndef BITTERN_MAILPROTO_MIME_TREE_H
#define BITTERN_MAILPROTO_MIME_TREE_H

#include "base/bytes.h"
#include "mailproto/imap/message_info.h"

struct arena;

/* Fills envelope and parts; the date is the arrival's where the mail's can't be read. All borrows
 * from `mail` or lives in `arena`. */
void tree_build(struct message_info *out, struct bytes mail, int64_t arrived_sec,
                struct arena *arena);

/* The header and the body of a part, within `mail`. */
struct bytes tree_header(const struct mime_part *part, struct bytes mail);
struct bytes tree_body(const struct mime_part *part, struct bytes mail);
/* Its file name, clean UTF-8; empty when it has none. */
struct bytes tree_file_name(const struct mime_part *part, struct arena *arena);

#endif
