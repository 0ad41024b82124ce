// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/arrival_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/settings.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/agent/people/sender_rules.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/folders.h"
#include "node/objects/ack.h"
#include "node/objects/broadcast.h"

size_t arrival_plan_senders(struct address **out, const struct keyring *keyring,
                            const struct object *object)
{
    uint8_t tag[OBJECT_TAG_BYTES];
    bool has_tag = object->version == BROADCAST_V5 && object_tag(tag, object);
    size_t n_senders = 0;
    size_t capacity = 0;
    *out = NULL;
    for (size_t i = 0; i < keyring->n_subscriptions; i++) {
        const struct known_address *known = &keyring->subscriptions[i];
        uint8_t own_tag[ADDRESS_TAG_BYTES];
        if (!known->enabled || (known->address.version >= 4) != has_tag) {
            continue;
        }
        if (has_tag) {
            address_tag(own_tag, &known->address);
            if (memcmp(tag, own_tag, sizeof(tag)) != 0) {
                continue;
            }
        }
        *out = array_grow(*out, n_senders, &capacity, sizeof(**out));
        (*out)[n_senders++] = known->address;
    }
    return n_senders;
}

char *arrival_folder(const char *root, const char *label, const char *address)
{
    char *name = xasprintf("%s/%s", root, label[0] != '\0' ? label : address);
    for (char *c = name + strlen(root) + 1; *c != '\0'; c++) {
        if (*c == '/' || *c == '%' || *c == '*' || (unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '_';
        }
    }
    return name;
}

static void add_delivery(struct arrival *arrival, int64_t account_id, char *folder_take)
{
    arrival->deliveries =
        xreallocarray(arrival->deliveries, arrival->n_deliveries + 1, sizeof(*arrival->deliveries));
    struct delivery *delivery = &arrival->deliveries[arrival->n_deliveries++];
    *delivery = (struct delivery){.account_id = account_id, .folder = folder_take};
    arrival_signature_mark(delivery->signature_mark, account_id, arrival->trial.sighash);
}

static void plan_broadcast(struct arrival *arrival, const struct keyring *keyring)
{
    arrival->kind = ARRIVED_BROADCAST;
    arrival->to = arrival->trial.sender.address;
    for (size_t i = 0; i < keyring->n_subscriptions; i++) {
        const struct known_address *known = &keyring->subscriptions[i];
        if (known->enabled && address_equal(&known->address, &arrival->to)) {
            add_delivery(arrival, known->account_id,
                         arrival_folder(FOLDER_NAME_SUBSCRIPTIONS, known->label, known->text));
        }
    }
}

/* Strangers must do the work that this identity, or the member of this chan, asks for. */
static bool has_enough_work(const struct arrival *arrival, const struct own_key *own,
                            const struct keyring *keyring, const struct settings *settings)
{
    const struct address *from = &arrival->trial.sender.address;
    const struct pow_demand least = {settings->network.least_trials_per_byte,
                                     settings->network.least_extra_bytes};
    bool is_known = own->kind == IDENTITY_CHAN ? keyring_is_known_to(keyring, own->account_id, from)
                                               : own->address.version < SENDER_FIRST_WITH_DEMAND ||
                                                     keyring_is_known(keyring, from);
    return is_known || pow_check(arrival->object.whole, arrival->arrived_sec, own->demand, least);
}

/* Each account has its own terms for a chan. What one of them keeps out leaves no trace there. */
static void plan_chan(struct arrival *arrival, const struct keyring *keyring, struct db *db,
                      const struct settings *settings)
{
    arrival->kind = ARRIVED_CHAN;
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if (own->enabled && own->kind == IDENTITY_CHAN &&
            address_equal(&own->address, &arrival->to) &&
            has_enough_work(arrival, own, keyring, settings) &&
            !sender_rules_block_in_chan(db, own, &arrival->trial.sender.address)) {
            add_delivery(arrival, own->account_id,
                         arrival_folder(FOLDER_NAME_CHANS, own->label, own->text));
        }
    }
}

