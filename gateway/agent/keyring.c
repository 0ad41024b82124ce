// SPDX-License-Identifier: MIT
#include "gateway/agent/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/address_repair.h"

/* ---- snapshots for the pool ---- */

static struct key_set *key_set_new(size_t n_keys)
{
    struct key_set *set = xcalloc(1, sizeof(*set));
    set->refs = 1;
    set->items = xcalloc(n_keys + 1, sizeof(*set->items));
    return set;
}

static void key_set_add(struct key_set *set, const struct own_key *own)
{
    struct key_set_item *item = &set->items[set->n_keys++];
    item->id = own->id;
    item->key = own->keys.encryption;
    memcpy(item->ripe, own->keys.ripe, sizeof(item->ripe));
}

struct key_set *keyring_key_set_of(const struct keyring *keyring, const int64_t *ids, size_t n_ids)
{
    struct key_set *set = key_set_new(n_ids);
    for (size_t i = 0; i < n_ids; i++) {
        const struct own_key *own = keyring_by_id(keyring, ids[i]);
        if (own != NULL && own->enabled) {
            key_set_add(set, own);
        }
    }
    return set;
}

struct key_set *key_set_ref(struct key_set *set)
{
    set->refs++;
    return set;
}

void key_set_unref(struct key_set **set)
{
    struct key_set *old = *set;
    *set = NULL;
    if (old == NULL || --old->refs > 0) {
        return;
    }
    mem_wipe(old->items, (old->n_keys + 1) * sizeof(*old->items));
    free(old->items);
    free(old);
}

struct key_set *keyring_key_set(const struct keyring *keyring)
{
    return key_set_ref(keyring->keys);
}

/* ---- loading ---- */

static void known_clear(struct known_address *known, size_t n_known)
{
    for (size_t i = 0; i < n_known; i++) {
        free(known[i].label);
    }
    free(known);
}

void keyring_clear(struct keyring *keyring)
{
    for (size_t i = 0; i < keyring->n_own; i++) {
        free(keyring->own[i].label);
        free(keyring->own[i].list_name);
        identity_keys_wipe(&keyring->own[i].keys);
    }
    free(keyring->own);
    known_clear(keyring->contacts, keyring->n_contacts);
    known_clear(keyring->subscriptions, keyring->n_subscriptions);
    map_clear(&keyring->own_by_address);
    map_clear(&keyring->contact_by_address);
    key_set_unref(&keyring->keys);
    *keyring = (struct keyring){0};
}

/* The public halves: from the image before, else worked out. */
static void take_keys(struct identity_keys *out, const struct own_key *old,
                      const struct private_key *signing, const struct private_key *encryption)
{
    bool is_same = old != NULL &&
                   mem_equal_ct(old->keys.signing.scalar, signing->scalar, PRIVATE_KEY_BYTES) &&
                   mem_equal_ct(old->keys.encryption.scalar, encryption->scalar, PRIVATE_KEY_BYTES);
    if (is_same) {
        *out = old->keys;
    } else {
        identity_keys_derive(out, signing, encryption);
    }
}

static bool read_own(struct own_key *own, struct db_stmt *stmt, const struct keyring *old,
                     struct fault *fault)
{
    struct private_key signing;
    struct private_key encryption;
    const char *text = db_column_text(stmt, 4);
    if (address_decode(&own->address, bytes_of_str(text)) != ADDRESS_OK ||
        !private_key_parse(&signing, db_column_bytes(stmt, 6)) ||
        !private_key_parse(&encryption, db_column_bytes(stmt, 7))) {
        return fault_set(fault, FAULT_CORRUPT, "an identity's row does not hold its keys");
    }
    own->id = db_column_i64(stmt, 0);
    take_keys(&own->keys, keyring_by_id(old, own->id), &signing, &encryption);
    private_key_wipe(&signing);
    private_key_wipe(&encryption);
    if (memcmp(own->keys.ripe, own->address.ripe, RIPE_BYTES) != 0) {
        return fault_set(fault, FAULT_CORRUPT, "an identity's keys are not its address's");
    }
    own->account_id = db_column_i64(stmt, 1);
    own->kind = (enum identity_kind)db_column_i64(stmt, 2);
    own->enabled = db_column_i64(stmt, 3) != 0;
    address_encode(own->text, &own->address);
    own->label = xstrdup(db_column_text(stmt, 5));
    own->behaviour = (uint32_t)db_column_i64(stmt, 8);
    own->demand.trials_per_byte = (uint64_t)db_column_i64(stmt, 9);
    own->demand.extra_bytes = (uint64_t)db_column_i64(stmt, 10);
    own->ttl_sec = db_column_i64(stmt, 11);
    own->pubkey_sent_sec = db_column_i64(stmt, 12);
    own->created_sec = db_column_i64(stmt, 13);
    own->list_name = xstrdup(db_column_text(stmt, 14));
    return true;
}

