// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/incoming_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/timer.h"
#include "crypto/random.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival_plan.h"
#include "gateway/agent/incoming/kept_objects.h"
#include "gateway/agent/incoming/walk.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/mail_txn.h"

enum { RETRY_MS = 1000 };

static void retry_all(void *context);
static void commit(struct arrival *arrival);
static void begin_decoding(struct arrival *arrival);

struct incoming *incoming_new(struct agent *agent, struct fault *fault)
{
    struct walks *walks = walks_new(agent, fault);
    if (walks == NULL) {
        (void)fault_wrap(fault, "read how far the node's objects are done");
        return NULL;
    }
    struct incoming *incoming = xcalloc(1, sizeof(*incoming));
    incoming->agent = agent;
    incoming->walks = walks;
    timer_init(&incoming->retry, agent->parts.loop, retry_all, incoming);
    return incoming;
}

void incoming_stop(struct incoming *incoming)
{
    walks_stop(incoming->walks);
    timer_cancel(&incoming->retry);
}

void incoming_free(struct incoming **incoming_in)
{
    struct incoming *incoming = *incoming_in;
    *incoming_in = NULL;
    if (incoming == NULL) {
        return;
    }
    walks_free(&incoming->walks);
    free(incoming);
}

struct walks *incoming_walks(struct incoming *incoming)
{
    return incoming->walks;
}

size_t incoming_count(const struct incoming *incoming)
{
    return incoming->n_open;
}

void incoming_arrival_done(struct arrival *arrival)
{
    struct incoming *incoming = arrival->incoming;
    link_client_done(incoming->agent->link, arrival->generation, arrival->bytes_len);
    if (arrival->kept_id != 0) {
        kept_objects_tried(incoming->agent->kept, arrival);
    }
    arrival_clear(arrival);
    incoming->n_open--;
    walks_arrival_done(incoming->walks, arrival);
}

/* ---- when mail.db refuses ---- */

/* A full disk, a busy writer: nothing is lost, it is only done again later. The link's window keeps
 * what waits bounded. */
void incoming_retry_later(struct arrival *arrival, void (*retry)(struct arrival *arrival),
                          const struct fault *fault)
{
    log_error("agent", "what arrived is not stored yet reason=\"%s\"", fault->text);
    arrival->retry = retry;
    if (!timer_is_armed(&arrival->incoming->retry)) {
        timer_arm(&arrival->incoming->retry, RETRY_MS);
    }
}

static void retry_one(struct arrival *arrival)
{
    void (*retry)(struct arrival *) = arrival->retry;
    if (retry != NULL) {
        arrival->retry = NULL;
        retry(arrival);
    }
}

static void retry_all(void *context)
{
    struct incoming *incoming = context;
    walks_each_open(incoming->walks, retry_one);
}

/* ---- storing ---- */

struct commit_job {
    struct arrival_commit commit;
    struct agent *agent;
};

static bool run_commit(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct commit_job *commit = job;
    return arrival_write(txn, &commit->commit, fault);
}

static void tell(struct agent *agent, const struct arrival *arrival)
{
    for (size_t i = 0; i < arrival->n_deliveries; i++) {
        if (agent->arrivals.arrived != NULL && !arrival->is_blocked &&
            arrival->deliveries[i].is_stored) {
            agent->arrivals.arrived(agent->arrivals.context, arrival->deliveries[i].account_id,
                                    arrival->kind == ARRIVED_BROADCAST);
        }
    }
}

static void commit_done(void *job, const struct fault *fault)
{
    struct commit_job *ended = job;
    struct agent *agent = ended->agent;
    struct arrival *arrival = ended->commit.arrival;
    if (!agent->closing && fault != NULL) {
        incoming_retry_later(arrival, commit, fault);
    } else if (!agent->closing) {
        agent->n_received += ended->commit.n_stored;
        log_info("agent", "message stored copies=%zu", ended->commit.n_stored);
        tell(agent, arrival);
        incoming_arrival_done(arrival);
        agent_queue_changed(agent);
    }
    free(ended);
}

static void commit(struct arrival *arrival)
{
    struct incoming *incoming = arrival->incoming;
    struct agent *agent = incoming->agent;
    struct commit_job *job = xcalloc(1, sizeof(*job));
    int64_t delay_sec = agent->parts.settings->agent.ack_delay_sec;
    job->agent = agent;
    job->commit.arrival = arrival;
    job->commit.settings = &agent->parts.settings->mail;
    job->commit.has_mark = walk_mark_with(arrival, &job->commit.mark);
    job->commit.ack_due_sec = clock_now_sec() + random_between(0, delay_sec);
    agent_write(agent, run_commit, commit_done, job);
}

/* ---- from content to a mail ---- */

static void analyse_next(struct arrival *arrival);

static void analysed(void *context, struct decoder_answer *answer)
{
    struct arrival *arrival = context;
    if (arrival->incoming->agent->closing || answer->outcome == DECODER_CLOSED) {
        decoder_answer_free(&answer);
        return;
    }
    arrival->deliveries[arrival->n_analysed++].analysis = answer;
    analyse_next(arrival);
}

