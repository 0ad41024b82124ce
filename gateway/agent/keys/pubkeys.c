// SPDX-License-Identifier: MIT
#include "gateway/agent/keys/pubkeys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/keys/pubkey_ahead.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/store/mail_txn.h"
#include "node/objects/getpubkey.h"
#include "node/objects/pubkey.h"

struct look_up {
    struct pubkeys *pubkeys;
    struct deferred end; /* when there is nobody to ask */
    uint64_t request;
    struct address address;
    struct sender found;
    uint64_t found_expires_sec; /* the newest counts; 0: none yet */
    struct pubkeys_done done;
    bool is_unanswered;
};

struct pubkeys {
    struct agent *agent;
    struct map look_ups; /* request -> struct look_up */
    struct map wanted;   /* tag -> struct address */
    uint64_t last_request;
    bool is_silent; /* a request was not answered for want of a key, and that was logged */
};

struct pubkeys *pubkeys_new(struct agent *agent)
{
    struct pubkeys *pubkeys = xcalloc(1, sizeof(*pubkeys));
    pubkeys->agent = agent;
    return pubkeys;
}

void pubkeys_free(struct pubkeys **pubkeys_in)
{
    struct pubkeys *pubkeys = *pubkeys_in;
    *pubkeys_in = NULL;
    if (pubkeys == NULL) {
        return;
    }
    size_t cursor = 0;
    struct look_up *look_up;
    while ((look_up = map_next(&pubkeys->look_ups, &cursor, NULL)) != NULL) {
        struct pubkeys_done done = look_up->done;
        deferred_cancel(&look_up->end);
        free(look_up);
        done.call(done.context, PUBKEYS_NOBODY_SAYS, NULL);
    }
    void *item;
    cursor = 0;
    while ((item = map_next(&pubkeys->wanted, &cursor, NULL)) != NULL) {
        free(item);
    }
    map_clear(&pubkeys->look_ups);
    map_clear(&pubkeys->wanted);
    free(pubkeys);
}

/* ---- on disk ---- */

bool pubkeys_find(struct db *db, struct sender *out, const struct address *address,
                  struct fault *fault)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, address);
    struct db_stmt *stmt = db_prepare(db, "SELECT sender FROM pubkey WHERE address = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, text);
    if (db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    struct reader reader = reader_of(db_column_bytes(stmt, 0));
    struct sender sender;
    bool ok = sender_read_with_address(&sender, &reader, fault) &&
              address_equal(&sender.address, address);
    db_reset(stmt);
    if (ok) {
        *out = sender;
    }
    return ok;
}

/* Mails that wait for the key are due now. */
static bool wake_waiting(struct db *db, const char *address, int64_t now_sec, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "UPDATE outgoing SET next_sec = ?3 WHERE recipient = ?1 AND state = ?2", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, address);
    db_bind_i64(stmt, 2, OUTGOING_AWAITING_KEY);
    db_bind_i64(stmt, 3, now_sec);
    return db_run(stmt, fault);
}

bool pubkeys_store(struct mail_txn *txn, const struct sender *sender, bool personal,
                   struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &sender->address);
    struct db_stmt *stmt =
        db_prepare(db,
                   "INSERT INTO pubkey (address, sender, seen_sec, personal)"
                   " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (address) DO UPDATE"
                   " SET sender = ?2, seen_sec = ?3, personal = max(personal, ?4)",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    struct buf bytes = {0};
    sender_write_with_address(&bytes, sender);
    db_bind_text(stmt, 1, text);
    db_bind_bytes(stmt, 2, buf_view(&bytes));
    db_bind_i64(stmt, 3, mail_txn_now_sec(txn));
    db_bind_i64(stmt, 4, personal);
    bool ok = db_run(stmt, fault);
    buf_clear(&bytes);
    return ok && wake_waiting(db, text, mail_txn_now_sec(txn), fault);
}

bool pubkeys_write_request(struct mail_txn *txn, const struct address *address, int64_t ttl_sec,
                           struct fault *fault)
{
    char text[ADDRESS_TEXT_BYTES];
    bool asking = false;
    int64_t now_sec = mail_txn_now_sec(txn);
    address_encode(text, address);
    if (!object_jobs_is_asking(mail_txn_db(txn), &asking, JOB_GETPUBKEY, text, now_sec, fault)) {
        return false;
    }
    if (asking) {
        return true;
    }
    struct buf object = {0};
    getpubkey_write(&object, (uint64_t)(now_sec + ttl_sec), address);
    const struct object_job_new job = {
        .kind = JOB_GETPUBKEY,
        .address = text,
        .object = buf_view(&object),
        .ttl_sec = ttl_sec,
        .expires_sec = now_sec + ttl_sec,
    };
    bool ok = object_jobs_write(mail_txn_db(txn), &job, fault);
    buf_clear(&object);
    return ok;
}

