// SPDX-License-Identifier: MIT
#include "base/str.h"

#include <string.h>

#include "base/buf.h"

char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool ascii_is_alpha(char c)
{
    char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'z';
}

bool bytes_equal_ci(struct bytes a, struct bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower((char)a.data[i]) != ascii_lower((char)b.data[i])) {
            return false;
        }
    }
    return true;
}

bool bytes_is_word(struct bytes bytes, const char *word)
{
    return bytes_equal_ci(bytes, bytes_of_str(word));
}

bool str_equal_ci(const char *a, const char *b)
{
    return bytes_is_word(bytes_of_str(a), b);
}

bool str_starts_with_ci(const char *text, const char *prefix)
{
    return bytes_is_word(bytes_slice(bytes_of_str(text), 0, strlen(prefix)), prefix);
}

bool str_ends_with_ci(const char *text, const char *suffix)
{
    size_t text_len = strlen(text);
    size_t suffix_len = strlen(suffix);
    return suffix_len <= text_len && str_equal_ci(text + (text_len - suffix_len), suffix);
}

bool str_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool parse_u64(struct bytes text, uint64_t max, uint64_t *out)
{
    if (text.len == 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit((char)text.data[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
        if (value > max) {
            return false;
        }
    }
    *out = value;
    return true;
}

void hex_encode(char *out, struct bytes in)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        out[2 * i] = digits[in.data[i] >> 4];
        out[2 * i + 1] = digits[in.data[i] & 0x0f];
    }
    out[2 * in.len] = '\0';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = ascii_lower((char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool hex_decode(uint8_t *out, size_t len, struct bytes text)
{
    if (text.len / 2 != len || text.len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text.data[2 * i]);
        int low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct bytes in)
{
    if (!buf_reserve(out, (in.len + 2) / 3 * 4)) {
        return;
    }
    uint8_t *next = out->data + out->len;
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n_bytes = in.len - i < 3 ? in.len - i : 3;
        uint32_t group = (uint32_t)in.data[i] << 16 |
                         (n_bytes > 1 ? (uint32_t)in.data[i + 1] << 8 : 0) |
                         (n_bytes > 2 ? in.data[i + 2] : 0);
        for (size_t j = 0; j < 4; j++) {
            *next++ = (uint8_t)(j <= n_bytes ? base64_alphabet[group >> (18 - 6 * j) & 0x3f] : '=');
        }
    }
    out->len = (size_t)(next - out->data);
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four; `n_digits` of them (2 to 4) carry data. */
static bool decode_quad(struct buf *out, const uint8_t *quad, size_t n_digits)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < n_digits ? base64_value(quad[i]) : 0;
        if (value < 0) {
            return false;
        }
        group = group << 6 | (uint32_t)value;
    }
    uint32_t spare_bits = n_digits == 2 ? 0xffff : n_digits == 3 ? 0xff : 0;
    if ((group & spare_bits) != 0) {
        return false;
    }
    uint8_t decoded[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
    return buf_append(out, decoded, n_digits - 1);
}

bool base64_decode(struct buf *out, struct bytes text)
{
    if (text.len % 4 != 0) {
        return false;
    }
    size_t start = out->len;
    for (size_t i = 0; i < text.len; i += 4) {
        bool is_last = i + 4 == text.len;
        size_t n_digits = 4;
        while (is_last && n_digits > 2 && text.data[i + n_digits - 1] == '=') {
            n_digits--;
        }
        if (!decode_quad(out, text.data + i, n_digits)) {
            buf_truncate(out, start);
            return false;
        }
    }
    return true;
}

/* Length of the well-formed sequence at the front of `text`, or 0 (RFC 3629 section 4). */
static size_t utf8_sequence_len(struct bytes text)
{
    uint8_t first = text.data[0];
    if (first < 0x80) {
        return 1;
    }
    size_t len = first >= 0xc2 && first <= 0xdf   ? 2
                 : first >= 0xe0 && first <= 0xef ? 3
                 : first >= 0xf0 && first <= 0xf4 ? 4
                                                  : 0;
    if (len == 0 || text.len < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((text.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    uint8_t second = text.data[1];
    bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool surrogate = first == 0xed && second > 0x9f;
    bool too_high = first == 0xf4 && second > 0x8f;
    return overlong || surrogate || too_high ? 0 : len;
}

/* Bytes of ASCII at the front of `text`, eight at a time: most text is nothing else. */
static size_t ascii_len(struct bytes text)
{
    size_t len = 0;
    uint64_t word;
    while (text.len - len >= sizeof word) {
        memcpy(&word, text.data + len, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        len += sizeof word;
    }
    while (len < text.len && text.data[len] < 0x80) {
        len++;
    }
    return len;
}

/* Length of the longest well-formed prefix. */
static size_t utf8_well_formed_len(struct bytes text)
{
    size_t len = 0;
    for (;;) {
        len += ascii_len((struct bytes){text.data + len, text.len - len});
        if (len == text.len) {
            return len;
        }
        size_t step = utf8_sequence_len((struct bytes){text.data + len, text.len - len});
        if (step == 0) {
            return len;
        }
        len += step;
    }
}

bool utf8_valid(struct bytes text)
{
    return text.len == 0 || utf8_well_formed_len(text) == text.len;
}

/* Length of the ill-formed part at the front of `text`: what could still have become a sequence. */
static size_t utf8_ill_formed_len(struct bytes text)
{
    uint8_t first = text.data[0];
    if (first < 0xc2 || first > 0xf4 || text.len == 1) {
        return 1;
    }
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text.data[1] < low || text.data[1] > high) {
        return 1;
    }
    bool third_may_follow = first >= 0xf0 && text.len > 2 && (text.data[2] & 0xc0) == 0x80;
    return third_may_follow ? 3 : 2;
}

void utf8_repair(struct buf *out, struct bytes text)
{
    while (text.len != 0) {
        size_t good = utf8_well_formed_len(text);
        buf_append_bytes(out, bytes_slice(text, 0, good));
        text = bytes_slice(text, good, text.len);
        if (text.len != 0) {
            buf_append_str(out, "\xef\xbf\xbd");
            text = bytes_slice(text, utf8_ill_formed_len(text), text.len);
        }
    }
}

size_t utf8_cut(struct bytes text, size_t max_len)
{
    if (text.len <= max_len) {
        return text.len;
    }
    size_t len = max_len;
    while (len != 0 && (text.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}
