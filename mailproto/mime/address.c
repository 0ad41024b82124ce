// SPDX-License-Identifier: MIT
#include "mailproto/mime/address.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* A scan over the value gathers words until it meets a sign that tells what they were. */
struct scan {
    struct bytes rest;
    struct arena *arena;
    struct buf phrase;    /* words with single spaces, quotes taken off: a display name or group */
    struct buf spec;      /* the same words as an address: nothing between them */
    struct bytes comment; /* the last one: "a@b (Name)" */
    size_t at;            /* in spec: where '@' stands; SIZE_MAX: nowhere */
    bool space_before;    /* white space stood before what comes next */
    struct mail_address *items;
    size_t n_items;
    size_t capacity;
    size_t max_items;
};

static struct bytes keep(struct arena *arena, const uint8_t *data, size_t len)
{
    if (len == 0) {
        return message_text_empty();
    }
    return (struct bytes){arena_memdup(arena, data, len), len};
}

static void clear_words(struct scan *scan)
{
    buf_reset(&scan->phrase);
    buf_reset(&scan->spec);
    scan->comment = (struct bytes){0};
    scan->at = SIZE_MAX;
    scan->space_before = false;
}

static void add_item(struct scan *scan, struct mail_address item)
{
    if (scan->n_items < scan->max_items) {
        scan->items = array_grow(scan->items, scan->n_items, &scan->capacity, sizeof *scan->items);
        scan->items[scan->n_items++] = item;
    }
}

static void add_word(struct scan *scan, struct bytes word)
{
    if (scan->space_before && scan->phrase.len != 0) {
        buf_append_byte(&scan->phrase, ' ');
    }
    scan->space_before = false;
    buf_append_bytes(&scan->phrase, word);
    buf_append_bytes(&scan->spec, word);
}

/* local@host out of the words gathered; without '@' there is no host. */
static void set_spec(struct mail_address *item, const struct scan *scan)
{
    size_t at = scan->at;
    if (at == SIZE_MAX) {
        item->mailbox = keep(scan->arena, scan->spec.data, scan->spec.len);
        item->host = message_text_empty();
        return;
    }
    item->mailbox = keep(scan->arena, scan->spec.data, at);
    item->host = keep(scan->arena, scan->spec.data + at + 1, scan->spec.len - at - 1);
}

/* A comma, a semicolon or the end: an address without brackets, if any words stand there. */
static void end_bare(struct scan *scan)
{
    struct mail_address item = {0};
    if (scan->spec.len != 0) {
        set_spec(&item, scan);
        if (scan->at == SIZE_MAX) { /* words that are no address: shown as they stand */
            item.mailbox = keep(scan->arena, scan->phrase.data, scan->phrase.len);
        }
        if (scan->comment.len != 0) {
            item.name = scan->comment;
        }
        add_item(scan, item);
    }
    clear_words(scan);
}

/* ---- tokens ---- */

/* Length of a quoted string or of a comment (which nests), with both its ends; all that is left
 * when it is not closed. */
static size_t enclosed_len(struct bytes in, uint8_t open, uint8_t close)
{
    size_t depth = 1;
    for (size_t i = 1; i < in.len; i++) {
        uint8_t byte = in.data[i];
        if (byte == '\\') {
            i++;
        } else if (byte == close && --depth == 0) {
            return i + 1;
        } else if (byte == open && open != close) {
            depth++;
        }
    }
    return in.len;
}

/* Its content without escapes. Takes it off the rest. */
static struct bytes take_enclosed(struct scan *scan, uint8_t open, uint8_t close)
{
    size_t end = enclosed_len(scan->rest, open, close);
    struct bytes in = bytes_slice(scan->rest, 1, end - 1);
    uint8_t *out = arena_alloc(scan->arena, in.len + 1);
    size_t len = 0;
    if (in.len != 0 && scan->rest.data[end - 1] == close) {
        in.len--;
    }
    for (size_t i = 0; i < in.len; i++) {
        i += in.data[i] == '\\' && i + 1 < in.len;
        out[len++] = in.data[i];
    }
    scan->rest = bytes_slice(scan->rest, end, scan->rest.len);
    return (struct bytes){out, len};
}

static bool is_special(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || (byte != 0 && strchr("\"(),:;<>@[", byte) != NULL);
}

static struct bytes take_atom(struct scan *scan)
{
    size_t len = 0;
    while (len < scan->rest.len && !is_special(scan->rest.data[len])) {
        len++;
    }
    struct bytes atom = bytes_slice(scan->rest, 0, len);
    scan->rest = bytes_slice(scan->rest, len, scan->rest.len);
    return atom;
}

/* "[127.0.0.1]" with its brackets. */
static struct bytes take_literal(struct scan *scan)
{
    size_t len = bytes_find(scan->rest, ']');
    struct bytes literal = bytes_slice(scan->rest, 0, len + 1);
    scan->rest = bytes_slice(scan->rest, len + 1, scan->rest.len);
    return literal;
}