/* The ack that the sender put in, if it is one that we may set free. */
static void plan_ack(struct arrival *arrival, const struct own_key *own,
                     const struct settings *settings)
{
    static const uint64_t streams[] = {1};
    const struct object_rules rules = {
        .streams = streams,
        .n_streams = ARRAY_LEN(streams),
        .least = {settings->network.least_trials_per_byte, settings->network.least_extra_bytes},
    };
    struct object object;
    bool wanted = settings->agent.acks && (own->behaviour & BEHAVIOUR_DOES_ACK) != 0 &&
                  arrival->trial.encoding != CONTENT_IGNORE && !arrival->is_blocked;
    if (wanted && arrival->trial.ack.len > 0 &&
        ack_open_packet(&object, buf_view(&arrival->trial.ack), settings->network.magic, &rules,
                        clock_now_sec(), NULL)) {
        buf_append_bytes(&arrival->ack_object, object.whole);
    }
}

/* An ack's packet repeats with a resend but for nonce and time; its ackdata does not change. */
static struct bytes ackdata_in(struct bytes packet)
{
    enum { PACKET_TO_ACKDATA = 24 + 8 + 8 };
    return bytes_slice(packet, PACKET_TO_ACKDATA, packet.len);
}

/* NULL: nowhere. */
static char *folder_of_message(bool is_blocked, const struct settings *settings)
{
    if (!is_blocked) {
        return xstrdup(FOLDER_NAME_INBOX);
    }
    return settings->mail.blocked == BLOCKED_TO_JUNK ? xstrdup(FOLDER_NAME_JUNK) : NULL;
}

static void plan_message(struct arrival *arrival, const struct own_key *own,
                         const struct keyring *keyring, struct db *db,
                         const struct settings *settings)
{
    const struct address *from = &arrival->trial.sender.address;
    arrival->kind = ARRIVED_MESSAGE;
    arrival->is_blocked = sender_rules_block(db, keyring, own->account_id, from);
    if (!arrival->is_blocked && own->list_name[0] != '\0') {
        arrival->list_id = own->id;
    }
    add_delivery(arrival, own->account_id, folder_of_message(arrival->is_blocked, settings));
    struct delivery *delivery = &arrival->deliveries[0];
    struct bytes ackdata = ackdata_in(buf_view(&arrival->trial.ack));
    if (ackdata.len > 0) {
        delivery->has_resend_mark = true;
        arrival_resend_mark(delivery->resend_mark, own->account_id, from, &own->address, ackdata,
                            buf_view(&arrival->trial.message));
    }
    plan_ack(arrival, own, settings);
}

enum arrival_verdict arrival_plan(struct arrival *arrival, const struct keyring *keyring,
                                  struct db *db, const struct settings *settings)
{
    if (arrival->object.type == OBJECT_BROADCAST) {
        plan_broadcast(arrival, keyring);
    } else {
        const struct own_key *own = keyring_by_id(keyring, arrival->trial.own_id);
        if (own == NULL ||
            (own->kind == IDENTITY_OWN && !has_enough_work(arrival, own, keyring, settings))) {
            return ARRIVAL_DROP;
        }
        arrival->to = own->address;
        if (own->kind == IDENTITY_CHAN) {
            plan_chan(arrival, keyring, db, settings);
        } else {
            plan_message(arrival, own, keyring, db, settings);
        }
    }
    size_t n_known = 0;
    size_t n_resent = 0;
    size_t n_unwanted = 0;
    for (size_t i = 0; i < arrival->n_deliveries; i++) {
        const struct delivery *delivery = &arrival->deliveries[i];
        if (arrival_was_seen(db, delivery->signature_mark)) {
            n_known++;
        } else if (delivery->has_resend_mark && arrival_was_seen(db, delivery->resend_mark)) {
            n_resent++;
        } else if (delivery->folder == NULL) {
            n_unwanted++;
        }
    }
    if (n_known == arrival->n_deliveries) {
        return ARRIVAL_DROP;
    }
    bool nothing_new = n_known + n_resent + n_unwanted == arrival->n_deliveries;
    return nothing_new || arrival->trial.encoding == CONTENT_IGNORE ? ARRIVAL_NOTE_ONLY
                                                                    : ARRIVAL_DELIVER;
}

/* ---- mails ---- */

/* A Message-ID without its brackets. */
static const char *bare_id(const char *text, struct arena *arena)
{
    struct bytes id = bytes_of_str(text);
    if (id.len >= 2 && id.data[0] == '<' && id.data[id.len - 1] == '>') {
        id = bytes_slice(id, 1, id.len - 2);
    }
    return arena_strndup(arena, (const char *)id.data, id.len);
}