/* *out: it was not told lately, and is said to be told now. */
static bool claim_telling(struct mail_txn *txn, bool *out, int64_t own_id, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    int64_t now_sec = mail_txn_now_sec(txn);
    struct db_stmt *stmt = db_prepare(db,
                                      "UPDATE identity SET pubkey_sent_sec = ?2"
                                      " WHERE id = ?1 AND pubkey_sent_sec <= ?3",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, own_id);
    db_bind_i64(stmt, 2, now_sec);
    db_bind_i64(stmt, 3, now_sec - PUBKEY_REPUBLISH_SEC);
    bool ok = db_run(stmt, fault);
    *out = ok && db_changes(db) > 0;
    return ok;
}

static bool write_telling(struct mail_txn *txn, const struct own_key *own, struct bytes object,
                          int64_t expires_sec, struct fault *fault)
{
    const struct object_job_new job = {
        .kind = JOB_PUBKEY,
        .address = own->text,
        .object = object,
        .ttl_sec = expires_sec - mail_txn_now_sec(txn),
        .expires_sec = expires_sec,
    };
    return object_jobs_write(mail_txn_db(txn), &job, fault);
}

/* One that was signed ahead may live for less than usual: another may follow it at once. */
static bool tell_ahead(struct mail_txn *txn, const struct own_key *own, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct buf object = {0};
    int64_t expires_sec = 0;
    bool ok = pubkey_ahead_take(db, &object, &expires_sec, own->id, mail_txn_now_sec(txn), fault) &&
              (expires_sec != 0 ||
               fault_set(fault, FAULT_NOT_FOUND, "the keys are locked, and none is signed ahead"));
    struct db_stmt *stmt =
        ok ? db_prepare(db, "UPDATE identity SET pubkey_sent_sec = ?2 WHERE id = ?1", fault) : NULL;
    if (stmt != NULL) {
        db_bind_i64(stmt, 1, own->id);
        db_bind_i64(stmt, 2, expires_sec - PUBKEY_REPUBLISH_SEC);
    }
    ok = stmt != NULL && db_run(stmt, fault) &&
         write_telling(txn, own, buf_view(&object), expires_sec, fault);
    buf_clear(&object);
    return ok;
}

bool pubkeys_write_own(struct mail_txn *txn, const struct own_key *own, int64_t jitter_sec,
                       struct fault *fault)
{
    bool is_due = false;
    if (!claim_telling(txn, &is_due, own->id, fault)) {
        return false;
    }
    if (!is_due) {
        return true; /* told lately */
    }
    if (!own->can_sign) {
        return tell_ahead(txn, own, fault);
    }
    int64_t expires_sec = mail_txn_now_sec(txn) + PUBKEY_TTL_SEC + jitter_sec;
    struct sender sender = keyring_sender(own);
    struct buf object = {0};
    bool ok = pubkey_write(&object, (uint64_t)expires_sec, &sender, &own->keys, fault) &&
              write_telling(txn, own, buf_view(&object), expires_sec, fault);
    buf_clear(&object);
    return ok;
}

/* ---- looking in the node's store ---- */

static void end_look_up(struct look_up *look_up)
{
    struct pubkeys_done done = look_up->done;
    bool found = look_up->found_expires_sec != 0;
    enum pubkeys_answer answer = found                    ? PUBKEYS_FOUND
                                 : look_up->is_unanswered ? PUBKEYS_NOBODY_SAYS
                                                          : PUBKEYS_NOT_THERE;
    struct sender sender = look_up->found;
    (void)map_remove_u64(&look_up->pubkeys->look_ups, look_up->request);
    deferred_cancel(&look_up->end);
    free(look_up);
    done.call(done.context, answer, found ? &sender : NULL);
}

static void end_later(void *context)
{
    end_look_up(context);
}

void pubkeys_look_up(struct pubkeys *pubkeys, const struct address *address,
                     struct pubkeys_done done)
{
    struct agent *agent = pubkeys->agent;
    uint8_t tag[ADDRESS_TAG_BYTES];
    struct look_up *look_up = xcalloc(1, sizeof(*look_up));
    look_up->pubkeys = pubkeys;
    look_up->request = ++pubkeys->last_request;
    look_up->address = *address;
    look_up->done = done;
    deferred_init(&look_up->end, agent->parts.loop, end_later, look_up);
    (void)map_put_u64(&pubkeys->look_ups, look_up->request, look_up);
    address_tag(tag, address);
    if (address->version < 4) {
        deferred_arm(&look_up->end);
    } else if (!link_client_find_tag(agent->link, look_up->request, OBJECT_PUBKEY, tag, NULL)) {
        look_up->is_unanswered = true;
        deferred_arm(&look_up->end);
    }
}

static void take_finding(struct look_up *look_up, struct bytes bytes)
{
    struct object object;
    struct sender sender;
    if (object_parse(&object, bytes, NULL) &&
        pubkey_open_for(&sender, &object, &look_up->address, NULL) &&
        object.expires_sec >= look_up->found_expires_sec) {
        look_up->found = sender;
        look_up->found_expires_sec = object.expires_sec;
    }
}

