// SPDX-License-Identifier: MIT
#include "gateway/cli/setup_text.h"

#include <string.h>

#include "base/bytes.h"

const struct setup_program *setup_program_find(const char *name)
{
    for (size_t i = 0; i < setup_programs_len; i++) {
        if (strcmp(setup_programs[i].name, name) == 0) {
            return &setup_programs[i];
        }
    }
    return NULL;
}

static void append_xml(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buf_append_str(out, "&amp;");
            break;
        case '<':
            buf_append_str(out, "&lt;");
            break;
        case '>':
            buf_append_str(out, "&gt;");
            break;
        case '-': /* two of them would end a comment */
            buf_append_str(out, "&#45;");
            break;
        default:
            buf_append_byte(out, (uint8_t)*text);
        }
    }
}

/* As the program's strings need it: what a label says stays text. */
static void append_text(struct buf *out, const struct setup_program *program, const char *text)
{
    if (program->is_xml) {
        append_xml(out, text);
        return;
    }
    for (; *text != '\0'; text++) {
        if (program->escaped != NULL && strchr(program->escaped, *text) != NULL) {
            buf_append_byte(out, '\\');
        }
        buf_append_byte(out, (uint8_t)*text);
    }
}

static void append_member(struct buf *out, const struct setup_program *program, const json_t *info,
                          struct bytes key)
{
    const json_t *value = json_object_getn(info, (const char *)key.data, key.len);
    if (json_is_string(value)) {
        append_text(out, program, json_string_value(value));
    } else if (json_is_integer(value)) {
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    }
}

/* @name@ is a member of `info`; @@ is an at sign. */
void setup_text(struct buf *out, const struct setup_program *program, const json_t *info)
{
    struct bytes rest = bytes_of_str(program->template);
    while (rest.len != 0) {
        size_t at = bytes_find(rest, '@');
        buf_append(out, rest.data, at);
        rest = bytes_slice(rest, at + 1, rest.len);
        if (rest.len == 0) {
            return;
        }
        size_t end = bytes_find(rest, '@');
        if (end == 0) {
            buf_append_byte(out, '@');
        } else {
            append_member(out, program, info, bytes_slice(rest, 0, end));
        }
        rest = bytes_slice(rest, end + 1, rest.len);
    }
}
