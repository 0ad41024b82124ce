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

/* Letters, digits and signs of ASCII at the front of `text`, in small letters; returns how many. */
static size_t append_ascii_run(struct buf *out, struct bytes text)
{
    size_t start = out->len;
    size_t len = 0;
    while (len < text.len && text.data[len] > 0x20 && text.data[len] < 0x7f) {
        len++;
    }
    if (len != 0 && buf_append(out, text.data, len)) {
        for (uint8_t *at = out->data + start; at < out->data + out->len; at++) {
            *at = (uint8_t)(*at >= 'A' && *at <= 'Z' ? *at + ('a' - 'A') : *at);
        }
    }
    return len;
}

static bool is_plain_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

void fold_text(struct buf *out, struct bytes text)
{
    bool was_space = false;
    size_t at = 0;
    while (at < text.len) {
        size_t run = append_ascii_run(out, bytes_slice(text, at, text.len));
        if (run != 0) {
            was_space = false;
            at += run;
            continue;
        }
        if (is_plain_space(text.data[at])) {
            if (!was_space) {
                buf_append_byte(out, ' ');
            }
            was_space = true;
            at++;
            continue;
        }
        utf8proc_int32_t code_point = 0;
        utf8proc_ssize_t len =
            utf8proc_iterate(text.data + at, (utf8proc_ssize_t)(text.len - at), &code_point);
        if (len <= 0) {
            code_point = 0xfffd;
            len = 1;
        }
        append_folded(out, code_point, &was_space);
        at += (size_t)len;
    }
}
