// SPDX-License-Identifier: MIT
/* POST /api/CALL: parameters in, the control socket's answer out; /api/login and /api/logout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/agent/agent.h"
#include "gateway/control/web_internal.h"

static const char api_prefix[] = "/api/";

/* ---- answers ---- */

static void answer_json_take(struct http_exchange *exchange, enum http_status status,
                             json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    http_answer(exchange, status, "application/json", bytes_of_str(text));
    mem_wipe(text, strlen(text));
    free(text);
}

static enum http_status status_of(enum fault_code code)
{
    static const struct {
        enum fault_code code;
        enum http_status status;
    } statuses[] = {
        {FAULT_INVALID, HTTP_BAD_REQUEST},   {FAULT_LIMIT, HTTP_BAD_REQUEST},
        {FAULT_NOT_FOUND, HTTP_NOT_FOUND},   {FAULT_UNSUPPORTED, HTTP_NOT_FOUND},
        {FAULT_EXISTS, HTTP_CONFLICT},       {FAULT_DENIED, HTTP_FORBIDDEN},
        {FAULT_BUSY, HTTP_UNAVAILABLE},      {FAULT_TIMEOUT, HTTP_UNAVAILABLE},
        {FAULT_CANCELLED, HTTP_UNAVAILABLE}, {FAULT_NO_SPACE, HTTP_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (statuses[i].code == code) {
            return statuses[i].status;
        }
    }
    return HTTP_INTERNAL_ERROR;
}

/* RFC 9110 wants to hear of a scheme with each 401; one that no browser opens a window for. */
static void answer_fault(struct http_exchange *exchange, enum http_status status,
                         enum fault_code code, const char *words)
{
    if (status == HTTP_UNAUTHORIZED) {
        http_set_field(exchange, "WWW-Authenticate", "Bittern");
    }
    answer_json_take(
        exchange, status,
        json_pack("{s:{s:s, s:s}}", "error", "code", fault_code_name(code), "message", words));
}

void web_refuse(struct web_question *question, enum http_status status, enum fault_code code,
                const char *words)
{
    answer_fault(question->exchange, status, code, words);
    web_question_free(question);
}

/* ---- the life of a question ---- */

static void stop_asking(struct web_question *question)
{
    struct web *web = question->web;
    bool is_login =
        question->sasl != NULL && (question->lookup != NULL || question->judging != NULL);
    if (question->lookup != NULL) {
        web->parts.credentials->cancel(web->parts.credentials->context, question->lookup);
        question->lookup = NULL;
    }
    if (question->judging != NULL) {
        web->parts.judge->cancel(web->parts.judge->context, question->judging);
        question->judging = NULL;
    }
    web->n_logins -= is_login ? 1 : 0;
}

void web_question_free(struct web_question *question)
{
    stop_asking(question);
    if (question->call != NULL) {
        api_abandon(question->call);
    }
    sasl_free(&question->sasl);
    buf_clear_secret(&question->body);
    mem_wipe(question->stored_key, sizeof question->stored_key);
    free(question->account);
    list_remove(&question->node);
    free(question);
}

/* A call that was begun goes on, and needs what it works on. */
static void on_gone(void *context)
{
    struct web_question *question = context;
    question->exchange = NULL;
    if (question->call == NULL) {
        web_question_free(question);
    }
}

static struct web_question *question_new(struct web *web, struct http_exchange *exchange)
{
    struct web_question *question = xcalloc(1, sizeof *question);
    question->web = web;
    question->exchange = exchange;
    list_append(&web->questions, &question->node);
    http_on_gone(exchange, on_gone, question);
    return question;
}

/* ---- calling ---- */

static void on_answer(void *context, json_t *result, const struct fault *fault)
{
    struct web_question *question = context;
    struct http_exchange *exchange = question->exchange;
    question->call = NULL;
    if (exchange != NULL && fault != NULL) {
        answer_fault(exchange, status_of(fault->code), fault->code, fault->text);
    } else if (exchange != NULL) {
        answer_json_take(exchange, HTTP_OK, json_pack("{s:O}", "result", result));
    }
    web_question_free(question);
}

static void count_account(void *context, const struct agent_account_info *info)
{
    size_t *n_accounts = context;
    (void)info;
    (*n_accounts)++;
}

/* What concerns the whole home is asked as its owner, where the asker's account is the only one. */
static bool may_call(const struct web_question *question)
{
    size_t n_accounts = 0;
    if (question->row->reach == WEB_CALL_ACCOUNT) {
        return true;
    }
    agent_account_list(question->web->parts.api->agent, count_account, &n_accounts);
    return n_accounts == 1;
}

/* None is an empty object. */
static json_t *parse_params(const struct web_question *question, struct fault *fault)
{
    json_error_t error;
    struct bytes body = buf_view(&question->body);
    json_t *params = body.len == 0 ? json_object()
                                   : json_loadb((const char *)body.data, body.len,
                                                JSON_REJECT_DUPLICATES, &error);
    if (params == NULL) {
        fault_set(fault, FAULT_INVALID, "not JSON: %s", error.text);
    } else if (!json_is_object(params)) {
        fault_set(fault, FAULT_INVALID, "the parameters are not a JSON object");
        json_decref(params);
        params = NULL;
    }
    return params;
}

static void begin_call(struct web_question *question)
{
    struct fault fault = {0};
    if (!may_call(question)) {
        web_refuse(question, HTTP_FORBIDDEN, FAULT_DENIED,
                   "that concerns all accounts: it is done on the command line");
        return;
    }
    json_t *params = parse_params(question, &fault);
    if (params == NULL) {
        web_refuse(question, HTTP_BAD_REQUEST, fault.code, fault.text);
        return;
    }
    question->api = *question->web->parts.api;
    question->api.account = question->row->reach == WEB_CALL_ACCOUNT ? question->account : NULL;
    /* Answered before it returns, the question is gone already. */
    struct api_call *call = api_begin(&question->api, question->row->call, params,
                                      (struct api_answer){on_answer, question});
    if (call != NULL) {
        question->call = call;
    }
    json_decref(params);
}

static void finish_login(struct web_question *question)
{
    struct web *web = question->web;
    char cookie[WEB_KEY_TEXT_BYTES];
    char token[WEB_KEY_TEXT_BYTES];
    char name[WEB_COOKIE_NAME_BYTES];
    web_sessions_open(web->sessions, clock_mono_ms(), question->account_id, question->account,
                      question->stored_key, cookie, token);
    web_cookie_name(web, name);
    char *field = xasprintf("%s=%s; Path=/api; HttpOnly; SameSite=Strict", name, cookie);
    http_set_field(question->exchange, "Set-Cookie", field);
    answer_json_take(
        question->exchange, HTTP_OK,
        json_pack("{s:{s:s, s:s}}", "result", "account", question->account, "token", token));
    log_info("web", "logged in account=%lld", (long long)question->account_id);
    mem_wipe(field, strlen(field));
    mem_wipe(cookie, sizeof cookie);
    mem_wipe(token, sizeof token);
    free(field);
    web_question_free(question);
}

void web_known(struct web_question *question)
{
    if (question->row == NULL) {
        finish_login(question);
    } else {
        begin_call(question);
    }
}

/* ---- routes ---- */

/* "application/json", also with parameters behind it. */
static bool is_json(struct bytes content_type)
{
    struct bytes type = bytes_slice(content_type, 0, bytes_find(content_type, ';'));
    while (type.len > 0 && type.data[type.len - 1] == ' ') {
        type.len--;
    }
    return bytes_equal_ci(type, bytes_of_str("application/json"));
}

/* Is it to be answered at all? The answer when not. */
static bool admit(const struct web *web, struct http_exchange *exchange,
                  const struct http_request *request)
{
    if (!web->parts.settings->page) {
        answer_fault(exchange, HTTP_NOT_FOUND, FAULT_NOT_FOUND, "[http] page is off");
    } else if (!http_is_local(exchange)) {
        answer_fault(exchange, HTTP_FORBIDDEN, FAULT_DENIED,
                     "passwords are taken in clear text over loopback alone");
    } else if (request->body.len > 0 && !is_json(http_field(request, "Content-Type"))) {
        answer_fault(exchange, HTTP_UNSUPPORTED_TYPE, FAULT_INVALID,
                     "the Content-Type of parameters is application/json");
    } else {
        return true;
    }
    return false;
}

void web_serve_call(void *context, struct http_exchange *exchange,
                    const struct http_request *request)
{
    struct web *web = context;
    if (!admit(web, exchange, request)) {
        return;
    }
    struct bytes call = bytes_slice(request->path, sizeof api_prefix - 1, request->path.len);
    const struct web_call_row *row = web_calls_find(call);
    if (row == NULL || row->reach == WEB_CALL_NOT) {
        answer_fault(exchange, row == NULL ? HTTP_NOT_FOUND : HTTP_FORBIDDEN,
                     row == NULL ? FAULT_UNSUPPORTED : FAULT_DENIED,
                     row == NULL ? "there is no such call" : row->reason);
        return;
    }
    struct web_question *question = question_new(web, exchange);
    question->row = row;
    buf_append_bytes(&question->body, request->body);
    web_ask(question, request);
}

void web_serve_login(void *context, struct http_exchange *exchange,
                     const struct http_request *request)
{
    struct web *web = context;
    struct fault fault = {0};
    if (!admit(web, exchange, request)) {
        return;
    }
    struct web_question *question = question_new(web, exchange);
    buf_append_bytes(&question->body, request->body);
    json_t *params = parse_params(question, &fault);
    const json_t *account = json_object_get(params, "account");
    const json_t *password = json_object_get(params, "password");
    if (params == NULL || !json_is_string(account) || !json_is_string(password)) {
        web_refuse(question, HTTP_BAD_REQUEST, FAULT_INVALID,
                   params == NULL ? fault.text : "a login has an account and a password");
    } else {
        const struct bytes user = {(const uint8_t *)json_string_value(account),
                                   json_string_length(account)};
        const struct bytes secret = {(const uint8_t *)json_string_value(password),
                                     json_string_length(password)};
        web_ask_password(question, user, secret);
    }
    json_decref(params);
}

void web_serve_logout(void *context, struct http_exchange *exchange,
                      const struct http_request *request)
{
    struct web *web = context;
    char name[WEB_COOKIE_NAME_BYTES];
    if (!admit(web, exchange, request)) {
        return;
    }
    struct web_keys keys = web_keys_of(web, request);
    web_sessions_end(web->sessions, keys.cookie, keys.token);
    web_cookie_name(web, name);
    char *field = xasprintf("%s=; Path=/api; HttpOnly; SameSite=Strict; Max-Age=0", name);
    http_set_field(exchange, "Set-Cookie", field);
    free(field);
    answer_json_take(exchange, HTTP_OK, json_pack("{s:{}}", "result"));
}
