// SPDX-License-Identifier: MIT
/* Names are unique over accounts and aliases together. SQLite sees to it within each table; across
 * the two, is_name_taken does, which is sound because there is one writer. */
#include "gateway/store/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn_internal.h"
#include "mailproto/sasl/credential.h"

bool account_name_is_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > ACCOUNT_NAME_MAX_BYTES || name[0] == '.' || name[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!ascii_is_alpha(name[i]) && !ascii_is_digit(name[i]) && !strchr("._-+@", name[i])) {
            return false;
        }
    }
    return true;
}

/* One number of a query with one text parameter; DB_DONE: no row. */
static enum db_step query_id(struct db *db, int64_t *out, const char *sql, const char *text,
                             struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (!stmt) {
        return DB_FAILED;
    }
    db_bind_text(stmt, 1, text);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        *out = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    return step;
}

/* "BM-..." of "BM-...@bm.alt", since mail programs like to see a whole address there. */
static struct bytes address_of_login(const char *login)
{
    struct bytes text = bytes_of_str(login);
    return str_starts_with_ci(login, "BM-") ? bytes_slice(text, 0, bytes_find(text, '@'))
                                            : (struct bytes){0};
}

/* DB_ROW: yes, it enters *out_id. */
static enum db_step find_login(struct db *db, int64_t *out_id, const char *login,
                               struct fault *fault)
{
    enum db_step step =
        query_id(db, out_id, "SELECT id FROM account WHERE name = ?1", login, fault);
    if (step != DB_DONE) {
        return step;
    }
    return query_id(db, out_id, "SELECT account_id FROM login_alias WHERE name = ?1", login, fault);
}

/* Run a statement whose first parameter is the account's id. FAULT_NOT_FOUND when it changes no
 * row and `must_exist`. */
static bool run_on_account(struct db *db, struct db_stmt *stmt, int64_t id, bool must_exist,
                           struct fault *fault)
{
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    if (!db_run(stmt, fault)) {
        return false;
    }
    if (must_exist && db_changes(db) == 0) {
        return fault_set(fault, FAULT_NOT_FOUND, "no such account");
    }
    return true;
}

static bool check_count(struct db *db, struct fault *fault)
{
    int64_t n_accounts = 0;
    if (query_id(db, &n_accounts, "SELECT count(*) FROM account WHERE name != ?1", "", fault) ==
        DB_FAILED) {
        return false;
    }
    if (n_accounts >= ACCOUNTS_MAX) {
        return fault_set(fault, FAULT_LIMIT, "there are %d accounts already", ACCOUNTS_MAX);
    }
    return true;
}

bool accounts_create(struct mail_txn *txn, int64_t *out_id, const char *name, struct fault *fault)
{
    if (!account_name_is_valid(name)) {
        return fault_set(fault, FAULT_INVALID,
                         "an account's name has 1 to %d letters, digits or . _ - + @ and begins "
                         "with a letter or digit",
                         ACCOUNT_NAME_MAX_BYTES);
    }
    int64_t taken_by;
    switch (find_login(txn->db, &taken_by, name, fault)) {
    case DB_ROW:
        return fault_set(fault, FAULT_EXISTS, "the name %s is taken", name);
    case DB_FAILED:
        return false;
    case DB_DONE:
        break;
    }
    if (!check_count(txn->db, fault)) {
        return false;
    }
    struct db_stmt *stmt =
        db_prepare(txn->db, "INSERT INTO account (name, created_sec) VALUES (?1, ?2)", fault);
    if (!stmt) {
        return false;
    }
    db_bind_text(stmt, 1, name);
    db_bind_i64(stmt, 2, txn->now_sec);
    if (!db_run(stmt, fault)) {
        return false;
    }
    int64_t id = db_last_insert_id(txn->db);
    if (!folders_create_defaults(txn, id, fault)) {
        return false;
    }
    *out_id = id;
    return true;
}

bool accounts_delete(struct mail_txn *txn, int64_t id, struct fault *fault)
{
    if (!mail_txn_account(txn, id, fault) || !folders_delete_all(txn, id, fault)) {
        return false;
    }
    static const char *const deletions[] = {
        "DELETE FROM metadata WHERE account_id = ?1",
        "DELETE FROM subscribed_name WHERE account_id = ?1",
        "DELETE FROM login_alias WHERE account_id = ?1",
        "DELETE FROM account WHERE id = ?1",
    };
    for (size_t i = 0; i < ARRAY_LEN(deletions); i++) {
        if (!run_on_account(txn->db, db_prepare(txn->db, deletions[i], fault), id, false, fault)) {
            return false;
        }
    }
    mail_txn_account(txn, id, NULL)->usage_changed = false;
    return true;
}

bool accounts_set_credential(struct db *db, int64_t id, const struct sasl_credential *credential,
                             struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "UPDATE account SET scram_salt = ?2, scram_iterations = ?3,"
                                      " scram_stored_key = ?4, scram_server_key = ?5 WHERE id = ?1",
                                      fault);
    if (!stmt) {
        return false;
    }
    if (credential) {
        db_bind_bytes(stmt, 2, (struct bytes){credential->salt, SASL_SALT_BYTES});
        db_bind_i64(stmt, 3, credential->iterations);
        db_bind_bytes(stmt, 4, (struct bytes){credential->stored_key, SASL_KEY_BYTES});
        db_bind_bytes(stmt, 5, (struct bytes){credential->server_key, SASL_KEY_BYTES});
    } else {
        for (int i = 2; i <= 5; i++) {
            db_bind_null(stmt, i);
        }
    }
    return run_on_account(db, stmt, id, true, fault);
}

