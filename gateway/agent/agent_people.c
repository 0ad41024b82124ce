// SPDX-License-Identifier: MIT
/* Accounts, identities, chans, contacts and subscriptions: the front door's calls about people.
 *
 * Each is one operation by value: keys are searched for in the pool where that takes long, then one
 * transaction writes what there is to write, then the keyring is loaded anew and the caller
 * answered. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/pool.h"
#include "crypto/key_search.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/pubkeys.h"
#include "gateway/agent/reports.h"
#include "gateway/agent/walk_db.h"
#include "gateway/store/accounts.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"
#include "mailproto/sasl/credential.h"
#include "gateway/translate/mail_write.h"

enum { LABEL_MAX_BYTES = 200 };

enum person_op_kind {
    OP_ACCOUNT_NEW,
    OP_ACCOUNT_PASSWD,
    OP_IDENTITY_NEW,
    OP_CHAN_JOIN,
    OP_RENAME,
    OP_ENABLE,
    OP_CHAN_LEAVE,
    OP_ENTRY_ADD,
    OP_ENTRY_REMOVE
};

struct person_op {
    struct agent *agent;
    enum person_op_kind kind;
    struct agent_done done;
    struct deferred answer;
    struct fault fault;
    struct arena arena;

    int64_t account_id;
    const char *account;
    const char *label;
    struct sasl_credential credential;
    char password[SASL_GENERATED_PASSWORD_BYTES];
    bool welcome;

    struct key_search *search;
    struct identity_keys keys;
    bool is_random;
    struct address address;
    bool must_match; /* a chan's name must lead to `address` */
    struct pow_demand least;

    int64_t own_id;
    bool enabled;
    enum agent_entry_kind entry;

    char text[ADDRESS_TEXT_BYTES]; /* what is given back */
    int64_t id;
};

static void op_finish(struct person_op *op, const struct fault *fault)
{
    struct agent_done done = op->done;
    struct fault kept = fault == NULL ? (struct fault){0} : *fault;
    bool gives_password = op->kind == OP_ACCOUNT_NEW || op->kind == OP_ACCOUNT_PASSWD;
    const char *text = fault != NULL ? "" : gives_password ? op->password : op->text;
    if (done.call != NULL && !op->agent->closing) {
        done.call(done.context, fault == NULL ? NULL : &kept, text, op->id);
    }
    deferred_cancel(&op->answer);
    key_search_free(&op->search);
    identity_keys_wipe(&op->keys);
    sasl_credential_wipe(&op->credential);
    mem_wipe(op->password, sizeof(op->password));
    arena_clear(&op->arena);
    free(op);
}

static void answer_refused(void *context)
{
    struct person_op *op = context;
    op_finish(op, &op->fault);
}

static struct person_op *op_new(struct agent *agent, enum person_op_kind kind,
                                struct agent_done done)
{
    struct person_op *op = xcalloc(1, sizeof(*op));
    op->agent = agent;
    op->kind = kind;
    op->done = done;
    op->least = agent_least(agent);
    deferred_init(&op->answer, agent->parts.loop, answer_refused, op);
    return op;
}

/* Not to be done: answered later, as every call is. */
static void op_refuse(struct person_op *op, const struct fault *fault)
{
    op->fault = *fault;
    deferred_arm(&op->answer);
}

/* A label on one line, without what would break a folder's or a header's form. */
static bool take_label(struct person_op *op, const char *label, struct fault *fault)
{
    struct buf clean = {0};
    bool ok = mail_clean_line(&clean, bytes_of_str(label == NULL ? "" : label)) &&
              clean.len <= LABEL_MAX_BYTES;
    if (ok) {
        op->label = arena_strdup(&op->arena, buf_str(&clean));
    }
    buf_clear(&clean);
    return ok || fault_set(fault, FAULT_INVALID, "a label is at most %d bytes of text on one line",
                           (int)LABEL_MAX_BYTES);
}

