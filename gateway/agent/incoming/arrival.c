// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/arrival.h"

#include <stdlib.h>

#include "base/db.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/agent/incoming/handout.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/people/mailing_list.h"
#include "gateway/agent/work/object_jobs_db.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/messages.h"

void arrival_clear(struct arrival *arrival)
{
    for (size_t i = 0; i < arrival->n_deliveries; i++) {
        free(arrival->deliveries[i].folder);
        buf_clear(&arrival->deliveries[i].mail);
        decoder_answer_free(&arrival->deliveries[i].analysis);
    }
    free(arrival->deliveries);
    arrival->deliveries = NULL;
    arrival->n_deliveries = 0;
    decoder_answer_free(&arrival->content);
    buf_clear(&arrival->ack_object);
    trial_clear(&arrival->trial);
    free(arrival->bytes);
    arrival->bytes = NULL;
}

void arrival_free(struct arrival *arrival)
{
    arrival_clear(arrival);
    list_remove(&arrival->node);
    free(arrival);
}

/* ---- marks ---- */

static void make_mark(uint8_t out[SEEN_MARK_BYTES], enum seen_kind kind, int64_t account_id,
                      struct bytes data)
{
    struct buf all = {0};
    write_u8(&all, (uint8_t)kind);
    write_u64(&all, (uint64_t)account_id);
    write_bytes(&all, data);
    hash_sha256(out, buf_view(&all));
    buf_clear(&all);
}

void arrival_signature_mark(uint8_t out[SEEN_MARK_BYTES], int64_t account_id,
                            const uint8_t sighash[SIGHASH_BYTES])
{
    make_mark(out, SEEN_SIGNATURE, account_id, (struct bytes){sighash, SIGHASH_BYTES});
}

void arrival_resend_mark(uint8_t out[SEEN_MARK_BYTES], int64_t account_id,
                         const struct address *from, const struct address *to, struct bytes ackdata,
                         struct bytes message)
{
    uint8_t key[ADDRESS_KEY_BYTES];
    struct buf data = {0};
    address_key(key, from);
    write_bytes(&data, (struct bytes){key, sizeof(key)});
    address_key(key, to);
    write_bytes(&data, (struct bytes){key, sizeof(key)});
    write_block(&data, ackdata);
    write_block(&data, message);
    make_mark(out, SEEN_RESEND, account_id, buf_view(&data));
    buf_clear_secret(&data);
}

void arrival_name_mark(uint8_t out[SEEN_MARK_BYTES], const char *name)
{
    make_mark(out, SEEN_HANDED_IN, 0, bytes_of_str(name));
}

bool arrival_was_seen(struct db *db, const uint8_t mark[SEEN_MARK_BYTES])
{
    struct db_stmt *stmt = db_prepare(db, "SELECT 1 FROM seen WHERE mark = ?1", NULL);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){mark, SEEN_MARK_BYTES});
    bool seen = db_step(stmt, NULL) == DB_ROW;
    db_reset(stmt);
    return seen;
}

bool arrival_remember(struct mail_txn *txn, bool *out_is_new, const uint8_t mark[SEEN_MARK_BYTES],
                      enum seen_kind kind, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct db_stmt *stmt =
        db_prepare(db, "INSERT OR IGNORE INTO seen (mark, kind, sec) VALUES (?1, ?2, ?3)", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){mark, SEEN_MARK_BYTES});
    db_bind_i64(stmt, 2, kind);
    db_bind_i64(stmt, 3, mail_txn_now_sec(txn));
    if (!db_run(stmt, fault)) {
        return false;
    }
    *out_is_new = db_changes(db) > 0;
    return true;
}

/* ---- the transaction ---- */

