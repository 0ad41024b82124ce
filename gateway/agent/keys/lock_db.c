// SPDX-License-Identifier: MIT
#include "gateway/agent/keys/lock_db.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/store/table_rewrite.h"

/* ---- secret halves ---- */

const struct lock_secret *lock_secrets_find(const struct lock_secrets *secrets, int64_t lock_id)
{
    for (size_t i = 0; i < secrets->n_items; i++) {
        if (secrets->items[i].lock_id == lock_id) {
            return secrets->items[i].secret;
        }
    }
    return NULL;
}

struct lock_secrets lock_secrets_ref(const struct lock_secrets *secrets)
{
    struct lock_secrets copy = *secrets;
    for (size_t i = 0; i < copy.n_items; i++) {
        copy.items[i].secret = lock_secret_ref(copy.items[i].secret);
    }
    return copy;
}

void lock_secrets_clear(struct lock_secrets *secrets)
{
    for (size_t i = 0; i < secrets->n_items; i++) {
        lock_secret_unref(&secrets->items[i].secret);
    }
    *secrets = (struct lock_secrets){0};
}

enum lock_key_state lock_db_open_key(struct private_key *out, struct bytes stored, int64_t lock_id,
                                     const struct lock_secrets *secrets,
                                     const struct public_key *expected)
{
    if (stored.len == PRIVATE_KEY_BYTES) {
        return private_key_parse(out, stored) ? LOCK_KEY_OPEN : LOCK_KEY_BROKEN;
    }
    if (stored.len != LOCK_SEALED_BYTES || lock_id == 0) {
        return LOCK_KEY_BROKEN;
    }
    const struct lock_secret *secret = lock_secrets_find(secrets, lock_id);
    if (secret == NULL) {
        return LOCK_KEY_LOCKED;
    }
    struct public_key derived;
    if (!lock_unseal(out, secret, stored)) {
        return LOCK_KEY_BROKEN;
    }
    public_key_derive(&derived, out);
    if (!public_key_equal(&derived, expected)) {
        private_key_wipe(out);
        return LOCK_KEY_BROKEN;
    }
    return LOCK_KEY_OPEN;
}

/* ---- rows of key_lock ---- */

static bool take(uint8_t *out, size_t len, struct bytes value)
{
    if (value.len != len) {
        return false;
    }
    memcpy(out, value.data, len);
    return true;
}

static bool take_u32(uint32_t *out, int64_t value)
{
    *out = (uint32_t)value;
    return value >= 0 && value <= UINT32_MAX;
}

static bool take_row(struct lock_row *out, struct db_stmt *stmt)
{
    out->id = db_column_i64(stmt, 0);
    out->seals_all = db_column_i64(stmt, 6) != 0;
    struct lock_box *box = &out->box;
    return take(box->public_key, sizeof(box->public_key), db_column_bytes(stmt, 1)) &&
           take(box->salt, sizeof(box->salt), db_column_bytes(stmt, 2)) &&
           take_u32(&box->cost.passes, db_column_i64(stmt, 3)) &&
           take_u32(&box->cost.memory_kib, db_column_i64(stmt, 4)) &&
           take(box->wrapped, sizeof(box->wrapped), db_column_bytes(stmt, 5)) &&
           take_u32(&out->n_wrong, db_column_i64(stmt, 7));
}

bool lock_db_read(struct db *db, struct lock_rows *out, struct fault *fault)
{
    *out = (struct lock_rows){0};
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT id, public_key, salt, passes, memory_kib, wrapped,"
                                      " seals_all, n_wrong FROM key_lock ORDER BY id DESC LIMIT ?1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, LOCK_MAX_ROWS);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        if (!take_row(&out->items[out->n_items++], stmt)) {
            db_reset(stmt);
            return fault_set(fault, FAULT_CORRUPT, "what the passphrase opens is damaged");
        }
    }
    return step == DB_DONE;
}

static void bind_box(struct db_stmt *stmt, const struct lock_box *box)
{
    db_bind_bytes(stmt, 2, (struct bytes){box->salt, sizeof(box->salt)});
    db_bind_i64(stmt, 3, box->cost.passes);
    db_bind_i64(stmt, 4, box->cost.memory_kib);
    db_bind_bytes(stmt, 5, (struct bytes){box->wrapped, sizeof(box->wrapped)});
}

