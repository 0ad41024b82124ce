// SPDX-License-Identifier: MIT
#include "mailproto/imap/body_decode.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static void decode_base64(struct buf *out, struct bytes body)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < body.len && body.data[i] != '='; i++) {
        const char *place = body.data[i] == '\0' ? NULL : strchr(alphabet, body.data[i]);
        if (place == NULL) {
            continue;
        }
        bits = bits << 6 | (uint32_t)(place - alphabet);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            buf_append_byte(out, (uint8_t)(bits >> n_bits));
        }
    }
}

/* The white space that ends a line was put there on the way: it is not part of the text. */
static size_t text_len_of(struct bytes line)
{
    size_t len = line.len;
    while (len > 0 && strchr(" \t\r\n", line.data[len - 1]) != NULL && line.data[len - 1] != 0) {
        len--;
    }
    return len;
}

static void decode_quoted_line(struct buf *out, struct bytes line)
{
    size_t len = text_len_of(line);
    bool soft = len > 0 && line.data[len - 1] == '=';
    for (size_t i = 0; i < len - (soft ? 1 : 0); i++) {
        uint8_t byte = 0;
        if (line.data[i] == '=' && hex_decode(&byte, 1, bytes_slice(line, i + 1, 2))) {
            buf_append_byte(out, byte);
            i += 2;
        } else {
            buf_append_byte(out, line.data[i]);
        }
    }
    bool has_end = line.len > 0 && line.data[line.len - 1] == '\n';
    if (has_end && !soft) {
        buf_append_str(out, "\r\n");
    }
}

static void decode_quoted(struct buf *out, struct bytes body)
{
    while (body.len > 0) {
        size_t end = bytes_find(body, '\n');
        size_t len = end < body.len ? end + 1 : end;
        decode_quoted_line(out, bytes_slice(body, 0, len));
        body = bytes_slice(body, len, SIZE_MAX);
    }
}

bool body_decode(struct buf *out, struct bytes encoding, struct bytes body)
{
    if (bytes_is_word(encoding, "base64")) {
        decode_base64(out, body);
    } else if (bytes_is_word(encoding, "quoted-printable")) {
        decode_quoted(out, body);
    } else if (bytes_is_word(encoding, "7bit") || bytes_is_word(encoding, "8bit") ||
               bytes_is_word(encoding, "binary")) {
        buf_append_bytes(out, body);
    } else {
        return false;
    }
    return buf_ok(out);
}
