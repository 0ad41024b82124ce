// SPDX-License-Identifier: MIT
/* One function a call. A handler reads its parameters, asks the agent, and answers: api_finish with
 * what is known at once, or agent_done, whose answer api_call turns into JSON. */
#include "gateway/control/api.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/agent/agent.h"

struct api_call {
    const struct api *api;
    struct api_answer answer; /* .call NULL: abandoned */
    bool is_begun;            /* api_begin has returned: the caller holds the pointer */
    bool is_answered;
    json_t *params;   /* borrowed until api_begin returns */
    const char *key;  /* the name under which an answer's text is given; NULL: none */
    json_t *extra;    /* members of the answer known before; owned */
    int64_t queue_id; /* of a queue call: its row is the answer */
};

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

static void finish_take(struct api_call *call, json_t *result)
{
    answer_with(call, result, NULL);
}

static void fail(struct api_call *call, const struct fault *fault)
{
    answer_with(call, NULL, fault);
}

static void refuse(struct api_call *call, enum fault_code code, const char *words)
{
    struct fault fault = {0};
    fault_set(&fault, code, "%s", words);
    fail(call, &fault);
}

void api_abandon(struct api_call *call)
{
    call->answer.call = NULL;
}

/* ---- Parameters. ---- */

/* The text of a parameter; NULL when it is not there or empty. */
static const char *param_text(const struct api_call *call, const char *name)
{
    const char *text = json_string_value(json_object_get(call->params, name));
    return text != NULL && *text != '\0' ? text : NULL;
}

/* The text of a parameter that must be there; refuses the call and returns NULL when it is not. */
static const char *required_text(struct api_call *call, const char *name)
{
    const char *text = param_text(call, name);
    if (text == NULL) {
        struct fault fault = {0};
        fault_set(&fault, FAULT_INVALID, "the parameter '%s' is missing", name);
        fail(call, &fault);
    }
    return text;
}

static bool required_id(struct api_call *call, int64_t *out)
{
    const json_t *value = json_object_get(call->params, "id");
    if (!json_is_integer(value)) {
        refuse(call, FAULT_INVALID, "the parameter 'id' is missing");
        return false;
    }
    *out = (int64_t)json_integer_value(value);
    return true;
}

/* ---- Answers of the agent. ---- */

static void on_agent_done(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    (void)id;
    if (fault != NULL) {
        fail(call, fault);
        return;
    }
    json_t *result = call->extra != NULL ? json_incref(call->extra) : json_object();
    if (call->key != NULL && *text != '\0') {
        json_object_set_new(result, call->key, json_string(text));
    }
    finish_take(call, result);
}

/* The agent's text becomes the member `key` of the answer. */
static struct agent_done done_with_text(struct api_call *call, const char *key)
{
    call->key = key;
    return (struct agent_done){on_agent_done, call};
}

/* ---- status ---- */

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static const char *colour_of(const struct agent_status *status)
{
    if (status->node_peers_in + status->node_peers_out == 0) {
        return "red";
    }
    return status->node_peers_in != 0 || status->node_was_reached ? "green" : "yellow";
}

static json_t *queue_counts(const struct agent_status *status)
{
    json_t *queue = json_object();
    for (size_t i = 0; i < OUTGOING_N_STATES; i++) {
        json_object_set_new(queue, outgoing_state_name((enum outgoing_state)i),
                            json_integer((json_int_t)status->queue[i]));
    }
    return queue;
}

static json_t *pids_of(const struct control_facts *facts)
{
    return json_pack("{s:i, s:i, s:i, s:[i, i]}", "supervisor", (int)facts->pid_supervisor, "node",
                     (int)facts->pid_node, "gateway", (int)getpid(), "decoder",
                     (int)facts->pid_decoder_network, (int)facts->pid_decoder_owner);
}

static json_t *sandbox_of(const struct control_facts *facts)
{
    struct buf text = {0};
    buf_printf(&text, "gateway: %s; node: %s; decoder: %s", or_empty(facts->sandbox),
               or_empty(facts->sandbox_node), or_empty(facts->sandbox_decoder));
    json_t *result = json_string(buf_str(&text));
    buf_clear(&text);
    return result;
}