/* The account that was named; NULL: the only one. */
static bool take_account(struct person_op *op, const char *name, struct fault *fault)
{
    struct db *db = agent_reader(op->agent);
    struct account *accounts = NULL;
    size_t n_accounts = 0;
    if (name != NULL) {
        op->account = arena_strdup(&op->arena, name);
        return accounts_find(db, &op->account_id, name, fault) ||
               fault_set(fault, FAULT_NOT_FOUND, "there is no account '%.60s'", name);
    }
    if (!accounts_list(db, &accounts, &n_accounts, &op->arena, fault)) {
        return false;
    }
    if (n_accounts != 1) {
        return fault_set(fault, FAULT_INVALID,
                         n_accounts == 0 ? "there is no account yet: bittern account new NAME"
                                         : "there are several accounts: say which");
    }
    op->account_id = accounts[0].id;
    op->account = accounts[0].name;
    return true;
}

/* ---- the transactions ---- */

/* An identity's address also logs in, bare and as a mail address. */
static bool add_aliases(struct db *db, int64_t account_id, const char *address, struct fault *fault)
{
    char mail[ADDRESS_MAIL_BYTES];
    (void)snprintf(mail, sizeof(mail), "%s@" ADDRESS_FORM_DOMAIN, address);
    return accounts_add_alias(db, account_id, address, fault) &&
           accounts_add_alias(db, account_id, mail, fault);
}

