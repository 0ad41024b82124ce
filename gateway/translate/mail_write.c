// SPDX-License-Identifier: MIT
#include "gateway/translate/mail_write.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    LINE_BYTES = 76,         /* of quoted-printable and base64 */
    WORD_PAYLOAD_BYTES = 45, /* an encoded word of 75: "=?utf-8?B?" 60 "?=" holds 45 bytes */
    WORD_FRAME_BYTES = 12,
    BASE64_LINE_INPUT = 57
};

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* The length of the well-formed UTF-8 sequence at the front, or 0. */
static size_t utf8_sequence(struct bytes text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        if (utf8_valid(bytes_slice(text, 0, len))) {
            return len;
        }
    }
    return 0;
}

static bool is_control(struct bytes sequence)
{
    uint8_t first = sequence.data[0];
    if (sequence.len == 1) {
        return first < 0x20 || first == 0x7f;
    }
    /* U+0080 to U+009F */
    return sequence.len == 2 && first == 0xc2 && sequence.data[1] < 0xa0;
}

/* Bytes that stay as they are, at once: most of all text. */
static size_t plain_run(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && ((text.data[len] >= 0x20 && text.data[len] < 0x7f) ||
                              text.data[len] == '\n' || text.data[len] == '\t')) {
        len++;
    }
    return len;
}

bool mail_clean_text(struct buf *out, struct bytes text)
{
    bool intact = true;
    if (bytes_starts_with(text, bytes_of_str("\xef\xbb\xbf"))) {
        text = bytes_slice(text, 3, text.len);
    }
    for (size_t i = 0; i < text.len;) {
        struct bytes rest = bytes_slice(text, i, text.len);
        size_t run = plain_run(rest);
        if (run > 0) {
            buf_append(out, rest.data, run);
            i += run;
            continue;
        }
        size_t len = utf8_sequence(rest);
        if (rest.data[0] == '\r') {
            i += rest.len > 1 && rest.data[1] == '\n' ? 2 : 1;
            buf_append_byte(out, '\n');
            continue;
        }
        if (len == 0 || is_control(bytes_slice(rest, 0, len))) {
            buf_append_str(out, replacement);
            intact = false;
            i += len == 0 ? 1 : len;
            continue;
        }
        buf_append(out, rest.data, len);
        i += len;
    }
    return intact;
}

/* U+202A to U+202E and U+2066 to U+2069 turn the direction of what follows: in a name or a subject
 * they make one text look like another ("exe.gpj" like "jpg.exe"). */
static bool turns_direction(struct bytes text)
{
    return text.len >= 3 && text.data[0] == 0xe2 &&
           ((text.data[1] == 0x80 && text.data[2] >= 0xaa && text.data[2] <= 0xae) ||
            (text.data[1] == 0x81 && text.data[2] >= 0xa6 && text.data[2] <= 0xa9));
}

bool mail_clean_line(struct buf *out, struct bytes text)
{
    struct buf clean = {0};
    bool intact = mail_clean_text(&clean, text);
    struct bytes view = buf_view(&clean);
    while (view.len > 0 && strchr(" \t\n", view.data[0]) != NULL) {
        view = bytes_slice(view, 1, view.len);
    }
    while (view.len > 0 && strchr(" \t\n", view.data[view.len - 1]) != NULL) {
        view.len--;
    }
    for (size_t i = 0; i < view.len; i++) {
        bool space = view.data[i] == '\n' || view.data[i] == '\t';
        if (turns_direction(bytes_slice(view, i, view.len))) {
            buf_append_str(out, replacement);
            intact = false;
            i += 2;
            continue;
        }
        buf_append_byte(out, space ? ' ' : view.data[i]);
    }
    buf_clear(&clean);
    return intact;
}

static bool is_printable_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* Encoded words, each on a line of its own but the first, which stands behind `column` characters
 * (RFC 2047 section 2: lines of 76). */
static void write_encoded_words(struct buf *out, size_t column, struct bytes text)
{
    bool first = true;
    while (text.len > 0) {
        size_t room = first && column > 0 ? (LINE_BYTES - column - WORD_FRAME_BYTES) / 4 * 3
                                          : WORD_PAYLOAD_BYTES;
        size_t len = utf8_cut(text, room);
        buf_append_str(out, first ? "=?utf-8?B?" : "\r\n =?utf-8?B?");
        base64_encode(out, bytes_slice(text, 0, len));
        buf_append_str(out, "?=");
        text = bytes_slice(text, len, text.len);
        first = false;
    }
}

/* Printable ASCII folded at spaces. False (nothing written) when it has to be encoded: a word too
 * long for a line, spaces that folding would lose, or what a reader would take for an encoded word.
 */