static bool load_own(struct keyring *keyring, const struct keyring *old, struct db *db,
                     struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db,
        "SELECT id, account_id, kind, enabled, address, label, signing_key, encryption_key,"
        " behaviour, trials_per_byte, extra_bytes, ttl_sec, pubkey_sent_sec, created_sec,"
        " list_name FROM identity ORDER BY id",
        fault);
    if (stmt == NULL) {
        return false;
    }
    size_t capacity = 0;
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        keyring->own = array_grow(keyring->own, keyring->n_own, &capacity, sizeof(*keyring->own));
        struct own_key *own = &keyring->own[keyring->n_own];
        memset(own, 0, sizeof(*own));
        if (!read_own(own, stmt, old, fault)) {
            db_reset(stmt);
            return false;
        }
        keyring->n_own++;
    }
    return step == DB_DONE;
}

/* What was loaded before; rows come in the order in which they came then. */
struct known_before {
    const struct known_address *items;
    size_t n_items;
    size_t next;
};

/* The address of a row: decoding 100,000 of them takes a good part of a second, finding again those
 * of the last time does not. */
static bool read_address(struct address *out, const char *text, struct known_before *before)
{
    enum { LOOK_AHEAD = 4 }; /* some may have been removed */
    for (size_t i = before->next; i < before->n_items && i < before->next + LOOK_AHEAD; i++) {
        if (strcmp(before->items[i].text, text) == 0) {
            *out = before->items[i].address;
            before->next = i + 1;
            return true;
        }
    }
    return address_decode(out, bytes_of_str(text)) == ADDRESS_OK;
}

static bool load_known(struct known_address **out, size_t *out_n, struct db *db, const char *sql,
                       struct known_before before, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (stmt == NULL) {
        return false;
    }
    size_t capacity = 0;
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct known_address known = {0};
        const char *text = db_column_text(stmt, 1);
        if (!read_address(&known.address, text, &before)) {
            continue;
        }
        known.account_id = db_column_i64(stmt, 0);
        (void)snprintf(known.text, sizeof(known.text), "%s", text); /* canonical on disk */
        known.label = xstrdup(db_column_text(stmt, 2));
        known.ttl_sec = db_column_i64(stmt, 3);
        known.enabled = db_column_i64(stmt, 4) != 0;
        known.muted = db_column_i64(stmt, 5) != 0;
        *out = array_grow(*out, *out_n, &capacity, sizeof(**out));
        (*out)[(*out_n)++] = known;
    }
    return step == DB_DONE;
}

/* The maps point into the arrays, so they are filled when those no longer move. */
static void fill_maps(struct keyring *keyring)
{
    uint8_t key[ADDRESS_KEY_BYTES];
    for (size_t i = keyring->n_own; i > 0; i--) {
        address_key(key, &keyring->own[i - 1].address);
        (void)map_put(&keyring->own_by_address, (struct bytes){key, sizeof(key)},
                      &keyring->own[i - 1]);
    }
    for (size_t i = keyring->n_contacts; i > 0; i--) {
        address_key(key, &keyring->contacts[i - 1].address);
        (void)map_put(&keyring->contact_by_address, (struct bytes){key, sizeof(key)},
                      &keyring->contacts[i - 1]);
    }
    keyring->keys = key_set_new(keyring->n_own);
    for (size_t i = 0; i < keyring->n_own; i++) {
        if (keyring->own[i].enabled) {
            key_set_add(keyring->keys, &keyring->own[i]);
        }
    }
}

