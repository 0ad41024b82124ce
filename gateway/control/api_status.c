// SPDX-License-Identifier: MIT
/* What is: the state of everything, and how a mail program is set up. */
#include "gateway/control/api_internal.h"

#include <math.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/agent/agent.h"

/* ---- status ---- */

/* The node's figures under their own names, and whether it answers. */
static json_t *node_of(const struct agent_status *status)
{
    struct buf text = {0};
    node_figures_json(&text, &status->node);
    json_t *node = json_loads(buf_str(&text), 0, NULL);
    buf_clear(&text);
    json_object_set_new(node, "connected", json_boolean(status->link_is_up));
    return node;
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

/* ---- proof of work ---- */

json_t *api_seconds(double value)
{
    return value >= 0 && isfinite(value) ? json_real(value) : json_null();
}

json_t *api_pow_progress(const struct pow_progress *progress)
{
    return json_pack("{s:f, s:f, s:o, s:o}", "trials", progress->trials, "chance", progress->chance,
                     "left", api_seconds(progress->left_sec), "left_p95",
                     api_seconds(progress->left_p95_sec));
}

/* "63 %; 4 s more on average, 12 s in 19 of 20 cases" */
json_t *api_pow_words(const struct pow_progress *progress)
{
    if (progress->left_sec < 0) {
        return json_sprintf("%.0f %%", progress->chance * 100);
    }
    return json_sprintf("%.0f %%; %.0f s more on average, %.0f s in 19 of 20 cases",
                        progress->chance * 100, progress->left_sec, progress->left_p95_sec);
}

static json_t *gpu_of(const struct pow_gpu_status *gpu)
{
    return json_pack("{s:s, s:s, s:s, s:f}", "state", pow_gpu_state_name(gpu->state), "device",
                     gpu->device, "reason", gpu->reason, "trials_per_second", gpu->trials_per_sec);
}

static json_t *pow_of(const struct pow_jobs_status *pow)
{
    json_t *result = json_pack("{s:s, s:i, s:f, s:I, s:o}", "kernel", pow->kernel, "threads",
                               (int)pow->n_threads, "trials_per_second", pow->trials_per_sec,
                               "jobs", (json_int_t)pow->n_jobs, "gpu", gpu_of(&pow->gpu));
    if (pow->n_jobs > 0) {
        json_object_set_new(result, "next", api_pow_progress(&pow->next));
        json_object_set_new(result, "left", api_seconds(pow->left_sec));
    }
    return result;
}

static json_t *pids_of(const struct control_facts *facts)
{
    return json_pack("{s:i, s:i, s:i, s:[i, i], s:i}", "supervisor", (int)facts->pid_supervisor,
                     "node", (int)facts->pid_node, "gateway", (int)getpid(), "decoder",
                     (int)facts->pid_decoder_network, (int)facts->pid_decoder_owner, "gpu",
                     (int)facts->pid_gpu);
}

static json_t *sandbox_of(const struct control_facts *facts)
{
    struct buf text = {0};
    buf_printf(&text, "gateway: %s; node: %s; decoder: %s", api_or_empty(facts->sandbox),
               api_or_empty(facts->sandbox_node), api_or_empty(facts->sandbox_decoder));
    json_t *result = json_string(buf_str(&text));
    buf_clear(&text);
    return result;
}

void api_call_status(struct api_call *call)
{
    const struct control_facts *facts = call->api->facts;
    struct agent_status status;
    agent_status(call->api->agent, &status);
    json_t *result =
        json_pack("{s:s, s:b, s:s, s:o, s:{s:i, s:i}, s:{s:i, s:i}, s:{s:i}, s:o, s:o, s:o, s:o}",
                  "version", BITTERN_VERSION, "ready", facts->ready, "colour",
                  node_colour_name(status.node.values[FIGURE_COLOUR]), "node", node_of(&status),
                  "imap", "port", (int)facts->imap_port, "tls_port", (int)facts->imap_tls_port,
                  "smtp", "port", (int)facts->smtp_port, "tls_port", (int)facts->smtp_tls_port,
                  "http", "port", (int)facts->http_port, "queue", queue_counts(&status), "pow",
                  pow_of(&status.pow), "sandbox", sandbox_of(facts), "pids", pids_of(facts));
    json_object_set_new(result, "incoming",
                        json_pack("{s:I, s:I, s:I}", "waiting", (json_int_t)status.n_incoming,
                                  "received", (json_int_t)status.n_received, "objects_done",
                                  (json_int_t)status.objects_done));
    json_object_set_new(result, "api", json_pack("{s:i}", "port", (int)facts->api_port));
    json_object_set_new(result, "lmtp", json_pack("{s:i}", "port", (int)facts->lmtp_port));
    json_object_set_new(result, "lock", api_lock_of(&status.lock));
    json_object_set_new(result, "identities", json_integer((json_int_t)status.n_identities));
    api_finish_take(call, result);
}

/* ---- setting a mail program up ---- */

struct setup_choice {
    const struct api_call *call;
    const char *account;
    const char *address;
    const char *label;
};

static void choose_account(void *context, const struct agent_account_info *info)
{
    struct setup_choice *choice = context;
    if (choice->account == NULL && api_may_see(choice->call, info->name)) {
        choice->account = info->name;
    }
}

/* The first identity of that account. */
static void choose_identity(void *context, const struct agent_identity_info *info)
{
    struct setup_choice *choice = context;
    if (choice->address == NULL && info->kind == IDENTITY_OWN && info->enabled &&
        api_may_see(choice->call, info->account)) {
        choice->address = info->address;
        choice->label = info->label;
    }
}

void api_call_setup_info(struct api_call *call)
{
    const struct control_facts *facts = call->api->facts;
    struct setup_choice choice = {.call = call};
    agent_account_list(call->api->agent, choose_account, &choice);
    agent_identity_list(call->api->agent, choose_identity, &choice);
    json_t *result = json_pack(
        "{s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s}", "home", api_or_empty(facts->home), "host",
        api_or_empty(facts->host), "imap_port", (int)facts->imap_port, "imap_tls_port",
        (int)facts->imap_tls_port, "smtp_port", (int)facts->smtp_port, "smtp_tls_port",
        (int)facts->smtp_tls_port, "fingerprint", api_or_empty(facts->fingerprint), "account",
        api_or_empty(choice.account), "label", api_or_empty(choice.label));
    json_object_set_new(result, "page",
                        facts->has_page ? json_sprintf("http://%s:%u/", api_or_empty(facts->host),
                                                       (unsigned)facts->http_port)
                                        : json_string(""));
    json_object_set_new(result, "address",
                        choice.address != NULL ? json_sprintf("%s@bm.alt", choice.address)
                                               : json_string(""));
    api_finish_take(call, result);
}

void api_call_setup_first_password(struct api_call *call)
{
    char password[128] = "";
    bool there = agent_take_first_password(call->api->agent, password, sizeof password);
    json_t *result = json_object();
    if (there) {
        json_object_set_new(result, "password", json_string(password));
    }
    mem_wipe(password, sizeof password);
    api_finish_take(call, result);
}
