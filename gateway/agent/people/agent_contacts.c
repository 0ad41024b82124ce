// SPDX-License-Identifier: MIT
/* The front door's calls about the address book and about subscriptions. Both are lists of an
 * account's addresses with labels; a subscription has a folder as well. */
#include <stdio.h>
#include <string.h>

#include "base/db.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"

/* ---- adding ---- */

/* The label under which the account has it; "" when it is new. In the transaction. */
static bool read_old_label(struct db *db, struct buf *out, int64_t account_id, const char *address,
                           struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT label FROM broadcast_subscription WHERE account_id = ?1 AND address = ?2",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, address);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        const char *label = db_column_text(stmt, 0);
        buf_append_str(out, label[0] == '\0' ? address : label);
        db_reset(stmt);
    }
    return step != DB_FAILED;
}

/* A subscription has a folder: of its label, or of its address where it has none. */
static bool place_folder(struct mail_txn *txn, const struct person_op *op, const char *address,
                         struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct buf old = {0};
    int64_t mailbox = 0;
    bool ok =
        read_old_label(db, &old, op->account_id, address, fault) &&
        person_move_folder(txn, &mailbox, op->account_id, FOLDER_NAME_SUBSCRIPTIONS, buf_str(&old),
                           op->label[0] == '\0' ? address : op->label, fault) &&
        keyring_write_entry(db, AGENT_SUBSCRIPTIONS, op->account_id, &op->address, op->label,
                            fault) &&
        person_run_sql(db,
                       "UPDATE broadcast_subscription SET mailbox_id = ?2, muted = 0"
                       " WHERE account_id = ?1 AND address = ?3",
                       op->account_id, mailbox, address, fault);
    buf_clear(&old);
    return ok;
}

static bool write_add(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    char address[ADDRESS_TEXT_BYTES];
    address_encode(address, &op->address);
    return op->entry == AGENT_SUBSCRIPTIONS
               ? place_folder(txn, op, address, fault)
               : keyring_write_entry(mail_txn_db(txn), AGENT_CONTACTS, op->account_id, &op->address,
                                     op->label, fault);
}