bool accounts_set_quota(struct db *db, int64_t id, uint64_t bytes, uint64_t messages,
                        struct fault *fault)
{
    if (bytes > INT64_MAX || messages > INT64_MAX) {
        return fault_set(fault, FAULT_LIMIT, "a quota is at most 2^63 - 1");
    }
    struct db_stmt *stmt = db_prepare(
        db, "UPDATE account SET quota_bytes = ?2, quota_messages = ?3 WHERE id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 2, (int64_t)bytes);
    db_bind_i64(stmt, 3, (int64_t)messages);
    return run_on_account(db, stmt, id, true, fault);
}

bool accounts_add_alias(struct db *db, int64_t id, const char *name, struct fault *fault)
{
    int64_t taken_by = 0;
    switch (find_login(db, &taken_by, name, fault)) {
    case DB_ROW:
        return taken_by == id || fault_set(fault, FAULT_EXISTS, "that name enters another account");
    case DB_FAILED:
        return false;
    case DB_DONE:
        break;
    }
    struct db_stmt *stmt =
        db_prepare(db, "INSERT INTO login_alias (account_id, name) VALUES (?1, ?2)", fault);
    if (!stmt) {
        return false;
    }
    db_bind_text(stmt, 2, name);
    return run_on_account(db, stmt, id, false, fault);
}

bool accounts_remove_alias(struct db *db, const char *name, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "DELETE FROM login_alias WHERE name = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_text(stmt, 1, name);
    return db_run(stmt, fault);
}

/* ---- Reading ---- */

#define ACCOUNT_COLUMNS                                                                            \
    "id, name, created_sec, scram_stored_key IS NOT NULL, quota_bytes, quota_messages,"            \
    " used_bytes, used_messages"

static void read_account(struct db_stmt *stmt, struct account *out, struct arena *arena)
{
    *out = (struct account){
        .id = db_column_i64(stmt, 0),
        .name = arena_strdup(arena, db_column_text(stmt, 1)),
        .created_sec = db_column_i64(stmt, 2),
        .has_password = db_column_i64(stmt, 3) != 0,
        .quota_bytes = (uint64_t)db_column_i64(stmt, 4),
        .quota_messages = (uint64_t)db_column_i64(stmt, 5),
        .used_bytes = (uint64_t)db_column_i64(stmt, 6),
        .used_messages = (uint64_t)db_column_i64(stmt, 7),
    };
}

bool accounts_get(struct db *db, struct account *out, int64_t id, struct arena *arena,
                  struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id = ?1", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    enum db_step step = db_step(stmt, fault);
    if (step == DB_ROW) {
        read_account(stmt, out, arena);
    } else if (step == DB_DONE) {
        fault_set(fault, FAULT_NOT_FOUND, "no such account");
    }
    db_reset(stmt);
    return step == DB_ROW;
}

bool accounts_find(struct db *db, int64_t *out_id, const char *name, struct fault *fault)
{
    switch (query_id(db, out_id, "SELECT id FROM account WHERE name = ?1", name, fault)) {
    case DB_ROW:
        return true;
    case DB_DONE:
        return fault_set(fault, FAULT_NOT_FOUND, "no such account");
    case DB_FAILED:
        break;
    }
    return false;
}

bool accounts_list(struct db *db, struct account **out, size_t *out_n, struct arena *arena,
                   struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT " ACCOUNT_COLUMNS " FROM account ORDER BY name LIMIT ?1", fault);
    if (!stmt) {
        return false;
    }
    struct account *accounts = NULL;
    size_t n = 0;
    size_t capacity = 0;
    db_bind_i64(stmt, 1, ACCOUNTS_MAX);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        accounts = array_grow(accounts, n, &capacity, sizeof(*accounts));
        read_account(stmt, &accounts[n++], arena);
    }
    if (step == DB_DONE) {
        *out = arena_memdup(arena, accounts, n * sizeof(*accounts));
        *out_n = n;
    }
    free(accounts);
    return step == DB_DONE;
}

static bool read_credential(struct db_stmt *stmt, struct sasl_credential *out)
{
    struct bytes salt = db_column_bytes(stmt, 0);
    struct bytes stored_key = db_column_bytes(stmt, 2);
    struct bytes server_key = db_column_bytes(stmt, 3);
    if (salt.len != SASL_SALT_BYTES || stored_key.len != SASL_KEY_BYTES ||
        server_key.len != SASL_KEY_BYTES) {
        return false; /* all are NULL: no password was set */
    }
    memcpy(out->salt, salt.data, SASL_SALT_BYTES);
    out->iterations = (uint32_t)db_column_i64(stmt, 1);
    memcpy(out->stored_key, stored_key.data, SASL_KEY_BYTES);
    memcpy(out->server_key, server_key.data, SASL_KEY_BYTES);
    return true;
}

bool accounts_find_credential(struct db *db, int64_t *out_id, struct sasl_credential *out,
                              const char *login, struct fault *fault)
{
    int64_t id = 0;
    enum db_step found = find_login(db, &id, login, fault);
    struct bytes address = address_of_login(login);
    if (found == DB_DONE && address.len != 0) {
        char *name = xstrndup(login, address.len);
        found = find_login(db, &id, name, fault);
        free(name);
    }
    if (found != DB_ROW) {
        return found == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such login");
    }
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT scram_salt, scram_iterations, scram_stored_key,"
                                      " scram_server_key FROM account WHERE id = ?1",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    enum db_step step = db_step(stmt, fault);
    bool has_password = step == DB_ROW && read_credential(stmt, out);
    db_reset(stmt);
    if (step == DB_FAILED) {
        return false;
    }
    if (!has_password) {
        return fault_set(fault, FAULT_NOT_FOUND, "no such login");
    }
    *out_id = id;
    return true;
}
