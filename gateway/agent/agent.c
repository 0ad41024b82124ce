// SPDX-License-Identifier: MIT
#include "gateway/agent/agent.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timer.h"
#include "crypto/pow_kernel.h"
#include "crypto/random.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/handout.h"
#include "gateway/agent/incoming/incoming.h"
#include "gateway/agent/incoming/kept_objects.h"
#include "gateway/agent/incoming/walk.h"
#include "gateway/agent/keys/key_lock.h"
#include "gateway/agent/keys/pubkey_ahead.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/outgoing.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/outgoing/reports.h"
#include "gateway/agent/outgoing/spool.h"
#include "gateway/agent/outgoing/submission.h"
#include "gateway/agent/people/folder_watch.h"
#include "gateway/agent/people/mailing_list.h"
#include "gateway/agent/people/namecoin.h"
#include "gateway/agent/pruning.h"
#include "gateway/agent/work/prepared.h"
#include "gateway/store/store.h"

enum { STATUS_MS = 2000 };

/* ---- what the modules share ---- */

void agent_write(struct agent *agent,
                 bool (*run)(struct mail_txn *txn, void *job, struct fault *fault),
                 void (*done)(void *job, const struct fault *fault), void *job)
{
    struct fault fault = {0};
    if (!store_write(agent->parts.store, run, done, job, &fault)) {
        done(job, &fault);
    }
}

struct db *agent_reader(struct agent *agent)
{
    return store_reader(agent->parts.store);
}

struct pow_demand agent_least(const struct agent *agent)
{
    const struct network_settings *network = &agent->parts.settings->network;
    return (struct pow_demand){network->least_trials_per_byte, network->least_extra_bytes};
}

struct pow_demand agent_network_least(const struct agent *agent)
{
    return agent_least(agent);
}

double agent_trials_per_sec(const struct agent *agent)
{
    return pow_jobs_status(object_jobs_pow(agent->jobs)).trials_per_sec;
}

int64_t agent_jitter_sec(const struct agent *agent)
{
    int64_t most = agent->parts.settings->agent.ttl_jitter_sec;
    return random_between(-most, most);
}

void agent_queue_changed(struct agent *agent)
{
    if (!agent->closing) {
        object_jobs_wake(agent->jobs);
        outgoing_wake(agent->outgoing);
        reports_wake(agent->reports);
        mailing_lists_wake(agent->lists);
        handouts_wake(agent->handouts);
    }
}

void agent_reload_keys(struct agent *agent)
{
    struct fault fault = {0};
    if (!keyring_load(&agent->keyring, agent_reader(agent), key_lock_open_secrets(agent->lock),
                      NULL, &fault)) {
        log_error("agent", "keys not loaded reason=\"%s\"", fault.text);
        return;
    }
    walks_keys_changed(incoming_walks(agent->incoming));
    pubkeys_ahead_wake(agent->ahead);
}

/* ---- the link ---- */

static void on_link_up(void *context, const struct link_epoch *epoch, uint64_t newest)
{
    struct agent *agent = context;
    log_info("agent", "link to the node is up objects=%llu", (unsigned long long)newest);
    walks_link_up(incoming_walks(agent->incoming), epoch);
    object_jobs_link_up(agent->jobs);
    outgoing_wake(agent->outgoing);
    link_client_ask_status(agent->link, NULL);
}

static void on_link_event(void *context, const struct link_gateway_event *event)
{
    struct agent *agent = context;
    switch (event->kind) {
    case LINK_GATEWAY_HELLO:
        break;
    case LINK_GATEWAY_OBJECT:
    case LINK_GATEWAY_CAUGHT_UP:
        incoming_link_event(agent->incoming, event);
        break;
    case LINK_GATEWAY_FOUND:
    case LINK_GATEWAY_FOUND_END:
        pubkeys_link_event(agent->pubkeys, event);
        break;
    case LINK_GATEWAY_PUBLISHED:
        object_jobs_published(agent->jobs, event);
        break;
    case LINK_GATEWAY_STATUS:
        agent->node = event->figures;
        break;
    case LINK_GATEWAY_PEERS:
        agent_peers_heard(agent, event);
        break;
    }
}

static void on_link_lost(void *context)
{
    struct agent *agent = context;
    const struct agent_joiner *joiner = &agent->parts.joiner;
    if (joiner->link_lost != NULL) {
        joiner->link_lost(joiner->context);
    }
}

static void on_link_down(void *context)
{
    struct agent *agent = context;
    agent->node = (struct node_figures){0};
    walks_link_down(incoming_walks(agent->incoming));
    object_jobs_link_down(agent->jobs);
    pubkeys_link_down(agent->pubkeys);
    agent_peers_link_down(agent);
}

