// SPDX-License-Identifier: MIT
/* Printable ASCII stands for itself, '&' is "&-", all else goes as UTF-16 in base64 with ',' for
 * '/', without padding, between '&' and '-'. A name has exactly one valid form: what decodes to a
 * text that would be encoded otherwise is refused, so that two names never mean one mailbox. */
#include "mailproto/imap/utf7.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* ---- UTF-8, one code point at a time ---- */

/* The next code point of well-formed UTF-8. */
static uint32_t next_code_point(struct bytes *utf8)
{
    uint8_t first = utf8->data[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code_point = len == 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len && i < utf8->len; i++) {
        code_point = code_point << 6 | (utf8->data[i] & 0x3fu);
    }
    *utf8 = bytes_slice(*utf8, len, SIZE_MAX);
    return code_point;
}

static void append_utf8(struct buf *out, uint32_t code_point)
{
    if (code_point < 0x80) {
        buf_append_byte(out, (uint8_t)code_point);
        return;
    }
    unsigned n_more = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    buf_append_byte(out, (uint8_t)((0xff00u >> (n_more + 1)) | code_point >> (6 * n_more)));
    while (n_more-- > 0) {
        buf_append_byte(out, (uint8_t)(0x80 | (code_point >> (6 * n_more) & 0x3f)));
    }
}

static bool is_direct(uint32_t c)
{
    return c >= 0x20 && c <= 0x7e;
}

/* ---- Encoding ---- */

struct bit_writer {
    struct buf *out;
    uint32_t bits;
    unsigned n_bits;
};

static void put_unit(struct bit_writer *writer, uint32_t unit)
{
    writer->bits = writer->bits << 16 | unit;
    writer->n_bits += 16;
    while (writer->n_bits >= 6) {
        writer->n_bits -= 6;
        buf_append_byte(writer->out, (uint8_t)alphabet[writer->bits >> writer->n_bits & 63]);
    }
}

static void put_code_point(struct bit_writer *writer, uint32_t code_point)
{
    if (code_point >= 0x10000) {
        put_unit(writer, 0xd800 + ((code_point - 0x10000) >> 10));
        put_unit(writer, 0xdc00 + ((code_point - 0x10000) & 0x3ff));
    } else {
        put_unit(writer, code_point);
    }
}

static void end_shift(struct bit_writer *writer)
{
    if (writer->n_bits > 0) {
        buf_append_byte(writer->out, (uint8_t)alphabet[writer->bits << (6 - writer->n_bits) & 63]);
    }
    buf_append_byte(writer->out, '-');
    writer->bits = 0;
    writer->n_bits = 0;
}

void utf7_encode(struct buf *out, struct bytes utf8)
{
    struct bit_writer writer = {.out = out};
    bool shifted = false;
    while (utf8.len > 0) {
        uint32_t code_point = next_code_point(&utf8);
        if (!is_direct(code_point)) {
            if (!shifted) {
                buf_append_byte(out, '&');
                shifted = true;
            }
            put_code_point(&writer, code_point);
            continue;
        }
        if (shifted) {
            end_shift(&writer);
            shifted = false;
        }
        buf_append_byte(out, (uint8_t)code_point);
        if (code_point == '&') {
            buf_append_byte(out, '-');
        }
    }
    if (shifted) {
        end_shift(&writer);
    }
}

/* ---- Decoding ---- */

/* One UTF-16 unit of a shifted run. False on a surrogate out of place. */
static bool take_unit(struct buf *out, uint32_t unit, uint32_t *high_surrogate)
{
    bool is_high = unit >= 0xd800 && unit < 0xdc00;
    bool is_low = unit >= 0xdc00 && unit < 0xe000;
    if (is_low != (*high_surrogate != 0)) {
        return false;
    }
    if (is_high) {
        *high_surrogate = unit;
    } else if (is_low) {
        append_utf8(out, 0x10000 + ((*high_surrogate - 0xd800) << 10) + (unit - 0xdc00));
        *high_surrogate = 0;
    } else {
        append_utf8(out, unit);
    }
    return true;
}

/* The base64 between '&' and '-'. */
static bool decode_run(struct buf *out, struct bytes run)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    uint32_t high_surrogate = 0;
    for (size_t i = 0; i < run.len; i++) {
        const char *place = run.data[i] == '\0' ? NULL : strchr(alphabet, run.data[i]);
        if (place == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(place - alphabet);
        n_bits += 6;
        if (n_bits >= 16) {
            n_bits -= 16;
            if (!take_unit(out, bits >> n_bits & 0xffff, &high_surrogate)) {
                return false;
            }
        }
    }
    return high_surrogate == 0;
}

static bool decode(struct buf *out, struct bytes utf7)
{
    while (utf7.len > 0) {
        uint8_t c = utf7.data[0];
        utf7 = bytes_slice(utf7, 1, SIZE_MAX);
        if (!is_direct(c)) {
            return false;
        }
        if (c != '&') {
            buf_append_byte(out, c);
            continue;
        }
        size_t end = bytes_find(utf7, '-');
        if (end == utf7.len) {
            return false;
        }
        if (end == 0) {
            buf_append_byte(out, '&');
        } else if (!decode_run(out, bytes_slice(utf7, 0, end))) {
            return false;
        }
        utf7 = bytes_slice(utf7, end + 1, SIZE_MAX);
    }
    return true;
}

bool utf7_decode(struct buf *out, struct bytes utf7)
{
    size_t start = out->len;
    struct buf again = {0};
    bool ok = decode(out, utf7);
    if (ok) {
        utf7_encode(&again, bytes_slice(buf_view(out), start, SIZE_MAX));
        ok = bytes_equal(buf_view(&again), utf7);
    }
    buf_clear(&again);
    return ok;
}