static void analyse_next(struct arrival *arrival)
{
    struct agent *agent = arrival->incoming->agent;
    if (arrival->n_analysed == arrival->n_deliveries) {
        commit(arrival);
        return;
    }
    struct delivery *delivery = &arrival->deliveries[arrival->n_analysed];
    (void)decoder_client_analyse(agent->parts.network_decoder, buf_view(&delivery->mail),
                                 arrival->arrived_sec, (struct decoder_done){analysed, arrival});
}

static void make_mails(struct arrival *arrival, const char *notice)
{
    struct agent *agent = arrival->incoming->agent;
    arrival_plan_mails(arrival, &agent->keyring, agent_reader(agent), notice);
    analyse_next(arrival);
}

static void decoded(void *context, struct decoder_answer *answer)
{
    struct arrival *arrival = context;
    char notice[FAULT_TEXT_BYTES + 100];
    if (arrival->incoming->agent->closing || answer->outcome == DECODER_CLOSED) {
        decoder_answer_free(&answer);
        return;
    }
    bool ok = answer->outcome == DECODER_DONE;
    (void)snprintf(notice, sizeof(notice),
                   "This message came in a form that Bittern cannot read (%s). Its bytes are "
                   "attached.",
                   ok ? "" : answer->fault.text);
    arrival->content = answer;
    make_mails(arrival, ok ? NULL : notice);
}

struct try_job {
    struct arrival *arrival;
    struct agent *agent;
    uint32_t tries;
};

static bool run_try(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct try_job *try = job;
    return arrival_count_try(mail_txn_db(txn), &try->tries, try->arrival->hash, fault);
}

static void try_done(void *job, const struct fault *fault)
{
    struct try_job *try = job;
    struct arrival *arrival = try->arrival;
    struct agent *agent = try->agent;
    uint32_t tries = try->tries;
    free(try);
    if (agent->closing) {
        return;
    }
    if (fault != NULL) {
        incoming_retry_later(arrival, begin_decoding, fault);
    } else if (tries > ARRIVAL_MAX_TRIES) {
        make_mails(arrival, "Taking this message apart failed several times. Its bytes are "
                            "attached.");
    } else {
        (void)decoder_client_decode(agent->parts.network_decoder, arrival->trial.encoding,
                                    buf_view(&arrival->trial.message),
                                    (struct decoder_done){decoded, arrival});
    }
}

static void begin_decoding(struct arrival *arrival)
{
    struct try_job *try = xcalloc(1, sizeof(*try));
    try->arrival = arrival;
    try->agent = arrival->incoming->agent;
    agent_write(try->agent, run_try, try_done, try);
}

/* ---- trial decryption ---- */

static void judge(struct arrival *arrival)
{
    struct agent *agent = arrival->incoming->agent;
    switch (arrival_plan(arrival, &agent->keyring, agent_reader(agent), agent->parts.settings)) {
    case ARRIVAL_DELIVER:
        begin_decoding(arrival);
        break;
    case ARRIVAL_NOTE_ONLY:
        commit(arrival);
        break;
    case ARRIVAL_DROP:
        incoming_arrival_done(arrival);
        break;
    }
}

static void keep(struct arrival *arrival);

static void kept(struct arrival *arrival, const struct fault *fault)
{
    if (fault != NULL) {
        incoming_retry_later(arrival, keep, fault);
    } else {
        incoming_arrival_done(arrival);
    }
}

static void keep(struct arrival *arrival)
{
    kept_objects_keep(arrival->incoming->agent->kept, arrival, kept);
}

/* Nobody's, unless it is for a key that is locked. */
static void not_opened(struct arrival *arrival)
{
    if (arrival->object.type == OBJECT_MSG && !arrival->has_all_keys && arrival->kept_id == 0) {
        keep(arrival);
    } else {
        incoming_arrival_done(arrival);
    }
}

static void run_trial(void *job, const struct pool_token *token)
{
    (void)token;
    struct arrival *arrival = job;
    trial_run(&arrival->trial);
}

static void trial_done(void *job, bool was_cancelled)
{
    struct arrival *arrival = job;
    if (arrival->incoming->agent->closing || was_cancelled) {
        return;
    }
    if (arrival->trial.opened) {
        judge(arrival);
    } else {
        not_opened(arrival);
    }
}

static void start_trial(struct arrival *arrival)
{
    struct agent *agent = arrival->incoming->agent;
    arrival->trial.object = (struct bytes){arrival->bytes, arrival->bytes_len};
    struct fault fault = {0};
    if (pool_submit(agent->parts.pool, POOL_NORMAL, run_trial, trial_done, arrival, &fault) == 0) {
        incoming_retry_later(arrival, start_trial, &fault);
    }
}