static void call_status(struct api_call *call)
{
    const struct control_facts *facts = call->api->facts;
    struct agent_status status;
    agent_status(call->api->agent, &status);
    json_t *node = json_pack("{s:i, s:i, s:i, s:I, s:b, s:b}", "port", (int)status.node_port,
                             "peers_in", (int)status.node_peers_in, "peers_out",
                             (int)status.node_peers_out, "objects", (json_int_t)status.node_objects,
                             "syncing", status.node_is_syncing, "connected", status.link_is_up);
    json_t *pow =
        json_pack("{s:s, s:f, s:I}", "kernel", or_empty(status.pow_kernel), "trials_per_second",
                  status.pow_trials_per_sec, "jobs", (json_int_t)status.pow_jobs);
    json_t *result = json_pack(
        "{s:s, s:b, s:s, s:o, s:{s:i, s:i}, s:{s:i, s:i}, s:{s:i}, s:o, s:o, s:o, s:o}", "version",
        BITTERN_VERSION, "ready", facts->ready, "colour", colour_of(&status), "node", node, "imap",
        "port", (int)facts->imap_port, "tls_port", (int)facts->imap_tls_port, "smtp", "port",
        (int)facts->smtp_port, "tls_port", (int)facts->smtp_tls_port, "http", "port",
        (int)facts->http_port, "queue", queue_counts(&status), "pow", pow, "sandbox",
        sandbox_of(facts), "pids", pids_of(facts));
    json_object_set_new(result, "incoming",
                        json_pack("{s:I, s:I, s:I}", "waiting", (json_int_t)status.n_incoming,
                                  "received", (json_int_t)status.n_received, "objects_done",
                                  (json_int_t)status.objects_done));
    json_object_set_new(result, "identities", json_integer((json_int_t)status.n_identities));
    finish_take(call, result);
}

/* ---- identities ---- */

static json_t *identity_to_json(const struct agent_identity_info *info)
{
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "address", info->address, "label",
                            or_empty(info->label), "account", or_empty(info->account), "kind",
                            info->kind == IDENTITY_CHAN ? "chan" : "identity", "mail_address", "",
                            "enabled", info->enabled);
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

static void call_identity_new(struct api_call *call)
{
    const struct agent_identity_request request = {
        .account = param_text(call, "account"),
        .label = param_text(call, "label"),
        .passphrase = param_text(call, "passphrase"),
        .version = (uint64_t)json_integer_value(json_object_get(call->params, "version")),
        .stream = (uint64_t)json_integer_value(json_object_get(call->params, "stream")),
        .is_short = json_is_true(json_object_get(call->params, "short")),
    };
    call->extra = json_pack("{s:s}", "label", or_empty(request.label));
    agent_identity_new(call->api->agent, &request, done_with_text(call, "address"));
}

static void call_identity_list(struct api_call *call)
{
    json_t *rows = json_array();
    agent_identity_list(call->api->agent, append_identity, rows);
    finish_take(call, rows);
}

static void call_identity_show(struct api_call *call)
{
    const char *who = required_text(call, "address");
    if (who == NULL) {
        return;
    }
    struct agent_identity_info info;
    struct fault fault = {0};
    if (agent_identity_find(call->api->agent, who, &info, &fault)) {
        finish_take(call, identity_to_json(&info));
    } else {
        fail(call, &fault);
    }
}

/* Calls that change an identity or a chan found by address or label. */
static void call_identity_rename(struct api_call *call)
{
    const char *who = required_text(call, "address");
    if (who != NULL) {
        agent_identity_rename(call->api->agent, who, or_empty(param_text(call, "label")),
                              done_with_text(call, "address"));
    }
}

static void call_identity_enable(struct api_call *call)
{
    const char *who = required_text(call, "address");
    if (who != NULL) {
        bool enabled = !json_is_false(json_object_get(call->params, "enabled"));
        agent_identity_enable(call->api->agent, who, enabled, done_with_text(call, "address"));
    }
}

static void call_chan_join(struct api_call *call)
{
    const char *name = required_text(call, "name");
    if (name != NULL) {
        agent_chan_join(call->api->agent, param_text(call, "account"), name,
                        param_text(call, "address"), param_text(call, "label"),
                        done_with_text(call, "address"));
    }
}

static void call_chan_leave(struct api_call *call)
{
    const char *who = required_text(call, "address");
    if (who != NULL) {
        agent_chan_leave(call->api->agent, who, done_with_text(call, "address"));
    }
}

/* ---- contacts and subscriptions ---- */

static void append_entry(void *context, const struct agent_entry_info *info)
{
    json_array_append_new(context, json_pack("{s:s, s:s, s:s, s:b}", "address", info->address,
                                             "label", or_empty(info->label), "account",
                                             or_empty(info->account), "enabled", info->enabled));
}

static void list_entries(struct api_call *call, enum agent_entry_kind kind)
{
    json_t *rows = json_array();
    agent_entry_list(call->api->agent, kind, append_entry, rows);
    finish_take(call, rows);
}

