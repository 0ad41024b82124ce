// SPDX-License-Identifier: MIT
#include "mailproto/mime/words.h"

#include <stdbool.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/charset.h"
#include "mailproto/mime/transfer.h"

struct word {
    struct bytes charset; /* without RFC 2231's language */
    struct bytes text;
    bool is_base64;
};

static bool is_white(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* "=?charset?q?text?=" at the front of `in`. */
static bool parse_word(struct word *out, size_t *out_len, struct bytes in)
{
    if (!bytes_starts_with(in, bytes_of_str("=?"))) {
        return false;
    }
    struct bytes rest = bytes_slice(in, 2, in.len);
    size_t charset_len = bytes_find(rest, '?');
    struct bytes charset = bytes_slice(rest, 0, charset_len);
    rest = bytes_slice(rest, charset_len + 1, rest.len);
    if (rest.len < 2 || rest.data[1] != '?') {
        return false;
    }
    char kind = ascii_lower((char)rest.data[0]);
    rest = bytes_slice(rest, 2, rest.len);
    size_t text_len = bytes_find(rest, '?');
    if ((kind != 'b' && kind != 'q') || charset.len == 0 || text_len + 1 >= rest.len ||
        rest.data[text_len + 1] != '=') {
        return false;
    }
    struct bytes text = bytes_slice(rest, 0, text_len);
    if (bytes_find(charset, ' ') != charset.len ||
        (kind == 'b' && bytes_find(text, ' ') != text.len)) {
        return false;
    }
    out->charset = bytes_slice(charset, 0, bytes_find(charset, '*'));
    out->text = text;
    out->is_base64 = kind == 'b';
    *out_len = (size_t)(rest.data - in.data) + text_len + 2;
    return true;
}

/* "Q": as quoted-printable, with '_' for a space. */
static void decode_q(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '=' && hex_decode(&byte, 1, bytes_slice(text, i + 1, 2))) {
            i += 2;
        } else if (byte == '_') {
            byte = ' ';
        }
        buf_append_byte(out, byte);
    }
}

/* Encoded words behind each other in one character set are one text. */
struct joined {
    struct bytes charset;
    struct buf text;
    bool is_open;
};

static void flush(struct buf *out, struct joined *joined)
{
    if (joined->is_open) {
        charset_to_utf8(out, joined->charset, buf_view(&joined->text));
        buf_reset(&joined->text);
        joined->is_open = false;
    }
}

static void add_word(struct buf *out, struct joined *joined, const struct word *word)
{
    if (joined->is_open && !bytes_equal_ci(joined->charset, word->charset)) {
        flush(out, joined);
    }
    joined->is_open = true;
    joined->charset = word->charset;
    if (word->is_base64) {
        transfer_decode_base64(&joined->text, word->text);
    } else {
        decode_q(&joined->text, word->text);
    }
}

void words_decode(struct buf *out, struct bytes value)
{
    struct joined joined = {0};
    while (value.len != 0) {
        struct word word;
        size_t len = 0;
        size_t white = 0;
        while (white < value.len && is_white(value.data[white])) {
            white++;
        }
        /* White space between two encoded words is not shown. */
        struct bytes behind = bytes_slice(value, white, value.len);
        if ((joined.is_open || white == 0) && parse_word(&word, &len, behind)) {
            add_word(out, &joined, &word);
            value = bytes_slice(behind, len, behind.len);
            continue;
        }
        flush(out, &joined);
        size_t plain = white;
        if (white == 0) {
            plain = 1;
            while (plain < value.len && !is_white(value.data[plain]) && value.data[plain] != '=') {
                plain++;
            }
        }
        charset_to_utf8(out, (struct bytes){0}, bytes_slice(value, 0, plain));
        value = bytes_slice(value, plain, value.len);
    }
    flush(out, &joined);
    buf_clear(&joined.text);
}

void words_decode_extended(struct buf *out, struct bytes value)
{
    size_t first = bytes_find(value, '\'');
    struct bytes behind = bytes_slice(value, first + 1, value.len);
    size_t second = bytes_find(behind, '\'');
    struct bytes charset = {0};
    struct bytes text = value;
    struct buf raw = {0};
    if (first < value.len && second < behind.len) {
        charset = bytes_slice(value, 0, first);
        text = bytes_slice(behind, second + 1, behind.len);
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '%' && hex_decode(&byte, 1, bytes_slice(text, i + 1, 2))) {
            i += 2;
        }
        buf_append_byte(&raw, byte);
    }
    charset_to_utf8(out, charset, buf_view(&raw));
    buf_clear(&raw);
}

struct bytes words_clean_plain(struct bytes text, struct arena *arena)
{
    uint8_t *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    bool is_after_white = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        /* U+0080 to U+009F are control characters, too. */
        bool is_c1 = byte == 0xc2 && i + 1 < text.len && text.data[i + 1] < 0xa0;
        bool is_control = byte <= ' ' || byte == 0x7f || is_c1;
        i += is_c1;
        if (!is_control) {
            out[len++] = byte;
        } else if (!is_after_white) {
            out[len++] = ' ';
        }
        is_after_white = is_control;
    }
    if (len != 0 && out[len - 1] == ' ') {
        len--;
    }
    return (struct bytes){out, len};
}

struct bytes words_clean(struct bytes value, struct arena *arena)
{
    struct buf decoded = {0};
    words_decode(&decoded, value);
    struct bytes clean = words_clean_plain(buf_view(&decoded), arena);
    buf_clear(&decoded);
    return clean;
}
