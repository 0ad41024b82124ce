// SPDX-License-Identifier: MIT
/* The front door's calls about chans: joined and left. Whoever knows a chan's name has its keys.
 *
 * A chan that was left keeps its row, switched off, so that its label leads back to it and to no
 * other (folder_watch.c joins by folder and holds to the same). */
#include <stdio.h>

#include "base/db.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"

/* ---- joining ---- */

/* Does another chan of the account stand in the folder of that name? */
static bool label_is_free(struct db *db, const struct person_op *op, const char *address,
                          struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT 1 FROM identity WHERE account_id = ?1 AND kind = ?2 AND enabled = 1"
                   " AND label = ?3 AND address <> ?4",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, op->account_id);
    db_bind_i64(stmt, 2, IDENTITY_CHAN);
    db_bind_text(stmt, 3, op->label);
    db_bind_text(stmt, 4, address);
    enum db_step step = db_step(stmt, fault);
    db_reset(stmt);
    return step == DB_DONE ||
           (step == DB_ROW &&
            fault_set(fault, FAULT_EXISTS,
                      "another chan is called '%.80s' here: give this one a label of its own",
                      op->label));
}

static bool write_join(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    const struct new_key key = {
        .account_id = op->account_id,
        .kind = IDENTITY_CHAN,
        .address = op->address,
        .label = op->label,
        .keys = &op->keys->items[0],
        .demand = agent_least(op->agent),
        .now_sec = mail_txn_now_sec(txn),
    };
    char name[PERSON_FOLDER_BYTES];
    char text[ADDRESS_TEXT_BYTES];
    int64_t mailbox = 0;
    address_encode(text, &op->address);
    (void)snprintf(name, sizeof(name), FOLDER_NAME_CHANS "/%s", op->label);
    return label_is_free(db, op, text, fault) && keyring_write_new(db, &op->id, &key, fault) &&
           folders_ensure(txn, &mailbox, op->account_id, name, fault) &&
           person_run_sql(db, "UPDATE identity SET mailbox_id = ?2 WHERE id = ?1", op->id, mailbox,
                          NULL, fault);
}

/* `number` 1: the name must lead to the address that was given. */
static void name_has_keys(struct person_op *op)
{
    const struct identity_keys *keys = &op->keys->items[0];
    struct address made = address_of_keys(op->address.version, op->address.stream,
                                          &keys->signing_public, &keys->encryption_public);
    if (op->number != 0 && !address_equal(&made, &op->address)) {
        struct fault fault = {0};
        (void)fault_set(&fault, FAULT_INVALID,
                        "the chan's name and its address do not belong together");
        person_op_finish(op, &fault);
        return;
    }
    op->address = made;
    person_op_answer_address(op);
    person_op_write(op);
}

static bool take_name(struct person_op *op, const char *name, const char *address,
                      struct fault *fault)
{
    op->address.version = 4;
    op->address.stream = 1;
    if (name == NULL || name[0] == '\0') {
        return fault_set(fault, FAULT_INVALID, "a chan has a name");
    }
    if (address == NULL) {
        return true;
    }
    op->number = 1;
    return person_op_take_address(op, address, NULL, fault);
}

void agent_chan_join(struct agent *agent, const char *account, const char *name,
                     const char *address, const char *label, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_join, done);
    if (!take_name(op, name, address, &fault) || !person_op_take_account(op, account, &fault) ||
        !person_op_take_folder_label(op, label == NULL ? name : label, &fault) ||
        (op->label[0] == '\0' && !fault_set(&fault, FAULT_INVALID, "a chan's folder has a name"))) {
        person_op_refuse(op, &fault);
        return;
    }
    person_op_search(op, name, 1, 1, name_has_keys);
}

/* ---- leaving ---- */

static bool write_leave(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    char name[PERSON_FOLDER_BYTES];
    (void)snprintf(name, sizeof(name), FOLDER_NAME_CHANS "/%s", op->old_label);
    return person_run_sql(mail_txn_db(txn),
                          "UPDATE identity SET enabled = 0, mailbox_id = ?2 WHERE id = ?1",
                          op->own_id, 0, NULL, fault) &&
           folders_drop(txn, op->account_id, name, fault);
}

void agent_chan_leave(struct agent *agent, const char *who, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_leave, done);
    bool ok = person_op_take_own(op, who, &fault);
    if (ok && keyring_by_id(&agent->keyring, op->own_id)->kind != IDENTITY_CHAN) {
        ok = fault_set(&fault, FAULT_INVALID, "that is an identity, not a chan");
    }
    if (!ok) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}
