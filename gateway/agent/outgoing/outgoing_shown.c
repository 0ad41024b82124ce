// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/outgoing_shown.h"

#include "base/db.h"
#include "gateway/agent/outgoing/outgoing_state.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/messages.h"

/* outbox_mailbox of a mail whose copy a client took out: it is not put back. */
enum { OUTBOX_TAKEN_OUT = -1 };

struct shown_mail {
    enum outgoing_state state;
    bool in_outbox;
    bool has_recipients;
};

static bool read_shown(struct db *db, struct shown_mail *out, int64_t mail_id, struct fault *fault)
{
    /* Not DISTINCT: for that SQLite makes a table, which costs more than the rows of a mail. */
    struct db_stmt *stmt = db_prepare(db, "SELECT state FROM outgoing WHERE mail_id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mail_id);
    enum outgoing_state states[OUTGOING_N_STATES];
    bool is_there[OUTGOING_N_STATES] = {false};
    size_t n_states = 0;
    enum db_step step;
    *out = (struct shown_mail){0};
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        int64_t state = db_column_i64(stmt, 0);
        if (state < 0 || state >= OUTGOING_N_STATES) {
            db_reset(stmt);
            return fault_set(fault, FAULT_CORRUPT, "a row of the queue has no known state");
        }
        if (!is_there[state]) {
            is_there[state] = true;
            states[n_states++] = (enum outgoing_state)state;
        }
        out->in_outbox = out->in_outbox || outgoing_state_is_in_outbox((enum outgoing_state)state);
    }
    if (n_states > 0) {
        out->state = outgoing_state_of_mail(states, n_states);
        out->has_recipients = true;
    }
    return step == DB_DONE;
}

static bool set_outbox(struct db *db, int64_t mail_id, int64_t mailbox, uint32_t uid,
                       struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "UPDATE outgoing_mail SET outbox_mailbox = ?2, outbox_uid = ?3 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mail_id);
    db_bind_i64(stmt, 2, mailbox);
    db_bind_i64(stmt, 3, uid);
    return db_run(stmt, fault);
}

/* A mail that went back to work stands in Outbox again, if its copy in Sent is still where we put
 * it. */
static bool put_back(struct mail_txn *txn, int64_t mail_id, int64_t account_id,
                     const struct message_place *sent, struct fault *fault)
{
    int64_t outbox = 0;
    struct message_place place;
    struct fault why = {0};
    if (!folders_ensure(txn, &outbox, account_id, FOLDER_NAME_OUTBOX, fault)) {
        return false;
    }
    if (!messages_add_copy(txn, &place, outbox, sent, &why)) {
        return why.code == FAULT_NOT_FOUND || fault_set(fault, why.code, "%s", why.text);
    }
    return set_outbox(mail_txn_db(txn), mail_id, place.mailbox_id, place.uid, fault);
}

bool outgoing_show_mail(struct mail_txn *txn, int64_t mail_id, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct shown_mail shown;
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT email_id, outbox_mailbox, outbox_uid, sent_mailbox,"
                                      " sent_uid, account_id FROM outgoing_mail WHERE id = ?1",
                                      fault);
    if (stmt == NULL || !read_shown(db, &shown, mail_id, fault)) {
        return false;
    }
    db_bind_i64(stmt, 1, mail_id);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such mail in the queue");
    }
    uint64_t email_id = (uint64_t)db_column_i64(stmt, 0);
    int64_t outbox_mailbox = db_column_i64(stmt, 1);
    uint32_t outbox_uid = (uint32_t)db_column_i64(stmt, 2);
    struct message_place sent = {db_column_i64(stmt, 3), (uint32_t)db_column_i64(stmt, 4),
                                 email_id};
    int64_t account_id = db_column_i64(stmt, 5);
    db_reset(stmt);

    if (email_id == 0 || !shown.has_recipients) {
        return true;
    }
    if (!shown.in_outbox && outbox_uid != 0) {
        if (!messages_take_out(txn, outbox_mailbox, outbox_uid, fault) ||
            !set_outbox(db, mail_id, 0, 0, fault)) {
            return false;
        }
    } else if (shown.in_outbox && outbox_mailbox == 0 && sent.uid != 0) {
        if (!put_back(txn, mail_id, account_id, &sent, fault)) {
            return false;
        }
    }
    return messages_set_state(txn, email_id, outgoing_state_keyword(shown.state), fault);
}

bool outgoing_forget_copy(struct mail_txn *txn, int64_t mail_id, struct fault *fault)
{
    return set_outbox(mail_txn_db(txn), mail_id, OUTBOX_TAKEN_OUT, 0, fault);
}