static void ask_status(void *context)
{
    struct agent *agent = context;
    if (link_client_is_up(agent->link)) {
        link_client_ask_status(agent->link, NULL);
    }
}

void agent_attach_link(struct agent *agent, int fd)
{
    link_client_attach(agent->link, fd);
}

/* ---- life ---- */

static void on_jobs_changed(void *context)
{
    struct agent *agent = context;
    if (!agent->closing) {
        outgoing_wake(agent->outgoing);
        reports_wake(agent->reports);
    }
}

static void on_job_ended(void *context, int64_t id, const uint8_t *hash, const char *reason)
{
    struct agent *agent = context;
    if (!agent->closing) {
        prepared_ended(agent->prepared, id, hash, reason);
    }
}

static const struct pow_kernel *choose_kernel(const struct settings *settings)
{
    const struct pow_kernel *kernel = NULL;
    if (strcmp(settings->pow.kernel, "auto") != 0) {
        kernel = pow_kernel_by_name(settings->pow.kernel);
        if (kernel == NULL || !kernel->is_supported() || !pow_kernel_self_test(kernel)) {
            log_warn("agent", "[pow] kernel is not to be had here: the best one is taken");
            kernel = NULL;
        }
    }
    if (kernel == NULL) {
        kernel = pow_kernel_best();
    }
    log_info("agent", "pow kernel=%s self-test=%s", kernel->name,
             pow_kernel_self_test(kernel) ? "passed" : "failed");
    return kernel;
}

struct agent *agent_new(const struct agent_parts *parts, struct fault *fault)
{
    struct agent *agent = xcalloc(1, sizeof(*agent));
    agent->parts = *parts;
    agent->kernel = choose_kernel(parts->settings);
    const struct link_client_handler handler = {on_link_up, on_link_event, on_link_down,
                                                on_link_lost, agent};
    agent->link = link_client_new(parts->loop, &handler);
    agent->pubkeys = pubkeys_new(agent);
    agent->prepared = prepared_new(agent);
    list_init(&agent->peers_questions);
    agent->submission = submission_new(agent);
    agent->namecoin = namecoin_new(parts->loop, &parts->settings->namecoin);
    timer_init(&agent->status_timer, parts->loop, ask_status, agent);
    agent->ahead = pubkeys_ahead_new(agent);
    agent->lock = key_lock_new(agent, fault);
    agent->kept = agent->lock != NULL ? kept_objects_new(agent, fault) : NULL;
    bool ok = agent->kept != NULL &&
              keyring_load(&agent->keyring, agent_reader(agent), NULL, NULL, fault) &&
              ack_wait_load(&agent->acks, agent_reader(agent), fault);
    if (ok) {
        agent->incoming = incoming_new(agent, fault);
    }
    if (agent->incoming != NULL) {
        walks_keys_changed(incoming_walks(agent->incoming));
        agent->outgoing = outgoing_new(agent, fault);
    }
    if (agent->outgoing == NULL) {
        agent_stop(agent);
        agent_free(&agent);
        return NULL;
    }
    const struct object_jobs_parts job_parts = {
        .loop = parts->loop,
        .store = parts->store,
        .link = agent->link,
        .pow_pool = parts->pow_pool,
        .kernel = agent->kernel,
        .gpu = parts->gpu,
        .settings = parts->settings,
        .changed = on_jobs_changed,
        .ended = on_job_ended,
        .context = agent,
    };
    agent->jobs = object_jobs_new(&job_parts);
    agent->reports = reports_new(agent);
    agent->pruning = pruning_new(agent);
    agent->lists = mailing_lists_new(agent);
    agent->handouts = handouts_new(agent);
    folder_watch_begin(agent);
    kept_objects_wake(agent->kept);
    timer_arm_periodic(&agent->status_timer, STATUS_MS);
    if (parts->folder != NULL) {
        agent->spool = spool_new(agent, parts->folder);
    }
    return agent;
}