/* What to try on it: everything on the live walk, one key on its own. False: nothing. */
static bool choose_keys(struct arrival *arrival)
{
    const struct keyring *keyring = &arrival->incoming->agent->keyring;
    struct trial *trial = &arrival->trial;
    bool is_msg = arrival->object.type == OBJECT_MSG;
    bool is_of_walk = arrival->kept_id == 0 && !walk_is_live(arrival->walk);
    arrival->has_all_keys = is_of_walk || keyring->n_undecrypted == 0;
    if (is_of_walk) {
        const struct address *sender = walk_sender(arrival->walk);
        if (is_msg) {
            trial->keys = walk_keys(arrival->walk);
        } else if (sender != NULL) {
            trial->senders = xmemdup(sender, sizeof(*sender));
            trial->n_senders = 1;
        }
    } else if (is_msg) {
        trial->keys = keyring_key_set(keyring);
    } else {
        trial->n_senders = arrival_plan_senders(&trial->senders, keyring, &arrival->object);
    }
    return (trial->keys != NULL && trial->keys->n_keys > 0) || trial->n_senders > 0;
}

static void try_keys(struct arrival *arrival)
{
    if (choose_keys(arrival)) {
        start_trial(arrival);
    } else {
        not_opened(arrival);
    }
}

/* ---- by type ---- */

static void count(struct agent *agent, uint32_t type)
{
    static const uint32_t types[AGENT_N_PROCESSED] = {[AGENT_MSGS] = OBJECT_MSG,
                                                      [AGENT_BROADCASTS] = OBJECT_BROADCAST,
                                                      [AGENT_PUBKEYS] = OBJECT_PUBKEY};
    for (size_t i = 0; i < AGENT_N_PROCESSED; i++) {
        agent->n_processed[i] += types[i] == type ? 1 : 0;
    }
}

static void dispatch(struct arrival *arrival)
{
    struct agent *agent = arrival->incoming->agent;
    const struct object *object = &arrival->object;
    bool is_live = walk_is_live(arrival->walk);
    if (is_live) {
        count(agent, object->type);
    }
    int64_t acknowledged = is_live ? ack_wait_find(&agent->acks, object) : 0;
    struct sender sender;
    if (acknowledged != 0) {
        incoming_write_note(arrival, NOTE_ACKNOWLEDGED, acknowledged, NULL);
    } else if (!object_is_processable(object)) {
        incoming_arrival_done(arrival);
    } else if (object->type == OBJECT_GETPUBKEY && is_live) {
        pubkeys_answer(agent->pubkeys, object);
        incoming_arrival_done(arrival);
    } else if (object->type == OBJECT_PUBKEY && is_live &&
               pubkeys_open_object(agent->pubkeys, &sender, object)) {
        incoming_write_note(arrival, NOTE_PUBKEY, 0, &sender);
    } else if (object->type == OBJECT_MSG || object->type == OBJECT_BROADCAST) {
        try_keys(arrival);
    } else {
        incoming_arrival_done(arrival);
    }
}

static struct arrival *arrival_new(struct incoming *incoming, struct bytes object,
                                   int64_t arrived_sec)
{
    struct arrival *arrival = xcalloc(1, sizeof(*arrival));
    arrival->incoming = incoming;
    arrival->bytes = xmemdup(object.data, object.len);
    arrival->bytes_len = object.len;
    arrival->arrived_sec = arrived_sec;
    incoming->n_open++;
    return arrival;
}

static void take_object(struct incoming *incoming, const struct link_gateway_event *event)
{
    struct link_client *link = incoming->agent->link;
    struct walk *walk = walks_find(incoming->walks, event->scan, event->number);
    if (walk == NULL) {
        link_client_done(link, link_client_generation(link), event->object.len);
        return;
    }
    struct arrival *arrival = arrival_new(incoming, event->object, clock_now_sec());
    arrival->number = event->number;
    arrival->generation = link_client_generation(link);
    walk_take(walk, arrival);

    struct bytes whole = {arrival->bytes, arrival->bytes_len};
    if (!object_parse(&arrival->object, whole, NULL) ||
        object_is_expired(&arrival->object, arrival->arrived_sec)) {
        incoming_arrival_done(arrival);
        return;
    }
    object_hash(arrival->hash, whole);
    dispatch(arrival);
}

void incoming_take_kept(struct incoming *incoming, int64_t kept_id, struct bytes object,
                        int64_t arrived_sec)
{
    struct arrival *arrival = arrival_new(incoming, object, arrived_sec);
    struct bytes whole = {arrival->bytes, arrival->bytes_len};
    arrival->kept_id = kept_id;
    walks_take_loose(incoming->walks, arrival);
    if (object_parse(&arrival->object, whole, NULL)) {
        object_hash(arrival->hash, whole);
        try_keys(arrival);
    } else {
        arrival->has_all_keys = true; /* it is no message, whoever may try */
        incoming_arrival_done(arrival);
    }
}

void incoming_link_event(struct incoming *incoming, const struct link_gateway_event *event)
{
    if (event->kind == LINK_GATEWAY_OBJECT) {
        take_object(incoming, event);
    } else {
        walks_caught_up(incoming->walks, event->scan);
    }
}