static bool run_new_key(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    bool is_chan = op->kind == OP_CHAN_JOIN;
    const struct new_key key = {
        .account_id = op->account_id,
        .kind = is_chan ? IDENTITY_CHAN : IDENTITY_OWN,
        .address = op->address,
        .label = op->label,
        .keys = &op->keys,
        .behaviour = is_chan ? 0 : BEHAVIOUR_DOES_ACK | BEHAVIOUR_EXTENDED_ENCODING,
        .demand = op->least,
        .now_sec = mail_txn_now_sec(txn),
    };
    if (!keyring_write_new(db, &op->id, &key, fault)) {
        return false;
    }
    if (op->is_random && !walk_write_needless(db, op->id, fault)) {
        return false;
    }
    if (!is_chan) {
        return add_aliases(db, op->account_id, op->text, fault);
    }
    int64_t mailbox = 0;
    char name[LABEL_MAX_BYTES + 16];
    (void)snprintf(name, sizeof(name), FOLDER_NAME_CHANS "/%s", op->label);
    if (!folders_ensure(txn, &mailbox, op->account_id, name, fault)) {
        return false;
    }
    struct db_stmt *stmt =
        db_prepare(db, "UPDATE identity SET mailbox_id = ?2 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, op->id);
    db_bind_i64(stmt, 2, mailbox);
    return db_run(stmt, fault);
}

static bool run_entry(struct mail_txn *txn, const struct person_op *op, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    int64_t mailbox = 0;
    char name[LABEL_MAX_BYTES + ADDRESS_TEXT_BYTES + 16];
    (void)snprintf(name, sizeof(name), FOLDER_NAME_SUBSCRIPTIONS "/%s",
                   op->label != NULL && op->label[0] != '\0' ? op->label : op->text);
    if (op->kind == OP_ENTRY_REMOVE) {
        return keyring_write_entry_gone(db, op->entry, op->account_id, op->text, fault) &&
               (op->entry == AGENT_CONTACTS || folders_drop(txn, op->account_id, name, fault));
    }
    return keyring_write_entry(db, op->entry, op->account_id, &op->address, op->label, fault) &&
           (op->entry == AGENT_CONTACTS ||
            folders_ensure(txn, &mailbox, op->account_id, name, fault));
}

static bool run_op(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct person_op *op = job;
    struct db *db = mail_txn_db(txn);
    switch (op->kind) {
    case OP_ACCOUNT_NEW:
        return accounts_create(txn, &op->id, op->account, fault) &&
               accounts_set_credential(db, op->id, &op->credential, fault);
    case OP_ACCOUNT_PASSWD:
        op->id = op->account_id;
        return accounts_set_credential(db, op->account_id, &op->credential, fault);
    case OP_IDENTITY_NEW:
    case OP_CHAN_JOIN:
        return run_new_key(txn, op, fault);
    case OP_RENAME:
        return keyring_write_label(db, op->own_id, op->label, fault);
    case OP_ENABLE:
        return keyring_write_enabled(db, op->own_id, op->enabled, fault) &&
               (!op->enabled || add_aliases(db, op->account_id, op->text, fault));
    case OP_CHAN_LEAVE: {
        char name[LABEL_MAX_BYTES + 16];
        (void)snprintf(name, sizeof(name), FOLDER_NAME_CHANS "/%s", op->label);
        return keyring_write_enabled(db, op->own_id, false, fault) &&
               folders_drop(txn, op->account_id, name, fault);
    }
    case OP_ENTRY_ADD:
    case OP_ENTRY_REMOVE:
        return run_entry(txn, op, fault);
    }
    return true;
}

static void welcomed(void *context, const struct fault *fault)
{
    op_finish(context, fault);
}

static void op_done(void *job, const struct fault *fault)
{
    struct person_op *op = job;
    struct agent *agent = op->agent;
    if (fault != NULL || agent->closing) {
        op_finish(op, fault);
        return;
    }
    agent_reload_keys(agent);
    if (op->kind == OP_IDENTITY_NEW) {
        log_info("agent", "identity made");
        pubkeys_publish(agent->pubkeys, op->id);
    }
    if (op->welcome) {
        reports_welcome(agent->reports, op->id, op->account, op->text, "",
                        (struct reports_done){welcomed, op});
    } else {
        op_finish(op, NULL);
    }
}

static void op_write(struct person_op *op)
{
    agent_write(op->agent, run_op, op_done, op);
}

/* ---- accounts ---- */

/* The password, generated or given, and what is kept of it. */
static bool take_password(struct person_op *op, const char *password, struct fault *fault)
{
    char generated[SASL_GENERATED_PASSWORD_BYTES];
    if (password == NULL) {
        sasl_generate_password(generated);
        memcpy(op->password, generated, sizeof(generated));
        password = generated;
    }
    bool ok =
        sasl_credential_make(&op->credential, bytes_of_str(password), SASL_DEFAULT_ITERATIONS);
    mem_wipe(generated, sizeof(generated));
    return ok || fault_set(fault, FAULT_INVALID, "a password has 1 to %d bytes",
                           (int)SASL_MAX_PASSWORD_BYTES);
}

void agent_account_new(struct agent *agent, const char *name, const char *password, bool welcome,
                       struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = op_new(agent, OP_ACCOUNT_NEW, done);
    op->account = arena_strdup(&op->arena, name);
    op->welcome = welcome;
    if (!account_name_is_valid(name)) {
        (void)fault_set(&fault, FAULT_INVALID,
                        "an account's name has 1 to %d letters, digits, and . _ - + @",
                        (int)ACCOUNT_NAME_MAX_BYTES);
        op_refuse(op, &fault);
    } else if (!take_password(op, password, &fault)) {
        op_refuse(op, &fault);
    } else {
        op_write(op);
    }
}

void agent_account_passwd(struct agent *agent, const char *name, const char *password,
                          struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = op_new(agent, OP_ACCOUNT_PASSWD, done);
    if (!take_account(op, name, &fault) || !take_password(op, password, &fault)) {
        op_refuse(op, &fault);
    } else {
        op_write(op);
    }
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
        };
        for (size_t k = 0; k < agent->keyring.n_own; k++) {
            const struct own_key *own = &agent->keyring.own[k];
            info.n_identities += own->account_id == info.id && own->kind == IDENTITY_OWN ? 1 : 0;
        }
        each(context, &info);
    }
}

/* ---- identities and chans ---- */

static void run_search(void *job, const struct pool_token *token)
{
    struct person_op *op = job;
    while (!pool_is_cancelled(token) && key_search_step(op->search, 64) == KEY_SEARCH_RUNNING) {
    }
}

static void search_done(void *job, bool was_cancelled)
{
    struct person_op *op = job;
    struct fault fault = {0};
    if (was_cancelled || op->agent->closing) {
        (void)fault_set(&fault, FAULT_CANCELLED, "the gateway stops");
        op_finish(op, &fault);
        return;
    }
    key_search_take(op->search, &op->keys, NULL);
    struct address made = address_of_keys(op->address.version, op->address.stream,
                                          &op->keys.signing_public, &op->keys.encryption_public);
    if (op->must_match && !address_equal(&made, &op->address)) {
        (void)fault_set(&fault, FAULT_INVALID,
                        "the chan's name and its address do not belong together");
        op_finish(op, &fault);
        return;
    }
    op->address = made;
    address_encode(op->text, &made);
    op_write(op);
}

