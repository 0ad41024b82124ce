// SPDX-License-Identifier: MIT
#include "gateway/compat/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/http_server.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timer.h"
#include "crypto/hash.h"
#include "gateway/compat/command.h"
#include "gateway/compat/jsonrpc.h"
#include "gateway/compat/notices.h"
#include "gateway/compat/xmlrpc_read.h"
#include "gateway/compat/xmlrpc_write.h"

enum { FAULT_UNREADABLE = 1 }; /* what Python's server says of a call that it can't read */

struct compat {
    struct compat_parts parts;
    struct command_parts commands;
    struct http_options options;
    struct http_server *server;
    uint8_t login[SHA256_BYTES]; /* of "username:password" */
    struct list_node requests;
    size_t n_refusals;
    struct notices notices;
};

/* What one HTTP request asks. */
struct request {
    struct list_node node;
    struct compat *compat;
    struct http_exchange *exchange; /* NULL: gone */
    struct timer refusal;           /* a wrong password's answer waits */
    bool is_refused;
    bool is_json;

    struct rpc_call call; /* XML: the only one */
    json_t *batch;        /* JSON */
    bool is_batch;
    size_t n_calls;
    size_t next;
    struct command *command; /* under way */
    bool is_beginning;
    bool is_answered;
    json_t *answers; /* JSON */
    struct buf body; /* XML */
};

/* ---- a request's life ---- */

static void request_free(struct request *request)
{
    if (request->command != NULL) {
        command_abandon(request->command);
    }
    if (request->is_refused) {
        request->compat->n_refusals--;
    }
    list_remove(&request->node);
    timer_cancel(&request->refusal);
    rpc_call_clear(&request->call);
    json_decref(request->batch);
    json_decref(request->answers);
    buf_clear_secret(&request->body);
    free(request);
}

static void on_gone(void *context)
{
    request_free(context);
}

static struct request *request_new(struct compat *compat, struct http_exchange *exchange)
{
    struct request *request = xcalloc(1, sizeof(*request));
    request->compat = compat;
    request->exchange = exchange;
    request->is_json = compat->parts.settings->variant == API_VARIANT_JSON;
    list_append(&compat->requests, &request->node);
    http_on_gone(exchange, on_gone, request);
    http_close_after_answer(exchange);
    return request;
}

static void send_body(struct request *request, const char *type, struct bytes body)
{
    http_answer(request->exchange, HTTP_OK, type, body);
    request_free(request);
}

static void send_answers(struct request *request)
{
    struct bytes nothing = {0};
    if (!request->is_json) {
        send_body(request, "text/xml", buf_view(&request->body));
        return;
    }
    if (json_array_size(request->answers) == 0) { /* notifications alone */
        send_body(request, "application/json-rpc", nothing);
        return;
    }
    const json_t *whole =
        request->is_batch ? request->answers : json_array_get(request->answers, 0);
    char *text = json_dumps(whole, JSON_COMPACT | JSON_ENCODE_ANY);
    struct bytes body = text == NULL ? nothing : bytes_of_str(text);
    http_answer(request->exchange, text == NULL ? HTTP_INTERNAL_ERROR : HTTP_OK,
                "application/json-rpc", body);
    free(text);
    request_free(request);
}

/* ---- an answer in its form ---- */

static void answer_json(struct request *request, json_t *result, int code, const char *text)
{
    const json_t *asked = json_array_get(request->batch, request->next - 1);
    if (jsonrpc_is_notification(asked)) {
        return;
    }
    json_array_append_new(request->answers, result != NULL ? jsonrpc_result(asked, result)
                                                           : jsonrpc_error(asked, code, text));
}

