// SPDX-License-Identifier: MIT
#include "gateway/agent/people/bitmessage_link.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static const char scheme[] = "bitmessage:";

bool bitmessage_link_looks_like(const char *text)
{
    return str_starts_with_ci(text, scheme);
}

/* The part of `text` up to `mark`; the rest, behind the mark, stays. */
static struct bytes cut(struct bytes *text, char mark)
{
    const uint8_t *found = text->len == 0 ? NULL : memchr(text->data, mark, text->len);
    size_t len = found == NULL ? text->len : (size_t)(found - text->data);
    struct bytes part = bytes_slice(*text, 0, len);
    *text = found == NULL ? (struct bytes){0} : bytes_slice(*text, len + 1, text->len - len - 1);
    return part;
}

/* "%41" is A, "+" a space (as HTML forms write it). */
static bool percent_decode(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '%') {
            if (!hex_decode(&byte, 1, bytes_slice(text, i + 1, 2))) {
                return false;
            }
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        buf_append_byte(out, byte);
    }
    return true;
}

static bool is_one_line(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return false;
        }
    }
    return utf8_valid(text);
}

static bool take_label(struct bitmessage_link *link, struct bytes text)
{
    struct buf label = {0};
    bool ok = percent_decode(&label, text) && label.len < LINK_LABEL_BYTES &&
              is_one_line(buf_view(&label));
    if (ok) {
        (void)snprintf(link->label, sizeof(link->label), "%s", buf_str(&label));
    }
    buf_clear(&label);
    return ok;
}

/* An address is of letters and digits; "BM-" is put in front where it is missing. */
static bool take_address(struct bitmessage_link *link, struct bytes text)
{
    bool has_prefix = text.len > 3 && bytes_equal_ci(bytes_slice(text, 0, 3), bytes_of_str("BM-"));
    struct bytes rest = has_prefix ? bytes_slice(text, 3, text.len - 3) : text;
    if (rest.len == 0 || rest.len + 4 > sizeof(link->address)) {
        return false;
    }
    for (size_t i = 0; i < rest.len; i++) {
        if (!ascii_is_alpha((char)rest.data[i]) && !ascii_is_digit((char)rest.data[i])) {
            return false;
        }
    }
    (void)snprintf(link->address, sizeof(link->address), "BM-%.*s", (int)rest.len,
                   (const char *)rest.data);
    return true;
}

bool bitmessage_link_parse(struct bitmessage_link *out, struct bytes text, struct fault *fault)
{
    struct bitmessage_link link = {0};
    struct bytes rest = text;
    bool ok = text.len <= LINK_MAX_BYTES && text.len > sizeof(scheme) - 1 &&
              bytes_equal_ci(bytes_slice(text, 0, sizeof(scheme) - 1), bytes_of_str(scheme));
    if (ok) {
        rest = bytes_slice(text, sizeof(scheme) - 1, text.len - (sizeof(scheme) - 1));
        ok = take_address(&link, cut(&rest, '?'));
    }
    while (ok && rest.len > 0) {
        struct bytes value = cut(&rest, '&');
        struct bytes name = cut(&value, '=');
        if (bytes_is_word(name, "label")) {
            ok = take_label(&link, value);
        }
    }
    if (!ok) {
        return fault_set(fault, FAULT_INVALID, "not a link of the form bitmessage:BM-...?label=X");
    }
    *out = link;
    return true;
}

void bitmessage_link_write(struct buf *out, const char *address, const char *label)
{
    buf_printf(out, "%s%s", scheme, address);
    for (const char *c = label; *c != '\0'; c++) {
        if (c == label) {
            buf_append_str(out, "?label=");
        }
        if (ascii_is_alpha(*c) || ascii_is_digit(*c) || strchr("-._~", *c) != NULL) {
            buf_append_byte(out, (uint8_t)*c);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(uint8_t)*c);
        }
    }
}
