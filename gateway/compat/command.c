// SPDX-License-Identifier: MIT
#include "gateway/compat/command.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/compat/api_decode.h"

/* ---- a command's life ---- */

static void command_free(struct command *command)
{
    json_decref(command->params);
    json_decref(command->gathered);
    arena_clear(&command->arena);
    free(command);
}

static void answer(struct command *command, json_t *result, int code, const char *text)
{
    struct command_done done = command->done;
    command->is_answered = true;
    if (done.call != NULL) {
        done.call(done.context, result, code, text);
    }
    if (command->is_begun) {
        command_free(command);
    }
}

void command_finish_take(struct command *command, json_t *result)
{
    answer(command, result, 0, NULL);
    json_decref(result);
}

void command_finish_text(struct command *command, const char *text)
{
    command_finish_take(command, json_string(text));
}

void command_fail(struct command *command, enum api_error code)
{
    answer(command, NULL, (int)code, api_error_text(code));
}

void command_fail_text(struct command *command, enum api_error code, const char *format, ...)
{
    struct buf text = {0};
    struct buf clean = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    utf8_repair(&clean, buf_view(&text)); /* a caller's text may have been cut */
    answer(command, NULL, (int)code, buf_str(&clean));
    buf_clear(&text);
    buf_clear(&clean);
}

void command_fail_fault(struct command *command, const struct fault *fault)
{
    command_fail_text(command, API_UNEXPECTED, "Unexpected API Failure - %s", fault->text);
}

void command_fail_memory(struct command *command)
{
    command_fail_text(command, API_UNEXPECTED,
                      "Unexpected API Failure - there is no memory for it now");
}

bool command_gather_take(struct command *command, json_t *value, size_t bytes)
{
    command->gathered_bytes += bytes;
    if (command->gathered_bytes > COMMAND_MAX_ANSWER_BYTES) {
        json_decref(value);
        return false;
    }
    if (command->gathered == NULL) {
        command->gathered = json_array();
    }
    json_array_append_new(command->gathered, value);
    return true;
}

void command_abandon(struct command *command)
{
    command->done.call = NULL;
}

/* ---- the agent's answers ---- */

static void on_done_with_text(void *context, const struct fault *fault, const char *text,
                              int64_t id)
{
    struct command *command = context;
    (void)text;
    (void)id;
    if (fault != NULL) {
        command_fail_fault(command, fault);
    } else {
        command_finish_text(command, command->text);
    }
}

struct agent_done command_done_with_text(struct command *command, const char *text)
{
    command->text = text;
    return (struct agent_done){on_done_with_text, command};
}

static void on_done_with_answer(void *context, const struct fault *fault, const char *text,
                                int64_t id)
{
    struct command *command = context;
    (void)id;
    if (fault != NULL) {
        command_fail_fault(command, fault);
    } else {
        command_finish_text(command, text);
    }
}

struct agent_done command_done_with_answer(struct command *command)
{
    return (struct agent_done){on_done_with_answer, command};
}

/* ---- parameters ---- */

static json_t *param(const struct command *command, size_t index)
{
    json_t *value = json_array_get(command->params, index);
    return json_is_null(value) ? NULL : value;
}

bool command_has(const struct command *command, size_t index)
{
    return param(command, index) != NULL;
}

bool command_take_text(struct command *command, const char **out, size_t index)
{
    *out = json_string_value(param(command, index));
    if (*out == NULL) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - parameter %zu is not a string", index + 1);
    }
    return *out != NULL;
}

bool command_take_number(struct command *command, double *out, size_t index, double otherwise)
{
    const json_t *value = param(command, index);
    *out = otherwise;
    if (value == NULL) {
        return true;
    }
    if (!json_is_number(value) && !json_is_boolean(value)) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - parameter %zu is not a number", index + 1);
        return false;
    }
    *out = json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value);
    return true;
}

