// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/timer.h"
#include "crypto/random.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/arrival.h"
#include "gateway/agent/arrival_plan.h"
#include "gateway/agent/outgoing.h"
#include "gateway/agent/outgoing_db.h"
#include "gateway/agent/pubkeys.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"

enum {
    CURSOR_FLUSH_MS = 1000,
    REOFFER_SPREAD_SEC = 3600, /* a burst would show which objects are of one maker */
    RETRY_MS = 1000
};

/* A walk over all objects for one key. */
struct rescan {
    struct list_node node;
    uint32_t scan;  /* 0: not begun */
    int64_t own_id; /* or ... */
    struct address sender;
};

struct incoming {
    struct agent *agent;
    struct list_node live;   /* struct arrival of the live scan, by number */
    struct list_node others; /* of rescans */
    struct list_node rescans;
    uint32_t last_scan;
    struct link_epoch epoch;
    bool has_epoch;
    uint64_t cursor;  /* done up to here */
    uint64_t written; /* and on disk up to here */
    size_t n_open;
    struct timer flush;
    struct timer retry;
};

static void flush_cursor(void *context);
static void retry_all(void *context);
static void commit(struct arrival *arrival);
static void begin_decoding(struct arrival *arrival);
static void arrival_done(struct arrival *arrival);

struct incoming *incoming_new(struct agent *agent)
{
    struct incoming *incoming = xcalloc(1, sizeof(*incoming));
    incoming->agent = agent;
    list_init(&incoming->live);
    list_init(&incoming->others);
    list_init(&incoming->rescans);
    timer_init(&incoming->flush, agent->parts.loop, flush_cursor, incoming);
    timer_init(&incoming->retry, agent->parts.loop, retry_all, incoming);
    return incoming;
}

static void free_all(struct list_node *arrivals)
{
    list_for_each(node, arrivals)
    {
        arrival_free(list_entry(node, struct arrival, node));
    }
}

void incoming_stop(struct incoming *incoming)
{
    timer_cancel(&incoming->flush);
    timer_cancel(&incoming->retry);
}

void incoming_free(struct incoming **incoming_in)
{
    struct incoming *incoming = *incoming_in;
    *incoming_in = NULL;
    if (incoming == NULL) {
        return;
    }
    free_all(&incoming->live);
    free_all(&incoming->others);
    list_for_each(node, &incoming->rescans)
    {
        free(list_entry(node, struct rescan, node));
    }
    free(incoming);
}

size_t incoming_count(const struct incoming *incoming)
{
    return incoming->n_open;
}

uint64_t incoming_cursor(const struct incoming *incoming)
{
    return incoming->cursor;
}

/* ---- the cursor ---- */

struct cursor_write {
    struct incoming *incoming;
    struct agent *agent;
    struct link_epoch epoch;
    uint64_t number;
    bool is_new_epoch;
    int64_t now_sec;
};

static bool run_cursor(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct cursor_write *write = job;
    struct db *db = mail_txn_db(txn);
    return arrival_write_cursor(db, &write->epoch, write->number, fault) &&
           (!write->is_new_epoch ||
            object_jobs_offer_again(db, write->now_sec, REOFFER_SPREAD_SEC, fault));
}

static void cursor_done(void *job, const struct fault *fault)
{
    struct cursor_write *write = job;
    if (!write->agent->closing) {
        if (fault != NULL) {
            log_warn("agent", "cursor not written reason=\"%s\"", fault->text);
            timer_arm(&write->incoming->flush, CURSOR_FLUSH_MS);
        } else if (write->is_new_epoch) {
            object_jobs_wake(write->agent->jobs);
        }
    }
    free(write);
}

static void write_cursor(struct incoming *incoming, bool is_new_epoch)
{
    struct cursor_write *write = xcalloc(1, sizeof(*write));
    write->incoming = incoming;
    write->agent = incoming->agent;
    write->epoch = incoming->epoch;
    write->number = incoming->cursor;
    write->is_new_epoch = is_new_epoch;
    write->now_sec = clock_now_sec();
    incoming->written = incoming->cursor;
    agent_write(incoming->agent, run_cursor, cursor_done, write);
}

static void flush_cursor(void *context)
{
    struct incoming *incoming = context;
    if (incoming->has_epoch && incoming->cursor != incoming->written) {
        write_cursor(incoming, false);
    }
}