void pubkeys_link_event(struct pubkeys *pubkeys, const struct link_gateway_event *event)
{
    struct look_up *look_up = map_get_u64(&pubkeys->look_ups, event->request);
    if (event->kind == LINK_GATEWAY_FOUND) {
        if (look_up != NULL) {
            take_finding(look_up, event->object);
        }
        link_client_done(pubkeys->agent->link, link_client_generation(pubkeys->agent->link),
                         event->object.len);
    } else if (look_up != NULL) {
        end_look_up(look_up);
    }
}

void pubkeys_link_down(struct pubkeys *pubkeys)
{
    size_t cursor = 0;
    struct look_up *look_up;
    while ((look_up = map_next(&pubkeys->look_ups, &cursor, NULL)) != NULL) {
        look_up->is_unanswered = true;
        end_look_up(look_up);
    }
}

/* ---- waiting for a key ---- */

void pubkeys_want(struct pubkeys *pubkeys, const struct address *address)
{
    uint8_t tag[ADDRESS_TAG_BYTES];
    address_tag(tag, address);
    struct bytes key = {tag, sizeof(tag)};
    if (map_get(&pubkeys->wanted, key) == NULL) {
        (void)map_put(&pubkeys->wanted, key, xmemdup(address, sizeof(*address)));
    }
}

bool pubkeys_open_object(struct pubkeys *pubkeys, struct sender *out, const struct object *object)
{
    uint8_t tag[OBJECT_TAG_BYTES];
    if (object->version < 4) {
        return pubkey_open_plain(out, object, NULL);
    }
    if (!object_tag(tag, object)) {
        return false;
    }
    struct bytes key = {tag, sizeof(tag)};
    struct address *address = map_get(&pubkeys->wanted, key);
    if (address == NULL || !pubkey_open_for(out, object, address, NULL)) {
        return false;
    }
    (void)map_remove(&pubkeys->wanted, key);
    free(address);
    return true;
}

/* ---- telling our own ---- */

/* By value to the writer: keys and all, wiped after. */
struct publish {
    struct agent *agent;
    struct own_key own;
    int64_t jitter_sec;
    bool was_silent;
};

static bool run_publish(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct publish *publish = job;
    return pubkeys_write_own(txn, &publish->own, publish->jitter_sec, fault);
}

static void publish_done(void *job, const struct fault *fault)
{
    struct publish *publish = job;
    struct agent *agent = publish->agent;
    bool is_known = fault != NULL && fault->code == FAULT_NOT_FOUND && publish->was_silent;
    if (fault != NULL && !agent->closing) {
        agent->pubkeys->is_silent = fault->code == FAULT_NOT_FOUND;
    }
    if (fault != NULL && !is_known) { /* anybody may ask: a locked key is told of once */
        log_warn("agent", "own pubkey not told reason=\"%s\"", fault->text);
    } else if (fault == NULL && !agent->closing) {
        agent_reload_keys(agent);
        object_jobs_wake(agent->jobs);
    }
    mem_wipe(&publish->own, sizeof(publish->own));
    free(publish);
}

static void publish_with(struct pubkeys *pubkeys, int64_t own_id, int64_t jitter_sec)
{
    struct agent *agent = pubkeys->agent;
    const struct own_key *own = keyring_by_id(&agent->keyring, own_id);
    if (own == NULL || own->kind == IDENTITY_CHAN || !own->enabled ||
        own->pubkey_sent_sec > clock_now_sec() - PUBKEY_REPUBLISH_SEC) {
        return;
    }
    struct publish *publish = xcalloc(1, sizeof(*publish));
    publish->agent = agent;
    publish->own = *own;
    publish->own.label = NULL;
    publish->own.list_name = NULL;
    publish->jitter_sec = jitter_sec;
    publish->was_silent = pubkeys->is_silent;
    agent_write(agent, run_publish, publish_done, publish);
}

void pubkeys_publish(struct pubkeys *pubkeys, int64_t own_id)
{
    /* Beyond 28 days the network takes little more. */
    int64_t jitter_sec = agent_jitter_sec(pubkeys->agent);
    publish_with(pubkeys, own_id, jitter_sec > 0 ? -jitter_sec : jitter_sec);
}

void pubkeys_publish_changed(struct pubkeys *pubkeys, int64_t own_id)
{
    publish_with(pubkeys, own_id, 0);
}

void pubkeys_answer(struct pubkeys *pubkeys, const struct object *object)
{
    struct getpubkey request;
    const struct keyring *keyring = &pubkeys->agent->keyring;
    if (!getpubkey_parse(&request, object, NULL)) {
        return;
    }
    for (size_t i = 0; i < keyring->n_own; i++) {
        if (getpubkey_asks_for(&request, &keyring->own[i].address)) {
            pubkeys_publish(pubkeys, keyring->own[i].id);
            return;
        }
    }
}
