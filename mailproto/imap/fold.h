// SPDX-License-Identifier: MIT
/* Folding of text, so that searching and sorting look past case: the same for the text that is
 * stored with a message and for what a client looks for.
 *
 * Unicode case folding and compatibility decomposition (NFKD), as RFC 5051 (i;unicode-casemap)
 * asks; white space and control characters become one space. Folding folded text changes nothing.
 */
#ifndef BITTERN_MAILPROTO_IMAP_FOLD_H
#define BITTERN_MAILPROTO_IMAP_FOLD_H

#include "base/bytes.h"

struct buf;

/* Append the folded form of `text` to `out`. Bytes that are not UTF-8 become U+FFFD. */
void fold_text(struct buf *out, struct bytes text);

#endif
