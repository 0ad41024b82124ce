// SPDX-License-Identifier: MIT
/* The life of a call, its parameters and its answer; and the table. The handlers stand in api_*.c.
 */
#include "gateway/control/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/agent/agent.h"
#include "gateway/control/api_internal.h"
#include "gateway/control/api_rows.h"

/* ---- The life of a call. ---- */

static void end_call(struct api_call *call)
{
    json_decref(call->extra);
    call->extra = NULL;
    free(call->own);
    call->own = NULL;
    call->is_answered = true;
    if (call->is_begun) {
        free(call);
    }
}

static void answer_with(struct api_call *call, json_t *result_take, const struct fault *fault)
{
    if (call->answer.call != NULL) {
        call->answer.call(call->answer.context, result_take, fault);
    }
    json_decref(result_take);
    end_call(call);
}

void api_finish_text(struct api_call *call, struct bytes text)
{
    if (call->answer.call != NULL && call->text == NULL) {
        api_finish_take(call, json_loadb((const char *)text.data, text.len, 0, NULL));
        return;
    }
    if (call->answer.call != NULL) {
        call->text(call->answer.context, text);
    }
    end_call(call);
}

void api_finish_take(struct api_call *call, json_t *result)
{
    answer_with(call, result, NULL);
}

void api_fail(struct api_call *call, const struct fault *fault)
{
    answer_with(call, NULL, fault);
}

void api_refuse(struct api_call *call, enum fault_code code, const char *words)
{
    struct fault fault = {0};
    fault_set(&fault, code, "%s", words);
    api_fail(call, &fault);
}

void api_abandon(struct api_call *call)
{
    call->answer.call = NULL;
    if (call->rows != NULL) {
        api_rows_free(&call->rows);
        end_call(call);
    }
}

/* ---- Parameters. ---- */

/* The text of a parameter; NULL when it is not there or empty. */
const char *api_param_text(const struct api_call *call, const char *name)
{
    const char *text = json_string_value(json_object_get(call->params, name));
    return text != NULL && *text != '\0' ? text : NULL;
}

/* The text of a parameter that must be there; refuses the call and returns NULL when it is not. */
const char *api_require_text(struct api_call *call, const char *name)
{
    const char *text = api_param_text(call, name);
    if (text == NULL) {
        struct fault fault = {0};
        fault_set(&fault, FAULT_INVALID, "the parameter '%s' is missing", name);
        api_fail(call, &fault);
    }
    return text;
}

bool api_require_id(struct api_call *call, int64_t *out)
{
    const json_t *value = json_object_get(call->params, "id");
    if (!json_is_integer(value)) {
        api_refuse(call, FAULT_INVALID, "the parameter 'id' is missing");
        return false;
    }
    *out = (int64_t)json_integer_value(value);
    return true;
}

const char *api_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* ---- Answers of the agent. ---- */

/* Of several lines: the first as `address`, all of them as `addresses`. */
static void set_text(json_t *result, const struct api_call *call, const char *text)
{
    if (!call->is_lines) {
        json_object_set_new(result, call->key, json_string(text));
        return;
    }
    json_t *lines = json_array();
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        json_array_append_new(lines, json_stringn(line, len));
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    char plural[64];
    (void)snprintf(plural, sizeof(plural), "%ses", call->key);
    json_object_set(result, call->key, json_array_get(lines, 0));
    json_object_set_new(result, plural, lines);
}

static void on_agent_done(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    (void)id;
    if (fault != NULL) {
        api_fail(call, fault);
        return;
    }
    json_t *result = call->extra != NULL ? json_incref(call->extra) : json_object();
    if (call->key != NULL && *text != '\0') {
        set_text(result, call, text);
    }
    api_finish_take(call, result);
}

/* The agent's text becomes the member `key` of the answer. */
struct agent_done api_done_with_text(struct api_call *call, const char *key)
{
    call->key = key;
    return (struct agent_done){on_agent_done, call};
}

/* ---- The table. ---- */

static const struct {
    const char *name;
    void (*begin)(struct api_call *call);
} calls[] = {
#define API_ROW(name, handler) {name, api_call_##handler},
    API_CALLS(API_ROW)
#undef API_ROW
};

const char *api_name(size_t index)
{
    return index < ARRAY_LEN(calls) ? calls[index].name : NULL;
}

static void begin(struct api_call *call, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (strcmp(name, calls[i].name) == 0) {
            calls[i].begin(call);
            return;
        }
    }
    struct fault fault = {0};
    fault_set(&fault, FAULT_UNSUPPORTED, "there is no call '%.64s'", name);
    api_fail(call, &fault);
}

struct api_call *api_begin_with_text(const struct api *api, const char *name, json_t *params,
                                     struct api_answer answer,
                                     void (*text)(void *context, struct bytes result))
{
    struct api_call *call = xcalloc(1, sizeof *call);
    call->api = api;
    call->answer = answer;
    call->text = text;
    call->params = params;
    begin(call, name);
    call->params = NULL;
    if (call->is_answered) {
        free(call);
        return NULL;
    }
    call->is_begun = true;
    return call;
}

struct api_call *api_begin(const struct api *api, const char *name, json_t *params,
                           struct api_answer answer)
{
    return api_begin_with_text(api, name, params, answer, NULL);
}
