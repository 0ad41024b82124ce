// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/outgoing_db.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/db.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "gateway/agent/outgoing/outgoing_shown.h"
#include "gateway/agent/work/object_jobs_db.h"
#include "gateway/store/mail_txn.h"
#include "gateway/translate/report.h"
#include "mailproto/smtp/smtp_session.h"

bool outgoing_add_mail(struct mail_txn *txn, int64_t *out_mail_id,
                       const struct outgoing_new_mail *mail, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct db_stmt *stmt = db_prepare(
        db,
        "INSERT INTO outgoing_mail (account_id, sender, message_id, subject, content_plain,"
        " content_extended, needs_extended, ttl_sec, accepted_sec, email_id, sent_mailbox, "
        "sent_uid,"
        " outbox_mailbox, outbox_uid, envelope_id, return_full)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mail->account_id);
    db_bind_text(stmt, 2, mail->sender);
    db_bind_text(stmt, 3, mail->message_id);
    db_bind_text(stmt, 4, mail->subject);
    db_bind_bytes(stmt, 5, mail->content_plain);
    if (mail->content_extended.len > 0) {
        db_bind_bytes(stmt, 6, mail->content_extended);
    } else {
        db_bind_null(stmt, 6);
    }
    db_bind_i64(stmt, 7, mail->form);
    db_bind_i64(stmt, 8, mail->ttl_sec);
    db_bind_i64(stmt, 9, mail->accepted_sec);
    db_bind_i64(stmt, 10, (int64_t)mail->sent.email_id);
    db_bind_i64(stmt, 11, mail->sent.mailbox_id);
    db_bind_i64(stmt, 12, mail->sent.uid);
    db_bind_i64(stmt, 13, mail->outbox.mailbox_id);
    db_bind_i64(stmt, 14, mail->outbox.uid);
    db_bind_text(stmt, 15, mail->envelope_id);
    db_bind_i64(stmt, 16, mail->return_full);
    if (!db_run(stmt, fault)) {
        return fault_wrap(fault, "queue the mail");
    }
    *out_mail_id = db_last_insert_id(db);
    return true;
}

bool outgoing_add_recipient(struct mail_txn *txn, int64_t *out_id,
                            const struct outgoing_new_recipient *recipient, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct db_stmt *stmt =
        db_prepare(db,
                   "INSERT INTO outgoing (mail_id, recipient, kind, state, ackdata, ttl_sec,"
                   " since_sec, notify, original, ticket, program_id)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, randomblob(16))",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, recipient->mail_id);
    db_bind_text(stmt, 2, recipient->recipient);
    db_bind_i64(stmt, 3, recipient->kind);
    db_bind_i64(stmt, 4, OUTGOING_QUEUED);
    db_bind_bytes(stmt, 5, recipient->ackdata);
    db_bind_i64(stmt, 6, recipient->ttl_sec);
    db_bind_i64(stmt, 7, mail_txn_now_sec(txn));
    db_bind_i64(stmt, 8, recipient->notify);
    db_bind_text(stmt, 9, recipient->original);
    db_bind_bytes(stmt, 10, recipient->ticket);
    if (!db_run(stmt, fault)) {
        return fault_wrap(fault, "queue a recipient");
    }
    *out_id = db_last_insert_id(db);
    return true;
}

/* ---- the state machine ---- */

struct current {
    int64_t mail_id;
    enum outgoing_state state;
    uint32_t tries;
    unsigned notify;
    bool has_ack;
    bool has_left;
    enum outgoing_kind kind;
};

static bool read_current(struct db *db, struct current *out, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT mail_id, state, tries, notify, ack_packet IS NOT NULL, kind, n_sent > 0"
                   " FROM outgoing WHERE id = ?1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_DONE) {
        return fault_set(fault, FAULT_NOT_FOUND, "there is no number %" PRId64 " in the queue", id);
    }
    if (step != DB_ROW) {
        return false;
    }
    out->mail_id = db_column_i64(stmt, 0);
    int64_t state = db_column_i64(stmt, 1);
    out->tries = (uint32_t)db_column_i64(stmt, 2);
    out->notify = (unsigned)db_column_i64(stmt, 3);
    out->has_ack = db_column_i64(stmt, 4) != 0;
    out->kind = (enum outgoing_kind)db_column_i64(stmt, 5);
    out->has_left = db_column_i64(stmt, 6) != 0;
    db_reset(stmt);
    if (state < 0 || state >= OUTGOING_N_STATES) {
        return fault_set(fault, FAULT_CORRUPT, "a row of the queue has no known state");
    }
    out->state = (enum outgoing_state)state;
    return true;
}

