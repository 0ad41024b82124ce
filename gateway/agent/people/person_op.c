// SPDX-License-Identifier: MIT
#include "gateway/agent/people/person_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/pool.h"
#include "crypto/key_search.h"
#include "gateway/agent/people/bitmessage_link.h"
#include "gateway/store/accounts.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/translate/mail_write.h"

/* ---- the life of an operation ---- */

static void keys_free(struct person_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    key_search_free(&keys->search);
    buf_clear_secret(&keys->passphrase);
    for (size_t i = 0; i < keys->n_items; i++) {
        identity_keys_wipe(&keys->items[i]);
    }
    free(keys->items);
    free(keys);
}

void person_op_finish(struct person_op *op, const struct fault *fault)
{
    struct agent_done done = op->done;
    struct fault kept = fault == NULL ? (struct fault){0} : *fault;
    if (done.call != NULL && !op->agent->closing) {
        done.call(done.context, fault == NULL ? NULL : &kept,
                  fault == NULL ? buf_str(&op->text) : "", op->id);
    }
    deferred_cancel(&op->answer);
    keys_free(op->keys);
    if (op->details_secret_bytes > 0) {
        mem_wipe(op->details, op->details_secret_bytes);
    }
    buf_clear_secret(&op->text);
    arena_clear(&op->arena);
    free(op);
}

static void answer_refused(void *context)
{
    struct person_op *op = context;
    person_op_finish(op, &op->fault);
}

struct person_op *person_op_new(struct agent *agent,
                                bool (*write)(struct mail_txn *txn, struct person_op *op,
                                              struct fault *fault),
                                struct agent_done done)
{
    struct person_op *op = xcalloc(1, sizeof(*op));
    op->agent = agent;
    op->write = write;
    op->done = done;
    op->label = "";
    op->old_label = "";
    deferred_init(&op->answer, agent->parts.loop, answer_refused, op);
    return op;
}

void person_op_refuse(struct person_op *op, const struct fault *fault)
{
    op->fault = *fault;
    deferred_arm(&op->answer);
}

static bool run_write(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct person_op *op = job;
    return op->write(txn, op, fault);
}

static void written(void *job, const struct fault *fault)
{
    struct person_op *op = job;
    struct agent *agent = op->agent;
    if (fault != NULL || agent->closing) {
        person_op_finish(op, fault);
        return;
    }
    agent_reload_keys(agent);
    if (op->after != NULL) {
        op->after(op);
    } else {
        person_op_finish(op, NULL);
    }
}

void person_op_write(struct person_op *op)
{
    agent_write(op->agent, run_write, written, op);
}

/* ---- searching for keys: one search, in every thread of the pool ---- */

static void search_next(struct person_op *op);

static void run_search(void *job, const struct pool_token *token)
{
    struct key_search *search = ((struct person_op *)job)->keys->search;
    while (!pool_is_cancelled(token) && key_search_step(search, 64) == KEY_SEARCH_RUNNING) {
    }
}

static void search_done(void *job, bool was_cancelled)
{
    struct person_op *op = job;
    struct person_keys *keys = op->keys;
    keys->cancelled = keys->cancelled || was_cancelled;
    keys->n_workers--;
    if (keys->n_workers > 0) {
        return;
    }
    if (keys->cancelled || op->agent->closing) {
        struct fault fault = {0};
        (void)fault_set(&fault, FAULT_CANCELLED, "the gateway stops");
        person_op_finish(op, &fault);
        return;
    }
    key_search_take(keys->search, &keys->items[keys->n_items++], &keys->next_nonce);
    key_search_free(&keys->search);
    if (keys->n_items < keys->n_wanted) {
        search_next(op);
    } else {
        keys->found(op);
    }
}

static void search_next(struct person_op *op)
{
    struct person_keys *keys = op->keys;
    struct fault fault = {0};
    keys->search = keys->passphrase.len == 0
                       ? key_search_new_random(keys->n_zero_bytes)
                       : key_search_new_passphrase(buf_view(&keys->passphrase), keys->next_nonce,
                                                   keys->n_zero_bytes);
    struct pool *pool = op->agent->parts.pool;
    for (unsigned i = 0; i < pool_n_threads(pool); i++) {
        if (pool_submit(pool, POOL_NORMAL, run_search, search_done, op, &fault) == 0) {
            break; /* those that found room do it */
        }
        keys->n_workers++;
    }
    if (keys->n_workers == 0) {
        person_op_refuse(op, &fault);
    }
}

void person_op_search(struct person_op *op, const char *passphrase, unsigned n_zero_bytes,
                      size_t n_wanted, void (*found)(struct person_op *op))
{
    struct person_keys *keys = xcalloc(1, sizeof(*keys));
    op->keys = keys;
    buf_append_str(&keys->passphrase, passphrase == NULL ? "" : passphrase);
    keys->n_zero_bytes = n_zero_bytes;
    keys->n_wanted = n_wanted;
    keys->items = xcalloc(n_wanted, sizeof(*keys->items));
    keys->found = found;
    search_next(op);
}

/* ---- reading what was asked ---- */

bool person_op_take_account(struct person_op *op, const char *name, struct fault *fault)
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

bool person_op_take_label(struct person_op *op, const char *label, struct fault *fault)
{
    struct buf clean = {0};
    bool ok = mail_clean_line(&clean, bytes_of_str(label == NULL ? "" : label)) &&
              clean.len <= PERSON_LABEL_MAX_BYTES;
    if (ok) {
        op->label = arena_strdup(&op->arena, buf_str(&clean));
    }
    buf_clear(&clean);
    return ok || fault_set(fault, FAULT_INVALID, "a label is at most %d bytes of text on one line",
                           (int)PERSON_LABEL_MAX_BYTES);
}