void agent_stop(struct agent *agent)
{
    agent->closing = true;
    link_client_free(&agent->link);
    prepared_stop(agent->prepared);
    agent_peers_stop(agent);
    if (agent->jobs != NULL) {
        object_jobs_stop(agent->jobs);
    }
    if (agent->outgoing != NULL) {
        outgoing_stop(agent->outgoing);
    }
    if (agent->reports != NULL) {
        reports_stop(agent->reports);
    }
    if (agent->handouts != NULL) {
        handouts_stop(agent->handouts);
    }
    if (agent->spool != NULL) {
        spool_stop(agent->spool);
    }
    if (agent->incoming != NULL) {
        incoming_stop(agent->incoming);
    }
    if (agent->lists != NULL) {
        mailing_lists_stop(agent->lists);
    }
    if (agent->lock != NULL) {
        key_lock_stop(agent->lock);
    }
    if (agent->kept != NULL) {
        kept_objects_stop(agent->kept);
    }
    pubkeys_ahead_stop(agent->ahead);
    pruning_free(&agent->pruning);
    timer_cancel(&agent->status_timer);
}

void agent_free(struct agent **agent_in)
{
    struct agent *agent = *agent_in;
    *agent_in = NULL;
    if (agent == NULL) {
        return;
    }
    assert(agent->closing);
    reports_free(&agent->reports);
    mailing_lists_free(&agent->lists);
    object_jobs_free(&agent->jobs);
    outgoing_free(&agent->outgoing);
    incoming_free(&agent->incoming);
    kept_objects_free(&agent->kept);
    key_lock_free(&agent->lock);
    pubkeys_ahead_free(&agent->ahead);
    pubkeys_free(&agent->pubkeys);
    prepared_free(&agent->prepared);
    namecoin_free(&agent->namecoin);
    submission_free(&agent->submission);
    spool_free(&agent->spool);
    handouts_free(&agent->handouts);
    keyring_clear(&agent->keyring);
    ack_wait_clear(&agent->acks);
    arena_clear(&agent->account_names);
    arena_clear(&agent->identity_names);
    mem_wipe(agent->first_password, sizeof(agent->first_password));
    free(agent);
}

void agent_program_ended(struct agent *agent, int64_t id, int exit_code)
{
    if (!agent->closing) {
        handouts_ended(agent->handouts, id, exit_code);
    }
}

/* ---- doors ---- */

const struct smtp_handler *agent_door_handler(struct agent *agent, enum agent_door door)
{
    return submission_handler(agent->submission, door);
}

void agent_set_door_service(struct agent *agent, enum agent_door door, struct smtp_service *service)
{
    submission_set_service(agent->submission, door, service);
}

void agent_set_arrivals(struct agent *agent, const struct agent_arrivals *arrivals)
{
    agent->arrivals = *arrivals;
}

void agent_set_commands(struct agent *agent, const struct agent_commands *commands)
{
    agent->commands = *commands;
}

/* ---- names in Namecoin ---- */

static void name_is_found(void *context, const struct address *found, const struct fault *fault)
{
    struct agent_done done = *(struct agent_done *)context;
    char text[ADDRESS_TEXT_BYTES] = "";
    free(context);
    if (found != NULL) {
        address_encode(text, found);
    }
    done.call(done.context, fault, text, 0);
}

void agent_look_up_name(struct agent *agent, const char *typed, struct agent_done done)
{
    char name[NAMECOIN_NAME_BYTES];
    char typed_name[NAMECOIN_NAME_BYTES + 32];
    (void)snprintf(typed_name, sizeof(typed_name), "%s%s", typed,
                   strchr(typed, '@') == NULL ? "@namecoin." ADDRESS_FORM_DOMAIN : "");
    if (!namecoin_name_of(name, typed_name)) {
        name[0] = '\0';
    }
    namecoin_ask(agent->namecoin, name,
                 (struct namecoin_done){name_is_found, xmemdup(&done, sizeof(done))});
}

/* ---- status ---- */

void agent_status(struct agent *agent, struct agent_status *out)
{
    *out = (struct agent_status){
        .pow = pow_jobs_status(object_jobs_pow(agent->jobs)),
        .n_incoming = incoming_count(agent->incoming),
        .n_received = agent->n_received,
        .n_processed = {agent->n_processed[0], agent->n_processed[1], agent->n_processed[2]},
        .objects_done = walks_cursor(incoming_walks(agent->incoming)),
        .lock = agent_lock_status(agent),
        .link_is_up = link_client_is_up(agent->link),
        .node = agent->node,
    };
    for (size_t i = 0; i < agent->keyring.n_own; i++) {
        const struct own_key *own = &agent->keyring.own[i];
        out->n_chans += own->enabled && own->kind == IDENTITY_CHAN ? 1 : 0;
        out->n_identities += own->enabled && own->kind == IDENTITY_OWN ? 1 : 0;
    }
    struct fault fault = {0};
    if (!outgoing_count(agent_reader(agent), out->queue, &fault)) {
        log_warn("agent", "queue not counted reason=\"%s\"", fault.text);
    }
}
