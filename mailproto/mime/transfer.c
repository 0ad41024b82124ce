// SPDX-License-Identifier: MIT
#include "mailproto/mime/transfer.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/mime/header.h"

static int base64_digit(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return byte - 'A';
    }
    if (byte >= 'a' && byte <= 'z') {
        return byte - 'a' + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return byte - '0' + 52;
    }
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

void transfer_decode_base64(struct buf *out, struct bytes in)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    if (!buf_reserve(out, in.len / 4 * 3 + 3)) {
        return;
    }
    uint8_t *next = out->data + out->len; /* room for all that can come is there */
    for (size_t i = 0; i < in.len; i++) {
        int digit = base64_digit(in.data[i]);
        if (in.data[i] == '=') { /* the end, or of one of several pieces put together */
            n_bits = 0;
        } else if (digit >= 0) {
            bits = bits << 6 | (uint32_t)digit;
            n_bits += 6;
            if (n_bits >= 8) {
                n_bits -= 8;
                *next++ = (uint8_t)(bits >> n_bits);
            }
        }
    }
    out->len = (size_t)(next - out->data);
}

/* "=XX", "=" at the end of the line, or a '=' that means itself. */
static size_t decode_escape(struct buf *out, struct bytes in)
{
    uint8_t byte;
    if (in.len >= 3 && hex_decode(&byte, 1, bytes_slice(in, 1, 2))) {
        buf_append_byte(out, byte);
        return 3;
    }
    buf_append_byte(out, '=');
    return 1;
}

static void decode_qp_line(struct buf *out, struct bytes line)
{
    struct bytes text = line_content(line);
    struct bytes end = bytes_slice(line, text.len, line.len);
    while (text.len != 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--; /* RFC 2045 section 6.7, rule 3: added on the way */
    }
    bool is_soft = text.len != 0 && text.data[text.len - 1] == '=';
    text.len -= is_soft;
    while (text.len != 0) {
        size_t plain = bytes_find(text, '=');
        buf_append_bytes(out, bytes_slice(text, 0, plain));
        text = bytes_slice(text, plain, text.len);
        if (text.len != 0) {
            text = bytes_slice(text, decode_escape(out, text), text.len);
        }
    }
    if (!is_soft) {
        buf_append_bytes(out, end);
    }
}

void transfer_decode_qp(struct buf *out, struct bytes in)
{
    while (in.len != 0) {
        size_t len = line_len(in);
        decode_qp_line(out, bytes_slice(in, 0, len));
        in = bytes_slice(in, len, in.len);
    }
}

void transfer_decode(struct buf *out, struct bytes encoding, struct bytes body)
{
    if (bytes_is_word(encoding, "base64")) {
        transfer_decode_base64(out, body);
    } else if (bytes_is_word(encoding, "quoted-printable")) {
        transfer_decode_qp(out, body);
    } else {
        buf_append_bytes(out, body);
    }
}