bool keyring_load(struct keyring *keyring, struct db *db, struct fault *fault)
{
    struct keyring fresh = {0};
    bool ok =
        load_own(&fresh, keyring, db, fault) &&
        load_known(&fresh.contacts, &fresh.n_contacts, db,
                   "SELECT account_id, address, label, ttl_sec, 1, 0 FROM contact ORDER BY id",
                   (struct known_before){keyring->contacts, keyring->n_contacts, 0}, fault) &&
        load_known(&fresh.subscriptions, &fresh.n_subscriptions, db,
                   "SELECT account_id, address, label, 0,"
                   " enabled AND NOT muted, enabled AND muted"
                   " FROM broadcast_subscription ORDER BY id",
                   (struct known_before){keyring->subscriptions, keyring->n_subscriptions, 0},
                   fault);
    if (!ok) {
        keyring_clear(&fresh);
        return fault_wrap(fault, "load the keys");
    }
    fill_maps(&fresh);
    keyring_clear(keyring);
    *keyring = fresh;
    return true;
}

/* ---- looking up ---- */

/* They are in the order of their ids. */
const struct own_key *keyring_by_id(const struct keyring *keyring, int64_t id)
{
    size_t first = 0;
    size_t end = keyring->n_own;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (keyring->own[middle].id < id) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < keyring->n_own && keyring->own[first].id == id ? &keyring->own[first] : NULL;
}

const struct own_key *keyring_by_address(const struct keyring *keyring,
                                         const struct address *address)
{
    uint8_t key[ADDRESS_KEY_BYTES];
    address_key(key, address);
    return map_get(&keyring->own_by_address, (struct bytes){key, sizeof(key)});
}

const struct own_key *keyring_of_account(const struct keyring *keyring, int64_t account_id,
                                         const struct address *address)
{
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if (own->enabled && own->account_id == account_id &&
            address_equal(&own->address, address)) {
            return own;
        }
    }
    return NULL;
}

const struct known_address *keyring_contact(const struct keyring *keyring,
                                            const struct address *address)
{
    uint8_t key[ADDRESS_KEY_BYTES];
    address_key(key, address);
    return map_get(&keyring->contact_by_address, (struct bytes){key, sizeof(key)});
}

const struct known_address *keyring_contact_of(const struct keyring *keyring, int64_t account_id,
                                               const struct address *address)
{
    for (size_t i = 0; i < keyring->n_contacts; i++) {
        const struct known_address *contact = &keyring->contacts[i];
        if (contact->account_id == account_id && address_equal(&contact->address, address)) {
            return contact;
        }
    }
    return NULL;
}

bool keyring_is_known(const struct keyring *keyring, const struct address *address)
{
    if (keyring_contact(keyring, address) != NULL || keyring_by_address(keyring, address) != NULL) {
        return true;
    }
    for (size_t i = 0; i < keyring->n_subscriptions; i++) {
        if (address_equal(&keyring->subscriptions[i].address, address)) {
            return true;
        }
    }
    return false;
}

static bool lists_address(const struct known_address *known, size_t n_known, int64_t account_id,
                          const struct address *address)
{
    for (size_t i = 0; i < n_known; i++) {
        if (known[i].account_id == account_id && address_equal(&known[i].address, address)) {
            return true;
        }
    }
    return false;
}

bool keyring_is_known_to(const struct keyring *keyring, int64_t account_id,
                         const struct address *address)
{
    const struct own_key *own = keyring_of_account(keyring, account_id, address);
    if (own != NULL) {
        return own->kind == IDENTITY_OWN;
    }
    return (keyring_contact(keyring, address) != NULL &&
            lists_address(keyring->contacts, keyring->n_contacts, account_id, address)) ||
           lists_address(keyring->subscriptions, keyring->n_subscriptions, account_id, address);
}

const struct own_key *keyring_find(const struct keyring *keyring, const char *who,
                                   struct fault *fault)
{
    struct keyring_view view = {keyring, 0};
    struct address_book book = keyring_book(&view);
    struct address_form form;
    struct address address;
    if (!address_form_parse(&form, bytes_of_str(who), fault)) {
        return NULL;
    }
    if (form.kind == ADDRESS_FORM_ADDRESS) {
        if (address_form_resolve(&address, &form, &book, NULL) == ADDRESS_FORM_FOUND &&
            keyring_by_address(keyring, &address) != NULL) {
            return keyring_by_address(keyring, &address);
        }
        (void)fault_set(fault, FAULT_NOT_FOUND, "no identity or chan has that address");
        return NULL;
    }
    const struct own_key *found = NULL;
    for (size_t i = 0; i < keyring->n_own; i++) {
        if (str_equal_ci(keyring->own[i].label, form.name)) {
            if (found != NULL) {
                (void)fault_set(fault, FAULT_INVALID,
                                "more than one is called '%.60s': give the address", form.name);
                return NULL;
            }
            found = &keyring->own[i];
        }
    }
    if (found == NULL) {
        (void)fault_set(fault, FAULT_NOT_FOUND, "no identity or chan is called '%.60s'", form.name);
    }
    return found;
}