bool lock_db_add(struct db *db, int64_t *out_id, const struct lock_box *box, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "INSERT INTO key_lock (public_key, salt, passes, memory_kib,"
                                      " wrapped, seals_all) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_bytes(stmt, 1, (struct bytes){box->public_key, sizeof(box->public_key)});
    bind_box(stmt, box);
    bool ok = db_run(stmt, fault);
    *out_id = db_last_insert_id(db);
    return ok;
}

bool lock_db_change(struct db *db, int64_t id, const struct lock_box *box, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "UPDATE key_lock SET salt = ?2, passes = ?3, memory_kib = ?4,"
                                      " wrapped = ?5, n_wrong = 0 WHERE id = ?1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    bind_box(stmt, box);
    return db_run(stmt, fault);
}

bool lock_db_count_wrong(struct db *db, bool is_wrong, struct fault *fault)
{
    return db_exec(db,
                   is_wrong ? "UPDATE key_lock SET n_wrong = min(n_wrong + 1, 1000)"
                            : "UPDATE key_lock SET n_wrong = 0 WHERE n_wrong > 0",
                   fault);
}

static bool count(struct db *db, const char *sql, int64_t *out, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (stmt == NULL || db_step(stmt, fault) != DB_ROW) {
        return false;
    }
    *out = db_column_i64(stmt, 0);
    db_reset(stmt);
    return true;
}

bool lock_db_count_sealed(struct db *db, int64_t *out, struct fault *fault)
{
    return count(db, "SELECT count(*) FROM identity WHERE lock_id != 0", out, fault);
}

/* ---- the keys of all identities ---- */

/* Of all of them. Wiped with the list. */
struct held_list {
    struct lock_held_keys *items;
    size_t n_items;
};

static void held_list_clear(struct held_list *held)
{
    if (held->items != NULL) {
        mem_wipe(held->items, held->n_items * sizeof(*held->items));
    }
    free(held->items);
    *held = (struct held_list){0};
}

/* What is neither a key nor a sealed one has no bytes: it can't be opened. */
static void take_stored(uint8_t out[LOCK_SEALED_BYTES], size_t *out_len, struct bytes value)
{
    bool is_key = value.len == PRIVATE_KEY_BYTES || value.len == LOCK_SEALED_BYTES;
    *out_len = is_key && take(out, value.len, value) ? value.len : 0;
}

static void take_held(struct lock_held_keys *out, struct db_stmt *stmt)
{
    out->id = db_column_i64(stmt, 0);
    out->lock_id = db_column_i64(stmt, 1);
    take_stored(out->signing, &out->signing_len, db_column_bytes(stmt, 2));
    take_stored(out->encryption, &out->encryption_len, db_column_bytes(stmt, 3));
    (void)take(out->public_keys, sizeof(out->public_keys), db_column_bytes(stmt, 4));
}

/* Room is made once: growing would leave copies behind. */
static bool read_held(struct db *db, struct held_list *out, bool only_sealed, struct fault *fault)
{
    int64_t n = 0;
    struct db_stmt *stmt =
        count(db, "SELECT count(*) FROM identity", &n, fault)
            ? db_prepare(db,
                         "SELECT id, lock_id, signing_key, encryption_key, public_keys"
                         " FROM identity WHERE NOT ?1 OR lock_id != 0 ORDER BY id",
                         fault)
            : NULL;
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, only_sealed);
    out->items = xcalloc((size_t)n + 1, sizeof(*out->items));
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        if ((int64_t)out->n_items == n) {
            db_reset(stmt);
            return fault_set(fault, FAULT_BUSY, "identities are being added: try again");
        }
        take_held(&out->items[out->n_items++], stmt);
    }
    return step == DB_DONE;
}

bool lock_db_read_sealed(struct db *db, struct lock_held_keys **out, size_t *out_n,
                         struct fault *fault)
{
    struct held_list held = {0};
    if (!read_held(db, &held, true, fault)) {
        held_list_clear(&held);
        return false;
    }
    *out = held.items;
    *out_n = held.n_items;
    return true;
}

