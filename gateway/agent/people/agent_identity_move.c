// SPDX-License-Identifier: MIT
/* An identity goes to another account, with the mails that it sent or received.
 *
 * Its mails are found by its address in their header, and go to the folders of the same names, some
 * hundreds a transaction. The identity itself follows in the transaction that finds no more: until
 * then it is the old account's, and after a crash the same call goes on where it was. */
#include <stdio.h>
#include <string.h>

#include "base/db.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/store/accounts.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/messages.h"

enum { BATCH = 200 };

struct move {
    int64_t from_account;
    int64_t to_account;
    bool is_chan;
    bool is_done;
    char folded[ADDRESS_TEXT_BYTES]; /* the address as the search text has it: in lower case */
};

struct found_mail {
    struct message_place place;
    char *folder; /* in the operation's arena */
};

static bool find_mails(struct db *db, struct person_op *op, struct found_mail *out, size_t *out_n,
                       struct fault *fault)
{
    const struct move *move = op->details;
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT m.mailbox_id, m.uid, m.body_id, b.name FROM mailbox b"
                                      " JOIN message m ON m.mailbox_id = b.id"
                                      " JOIN body_header t ON t.body_id = m.body_id"
                                      " WHERE b.account_id = ?1 AND b.kind <> ?2"
                                      " AND instr(CAST(t.header_text AS TEXT), ?3) > 0 LIMIT ?4",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, move->from_account);
    db_bind_i64(stmt, 2, FOLDER_OUTBOX);
    db_bind_text(stmt, 3, move->folded);
    db_bind_i64(stmt, 4, BATCH);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct found_mail *mail = &out[(*out_n)++];
        mail->place.mailbox_id = db_column_i64(stmt, 0);
        mail->place.uid = (uint32_t)db_column_i64(stmt, 1);
        mail->place.email_id = (uint64_t)db_column_i64(stmt, 2);
        mail->folder = arena_strdup(&op->arena, db_column_text(stmt, 3));
    }
    return step == DB_DONE;
}

/* The queue knows where the copy in Sent stands. */
static bool follow_sent_copy(struct db *db, const struct message_place *from,
                             const struct message_place *to, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "UPDATE outgoing_mail SET sent_mailbox = ?3, sent_uid = ?4"
                                      " WHERE sent_mailbox = ?1 AND sent_uid = ?2",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, from->mailbox_id);
    db_bind_i64(stmt, 2, from->uid);
    db_bind_i64(stmt, 3, to->mailbox_id);
    db_bind_i64(stmt, 4, to->uid);
    return db_run(stmt, fault);
}

static bool move_mail(struct mail_txn *txn, const struct move *move, const struct found_mail *mail,
                      struct fault *fault)
{
    int64_t mailbox = 0;
    struct message_place to;
    struct db *db = mail_txn_db(txn);
    return folders_ensure(txn, &mailbox, move->to_account, mail->folder, fault) &&
           messages_add_copy(txn, &to, mailbox, &mail->place, fault) &&
           messages_take_out(txn, mail->place.mailbox_id, mail->place.uid, fault) &&
           follow_sent_copy(db, &mail->place, &to, fault) &&
           person_run_sql(db, "UPDATE body SET account_id = ?2 WHERE id = ?1",
                          (int64_t)mail->place.email_id, move->to_account, NULL, fault);
}

static bool has_mail_under_way(struct db *db, bool *out, const char *address, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT 1 FROM outgoing_mail m JOIN outgoing o ON o.mail_id = m.id"
                   " WHERE m.sender = ?1 AND m.outbox_uid <> 0 LIMIT 1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, address);
    enum db_step step = db_step(stmt, fault);
    *out = step == DB_ROW;
    db_reset(stmt);
    return step != DB_FAILED;
}

/* What hangs on it: its names to log in under, threads, the queue's rows, a chan's folder. */
static bool move_identity(struct mail_txn *txn, const struct person_op *op, struct fault *fault)
{
    const struct move *move = op->details;
    struct db *db = mail_txn_db(txn);
    char folder[PERSON_FOLDER_BYTES];
    char address[ADDRESS_TEXT_BYTES];
    int64_t mailbox = 0;
    address_encode(address, &op->address);
    (void)snprintf(folder, sizeof(folder), FOLDER_NAME_CHANS "/%s", op->old_label);
    return (!move->is_chan || (folders_drop(txn, move->from_account, folder, fault) &&
                               folders_ensure(txn, &mailbox, move->to_account, folder, fault))) &&
           person_run_sql(db,
                          "UPDATE identity SET account_id = ?2 WHERE account_id = ?1"
                          " AND address = ?3",
                          move->from_account, move->to_account, address, fault) &&
           person_run_sql(db, "UPDATE identity SET mailbox_id = ?2 WHERE id = ?1", op->own_id,
                          mailbox, NULL, fault) &&
           person_run_sql(db,
                          "UPDATE login_alias SET account_id = ?2 WHERE account_id = ?1"
                          " AND (name = ?3 OR name = ?3 || '@" ADDRESS_FORM_DOMAIN "')",
                          move->from_account, move->to_account, address, fault) &&
           person_run_sql(db,
                          "UPDATE outgoing_mail SET account_id = ?2 WHERE account_id = ?1"
                          " AND sender = ?3",
                          move->from_account, move->to_account, address, fault) &&
           person_run_sql(
               db,
               "INSERT OR IGNORE INTO object_mail (hash, account_id, message_id, sec)"
               " SELECT hash, ?2, message_id, sec FROM object_mail WHERE account_id = ?1",
               move->from_account, move->to_account, NULL, fault);
}

static bool write_move(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    struct move *move = op->details;
    struct found_mail mails[BATCH];
    size_t n_mails = 0;
    bool under_way = false;
    if (!has_mail_under_way(mail_txn_db(txn), &under_way, buf_str(&op->text), fault) ||
        !find_mails(mail_txn_db(txn), op, mails, &n_mails, fault)) {
        return false;
    }
    if (under_way) {
        return fault_set(fault, FAULT_BUSY,
                         "mails of this identity are under way: let them leave, or cancel them");
    }
    for (size_t i = 0; i < n_mails; i++) {
        if (!move_mail(txn, move, &mails[i], fault)) {
            return false;
        }
    }
    move->is_done = n_mails == 0;
    return n_mails > 0 || move_identity(txn, op, fault);
}

static void after_move(struct person_op *op)
{
    const struct move *move = op->details;
    if (!move->is_done) {
        person_op_write(op);
        return;
    }
    log_info("agent", "identity moved to another account");
    person_op_finish(op, NULL);
}

void agent_identity_move(struct agent *agent, const char *who, const char *account,
                         struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_move, done);
    struct move *move = arena_alloc(&op->arena, sizeof(*move));
    *move = (struct move){0};
    op->details = move;
    op->after = after_move;
    bool ok = person_op_take_account(op, account, &fault);
    move->to_account = op->account_id;
    ok = ok && person_op_take_own(op, who, &fault);
    move->from_account = op->account_id;
    if (ok && move->from_account == move->to_account) {
        ok = fault_set(&fault, FAULT_EXISTS, "the identity is in that account already");
    }
    if (!ok) {
        person_op_refuse(op, &fault);
        return;
    }
    const struct own_key *own = keyring_by_id(&agent->keyring, op->own_id);
    move->is_chan = own->kind == IDENTITY_CHAN && own->enabled;
    for (size_t i = 0; own->text[i] != '\0'; i++) {
        move->folded[i] = ascii_lower(own->text[i]);
    }
    person_op_write(op);
}