static const char *label_in(const struct known_address *known, size_t n_known, int64_t account_id,
                            const struct address *address)
{
    for (size_t i = 0; i < n_known; i++) {
        if ((account_id == 0 || known[i].account_id == account_id) &&
            address_equal(&known[i].address, address)) {
            return known[i].label;
        }
    }
    return "";
}

const char *keyring_label(const struct keyring *keyring, int64_t account_id,
                          const struct address *address)
{
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if ((account_id == 0 || own->account_id == account_id) &&
            address_equal(&own->address, address)) {
            return own->label;
        }
    }
    if (keyring_contact(keyring, address) != NULL) {
        const char *label = label_in(keyring->contacts, keyring->n_contacts, account_id, address);
        if (label[0] != '\0') {
            return label;
        }
    }
    return label_in(keyring->subscriptions, keyring->n_subscriptions, account_id, address);
}

struct sender keyring_sender(const struct own_key *own)
{
    return sender_of_keys(&own->keys, own->address.version, own->address.stream, own->behaviour,
                          own->demand);
}

/* ---- the address book ---- */

/* Visit everybody that an account knows; stops when `visit` returns false. */
static void each_known(const struct keyring_view *view,
                       bool (*visit)(void *, const char *label, const char *text,
                                     const struct address *),
                       void *context)
{
    const struct keyring *keyring = view->keyring;
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if ((view->account_id == 0 || own->account_id == view->account_id) &&
            !visit(context, own->label, own->text, &own->address)) {
            return;
        }
    }
    const struct known_address *lists[] = {keyring->contacts, keyring->subscriptions};
    const size_t counts[] = {keyring->n_contacts, keyring->n_subscriptions};
    for (size_t list = 0; list < ARRAY_LEN(lists); list++) {
        for (size_t i = 0; i < counts[list]; i++) {
            const struct known_address *known = &lists[list][i];
            if ((view->account_id == 0 || known->account_id == view->account_id) &&
                !visit(context, known->label, known->text, &known->address)) {
                return;
            }
        }
    }
}

struct lookup {
    struct bytes text;
    const char *label;
    struct address found;
    size_t n_found;
};

static bool visit_alike(void *context, const char *label, const char *text,
                        const struct address *address)
{
    (void)label;
    struct lookup *lookup = context;
    if (address_text_alike(bytes_of_str(text), lookup->text)) {
        lookup->found = *address;
        lookup->n_found++;
        return false;
    }
    return true;
}

static bool visit_label(void *context, const char *label, const char *text,
                        const struct address *address)
{
    (void)text;
    struct lookup *lookup = context;
    if (str_equal_ci(label, lookup->label) &&
        (lookup->n_found == 0 || !address_equal(&lookup->found, address))) {
        lookup->found = *address;
        lookup->n_found++;
    }
    return true;
}

static bool book_find_alike(void *context, struct bytes text, struct address *out)
{
    struct lookup lookup = {.text = text};
    each_known(context, visit_alike, &lookup);
    if (lookup.n_found == 0) {
        return false;
    }
    *out = lookup.found;
    return true;
}

static bool book_find_label(void *context, const char *label, struct address *out, size_t *out_n)
{
    struct lookup lookup = {.label = label};
    each_known(context, visit_label, &lookup);
    *out_n = lookup.n_found;
    if (lookup.n_found == 0) {
        return false;
    }
    *out = lookup.found;
    return true;
}

static const char *book_label_of(void *context, const struct address *address)
{
    const struct keyring_view *view = context;
    return keyring_label(view->keyring, view->account_id, address);
}

struct address_book keyring_book(struct keyring_view *view)
{
    return (struct address_book){book_find_alike, book_find_label, book_label_of, view};
}

/* ---- in a transaction ---- */