static bool write_held(struct db *db, const struct lock_held_keys *key, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "UPDATE identity SET lock_id = ?2, signing_key = ?3,"
                                      " encryption_key = ?4, public_keys = ?5 WHERE id = ?1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, key->id);
    db_bind_i64(stmt, 2, key->lock_id);
    db_bind_bytes(stmt, 3, (struct bytes){key->signing, key->signing_len});
    db_bind_bytes(stmt, 4, (struct bytes){key->encryption, key->encryption_len});
    if (key->lock_id != 0) {
        db_bind_bytes(stmt, 5, (struct bytes){key->public_keys, sizeof(key->public_keys)});
    } else {
        db_bind_null(stmt, 5);
    }
    return db_run(stmt, fault);
}

/* Both keys, where all that they are sealed to is open. */
static enum lock_key_state open_held(struct identity_keys *out, const struct lock_held_keys *key,
                                     const struct lock_secrets *secrets)
{
    struct public_key publics[2] = {0};
    struct private_key signing = {0};
    struct private_key encryption = {0};
    if (key->lock_id != 0) {
        memcpy(publics[0].point, key->public_keys, PUBLIC_KEY_BYTES);
        memcpy(publics[1].point, key->public_keys + PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES);
    }
    enum lock_key_state state =
        lock_db_open_key(&signing, (struct bytes){key->signing, key->signing_len}, key->lock_id,
                         secrets, &publics[0]);
    if (state == LOCK_KEY_OPEN) {
        state = lock_db_open_key(&encryption, (struct bytes){key->encryption, key->encryption_len},
                                 key->lock_id, secrets, &publics[1]);
    }
    if (state == LOCK_KEY_OPEN) {
        identity_keys_derive(out, &signing, &encryption);
    }
    private_key_wipe(&signing);
    private_key_wipe(&encryption);
    return state;
}

static void put_clear(uint8_t out[LOCK_SEALED_BYTES], size_t *out_len,
                      const struct private_key *key)
{
    mem_wipe(out, LOCK_SEALED_BYTES);
    memcpy(out, key->scalar, PRIVATE_KEY_BYTES);
    *out_len = PRIVATE_KEY_BYTES;
}

static bool put_sealed(uint8_t out[LOCK_SEALED_BYTES], size_t *out_len, const struct lock_row *lock,
                       const struct private_key *key, struct fault *fault)
{
    *out_len = LOCK_SEALED_BYTES;
    return lock_seal(out, lock->box.public_key, key) ||
           fault_set(fault, FAULT_CORRUPT, "what keys are sealed to is damaged");
}

static bool seal_held(struct lock_held_keys *key, const struct identity_keys *keys,
                      const struct lock_row *lock, bool seals_all, struct fault *fault)
{
    key->lock_id = lock->id;
    memcpy(key->public_keys, keys->signing_public.point, PUBLIC_KEY_BYTES);
    memcpy(key->public_keys + PUBLIC_KEY_BYTES, keys->encryption_public.point, PUBLIC_KEY_BYTES);
    if (!seals_all) {
        put_clear(key->encryption, &key->encryption_len, &keys->encryption);
    } else if (!put_sealed(key->encryption, &key->encryption_len, lock, &keys->encryption, fault)) {
        return false;
    }
    return put_sealed(key->signing, &key->signing_len, lock, &keys->signing, fault);
}

/* ---- arranging ---- */

struct arrangement {
    struct lock_row lock; /* in force */
    bool seals_all;
    const struct lock_secrets *secrets;
    bool any_sealed; /* that was in clear */
};

static bool is_arranged(const struct arrangement *all, const struct lock_held_keys *key)
{
    return key->lock_id == all->lock.id && key->signing_len == LOCK_SEALED_BYTES &&
           (key->encryption_len == LOCK_SEALED_BYTES) == all->seals_all;
}

/* To clear an encryption key takes its lock, to seal it does not; what is sealed to a lock that is
 * not in force waits until both are open: a passphrase that nobody knows any more must not get keys
 * whose own is known. */
