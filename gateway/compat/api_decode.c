// SPDX-License-Identifier: MIT
#include "gateway/compat/api_decode.h"

#include <string.h>

#include "base/buf.h"

enum { NOT_OF_ALPHABET = 255, SIX_BITS = 6, EIGHT_BITS = 8 };

static uint8_t hex_digit(uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t lower = c >= 'A' && c <= 'F' ? (uint8_t)(c - 'A' + 'a') : c;
    const char *at = lower == '\0' ? NULL : strchr(digits, lower);
    return at == NULL ? NOT_OF_ALPHABET : (uint8_t)(at - digits);
}

const char *api_decode_hex(struct buf *out, struct bytes text)
{
    size_t before = out->len;
    if (text.len % 2 != 0) {
        return "Odd-length string";
    }
    for (size_t i = 0; i < text.len; i += 2) {
        uint8_t high = hex_digit(text.data[i]);
        uint8_t low = hex_digit(text.data[i + 1]);
        if (high == NOT_OF_ALPHABET || low == NOT_OF_ALPHABET) {
            buf_truncate(out, before);
            return "Non-hexadecimal digit found";
        }
        buf_append_byte(out, (uint8_t)(high << 4 | low));
    }
    return NULL;
}

static uint8_t base64_value(uint8_t c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);
    return at == NULL ? NOT_OF_ALPHABET : (uint8_t)(at - alphabet);
}

/* Is the next character of the alphabet, or padding, behind `at` padding? */
static bool pad_follows(struct bytes text, size_t at)
{
    for (size_t i = at + 1; i < text.len; i++) {
        if (text.data[i] == '=') {
            return true;
        }
        if (base64_value(text.data[i]) != NOT_OF_ALPHABET) {
            return false;
        }
    }
    return false;
}

const char *api_decode_base64(struct buf *out, struct bytes text)
{
    size_t before = out->len;
    unsigned bits = 0;
    unsigned n_bits = 0;
    unsigned place = 0; /* in the group of four */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t value = base64_value(text.data[i]);
        if (text.data[i] == '=') {
            if (place < 2 || (place == 2 && !pad_follows(text, i))) {
                continue;
            }
            n_bits = 0; /* nothing counts behind it */
            break;
        }
        if (value == NOT_OF_ALPHABET) {
            continue;
        }
        place = (place + 1) % 4;
        bits = (bits << SIX_BITS | value) & 0xffff;
        n_bits += SIX_BITS;
        if (n_bits >= EIGHT_BITS) {
            n_bits -= EIGHT_BITS;
            buf_append_byte(out, (uint8_t)(bits >> n_bits));
        }
    }
    if (n_bits != 0) {
        buf_truncate(out, before);
        return "Incorrect padding";
    }
    return NULL;
}

void api_repr(struct buf *out, struct bytes text)
{
    bool has_single = bytes_find(text, '\'') < text.len;
    bool has_double = bytes_find(text, '"') < text.len;
    char quote = has_single && !has_double ? '"' : '\'';
    buf_append_byte(out, (uint8_t)quote);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == (uint8_t)quote || c == '\\') {
            buf_printf(out, "\\%c", c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        } else if (c < 0x20 || c >= 0x7f) {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_append_byte(out, c);
        }
    }
    buf_append_byte(out, (uint8_t)quote);
}
