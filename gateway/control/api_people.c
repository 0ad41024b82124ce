// SPDX-License-Identifier: MIT
/* Identities, chans, contacts, subscriptions and accounts. */
#include "gateway/control/api_internal.h"

#include "gateway/agent/agent.h"

/* ---- identities ---- */

static json_t *identity_to_json(const struct agent_identity_info *info)
{
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "address", info->address, "label",
                            api_or_empty(info->label), "account", api_or_empty(info->account),
                            "kind", info->kind == IDENTITY_CHAN ? "chan" : "identity",
                            "mail_address", "", "enabled", info->enabled);
    json_object_set_new(row, "mail_address", json_sprintf("%s@bm.alt", info->address));
    json_object_set_new(row, "version", json_integer((json_int_t)info->version));
    json_object_set_new(row, "stream", json_integer((json_int_t)info->stream));
    json_object_set_new(row, "trials_per_byte", json_integer((json_int_t)info->trials_per_byte));
    json_object_set_new(row, "extra_bytes", json_integer((json_int_t)info->extra_bytes));
    json_object_set_new(row, "ttl", json_integer((json_int_t)info->ttl_sec));
    json_object_set_new(row, "created", json_integer((json_int_t)info->created_sec));
    return row;
}

static void append_identity(void *context, const struct agent_identity_info *info)
{
    json_array_append_new(context, identity_to_json(info));
}

void api_call_identity_new(struct api_call *call)
{
    const struct agent_identity_request request = {
        .account = api_param_text(call, "account"),
        .label = api_param_text(call, "label"),
        .passphrase = api_param_text(call, "passphrase"),
        .version = (uint64_t)json_integer_value(json_object_get(call->params, "version")),
        .stream = (uint64_t)json_integer_value(json_object_get(call->params, "stream")),
        .is_short = json_is_true(json_object_get(call->params, "short")),
    };
    call->extra = json_pack("{s:s}", "label", api_or_empty(request.label));
    agent_identity_new(call->api->agent, &request, api_done_with_text(call, "address"));
}

void api_call_identity_list(struct api_call *call)
{
    json_t *rows = json_array();
    agent_identity_list(call->api->agent, append_identity, rows);
    api_finish_take(call, rows);
}

void api_call_identity_show(struct api_call *call)
{
    const char *who = api_require_text(call, "address");
    if (who == NULL) {
        return;
    }
    struct agent_identity_info info;
    struct fault fault = {0};
    if (agent_identity_find(call->api->agent, who, &info, &fault)) {
        api_finish_take(call, identity_to_json(&info));
    } else {
        api_fail(call, &fault);
    }
}

/* Calls that change an identity or a chan found by address or label. */
void api_call_identity_rename(struct api_call *call)
{
    const char *who = api_require_text(call, "address");
    if (who != NULL) {
        agent_identity_rename(call->api->agent, who, api_or_empty(api_param_text(call, "label")),
                              api_done_with_text(call, "address"));
    }
}

void api_call_identity_enable(struct api_call *call)
{
    const char *who = api_require_text(call, "address");
    if (who != NULL) {
        bool enabled = !json_is_false(json_object_get(call->params, "enabled"));
        agent_identity_enable(call->api->agent, who, enabled, api_done_with_text(call, "address"));
    }
}

void api_call_chan_join(struct api_call *call)
{
    const char *name = api_require_text(call, "name");
    if (name != NULL) {
        agent_chan_join(call->api->agent, api_param_text(call, "account"), name,
                        api_param_text(call, "address"), api_param_text(call, "label"),
                        api_done_with_text(call, "address"));
    }
}

void api_call_chan_leave(struct api_call *call)
{
    const char *who = api_require_text(call, "address");
    if (who != NULL) {
        agent_chan_leave(call->api->agent, who, api_done_with_text(call, "address"));
    }
}

/* ---- contacts and subscriptions ---- */

static void append_entry(void *context, const struct agent_entry_info *info)
{
    json_array_append_new(context,
                          json_pack("{s:s, s:s, s:s, s:b}", "address", info->address, "label",
                                    api_or_empty(info->label), "account",
                                    api_or_empty(info->account), "enabled", info->enabled));
}

static void list_entries(struct api_call *call, enum agent_entry_kind kind)
{
    json_t *rows = json_array();
    agent_entry_list(call->api->agent, kind, append_entry, rows);
    api_finish_take(call, rows);
}

void api_call_contact_list(struct api_call *call)
{
    list_entries(call, AGENT_CONTACTS);
}

void api_call_subscription_list(struct api_call *call)
{
    list_entries(call, AGENT_SUBSCRIPTIONS);
}

typedef void add_entry(struct agent *agent, const char *account, const char *address,
                       const char *label, struct agent_done done);
typedef void remove_entry(struct agent *agent, const char *account, const char *who,
                          struct agent_done done);

static void begin_add(struct api_call *call, add_entry *add)
{
    const char *address = api_require_text(call, "address");
    if (address != NULL) {
        add(call->api->agent, api_param_text(call, "account"), address,
            api_or_empty(api_param_text(call, "label")), api_done_with_text(call, "address"));
    }
}

static void begin_remove(struct api_call *call, remove_entry *remove)
{
    const char *who = api_require_text(call, "address");
    if (who != NULL) {
        remove(call->api->agent, api_param_text(call, "account"), who,
               api_done_with_text(call, "address"));
    }
}

void api_call_contact_add(struct api_call *call)
{
    begin_add(call, agent_contact_add);
}

void api_call_contact_remove(struct api_call *call)
{
    begin_remove(call, agent_contact_remove);
}

void api_call_subscription_add(struct api_call *call)
{
    begin_add(call, agent_subscribe);
}

void api_call_subscription_remove(struct api_call *call)
{
    begin_remove(call, agent_unsubscribe);
}

/* ---- accounts ---- */

typedef void set_account(struct agent *agent, const char *name, const char *password,
                         struct agent_done done);

static void account_new_with_welcome(struct agent *agent, const char *name, const char *password,
                                     struct agent_done done)
{
    agent_account_new(agent, name, password, true, done);
}

static void account_call(struct api_call *call, set_account *set)
{
    const char *name = api_require_text(call, "name");
    if (name == NULL) {
        return;
    }
    call->extra = json_pack("{s:s}", "name", name);
    set(call->api->agent, name, api_param_text(call, "password"),
        api_done_with_text(call, "password"));
}

void api_call_account_new(struct api_call *call)
{
    account_call(call, account_new_with_welcome);
}

void api_call_account_passwd(struct api_call *call)
{
    account_call(call, agent_account_passwd);
}

static void append_account(void *context, const struct agent_account_info *info)
{
    json_array_append_new(context, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", info->name,
                                             "created", (json_int_t)info->created_sec, "messages",
                                             (json_int_t)info->n_messages, "bytes",
                                             (json_int_t)info->n_bytes, "identities",
                                             (json_int_t)info->n_identities));
}

void api_call_account_list(struct api_call *call)
{
    json_t *rows = json_array();
    agent_account_list(call->api->agent, append_account, rows);
    api_finish_take(call, rows);
}
