// SPDX-License-Identifier: MIT
/* The life of a call, its parameters and its answer; and the table. The handlers stand in api_*.c.
 */
#include "gateway/control/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/agent/agent.h"
#include "gateway/control/api_internal.h"

/* ---- The life of a call. ---- */

static void answer_with(struct api_call *call, json_t *result_take, const struct fault *fault)
{
    if (call->answer.call != NULL) {
        call->answer.call(call->answer.context, result_take, fault);
    }
    json_decref(result_take);
    json_decref(call->extra);
    call->extra = NULL;
    call->is_answered = true;
    if (call->is_begun) {
        free(call);
    }
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
        json_object_set_new(result, call->key, json_string(text));
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
    {"status", api_call_status},
    {"identity.new", api_call_identity_new},
    {"identity.list", api_call_identity_list},
    {"identity.show", api_call_identity_show},
    {"identity.rename", api_call_identity_rename},
    {"identity.enable", api_call_identity_enable},
    {"chan.join", api_call_chan_join},
    {"chan.leave", api_call_chan_leave},
    {"contact.add", api_call_contact_add},
    {"contact.list", api_call_contact_list},
    {"contact.remove", api_call_contact_remove},
    {"subscription.add", api_call_subscription_add},
    {"subscription.list", api_call_subscription_list},
    {"subscription.remove", api_call_subscription_remove},
    {"account.new", api_call_account_new},
    {"account.list", api_call_account_list},
    {"account.passwd", api_call_account_passwd},
    {"queue.list", api_call_queue_list},
    {"queue.show", api_call_queue_show},
    {"queue.retry", api_call_queue_retry},
    {"queue.cancel", api_call_queue_cancel},
    {"mail.submit", api_call_mail_submit},
    {"backup.make", api_call_backup_make},
    {"recovery_key.new", api_call_recovery_key_new},
    {"recovery_key.show", api_call_recovery_key_show},
    {"restore.prepare", api_call_restore_prepare},
    {"setup.info", api_call_setup_info},
    {"setup.first_password", api_call_setup_first_password},
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

struct api_call *api_begin(const struct api *api, const char *name, json_t *params,
                           struct api_answer answer)
{
    struct api_call *call = xcalloc(1, sizeof *call);
    call->api = api;
    call->answer = answer;
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