bool person_op_take_folder_label(struct person_op *op, const char *label, struct fault *fault)
{
    return person_op_take_label(op, label, fault) &&
           (strpbrk(op->label, "/%*") == NULL ||
            fault_set(fault, FAULT_INVALID,
                      "a folder can't be called so: give a label without / %% and *"));
}

static bool decode(struct person_op *op, const char *text, struct fault *fault)
{
    struct address_form form;
    if (!address_form_parse(&form, bytes_of_str(text), fault)) {
        return false;
    }
    enum address_status status = address_decode(&op->address, bytes_of_str(form.name));
    return status == ADDRESS_OK ? address_form_check(&op->address, fault)
                                : fault_set(fault, FAULT_INVALID, "not a Bitmessage address: %s",
                                            address_status_text(status));
}

bool person_op_take_address(struct person_op *op, const char *text, const char **out_label,
                            struct fault *fault)
{
    struct bitmessage_link link;
    bool is_link = bitmessage_link_looks_like(text);
    if (is_link && !bitmessage_link_parse(&link, bytes_of_str(text), fault)) {
        return false;
    }
    if (out_label != NULL) {
        *out_label = is_link ? arena_strdup(&op->arena, link.label) : "";
    }
    if (!decode(op, is_link ? link.address : text, fault)) {
        return false;
    }
    person_op_answer_address(op);
    return true;
}

bool person_op_take_known(struct person_op *op, const char *who, struct fault *fault)
{
    struct address_form form;
    if (bitmessage_link_looks_like(who)) {
        return person_op_take_address(op, who, NULL, fault);
    }
    if (!address_form_parse(&form, bytes_of_str(who), fault)) {
        return false;
    }
    struct keyring_view view = {&op->agent->keyring, op->account_id};
    struct address_book book = keyring_book(&view);
    switch (address_form_resolve(&op->address, &form, &book, fault)) {
    case ADDRESS_FORM_FOUND:
        break;
    case ADDRESS_FORM_FOLDED:
        return fault_set(fault, FAULT_NOT_FOUND,
                         "the upper and lower case of this address was lost: write it as it was "
                         "given to you");
    case ADDRESS_FORM_REFUSED:
        return false;
    }
    op->old_label =
        arena_strdup(&op->arena, keyring_label(&op->agent->keyring, op->account_id, &op->address));
    person_op_answer_address(op);
    return true;
}

bool person_op_take_own(struct person_op *op, const char *who, struct fault *fault)
{
    const struct own_key *own = keyring_find(&op->agent->keyring, who, fault);
    if (own == NULL) {
        return false;
    }
    op->own_id = own->id;
    op->id = own->id;
    op->account_id = own->account_id;
    op->address = own->address;
    op->label = arena_strdup(&op->arena, own->label);
    op->old_label = op->label;
    person_op_answer_address(op);
    return true;
}

void person_op_answer_address(struct person_op *op)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &op->address);
    buf_reset(&op->text);
    buf_append_str(&op->text, text);
}

/* ---- in the transaction ---- */

bool person_run_sql(struct db *db, const char *sql, int64_t a, int64_t b, const char *text,
                    struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, a);
    db_bind_i64(stmt, 2, b);
    if (text != NULL) {
        db_bind_text(stmt, 3, text);
    }
    return db_run(stmt, fault);
}

bool person_move_folder(struct mail_txn *txn, int64_t *out_mailbox, int64_t account_id,
                        const char *root, const char *old_label, const char *label,
                        struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    char from[PERSON_FOLDER_BYTES];
    char to[PERSON_FOLDER_BYTES];
    int64_t old = 0;
    int64_t taken = 0;
    (void)snprintf(from, sizeof(from), "%s/%s", root, old_label);
    (void)snprintf(to, sizeof(to), "%s/%s", root, label);
    bool has_old =
        old_label[0] != '\0' && folders_find(db, &old, account_id, from, NULL) && old != 0;
    bool is_taken = folders_find(db, &taken, account_id, to, NULL);
    if (has_old && is_taken && old != taken) {
        return fault_set(fault, FAULT_EXISTS, "there is a folder '%.80s' already", to);
    }
    if (has_old && !is_taken && !folders_rename(txn, account_id, from, to, fault)) {
        return false;
    }
    return folders_ensure(txn, out_mailbox, account_id, to, fault);
}

/* ---- logging in under the address ---- */

enum { N_ALIASES = 2 };

/* An identity's address also logs in, bare and as a mail address. */
static void alias_texts(char out[N_ALIASES][ADDRESS_MAIL_BYTES], const struct address *address)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, address);
    (void)snprintf(out[0], ADDRESS_MAIL_BYTES, "%s", text);
    (void)snprintf(out[1], ADDRESS_MAIL_BYTES, "%s@" ADDRESS_FORM_DOMAIN, text);
}

bool person_add_aliases(struct db *db, int64_t account_id, const struct address *address,
                        struct fault *fault)
{
    char names[N_ALIASES][ADDRESS_MAIL_BYTES];
    alias_texts(names, address);
    for (size_t i = 0; i < N_ALIASES; i++) {
        if (!accounts_add_alias(db, account_id, names[i], fault)) {
            return false;
        }
    }
    return true;
}

bool person_remove_aliases(struct db *db, const struct address *address, struct fault *fault)
{
    char names[N_ALIASES][ADDRESS_MAIL_BYTES];
    alias_texts(names, address);
    for (size_t i = 0; i < N_ALIASES; i++) {
        if (!accounts_remove_alias(db, names[i], fault)) {
            return false;
        }
    }
    return true;
}
