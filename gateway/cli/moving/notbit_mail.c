// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/notbit_mail.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/str.h"

enum { WORD_MAX_BYTES = 39 }; /* of text in an encoded word, which has 75 characters (RFC 2047) */

/* As encoded words, which no text can get out of. */
static void write_words(struct buf *out, struct bytes text)
{
    while (text.len > 0) {
        size_t len = utf8_cut(text, WORD_MAX_BYTES);
        len = len == 0 ? 1 : len;
        buf_append_str(out, "=?UTF-8?B?");
        base64_encode(out, bytes_slice(text, 0, len));
        buf_append_str(out, len < text.len ? "?=\n " : "?=");
        text = bytes_slice(text, len, text.len);
    }
}

/* Letters, digits, and what stands in `also`. */
static bool is_plain(struct bytes text, const char *also)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (!ascii_is_alpha(c) && !ascii_is_digit(c) && (c == '\0' || strchr(also, c) == NULL)) {
            return false;
        }
    }
    return text.len <= WORD_MAX_BYTES;
}

static void write_party(struct buf *out, const char *field, const struct notbit_party *party)
{
    buf_printf(out, "%s: ", field);
    struct bytes label = bytes_of_str(party->label);
    if (label.len == 0) {
        buf_printf(out, "%s@bitmessage\n", *party->address != '\0' ? party->address : "unknown");
        return;
    }
    if (is_plain(label, " ")) {
        buf_append_bytes(out, label);
    } else {
        write_words(out, label);
    }
    buf_printf(out, " <%s@bitmessage>\n", *party->address != '\0' ? party->address : "unknown");
}

static void write_date(struct buf *out, int64_t sec)
{
    char date[64] = "Thu, 01 Jan 1970 00:00:00 +0000";
    time_t time = (time_t)sec;
    struct tm tm;
    if (gmtime_r(&time, &tm) != NULL) {
        (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
    }
    buf_printf(out, "Date: %s\n", date);
}

void notbit_mail_write(struct buf *out, const struct notbit_party *from,
                       const struct notbit_party *to, struct bytes subject, struct bytes text,
                       int64_t sec)
{
    write_party(out, "From", from);
    write_party(out, "To", to);
    write_date(out, sec);
    buf_append_str(out, "Content-Type: text/plain; charset=UTF-8\n"
                        "Content-Transfer-Encoding: 8bit\nSubject: ");
    if (is_plain(subject, " .,:;!'()-")) {
        buf_append_bytes(out, subject);
    } else {
        write_words(out, subject);
    }
    buf_append_str(out, "\n\n");
    buf_append_bytes(out, text);
}