static bool write_folded(struct buf *out, size_t column, struct bytes text)
{
    bool plain = is_printable_ascii(text) && memmem(text.data, text.len, "=?", 2) == NULL;
    size_t start = out->len;
    for (size_t i = 0; plain && i < text.len;) {
        size_t word = bytes_find(bytes_slice(text, i, text.len), ' ');
        if (word == 0 || word > LINE_BYTES - 10 || (i + word + 1 == text.len)) {
            plain = false;
            break;
        }
        if (i > 0 && column + 1 + word > LINE_BYTES) {
            buf_append_str(out, "\r\n");
            column = 0;
        }
        if (i > 0) {
            buf_append_byte(out, ' ');
        }
        buf_append(out, text.data + i, word);
        column += word + 1;
        i += word + 1;
    }
    if (!plain) {
        buf_truncate(out, start);
    }
    return plain;
}

/* A cleaned, cut copy on one line. */
static void clean_for_header(struct buf *clean, struct bytes text)
{
    (void)mail_clean_line(clean, bytes_slice(text, 0, 4 * (size_t)MAIL_MAX_HEADER_TEXT_BYTES));
    buf_truncate(clean, utf8_cut(buf_view(clean), MAIL_MAX_HEADER_TEXT_BYTES));
}

void mail_write_text(struct buf *out, const char *name, struct bytes text)
{
    struct buf clean = {0};
    clean_for_header(&clean, text);
    buf_printf(out, "%s: ", name);
    if (clean.len > 0 && !write_folded(out, strlen(name) + 2, buf_view(&clean))) {
        write_encoded_words(out, strlen(name) + 2, buf_view(&clean));
    }
    buf_append_str(out, "\r\n");
    buf_clear(&clean);
}

void mail_write_field(struct buf *out, const char *name, const char *format, ...)
{
    buf_printf(out, "%s: ", name);
    size_t start = out->len;
    va_list args;
    va_start(args, format);
    buf_vprintf(out, format, args);
    va_end(args);
    assert(is_printable_ascii(bytes_slice(buf_view(out), start, out->len)));
    buf_append_str(out, "\r\n");
}

static void write_quoted(struct buf *out, struct bytes text)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            buf_append_byte(out, '\\');
        }
        buf_append_byte(out, text.data[i]);
    }
    buf_append_byte(out, '"');
}

void mail_write_address(struct buf *out, const char *name, struct bytes display,
                        const char *address)
{
    assert(is_printable_ascii(bytes_of_str(address)));
    struct buf clean = {0};
    clean_for_header(&clean, display);
    struct bytes view = buf_view(&clean);
    buf_printf(out, "%s: ", name);
    if (view.len == 0) {
        buf_append_str(out, address);
    } else if (view.len <= LINE_BYTES - 16 && is_printable_ascii(view) &&
               memmem(view.data, view.len, "=?", 2) == NULL) {
        write_quoted(out, view);
        buf_printf(out, "\r\n <%s>", address);
    } else {
        write_encoded_words(out, strlen(name) + 2, view);
        buf_printf(out, "\r\n <%s>", address);
    }
    buf_append_str(out, "\r\n");
    buf_clear(&clean);
}

/* RFC 2231 section 4: attribute-char. */
static bool is_attribute_char(uint8_t byte)
{
    return ascii_is_alpha((char)byte) || ascii_is_digit((char)byte) ||
           (byte != 0 && strchr("!#$&+-.^_`|~", byte) != NULL);
}

/* name*0*=utf-8''...; name*1*=... */
static void write_encoded_param(struct buf *out, const char *name, struct bytes value)
{
    unsigned section = 0;
    size_t i = 0;
    do {
        buf_printf(out, "%s\r\n %s*%u*=%s", ";", name, section, section == 0 ? "utf-8''" : "");
        size_t column = strlen(name) + 14;
        for (; i < value.len && column + 3 <= LINE_BYTES; i++) {
            if (is_attribute_char(value.data[i])) {
                buf_append_byte(out, value.data[i]);
                column++;
            } else {
                buf_printf(out, "%%%02X", value.data[i]);
                column += 3;
            }
        }
        section++;
    } while (i < value.len);
}

void mail_write_param(struct buf *out, const char *name, struct bytes value)
{
    struct buf clean = {0};
    clean_for_header(&clean, value);
    struct bytes view = buf_view(&clean);
    if (is_printable_ascii(view) && view.len + strlen(name) + 6 <= LINE_BYTES) {
        buf_printf(out, ";\r\n %s=", name);
        write_quoted(out, view);
    } else {
        write_encoded_param(out, name, view);
    }
    buf_clear(&clean);
}

void mail_date(char out[MAIL_DATE_BYTES], int64_t sec)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t when = (time_t)sec;
    struct tm tm = {0};
    if (gmtime_r(&when, &tm) == NULL || tm.tm_year > 8099 || tm.tm_year < -1900) {
        when = 0;
        (void)gmtime_r(&when, &tm);
    }
    (void)snprintf(out, MAIL_DATE_BYTES, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
                   tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
}

