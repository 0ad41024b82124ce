// SPDX-License-Identifier: MIT
/* The front door's calls about identities, and what they share with chans: made, listed, given
 * another label, switched off and on, given other terms, deleted. */
#include <stdio.h>
#include <string.h>

#include "base/db.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/agent/incoming/walk_db.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/store/accounts.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/translate/address_form.h"

/* ---- new ---- */

/* The operation's details. */
struct new_identities {
    struct pow_demand demand;
    size_t n_ids;
    int64_t ids[]; /* of those that were made */
};

static bool write_key(struct mail_txn *txn, struct person_op *op, const struct identity_keys *keys,
                      struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct new_identities *made = op->details;
    const struct new_key key = {
        .account_id = op->account_id,
        .kind = IDENTITY_OWN,
        .address = address_of_keys(op->address.version, op->address.stream, &keys->signing_public,
                                   &keys->encryption_public),
        .label = op->label,
        .keys = keys,
        .behaviour = BEHAVIOUR_DOES_ACK | BEHAVIOUR_EXTENDED_ENCODING,
        .demand = made->demand,
        .now_sec = mail_txn_now_sec(txn),
    };
    char text[ADDRESS_TEXT_BYTES];
    if (!keyring_write_new(db, &op->id, &key, fault) ||
        (op->keys->passphrase.len == 0 && !walk_write_needless(db, op->id, fault)) ||
        !person_add_aliases(db, op->account_id, &key.address, fault)) {
        return false;
    }
    made->ids[made->n_ids++] = op->id;
    address_encode(text, &key.address);
    buf_printf(&op->text, "%s%s", op->text.len == 0 ? "" : "\n", text);
    return true;
}

/* Of several those that are here already are left as they are. */
static bool write_new(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    ((struct new_identities *)op->details)->n_ids = 0;
    buf_reset(&op->text);
    for (size_t i = 0; i < op->keys->n_items; i++) {
        struct fault why = {0};
        if (!write_key(txn, op, &op->keys->items[i], &why) &&
            (why.code != FAULT_EXISTS || op->keys->n_items == 1)) {
            return fault_set(fault, why.code, "%s", why.text);
        }
    }
    return op->text.len > 0 ||
           fault_set(fault, FAULT_EXISTS, "all these identities are here already");
}

static void after_new(struct person_op *op)
{
    const struct new_identities *made = op->details;
    log_info("agent", "%zu %s made", made->n_ids, made->n_ids == 1 ? "identity" : "identities");
    for (size_t i = 0; i < made->n_ids; i++) {
        pubkeys_publish(op->agent->pubkeys, made->ids[i]);
    }
    person_op_finish(op, NULL);
}

static bool judge_request(const struct agent_identity_request *request, struct fault *fault)
{
    if (request->demand.trials_per_byte > AGENT_MAX_DEMAND ||
        request->demand.extra_bytes > AGENT_MAX_DEMAND) {
        return fault_set(fault, FAULT_LIMIT, "nobody could do so much work: at most %llu",
                         (unsigned long long)AGENT_MAX_DEMAND);
    }
    if (request->version != 0 && request->version != 3 && request->version != 4) {
        return fault_set(fault, FAULT_INVALID, "an address's version is 3 or 4");
    }
    if (request->stream > 1) {
        return fault_set(fault, FAULT_INVALID, "only stream 1 is in use");
    }
    if (request->count > AGENT_MAX_NEW_IDENTITIES) {
        return fault_set(fault, FAULT_LIMIT, "at most %d addresses at a time",
                         (int)AGENT_MAX_NEW_IDENTITIES);
    }
    return request->passphrase == NULL ||
           strlen(request->passphrase) <= AGENT_MAX_PASSPHRASE_BYTES ||
           fault_set(fault, FAULT_LIMIT, "a passphrase has at most %d bytes",
                     (int)AGENT_MAX_PASSPHRASE_BYTES);
}

void agent_identity_new(struct agent *agent, const struct agent_identity_request *request,
                        struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_new, done);
    op->after = after_new;
    op->address.version = request->version == 0 ? 4 : request->version;
    op->address.stream = 1;
    if (!judge_request(request, &fault) || !person_op_take_account(op, request->account, &fault) ||
        !person_op_take_label(op, request->label, &fault)) {
        person_op_refuse(op, &fault);
        return;
    }
    size_t n_wanted = request->count == 0 ? 1 : request->count;
    struct new_identities *made =
        arena_alloc(&op->arena, sizeof(*made) + n_wanted * sizeof(made->ids[0]));
    made->demand = pow_demand_raise(request->demand, agent_least(agent));
    made->n_ids = 0;
    op->details = made;
    person_op_search(op, request->passphrase, request->is_short ? 2 : 1, n_wanted, person_op_write);
}

/* ---- of a passphrase, to be told alone ---- */

static void tell_address(struct person_op *op)
{
    const struct identity_keys *keys = &op->keys->items[0];
    op->address = address_of_keys(op->address.version, op->address.stream, &keys->signing_public,
                                  &keys->encryption_public);
    person_op_answer_address(op);
    person_op_finish(op, NULL);
}

