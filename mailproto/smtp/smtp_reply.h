// SPDX-License-Identifier: MIT
/* Replies: code, enhanced code (RFC 2034, 3463) and words, as lines of at most 512 bytes. Words
 * that are longer go on in further lines of the same reply. Control characters become '?', and so
 * do letters outside ASCII unless the client speaks SMTPUTF8. */
#ifndef BITTERN_MAILPROTO_SMTP_SMTP_REPLY_H
#define BITTERN_MAILPROTO_SMTP_SMTP_REPLY_H

#include <stdbool.h>

#include "base/compiler.h"

struct buf;
struct smtp_verdict;

enum { SMTP_REPLY_MAX_LINE_BYTES = 512 };

void smtp_reply_verdict(struct buf *out, const struct smtp_verdict *verdict, bool utf8);
/* "250 2.1.0 Ok": `text` begins with the code and holds all else as it is to stand. ASCII. */
void smtp_reply(struct buf *out, const char *text);
/* One line of several: "250-text" or, the last, "250 text". */
void smtp_reply_line(struct buf *out, unsigned code, bool is_last, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