void mail_write_base64(struct buf *out, struct bytes data)
{
    for (size_t i = 0; i < data.len; i += BASE64_LINE_INPUT) {
        base64_encode(out, bytes_slice(data, i, BASE64_LINE_INPUT));
        buf_append_str(out, "\r\n");
    }
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* How many bytes from `start` on stand for themselves, `max` at most. White space at the end of a
 * line does not, nor, at its beginning, what some programs change on the way: a dot, "From ". */
static size_t qp_literal_len(struct bytes line, size_t start, size_t max)
{
    size_t end = line.len - (is_blank(line.data[line.len - 1]) ? 1 : 0);
    size_t at = start;
    end = end - start > max ? start + max : end;
    if (start == 0 && (line.data[0] == '.' || line.data[0] == 'F')) {
        return 0;
    }
    while (at < end && ((line.data[at] >= ' ' && line.data[at] < 0x7f && line.data[at] != '=') ||
                        line.data[at] == '\t')) {
        at++;
    }
    return at - start;
}

/* One line of text without its LF (RFC 2045 section 6.7). */
static void write_qp_line(struct buf *out, struct bytes line)
{
    static const char digits[] = "0123456789ABCDEF";
    const size_t room = LINE_BYTES - 1; /* and the '=' of a line that goes on */
    size_t column = 0;
    for (size_t i = 0; i < line.len;) {
        size_t len = qp_literal_len(line, i, room - column);
        buf_append(out, line.data + i, len);
        i += len;
        column += len;
        if (i == line.len) {
            break;
        }
        if (column + 3 > room) { /* the line is full, or too full for what must be encoded */
            buf_append_str(out, "=\r\n");
            column = 0;
            continue;
        }
        const char escape[] = {'=', digits[line.data[i] >> 4], digits[line.data[i] & 15]};
        buf_append(out, escape, sizeof escape);
        column += sizeof escape;
        i++;
    }
    buf_append_str(out, "\r\n");
}

enum text_shape { SHAPE_PLAIN, SHAPE_QP, SHAPE_BASE64 };

/* 7bit when every line is short ASCII; quoted-printable when most is ASCII; else base64. In none of
 * them can a line begin with "--=_", as our boundaries do. */
static bool is_plain_line(struct bytes line)
{
    static const char *const marks[] = {".", "From ", "--"}; /* changed on the way by some programs,
                                                                or what could pass for a boundary */
    bool is_plain = line.len <= LINE_BYTES + 2;
    for (size_t i = 0; i < ARRAY_LEN(marks) && line.len > 0; i++) {
        is_plain = is_plain && (line.data[0] != (uint8_t)marks[i][0] ||
                                !bytes_starts_with(line, bytes_of_str(marks[i])));
    }
    uint8_t last = line.len > 0 ? line.data[line.len - 1] : 'x';
    return is_plain && last != ' ' && last != '\t';
}

static enum text_shape shape_of(struct bytes text)
{
    size_t n_foreign = 0;
    bool plain = true;
    for (size_t i = 0; i < text.len; i++) {
        n_foreign += text.data[i] >= 0x7f ? 1 : 0;
    }
    for (struct bytes rest = text; plain && n_foreign == 0 && rest.len > 0;) {
        size_t len = bytes_find(rest, '\n');
        plain = is_plain_line(bytes_slice(rest, 0, len));
        rest = bytes_slice(rest, len + 1, rest.len);
    }
    if (n_foreign == 0 && plain) {
        return SHAPE_PLAIN;
    }
    return n_foreign * 6 <= text.len ? SHAPE_QP : SHAPE_BASE64;
}

static void write_lines(struct buf *out, struct bytes text,
                        void (*write)(struct buf *, struct bytes))
{
    while (text.len > 0) {
        size_t len = bytes_find(text, '\n');
        write(out, bytes_slice(text, 0, len));
        text = bytes_slice(text, len + 1, text.len);
    }
}

static void write_plain_line(struct buf *out, struct bytes line)
{
    buf_append_bytes(out, line);
    buf_append_str(out, "\r\n");
}

void mail_write_text_part(struct buf *out, struct bytes text)
{
    static const char *const encodings[] = {"7bit", "quoted-printable", "base64"};
    enum text_shape shape = shape_of(text);
    buf_printf(out,
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: %s\r\n\r\n",
               encodings[shape]);
    if (shape == SHAPE_PLAIN) {
        write_lines(out, text, write_plain_line);
    } else if (shape == SHAPE_QP) {
        write_lines(out, text, write_qp_line);
    } else {
        struct buf crlf = {0};
        write_lines(&crlf, text, write_plain_line);
        mail_write_base64(out, buf_view(&crlf));
        buf_clear(&crlf);
    }
}

bool mail_is_media_type(struct bytes type)
{
    size_t n_slashes = 0;
    for (size_t i = 0; i < type.len; i++) {
        uint8_t byte = type.data[i];
        if (byte == '/') {
            n_slashes++;
        } else if (byte <= 0x20 || byte >= 0x7f || strchr("()<>@,;:\\\"[]?=", byte) != NULL) {
            return false;
        }
    }
    return n_slashes == 1 && type.len <= 127 && type.data[0] != '/' &&
           type.data[type.len - 1] != '/';
}
