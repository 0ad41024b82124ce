// SPDX-License-Identifier: MIT
#include "mailproto/smtp/smtp_reply.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/smtp/smtp_session.h"

/* "550-5.1.1234 " and CRLF take their share of the line. */
enum { MAX_WORDS_BYTES = SMTP_REPLY_MAX_LINE_BYTES - 32 };

void smtp_reply(struct buf *out, const char *text)
{
    buf_append_str(out, text);
    buf_append_str(out, "\r\n");
}

void smtp_reply_line(struct buf *out, unsigned code, bool is_last, const char *format, ...)
{
    va_list args;
    buf_printf(out, "%u%c", code, is_last ? ' ' : '-');
    va_start(args, format);
    buf_vprintf(out, format, args);
    va_end(args);
    buf_append_str(out, "\r\n");
}

/* Where to break: at the last space that fits, else anywhere between two characters. */
static size_t line_break(struct bytes words)
{
    if (words.len <= MAX_WORDS_BYTES) {
        return words.len;
    }
    size_t len = utf8_cut(words, MAX_WORDS_BYTES);
    for (size_t i = len; i > 0; i--) {
        if (words.data[i - 1] == ' ') {
            return i;
        }
    }
    return len == 0 ? MAX_WORDS_BYTES : len;
}

static void append_clean(struct buf *out, struct bytes words, bool utf8)
{
    for (size_t i = 0; i < words.len; i++) {
        uint8_t byte = words.data[i];
        bool bad = byte < ' ' || byte == 0x7f || (byte >= 0x80 && !utf8);
        buf_append_byte(out, bad ? '?' : byte);
    }
}

void smtp_reply_verdict(struct buf *out, const struct smtp_verdict *verdict, bool utf8)
{
    struct bytes words = bytes_of_str(verdict->words != NULL ? verdict->words : "");
    utf8 = utf8 && utf8_valid(words);
    do {
        size_t len = line_break(words);
        struct bytes line = bytes_slice(words, 0, len);
        words = bytes_slice(words, len, words.len);
        buf_printf(out, "%u%c%u.%u.%u ", verdict->code, words.len == 0 ? ' ' : '-',
                   verdict->status_class, verdict->status_subject, verdict->status_detail);
        append_clean(out, line, utf8);
        buf_append_str(out, "\r\n");
    } while (words.len != 0);
}
