// SPDX-License-Identifier: MIT
/* HTML's character references: "&auml;" of HTML 4's table, "&#8364;", "&#x20ac;". */
#ifndef BITTERN_MAILPROTO_MIME_HTML_ENTITY_H
#define BITTERN_MAILPROTO_MIME_HTML_ENTITY_H

#include <stddef.h>

#include "base/bytes.h"

struct buf;

/* Append what the reference at the front of `text` stands for, as UTF-8; a number that is no
 * character, or a control character other than white space, as U+FFFD. The length of the reference;
 * 0 (nothing appended): it is none. */
size_t html_append_reference(struct buf *out, struct bytes text);

#endif
