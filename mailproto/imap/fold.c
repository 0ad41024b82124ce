// SPDX-License-Identifier: MIT
/* Folding by utf8proc: compatibility decomposition and case folding, one code point at a time into
 * a small array, so that no step depends on the length of the text. ASCII, which is most of all
 * mail, takes a short way. Marks are left in the order in which they stand: two texts that differ
 * in the order of combining marks alone do not match, which nobody types. */
#include "mailproto/imap/fold.h"

#include <stdbool.h>
#include <utf8proc.h>

#include "base/buf.h"

enum { FOLD_MAX_CODE_POINTS = 32 }; /* U+FDFA, the longest decomposition, has 18 */

static void append_code_point(struct buf *out, utf8proc_int32_t code_point, bool *was_space)
{
    utf8proc_category_t category = utf8proc_category(code_point);
    if (category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
        category == UTF8PROC_CATEGORY_ZP || category == UTF8PROC_CATEGORY_CC) {
        if (!*was_space) {
            buf_append_byte(out, ' ');
        }
        *was_space = true;
        return;
    }
    utf8proc_uint8_t utf8[4];
    utf8proc_ssize_t len = utf8proc_encode_char(code_point, utf8);
    buf_append(out, utf8, len > 0 ? (size_t)len : 0);
    *was_space = false;
}

static void append_folded(struct buf *out, utf8proc_int32_t code_point, bool *was_space)
{
    utf8proc_int32_t folded[FOLD_MAX_CODE_POINTS];
    int boundary_class = 0;
    utf8proc_ssize_t n_folded = utf8proc_decompose_char(code_point, folded, FOLD_MAX_CODE_POINTS,
                                                        UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                                                            UTF8PROC_CASEFOLD | UTF8PROC_IGNORE,
                                                        &boundary_class);
    if (n_folded < 0 || n_folded > FOLD_MAX_CODE_POINTS) {
        append_code_point(out, code_point, was_space);
        return;
    }
    for (utf8proc_ssize_t i = 0; i < n_folded; i++) {
        append_code_point(out, folded[i], was_space);
    }
}

static uint8_t small(uint8_t byte)
{
    return (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

static bool is_plain_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* ASCII without control characters at the front of `text`; returns how many bytes of it. */
static size_t append_ascii(struct buf *out, struct bytes text, bool *was_space)
{
    size_t at = 0;
    if (!buf_reserve(out, text.len)) {
        return 0;
    }
    uint8_t *next = out->data + out->len;
    for (; at < text.len; at++) {
        uint8_t byte = text.data[at];
        if (byte > ' ' && byte < 0x7f) {
            *next++ = small(byte);
            *was_space = false;
        } else if (is_plain_space(byte)) {
            *next = ' ';
            next += !*was_space;
            *was_space = true;
        } else {
            break;
        }
    }
    out->len = (size_t)(next - out->data);
    return at;
}

void fold_text(struct buf *out, struct bytes text)
{
    bool was_space = false;
    while (text.len != 0 && buf_ok(out)) {
        size_t at = append_ascii(out, text, &was_space);
        text = bytes_slice(text, at, text.len);
        if (text.len != 0) {
            utf8proc_int32_t code_point = 0;
            utf8proc_ssize_t len =
                utf8proc_iterate(text.data, (utf8proc_ssize_t)text.len, &code_point);
            append_folded(out, len > 0 ? code_point : 0xfffd, &was_space);
            text = bytes_slice(text, len > 0 ? (size_t)len : 1, text.len);
        }
    }
}
