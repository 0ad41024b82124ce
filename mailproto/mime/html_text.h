// SPDX-License-Identifier: MIT
/* HTML to text that reads well: paragraphs, lists, links with their targets, quotes; no script, no
 * style, nothing that loads. By libxml2's SAX interface, which stays linear where trees do not. */
#ifndef BITTERN_MAILPROTO_MIME_HTML_TEXT_H
#define BITTERN_MAILPROTO_MIME_HTML_TEXT_H

#include "base/bytes.h"

struct buf;

enum {
    HTML_MAX_BYTES = 1048576,  /* more is cut off */
    HTML_MAX_TAG_BYTES = 65536 /* the parser's time grows with the square of a tag's attributes: a
                                  longer one is left out */
};

/* `html` is UTF-8. Appends well-formed UTF-8 with LF line ends. */
void html_to_text(struct buf *out, struct bytes html);

#endif
