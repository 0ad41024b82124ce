// SPDX-License-Identifier: MIT
/* Command lines, gathered byte for byte: CRLF ends a line and nothing else does (RFC 5321 section
 * 2.3.8). A CR or LF by itself is an error, never a line end and never content. */
#ifndef BITTERN_MAILPROTO_SMTP_LINE_H
#define BITTERN_MAILPROTO_SMTP_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum line_result {
    LINE_MORE,     /* all bytes were taken, the line is not complete */
    LINE_DONE,     /* line_text has it; what follows was not taken */
    LINE_TOO_LONG, /* complete, but was above the bound: its text is gone */
    LINE_BARE      /* a CR without LF, or an LF without CR */
};

struct line {
    struct buf text; /* without the CRLF */
    bool has_cr;     /* the last byte was a CR */
    bool too_long;
};

/* Take bytes up to the end of one line of at most `max_len` bytes, its CRLF counted. */
enum line_result line_feed(struct line *line, size_t *out_taken, struct bytes in,
                           size_t max_len) MUST_USE;
/* After LINE_DONE; borrowed until line_reset. */
struct bytes line_text(const struct line *line) MUST_USE;
/* Ready for the next line. Wipes the text: it may have held a password. */
void line_reset(struct line *line);
void line_clear(struct line *line);

#endif
