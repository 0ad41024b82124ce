// SPDX-License-Identifier: MIT
/* Identities and chans. */
#include <string.h>

#include "base/buf.h"
#include "gateway/agent/people/bitmessage_link.h"
#include "gateway/control/api_internal.h"
#include "gateway/control/api_rows.h"

/* ---- as JSON ---- */

static json_t *identity_to_json(const struct agent_identity_info *info)
{
    struct buf link = {0};
    bitmessage_link_write(&link, info->address, api_or_empty(info->label));
    json_t *row = json_pack(
        "{s:s, s:o, s:s, s:s, s:s, s:b, s:b, s:s, s:s}", "address", info->address, "mail_address",
        json_sprintf("%s@bm.alt", info->address), "label", api_or_empty(info->label), "account",
        api_or_empty(info->account), "kind", info->kind == IDENTITY_CHAN ? "chan" : "identity",
        "enabled", info->enabled, "acks", info->acks, "list", api_or_empty(info->list_name), "link",
        buf_str(&link));
    const struct {
        const char *name;
        json_int_t value;
    } numbers[] = {
        {"version", (json_int_t)info->version},
        {"stream", (json_int_t)info->stream},
        {"trials_per_byte", (json_int_t)info->trials_per_byte},
        {"extra_bytes", (json_int_t)info->extra_bytes},
        {"ttl", (json_int_t)info->ttl_sec},
        {"created", (json_int_t)info->created_sec},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_object_set_new(row, numbers[i].name, json_integer(numbers[i].value));
    }
    buf_clear(&link);
    return row;
}

static void append_identity(void *context, const struct agent_identity_info *info)
{
    struct api_call *call = context;
    if (api_may_see(call, info->account)) {
        api_rows_append_take(call, identity_to_json(info));
    }
}

/* Those that are joined. */
static void append_chan(void *context, const struct agent_identity_info *info)
{
    if (info->kind == IDENTITY_CHAN && info->enabled) {
        append_identity(context, info);
    }
}

static bool identities_part(struct api_call *call, size_t first, size_t n)
{
    return agent_identity_list_part(call->api->agent, first, n, append_identity, call);
}

static bool chans_part(struct api_call *call, size_t first, size_t n)
{
    return agent_identity_list_part(call->api->agent, first, n, append_chan, call);
}

void api_call_identity_list(struct api_call *call)
{
    api_rows_begin(call, identities_part);
}

void api_call_chan_list(struct api_call *call)
{
    api_rows_begin(call, chans_part);
}

void api_call_identity_show(struct api_call *call)
{
    const char *who = api_require_own(call, "address");
    struct agent_identity_info info;
    struct fault fault = {0};
    if (who == NULL) {
        return;
    }
    if (agent_identity_find(call->api->agent, who, &info, &fault)) {
        api_finish_take(call, identity_to_json(&info));
    } else {
        api_fail(call, &fault);
    }
}

/* ---- made ---- */

