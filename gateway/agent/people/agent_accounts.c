// SPDX-License-Identifier: MIT
/* The front door's calls about accounts: made, listed, given a password or a bound, deleted. */
#include <string.h>

#include "base/db.h"
#include "base/log.h"
#include "gateway/agent/outgoing/reports.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/store/accounts.h"
#include "gateway/store/mail_txn.h"
#include "mailproto/sasl/sasl.h"

/* ---- passwords ---- */

struct password_details {
    struct sasl_credential credential;
    bool welcome;
};

/* The password, generated (then it is the answer) or given, and what is kept of it. */
static bool take_password(struct person_op *op, const char *password, struct fault *fault)
{
    struct password_details *details = op->details;
    char generated[SASL_GENERATED_PASSWORD_BYTES];
    if (password == NULL) {
        sasl_generate_password(generated);
        buf_append_str(&op->text, generated);
        password = generated;
    }
    bool ok =
        sasl_credential_make(&details->credential, bytes_of_str(password), SASL_DEFAULT_ITERATIONS);
    mem_wipe(generated, sizeof(generated));
    return ok || fault_set(fault, FAULT_INVALID, "a password has 1 to %d bytes",
                           (int)SASL_MAX_PASSWORD_BYTES);
}

static struct person_op *password_op(struct agent *agent,
                                     bool (*write)(struct mail_txn *txn, struct person_op *op,
                                                   struct fault *fault),
                                     struct agent_done done)
{
    struct person_op *op = person_op_new(agent, write, done);
    op->details = arena_alloc(&op->arena, sizeof(struct password_details));
    memset(op->details, 0, sizeof(struct password_details));
    op->details_secret_bytes = sizeof(struct password_details);
    return op;
}

static bool write_new(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    const struct password_details *details = op->details;
    return accounts_create(txn, &op->id, op->account, fault) &&
           accounts_set_credential(mail_txn_db(txn), op->id, &details->credential, fault);
}

static bool write_password(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    const struct password_details *details = op->details;
    op->id = op->account_id;
    return accounts_set_credential(mail_txn_db(txn), op->account_id, &details->credential, fault);
}

static void welcomed(void *context, const struct fault *fault)
{
    person_op_finish(context, fault);
}

static void after_new(struct person_op *op)
{
    const struct password_details *details = op->details;
    if (!details->welcome) {
        person_op_finish(op, NULL);
        return;
    }
    reports_welcome(op->agent->reports, op->id, op->account, "", "",
                    (struct reports_done){welcomed, op});
}

