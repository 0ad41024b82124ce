// SPDX-License-Identifier: MIT
/* The text of a part of type text: transfer encoding, character set, format=flowed and HTML undone.
 */
#ifndef BITTERN_MAILPROTO_MIME_PART_TEXT_H
#define BITTERN_MAILPROTO_MIME_PART_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "mailproto/imap/message_info.h"

struct buf;

/* Append well-formed UTF-8 with LF line ends and without NULs, read from at most `max_len` bytes of
 * the body. False when the character set is not known and the bytes are not UTF-8: the text is a
 * guess then. */
bool part_text(struct buf *out, const struct mime_part *part, struct bytes mail, size_t max_len);
/* True for text/plain and other text but HTML; html likewise. */
bool part_is_html(const struct mime_part *part);
bool part_is_text(const struct mime_part *part);
/* The part's data, transfer encoding undone. */
void part_data(struct buf *out, const struct mime_part *part, struct bytes mail);

#endif
