// SPDX-License-Identifier: MIT
/* What changes the tables of keys, contacts and subscriptions: in a transaction, on the writer
 * thread. */
#include "gateway/agent/keys/keyring.h"

#include "base/db.h"
#include "base/mem.h"
#include "gateway/agent/keys/pubkey_ahead.h"

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

static bool insert_identity(struct db *db, const struct new_key *key, const char *text,
                            const struct lock_held_keys *held, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db,
        "INSERT INTO identity (account_id, kind, address, label, signing_key, encryption_key,"
        " behaviour, trials_per_byte, extra_bytes, created_sec, lock_id, public_keys)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, key->account_id);
    db_bind_i64(stmt, 2, key->kind);
    db_bind_text(stmt, 3, text);
    db_bind_text(stmt, 4, key->label);
    db_bind_bytes(stmt, 5, (struct bytes){held->signing, held->signing_len});
    db_bind_bytes(stmt, 6, (struct bytes){held->encryption, held->encryption_len});
    db_bind_i64(stmt, 7, key->behaviour);
    db_bind_i64(stmt, 8, (int64_t)key->demand.trials_per_byte);
    db_bind_i64(stmt, 9, (int64_t)key->demand.extra_bytes);
    db_bind_i64(stmt, 10, key->now_sec);
    db_bind_i64(stmt, 11, held->lock_id);
    if (held->lock_id != 0) {
        db_bind_bytes(stmt, 12, (struct bytes){held->public_keys, sizeof(held->public_keys)});
    } else {
        db_bind_null(stmt, 12);
    }
    struct fault why = {0};
    return db_run(stmt, &why) ||
           (why.code == FAULT_EXISTS ? fault_set(fault, FAULT_EXISTS, "that %s is here already",
                                                 key->kind == IDENTITY_CHAN ? "chan" : "identity")
                                     : fault_set(fault, why.code, "%s", why.text));
}

/* Under a passphrase the key may be locked when somebody asks for its public half. */
static bool sign_ahead(struct db *db, int64_t id, const struct new_key *key, struct fault *fault)
{
    const struct pubkey_ahead_order order = {
        .identity_id = id,
        .sender = sender_of_keys(key->keys, key->address.version, key->address.stream,
                                 key->behaviour, key->demand),
        .keys = key->keys,
        .now_sec = key->now_sec,
    };
    return key->kind == IDENTITY_CHAN || pubkey_ahead_write(db, &order, fault);
}

/* A chan that was left gives way to an identity of the same keys. */
static bool forget_left_chan(struct db *db, const struct new_key *key, const char *text,
                             struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "DELETE FROM identity WHERE account_id = ?1 AND address = ?2"
                                      " AND kind = ?3 AND enabled = 0",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, key->account_id);
    db_bind_text(stmt, 2, text);
    db_bind_i64(stmt, 3, IDENTITY_CHAN);
    return db_run(stmt, fault);
}

bool keyring_write_new(struct db *db, int64_t *out_id, const struct new_key *key,
                       struct fault *fault)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &key->address);
    int64_t known = 0;
    if (key->kind == IDENTITY_OWN && !forget_left_chan(db, key, text, fault)) {
        return false;
    }
    if (key->kind == IDENTITY_CHAN && !enable_left_chan(db, &known, key, text, fault)) {
        return false;
    }
    if (known != 0) {
        *out_id = known;
        return true;
    }
    struct lock_held_keys held;
    bool ok = lock_db_new_key(db, &held, key->keys, fault) &&
              insert_identity(db, key, text, &held, fault);
    int64_t id = db_last_insert_id(db);
    ok = ok && (held.lock_id == 0 || sign_ahead(db, id, key, fault));
    mem_wipe(&held, sizeof(held));
    if (ok) {
        *out_id = id;
    }
    return ok;
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
