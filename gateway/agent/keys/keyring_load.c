// SPDX-License-Identifier: MIT
/* The image of the keys in memory, from mail.db and what of them is open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/agent/keys/keyring_internal.h"

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

void opened_keys_clear(struct opened_keys *opened)
{
    if (opened->items != NULL) {
        mem_wipe(opened->items, opened->n_items * sizeof(*opened->items));
    }
    free(opened->items);
    *opened = (struct opened_keys){0};
}

static int by_id(const void *id, const void *item)
{
    int64_t a = *(const int64_t *)id;
    int64_t b = ((const struct opened_key *)item)->id;
    return (a > b) - (a < b);
}

/* Where keys come from that are not simply read. */
struct sources {
    const struct keyring *old;
    const struct lock_secrets *open;
    const struct opened_keys *opened;
};

/* The public halves: from the image before, else worked out. */
static void take_clear(struct own_key *own, const struct own_key *old,
                       const struct private_key *signing, const struct private_key *encryption)
{
    bool is_same = old != NULL && old->can_sign && old->can_decrypt &&
                   private_key_equal(&old->keys.signing, signing) &&
                   private_key_equal(&old->keys.encryption, encryption);
    if (is_same) {
        own->keys = old->keys;
    } else {
        identity_keys_derive(&own->keys, signing, encryption);
    }
    own->can_sign = true;
    own->can_decrypt = true;
}

static bool read_clear(struct own_key *own, struct db_stmt *stmt, const struct own_key *old)
{
    struct private_key signing = {0};
    struct private_key encryption = {0};
    bool ok = private_key_parse(&signing, db_column_bytes(stmt, 6)) &&
              private_key_parse(&encryption, db_column_bytes(stmt, 7));
    if (ok) {
        take_clear(own, old, &signing, &encryption);
    }
    private_key_wipe(&signing);
    private_key_wipe(&encryption);
    return ok;
}

/* A sealed row's private key. One that can't be opened stays locked: the others go on. */
static bool read_sealed_key(struct private_key *out, struct bytes stored, const struct own_key *own,
                            const struct private_key *from_before,
                            const struct private_key *from_pool, const struct lock_secrets *open,
                            const struct public_key *expected)
{
    bool is_open = open != NULL && lock_secrets_find(open, own->lock_id) != NULL;
    const struct private_key *known = from_before != NULL ? from_before : from_pool;
    if (stored.len != PRIVATE_KEY_BYTES && is_open && known != NULL) {
        *out = *known;
        return true;
    }
    static const struct lock_secrets none;
    enum lock_key_state state =
        lock_db_open_key(out, stored, own->lock_id, open != NULL ? open : &none, expected);
    if (state == LOCK_KEY_BROKEN) {
        log_error("agent", "an identity's sealed key is damaged id=%lld", (long long)own->id);
    }
    return state == LOCK_KEY_OPEN;
}

/* The public halves are in the row; whether they are the address's, the caller checks. */
static bool read_sealed(struct own_key *own, struct db_stmt *stmt, const struct own_key *old,
                        const struct sources *from)
{
    struct bytes publics = db_column_bytes(stmt, 16);
    if (!public_key_parse(&own->keys.signing_public, bytes_slice(publics, 0, PUBLIC_KEY_BYTES)) ||
        !public_key_parse(&own->keys.encryption_public,
                          bytes_slice(publics, PUBLIC_KEY_BYTES, publics.len))) {
        return false;
    }
    key_ripe(own->keys.ripe, &own->keys.signing_public, &own->keys.encryption_public);
    const struct opened_key *opened =
        from->opened == NULL || from->opened->n_items == 0
            ? NULL
            : bsearch(&own->id, from->opened->items, from->opened->n_items,
                      sizeof(*from->opened->items), by_id);
    bool is_same = old != NULL && memcmp(old->keys.ripe, own->keys.ripe, RIPE_BYTES) == 0;
    own->can_sign = read_sealed_key(&own->keys.signing, db_column_bytes(stmt, 6), own,
                                    is_same && old->can_sign ? &old->keys.signing : NULL,
                                    opened != NULL && opened->has_signing ? &opened->signing : NULL,
                                    from->open, &own->keys.signing_public);
    own->can_decrypt =
        read_sealed_key(&own->keys.encryption, db_column_bytes(stmt, 7), own,
                        is_same && old->can_decrypt ? &old->keys.encryption : NULL,
                        opened != NULL && opened->has_encryption ? &opened->encryption : NULL,
                        from->open, &own->keys.encryption_public);
    return true;
}

