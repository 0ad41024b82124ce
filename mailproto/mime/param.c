// SPDX-License-Identifier: MIT
#include "mailproto/mime/param.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/words.h"

enum { MAX_SECTIONS = 100, MAX_RAW_PARAMS = 2 * MESSAGE_INFO_MAX_PARAMS };

/* A parameter as it was written: name*section*=value. */
struct raw_param {
    struct bytes name; /* without the section and the star */
    bool has_section;
    unsigned section;
    bool is_extended;
    struct bytes value;
    bool is_taken;
};

static bool is_token(uint8_t byte)
{
    return byte > ' ' && byte != 0x7f && strchr("()<>@,;:\\\"/[]?=", byte) == NULL;
}

static struct bytes take_token(struct bytes *in)
{
    size_t len = 0;
    while (len < in->len && is_token(in->data[len])) {
        len++;
    }
    struct bytes token = bytes_slice(*in, 0, len);
    *in = bytes_slice(*in, len, in->len);
    return token;
}

/* White space and comments, nested as they may be: a count, no recursion. */
static void skip_white(struct bytes *in)
{
    size_t depth = 0;
    size_t i = 0;
    for (; i < in->len; i++) {
        uint8_t byte = in->data[i];
        if (byte == '(') {
            depth++;
        } else if (depth != 0 && byte == ')') {
            depth--;
        } else if (depth != 0 && byte == '\\') {
            i++;
        } else if (depth == 0 && byte != ' ' && byte != '\t') {
            break;
        }
    }
    *in = bytes_slice(*in, i, in->len);
}

static bool take_byte(struct bytes *in, uint8_t byte)
{
    if (in->len == 0 || in->data[0] != byte) {
        return false;
    }
    *in = bytes_slice(*in, 1, in->len);
    return true;
}

/* A quoted string, without its quotes; to the end where it is not closed. */
static struct bytes take_quoted(struct bytes *in, struct arena *arena)
{
    size_t end = 1;
    while (end < in->len && in->data[end] != '"') {
        end += in->data[end] == '\\' ? 2 : 1;
    }
    struct bytes raw = bytes_slice(*in, 1, end - 1);
    uint8_t *out = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        i += raw.data[i] == '\\' && i + 1 < raw.len;
        out[len++] = raw.data[i];
    }
    *in = bytes_slice(*in, end + 1, in->len);
    return (struct bytes){out, len};
}