static bool store_mail(struct mail_txn *txn, const struct arrival_commit *commit,
                       const struct delivery *delivery, struct fault *fault)
{
    const struct arrival *arrival = commit->arrival;
    char mark[2 * SEEN_MARK_BYTES + 1];
    const struct message_new message = {
        .content = buf_view(&delivery->mail),
        .analysis = &delivery->analysis->analysis,
        .internal_sec = arrival->arrived_sec,
        .origin = MESSAGE_BY_NETWORK,
    };
    const struct handout_mail mail = {.account_id = delivery->account_id,
                                      .folder = delivery->folder,
                                      .message = &message,
                                      .mark = mark};
    hex_encode(mark, (struct bytes){delivery->signature_mark, SEEN_MARK_BYTES / 2});
    return handout_store(txn, commit->settings, &mail, fault);
}

/* True also when there was nothing to do; *out_is_new and *out_stored tell. */
static bool deliver(struct mail_txn *txn, const struct arrival_commit *commit,
                    const struct delivery *delivery, bool *out_is_new, bool *out_stored,
                    struct fault *fault)
{
    bool first = true;
    *out_stored = false;
    if (!arrival_remember(txn, out_is_new, delivery->signature_mark, SEEN_SIGNATURE, fault)) {
        return false;
    }
    if (!*out_is_new) {
        return true;
    }
    if (delivery->has_resend_mark &&
        !arrival_remember(txn, &first, delivery->resend_mark, SEEN_RESEND, fault)) {
        return false;
    }
    if (!first || delivery->analysis == NULL || delivery->folder == NULL) {
        return true;
    }
    *out_stored = true;
    return store_mail(txn, commit, delivery, fault);
}

static bool write_ack(struct mail_txn *txn, const struct arrival_commit *commit,
                      struct fault *fault)
{
    struct object object;
    const struct arrival *arrival = commit->arrival;
    if (!object_parse(&object, buf_view(&arrival->ack_object), fault)) {
        return false;
    }
    const struct object_job_new job = {
        .kind = JOB_RELEASE_ACK,
        .address = "",
        .object = buf_view(&arrival->ack_object),
        .expires_sec = (int64_t)object.expires_sec,
        .finished = true,
        .due_sec = commit->ack_due_sec,
    };
    return object_jobs_write(mail_txn_db(txn), &job, fault);
}

static bool forget_tries(struct db *db, const uint8_t hash[OBJECT_HASH_BYTES], struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "DELETE FROM object_try WHERE hash = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){hash, OBJECT_HASH_BYTES});
    return db_run(stmt, fault);
}

bool arrival_write(struct mail_txn *txn, struct arrival_commit *commit, struct fault *fault)
{
    struct arrival *arrival = commit->arrival;
    bool any_new = arrival->n_deliveries == 0;
    commit->n_stored = 0;
    for (size_t i = 0; i < arrival->n_deliveries; i++) {
        bool is_new = false;
        bool stored = false;
        if (!deliver(txn, commit, &arrival->deliveries[i], &is_new, &stored, fault)) {
            return fault_wrap(fault, "store a message");
        }
        any_new = any_new || is_new;
        arrival->deliveries[i].is_stored = stored;
        commit->n_stored += stored ? 1 : 0;
    }
    /* A resend (a new signature over the same) is acknowledged again, an exact copy is not. */
    if (any_new && arrival->ack_object.len > 0 && !write_ack(txn, commit, fault)) {
        return false;
    }
    if (commit->n_stored > 0 && arrival->list_id != 0 &&
        !mailing_list_keep(mail_txn_db(txn), arrival, fault)) {
        return false;
    }
    return pubkeys_store(txn, &arrival->trial.sender, true, fault) &&
           outgoing_came_home(txn, arrival->hash, fault) &&
           forget_tries(mail_txn_db(txn), arrival->hash, fault) &&
           (!commit->has_mark || walk_write(mail_txn_db(txn), &commit->mark, fault));
}

bool arrival_count_try(struct db *db, uint32_t *out_tries, const uint8_t hash[OBJECT_HASH_BYTES],
                       struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "INSERT INTO object_try (hash, tries) VALUES (?1, 1)"
                                      " ON CONFLICT (hash) DO UPDATE SET tries = tries + 1"
                                      " RETURNING tries",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){hash, OBJECT_HASH_BYTES});
    if (db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    *out_tries = (uint32_t)db_column_i64(stmt, 0);
    return db_run(stmt, fault);
}
