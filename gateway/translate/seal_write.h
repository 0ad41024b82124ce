// SPDX-License-Identifier: MIT
/* Signed and encrypted mail between our own kind (RFC 1847, 3156, 8551), rebuilt so that its
 * signature holds: a signed part travels byte for byte as a file, its signature as another, both
 * with the disposition "sealed"; of a mail encrypted by PGP its two parts, by S/MIME its only one.
 * The frame around them is made anew, so nothing of the sender's program is in it.
 *
 * What is put back untouched is a stranger's MIME. It is taken only when it can neither end its
 * part nor hold HTML or a message within; else it comes as files. */
#ifndef BITTERN_GATEWAY_TRANSLATE_SEAL_WRITE_H
#define BITTERN_GATEWAY_TRANSLATE_SEAL_WRITE_H

#include <stdbool.h>

#include "base/compiler.h"

struct buf;
struct content;

/* Append the header fields, the empty line and the body of the mail's entity. `unique`: hex for the
 * boundary. False, and nothing appended, when the content is none of these or is not safe. */
bool seal_write(struct buf *out, const struct content *content, const char *unique) MUST_USE;

#endif