/* A whole number that is not negative; false after refusing the call. */
static bool take_number(struct api_call *call, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(call->params, name);
    if (value == NULL) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        api_refuse(call, FAULT_INVALID, "a number is expected");
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

void api_call_identity_new(struct api_call *call)
{
    struct agent_identity_request request = {
        .label = api_param_text(call, "label"),
        .passphrase = api_param_text(call, "passphrase"),
        .is_short = json_is_true(json_object_get(call->params, "short")),
    };
    uint64_t number = 1;
    if (!api_take_account(call, &request.account) ||
        !take_number(call, "version", &request.version) ||
        !take_number(call, "stream", &request.stream) || !take_number(call, "number", &number)) {
        return;
    }
    if (number == 0 || (number > 1 && request.passphrase == NULL)) {
        api_refuse(call, FAULT_INVALID, "a number of addresses is 1 or more, and of a passphrase");
        return;
    }
    request.count = (size_t)number;
    call->extra = json_pack("{s:s}", "label", api_or_empty(request.label));
    call->is_lines = true;
    agent_identity_new(call->api->agent, &request, api_done_with_text(call, "address"));
}

void api_call_chan_join(struct api_call *call)
{
    const char *name = api_require_text(call, "name");
    const char *account = NULL;
    if (name != NULL && api_take_account(call, &account)) {
        agent_chan_join(call->api->agent, account, name, api_param_text(call, "address"),
                        api_param_text(call, "label"), api_done_with_text(call, "address"));
    }
}

/* ---- changed ---- */

void api_call_identity_rename(struct api_call *call)
{
    const char *who = api_require_own(call, "address");
    if (who != NULL) {
        agent_identity_rename(call->api->agent, who, api_or_empty(api_param_text(call, "label")),
                              api_done_with_text(call, "address"));
    }
}

void api_call_identity_enable(struct api_call *call)
{
    const char *who = api_require_own(call, "address");
    if (who != NULL) {
        bool enabled = !json_is_false(json_object_get(call->params, "enabled"));
        agent_identity_enable(call->api->agent, who, enabled, api_done_with_text(call, "address"));
    }
}

/* Difficulties count the network's least, as PyBitmessage's do: 1 is 1000 trials a byte. */
static bool take_terms(struct api_call *call, struct agent_identity_terms *terms)
{
    uint64_t difficulty = 0;
    uint64_t small_difficulty = 0;
    uint64_t ttl = (uint64_t)terms->ttl_sec;
    const json_t *acks = json_object_get(call->params, "acks");
    const json_t *list_name = json_object_get(call->params, "list");
    if (!take_number(call, "difficulty", &difficulty) ||
        !take_number(call, "small_difficulty", &small_difficulty) ||
        !take_number(call, "trials_per_byte", &terms->trials_per_byte) ||
        !take_number(call, "extra_bytes", &terms->extra_bytes) || !take_number(call, "ttl", &ttl)) {
        return false;
    }
    struct pow_demand least = agent_network_least(call->api->agent);
    if (difficulty > AGENT_MAX_DEMAND / least.trials_per_byte ||
        small_difficulty > AGENT_MAX_DEMAND / least.extra_bytes || ttl > INT64_MAX) {
        api_refuse(call, FAULT_LIMIT, "that is too much");
        return false;
    }
    if (difficulty != 0) {
        terms->trials_per_byte = difficulty * least.trials_per_byte;
    }
    if (small_difficulty != 0) {
        terms->extra_bytes = small_difficulty * least.extra_bytes;
    }
    terms->ttl_sec = (int64_t)ttl;
    terms->acks = acks == NULL ? terms->acks : json_is_true(acks);
    if (json_is_string(list_name)) {
        terms->list_name = json_string_value(list_name);
    }
    return true;
}

static void terms_are_set(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    struct agent_identity_info info;
    struct fault why = {0};
    (void)id;
    if (fault != NULL) {
        api_fail(call, fault);
    } else if (agent_identity_find(call->api->agent, text, &info, &why)) {
        api_finish_take(call, identity_to_json(&info));
    } else {
        api_fail(call, &why);
    }
}

void api_call_identity_set(struct api_call *call)
{
    struct agent_identity_info info;
    struct fault fault = {0};
    const char *who = api_require_own(call, "address");
    if (who == NULL) {
        return;
    }
    if (!agent_identity_find(call->api->agent, who, &info, &fault)) {
        api_fail(call, &fault);
        return;
    }
    struct agent_identity_terms terms = {info.trials_per_byte, info.extra_bytes, info.ttl_sec,
                                         info.acks, info.list_name};
    if (take_terms(call, &terms)) {
        agent_identity_set(call->api->agent, who, &terms, (struct agent_done){terms_are_set, call});
    }
}

/* ---- gone ---- */

void api_call_identity_delete(struct api_call *call)
{
    const char *who = api_require_own(call, "address");
    if (who != NULL) {
        agent_identity_delete(call->api->agent, who, api_done_with_text(call, "address"));
    }
}

void api_call_identity_move(struct api_call *call)
{
    const char *who = api_require_own(call, "address");
    const char *account = who == NULL ? NULL : api_require_text(call, "account");
    if (account == NULL) {
        return;
    }
    if (!api_may_see(call, account)) {
        api_refuse(call, FAULT_DENIED, "that is another account");
        return;
    }
    agent_identity_move(call->api->agent, who, account, api_done_with_text(call, "address"));
}

void api_call_chan_leave(struct api_call *call)
{
    const char *who = api_require_own(call, "address");
    if (who != NULL) {
        agent_chan_leave(call->api->agent, who, api_done_with_text(call, "address"));
    }
}