void agent_account_new(struct agent *agent, const char *name, const char *password, bool welcome,
                       struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = password_op(agent, write_new, done);
    struct password_details *details = op->details;
    op->after = after_new;
    op->account = arena_strdup(&op->arena, name);
    details->welcome = welcome;
    if (!account_name_is_valid(name)) {
        (void)fault_set(&fault, FAULT_INVALID,
                        "an account's name has 1 to %d letters, digits, and . _ - + @",
                        (int)ACCOUNT_NAME_MAX_BYTES);
        person_op_refuse(op, &fault);
    } else if (!take_password(op, password, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

void agent_account_passwd(struct agent *agent, const char *name, const char *password,
                          struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = password_op(agent, write_password, done);
    if (!person_op_take_account(op, name, &fault) || !take_password(op, password, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- the bound ---- */

static bool write_quota(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    const uint64_t *bounds = op->details;
    op->id = op->account_id;
    return accounts_set_quota(mail_txn_db(txn), op->account_id, bounds[0], bounds[1], fault);
}

void agent_account_quota(struct agent *agent, const char *name, uint64_t bytes, uint64_t messages,
                         struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_quota, done);
    const uint64_t bounds[] = {bytes, messages};
    op->details = arena_memdup(&op->arena, bounds, sizeof(bounds));
    if (bytes > INT64_MAX || messages > INT64_MAX) {
        (void)fault_set(&fault, FAULT_INVALID, "no account holds that much");
        person_op_refuse(op, &fault);
    } else if (!person_op_take_account(op, name, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- who may write to it ---- */

static bool write_senders(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    return person_run_sql(mail_txn_db(txn),
                          op->number != 0
                              ? "INSERT INTO account_policy (account_id, allowed_only)"
                                " VALUES (?1, ?2)"
                                " ON CONFLICT (account_id) DO UPDATE SET allowed_only = ?2"
                              : "DELETE FROM account_policy WHERE account_id = ?1 AND ?2 = 0",
                          op->account_id, op->number, NULL, fault);
}

void agent_account_senders(struct agent *agent, const char *name, bool allowed_only,
                           struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_senders, done);
    op->number = allowed_only ? 1 : 0;
    if (!person_op_take_account(op, name, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- deleting ---- */

/* What the agent keeps for an account; its identities' keys are overwritten (secure_delete). */
static bool write_delete(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    static const char *const deletions[] = {
        "DELETE FROM chan_rule WHERE identity_id IN"
        " (SELECT id FROM identity WHERE account_id = ?1) AND ?2 = 0",
        "DELETE FROM list_post WHERE identity_id IN"
        " (SELECT id FROM identity WHERE account_id = ?1) AND ?2 = 0",
        "DELETE FROM identity WHERE account_id = ?1 AND ?2 = 0",
        "DELETE FROM contact WHERE account_id = ?1 AND ?2 = 0",
        "DELETE FROM sender_rule WHERE account_id = ?1 AND ?2 = 0",
        "DELETE FROM account_policy WHERE account_id = ?1 AND ?2 = 0",
        "DELETE FROM broadcast_subscription WHERE account_id = ?1 AND ?2 = 0",
        "DELETE FROM object_job WHERE outgoing_id IN (SELECT o.id FROM outgoing o"
        " JOIN outgoing_mail m ON m.id = o.mail_id WHERE m.account_id = ?1) AND ?2 = 0",
        "DELETE FROM outgoing_mail WHERE account_id = ?1 AND ?2 = 0",
        "DELETE FROM object_mail WHERE account_id = ?1 AND ?2 = 0",
    };
    for (size_t i = 0; i < ARRAY_LEN(deletions); i++) {
        if (!person_run_sql(mail_txn_db(txn), deletions[i], op->account_id, 0, NULL, fault)) {
            return false;
        }
    }
    return accounts_delete(txn, op->account_id, fault);
}

static void after_delete(struct person_op *op)
{
    log_info("agent", "account deleted");
    agent_queue_changed(op->agent);
    person_op_finish(op, NULL);
}

void agent_account_delete(struct agent *agent, const char *name, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_delete, done);
    op->after = after_delete;
    if (!person_op_take_account(op, name, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- listing ---- */

static bool allows_only_listed(struct db *db, int64_t account_id)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT allowed_only FROM account_policy WHERE account_id = ?1", NULL);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    bool allowed_only = db_step(stmt, NULL) == DB_ROW && db_column_i64(stmt, 0) != 0;
    db_reset(stmt);
    return allowed_only;
}

const char *agent_account_find_name(struct agent *agent, int64_t id, struct arena *arena)
{
    struct account account;
    return accounts_get(agent_reader(agent), &account, id, arena, NULL) ? account.name : NULL;
}

void agent_account_list(struct agent *agent,
                        void (*each)(void *context, const struct agent_account_info *info),
                        void *context)
{
    struct account *accounts = NULL;
    size_t n_accounts = 0;
    struct fault fault = {0};
    arena_clear(&agent->account_names);
    if (!accounts_list(agent_reader(agent), &accounts, &n_accounts, &agent->account_names,
                       &fault)) {
        log_warn("agent", "accounts not listed reason=\"%s\"", fault.text);
        return;
    }
    for (size_t i = 0; i < n_accounts; i++) {
        struct agent_account_info info = {
            .id = accounts[i].id,
            .name = accounts[i].name,
            .created_sec = accounts[i].created_sec,
            .n_messages = accounts[i].used_messages,
            .n_bytes = accounts[i].used_bytes,
            .quota_messages = accounts[i].quota_messages,
            .quota_bytes = accounts[i].quota_bytes,
            .allowed_only = allows_only_listed(agent_reader(agent), accounts[i].id),
        };
        for (size_t k = 0; k < agent->keyring.n_own; k++) {
            const struct own_key *own = &agent->keyring.own[k];
            info.n_identities += own->account_id == info.id && own->kind == IDENTITY_OWN ? 1 : 0;
        }
        each(context, &info);
    }
}