void agent_identity_of_passphrase(struct agent *agent, const char *passphrase, uint64_t version,
                                  struct agent_done done)
{
    struct fault fault = {0};
    const struct agent_identity_request request = {.passphrase = passphrase, .version = version};
    struct person_op *op = person_op_new(agent, NULL, done);
    op->address.version = version;
    op->address.stream = 1;
    if (!judge_request(&request, &fault)) {
        person_op_refuse(op, &fault);
    } else {
        person_op_search(op, passphrase, 1, 1, tell_address);
    }
}

/* ---- another label ---- */

static bool write_label(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    return keyring_write_label(mail_txn_db(txn), op->own_id, op->label, fault);
}

static bool write_chan_label(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    int64_t mailbox = 0;
    return person_move_folder(txn, &mailbox, op->account_id, FOLDER_NAME_CHANS, op->old_label,
                              op->label, fault) &&
           write_label(txn, op, fault) &&
           person_run_sql(mail_txn_db(txn), "UPDATE identity SET mailbox_id = ?2 WHERE id = ?1",
                          op->own_id, mailbox, NULL, fault);
}

void agent_identity_rename(struct agent *agent, const char *who, const char *label,
                           struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_label, done);
    bool ok = person_op_take_own(op, who, &fault);
    const struct own_key *own = ok ? keyring_by_id(&agent->keyring, op->own_id) : NULL;
    bool has_folder = own != NULL && own->kind == IDENTITY_CHAN && own->enabled;
    if (has_folder) {
        op->write = write_chan_label;
        ok = person_op_take_folder_label(op, label, &fault) &&
             (op->label[0] != '\0' ||
              fault_set(&fault, FAULT_INVALID, "a chan's folder has a name"));
    } else {
        ok = ok && person_op_take_label(op, label, &fault);
    }
    if (!ok) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- off and on ---- */

static bool write_enabled(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    return keyring_write_enabled(db, op->own_id, op->number != 0, fault) &&
           (op->number != 0 ? person_add_aliases(db, op->account_id, &op->address, fault)
                            : person_remove_aliases(db, &op->address, fault));
}

void agent_identity_enable(struct agent *agent, const char *who, bool enabled,
                           struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_enabled, done);
    op->number = enabled ? 1 : 0;
    bool ok = person_op_take_own(op, who, &fault);
    if (ok && keyring_by_id(&agent->keyring, op->own_id)->kind == IDENTITY_CHAN) {
        ok = fault_set(&fault, FAULT_INVALID, "a chan is joined and left: bittern chan");
    }
    if (!ok) {
        person_op_refuse(op, &fault);
    } else {
        person_op_write(op);
    }
}

/* ---- other terms ---- */

static bool write_terms(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    const struct agent_identity_terms *terms = op->details;
    struct db_stmt *stmt =
        db_prepare(mail_txn_db(txn),
                   "UPDATE identity SET trials_per_byte = ?2, extra_bytes = ?3, ttl_sec = ?4,"
                   " behaviour = (behaviour & ~?5) | ?6, list_name = ?7, pubkey_sent_sec = 0"
                   " WHERE id = ?1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, op->own_id);
    db_bind_i64(stmt, 2, (int64_t)terms->trials_per_byte);
    db_bind_i64(stmt, 3, (int64_t)terms->extra_bytes);
    db_bind_i64(stmt, 4, terms->ttl_sec);
    db_bind_i64(stmt, 5, BEHAVIOUR_DOES_ACK);
    db_bind_i64(stmt, 6, terms->acks ? BEHAVIOUR_DOES_ACK : 0);
    db_bind_text(stmt, 7, terms->list_name);
    return db_run(stmt, fault);
}

static void after_terms(struct person_op *op)
{
    pubkeys_publish_changed(op->agent->pubkeys, op->own_id);
    person_op_finish(op, NULL);
}

static bool judge_terms(const struct agent *agent, const struct agent_identity_terms *terms,
                        struct fault *fault)
{
    struct pow_demand least = agent_least(agent);
    if (terms->trials_per_byte < least.trials_per_byte || terms->extra_bytes < least.extra_bytes) {
        return fault_set(fault, FAULT_INVALID,
                         "the work demanded is at least the network's: %llu trials a byte, %llu "
                         "extra bytes",
                         (unsigned long long)least.trials_per_byte,
                         (unsigned long long)least.extra_bytes);
    }
    if (terms->trials_per_byte > AGENT_MAX_DEMAND || terms->extra_bytes > AGENT_MAX_DEMAND) {
        return fault_set(fault, FAULT_LIMIT, "nobody could do so much work: at most %llu",
                         (unsigned long long)AGENT_MAX_DEMAND);
    }
    return terms->ttl_sec == 0 ||
           (terms->ttl_sec >= ADDRESS_FORM_MIN_TTL_SEC &&
            terms->ttl_sec <= ADDRESS_FORM_MAX_TTL_SEC) ||
           fault_set(fault, FAULT_INVALID,
                     "a lifetime is from an hour to 28 days; 0: the setting's");
}

void agent_identity_set(struct agent *agent, const char *who,
                        const struct agent_identity_terms *terms, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_terms, done);
    op->after = after_terms;
    bool ok = person_op_take_own(op, who, &fault) && judge_terms(agent, terms, &fault) &&
              person_op_take_label(op, terms->list_name, &fault);
    if (ok && keyring_by_id(&agent->keyring, op->own_id)->kind == IDENTITY_OWN &&
        !keyring_by_id(&agent->keyring, op->own_id)->can_sign) {
        ok = fault_set(&fault, FAULT_DENIED,
                       "others are told of new terms under the identity's signature, and its keys "
                       "are locked: bittern unlock");
    }
    if (ok && terms->list_name[0] != '\0' &&
        keyring_by_id(&agent->keyring, op->own_id)->kind == IDENTITY_CHAN) {
        ok = fault_set(&fault, FAULT_INVALID, "a chan is read by all its members already");
    }
    if (!ok) {
        person_op_refuse(op, &fault);
        return;
    }
    struct agent_identity_terms *copy = arena_memdup(&op->arena, terms, sizeof(*terms));
    copy->list_name = op->label;
    op->details = copy;
    person_op_write(op);
}

