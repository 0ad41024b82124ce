// SPDX-License-Identifier: MIT
/* From a command's words to a call's parameters, and from its answer to lines of text. */
#include "gateway/control/call_table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- which command ---- */

/* How many of the words make up the name; 0: not this one. */
static int count_name_words(const char *name, int n_words, char **words)
{
    int n_used = 0;
    while (*name != '\0') {
        size_t len = strcspn(name, " ");
        if (n_used == n_words || strlen(words[n_used]) != len ||
            strncmp(words[n_used], name, len) != 0) {
            return 0;
        }
        n_used++;
        name += len + (name[len] == ' ' ? 1 : 0);
    }
    return n_used;
}

const struct call_row *call_find(int n_words, char **words, int *out_n_used)
{
    const struct call_row *found = NULL;
    *out_n_used = 0;
    for (size_t i = 0; i < call_rows_len; i++) {
        int n_used = count_name_words(call_rows[i].name, n_words, words);
        if (n_used > *out_n_used) {
            found = &call_rows[i];
            *out_n_used = n_used;
        }
    }
    return found;
}

/* ---- values ---- */

/* A number with one of the letters of `units` behind it, each worth its factor. */
static bool parse_scaled(const char *text, const char *units, const uint64_t *factors,
                         uint64_t *out)
{
    size_t len = strlen(text);
    uint64_t factor = 1;
    const char *unit = len == 0 ? NULL : strchr(units, ascii_lower(text[len - 1]));
    if (unit != NULL) {
        factor = factors[unit - units];
        len--;
    }
    uint64_t number;
    if (!parse_u64((struct bytes){(const uint8_t *)text, len}, INT64_MAX / factor, &number)) {
        return false;
    }
    *out = number * factor;
    return true;
}

static json_t *make_value(enum call_option_kind kind, const char *text)
{
    static const uint64_t spans[] = {1, 60, 3600, 86400, 7 * 86400};
    static const uint64_t sizes[] = {UINT64_C(1) << 10, UINT64_C(1) << 20, UINT64_C(1) << 30};
    uint64_t number;
    switch (kind) {
    case CALL_NUMBER:
        return parse_u64(bytes_of_str(text), INT64_MAX, &number) ? json_integer((json_int_t)number)
                                                                 : NULL;
    case CALL_SPAN:
        return parse_scaled(text, "smhdw", spans, &number) ? json_integer((json_int_t)number)
                                                           : NULL;
    case CALL_BYTES:
        return parse_scaled(text, "kmg", sizes, &number) ? json_integer((json_int_t)number) : NULL;
    case CALL_YES_NO:
        return strcmp(text, "yes") == 0  ? json_true()
               : strcmp(text, "no") == 0 ? json_false()
                                         : NULL;
    default:
        return json_string(text);
    }
}

void call_param_name(char *out, size_t out_size, const struct call_option *option)
{
    (void)snprintf(out, out_size, "%s", option->param != NULL ? option->param : option->name + 2);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
}

static bool set_value(json_t *params, const char *name, enum call_option_kind kind,
                      const char *text, struct fault *fault)
{
    json_t *value = make_value(kind, text);
    return (value != NULL && json_object_set_new(params, name, value) == 0) ||
           fault_set(fault, FAULT_INVALID, "'%.80s' is not possible here", text);
}

/* ---- options and arguments ---- */

static const struct call_option *find_option(const struct call_row *row, const char *word)
{
    for (size_t i = 0; i < CALL_MAX_OPTIONS && row->options[i].name != NULL; i++) {
        if (strcmp(row->options[i].name, word) == 0) {
            return &row->options[i];
        }
    }
    return NULL;
}

/* Take the option at words[*i], and the word behind it where it has a value. */
static bool take_option(json_t *params, const struct call_option *option, int n_words, char **words,
                        int *i, const struct call_option **out_secret, struct fault *fault)
{
    char name[64];
    call_param_name(name, sizeof(name), option);
    if (option->kind == CALL_FLAG) {
        return json_object_set_new(params, name, json_true()) == 0;
    }
    if (option->kind == CALL_SECRET) {
        *out_secret = option;
        return true;
    }
    if (*i + 1 >= n_words) {
        return fault_set(fault, FAULT_INVALID, "%s needs a value", option->name);
    }
    *i += 1;
    return set_value(params, name, option->kind, words[*i], fault);
}

static size_t count_params(const struct call_row *row)
{
    size_t n_params = 0;
    while (n_params < CALL_MAX_PARAMS && row->params[n_params] != NULL) {
        n_params++;
    }
    return n_params;
}

static bool take_argument(json_t *params, const struct call_row *row, size_t index,
                          const char *word, struct fault *fault)
{
    if (index >= count_params(row)) {
        return fault_set(fault, FAULT_INVALID, "too many arguments");
    }
    const char *name = row->params[index];
    return *name == '#' ? set_value(params, name + 1, CALL_NUMBER, word, fault)
                        : set_value(params, name, CALL_TEXT, word, fault);
}