bool command_take_integer(struct command *command, int64_t *out, size_t index, int64_t otherwise)
{
    /* Beyond, a double and an integer no longer agree. */
    const double most = 9007199254740992.0;
    double number;
    if (!command_take_number(command, &number, index, (double)otherwise)) {
        return false;
    }
    number = number > most ? most : number < -most ? -most : number;
    *out = (int64_t)number;
    return true;
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "dict", [JSON_ARRAY] = "list",    [JSON_STRING] = "str",
        [JSON_INTEGER] = "int", [JSON_REAL] = "float",    [JSON_TRUE] = "bool",
        [JSON_FALSE] = "bool",  [JSON_NULL] = "NoneType",
    };
    return names[json_typeof(value)];
}

bool command_take_bool(struct command *command, bool *out, size_t index, const char *name,
                       bool otherwise)
{
    const json_t *value = param(command, index);
    *out = value == NULL ? otherwise : json_is_true(value);
    if (value != NULL && !json_is_boolean(value)) {
        command_fail_text(command, API_BOOL_EXPECTED,
                          "Bool expected in %s, saw <type '%s'> instead%s", name, type_name(value),
                          strcmp(name, "readStatus") == 0 ? "." : "");
        return false;
    }
    return true;
}

static void fail_decoding(struct command *command, struct bytes text, const char *words)
{
    struct buf shown = {0};
    api_repr(&shown, bytes_slice(text, 0, COMMAND_MAX_QUOTED_BYTES));
    command_fail_text(command, API_DECODE,
                      "Decode error - %s. Had trouble while decoding string: %s", words,
                      buf_str(&shown));
    buf_clear(&shown);
}

static bool take_decoded(struct command *command, struct bytes *out, size_t index,
                         const char *(*decode)(struct buf *out, struct bytes text))
{
    const json_t *value = param(command, index);
    struct buf decoded = {0};
    if (!json_is_string(value)) {
        fail_decoding(command, bytes_of_str(value == NULL ? "None" : type_name(value)),
                      "a string is expected");
        return false;
    }
    struct bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    bool has_room = buf_try_reserve(&decoded, text.len); /* neither form grows by decoding */
    const char *words = has_room ? decode(&decoded, text) : NULL;
    if (words != NULL) {
        fail_decoding(command, text, words);
    } else if (has_room) {
        out->data = arena_try_memdup(&command->arena, decoded.data, decoded.len);
        out->len = decoded.len;
        has_room = decoded.len == 0 || out->data != NULL;
    }
    if (!has_room) {
        command_fail_memory(command);
    }
    buf_clear_secret(&decoded);
    return has_room && words == NULL;
}

bool command_take_hex(struct command *command, struct bytes *out, size_t index)
{
    return take_decoded(command, out, index, api_decode_hex);
}

bool command_take_base64(struct command *command, struct bytes *out, size_t index)
{
    return take_decoded(command, out, index, api_decode_base64);
}

bool command_take_label(struct command *command, const char **out, size_t index)
{
    struct bytes text;
    if (!command_take_base64(command, &text, index)) {
        return false;
    }
    if (!utf8_valid(text) || (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)) {
        command_fail(command, API_LABEL_NOT_UTF8);
        return false;
    }
    *out = arena_strndup(&command->arena, (const char *)text.data, text.len);
    return true;
}

/* ---- addresses ---- */

const char *command_add_prefix(struct command *command, const char *address)
{
    static const char spaces[] = " \t\r\n\v\f";
    const char *start = address + strspn(address, spaces);
    size_t len = strlen(start);
    while (len > 0 && strchr(spaces, start[len - 1]) != NULL) {
        len--;
    }
    const char *bare = arena_strndup(&command->arena, start, len);
    return str_starts_with(bare, "BM-") ? bare : arena_printf(&command->arena, "BM-%s", bare);
}

