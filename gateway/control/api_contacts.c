// SPDX-License-Identifier: MIT
/* The address book, subscriptions, and who may write. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/control/api_internal.h"
#include "gateway/control/api_rows.h"
#include "gateway/control/contact_file.h"

/* ---- both lists ---- */

static void append_entry(void *context, const struct agent_entry_info *info)
{
    struct api_call *call = context;
    if (api_may_see(call, info->account)) {
        api_rows_append_take(call,
                             json_pack("{s:s, s:s, s:s, s:b, s:b, s:I}", "address", info->address,
                                       "label", api_or_empty(info->label), "account",
                                       api_or_empty(info->account), "enabled", info->enabled,
                                       "muted", info->muted, "ttl", (json_int_t)info->ttl_sec));
    }
}

static bool contacts_part(struct api_call *call, size_t first, size_t n)
{
    return agent_entry_list_part(call->api->agent, AGENT_CONTACTS, first, n, append_entry, call);
}

static bool subscriptions_part(struct api_call *call, size_t first, size_t n)
{
    return agent_entry_list_part(call->api->agent, AGENT_SUBSCRIPTIONS, first, n, append_entry,
                                 call);
}

typedef void add_entry(struct agent *agent, const char *account, const char *address,
                       const char *label, struct agent_done done);
typedef void remove_entry(struct agent *agent, const char *account, const char *who,
                          struct agent_done done);

static void begin_add(struct api_call *call, add_entry *add)
{
    const char *account = NULL;
    const char *address = api_require_text(call, "address");
    if (address != NULL && api_take_account(call, &account)) {
        add(call->api->agent, account, address, api_or_empty(api_param_text(call, "label")),
            api_done_with_text(call, "address"));
    }
}

static void begin_remove(struct api_call *call, remove_entry *remove)
{
    const char *account = NULL;
    const char *who = api_require_text(call, "address");
    if (who != NULL && api_take_account(call, &account)) {
        remove(call->api->agent, account, who, api_done_with_text(call, "address"));
    }
}

void api_call_contact_list(struct api_call *call)
{
    api_rows_begin(call, contacts_part);
}

void api_call_contact_add(struct api_call *call)
{
    begin_add(call, agent_contact_add);
}

void api_call_contact_remove(struct api_call *call)
{
    begin_remove(call, agent_contact_remove);
}

void api_call_contact_ttl(struct api_call *call)
{
    const char *account = NULL;
    const char *who = api_require_text(call, "address");
    const char *span = who == NULL ? NULL : api_require_text(call, "ttl");
    if (span != NULL && api_take_account(call, &account)) {
        agent_contact_ttl(call->api->agent, account, who, span,
                          api_done_with_text(call, "address"));
    }
}

void api_call_subscription_list(struct api_call *call)
{
    api_rows_begin(call, subscriptions_part);
}

void api_call_subscription_add(struct api_call *call)
{
    begin_add(call, agent_subscribe);
}

void api_call_subscription_remove(struct api_call *call)
{
    begin_remove(call, agent_unsubscribe);
}

void api_call_subscription_mute(struct api_call *call)
{
    const char *account = NULL;
    const char *who = api_require_text(call, "address");
    if (who != NULL && api_take_account(call, &account)) {
        agent_subscription_mute(call->api->agent, account, who,
                                !json_is_false(json_object_get(call->params, "muted")),
                                api_done_with_text(call, "address"));
    }
}

void api_call_name_look_up(struct api_call *call)
{
    const char *name = api_require_text(call, "name");
    if (name != NULL) {
        agent_look_up_name(call->api->agent, name, api_done_with_text(call, "address"));
    }
}

/* ---- files ---- */

struct reading {
    struct agent_contact_entry *entries;
    size_t n_entries;
    size_t capacity;
    struct arena arena;
};

static void add_read(void *context, const char *address, const char *label)
{
    struct reading *reading = context;
    reading->entries = array_grow(reading->entries, reading->n_entries, &reading->capacity,
                                  sizeof(*reading->entries));
    reading->entries[reading->n_entries++] = (struct agent_contact_entry){
        arena_strdup(&reading->arena, address), arena_strdup(&reading->arena, label)};
}

static void imported(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    (void)text;
    if (fault != NULL) {
        api_fail(call, fault);
        return;
    }
    json_t *result = json_incref(call->extra);
    json_object_set_new(result, "new", json_integer((json_int_t)id));
    api_finish_take(call, result);
}

