// SPDX-License-Identifier: MIT
/* Who may write: the block and allow lists of an account, and the block list of a chan. How they
 * are applied stands in sender_rules.h. */
#include "base/db.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/agent/people/sender_rules.h"
#include "gateway/store/mail_txn.h"

/* With a chan `number` is 0 or 1: its list only blocks. */
static bool write_rule(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    char address[ADDRESS_TEXT_BYTES];
    address_encode(address, &op->address);
    return op->own_id != 0 ? sender_rules_write_chan(mail_txn_db(txn), op->own_id, address,
                                                     op->number == AGENT_RULE_BLOCK, fault)
                           : sender_rules_write(mail_txn_db(txn), op->account_id, address,
                                                (enum agent_rule)op->number, fault);
}

static bool take_chan(struct person_op *op, const char *chan, struct fault *fault)
{
    if (!person_op_take_own(op, chan, fault)) {
        return false;
    }
    return keyring_by_id(&op->agent->keyring, op->own_id)->kind == IDENTITY_CHAN ||
           fault_set(fault, FAULT_INVALID, "that is an identity, not a chan");
}

void agent_rule_set(struct agent *agent, const char *account, const char *chan, const char *who,
                    enum agent_rule rule, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_rule, done);
    op->number = rule;
    bool ok =
        chan != NULL ? take_chan(op, chan, &fault) : person_op_take_account(op, account, &fault);
    if (!ok || !person_op_take_known(op, who, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

bool agent_rule_list(struct agent *agent,
                     void (*each)(void *context, const struct agent_rule_info *info), void *context,
                     struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(agent_reader(agent),
                   "SELECT a.name, '', r.address, r.listed, r.account_id FROM sender_rule r"
                   " JOIN account a ON a.id = r.account_id"
                   " UNION ALL SELECT a.name, i.label, c.address, 0, i.account_id FROM chan_rule c"
                   " JOIN identity i ON i.id = c.identity_id JOIN account a ON a.id = i.account_id"
                   " ORDER BY 1, 2, 3",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct address address;
        const char *text = db_column_text(stmt, 2);
        bool known = address_decode(&address, bytes_of_str(text)) == ADDRESS_OK;
        const struct agent_rule_info info = {
            .account = db_column_text(stmt, 0),
            .chan = db_column_text(stmt, 1),
            .address = text,
            .label = known ? keyring_label(&agent->keyring, db_column_i64(stmt, 4), &address) : "",
            .rule = db_column_i64(stmt, 3) != 0 ? AGENT_RULE_ALLOW : AGENT_RULE_BLOCK,
        };
        each(context, &info);
    }
    return step == DB_DONE;
}
