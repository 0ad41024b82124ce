// SPDX-License-Identifier: MIT
/* What a stranger sent, as it stands in a mail: as a file, or as bytes that are put there untouched
 * because a reader has to have them so (a signed part, a mail within the mail). Untouched is only
 * what can neither end its part nor show anything but text and files. */
#ifndef BITTERN_GATEWAY_TRANSLATE_FOREIGN_H
#define BITTERN_GATEWAY_TRANSLATE_FOREIGN_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;
struct content_file;

/* Lines of at most 998 bytes, CR LF between them, no NUL; printable ASCII alone where `is_text`. */
bool foreign_has_sound_lines(struct bytes data, bool is_text) MUST_USE;
/* Such lines, no HTML, XML or message within, and no line that could be a boundary of ours. */
bool foreign_is_harmless(struct bytes part) MUST_USE;

/* Would it be written as eight-bit bytes? Then what stands around it says so, too (RFC 2045 section
 * 6.4). */
bool foreign_is_eight_bit(const struct content_file *file) MUST_USE;
/* Append the part: header fields, the empty line, the data. */
void foreign_write_file(struct buf *out, const struct content_file *file);
/* A Content-ID that may be written: of letters, digits and "@.-_$+". */
bool foreign_is_safe_id(struct bytes id) MUST_USE;

#endif