/* What the cursor may say once `arrival` is done, too: 0 when one before it is still open. */
static uint64_t cursor_with(const struct incoming *incoming, const struct arrival *arrival)
{
    if (arrival->scan != LINK_LIVE_SCAN) {
        return 0;
    }
    uint64_t number = incoming->cursor;
    for (struct list_node *node = incoming->live.next; node != &incoming->live; node = node->next) {
        const struct arrival *each = list_entry(node, struct arrival, node);
        if (each != arrival && !each->is_done) {
            break;
        }
        number = each->number;
    }
    return number;
}

/* Take those at the front that are done off the list. */
static void advance(struct incoming *incoming)
{
    list_for_each(node, &incoming->live)
    {
        struct arrival *arrival = list_entry(node, struct arrival, node);
        if (!arrival->is_done) {
            break;
        }
        if (arrival->number > incoming->cursor) {
            incoming->cursor = arrival->number;
        }
        arrival_free(arrival);
    }
    if (incoming->cursor != incoming->written && !timer_is_armed(&incoming->flush)) {
        timer_arm(&incoming->flush, CURSOR_FLUSH_MS);
    }
}

static void arrival_done(struct arrival *arrival)
{
    struct incoming *incoming = arrival->incoming;
    link_client_done(incoming->agent->link, arrival->generation, arrival->bytes_len);
    arrival_clear(arrival);
    arrival->is_done = true;
    incoming->n_open--;
    if (arrival->scan == LINK_LIVE_SCAN) {
        advance(incoming);
    } else {
        arrival_free(arrival);
    }
}

/* ---- when mail.db refuses ---- */

/* A full disk, a busy writer: nothing is lost, it is only done again later. The link's window keeps
 * what waits bounded. */
static void retry_later(struct arrival *arrival, void (*retry)(struct arrival *arrival),
                        const struct fault *fault)
{
    log_error("agent", "what arrived is not stored yet reason=\"%s\"", fault->text);
    arrival->retry = retry;
    if (!timer_is_armed(&arrival->incoming->retry)) {
        timer_arm(&arrival->incoming->retry, RETRY_MS);
    }
}

static void retry_each(struct list_node *arrivals)
{
    list_for_each(node, arrivals)
    {
        struct arrival *arrival = list_entry(node, struct arrival, node);
        void (*retry)(struct arrival *) = arrival->retry;
        if (retry != NULL) {
            arrival->retry = NULL;
            retry(arrival);
        }
    }
}

static void retry_all(void *context)
{
    struct incoming *incoming = context;
    retry_each(&incoming->live);
    retry_each(&incoming->others);
}

/* ---- an acknowledgement of ours, or somebody's key ---- */

enum note_kind { NOTE_ACKNOWLEDGED, NOTE_PUBKEY };

struct note {
    struct arrival *arrival;
    struct agent *agent;
    enum note_kind kind;
    int64_t outgoing_id;
    struct sender sender;
};

static void write_note(struct arrival *arrival, enum note_kind kind, int64_t outgoing_id,
                       const struct sender *sender);

static void note_ack_again(struct arrival *arrival)
{
    write_note(arrival, NOTE_ACKNOWLEDGED, arrival->outgoing_id, NULL);
}

static void note_pubkey_again(struct arrival *arrival)
{
    write_note(arrival, NOTE_PUBKEY, 0, &arrival->trial.sender);
}

static bool run_note(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct note *note = job;
    if (note->kind == NOTE_PUBKEY) {
        return pubkeys_store(txn, &note->sender, false, fault);
    }
    struct fault why = {0};
    return outgoing_acknowledged(txn, note->outgoing_id, &why) || why.code == FAULT_NOT_FOUND ||
           fault_set(fault, why.code, "%s", why.text);
}

static void note_done(void *job, const struct fault *fault)
{
    struct note *note = job;
    struct agent *agent = note->agent;
    if (agent->closing) {
        free(note);
        return;
    }
    if (fault != NULL) {
        note->arrival->outgoing_id = note->outgoing_id;
        note->arrival->trial.sender = note->sender;
        retry_later(note->arrival, note->kind == NOTE_PUBKEY ? note_pubkey_again : note_ack_again,
                    fault);
    } else {
        if (note->kind == NOTE_ACKNOWLEDGED) {
            outgoing_forget_ack(agent->outgoing, &note->arrival->object);
        }
        arrival_done(note->arrival);
        agent_queue_changed(agent);
    }
    free(note);
}