/* ---- deleting ---- */

static bool write_delete(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    char folder[PERSON_FOLDER_BYTES];
    (void)snprintf(folder, sizeof(folder), FOLDER_NAME_CHANS "/%s", op->old_label);
    return person_remove_aliases(db, &op->address, fault) &&
           person_run_sql(db, "DELETE FROM chan_rule WHERE identity_id = ?1 AND ?2 = 0", op->own_id,
                          0, NULL, fault) &&
           person_run_sql(db, "DELETE FROM list_post WHERE identity_id = ?1 AND ?2 = 0", op->own_id,
                          0, NULL, fault) &&
           person_run_sql(db, "DELETE FROM identity WHERE id = ?1 AND ?2 = 0", op->own_id, 0, NULL,
                          fault) &&
           (op->number == 0 || folders_drop(txn, op->account_id, folder, fault));
}

static void after_delete(struct person_op *op)
{
    log_info("agent", "identity deleted");
    agent_queue_changed(op->agent);
    person_op_finish(op, NULL);
}

void agent_identity_delete(struct agent *agent, const char *who, struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_delete, done);
    op->after = after_delete;
    if (!person_op_take_own(op, who, &fault)) {
        person_op_refuse(op, &fault);
        return;
    }
    const struct own_key *own = keyring_by_id(&agent->keyring, op->own_id);
    op->number = own->kind == IDENTITY_CHAN && own->enabled ? 1 : 0;
    person_op_write(op);
}

/* ---- listing ---- */

static void fill_info(struct agent_identity_info *out, const struct own_key *own,
                      const char *account)
{
    *out = (struct agent_identity_info){
        .id = own->id,
        .account_id = own->account_id,
        .account = account,
        .address = own->text,
        .label = own->label,
        .list_name = own->list_name,
        .kind = own->kind,
        .enabled = own->enabled,
        .acks = (own->behaviour & BEHAVIOUR_DOES_ACK) != 0,
        .version = own->address.version,
        .stream = own->address.stream,
        .trials_per_byte = own->demand.trials_per_byte,
        .extra_bytes = own->demand.extra_bytes,
        .ttl_sec = own->ttl_sec,
        .created_sec = own->created_sec,
    };
}

const char *agent_account_name(struct agent *agent, int64_t id)
{
    struct account account;
    return accounts_get(agent_reader(agent), &account, id, &agent->identity_names, NULL)
               ? account.name
               : "";
}

uint64_t agent_people_version(const struct agent *agent)
{
    return agent->keyring.version;
}

bool agent_identity_list_part(struct agent *agent, size_t first, size_t n,
                              void (*each)(void *context, const struct agent_identity_info *info),
                              void *context)
{
    const struct keyring *keyring = &agent->keyring;
    size_t end = first + n < keyring->n_own ? first + n : keyring->n_own;
    int64_t last_id = 0;
    const char *name = "";
    arena_clear(&agent->identity_names);
    for (size_t i = first; i < end; i++) {
        const struct own_key *own = &keyring->own[i];
        struct agent_identity_info info;
        if (own->account_id != last_id) {
            last_id = own->account_id;
            name = agent_account_name(agent, last_id);
        }
        fill_info(&info, own, name);
        each(context, &info);
    }
    return end < keyring->n_own;
}

void agent_identity_list(struct agent *agent,
                         void (*each)(void *context, const struct agent_identity_info *info),
                         void *context)
{
    (void)agent_identity_list_part(agent, 0, agent->keyring.n_own, each, context);
}

bool agent_identity_find(struct agent *agent, const char *who, struct agent_identity_info *out,
                         struct fault *fault)
{
    const struct own_key *own = keyring_find(&agent->keyring, who, fault);
    if (own == NULL) {
        return false;
    }
    arena_clear(&agent->identity_names);
    fill_info(out, own, agent_account_name(agent, own->account_id));
    return true;
}
