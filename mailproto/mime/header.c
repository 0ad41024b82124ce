// SPDX-License-Identifier: MIT
#include "mailproto/mime/header.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

size_t line_len(struct bytes in)
{
    size_t end = bytes_find(in, '\n');
    return end == in.len ? end : end + 1;
}

struct bytes line_content(struct bytes line)
{
    if (line.len != 0 && line.data[line.len - 1] == '\n') {
        line.len--;
        if (line.len != 0 && line.data[line.len - 1] == '\r') {
            line.len--;
        }
    }
    return line;
}

static bool is_white(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* "Name: value" or, as some write, "Name : value". */
static bool split_field(struct header_field *out, struct bytes line)
{
    size_t colon = bytes_find(line, ':');
    size_t name_len = colon;
    if (colon == line.len) {
        return false;
    }
    while (name_len != 0 && is_white(line.data[name_len - 1])) {
        name_len--;
    }
    for (size_t i = 0; i < name_len; i++) {
        if (line.data[i] <= ' ' || line.data[i] >= 0x7f) {
            return false;
        }
    }
    out->name = bytes_slice(line, 0, name_len);
    out->value = bytes_slice(line, colon + 1, line.len);
    return name_len != 0;
}

/* Length of the field at the front of `in`: its line and the folded ones behind it. */
static size_t field_len(struct bytes in)
{
    size_t len = line_len(in);
    while (len < in.len && is_white(in.data[len])) {
        struct bytes next = bytes_slice(in, len, in.len);
        next.len = line_len(next);
        len += next.len;
    }
    return len;
}

struct header header_split(struct bytes entity, struct arena *arena)
{
    struct header header = {0};
    struct header_field *fields = NULL;
    size_t capacity = 0;
    struct bytes rest = entity;

    while (rest.len != 0) {
        size_t len = line_len(rest);
        if (line_content(bytes_slice(rest, 0, len)).len == 0) {
            rest = bytes_slice(rest, len, rest.len);
            break;
        }
        len = field_len(rest);
        struct header_field field;
        if (header.n_fields < HEADER_MAX_FIELDS && split_field(&field, bytes_slice(rest, 0, len))) {
            fields = array_grow(fields, header.n_fields, &capacity, sizeof *fields);
            fields[header.n_fields++] = field;
        }
        rest = bytes_slice(rest, len, rest.len);
    }
    header.len = entity.len - rest.len;
    if (header.n_fields != 0) {
        header.fields = arena_memdup(arena, fields, header.n_fields * sizeof *fields);
    }
    free(fields);
    return header;
}

const struct header_field *header_find(const struct header *header, const char *name)
{
    for (size_t i = 0; i < header->n_fields; i++) {
        if (bytes_is_word(header->fields[i].name, name)) {
            return &header->fields[i];
        }
    }
    return NULL;
}

struct bytes header_unfold(struct bytes value, struct arena *arena)
{
    value = bytes_slice(value, 0, 2 * (size_t)HEADER_MAX_VALUE_BYTES);
    uint8_t *out = arena_alloc(arena, value.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = value.data[i];
        bool is_line_end =
            byte == '\n' || (byte == '\r' && (i + 1 == value.len || value.data[i + 1] == '\n'));
        bool is_leading = len == 0 && is_white(byte);
        if (!is_line_end && !is_leading && len < HEADER_MAX_VALUE_BYTES) {
            out[len++] = byte;
        }
    }
    while (len != 0 && is_white(out[len - 1])) {
        len--;
    }
    return (struct bytes){out, len};
}

struct bytes header_text(const struct header *header, const char *name, struct arena *arena)
{
    const struct header_field *field = header_find(header, name);
    return field == NULL ? (struct bytes){0} : header_unfold(field->value, arena);
}