/* RFC 3461 section 4.1: without NOTIFY failures and delays are reported. */
static bool wants(const struct current *current, unsigned notify, bool by_default)
{
    return current->notify == 0 ? by_default : (current->notify & notify) != 0;
}

/* Which report a change calls for. */
static unsigned report_of(const struct current *current, const struct outgoing_change *change)
{
    bool is_final_when_sent = !current->has_ack && current->kind != OUTGOING_TO_OWN;
    switch (change->to) {
    case OUTGOING_FAILED:
        return wants(current, SMTP_NOTIFY_FAILURE, true) ? REPORT_FAILED : 0;
    case OUTGOING_DELIVERED:
        return wants(current, SMTP_NOTIFY_SUCCESS, false) ? REPORT_DELIVERED : 0;
    case OUTGOING_SENT:
        return is_final_when_sent && wants(current, SMTP_NOTIFY_SUCCESS, false) ? REPORT_RELAYED
                                                                                : 0;
    case OUTGOING_HELD:
        return wants(current, SMTP_NOTIFY_DELAY, true) ? REPORT_DELAYED : 0;
    case OUTGOING_WORKING: /* once more, after no acknowledgement came */
        return current->state == OUTGOING_SENT && change->why == REPORT_WHY_NO_ACK &&
                       wants(current, SMTP_NOTIFY_DELAY, true)
                   ? REPORT_DELAYED
                   : 0;
    case OUTGOING_QUEUED:
    case OUTGOING_AWAITING_KEY:
    case OUTGOING_CANCELLED:
        break;
    }
    return 0;
}

static bool change_row(struct mail_txn *txn, int64_t id, const struct current *current,
                       const struct outgoing_change *change, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        mail_txn_db(txn),
        "UPDATE outgoing SET state = ?2, reason = ?3, next_sec = ?4, tries = ?5, since_sec = ?6,"
        " report_due = report_due | ?7, why = ?8,"
        " told_sec = CASE WHEN ?7 & ?9 THEN ?6 ELSE told_sec END WHERE id = ?1",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, change->to);
    db_bind_text(stmt, 3, change->reason == NULL ? "" : change->reason);
    db_bind_i64(stmt, 4, change->next_sec);
    db_bind_i64(stmt, 5, change->tries < 0 ? (int64_t)current->tries : change->tries);
    db_bind_i64(stmt, 6, mail_txn_now_sec(txn));
    db_bind_i64(stmt, 7, report_of(current, change));
    db_bind_i64(stmt, 8, change->why);
    db_bind_i64(stmt, 9, REPORT_DELAYED);
    return db_run(stmt, fault);
}

/* The ack of an earlier try has expired by the time of the next one. */
static bool forget_ack(struct db *db, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "UPDATE outgoing SET ack_packet = NULL WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    return db_run(stmt, fault);
}

bool outgoing_change(struct mail_txn *txn, int64_t id, const struct outgoing_change *change,
                     struct fault *fault)
{
    struct current current;
    if (!read_current(mail_txn_db(txn), &current, id, fault)) {
        return false;
    }
    if (!outgoing_state_may_become(current.state, change->to)) {
        return fault_set(fault, FAULT_INVALID, "a mail that is %s can't become %s",
                         outgoing_state_name(current.state), outgoing_state_name(change->to));
    }
    log_info("agent", "outgoing id=%" PRId64 " %s -> %s", id, outgoing_state_name(current.state),
             outgoing_state_name(change->to));
    bool goes_again = (current.state == OUTGOING_SENT && change->to == OUTGOING_WORKING) ||
                      current.state == OUTGOING_FAILED;
    if (goes_again && !forget_ack(mail_txn_db(txn), id, fault)) {
        return false;
    }
    return change_row(txn, id, &current, change, fault) &&
           outgoing_show_mail(txn, current.mail_id, fault);
}

bool outgoing_cancel(struct mail_txn *txn, int64_t id, struct fault *fault)
{
    struct current current;
    bool is_leaving = false;
    if (!read_current(mail_txn_db(txn), &current, id, fault) ||
        !object_jobs_is_leaving(mail_txn_db(txn), &is_leaving, id, fault)) {
        return false;
    }
    if (is_leaving) {
        return fault_set(fault, FAULT_INVALID, "it is leaving this very moment");
    }
    bool goes_again = current.state == OUTGOING_WORKING && current.has_left;
    const struct outgoing_change change = {
        .to = goes_again ? OUTGOING_SENT : OUTGOING_CANCELLED,
        .reason = goes_again ? "it is not sent again, as was asked" : NULL,
        .tries = -1,
    };
    return outgoing_change(txn, id, &change, fault) &&
           object_jobs_drop_unsent(mail_txn_db(txn), id, fault);
}

