// SPDX-License-Identifier: MIT
/* A mail within a mail, as its author passes it on (message/rfc822): all that it came with, without
 * what his own programs wrote into it when they put it into a mailbox. */
#ifndef BITTERN_MAILPROTO_MIME_FORWARDED_H
#define BITTERN_MAILPROTO_MIME_FORWARDED_H

#include "base/bytes.h"

struct arena;
struct buf;

/* Append the mail without those fields of its header. What stands in its parts is left alone. */
void forwarded_write(struct buf *out, struct bytes mail, struct arena *arena);

#endif