/* What stands behind "Re: ", however often; data == NULL: it is no answer's subject. */
static struct bytes answered_subject(struct bytes subject)
{
    static const char PREFIX[] = "Re:";
    struct bytes rest = {0};
    while (bytes_is_word(bytes_slice(subject, 0, strlen(PREFIX)), PREFIX)) {
        subject = bytes_slice(subject, strlen(PREFIX), subject.len);
        while (subject.len > 0 && subject.data[0] == ' ') {
            subject = bytes_slice(subject, 1, subject.len);
        }
        rest = subject;
    }
    return rest;
}

/* A program that keeps no threads answers by the subject: the newest mail of that subject that went
 * to this sender is meant. NULL: there is none. */
static const char *parent_by_subject(const struct arrival *arrival, const struct content *content,
                                     int64_t account_id, struct db *db, struct arena *arena)
{
    char peer[ADDRESS_TEXT_BYTES];
    const char *found = NULL;
    struct bytes subject = answered_subject(content->subject);
    struct db_stmt *stmt =
        subject.len == 0 || arrival->kind == ARRIVED_BROADCAST
            ? NULL
            : db_prepare(db,
                         "SELECT m.message_id FROM outgoing o JOIN outgoing_mail m"
                         " ON m.id = o.mail_id WHERE o.recipient = ?1 AND m.account_id = ?2 AND"
                         " (m.subject = ?3 OR (lower(substr(m.subject, 1, 4)) = 're: '"
                         " AND substr(m.subject, 5) = ?3)) ORDER BY o.id DESC LIMIT 1",
                         NULL);
    if (stmt == NULL) {
        return NULL;
    }
    address_encode(peer,
                   arrival->kind == ARRIVED_CHAN ? &arrival->to : &arrival->trial.sender.address);
    db_bind_text(stmt, 1, peer);
    db_bind_i64(stmt, 2, account_id);
    db_bind_text_bytes(stmt, 3, subject);
    if (db_step(stmt, NULL) == DB_ROW) {
        found = bare_id(db_column_text(stmt, 0), arena);
    }
    db_reset(stmt);
    return found;
}

/* The Message-IDs of the messages that it answers, the farthest first. */
static const char **find_parents(const struct content *content, int64_t account_id, struct db *db,
                                 struct arena *arena)
{
    const char **parents = arena_alloc(arena, (content->n_parents + 1) * sizeof(*parents));
    for (size_t i = 0; i < content->n_parents; i++) {
        struct bytes hash = content->parents[content->n_parents - 1 - i];
        char id[MESSAGE_ID_BYTES];
        to_mail_message_id(id, hash.data);
        parents[i] = arena_strdup(arena, id);
        struct db_stmt *stmt = db_prepare(
            db, "SELECT message_id FROM object_mail WHERE hash = ?1 AND account_id = ?2", NULL);
        if (stmt == NULL) {
            continue;
        }
        db_bind_bytes(stmt, 1, hash);
        db_bind_i64(stmt, 2, account_id);
        if (db_step(stmt, NULL) == DB_ROW) {
            parents[i] = bare_id(db_column_text(stmt, 0), arena);
        }
        db_reset(stmt);
    }
    return parents;
}

void arrival_plan_mails(struct arrival *arrival, const struct keyring *keyring, struct db *db,
                        const char *notice)
{
    const struct content *content =
        notice == NULL && arrival->content != NULL ? &arrival->content->content : NULL;
    for (size_t i = 0; i < arrival->n_deliveries; i++) {
        struct delivery *delivery = &arrival->deliveries[i];
        struct arena arena = {0};
        size_t n_parents = content == NULL ? 0 : content->n_parents;
        const char **parents =
            content == NULL ? NULL : find_parents(content, delivery->account_id, db, &arena);
        if (content != NULL && n_parents == 0) {
            parents[0] = parent_by_subject(arrival, content, delivery->account_id, db, &arena);
            n_parents = parents[0] != NULL ? 1 : 0;
        }
        const struct arrived_message message = {
            .kind = arrival->kind,
            .from = arrival->trial.sender.address,
            .from_label =
                keyring_label(keyring, delivery->account_id, &arrival->trial.sender.address),
            .to = arrival->to,
            .to_label = keyring_label(keyring, delivery->account_id, &arrival->to),
            .arrived_sec = arrival->arrived_sec,
            .expires_sec = (int64_t)arrival->object.expires_sec,
            .hash = arrival->hash,
            .encoding = arrival->trial.encoding,
            .content = content,
            .notice = notice,
            .raw = buf_view(&arrival->trial.message),
            .parents = parents,
            .n_parents = n_parents,
        };
        to_mail_write(&delivery->mail, &message);
        arena_clear(&arena);
    }
}
