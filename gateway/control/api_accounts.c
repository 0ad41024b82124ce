// SPDX-License-Identifier: MIT
/* Accounts: for the home's owner alone. */
#include <string.h>

#include "gateway/control/api_internal.h"

/* The account's name; the call is refused where the asker is not the home's owner. */
static const char *require_name(struct api_call *call)
{
    if (call->api->account != NULL) {
        api_refuse(call, FAULT_DENIED, "accounts are kept by the owner of this Bittern");
        return NULL;
    }
    return api_require_text(call, "name");
}

typedef void set_account(struct agent *agent, const char *name, const char *password,
                         struct agent_done done);

static void account_new_with_welcome(struct agent *agent, const char *name, const char *password,
                                     struct agent_done done)
{
    agent_account_new(agent, name, password, true, done);
}

static void set_password(struct api_call *call, set_account *set)
{
    const char *name = require_name(call);
    if (name == NULL) {
        return;
    }
    call->extra = json_pack("{s:s}", "name", name);
    set(call->api->agent, name, api_param_text(call, "password"),
        api_done_with_text(call, "password"));
}

void api_call_account_new(struct api_call *call)
{
    set_password(call, account_new_with_welcome);
}

void api_call_account_passwd(struct api_call *call)
{
    set_password(call, agent_account_passwd);
}

void api_call_account_delete(struct api_call *call)
{
    const char *name = require_name(call);
    if (name != NULL) {
        agent_account_delete(call->api->agent, name, api_done_with_text(call, "name"));
    }
}

/* ---- the bound ---- */

/* Those that are not given stay as they are. */
struct quota {
    const char *name;
    uint64_t bytes;
    uint64_t messages;
    bool found;
};

static void find_quota(void *context, const struct agent_account_info *info)
{
    struct quota *quota = context;
    if (strcmp(info->name, quota->name) == 0) {
        quota->bytes = info->quota_bytes;
        quota->messages = info->quota_messages;
        quota->found = true;
    }
}

static bool overlay(struct api_call *call, const char *param, uint64_t *value)
{
    const json_t *given = json_object_get(call->params, param);
    if (given != NULL && (!json_is_integer(given) || json_integer_value(given) < 0)) {
        api_refuse(call, FAULT_INVALID, "a number is expected");
        return false;
    }
    if (given != NULL) {
        *value = (uint64_t)json_integer_value(given);
    }
    return true;
}

void api_call_account_quota(struct api_call *call)
{
    struct quota quota = {.name = require_name(call)};
    if (quota.name == NULL) {
        return;
    }
    agent_account_list(call->api->agent, find_quota, &quota);
    if (overlay(call, "bytes", &quota.bytes) && overlay(call, "messages", &quota.messages)) {
        agent_account_quota(call->api->agent, quota.name, quota.bytes, quota.messages,
                            api_done_with_text(call, "name"));
    }
}

/* ---- listing ---- */

struct listing {
    const struct api_call *call;
    json_t *rows;
};

static void append_account(void *context, const struct agent_account_info *info)
{
    const struct listing *listing = context;
    if (!api_may_see(listing->call, info->name)) {
        return;
    }
    json_array_append_new(
        listing->rows,
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "name", info->name, "created",
                  (json_int_t)info->created_sec, "messages", (json_int_t)info->n_messages, "bytes",
                  (json_int_t)info->n_bytes, "quota_messages", (json_int_t)info->quota_messages,
                  "quota_bytes", (json_int_t)info->quota_bytes, "identities",
                  (json_int_t)info->n_identities, "senders",
                  info->allowed_only ? "allowed" : "all"));
}

void api_call_account_list(struct api_call *call)
{
    struct listing listing = {call, json_array()};
    agent_account_list(call->api->agent, append_account, &listing);
    api_finish_take(call, listing.rows);
}