static void op_search(struct person_op *op)
{
    struct fault fault = {0};
    if (pool_submit(op->agent->parts.pool, POOL_NORMAL, run_search, search_done, op, &fault) == 0) {
        op_refuse(op, &fault);
    }
}

void agent_identity_new(struct agent *agent, const struct agent_identity_request *request,
                        struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = op_new(agent, OP_IDENTITY_NEW, done);
    op->address.version = request->version == 0 ? 4 : request->version;
    op->address.stream = request->stream == 0 ? 1 : request->stream;
    unsigned n_zero_bytes = request->is_short ? 2 : 1;
    if (op->address.version != 3 && op->address.version != 4) {
        (void)fault_set(&fault, FAULT_INVALID, "an address's version is 3 or 4");
    } else if (op->address.stream != 1) {
        (void)fault_set(&fault, FAULT_INVALID, "only stream 1 is in use");
    }
    if (fault.code != FAULT_NONE || !take_account(op, request->account, &fault) ||
        !take_label(op, request->label, &fault)) {
        op_refuse(op, &fault);
        return;
    }
    op->is_random = request->passphrase == NULL;
    op->search = op->is_random ? key_search_new_random(n_zero_bytes)
                               : key_search_new_passphrase(bytes_of_str(request->passphrase), 0,
                                                           n_zero_bytes);
    op_search(op);
}

void agent_chan_join(struct agent *agent, const char *account, const char *name,
                     const char *address, const char *label, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = op_new(agent, OP_CHAN_JOIN, done);
    op->address.version = 4;
    op->address.stream = 1;
    if (name == NULL || name[0] == '\0') {
        (void)fault_set(&fault, FAULT_INVALID, "a chan has a name");
    } else if (address != NULL) {
        op->must_match = true;
        enum address_status status = address_decode(&op->address, bytes_of_str(address));
        if (status != ADDRESS_OK) {
            (void)fault_set(&fault, FAULT_INVALID, "not a Bitmessage address: %s",
                            address_status_text(status));
        }
    }
    if (fault.code != FAULT_NONE || !take_account(op, account, &fault) ||
        !take_label(op, label == NULL ? name : label, &fault)) {
        op_refuse(op, &fault);
        return;
    }
    if (op->label[0] == '\0' || strpbrk(op->label, "/%*") != NULL) {
        (void)fault_set(&fault, FAULT_INVALID,
                        "a chan's folder can't be called so: give a label without / %% and *");
        op_refuse(op, &fault);
        return;
    }
    op->search = key_search_new_passphrase(bytes_of_str(name), 0, 1);
    op_search(op);
}

/* An operation on an identity or chan that is there. */
static struct person_op *op_on_own(struct agent *agent, enum person_op_kind kind, const char *who,
                                   struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = op_new(agent, kind, done);
    const struct own_key *own = keyring_find(&agent->keyring, who, &fault);
    if (own == NULL) {
        op_refuse(op, &fault);
        return NULL;
    }
    op->own_id = own->id;
    op->id = own->id;
    op->account_id = own->account_id;
    op->label = arena_strdup(&op->arena, own->label);
    memcpy(op->text, own->text, sizeof(op->text));
    return op;
}

void agent_identity_rename(struct agent *agent, const char *who, const char *label,
                           struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = op_on_own(agent, OP_RENAME, who, done);
    if (op == NULL) {
        return;
    }
    if (!take_label(op, label, &fault)) {
        op_refuse(op, &fault);
        return;
    }
    op_write(op);
}

void agent_identity_enable(struct agent *agent, const char *who, bool enabled,
                           struct agent_done done)
{
    struct person_op *op = op_on_own(agent, OP_ENABLE, who, done);
    if (op != NULL) {
        op->enabled = enabled;
        op_write(op);
    }
}

