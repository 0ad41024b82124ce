// SPDX-License-Identifier: MIT
#include "gateway/agent/people/sender_rules.h"

#include "base/db.h"
#include "gateway/agent/keys/keyring.h"

enum { LISTED_BLOCKED = 0, LISTED_ALLOWED = 1 }; /* on disk */

/* The first column of the one row that `sql` finds for a number and an address; -1: none. */
static int64_t look_up(struct db *db, const char *sql, int64_t id, const char *address)
{
    struct db_stmt *stmt = db_prepare(db, sql, NULL);
    if (stmt == NULL) {
        return -1;
    }
    db_bind_i64(stmt, 1, id);
    if (address != NULL) {
        db_bind_text(stmt, 2, address);
    }
    int64_t found = db_step(stmt, NULL) == DB_ROW ? db_column_i64(stmt, 0) : -1;
    db_reset(stmt);
    return found;
}

static int64_t listed(struct db *db, int64_t account_id, const struct address *from)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, from);
    return look_up(db, "SELECT listed FROM sender_rule WHERE account_id = ?1 AND address = ?2",
                   account_id, text);
}

bool sender_rules_block(struct db *db, const struct keyring *keyring, int64_t account_id,
                        const struct address *from)
{
    int64_t rule = listed(db, account_id, from);
    if (rule >= 0) {
        return rule == LISTED_BLOCKED;
    }
    return look_up(db, "SELECT allowed_only FROM account_policy WHERE account_id = ?1", account_id,
                   NULL) > 0 &&
           !keyring_is_known_to(keyring, account_id, from);
}

bool sender_rules_block_in_chan(struct db *db, const struct own_key *chan,
                                const struct address *from)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, from);
    return listed(db, chan->account_id, from) == LISTED_BLOCKED ||
           look_up(db, "SELECT 1 FROM chan_rule WHERE identity_id = ?1 AND address = ?2", chan->id,
                   text) > 0;
}

/* ---- in a transaction ---- */

static bool run(struct db *db, const char *sql, int64_t id, const char *address, int64_t value,
                struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, sql, fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_text(stmt, 2, address);
    db_bind_i64(stmt, 3, value);
    return db_run(stmt, fault);
}

bool sender_rules_write(struct db *db, int64_t account_id, const char *address,
                        enum agent_rule rule, struct fault *fault)
{
    return rule == AGENT_RULE_NONE
               ? run(db,
                     "DELETE FROM sender_rule WHERE account_id = ?1 AND address = ?2 AND ?3 = 0",
                     account_id, address, 0, fault)
               : run(db,
                     "INSERT INTO sender_rule (account_id, address, listed) VALUES (?1, ?2, ?3)"
                     " ON CONFLICT (account_id, address) DO UPDATE SET listed = ?3",
                     account_id, address,
                     rule == AGENT_RULE_BLOCK ? LISTED_BLOCKED : LISTED_ALLOWED, fault);
}

bool sender_rules_write_chan(struct db *db, int64_t chan_id, const char *address, bool blocked,
                             struct fault *fault)
{
    return blocked
               ? run(db,
                     "INSERT OR IGNORE INTO chan_rule (identity_id, address) SELECT ?1, ?2"
                     " WHERE ?3 = 1",
                     chan_id, address, 1, fault)
               : run(db, "DELETE FROM chan_rule WHERE identity_id = ?1 AND address = ?2 AND ?3 = 0",
                     chan_id, address, 0, fault);
}