static bool enable_left_chan(struct db *db, int64_t *out_id, const struct new_key *key,
                             const char *text, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT id FROM identity WHERE account_id = ?1 AND address = ?2 AND enabled = 0",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, key->account_id);
    db_bind_text(stmt, 2, text);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    int64_t id = db_column_i64(stmt, 0);
    db_reset(stmt);
    if (!keyring_write_enabled(db, id, true, fault) ||
        !keyring_write_label(db, id, key->label, fault)) {
        return false;
    }
    *out_id = id;
    return true;
}

bool keyring_write_new(struct db *db, int64_t *out_id, const struct new_key *key,
                       struct fault *fault)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &key->address);
    int64_t known = 0;
    if (key->kind == IDENTITY_CHAN && !enable_left_chan(db, &known, key, text, fault)) {
        return false;
    }
    if (known != 0) {
        *out_id = known;
        return true;
    }
    struct db_stmt *stmt = db_prepare(
        db,
        "INSERT INTO identity (account_id, kind, address, label, signing_key, encryption_key,"
        " behaviour, trials_per_byte, extra_bytes, created_sec)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, key->account_id);
    db_bind_i64(stmt, 2, key->kind);
    db_bind_text(stmt, 3, text);
    db_bind_text(stmt, 4, key->label);
    db_bind_bytes(stmt, 5, (struct bytes){key->keys->signing.scalar, PRIVATE_KEY_BYTES});
    db_bind_bytes(stmt, 6, (struct bytes){key->keys->encryption.scalar, PRIVATE_KEY_BYTES});
    db_bind_i64(stmt, 7, key->behaviour);
    db_bind_i64(stmt, 8, (int64_t)key->demand.trials_per_byte);
    db_bind_i64(stmt, 9, (int64_t)key->demand.extra_bytes);
    db_bind_i64(stmt, 10, key->now_sec);
    struct fault why = {0};
    if (!db_run(stmt, &why)) {
        return why.code == FAULT_EXISTS
                   ? fault_set(fault, FAULT_EXISTS, "that %s is here already",
                               key->kind == IDENTITY_CHAN ? "chan" : "identity")
                   : fault_set(fault, why.code, "%s", why.text);
    }
    *out_id = db_last_insert_id(db);
    return true;
}

bool keyring_write_label(struct db *db, int64_t id, const char *label, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "UPDATE identity SET label = ?2 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_text(stmt, 2, label);
    return db_run(stmt, fault);
}

bool keyring_write_enabled(struct db *db, int64_t id, bool enabled, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "UPDATE identity SET enabled = ?2 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, enabled);
    return db_run(stmt, fault);
}

bool keyring_write_entry(struct db *db, enum agent_entry_kind kind, int64_t account_id,
                         const struct address *address, const char *label, struct fault *fault)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, address);
    struct db_stmt *stmt =
        db_prepare(db,
                   kind == AGENT_CONTACTS
                       ? "INSERT INTO contact (account_id, address, label) VALUES (?1, ?2, ?3)"
                         " ON CONFLICT (account_id, address) DO UPDATE SET label = ?3"
                       : "INSERT INTO broadcast_subscription (account_id, address, label)"
                         " VALUES (?1, ?2, ?3)"
                         " ON CONFLICT (account_id, address)"
                         " DO UPDATE SET label = ?3, enabled = 1",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, text);
    db_bind_text(stmt, 3, label);
    return db_run(stmt, fault);
}

bool keyring_write_contact_if_new(struct db *db, bool *out_is_new, int64_t account_id,
                                  const struct address *address, const char *label,
                                  struct fault *fault)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, address);
    struct db_stmt *stmt = db_prepare(db,
                                      "INSERT OR IGNORE INTO contact (account_id, address, label)"
                                      " VALUES (?1, ?2, ?3)",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, text);
    db_bind_text(stmt, 3, label);
    if (!db_run(stmt, fault)) {
        return false;
    }
    *out_is_new = db_changes(db) > 0;
    return true;
}

bool keyring_write_entry_gone(struct db *db, enum agent_entry_kind kind, int64_t account_id,
                              const char *address, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db,
        kind == AGENT_CONTACTS
            ? "DELETE FROM contact WHERE account_id = ?1 AND address = ?2"
            : "DELETE FROM broadcast_subscription WHERE account_id = ?1 AND address = ?2",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, address);
    if (!db_run(stmt, fault)) {
        return false;
    }
    return db_changes(db) > 0 || fault_set(fault, FAULT_NOT_FOUND, "there is no such entry");
}