void agent_chan_leave(struct agent *agent, const char *who, struct agent_done done)
{
    struct person_op *op = op_on_own(agent, OP_CHAN_LEAVE, who, done);
    if (op == NULL) {
        return;
    }
    const struct own_key *own = keyring_by_id(&agent->keyring, op->own_id);
    if (own == NULL || own->kind != IDENTITY_CHAN) {
        struct fault fault = {0};
        (void)fault_set(&fault, FAULT_INVALID, "that is an identity, not a chan");
        op_refuse(op, &fault);
        return;
    }
    op_write(op);
}

static void fill_info(struct agent_identity_info *out, const struct own_key *own,
                      const char *account)
{
    *out = (struct agent_identity_info){
        .id = own->id,
        .account_id = own->account_id,
        .account = account,
        .address = own->text,
        .label = own->label,
        .kind = own->kind,
        .enabled = own->enabled,
        .version = own->address.version,
        .stream = own->address.stream,
        .trials_per_byte = own->demand.trials_per_byte,
        .extra_bytes = own->demand.extra_bytes,
        .ttl_sec = own->ttl_sec,
        .created_sec = own->created_sec,
    };
}

static const char *account_name(struct agent *agent, int64_t id)
{
    struct account account;
    return accounts_get(agent_reader(agent), &account, id, &agent->identity_names, NULL)
               ? account.name
               : "";
}

void agent_identity_list(struct agent *agent,
                         void (*each)(void *context, const struct agent_identity_info *info),
                         void *context)
{
    arena_clear(&agent->identity_names);
    int64_t last_id = 0;
    const char *name = "";
    for (size_t i = 0; i < agent->keyring.n_own; i++) {
        const struct own_key *own = &agent->keyring.own[i];
        struct agent_identity_info info;
        if (own->account_id != last_id) {
            last_id = own->account_id;
            name = account_name(agent, last_id);
        }
        fill_info(&info, own, name);
        each(context, &info);
    }
}

bool agent_identity_find(struct agent *agent, const char *who, struct agent_identity_info *out,
                         struct fault *fault)
{
    const struct own_key *own = keyring_find(&agent->keyring, who, fault);
    if (own == NULL) {
        return false;
    }
    arena_clear(&agent->identity_names);
    fill_info(out, own, account_name(agent, own->account_id));
    return true;
}

/* ---- contacts and subscriptions ---- */

static void entry_add(struct agent *agent, enum agent_entry_kind entry, const char *account,
                      const char *address, const char *label, struct agent_done done)
{
    struct fault fault = {0};
    struct address_form form;
    struct person_op *op = op_new(agent, OP_ENTRY_ADD, done);
    op->entry = entry;
    bool ok = take_account(op, account, &fault) && take_label(op, label, &fault) &&
              address_form_parse(&form, bytes_of_str(address), &fault);
    if (ok) {
        enum address_status status = address_decode(&op->address, bytes_of_str(form.name));
        ok = status == ADDRESS_OK ? address_form_check(&op->address, &fault)
                                  : fault_set(&fault, FAULT_INVALID, "not a Bitmessage address: %s",
                                              address_status_text(status));
    }
    if (ok && entry == AGENT_SUBSCRIPTIONS && strpbrk(op->label, "/%*") != NULL) {
        ok = fault_set(&fault, FAULT_INVALID,
                       "a subscription's folder can't be called so: no / %% and * in the label");
    }
    if (!ok) {
        op_refuse(op, &fault);
        return;
    }
    address_encode(op->text, &op->address);
    op_write(op);
}

static void entry_remove(struct agent *agent, enum agent_entry_kind entry, const char *account,
                         const char *who, struct agent_done done)
{
    struct fault fault = {0};
    struct address_form form;
    struct address address;
    struct person_op *op = op_new(agent, OP_ENTRY_REMOVE, done);
    op->entry = entry;
    bool ok =
        take_account(op, account, &fault) && address_form_parse(&form, bytes_of_str(who), &fault);
    if (ok) {
        struct keyring_view view = {&agent->keyring, op->account_id};
        struct address_book book = keyring_book(&view);
        ok = address_form_resolve(&address, &form, &book, &fault) == ADDRESS_FORM_FOUND ||
             fault_set(&fault, FAULT_NOT_FOUND, "there is no such entry");
    }
    if (!ok) {
        op_refuse(op, &fault);
        return;
    }
    address_encode(op->text, &address);
    op->label = arena_strdup(&op->arena, keyring_label(&agent->keyring, op->account_id, &address));
    op_write(op);
}