/* A token, a quoted string, or what some write: bytes up to the semicolon. */
static struct bytes take_value(struct bytes *in, struct arena *arena)
{
    if (in->len != 0 && in->data[0] == '"') {
        return take_quoted(in, arena);
    }
    size_t len = bytes_find(*in, ';');
    struct bytes value = bytes_slice(*in, 0, len);
    *in = bytes_slice(*in, len, in->len);
    size_t comment = bytes_find(value, '(');
    if (comment != value.len && comment != 0) {
        value.len = comment;
    }
    while (value.len != 0 &&
           (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t')) {
        value.len--;
    }
    if (value.data == NULL) {
        value = message_text_empty();
    }
    return value;
}

/* "filename*0*" to its three parts. */
static void split_name(struct raw_param *param, struct bytes name)
{
    if (name.len != 0 && name.data[name.len - 1] == '*') {
        param->is_extended = true;
        name.len--;
    }
    size_t star = bytes_find(name, '*');
    uint64_t section = 0;
    if (star != name.len &&
        parse_u64(bytes_slice(name, star + 1, name.len), MAX_SECTIONS - 1, &section)) {
        param->has_section = true;
        param->section = (unsigned)section;
        name.len = star;
    }
    param->name = name;
}

static size_t parse_raw(struct raw_param *out, struct bytes in, struct arena *arena)
{
    size_t n = 0;
    while (n < MAX_RAW_PARAMS) {
        skip_white(&in);
        if (!take_byte(&in, ';')) {
            in = bytes_slice(in, bytes_find(in, ';'), in.len); /* rubbish up to the next one */
            if (!take_byte(&in, ';')) {
                break;
            }
        }
        skip_white(&in);
        struct bytes name = take_token(&in);
        skip_white(&in);
        if (name.len == 0 || !take_byte(&in, '=')) {
            continue;
        }
        skip_white(&in);
        out[n] = (struct raw_param){0};
        split_name(&out[n], name);
        out[n].value = take_value(&in, arena);
        n++;
    }
    return n;
}

static struct raw_param *find_section(struct raw_param *raw, size_t n_raw, struct bytes name,
                                      unsigned section)
{
    for (size_t i = 0; i < n_raw; i++) {
        if (!raw[i].is_taken && raw[i].has_section && raw[i].section == section &&
            bytes_equal_ci(raw[i].name, name)) {
            return &raw[i];
        }
    }
    return NULL;
}

static struct bytes name_of(struct bytes name, bool is_extended, struct arena *arena)
{
    char *text = arena_printf(arena, "%.*s%s", (int)name.len, (const char *)name.data,
                              is_extended ? "*" : "");
    return bytes_of_str(text);
}

/* name*0, name*1 ... in their order, wherever they stand. */
static struct mime_param join_sections(struct raw_param *raw, size_t n_raw, struct bytes name,
                                       struct arena *arena)
{
    struct buf joined = {0};
    bool is_extended = false;
    struct raw_param *piece;
    for (unsigned section = 0; (piece = find_section(raw, n_raw, name, section)) != NULL;
         section++) {
        piece->is_taken = true;
        is_extended = is_extended || piece->is_extended;
        buf_append_bytes(&joined, piece->value);
    }
    struct mime_param param = {name_of(name, is_extended, arena),
                               {arena_memdup(arena, joined.data, joined.len), joined.len}};
    if (joined.len == 0) {
        param.value = message_text_empty();
    }
    buf_clear(&joined);
    return param;
}

static void parse_params(struct mime_params *out, struct bytes in, struct arena *arena)
{
    struct raw_param *raw = xcalloc(MAX_RAW_PARAMS, sizeof *raw);
    size_t n_raw = parse_raw(raw, in, arena);
    *out = (struct mime_params){0};
    if (n_raw != 0) {
        out->items = arena_alloc(arena, MESSAGE_INFO_MAX_PARAMS * sizeof *out->items);
    }
    for (size_t i = 0; i < n_raw && out->n_items < MESSAGE_INFO_MAX_PARAMS; i++) {
        if (raw[i].is_taken || (raw[i].has_section && raw[i].section != 0)) {
            continue;
        }
        out->items[out->n_items++] =
            raw[i].has_section ? join_sections(raw, n_raw, raw[i].name, arena)
                               : (struct mime_param){
                                     name_of(raw[i].name, raw[i].is_extended, arena), raw[i].value};
    }
    free(raw);
}

bool param_parse_type(struct bytes *out_type, struct bytes *out_subtype,
                      struct mime_params *out_params, struct bytes value, struct arena *arena)
{
    skip_white(&value);
    struct bytes type = take_token(&value);
    skip_white(&value);
    if (type.len == 0 || !take_byte(&value, '/')) {
        return false;
    }
    skip_white(&value);
    struct bytes subtype = take_token(&value);
    if (subtype.len == 0) {
        return false;
    }
    *out_type = type;
    *out_subtype = subtype;
    parse_params(out_params, value, arena);
    return true;
}

bool param_parse_disposition(struct bytes *out_disposition, struct mime_params *out_params,
                             struct bytes value, struct arena *arena)
{
    skip_white(&value);
    struct bytes disposition = take_token(&value);
    if (disposition.len == 0) {
        return false;
    }
    *out_disposition = disposition;
    parse_params(out_params, value, arena);
    return true;
}

struct bytes param_find(const struct mime_params *params, const char *name)
{
    for (size_t i = 0; i < params->n_items; i++) {
        if (bytes_is_word(params->items[i].name, name)) {
            return params->items[i].value;
        }
    }
    return (struct bytes){0};
}

struct bytes param_text(const struct mime_params *params, const char *name, struct arena *arena)
{
    char *extended = arena_printf(arena, "%s*", name);
    struct bytes value = param_find(params, extended);
    if (value.data == NULL) {
        return words_clean(param_find(params, name), arena);
    }
    struct buf decoded = {0};
    words_decode_extended(&decoded, value);
    /* '=?' in a file's name is no encoded word here. */
    struct bytes clean = words_clean_plain(buf_view(&decoded), arena);
    buf_clear(&decoded);
    return clean;
}

size_t param_parse_list(struct bytes *out, size_t max, struct bytes value)
{
    size_t n = 0;
    while (n < max && value.len != 0) {
        skip_white(&value);
        struct bytes token = take_token(&value);
        if (token.len != 0) {
            out[n++] = token;
        }
        value = bytes_slice(value, bytes_find(value, ',') + 1, value.len);
    }
    return n;
}