/* What is no text and no number comes as a JSON text, an error as a result. */
static json_t *legacy_result(json_t *result, int code, const char *text)
{
    if (result == NULL) {
        char *words = xasprintf("API Error %04d: %s", code, text);
        json_t *value = json_string(words);
        free(words);
        return value;
    }
    if (json_is_string(result) || json_is_integer(result) || json_is_boolean(result)) {
        return json_incref(result);
    }
    char *dumped = json_dumps(result, JSON_INDENT(4) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    json_t *value = json_string(dumped == NULL ? "" : dumped);
    free(dumped);
    return value;
}

static void answer_xml(struct request *request, json_t *result, int code, const char *text)
{
    if (request->compat->parts.settings->variant == API_VARIANT_LEGACY) {
        json_t *value = legacy_result(result, code, text);
        xmlrpc_write_result(&request->body, value);
        json_decref(value);
    } else if (result != NULL) {
        xmlrpc_write_result(&request->body, result);
    } else {
        xmlrpc_write_fault(&request->body, code, text);
    }
}

/* ---- the calls that every server of this kind has ---- */

static json_t *list_methods(enum api_variant variant)
{
    json_t *list = json_array();
    const struct command_row *row;
    for (size_t i = 0; (row = command_row_at(i)) != NULL; i++) {
        const char *rest = row->names;
        const char *name;
        size_t len;
        while (command_next_name(&name, &len, &rest, variant)) {
            json_array_append_new(list, json_stringn(name, len));
        }
    }
    json_array_append_new(list, json_string("system.listMethods"));
    json_array_append_new(list, json_string("system.methodHelp"));
    json_array_append_new(list, json_string("system.methodSignature"));
    return list;
}

/* NULL: it is no such call. */
static json_t *introspect(const struct rpc_call *call, enum api_variant variant)
{
    if (strcmp(call->method, "system.listMethods") == 0) {
        return list_methods(variant);
    }
    if (strcmp(call->method, "system.methodSignature") == 0) {
        return json_string("signatures not supported");
    }
    if (strcmp(call->method, "system.methodHelp") == 0) {
        const char *asked = json_string_value(json_array_get(call->params, 0));
        const struct command_row *row = asked == NULL ? NULL : command_find(asked, variant);
        return row == NULL ? json_string("")
                           : json_sprintf("%s (%s)", row->help,
                                          *row->params == '\0' ? "no parameters" : row->params);
    }
    return NULL;
}

/* ---- one call after the other ---- */

static void run_calls(struct request *request);

static void on_answer(void *context, json_t *result, int code, const char *text)
{
    struct request *request = context;
    request->command = NULL;
    request->is_answered = true;
    if (request->is_json) {
        answer_json(request, result, code, text);
    } else {
        answer_xml(request, result, code, text);
    }
    if (!request->is_beginning) {
        run_calls(request);
    }
}

static void begin_call(struct request *request, const struct rpc_call *call)
{
    enum api_variant variant = request->compat->parts.settings->variant;
    json_t *known = introspect(call, variant);
    if (known != NULL && request->is_json) {
        on_answer(request, known, 0, NULL);
    } else if (known != NULL) { /* never in the legacy form */
        xmlrpc_write_result(&request->body, known);
        request->is_answered = true;
    } else {
        request->command = command_begin(&request->compat->commands, call->method, call->params,
                                         (struct command_done){on_answer, request});
    }
    json_decref(known);
}

static void begin_json(struct request *request)
{
    struct rpc_call call = {0};
    struct fault fault = {0};
    const json_t *asked = json_array_get(request->batch, request->next - 1);
    if (jsonrpc_take(&call, asked, &fault)) {
        begin_call(request, &call);
    } else {
        json_array_append_new(request->answers,
                              jsonrpc_error(asked, JSONRPC_INVALID_REQUEST, fault.text));
        request->is_answered = true;
    }
    rpc_call_clear(&call);
}

static void run_calls(struct request *request)
{
    while (request->next < request->n_calls) {
        request->next++;
        request->is_answered = false;
        request->is_beginning = true;
        if (request->is_json) {
            begin_json(request);
        } else {
            begin_call(request, &request->call);
        }
        request->is_beginning = false;
        if (!request->is_answered) {
            return;
        }
    }
    send_answers(request);
}

/* ---- what a request holds ---- */

static void read_json(struct request *request, struct bytes body)
{
    struct fault fault = {0};
    request->answers = json_array();
    request->batch = jsonrpc_read(&request->is_batch, body, &fault);
    if (request->batch == NULL) {
        request->is_batch = false;
        json_array_append_new(request->answers,
                              jsonrpc_error(NULL, JSONRPC_PARSE_ERROR, fault.text));
    }
    request->n_calls = json_array_size(request->batch);
}

static void read_xml(struct request *request, struct bytes body)
{
    struct fault fault = {0};
    if (xmlrpc_read(&request->call, body, &fault)) {
        request->n_calls = 1;
    } else {
        xmlrpc_write_fault(&request->body, FAULT_UNREADABLE, fault.text);
    }
}

/* ---- who is let in ---- */

static bool is_allowed(const struct compat *compat, const struct http_request *http)
{
    static const char scheme[] = "Basic ";
    struct bytes field = http_field(http, "Authorization");
    struct buf login = {0};
    uint8_t hash[SHA256_BYTES];
    bool ok = bytes_equal_ci(bytes_slice(field, 0, sizeof(scheme) - 1), bytes_of_str(scheme)) &&
              base64_decode(&login, bytes_slice(field, sizeof(scheme) - 1, field.len));
    hash_sha256(hash, buf_view(&login));
    ok = mem_equal_ct(hash, compat->login, sizeof(hash)) && ok;
    buf_clear_secret(&login);
    mem_wipe(hash, sizeof(hash));
    return ok;
}

static void on_refusal(void *context)
{
    struct request *request = context;
    http_set_field(request->exchange, "WWW-Authenticate", "Basic realm=\"Bitmessage API\"");
    http_answer(request->exchange, HTTP_UNAUTHORIZED, NULL, (struct bytes){0});
    request_free(request);
}

static void refuse(struct request *request)
{
    struct compat *compat = request->compat;
    int64_t delay_ms = compat->parts.refusal_delay_ms;
    log_warn("compat", "a login was refused");
    request->is_refused = true;
    compat->n_refusals++;
    timer_init(&request->refusal, compat->parts.loop, on_refusal, request);
    timer_arm(&request->refusal, delay_ms == 0 ? COMPAT_REFUSAL_DELAY_MS : delay_ms);
}

static void serve(void *context, struct http_exchange *exchange, const struct http_request *http)
{
    struct compat *compat = context;
    if (compat->n_refusals >= COMPAT_MAX_REFUSALS) {
        http_close_after_answer(exchange);
        http_answer(exchange, HTTP_TOO_MANY, NULL, (struct bytes){0});
        return;
    }
    struct request *request = request_new(compat, exchange);
    if (!is_allowed(compat, http)) {
        refuse(request);
        return;
    }
    if (request->is_json) {
        read_json(request, http->body);
    } else {
        read_xml(request, http->body);
    }
    run_calls(request);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/", COMPAT_MAX_BODY_BYTES, serve},
    {HTTP_POST, "/RPC2", COMPAT_MAX_BODY_BYTES, serve},
};

/* ---- what happens ---- */

static void on_arrived(void *context, int64_t account_id, bool is_broadcast)
{
    struct compat *compat = context;
    (void)account_id; /* PyBitmessage knows but one */
    notices_tell(&compat->notices, is_broadcast ? NOTICE_NEW_BROADCAST : NOTICE_NEW_MESSAGE);
}

void compat_started(struct compat *compat)
{
    notices_tell(&compat->notices, NOTICE_STARTING_UP);
}

bool compat_program_ended(struct compat *compat, const char *name)
{
    bool is_ours = notices_is_name(name);
    if (is_ours && compat != NULL) {
        notices_ended(&compat->notices);
    }
    return is_ours;
}

/* ---- life ---- */

static void keep_login(struct compat *compat)
{
    struct buf login = {0};
    buf_reserve(&login, strlen(compat->parts.settings->username) +
                            strlen(compat->parts.settings->password) + 2);
    buf_printf(&login, "%s:%s", compat->parts.settings->username, compat->parts.settings->password);
    hash_sha256(compat->login, buf_view(&login));
    buf_clear_secret(&login);
}

struct compat *compat_new(const struct compat_parts *parts)
{
    struct compat *compat = xcalloc(1, sizeof(*compat));
    compat->parts = *parts;
    compat->commands = (struct command_parts){.agent = parts->agent,
                                              .settings = parts->settings,
                                              .shut_down = parts->shut_down,
                                              .context = parts->context};
    compat->notices = (struct notices){.run = parts->run_program,
                                       .context = parts->context,
                                       .is_enabled = parts->settings->notify_path[0] != '\0'};
    compat->options =
        (struct http_options){.routes = routes, .n_routes = ARRAY_LEN(routes), .context = compat};
    list_init(&compat->requests);
    keep_login(compat);
    compat->server = http_server_new(parts->loop, &compat->options);
    agent_set_arrivals(parts->agent, &(struct agent_arrivals){on_arrived, compat});
    return compat;
}

void compat_free(struct compat **compat_in)
{
    struct compat *compat = *compat_in;
    if (compat != NULL) {
        agent_set_arrivals(compat->parts.agent, &(struct agent_arrivals){0});
        http_server_free(&compat->server); /* ends the requests by on_gone */
        mem_wipe(compat->login, sizeof(compat->login));
        free(compat);
        *compat_in = NULL;
    }
}

void compat_listen_take(struct compat *compat, int fd)
{
    http_server_listen_take(compat->server, fd);
}

uint16_t compat_port(const struct compat *compat)
{
    return http_server_port(compat->server);
}