static bool arrange_one(struct db *db, struct arrangement *all, struct lock_held_keys *key,
                        struct fault *fault)
{
    struct identity_keys keys = {0};
    bool may = key->lock_id == 0 || key->lock_id == all->lock.id ||
               lock_secrets_find(all->secrets, all->lock.id) != NULL;
    if (is_arranged(all, key) || !may) {
        return true;
    }
    bool had_clear = key->signing_len == PRIVATE_KEY_BYTES ||
                     (all->seals_all && key->encryption_len == PRIVATE_KEY_BYTES);
    bool ok = true;
    switch (open_held(&keys, key, all->secrets)) {
    case LOCK_KEY_OPEN:
        ok = seal_held(key, &keys, &all->lock, all->seals_all, fault) && write_held(db, key, fault);
        all->any_sealed = all->any_sealed || had_clear;
        break;
    case LOCK_KEY_LOCKED:
    case LOCK_KEY_BROKEN: /* it stays as it is, and is told of when it is loaded */
        break;
    }
    identity_keys_wipe(&keys);
    return ok;
}

static bool set_seals_all(struct db *db, const struct arrangement *all, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "UPDATE key_lock SET seals_all = ?2 WHERE id = ?1 AND seals_all != ?2", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, all->lock.id);
    db_bind_i64(stmt, 2, all->seals_all);
    return db_run(stmt, fault);
}

bool lock_db_arrange(struct db *db, const struct lock_secrets *secrets, bool seals_all,
                     bool *out_sealed, struct fault *fault)
{
    struct lock_rows rows;
    struct held_list held = {0};
    *out_sealed = false;
    if (!lock_db_read(db, &rows, fault)) {
        return false;
    }
    if (rows.n_items == 0) {
        return true;
    }
    struct arrangement all = {.lock = rows.items[0], .seals_all = seals_all, .secrets = secrets};
    bool ok = read_held(db, &held, false, fault);
    for (size_t i = 0; ok && i < held.n_items; i++) {
        ok = arrange_one(db, &all, &held.items[i], fault);
    }
    held_list_clear(&held);
    *out_sealed = all.any_sealed;
    return ok && set_seals_all(db, &all, fault) &&
           db_exec(db,
                   "DELETE FROM key_lock WHERE id < (SELECT max(id) FROM key_lock)"
                   " AND id NOT IN (SELECT lock_id FROM identity)",
                   fault) &&
           (!all.any_sealed || table_rewrite(db, "identity", fault));
}

/* ---- removing ---- */

static bool clear_one(struct db *db, struct lock_held_keys *key, const struct lock_secrets *secrets,
                      struct fault *fault)
{
    struct identity_keys keys = {0};
    if (key->lock_id == 0) {
        return true;
    }
    enum lock_key_state state = open_held(&keys, key, secrets);
    bool ok = state == LOCK_KEY_OPEN;
    if (ok) {
        put_clear(key->signing, &key->signing_len, &keys.signing);
        put_clear(key->encryption, &key->encryption_len, &keys.encryption);
        key->lock_id = 0;
        ok = write_held(db, key, fault);
    } else {
        (void)fault_set(fault, FAULT_DENIED,
                        state == LOCK_KEY_LOCKED
                            ? "some keys are under another passphrase: unlock with that one first"
                            : "the keys of an identity are damaged: they can't be opened");
    }
    identity_keys_wipe(&keys);
    return ok;
}

bool lock_db_remove(struct db *db, const struct lock_secrets *secrets, struct fault *fault)
{
    struct held_list held = {0};
    bool ok = read_held(db, &held, false, fault);
    for (size_t i = 0; ok && i < held.n_items; i++) {
        ok = clear_one(db, &held.items[i], secrets, fault);
    }
    held_list_clear(&held);
    return ok && db_exec(db, "DELETE FROM key_lock; DELETE FROM pubkey_ahead", fault);
}

/* ---- a new key ---- */

bool lock_db_new_key(struct db *db, struct lock_held_keys *out, const struct identity_keys *keys,
                     struct fault *fault)
{
    struct lock_rows rows;
    *out = (struct lock_held_keys){0};
    if (!lock_db_read(db, &rows, fault)) {
        return false;
    }
    put_clear(out->signing, &out->signing_len, &keys->signing);
    put_clear(out->encryption, &out->encryption_len, &keys->encryption);
    return rows.n_items == 0 ||
           seal_held(out, keys, &rows.items[0], rows.items[0].seals_all, fault);
}