void api_call_contact_import(struct api_call *call)
{
    const char *account = NULL;
    const char *data = api_require_text(call, "data");
    struct reading reading = {0};
    struct fault fault = {0};
    if (data == NULL || !api_take_account(call, &account)) {
        return;
    }
    if (contact_file_read(bytes_of_str(data), add_read, &reading, &fault)) {
        call->extra = json_pack("{s:I}", "read", (json_int_t)reading.n_entries);
        agent_contact_import(call->api->agent, account, reading.entries, reading.n_entries,
                             (struct agent_done){imported, call});
    } else {
        api_fail(call, &fault);
    }
    free(reading.entries);
    arena_clear(&reading.arena);
}

struct writing {
    const struct api_call *call;
    enum contact_form form;
    struct buf out;
};

static void write_contact(void *context, const struct agent_entry_info *info)
{
    struct writing *writing = context;
    if (api_may_see(writing->call, info->account)) {
        contact_file_write(&writing->out, writing->form, info->address, api_or_empty(info->label));
    }
}

void api_call_contact_export(struct api_call *call)
{
    const char *form = api_or_empty(api_param_text(call, "form"));
    struct writing writing = {.call = call,
                              .form = strcmp(form, "csv") == 0 ? CONTACT_CSV : CONTACT_VCARD};
    if (*form != '\0' && strcmp(form, "csv") != 0 && strcmp(form, "vcard") != 0) {
        api_refuse(call, FAULT_INVALID, "a form is vcard or csv");
        return;
    }
    contact_file_begin(&writing.out, writing.form);
    agent_entry_list(call->api->agent, AGENT_CONTACTS, write_contact, &writing);
    api_finish_take(call, json_pack("{s:s}", "data", buf_str(&writing.out)));
    buf_clear(&writing.out);
}

/* ---- who may write ---- */

static const struct {
    const char *name;
    enum agent_rule rule;
} rules[] = {
    {"block", AGENT_RULE_BLOCK},
    {"allow", AGENT_RULE_ALLOW},
    {"none", AGENT_RULE_NONE},
};

void api_call_sender_set(struct api_call *call)
{
    const char *account = NULL;
    const char *who = api_require_text(call, "address");
    const char *rule = who == NULL ? NULL : api_require_text(call, "rule");
    if (rule == NULL || !api_take_account(call, &account)) {
        return;
    }
    const char *chan = NULL;
    if (api_param_text(call, "chan") != NULL) {
        chan = api_require_own(call, "chan");
        if (chan == NULL) {
            return;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strcmp(rule, rules[i].name) == 0) {
            agent_rule_set(call->api->agent, account, chan, who, rules[i].rule,
                           api_done_with_text(call, "address"));
            return;
        }
    }
    api_refuse(call, FAULT_INVALID, "a rule is block, allow or none");
}

struct listing {
    const struct api_call *call;
    json_t *rows;
};

static void append_rule(void *context, const struct agent_rule_info *info)
{
    const struct listing *listing = context;
    if (api_may_see(listing->call, info->account)) {
        json_array_append_new(listing->rows,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule",
                                        info->rule == AGENT_RULE_BLOCK ? "block" : "allow",
                                        "address", info->address, "label",
                                        api_or_empty(info->label), "chan", api_or_empty(info->chan),
                                        "account", api_or_empty(info->account)));
    }
}

void api_call_sender_list(struct api_call *call)
{
    struct listing listing = {call, json_array()};
    struct fault fault = {0};
    if (agent_rule_list(call->api->agent, append_rule, &listing, &fault)) {
        api_finish_take(call, listing.rows);
    } else {
        json_decref(listing.rows);
        api_fail(call, &fault);
    }
}

void api_call_sender_mode(struct api_call *call)
{
    const char *account = NULL;
    const char *mode = api_require_text(call, "mode");
    if (mode == NULL || !api_take_account(call, &account)) {
        return;
    }
    bool allowed_only = strcmp(mode, "allowed") == 0;
    if (!allowed_only && strcmp(mode, "all") != 0) {
        api_refuse(call, FAULT_INVALID, "a mode is all or allowed");
        return;
    }
    agent_account_senders(call->api->agent, account, allowed_only,
                          api_done_with_text(call, "account"));
}