json_t *call_take_params(const struct call_row *row, int n_words, char **words,
                         const struct call_option **out_secret, bool *out_yes, struct fault *fault)
{
    json_t *params = json_object();
    size_t n_arguments = 0;
    bool ok = true;
    bool only_arguments = false;
    *out_secret = NULL;
    *out_yes = false;
    for (int i = 0; ok && i < n_words; i++) {
        const struct call_option *option = only_arguments ? NULL : find_option(row, words[i]);
        if (option != NULL) {
            ok = take_option(params, option, n_words, words, &i, out_secret, fault);
        } else if (!only_arguments && row->asks != NULL && strcmp(words[i], "--yes") == 0) {
            *out_yes = true;
        } else if (!only_arguments && strcmp(words[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && words[i][0] == '-' && words[i][1] != '\0') {
            ok = fault_set(fault, FAULT_INVALID, "there is no option '%.80s'", words[i]);
        } else {
            ok = take_argument(params, row, n_arguments++, words[i], fault);
        }
    }
    if (ok && n_arguments < row->n_required) {
        ok = fault_set(fault, FAULT_INVALID, "an argument is missing");
    }
    if (ok && row->fixed_param != NULL) {
        json_object_set_new(params, row->fixed_param,
                            json_loads(row->fixed_json, JSON_DECODE_ANY, NULL));
    }
    if (!ok) {
        json_decref(params);
        return NULL;
    }
    return params;
}

/* ---- answers ---- */

bool call_is_paged(const char *call)
{
    for (size_t i = 0; i < call_rows_len; i++) {
        if (strcmp(call_rows[i].call, call) == 0) {
            return call_rows[i].is_paged;
        }
    }
    return false;
}

bool call_next_page(json_t *rows, json_t *params, json_t *answer)
{
    size_t n_rows = json_array_size(answer);
    json_array_extend(rows, answer);
    if (n_rows == 0) {
        return false;
    }
    json_object_set(params, "after", json_object_get(json_array_get(answer, n_rows - 1), "id"));
    return true;
}

static void write_value(struct buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        buf_append_str(out, json_string_value(value));
    } else if (json_is_boolean(value)) {
        buf_append_str(out, json_is_true(value) ? "yes" : "no");
    } else if (json_is_integer(value)) {
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        buf_printf(out, "%.1f", json_real_value(value));
    }
}

void call_write_member(struct buf *out, const json_t *object, const char *key)
{
    write_value(out, json_object_get(object, key));
}

/* Columns of a terminal, counted as UTF-8 characters. */
static size_t display_width(struct bytes text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) {
        width += (text.data[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return width;
}

/* Fill up to `width` columns, and two more; the last cell ends the line. */
static void end_cell(struct buf *out, size_t from, size_t width, bool is_last)
{
    size_t written = display_width(bytes_slice(buf_view(out), from, out->len));
    if (is_last) {
        buf_append_byte(out, '\n');
        return;
    }
    for (; written < width + 2; written++) {
        buf_append_byte(out, ' ');
    }
}

static size_t column_width(const json_t *rows, const struct call_column *column)
{
    size_t i;
    json_t *row;
    struct buf cell = {0};
    size_t widest = strlen(column->head);
    json_array_foreach(rows, i, row)
    {
        buf_reset(&cell);
        call_write_member(&cell, row, column->key);
        size_t width = display_width(buf_view(&cell));
        widest = width > widest ? width : widest;
    }
    buf_clear(&cell);
    return widest;
}

void call_write_table(struct buf *out, const json_t *rows, const struct call_column *columns,
                      size_t n_columns)
{
    size_t *widths = xcalloc(n_columns, sizeof(*widths));
    size_t i;
    json_t *row;
    for (size_t c = 0; c < n_columns; c++) {
        size_t from = out->len;
        widths[c] = column_width(rows, &columns[c]);
        buf_append_str(out, columns[c].head);
        end_cell(out, from, widths[c], c + 1 == n_columns);
    }
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < n_columns; c++) {
            size_t from = out->len;
            call_write_member(out, row, columns[c].key);
            end_cell(out, from, widths[c], c + 1 == n_columns);
        }
    }
    free(widths);
}

static void write_member_lines(struct buf *out, const json_t *value)
{
    size_t i;
    json_t *each;
    if (!json_is_array(value)) {
        write_value(out, value);
        buf_append_byte(out, '\n');
        return;
    }
    json_array_foreach(value, i, each)
    {
        write_value(out, each);
        buf_append_byte(out, '\n');
    }
}

static void write_object(struct buf *out, const json_t *object)
{
    void *at;
    /* json_object_foreach takes an object that may be changed; this one is only read. */
    json_t *readable = json_copy((json_t *)(uintptr_t)object);
    for (at = json_object_iter(readable); at != NULL; at = json_object_iter_next(readable, at)) {
        buf_printf(out, "%-16s ", json_object_iter_key(at));
        write_value(out, json_object_iter_value(at));
        buf_append_byte(out, '\n');
    }
    json_decref(readable);
}

void call_write_answer(struct buf *out, const struct call_row *row, const json_t *answer)
{
    size_t n_columns = 0;
    switch (row->form) {
    case CALL_PRINTS_MEMBER:
        write_member_lines(out, json_object_get(answer, row->member));
        break;
    case CALL_PRINTS_OBJECT:
        write_object(out, answer);
        break;
    case CALL_PRINTS_TABLE:
        while (n_columns < CALL_MAX_COLUMNS && row->columns[n_columns].key != NULL) {
            n_columns++;
        }
        call_write_table(out, answer, row->columns, n_columns);
        break;
    case CALL_PRINTS_NOTHING:
        break;
    }
}