static void drop_byte(struct scan *scan)
{
    scan->rest = bytes_slice(scan->rest, 1, scan->rest.len);
}

static void take_at(struct scan *scan)
{
    if (scan->at == SIZE_MAX) {
        scan->at = scan->spec.len;
    }
    scan->space_before = false;
    buf_append_byte(&scan->phrase, '@');
    buf_append_byte(&scan->spec, '@');
    drop_byte(scan);
}

/* One token of those that make up words. False: it is another sign. */
static bool take_word(struct scan *scan)
{
    uint8_t byte = scan->rest.data[0];
    if (byte == ' ' || byte == '\t') {
        scan->space_before = true;
        drop_byte(scan);
    } else if (byte == '"') {
        struct bytes word = take_enclosed(scan, '"', '"');
        add_word(scan, word);
    } else if (byte == '(') {
        struct bytes comment = take_enclosed(scan, '(', ')');
        scan->comment = comment;
        scan->space_before = true;
    } else if (byte == '[') {
        add_word(scan, take_literal(scan));
    } else if (byte == '@') {
        take_at(scan);
    } else if (!is_special(byte)) {
        add_word(scan, take_atom(scan));
    } else {
        return false;
    }
    return true;
}

/* "<@r.x,@s.y:" in front of an address. */
static struct bytes take_route(struct scan *scan)
{
    if (scan->rest.len == 0 || scan->rest.data[0] != '@') {
        return (struct bytes){0};
    }
    size_t colon = bytes_find(scan->rest, ':');
    if (colon >= bytes_find(scan->rest, '>')) {
        return (struct bytes){0};
    }
    struct bytes route = bytes_slice(scan->rest, 0, colon);
    scan->rest = bytes_slice(scan->rest, colon + 1, scan->rest.len);
    return route;
}

static void take_angle(struct scan *scan)
{
    struct mail_address item = {0};
    if (scan->phrase.len != 0) {
        item.name = keep(scan->arena, scan->phrase.data, scan->phrase.len);
    }
    clear_words(scan);
    drop_byte(scan);
    item.route = take_route(scan);
    while (scan->rest.len != 0 && scan->rest.data[0] != '>') {
        if (!take_word(scan)) {
            buf_append_byte(&scan->spec, scan->rest.data[0]); /* a sign that is out of place */
            drop_byte(scan);
        }
    }
    drop_byte(scan);
    set_spec(&item, scan);
    add_item(scan, item);
    clear_words(scan);
}

static void begin_group(struct scan *scan)
{
    struct mail_address item = {.mailbox = keep(scan->arena, scan->phrase.data, scan->phrase.len)};
    add_item(scan, item);
    clear_words(scan);
}

struct mail_addresses address_parse_list(struct bytes value, size_t max, struct arena *arena)
{
    struct scan scan = {.rest = value, .arena = arena, .max_items = max, .at = SIZE_MAX};
    bool is_in_group = false;

    while (scan.rest.len != 0) {
        if (take_word(&scan)) {
            continue;
        }
        uint8_t sign = scan.rest.data[0];
        if (sign == '<') {
            take_angle(&scan);
            continue;
        }
        if (sign == ':' && !is_in_group && scan.at == SIZE_MAX) {
            begin_group(&scan);
            is_in_group = true;
        } else {
            end_bare(&scan);
        }
        if (sign == ';' && is_in_group) {
            add_item(&scan, (struct mail_address){0});
            is_in_group = false;
        }
        drop_byte(&scan);
    }
    end_bare(&scan);
    if (is_in_group) {
        add_item(&scan, (struct mail_address){0});
    }
    struct mail_addresses list = {.n_items = scan.n_items};
    if (scan.n_items != 0) {
        list.items = arena_memdup(arena, scan.items, scan.n_items * sizeof *scan.items);
    }
    free(scan.items);
    buf_clear(&scan.phrase);
    buf_clear(&scan.spec);
    return list;
}

size_t address_parse_ids(struct bytes *out, size_t max, struct bytes value)
{
    size_t n = 0;
    while (value.len != 0) {
        value = bytes_slice(value, bytes_find(value, '<'), value.len);
        size_t end = bytes_find(value, '>');
        if (end == value.len) {
            break;
        }
        struct bytes id = bytes_slice(value, 0, end + 1);
        value = bytes_slice(value, end + 1, value.len);
        bool ok = id.len > 2;
        for (size_t i = 0; i < id.len; i++) {
            ok = ok && id.data[i] > ' ' && id.data[i] < 0x7f;
        }
        if (ok && n == max) {
            memmove(out, out + 1, (max - 1) * sizeof *out);
            n--;
        }
        if (ok) {
            out[n++] = id;
        }
    }
    return n;
}
