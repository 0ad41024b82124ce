// SPDX-License-Identifier: MIT
#include "gateway/translate/foreign.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/mail_write.h"

/* ---- bytes that are put there untouched ---- */

enum { MAX_LINE_BYTES = 998 };

bool foreign_has_sound_lines(struct bytes data, bool is_text)
{
    size_t line_len = 0;
    for (size_t i = 0; i < data.len; i++) {
        uint8_t byte = data.data[i];
        if (byte == '\r' && i + 1 < data.len && data.data[i + 1] == '\n') {
            i++;
            line_len = 0;
            continue;
        }
        bool is_good = byte != '\r' && byte != '\n' && byte != 0 &&
                       (!is_text || byte == '\t' || (byte >= ' ' && byte < 0x7f));
        if (!is_good || ++line_len > MAX_LINE_BYTES) {
            return false;
        }
    }
    return true;
}

static bool holds_word(struct bytes data, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= data.len; i++) {
        if (bytes_is_word(bytes_slice(data, i, len), word)) {
            return true;
        }
    }
    return false;
}

bool foreign_is_harmless(struct bytes part)
{
    static const char *const words[] = {"html", "message/", "xml"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (holds_word(part, words[i])) {
            return false;
        }
    }
    return foreign_has_sound_lines(part, false) && !holds_word(part, "\n--=_") &&
           !bytes_starts_with(part, bytes_of_str("--=_"));
}

/* ---- its type ---- */

/* The METHOD of an iCalendar object (RFC 5545 section 3.7.2), by which a mail program knows an
 * invitation: the type repeats it (RFC 6047 section 2.4). It stands before the first component. */
static struct bytes calendar_method(struct bytes data)
{
    static const char name[] = "METHOD:";
    enum { MAX_METHOD_BYTES = 20 };
    size_t n_begins = 0;
    while (data.len > 0 && n_begins < 2) {
        size_t len = bytes_find(data, '\n');
        struct bytes line = bytes_slice(data, 0, len);
        if (line.len > 0 && line.data[line.len - 1] == '\r') {
            line.len--;
        }
        if (bytes_is_word(bytes_slice(line, 0, strlen(name)), name)) {
            struct bytes method = bytes_slice(line, strlen(name), line.len);
            size_t n = 0;
            while (n < method.len &&
                   (ascii_is_alpha((char)method.data[n]) || method.data[n] == '-')) {
                n++;
            }
            return n == method.len && n <= MAX_METHOD_BYTES ? method : (struct bytes){0};
        }
        n_begins += bytes_is_word(bytes_slice(line, 0, strlen("BEGIN:")), "BEGIN:") ? 1 : 0;
        data = bytes_slice(data, len + 1, data.len);
    }
    return (struct bytes){0};
}

static bool is_message(const struct content_file *file)
{
    return bytes_is_word(file->type, "message/rfc822") && foreign_is_harmless(file->data);
}

/* A type that we can vouch for. All but a harmless message goes as base64, which RFC 2046 section 5
 * forbids for multipart and message. */
static struct bytes safe_type(const struct content_file *file)
{
    bool composite = bytes_is_word(bytes_slice(file->type, 0, 10), "multipart/") ||
                     bytes_is_word(bytes_slice(file->type, 0, 8), "message/");
    return mail_is_media_type(file->type) && (!composite || is_message(file))
               ? file->type
               : bytes_of_str("application/octet-stream");
}

static void write_type(struct buf *out, const struct content_file *file)
{
    struct bytes type = safe_type(file);
    buf_printf(out, "Content-Type: %.*s", (int)type.len, (const char *)type.data);
    if (bytes_is_word(type, "text/calendar")) {
        struct bytes method = calendar_method(file->data);
        if (method.len > 0) {
            buf_printf(out, "; method=%.*s", (int)method.len, (const char *)method.data);
        }
        if (utf8_valid(file->data)) {
            buf_append_str(out, "; charset=utf-8");
        }
    }
}

/* ---- its name ---- */

/* The last part of a name, so that no reader takes it for a path. */
static struct bytes safe_name(struct bytes name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] == '/' || name.data[i - 1] == '\\') {
            return bytes_slice(name, i, name.len);
        }
    }
    return name;
}

bool foreign_is_safe_id(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = (char)id.data[i];
        if (!ascii_is_alpha(c) && !ascii_is_digit(c) &&
            (c == '\0' || strchr("@.-_$+", c) == NULL)) {
            return false;
        }
    }
    return id.len > 0 && id.len <= 250;
}

/* ---- the part ---- */

bool foreign_is_eight_bit(const struct content_file *file)
{
    return is_message(file) && !foreign_has_sound_lines(file->data, true);
}

static void write_data(struct buf *out, const struct content_file *file)
{
    if (is_message(file)) {
        buf_append_bytes(out, file->data);
    } else {
        mail_write_base64(out, file->data);
    }
}

void foreign_write_file(struct buf *out, const struct content_file *file)
{
    struct bytes name = safe_name(file->name);
    if (name.len == 0 && bytes_is_word(file->type, "message/rfc822") && !is_message(file)) {
        name = bytes_of_str("message.eml"); /* else its type is lost */
    }
    bool is_shown = bytes_is_word(file->disposition, "inline");
    write_type(out, file);
    if (name.len > 0) {
        mail_write_param(out, "name", name);
    }
    buf_printf(out, "\r\nContent-Transfer-Encoding: %s\r\nContent-Disposition: %s",
               foreign_is_eight_bit(file) ? "8bit"
               : is_message(file)         ? "7bit"
                                          : "base64",
               is_shown ? "inline" : "attachment");
    if (name.len > 0) {
        mail_write_param(out, "filename", name);
    }
    buf_append_str(out, "\r\n");
    if (foreign_is_safe_id(file->id)) {
        mail_write_field(out, "Content-ID", "<%.*s>", (int)file->id.len,
                         (const char *)file->id.data);
    }
    buf_append_str(out, "\r\n");
    write_data(out, file);
}