/* Not by outgoing_change: no mail goes this way but by a restore. */
static bool hold_rows(struct db *db, const char *reason, int64_t now_sec, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "UPDATE main.outgoing SET state = ?1, reason = ?2,"
                                      " since_sec = ?3, next_sec = 0, ack_packet = NULL"
                                      " WHERE state < ?1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, OUTGOING_HELD);
    db_bind_text(stmt, 2, reason);
    db_bind_i64(stmt, 3, now_sec);
    if (!db_run(stmt, fault)) {
        return false;
    }
    stmt = db_prepare(db,
                      "DELETE FROM main.object_job WHERE outgoing_id IN"
                      " (SELECT id FROM main.outgoing WHERE state = ?1)",
                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, OUTGOING_HELD);
    return db_run(stmt, fault);
}

bool outgoing_hold_all(struct mail_txn *txn, const char *reason, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct db_stmt *stmt =
        db_prepare(db, "SELECT DISTINCT mail_id FROM main.outgoing WHERE state = ?1", fault);
    if (stmt == NULL || !hold_rows(db, reason, mail_txn_now_sec(txn), fault)) {
        return false;
    }
    int64_t *ids = NULL;
    size_t n_ids = 0;
    size_t capacity = 0;
    enum db_step step;
    db_bind_i64(stmt, 1, OUTGOING_HELD);
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        ids = array_grow(ids, n_ids, &capacity, sizeof(*ids));
        ids[n_ids++] = db_column_i64(stmt, 0);
    }
    bool ok = step == DB_DONE;
    for (size_t i = 0; ok && i < n_ids; i++) {
        ok = outgoing_show_mail(txn, ids[i], fault);
    }
    free(ids);
    return ok;
}

bool outgoing_cancel_mail(struct mail_txn *txn, uint64_t email_id, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT o.id, m.id FROM outgoing o JOIN outgoing_mail m ON m.id = o.mail_id"
                   " WHERE m.email_id = ?1 AND o.state <= ?2",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)email_id);
    db_bind_i64(stmt, 2, OUTGOING_HELD);
    int64_t *ids = NULL;
    size_t n_ids = 0;
    size_t capacity = 0;
    int64_t mail_id = 0;
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        ids = array_grow(ids, n_ids, &capacity, sizeof(*ids));
        ids[n_ids++] = db_column_i64(stmt, 0);
        mail_id = db_column_i64(stmt, 1);
    }
    bool ok = step == DB_DONE && (mail_id == 0 || outgoing_forget_copy(txn, mail_id, fault));
    for (size_t i = 0; ok && i < n_ids; i++) {
        struct fault why = {0};
        if (!outgoing_cancel(txn, ids[i], &why) && why.code != FAULT_INVALID) {
            ok = fault_set(fault, why.code, "%s", why.text);
        }
    }
    free(ids);
    return ok;
}

bool outgoing_keep_ack(struct mail_txn *txn, int64_t id, struct bytes packet, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(mail_txn_db(txn), "UPDATE outgoing SET ack_packet = ?2 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_bytes(stmt, 2, packet);
    return db_run(stmt, fault);
}

static bool count_departure(struct db *db, int64_t id, const struct outgoing_departure *departure,
                            struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "UPDATE outgoing SET n_sent = n_sent + 1, program_id = ?3,"
                   " left_sec = CASE left_sec WHEN 0 THEN ?2 ELSE left_sec END WHERE id = ?1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, departure->now_sec);
    db_bind_bytes(stmt, 3, (struct bytes){departure->hash, INVENTORY_HASH_BYTES});
    return db_run(stmt, fault);
}

/* So that a reply which names this object is put into the mail's thread. */
static bool remember_object(struct mail_txn *txn, int64_t mail_id, const uint8_t *hash,
                            struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(mail_txn_db(txn),
                   "INSERT OR IGNORE INTO object_mail (hash, account_id, message_id, sec)"
                   " SELECT ?1, account_id, message_id, ?3 FROM outgoing_mail WHERE id = ?2",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){hash, INVENTORY_HASH_BYTES});
    db_bind_i64(stmt, 2, mail_id);
    db_bind_i64(stmt, 3, mail_txn_now_sec(txn));
    return db_run(stmt, fault);
}