bool command_check_address(struct command *command, struct address *out, const char *text)
{
    static const struct {
        enum api_error code;
        const char *words;
    } errors[] = {
        [ADDRESS_CHECKSUM_FAILED] = {API_ADDRESS_CHECKSUM, "Checksum failed for address"},
        [ADDRESS_INVALID_CHARACTERS] = {API_ADDRESS_CHARACTERS, "Invalid characters in address"},
        [ADDRESS_VERSION_TOO_HIGH] = {API_ADDRESS_VERSION_TOO_HIGH,
                                      "Address version number too high (or zero) in address"},
        [ADDRESS_VARINT_MALFORMED] = {API_ADDRESS_VARINT, "Malformed varint in address"},
        [ADDRESS_ENCODING_PROBLEM] = {API_ADDRESS_UNDECODABLE, NULL},
    };
    enum address_status status = address_decode(out, bytes_of_str(text));
    int most = COMMAND_MAX_QUOTED_BYTES;
    if (status != ADDRESS_OK && errors[status].words != NULL) {
        command_fail_text(command, errors[status].code, "%s: %.*s", errors[status].words, most,
                          text);
    } else if (status != ADDRESS_OK) {
        command_fail_text(command, API_ADDRESS_UNDECODABLE, "Could not decode address: %.*s : %s",
                          most, text, address_status_name(status));
    } else if (out->version < 2) {
        command_fail(command, API_ADDRESS_VERSION_UNSUPPORTED);
    } else if (out->stream != 1) {
        command_fail(command, API_ADDRESS_STREAM_UNSUPPORTED);
    } else {
        return true;
    }
    return false;
}

bool command_find_own(struct command *command, struct agent_identity_info *out,
                      const struct address *address)
{
    char text[ADDRESS_TEXT_BYTES];
    int64_t account_id = 0;
    const char *account = NULL;
    address_encode(text, address);
    return command_account_quietly(command, &account_id, &account) &&
           agent_identity_find(command->parts->agent, text, out, NULL) &&
           out->account_id == account_id && (out->kind == IDENTITY_OWN || out->enabled);
}

/* ---- the account ---- */

struct account_search {
    const char *wanted; /* "": the first */
    int64_t id;         /* 0: not found */
    struct command *command;
    const char *name;
};

static void look_at_account(void *context, const struct agent_account_info *info)
{
    struct account_search *search = context;
    bool fits = search->wanted[0] != '\0' ? str_equal_ci(info->name, search->wanted)
                                          : search->id == 0 || info->id < search->id;
    if (fits) {
        search->id = info->id;
        search->name = arena_strdup(&search->command->arena, info->name);
    }
}

bool command_account_quietly(struct command *command, int64_t *out_id, const char **out_name)
{
    struct account_search search = {.wanted = command->parts->settings->account,
                                    .command = command};
    agent_account_list(command->parts->agent, look_at_account, &search);
    *out_id = search.id;
    *out_name = search.name;
    return search.id != 0;
}

bool command_account(struct command *command, int64_t *out_id, const char **out_name)
{
    if (!command_account_quietly(command, out_id, out_name)) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - there is no account '%s'",
                          command->parts->settings->account);
        return false;
    }
    return true;
}

/* ---- values ---- */

const char *command_hex(struct command *command, struct bytes bytes)
{
    char *hex = arena_alloc(&command->arena, 2 * bytes.len + 1);
    hex_encode(hex, bytes);
    return hex;
}

json_t *command_base64_of_bytes(struct bytes bytes)
{
    struct buf coded = {0};
    base64_encode(&coded, bytes);
    json_t *value = json_stringn(coded.len == 0 ? "" : buf_str(&coded), coded.len);
    buf_clear(&coded);
    return value;
}

json_t *command_base64(struct bytes text)
{
    struct buf shown = {0};
    if (utf8_valid(text)) {
        buf_append_bytes(&shown, text);
    } else {
        buf_append_str(&shown, "Part of the message is corrupt. The message cannot be displayed "
                               "the normal way.\n\n");
        api_repr(&shown, text);
    }
    json_t *value = command_base64_of_bytes(buf_view(&shown));
    buf_clear(&shown);
    return value;
}

bool command_is_true(const struct command *command, size_t index)
{
    const json_t *value = param(command, index);
    return json_is_true(value) || (json_is_string(value) && json_string_length(value) > 0) ||
           (json_is_number(value) &&
            (json_number_value(value) < 0 || json_number_value(value) > 0)) ||
           json_array_size(value) > 0 || json_object_size(value) > 0;
}

/* ---- labels ---- */

