// SPDX-License-Identifier: MIT
#include "mailproto/smtp/smtp_path.h"

#include <string.h>

#include "base/str.h"

static bool is_atext(uint8_t byte)
{
    return ascii_is_alpha((char)byte) || ascii_is_digit((char)byte) || byte >= 0x80 ||
           (byte != 0 && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/* atom *("." atom); some send dots side by side or at an end, and mean it: allowed. */
static size_t dot_string_len(struct bytes in)
{
    size_t len = 0;
    while (len < in.len && (is_atext(in.data[len]) || in.data[len] == '.')) {
        len++;
    }
    return len;
}

/* The length with both quotes, 0 when it does not end or holds a control character. */
static size_t quoted_string_len(struct bytes in)
{
    for (size_t i = 1; i < in.len; i++) {
        uint8_t byte = in.data[i];
        if (byte == '"') {
            return i + 1;
        }
        if (byte == '\\') {
            i++;
            if (i == in.len) {
                return 0;
            }
            byte = in.data[i];
        }
        if (byte < ' ' || byte == 0x7f) {
            return 0;
        }
    }
    return 0;
}

static size_t domain_len(struct bytes in)
{
    size_t len = 0;
    if (in.len != 0 && in.data[0] == '[') {
        while (len < in.len && in.data[len] > ' ' && in.data[len] != ']' && in.data[len] != '>') {
            len++;
        }
        return len < in.len && in.data[len] == ']' ? len + 1 : 0;
    }
    while (len < in.len &&
           (ascii_is_alpha((char)in.data[len]) || ascii_is_digit((char)in.data[len]) ||
            in.data[len] >= 0x80 || strchr("-._", in.data[len]) != NULL) &&
           in.data[len] != 0) {
        len++;
    }
    return len;
}

/* "@a,@b:" in front of the address. */
static bool skip_route(struct bytes *in)
{
    if (in->len == 0 || in->data[0] != '@') {
        return true;
    }
    size_t colon = bytes_find(*in, ':');
    size_t end = bytes_find(*in, '>');
    if (colon >= end) {
        return false;
    }
    *in = bytes_slice(*in, colon + 1, in->len);
    return true;
}

/* Length of local ["@" domain] at the front; 0 when there is none. */
static size_t mailbox_len(struct bytes in)
{
    size_t local = in.len != 0 && in.data[0] == '"' ? quoted_string_len(in) : dot_string_len(in);
    if (local == 0 || local == in.len || in.data[local] != '@') {
        return local;
    }
    size_t domain = domain_len(bytes_slice(in, local + 1, in.len));
    return domain == 0 ? 0 : local + 1 + domain;
}

enum smtp_path_result smtp_path_parse(struct bytes *out_address, struct bytes *out_rest,
                                      struct bytes in, bool utf8)
{
    if (in.len == 0 || in.data[0] != '<') {
        return SMTP_PATH_BAD;
    }
    in = bytes_slice(in, 1, in.len);
    if (in.len != 0 && in.data[0] == '>') {
        *out_address = bytes_slice(in, 0, 0);
        *out_rest = bytes_slice(in, 1, in.len);
        return SMTP_PATH_OK;
    }
    if (!skip_route(&in)) {
        return SMTP_PATH_BAD;
    }
    size_t len = mailbox_len(in);
    if (len == 0 || len == in.len || in.data[len] != '>') {
        return SMTP_PATH_BAD;
    }
    if (len > SMTP_MAX_PATH_BYTES) {
        return SMTP_PATH_TOO_LONG;
    }
    struct bytes address = bytes_slice(in, 0, len);
    bool is_ascii = true;
    for (size_t i = 0; i < len; i++) {
        is_ascii = is_ascii && address.data[i] < 0x80;
    }
    if (!is_ascii && !utf8_valid(address)) {
        return SMTP_PATH_BAD;
    }
    *out_address = address;
    *out_rest = bytes_slice(in, len + 1, in.len);
    return is_ascii || utf8 ? SMTP_PATH_OK : SMTP_PATH_UTF8;
}