bool outgoing_left(struct mail_txn *txn, int64_t id, const struct outgoing_departure *departure,
                   struct fault *fault)
{
    struct current current;
    if (!read_current(mail_txn_db(txn), &current, id, fault)) {
        return false;
    }
    int64_t wait_sec = departure->resend_after_sec > 0
                           ? departure->resend_after_sec
                           : departure->ttl_sec + departure->ttl_sec / 10;
    const struct outgoing_change change = {
        .to = OUTGOING_SENT,
        .next_sec = current.has_ack ? departure->now_sec + wait_sec : 0,
        .tries = (int)current.tries + 1,
    };
    /* It may have been acknowledged while the node wrote it down. */
    return (current.state != OUTGOING_WORKING || outgoing_change(txn, id, &change, fault)) &&
           count_departure(mail_txn_db(txn), id, departure, fault) &&
           remember_object(txn, current.mail_id, departure->hash, fault);
}

bool outgoing_refused(struct mail_txn *txn, int64_t id, const char *reason, struct fault *fault)
{
    struct current current;
    const struct outgoing_change change = {
        .to = OUTGOING_FAILED, .why = REPORT_WHY_REFUSED, .reason = reason, .tries = -1};
    return read_current(mail_txn_db(txn), &current, id, fault) &&
           (current.state != OUTGOING_WORKING || outgoing_change(txn, id, &change, fault));
}

/* `has_left`: it is known to be at the node, also where that has not been written down yet. */
static bool arrived(struct mail_txn *txn, int64_t id, bool has_left, struct fault *fault)
{
    struct current current;
    if (!read_current(mail_txn_db(txn), &current, id, fault)) {
        return false;
    }
    /* It arrived while it was about to be sent once more: it need not be. */
    static const enum outgoing_state road[] = {OUTGOING_WORKING, OUTGOING_SENT, OUTGOING_DELIVERED};
    bool open = current.state == OUTGOING_SENT || current.state == OUTGOING_WORKING ||
                current.state == OUTGOING_QUEUED || current.state == OUTGOING_AWAITING_KEY;
    if (!open || !(has_left || current.has_left)) {
        return true;
    }
    if (!object_jobs_drop_unsent(mail_txn_db(txn), id, fault)) {
        return false;
    }
    size_t from = current.state == OUTGOING_SENT ? 2 : current.state == OUTGOING_WORKING ? 1 : 0;
    for (size_t i = from; i < ARRAY_LEN(road); i++) {
        const struct outgoing_change change = {.to = road[i], .tries = -1};
        if (!outgoing_change(txn, id, &change, fault)) {
            return false;
        }
    }
    return true;
}

bool outgoing_acknowledged(struct mail_txn *txn, int64_t id, struct fault *fault)
{
    return arrived(txn, id, false, fault);
}

bool outgoing_came_home(struct mail_txn *txn, const uint8_t *hash, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(mail_txn_db(txn),
                                      "SELECT o.id FROM object_job j"
                                      " JOIN outgoing o ON o.id = j.outgoing_id"
                                      " WHERE j.hash = ?1 AND o.kind = ?2",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){hash, INVENTORY_HASH_BYTES});
    db_bind_i64(stmt, 2, OUTGOING_TO_OWN);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    int64_t id = db_column_i64(stmt, 0);
    db_reset(stmt);
    return arrived(txn, id, true, fault); /* the node may send it back before it answers */
}

bool outgoing_reported(struct mail_txn *txn, int64_t id, unsigned kinds, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        mail_txn_db(txn), "UPDATE outgoing SET report_due = report_due & ~?2 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, kinds);
    return db_run(stmt, fault);
}

bool outgoing_tell_late(struct mail_txn *txn, int64_t id, struct fault *fault)
{
    struct current current;
    if (!read_current(mail_txn_db(txn), &current, id, fault)) {
        return false;
    }
    struct db_stmt *stmt = db_prepare(
        mail_txn_db(txn),
        "UPDATE outgoing SET report_due = report_due | ?2, told_sec = ?3 WHERE id = ?1", fault);
    if (!outgoing_state_is_in_outbox(current.state) || !wants(&current, SMTP_NOTIFY_DELAY, true)) {
        return true;
    }
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, REPORT_DELAYED);
    db_bind_i64(stmt, 3, mail_txn_now_sec(txn));
    return db_run(stmt, fault);
}