static void entry_add(struct agent *agent, enum agent_entry_kind entry, const char *account,
                      const char *address, const char *label, struct agent_done done)
{
    struct fault fault = {0};
    const char *linked = "";
    struct person_op *op = person_op_new(agent, write_add, done);
    op->entry = entry;
    bool ok = person_op_take_account(op, account, &fault) &&
              person_op_take_address(op, address, &linked, &fault);
    const char *wanted = label == NULL || label[0] == '\0' ? linked : label;
    ok = ok && (entry == AGENT_SUBSCRIPTIONS ? person_op_take_folder_label(op, wanted, &fault)
                                             : person_op_take_label(op, wanted, &fault));
    if (!ok) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

void agent_contact_add(struct agent *agent, const char *account, const char *address,
                       const char *label, struct agent_done done)
{
    entry_add(agent, AGENT_CONTACTS, account, address, label, done);
}

void agent_subscribe(struct agent *agent, const char *account, const char *address,
                     const char *label, struct agent_done done)
{
    entry_add(agent, AGENT_SUBSCRIPTIONS, account, address, label, done);
}

/* ---- many at once ---- */

struct import {
    size_t n_entries;
    struct address *addresses;
    const char **labels;
};

/* A label that is there already is kept: a second import changes nothing. */
static bool write_import(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    const struct import *import = op->details;
    int64_t n_new = 0;
    for (size_t i = 0; i < import->n_entries; i++) {
        bool is_new = false;
        if (!keyring_write_contact_if_new(mail_txn_db(txn), &is_new, op->account_id,
                                          &import->addresses[i], import->labels[i], fault)) {
            return false;
        }
        n_new += is_new ? 1 : 0;
    }
    op->id = n_new;
    return true;
}

void agent_contact_import(struct agent *agent, const char *account,
                          const struct agent_contact_entry *entries, size_t n_entries,
                          struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_import, done);
    struct import *import = arena_alloc(&op->arena, sizeof(*import));
    *import = (struct import){
        .addresses = arena_alloc(&op->arena, (n_entries + 1) * sizeof(*import->addresses)),
        .labels = arena_alloc(&op->arena, (n_entries + 1) * sizeof(*import->labels)),
    };
    op->details = import;
    bool ok = person_op_take_account(op, account, &fault);
    for (size_t i = 0; ok && i < n_entries; i++) {
        ok = person_op_take_address(op, entries[i].address, NULL, &fault) &&
             person_op_take_label(op, entries[i].label, &fault);
        if (!ok) {
            (void)fault_wrap(&fault, "entry %zu", i + 1);
        }
        import->addresses[i] = op->address;
        import->labels[i] = op->label;
        import->n_entries++;
    }
    buf_reset(&op->text);
    if (!ok) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- the lifetime of what is sent to a contact ---- */

static bool write_ttl(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    char address[ADDRESS_TEXT_BYTES];
    const int64_t *ttl_sec = op->details;
    address_encode(address, &op->address);
    return person_run_sql(mail_txn_db(txn),
                          "UPDATE contact SET ttl_sec = ?2 WHERE account_id = ?1 AND address = ?3",
                          op->account_id, *ttl_sec, address, fault) &&
           (db_changes(mail_txn_db(txn)) > 0 ||
            fault_set(fault, FAULT_NOT_FOUND, "there is no such contact"));
}

void agent_contact_ttl(struct agent *agent, const char *account, const char *who, const char *span,
                       struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_ttl, done);
    int64_t *ttl_sec = arena_alloc(&op->arena, sizeof(*ttl_sec));
    *ttl_sec = 0;
    op->details = ttl_sec;
    if ((strcmp(span, "default") != 0 &&
         !address_form_parse_ttl(ttl_sec, bytes_of_str(span), &fault)) ||
        !person_op_take_account(op, account, &fault) || !person_op_take_known(op, who, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- removing ---- */

static bool write_remove(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    char address[ADDRESS_TEXT_BYTES];
    char folder[PERSON_FOLDER_BYTES];
    struct buf label = {0};
    address_encode(address, &op->address);
    bool ok =
        op->entry == AGENT_CONTACTS || read_old_label(db, &label, op->account_id, address, fault);
    (void)snprintf(folder, sizeof(folder), FOLDER_NAME_SUBSCRIPTIONS "/%s", buf_str(&label));
    buf_clear(&label);
    return ok && keyring_write_entry_gone(db, op->entry, op->account_id, address, fault) &&
           (op->entry == AGENT_CONTACTS || folders_drop(txn, op->account_id, folder, fault));
}

static void entry_remove(struct agent *agent, enum agent_entry_kind entry, const char *account,
                         const char *who, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_remove, done);
    op->entry = entry;
    if (!person_op_take_account(op, account, &fault) || !person_op_take_known(op, who, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

void agent_contact_remove(struct agent *agent, const char *account, const char *who,
                          struct agent_done done)
{
    entry_remove(agent, AGENT_CONTACTS, account, who, done);
}

void agent_unsubscribe(struct agent *agent, const char *account, const char *who,
                       struct agent_done done)
{
    entry_remove(agent, AGENT_SUBSCRIPTIONS, account, who, done);
}

/* ---- muting ---- */

static bool write_mute(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    char address[ADDRESS_TEXT_BYTES];
    address_encode(address, &op->address);
    return person_run_sql(mail_txn_db(txn),
                          "UPDATE broadcast_subscription SET muted = ?2"
                          " WHERE account_id = ?1 AND address = ?3 AND enabled = 1",
                          op->account_id, op->number, address, fault) &&
           (db_changes(mail_txn_db(txn)) > 0 ||
            fault_set(fault, FAULT_NOT_FOUND, "there is no such subscription"));
}

void agent_subscription_mute(struct agent *agent, const char *account, const char *who, bool muted,
                             struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_mute, done);
    op->number = muted ? 1 : 0;
    if (!person_op_take_account(op, account, &fault) || !person_op_take_known(op, who, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- listing ---- */

bool agent_entry_list_part(struct agent *agent, enum agent_entry_kind kind, size_t first, size_t n,
                           void (*each)(void *context, const struct agent_entry_info *info),
                           void *context)
{
    const struct keyring *keyring = &agent->keyring;
    bool contacts = kind == AGENT_CONTACTS;
    const struct known_address *list = contacts ? keyring->contacts : keyring->subscriptions;
    size_t n_list = contacts ? keyring->n_contacts : keyring->n_subscriptions;
    size_t end = first + n < n_list ? first + n : n_list;
    int64_t last_id = 0;
    const char *account = "";
    arena_clear(&agent->identity_names);
    for (size_t i = first; i < end; i++) {
        if (!list[i].enabled && !list[i].muted) {
            continue; /* given up: only its label is remembered */
        }
        if (list[i].account_id != last_id) {
            last_id = list[i].account_id;
            account = agent_account_name(agent, last_id);
        }
        const struct agent_entry_info info = {
            .account = account,
            .address = list[i].text,
            .label = list[i].label,
            .enabled = list[i].enabled,
            .muted = list[i].muted,
            .ttl_sec = list[i].ttl_sec,
        };
        each(context, &info);
    }
    return end < n_list;
}

void agent_entry_list(struct agent *agent, enum agent_entry_kind kind,
                      void (*each)(void *context, const struct agent_entry_info *info),
                      void *context)
{
    (void)agent_entry_list_part(agent, kind, 0, SIZE_MAX, each, context);
}