static void call_contact_list(struct api_call *call)
{
    list_entries(call, AGENT_CONTACTS);
}

static void call_subscription_list(struct api_call *call)
{
    list_entries(call, AGENT_SUBSCRIPTIONS);
}

typedef void add_entry(struct agent *agent, const char *account, const char *address,
                       const char *label, struct agent_done done);
typedef void remove_entry(struct agent *agent, const char *account, const char *who,
                          struct agent_done done);

static void begin_add(struct api_call *call, add_entry *add)
{
    const char *address = required_text(call, "address");
    if (address != NULL) {
        add(call->api->agent, param_text(call, "account"), address,
            or_empty(param_text(call, "label")), done_with_text(call, "address"));
    }
}

static void begin_remove(struct api_call *call, remove_entry *remove)
{
    const char *who = required_text(call, "address");
    if (who != NULL) {
        remove(call->api->agent, param_text(call, "account"), who, done_with_text(call, "address"));
    }
}

static void call_contact_add(struct api_call *call)
{
    begin_add(call, agent_contact_add);
}

static void call_contact_remove(struct api_call *call)
{
    begin_remove(call, agent_contact_remove);
}

static void call_subscription_add(struct api_call *call)
{
    begin_add(call, agent_subscribe);
}

static void call_subscription_remove(struct api_call *call)
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
    const char *name = required_text(call, "name");
    if (name == NULL) {
        return;
    }
    call->extra = json_pack("{s:s}", "name", name);
    set(call->api->agent, name, param_text(call, "password"), done_with_text(call, "password"));
}

static void call_account_new(struct api_call *call)
{
    account_call(call, account_new_with_welcome);
}

static void call_account_passwd(struct api_call *call)
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

static void call_account_list(struct api_call *call)
{
    json_t *rows = json_array();
    agent_account_list(call->api->agent, append_account, rows);
    finish_take(call, rows);
}

/* ---- the queue ---- */

static json_t *queue_row_to_json(const struct agent_queue_info *info)
{
    json_t *row = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)info->id,
                            "mail", (json_int_t)info->mail_id, "state",
                            outgoing_state_name(info->state), "from", or_empty(info->sender), "to",
                            or_empty(info->recipient), "subject", or_empty(info->subject),
                            "account", or_empty(info->account), "reason", or_empty(info->reason));
    json_object_set_new(row, "accepted", json_integer((json_int_t)info->accepted_sec));
    json_object_set_new(row, "since", json_integer((json_int_t)info->since_sec));
    json_object_set_new(row, "next", json_integer((json_int_t)info->next_sec));
    json_object_set_new(row, "tries", json_integer((json_int_t)info->tries));
    if (info->progress >= 0) {
        json_object_set_new(
            row, "progress",
            json_sprintf("%.0f %%, about %.0f s", info->progress * 100, info->estimate_sec));
        json_object_set_new(row, "estimate", json_real(info->estimate_sec));
    }
    return row;
}

static void append_queue_row(void *context, const struct agent_queue_info *info)
{
    json_array_append_new(context, queue_row_to_json(info));
}

static void call_queue_list(struct api_call *call)
{
    json_t *rows = json_array();
    struct fault fault = {0};
    bool current_alone = json_is_true(json_object_get(call->params, "current"));
    if (agent_queue_list(call->api->agent, !current_alone, 0, append_queue_row, rows, &fault)) {
        finish_take(call, rows);
    } else {
        json_decref(rows);
        fail(call, &fault);
    }
}

static void show_queue_row(struct api_call *call, int64_t id)
{
    json_t *rows = json_array();
    struct fault fault = {0};
    if (agent_queue_show(call->api->agent, id, append_queue_row, rows, &fault)) {
        finish_take(call, json_incref(json_array_get(rows, 0)));
    } else {
        fail(call, &fault);
    }
    json_decref(rows);
}

static void call_queue_show(struct api_call *call)
{
    int64_t id;
    if (required_id(call, &id)) {
        show_queue_row(call, id);
    }
}

static void on_queue_changed(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    (void)text;
    (void)id;
    if (fault != NULL) {
        fail(call, fault);
    } else {
        show_queue_row(call, call->queue_id);
    }
}

static void call_queue_retry(struct api_call *call)
{
    if (required_id(call, &call->queue_id)) {
        agent_queue_retry(call->api->agent, call->queue_id,
                          json_is_true(json_object_get(call->params, "force")),
                          (struct agent_done){on_queue_changed, call});
    }
}

