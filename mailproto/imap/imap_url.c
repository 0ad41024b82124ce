// SPDX-License-Identifier: MIT
#include "mailproto/imap/imap_url.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"

/* "%20" to a space. False: a broken escape. */
static bool unescape(struct bytes text, struct arena *arena, struct bytes *out)
{
    uint8_t *plain = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        plain[len] = text.data[i];
        if (text.data[i] == '%') {
            if (!hex_decode(&plain[len], 1, bytes_slice(text, i + 1, 2))) {
                return false;
            }
            i += 2;
        }
        len++;
    }
    *out = (struct bytes){plain, len};
    return true;
}

/* Take `word` off the front, in any case. */
static bool accept(struct bytes *rest, const char *word)
{
    size_t len = strlen(word);
    if (!bytes_is_word(bytes_slice(*rest, 0, len), word)) {
        return false;
    }
    *rest = bytes_slice(*rest, len, SIZE_MAX);
    return true;
}

static bool take_number(struct bytes *rest, uint32_t *out)
{
    uint64_t number = 0;
    size_t len = 0;
    while (len < rest->len && ascii_is_digit((char)rest->data[len])) {
        len++;
    }
    if (!parse_u64(bytes_slice(*rest, 0, len), UINT32_MAX, &number)) {
        return false;
    }
    *rest = bytes_slice(*rest, len, SIZE_MAX);
    *out = (uint32_t)number;
    return true;
}

/* Up to ";UIDVALIDITY=" or "/;UID=". A ';' or '/' of the name's own is fine: the first of a name is
 * escaped, the second begins no ";". */
static bool take_mailbox(struct imap_url *out, struct bytes *rest, struct arena *arena)
{
    size_t end = 0;
    struct bytes name = {0};
    while (end < rest->len && rest->data[end] != ';') {
        end++;
    }
    size_t name_end = end > 0 && rest->data[end - 1] == '/' ? end - 1 : end;
    if (!unescape(bytes_slice(*rest, 0, name_end), arena, &name)) {
        return false;
    }
    out->mailbox = imap_mailbox_of_utf8(arena, name);
    *rest = bytes_slice(*rest, name_end, SIZE_MAX);
    if (accept(rest, ";UIDVALIDITY=") &&
        (!take_number(rest, &out->uid_validity) || out->uid_validity == 0)) {
        return false;
    }
    return out->mailbox != NULL && accept(rest, "/");
}

static bool take_section(struct imap_url *out, struct bytes *rest, struct arena *arena)
{
    struct buf whole = {0};
    struct bytes plain = {0};
    size_t end = 0;
    while (end < rest->len && rest->data[end] != ';') {
        end++;
    }
    size_t text_end = end < rest->len && end > 0 && rest->data[end - 1] == '/' ? end - 1 : end;
    if (!unescape(bytes_slice(*rest, 0, text_end), arena, &plain)) {
        return false;
    }
    *rest = bytes_slice(*rest, text_end, SIZE_MAX);
    buf_append_byte(&whole, '[');
    buf_append_bytes(&whole, plain);
    buf_append_byte(&whole, ']');
    struct imap_parser parser = {.rest = {arena_memdup(arena, whole.data, whole.len), whole.len},
                                 .arena = arena};
    buf_clear(&whole);
    body_section_parse(&out->section, &parser, false);
    return plain.len > 0 && imap_at_end(&parser);
}

bool imap_url_parse(struct imap_url *out, struct bytes text, struct arena *arena)
{
    struct bytes rest = text;
    *out = (struct imap_url){.section = {.kind = BODY_SECTION_ALL}};
    if (text.len > IMAP_URL_MAX_BYTES || (accept(&rest, "/") && !take_mailbox(out, &rest, arena)) ||
        !accept(&rest, ";UID=") || !take_number(&rest, &out->uid) || out->uid == 0) {
        return false;
    }
    if (accept(&rest, "/;SECTION=") && !take_section(out, &rest, arena)) {
        return false;
    }
    if (accept(&rest, "/;PARTIAL=")) {
        out->has_partial = true;
        if (!take_number(&rest, &out->partial_offset) ||
            (accept(&rest, ".") &&
             (!take_number(&rest, &out->partial_len) || out->partial_len == 0))) {
            return false;
        }
    }
    return rest.len == 0;
}