const char *command_clean_label_of(struct command *command, struct bytes label)
{
    struct buf clean = {0};
    struct buf text = {0};
    utf8_repair(&text, label);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        buf_append_byte(&clean, c < 0x20 || c == 0x7f ? ' ' : c);
    }
    size_t len = utf8_cut(buf_view(&clean), COMMAND_MAX_LABEL_BYTES);
    const char *kept = arena_strndup(&command->arena, buf_str(&clean), len);
    buf_clear(&clean);
    buf_clear(&text);
    return kept;
}

const char *command_clean_label(struct command *command, const char *label)
{
    return command_clean_label_of(command, bytes_of_str(label));
}

const char *command_folder_label(struct command *command, const char *label)
{
    char *clean = arena_strdup(&command->arena, command_clean_label(command, label));
    for (char *c = clean; *c != '\0'; c++) {
        *c = strchr("/%*", *c) != NULL ? '_' : *c;
    }
    return clean;
}

/* ---- beginning ---- */

/* How many parameters a row has, and how many of them it must get. */
static void count_params(const struct command_row *row, size_t *out_all, size_t *out_least)
{
    const char *at = row->params;
    *out_all = 0;
    *out_least = 0;
    while (*at != '\0') {
        size_t len = strcspn(at, " ");
        bool is_optional = at[len - 1] == '?';
        *out_all += 1;
        *out_least += is_optional ? 0 : 1;
        at += len + (at[len] == ' ' ? 1 : 0);
    }
}

/* The order of the names in the row; NULL when one is given that it has not, or one is missing that
 * stands before others. */
static json_t *params_by_name(const struct command_row *row, const json_t *given)
{
    json_t *list = json_array();
    size_t n_found = 0;
    for (const char *at = row->params; *at != '\0';) {
        size_t len = strcspn(at, " ");
        size_t name_len = at[len - 1] == '?' ? len - 1 : len;
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", (int)name_len, at);
        json_t *value = json_object_get(given, name);
        n_found += value != NULL ? 1 : 0;
        json_array_append(list, value != NULL ? value : json_null());
        at += len + (at[len] == ' ' ? 1 : 0);
    }
    while (json_array_size(list) > 0 &&
           json_is_null(json_array_get(list, json_array_size(list) - 1))) {
        json_array_remove(list, json_array_size(list) - 1);
    }
    if (n_found != json_object_size(given)) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* As PyBitmessage counts: its limits include the hidden `self`, the number given does not. */
static bool check_count(struct command *command)
{
    size_t n_given = json_array_size(command->params);
    size_t n_all;
    size_t n_least;
    count_params(command->row, &n_all, &n_least);
    if (n_given > n_all) {
        command_fail_text(command, API_PARAMETER_COUNT,
                          "Command %s takes at most %zu parameters (%zu given)", command->method,
                          n_all + 1, n_given);
    } else if (n_given < n_least) {
        command_fail_text(command, API_PARAMETER_COUNT,
                          "Command %s takes at least %zu parameters (%zu given)", command->method,
                          n_least + 1, n_given);
    } else {
        return true;
    }
    return false;
}

static void begin(struct command *command, json_t *params)
{
    if (command->row == NULL) {
        command_fail_text(command, API_INVALID_METHOD, "Invalid method: %s", command->method);
        return;
    }
    command->params =
        json_is_object(params) ? params_by_name(command->row, params) : json_incref(params);
    if (command->params == NULL) {
        command_fail_text(command, API_PARAMETER_COUNT,
                          "Command %s has no parameter of such a name", command->method);
    } else if (check_count(command)) {
        command->row->run(command);
    }
}

struct command *command_begin(const struct command_parts *parts, const char *method, json_t *params,
                              struct command_done done)
{
    struct command *command = xcalloc(1, sizeof(*command));
    command->parts = parts;
    command->done = done;
    command->method = arena_strdup(&command->arena, method);
    command->row = command_find(method, parts->settings->variant);
    begin(command, params);
    if (command->is_answered) {
        command_free(command);
        return NULL;
    }
    command->is_begun = true;
    return command;
}