static void call_queue_cancel(struct api_call *call)
{
    if (required_id(call, &call->queue_id)) {
        agent_queue_cancel(call->api->agent, call->queue_id,
                           (struct agent_done){on_queue_changed, call});
    }
}

/* ---- setting a mail program up ---- */

struct setup_choice {
    const char *account;
    const char *address;
    const char *label;
};

static void choose_account(void *context, const struct agent_account_info *info)
{
    struct setup_choice *choice = context;
    if (choice->account == NULL) {
        choice->account = info->name;
    }
}

/* The first identity of that account. */
static void choose_identity(void *context, const struct agent_identity_info *info)
{
    struct setup_choice *choice = context;
    if (choice->address == NULL && info->kind == IDENTITY_OWN && info->enabled) {
        choice->address = info->address;
        choice->label = info->label;
    }
}

static void call_setup_info(struct api_call *call)
{
    const struct control_facts *facts = call->api->facts;
    struct setup_choice choice = {0};
    agent_account_list(call->api->agent, choose_account, &choice);
    agent_identity_list(call->api->agent, choose_identity, &choice);
    json_t *result = json_pack(
        "{s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s}", "home", or_empty(facts->home), "host",
        or_empty(facts->host), "imap_port", (int)facts->imap_port, "imap_tls_port",
        (int)facts->imap_tls_port, "smtp_port", (int)facts->smtp_port, "smtp_tls_port",
        (int)facts->smtp_tls_port, "fingerprint", or_empty(facts->fingerprint), "account",
        or_empty(choice.account), "label", or_empty(choice.label));
    json_object_set_new(result, "address",
                        choice.address != NULL ? json_sprintf("%s@bm.alt", choice.address)
                                               : json_string(""));
    finish_take(call, result);
}

static void call_setup_first_password(struct api_call *call)
{
    char password[128] = "";
    bool there = agent_take_first_password(call->api->agent, password, sizeof password);
    json_t *result = json_object();
    if (there) {
        json_object_set_new(result, "password", json_string(password));
    }
    mem_wipe(password, sizeof password);
    finish_take(call, result);
}

/* ---- a mail from sendmail ---- */

static bool decode_mail(struct api_call *call, struct buf *out)
{
    const char *data = required_text(call, "data");
    if (data == NULL) {
        return false;
    }
    if (!base64_decode(out, bytes_of_str(data))) {
        refuse(call, FAULT_INVALID, "the parameter 'data' is not base64");
        return false;
    }
    return true;
}

static void call_mail_submit(struct api_call *call)
{
    struct buf mail = {0};
    if (!decode_mail(call, &mail)) {
        return;
    }
    const json_t *list = json_object_get(call->params, "recipients");
    size_t n_listed = json_array_size(list);
    const char **recipients = xcalloc(n_listed + 1, sizeof *recipients);
    size_t n_recipients = 0;
    for (size_t i = 0; i < n_listed; i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one != NULL) {
            recipients[n_recipients++] = one;
        }
    }
    const struct agent_submission submission = {
        .account = param_text(call, "account"),
        .sender = param_text(call, "sender"),
        .recipients = recipients,
        .n_recipients = n_recipients,
        .recipients_of_mail = json_is_true(json_object_get(call->params, "recipients_of_mail")),
        .mail = buf_view(&mail),
    };
    agent_submit(call->api->agent, &submission, done_with_text(call, "message"));
    free(recipients);
    buf_clear(&mail);
}

/* ---- The table. ---- */

static const struct {
    const char *name;
    void (*begin)(struct api_call *call);
} calls[] = {
    {"status", call_status},
    {"identity.new", call_identity_new},
    {"identity.list", call_identity_list},
    {"identity.show", call_identity_show},
    {"identity.rename", call_identity_rename},
    {"identity.enable", call_identity_enable},
    {"chan.join", call_chan_join},
    {"chan.leave", call_chan_leave},
    {"contact.add", call_contact_add},
    {"contact.list", call_contact_list},
    {"contact.remove", call_contact_remove},
    {"subscription.add", call_subscription_add},
    {"subscription.list", call_subscription_list},
    {"subscription.remove", call_subscription_remove},
    {"account.new", call_account_new},
    {"account.list", call_account_list},
    {"account.passwd", call_account_passwd},
    {"queue.list", call_queue_list},
    {"queue.show", call_queue_show},
    {"queue.retry", call_queue_retry},
    {"queue.cancel", call_queue_cancel},
    {"mail.submit", call_mail_submit},
    {"setup.info", call_setup_info},
    {"setup.first_password", call_setup_first_password},
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
    fail(call, &fault);
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