static bool read_own(struct own_key *own, struct db_stmt *stmt, const struct sources *from,
                     struct fault *fault)
{
    own->id = db_column_i64(stmt, 0);
    own->lock_id = db_column_i64(stmt, 15);
    const char *text = db_column_text(stmt, 4);
    const struct own_key *old = keyring_by_id(from->old, own->id);
    if (address_decode(&own->address, bytes_of_str(text)) != ADDRESS_OK ||
        !(own->lock_id == 0 ? read_clear(own, stmt, old) : read_sealed(own, stmt, old, from))) {
        return fault_set(fault, FAULT_CORRUPT, "an identity's row does not hold its keys");
    }
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

/* As array_grow, and leaves no copy of a key behind. */
static void grow_own(struct keyring *keyring, size_t *capacity)
{
    if (keyring->n_own < *capacity) {
        return;
    }
    size_t wanted = *capacity == 0 ? 8 : 2 * *capacity;
    struct own_key *bigger = xcalloc(wanted, sizeof(*bigger));
    if (keyring->n_own > 0) {
        memcpy(bigger, keyring->own, keyring->n_own * sizeof(*bigger));
        mem_wipe(keyring->own, keyring->n_own * sizeof(*bigger));
    }
    free(keyring->own);
    keyring->own = bigger;
    *capacity = wanted;
}

static void count_locked(struct keyring *keyring, const struct own_key *own)
{
    keyring->n_sealed += own->lock_id != 0 ? 1 : 0;
    keyring->n_unsigning += own->can_sign ? 0 : 1;
    keyring->n_unreadable += own->can_decrypt ? 0 : 1;
    keyring->n_undecrypted += own->enabled && !own->can_decrypt ? 1 : 0;
}

static bool load_own(struct keyring *keyring, const struct sources *from, struct db *db,
                     struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db,
        "SELECT id, account_id, kind, enabled, address, label, signing_key, encryption_key,"
        " behaviour, trials_per_byte, extra_bytes, ttl_sec, pubkey_sent_sec, created_sec,"
        " list_name, lock_id, public_keys FROM identity ORDER BY id",
        fault);
    if (stmt == NULL) {
        return false;
    }
    size_t capacity = 0;
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        grow_own(keyring, &capacity);
        struct own_key *own = &keyring->own[keyring->n_own];
        if (!read_own(own, stmt, from, fault)) {
            identity_keys_wipe(&own->keys);
            db_reset(stmt);
            return false;
        }
        count_locked(keyring, own);
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
        if (keyring->own[i].enabled && keyring->own[i].can_decrypt) {
            key_set_add(keyring->keys, &keyring->own[i]);
        }
    }
}

/* Before the keys: a walk that is added together with a key, while they are read, is for the next
 * time. */
static bool load_newest_walk(struct keyring *keyring, struct db *db, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "SELECT max(id) FROM key_walk", fault);
    if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    keyring->newest_walk = db_column_i64(stmt, 0);
    db_reset(stmt);
    return true;
}

bool keyring_load(struct keyring *keyring, struct db *db, const struct lock_secrets *open,
                  const struct opened_keys *opened, struct fault *fault)
{
    struct keyring fresh = {0};
    const struct sources from = {keyring, open, opened};
    bool ok =
        load_newest_walk(&fresh, db, fault) && load_own(&fresh, &from, db, fault) &&
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
    fresh.version = keyring->version + 1;
    keyring_clear(keyring);
    *keyring = fresh;
    return true;
}
