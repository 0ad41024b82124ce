// SPDX-License-Identifier: MIT
/* HTML to text that reads well: paragraphs, lists, links with their targets, quotes; no script, no
 * style, nothing that loads. No tree is built: tokens (html_token.h) and a short stack of the
 * blocks that are open, so time is linear in the length and memory is the text's. */
#ifndef BITTERN_MAILPROTO_MIME_HTML_TEXT_H
#define BITTERN_MAILPROTO_MIME_HTML_TEXT_H

#include "base/bytes.h"

struct buf;

enum { HTML_MAX_BYTES = 1048576 }; /* more is cut off */

/* `html` is well-formed UTF-8, and so is what is appended, with LF line ends. */
void html_to_text(struct buf *out, struct bytes html);

#endif