void agent_contact_add(struct agent *agent, const char *account, const char *address,
                       const char *label, struct agent_done done)
{
    entry_add(agent, AGENT_CONTACTS, account, address, label, done);
}

void agent_contact_remove(struct agent *agent, const char *account, const char *who,
                          struct agent_done done)
{
    entry_remove(agent, AGENT_CONTACTS, account, who, done);
}

void agent_subscribe(struct agent *agent, const char *account, const char *address,
                     const char *label, struct agent_done done)
{
    entry_add(agent, AGENT_SUBSCRIPTIONS, account, address, label, done);
}

void agent_unsubscribe(struct agent *agent, const char *account, const char *who,
                       struct agent_done done)
{
    entry_remove(agent, AGENT_SUBSCRIPTIONS, account, who, done);
}

void agent_entry_list(struct agent *agent, enum agent_entry_kind kind,
                      void (*each)(void *context, const struct agent_entry_info *info),
                      void *context)
{
    const struct keyring *keyring = &agent->keyring;
    bool contacts = kind == AGENT_CONTACTS;
    const struct known_address *list = contacts ? keyring->contacts : keyring->subscriptions;
    size_t n_list = contacts ? keyring->n_contacts : keyring->n_subscriptions;
    arena_clear(&agent->identity_names);
    for (size_t i = 0; i < n_list; i++) {
        const struct agent_entry_info info = {
            .account = account_name(agent, list[i].account_id),
            .address = list[i].text,
            .label = list[i].label,
            .enabled = list[i].enabled,
        };
        each(context, &info);
    }
}

/* ---- the first run ---- */

struct first_run {
    struct agent *agent;
    struct agent_done done;
    int64_t account_id;
    char address[ADDRESS_TEXT_BYTES];
};

static const char first_name[] = "me";

static void first_run_end(struct first_run *first, const struct fault *fault)
{
    struct agent_done done = first->done;
    if (done.call != NULL && !first->agent->closing) {
        done.call(done.context, fault, fault == NULL ? first->address : "", first->account_id);
    }
    free(first);
}

static void first_welcomed(void *context, const struct fault *fault)
{
    first_run_end(context, fault);
}

static void first_identity_made(void *context, const struct fault *fault, const char *text,
                                int64_t id)
{
    (void)id;
    struct first_run *first = context;
    if (fault != NULL) {
        first_run_end(first, fault);
        return;
    }
    (void)snprintf(first->address, sizeof(first->address), "%s", text);
    reports_welcome(first->agent->reports, first->account_id, first_name, text, first_name,
                    (struct reports_done){first_welcomed, first});
}

static void first_account_made(void *context, const struct fault *fault, const char *text,
                               int64_t id)
{
    struct first_run *first = context;
    if (fault != NULL) {
        first_run_end(first, fault);
        return;
    }
    first->account_id = id;
    (void)snprintf(first->agent->first_password, sizeof(first->agent->first_password), "%s", text);
    const struct agent_identity_request request = {.account = first_name, .label = first_name};
    agent_identity_new(first->agent, &request, (struct agent_done){first_identity_made, first});
}

static void first_nothing(void *context)
{
    first_run_end(context, NULL);
}

void agent_first_run(struct agent *agent, struct agent_done done)
{
    struct arena arena = {0};
    struct account *accounts = NULL;
    size_t n_accounts = 0;
    struct first_run *first = xcalloc(1, sizeof(*first));
    first->agent = agent;
    first->done = done;
    if (!accounts_list(agent_reader(agent), &accounts, &n_accounts, &arena, NULL) ||
        n_accounts > 0) {
        loop_defer(agent->parts.loop, first_nothing, first);
    } else {
        agent_account_new(agent, first_name, NULL, false,
                          (struct agent_done){first_account_made, first});
    }
    arena_clear(&arena);
}

bool agent_take_first_password(struct agent *agent, char *out, size_t out_size)
{
    size_t len = strlen(agent->first_password);
    if (len == 0 || len >= out_size) {
        return false;
    }
    memcpy(out, agent->first_password, len + 1);
    mem_wipe(agent->first_password, sizeof(agent->first_password));
    return true;
}