static void write_note(struct arrival *arrival, enum note_kind kind, int64_t outgoing_id,
                       const struct sender *sender)
{
    struct note *note = xcalloc(1, sizeof(*note));
    note->arrival = arrival;
    note->agent = arrival->incoming->agent;
    note->kind = kind;
    note->outgoing_id = outgoing_id;
    if (sender != NULL) {
        note->sender = *sender;
    }
    agent_write(note->agent, run_note, note_done, note);
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

static void commit_done(void *job, const struct fault *fault)
{
    struct commit_job *ended = job;
    struct agent *agent = ended->agent;
    struct arrival *arrival = ended->commit.arrival;
    if (!agent->closing && fault != NULL) {
        retry_later(arrival, commit, fault);
    } else if (!agent->closing) {
        agent->n_received += ended->commit.n_stored;
        log_info("agent", "message stored copies=%zu", ended->commit.n_stored);
        arrival_done(arrival);
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
    job->commit.epoch = incoming->epoch;
    job->commit.cursor = cursor_with(incoming, arrival);
    job->commit.ack_due_sec = arrival->arrived_sec + random_between(0, delay_sec);
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
        retry_later(arrival, begin_decoding, fault);
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
        arrival_done(arrival);
        break;
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
        arrival_done(arrival);
    }
}

static void start_trial(struct arrival *arrival)
{
    struct agent *agent = arrival->incoming->agent;
    arrival->trial.object = (struct bytes){arrival->bytes, arrival->bytes_len};
    struct fault fault = {0};
    if (pool_submit(agent->parts.pool, POOL_NORMAL, run_trial, trial_done, arrival, &fault) == 0) {
        retry_later(arrival, start_trial, &fault);
    }
}

static const struct rescan *find_rescan(const struct incoming *incoming, uint32_t scan)
{
    for (struct list_node *node = incoming->rescans.next; node != &incoming->rescans;
         node = node->next) {
        const struct rescan *rescan = list_entry(node, struct rescan, node);
        if (rescan->scan == scan) {
            return rescan;
        }
    }
    return NULL;
}

/* What to try on it: everything for the live scan, one key for a rescan. False: nothing. */
static bool choose_keys(struct arrival *arrival)
{
    const struct incoming *incoming = arrival->incoming;
    const struct keyring *keyring = &incoming->agent->keyring;
    struct trial *trial = &arrival->trial;
    bool is_msg = arrival->object.type == OBJECT_MSG;
    if (arrival->scan != LINK_LIVE_SCAN) {
        const struct rescan *rescan = find_rescan(incoming, arrival->scan);
        const struct own_key *own = rescan == NULL ? NULL : keyring_by_id(keyring, rescan->own_id);
        if (is_msg && own != NULL) {
            trial->keys = key_set_of(own);
        } else if (!is_msg && rescan != NULL && rescan->own_id == 0) {
            trial->senders = xmemdup(&rescan->sender, sizeof(rescan->sender));
            trial->n_senders = 1;
        }
    } else if (is_msg) {
        trial->keys = keyring_key_set(keyring);
    } else {
        trial->n_senders = arrival_plan_senders(&trial->senders, keyring, &arrival->object);
    }
    return (trial->keys != NULL && trial->keys->n_keys > 0) || trial->n_senders > 0;
}

/* ---- by type ---- */

static void dispatch(struct arrival *arrival)
{
    struct agent *agent = arrival->incoming->agent;
    const struct object *object = &arrival->object;
    bool is_live = arrival->scan == LINK_LIVE_SCAN;
    int64_t acknowledged = is_live ? outgoing_find_ack(agent->outgoing, object) : 0;
    struct sender sender;
    if (acknowledged != 0) {
        write_note(arrival, NOTE_ACKNOWLEDGED, acknowledged, NULL);
    } else if (!object_is_processable(object)) {
        arrival_done(arrival);
    } else if (object->type == OBJECT_GETPUBKEY && is_live) {
        pubkeys_answer(agent->pubkeys, object);
        arrival_done(arrival);
    } else if (object->type == OBJECT_PUBKEY && is_live &&
               pubkeys_open_object(agent->pubkeys, &sender, object)) {
        write_note(arrival, NOTE_PUBKEY, 0, &sender);
    } else if ((object->type == OBJECT_MSG || object->type == OBJECT_BROADCAST) &&
               choose_keys(arrival)) {
        start_trial(arrival);
    } else {
        arrival_done(arrival);
    }
}

static void take_object(struct incoming *incoming, const struct link_gateway_event *event)
{
    struct arrival *arrival = xcalloc(1, sizeof(*arrival));
    arrival->incoming = incoming;
    arrival->scan = event->scan;
    arrival->number = event->number;
    arrival->generation = link_client_generation(incoming->agent->link);
    arrival->bytes = xmemdup(event->object.data, event->object.len);
    arrival->bytes_len = event->object.len;
    arrival->arrived_sec = clock_now_sec();
    list_append(event->scan == LINK_LIVE_SCAN ? &incoming->live : &incoming->others,
                &arrival->node);
    incoming->n_open++;

    struct bytes whole = {arrival->bytes, arrival->bytes_len};
    if (!object_parse(&arrival->object, whole, NULL) ||
        object_is_expired(&arrival->object, arrival->arrived_sec)) {
        arrival_done(arrival);
        return;
    }
    object_hash(arrival->hash, whole);
    dispatch(arrival);
}

/* ---- the link ---- */

static void begin_rescans(struct incoming *incoming)
{
    list_for_each(node, &incoming->rescans)
    {
        struct rescan *rescan = list_entry(node, struct rescan, node);
        uint32_t scan = incoming->last_scan + 1;
        if (rescan->scan == 0 &&
            link_client_objects_since(incoming->agent->link, scan, &incoming->epoch, 0, NULL)) {
            incoming->last_scan = scan;
            rescan->scan = scan;
        }
    }
}

static void add_rescan(struct incoming *incoming, int64_t own_id, const struct address *sender)
{
    struct rescan *rescan = xcalloc(1, sizeof(*rescan));
    rescan->own_id = own_id;
    if (sender != NULL) {
        rescan->sender = *sender;
    }
    list_append(&incoming->rescans, &rescan->node);
    if (incoming->has_epoch) {
        begin_rescans(incoming);
    }
}

void incoming_rescan_key(struct incoming *incoming, int64_t own_id)
{
    add_rescan(incoming, own_id, NULL);
}

void incoming_rescan_sender(struct incoming *incoming, const struct address *sender)
{
    add_rescan(incoming, 0, sender);
}

static bool read_cursor(struct incoming *incoming, struct link_epoch *out_epoch,
                        uint64_t *out_number)
{
    struct db_stmt *stmt = db_prepare(agent_reader(incoming->agent),
                                      "SELECT epoch, number FROM link_cursor WHERE id = 1", NULL);
    if (stmt == NULL || db_step(stmt, NULL) != DB_ROW) {
        return false;
    }
    struct bytes epoch = db_column_bytes(stmt, 0);
    bool ok = epoch.len == LINK_EPOCH_BYTES;
    if (ok) {
        memcpy(out_epoch->bytes, epoch.data, LINK_EPOCH_BYTES);
        *out_number = (uint64_t)db_column_i64(stmt, 1);
    }
    db_reset(stmt);
    return ok;
}

void incoming_link_up(struct incoming *incoming, const struct link_epoch *epoch)
{
    struct link_epoch known;
    uint64_t number = 0;
    bool has_known = read_cursor(incoming, &known, &number);
    bool is_same = has_known && link_epoch_equal(&known, epoch);
    incoming->epoch = *epoch;
    incoming->has_epoch = true;
    incoming->cursor = is_same ? number : 0;
    incoming->written = incoming->cursor;
    if (!is_same) {
        write_cursor(incoming, has_known);
    }
    struct fault fault = {0};
    if (!link_client_objects_since(incoming->agent->link, LINK_LIVE_SCAN, epoch, incoming->cursor,
                                   &fault)) {
        log_error("agent", "can't follow the node reason=\"%s\"", fault.text);
    }
    begin_rescans(incoming);
}

void incoming_link_down(struct incoming *incoming)
{
    incoming->has_epoch = false;
    /* What is under way ends by itself, but no longer moves the cursor: the new link sends it
     * again, and its signature tells that it is known. */
    list_for_each(node, &incoming->live)
    {
        struct arrival *arrival = list_entry(node, struct arrival, node);
        list_remove(&arrival->node);
        if (arrival->is_done) {
            arrival_free(arrival);
        } else {
            arrival->scan = UINT32_MAX;
            list_append(&incoming->others, &arrival->node);
        }
    }
    list_for_each(node, &incoming->rescans)
    {
        list_entry(node, struct rescan, node)->scan = 0;
    }
}

void incoming_link_event(struct incoming *incoming, const struct link_gateway_event *event)
{
    if (event->kind == LINK_GATEWAY_OBJECT) {
        take_object(incoming, event);
        return;
    }
    list_for_each(node, &incoming->rescans)
    {
        struct rescan *rescan = list_entry(node, struct rescan, node);
        if (event->scan != LINK_LIVE_SCAN && rescan->scan == event->scan) {
            /* Objects of it may still be in the pool: they hold what they need. */
            list_remove(&rescan->node);
            free(rescan);
        }
    }
    begin_rescans(incoming);
}
