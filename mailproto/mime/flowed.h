// SPDX-License-Identifier: MIT
/* format=flowed undone (RFC 3676): soft line breaks taken out, space-stuffing undone. */
#ifndef BITTERN_MAILPROTO_MIME_FLOWED_H
#define BITTERN_MAILPROTO_MIME_FLOWED_H

#include <stdbool.h>

#include "base/bytes.h"

struct buf;

/* `text` has LF line ends. Paragraphs become one line each; quote marks stay, "> " a level.
 * What is signed or encrypted within the text (OpenPGP) stays as it is, so that it can be checked.
 */
void flowed_decode(struct buf *out, struct bytes text, bool del_sp);

#endif
