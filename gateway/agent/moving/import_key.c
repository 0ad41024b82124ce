// SPDX-License-Identifier: MIT
#include "gateway/agent/moving/import_key.h"

#include <assert.h>
#include <stdio.h>

#include "base/db.h"
#include "base/log.h"
#include "crypto/wif.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"

struct details {
    struct identity_keys keys; /* first: wiped with the operation */
    struct agent_import_key key;
    const char *list_name;
};

/* ---- judging ---- */

static bool take_private_key(struct private_key *out, const char *text, const char *what,
                             struct fault *fault)
{
    enum wif_status status = wif_decode(out, bytes_of_str(text));
    return status == WIF_OK ||
           fault_set(fault, FAULT_INVALID, "the %s key: %s", what, wif_status_text(status));
}

static bool take_keys(struct person_op *op, struct identity_keys *keys,
                      const struct agent_import_key *key, struct fault *fault)
{
    struct private_key signing = {0};
    struct private_key encryption = {0};
    bool ok = take_private_key(&signing, key->signing_key, "signing", fault) &&
              take_private_key(&encryption, key->encryption_key, "encryption", fault);
    if (ok) {
        identity_keys_derive(keys, &signing, &encryption);
    }
    mem_wipe(&signing, sizeof(signing));
    mem_wipe(&encryption, sizeof(encryption));
    if (!ok) {
        return false;
    }
    struct address made = address_of_keys(op->address.version, op->address.stream,
                                          &keys->signing_public, &keys->encryption_public);
    return address_equal(&made, &op->address) ||
           fault_set(fault, FAULT_INVALID, "the address and its keys do not belong together");
}

static bool take_address(struct person_op *op, const char *text, struct fault *fault)
{
    if (!person_op_take_address(op, text, NULL, fault)) {
        return false;
    }
    return op->address.version >= 3 ||
           fault_set(fault, FAULT_UNSUPPORTED,
                     "an address of version %u can be written to, but not be one's own any more",
                     (unsigned)op->address.version);
}

/* A chan's label is a folder's name, and an old label may be anything. */
static bool take_label(struct person_op *op, const struct agent_import_key *key,
                       struct fault *fault)
{
    if (!key->is_chan) {
        return person_op_take_label(op, key->label, fault);
    }
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &op->address);
    return (key->label[0] != '\0' && person_op_take_folder_label(op, key->label, NULL)) ||
           person_op_take_folder_label(op, text, fault);
}

/* ---- writing ---- */

static uint32_t behaviour_of(const struct agent_import_key *key)
{
    return key->is_chan ? 0 : (key->acks ? BEHAVIOUR_DOES_ACK : 0) | BEHAVIOUR_EXTENDED_ENCODING;
}

static struct pow_demand at_least(struct pow_demand demand, struct pow_demand least)
{
    return (struct pow_demand){
        .trials_per_byte = demand.trials_per_byte < least.trials_per_byte ? least.trials_per_byte
                                                                          : demand.trials_per_byte,
        .extra_bytes =
            demand.extra_bytes < least.extra_bytes ? least.extra_bytes : demand.extra_bytes,
    };
}

static bool give_folder(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    char name[PERSON_FOLDER_BYTES];
    int64_t mailbox = 0;
    (void)snprintf(name, sizeof(name), FOLDER_NAME_CHANS "/%s", op->label);
    return folders_ensure(txn, &mailbox, op->account_id, name, fault) &&
           person_run_sql(mail_txn_db(txn), "UPDATE identity SET mailbox_id = ?2 WHERE id = ?1",
                          op->id, mailbox, NULL, fault);
}

static bool write_import(struct mail_txn *txn, struct person_op *op, struct fault *fault)
{
    const struct details *details = op->details;
    const struct agent_import_key *key = &details->key;
    struct db *db = mail_txn_db(txn);
    const struct new_key new_key = {
        .account_id = op->account_id,
        .kind = key->is_chan ? IDENTITY_CHAN : IDENTITY_OWN,
        .address = op->address,
        .label = op->label,
        .keys = &details->keys,
        .behaviour = behaviour_of(key),
        .demand = at_least(key->demand, agent_least(op->agent)),
        .now_sec = mail_txn_now_sec(txn),
    };
    if (!keyring_write_new(db, &op->id, &new_key, fault) ||
        !person_run_sql(db, "UPDATE identity SET list_name = ?3, enabled = ?2 WHERE id = ?1",
                        op->id, key->enabled, details->list_name, fault)) {
        return false;
    }
    if (!key->enabled) {
        return true;
    }
    return key->is_chan ? give_folder(txn, op, fault)
                        : person_add_aliases(db, op->account_id, &op->address, fault);
}

static void after_import(struct person_op *op)
{
    log_info("agent", "identity taken over");
    person_op_finish(op, NULL);
}

void agent_import_key(struct agent *agent, const struct agent_import_key *key,
                      struct agent_done done)
{
    struct fault fault = {0};
    struct person_op *op = person_op_new(agent, write_import, done);
    struct details *details = arena_alloc(&op->arena, sizeof(*details));
    op->after = after_import;
    op->details = details;
    op->details_secret_bytes = sizeof(details->keys);
    details->key = *key;
    details->list_name = key->is_chan ? "" : arena_strdup(&op->arena, key->list_name);
    if (!person_op_take_account(op, key->account, &fault) ||
        !take_address(op, key->address, &fault) || !take_label(op, key, &fault) ||
        !take_keys(op, &details->keys, key, &fault)) {
        person_op_refuse(op, &fault);
        return;
    }
    person_op_answer_address(op);
    person_op_write(op);
}

/* ---- out ---- */

struct export
{
    const struct agent *agent;
    void (*each)(void *context, const struct agent_exported_key *key);
    void *context;
};

static void export_one(void *context, const struct agent_identity_info *info)
{
    const struct export *export = context;
    const struct own_key *own = keyring_by_id(&export->agent->keyring, info->id);
    assert(own->can_sign && own->can_decrypt);
    char signing_key[WIF_TEXT_BYTES];
    char encryption_key[WIF_TEXT_BYTES];
    wif_encode(signing_key, &own->keys.signing);
    wif_encode(encryption_key, &own->keys.encryption);
    const struct agent_exported_key key = {
        .account = info->account,
        .address = info->address,
        .label = info->label,
        .signing_key = signing_key,
        .encryption_key = encryption_key,
        .is_chan = info->kind == IDENTITY_CHAN,
        .enabled = info->enabled,
        .acks = info->acks,
        .list_name = info->list_name,
        .demand = own->demand,
    };
    export->each(export->context, &key);
    mem_wipe(signing_key, sizeof(signing_key));
    mem_wipe(encryption_key, sizeof(encryption_key));
}

void agent_export_keys(struct agent *agent,
                       void (*each)(void *context, const struct agent_exported_key *key),
                       void *context)
{
    struct export export = {agent, each, context};
    agent_identity_list(agent, export_one, &export);
}
