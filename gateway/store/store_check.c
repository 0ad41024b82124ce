// SPDX-License-Identifier: MIT
#include "gateway/store/store_check.h"

#include <string.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/fault.h"
#include "crypto/hash.h"
#include "gateway/store/bodies.h"

/* Each query counts the rows that break its rule. */
static const struct {
    const char *rule;
    const char *count;
} rules[] = {
    {"a mailbox belongs to an account",
     "SELECT count(*) FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)"},
    {"a level of a mailbox's name has a row",
     "SELECT count(*) FROM mailbox m WHERE instr(name, '/') AND NOT EXISTS (SELECT 1 FROM mailbox p"
     " WHERE p.account_id = m.account_id AND p.name = rtrim(rtrim(m.name, replace(m.name, '/', "
     "'')),"
     " '/'))"},
    {"UIDVALIDITY was given out by the counter, and once",
     "SELECT count(*) FROM mailbox m WHERE uid_validity > (SELECT value FROM counter WHERE"
     " name = 'uid_validity') OR EXISTS (SELECT 1 FROM mailbox o WHERE o.id != m.id AND"
     " o.uid_validity = m.uid_validity)"},
    {"a message stands in a mailbox that holds messages",
     "SELECT count(*) FROM message WHERE mailbox_id NOT IN"
     " (SELECT id FROM mailbox WHERE NOT is_container)"},
    {"a message has a body",
     "SELECT count(*) FROM message WHERE body_id NOT IN (SELECT id FROM body)"},
    {"a message's size is that of its body",
     "SELECT count(*) FROM message m JOIN body b ON b.id = m.body_id WHERE m.size != b.size"},
    {"a UID is below its mailbox's next",
     "SELECT count(*) FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
     " WHERE m.uid >= b.uid_next OR m.uid < 1"},
    {"a modification sequence is not above its mailbox's",
     "SELECT count(*) FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
     " WHERE m.modseq > b.modseq_highest OR m.modseq < 1"},
    {"a mailbox's counts are those of its messages",
     "SELECT count(*) FROM mailbox b LEFT JOIN (SELECT mailbox_id, count(*) AS n,"
     " sum(flags & 8 = 0) AS unseen, sum(flags & 4 != 0) AS deleted, sum(size) AS bytes"
     " FROM message GROUP BY mailbox_id) c ON c.mailbox_id = b.id WHERE"
     " b.n_messages != coalesce(c.n, 0) OR b.n_unseen != coalesce(c.unseen, 0) OR"
     " b.n_deleted != coalesce(c.deleted, 0) OR b.size_bytes != coalesce(c.bytes, 0)"},
    {"an account's usage is that of its mailboxes",
     "SELECT count(*) FROM account a LEFT JOIN (SELECT account_id, sum(n_messages) AS n,"
     " sum(size_bytes) AS bytes FROM mailbox GROUP BY account_id) c ON c.account_id = a.id WHERE"
     " a.used_messages != coalesce(c.n, 0) OR a.used_bytes != coalesce(c.bytes, 0)"},
    {"an expunged UID is not there",
     "SELECT count(*) FROM expunged e WHERE EXISTS (SELECT 1 FROM message m WHERE"
     " m.mailbox_id = e.mailbox_id AND m.uid BETWEEN e.first_uid AND e.last_uid)"},
    {"the keywords of a mailbox have no gap",
     "SELECT count(*) FROM (SELECT mailbox_id FROM keyword GROUP BY mailbox_id"
     " HAVING min(bit) != 0 OR max(bit) != count(*) - 1 OR max(bit) > 63)"},
    {"a keyword belongs to a mailbox",
     "SELECT count(*) FROM keyword WHERE mailbox_id NOT IN (SELECT id FROM mailbox)"},
    {"a body that nothing refers to is marked for clearing away",
     "SELECT count(*) FROM body WHERE id NOT IN (SELECT body_id FROM message)"
     " AND id NOT IN (SELECT body_id FROM released_body)"},
    {"a body has its text", "SELECT count(*) FROM body WHERE id NOT IN"
                            " (SELECT body_id FROM body_text)"},
    {"a body has its header's text", "SELECT count(*) FROM body WHERE id NOT IN"
                                     " (SELECT body_id FROM body_header)"},
    {"a header's text has its body", "SELECT count(*) FROM body_header WHERE body_id NOT IN"
                                     " (SELECT id FROM body)"},
    {"a text has its body", "SELECT count(*) FROM body_text WHERE body_id NOT IN"
                            " (SELECT id FROM body)"},
    {"a piece has its body",
     "SELECT count(*) FROM body_piece WHERE id / 1024 NOT IN (SELECT id FROM body)"},
    {"the pieces of a body are as long as it",
     "SELECT count(*) FROM body b LEFT JOIN (SELECT id / 1024 AS body_id,"
     " sum(length(content)) AS n FROM body_piece GROUP BY 1) p ON p.body_id = b.id"
     " WHERE coalesce(p.n, 0) != b.size"},
    {"a login name leads to an account",
     "SELECT count(*) FROM login_alias WHERE account_id NOT IN (SELECT id FROM account)"},
    {"metadata belong to an account",
     "SELECT count(*) FROM metadata WHERE account_id NOT IN (SELECT id FROM account)"},
};

static bool check_rules(struct db *db, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct db_stmt *stmt = db_prepare(db, rules[i].count, fault);
        if (!stmt) {
            return false;
        }
        enum db_step step = db_step(stmt, fault);
        int64_t n_broken = step == DB_ROW ? db_column_i64(stmt, 0) : 0;
        db_reset(stmt);
        if (step != DB_ROW) {
            return false;
        }
        if (n_broken != 0) {
            return fault_set(fault, FAULT_CORRUPT, "%s: %lld do not", rules[i].rule,
                             (long long)n_broken);
        }
    }
    return true;
}

static bool check_digests(struct db *db, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "SELECT id, digest FROM body", fault);
    if (!stmt) {
        return false;
    }
    struct buf content;
    buf_init(&content, 0);
    bool ok = true;
    enum db_step step = DB_DONE;
    while (ok && (step = db_step(stmt, fault)) == DB_ROW) {
        uint64_t id = (uint64_t)db_column_i64(stmt, 0);
        struct bytes noted = db_column_bytes(stmt, 1);
        uint8_t digest[SHA256_BYTES];
        buf_reset(&content);
        ok = bodies_read(db, &content, id, fault);
        hash_sha256(digest, buf_view(&content));
        if (ok && !bytes_equal(noted, (struct bytes){digest, sizeof(digest)})) {
            ok = fault_set(fault, FAULT_CORRUPT, "the content of body %llu is not what came in",
                           (unsigned long long)id);
        }
    }
    db_reset(stmt);
    buf_clear(&content);
    return ok && step == DB_DONE;
}

bool store_check(struct db *db, struct fault *fault)
{
    if (!db_begin_read(db, fault)) {
        return false;
    }
    bool ok = check_rules(db, fault) && check_digests(db, fault);
    db_rollback(db);
    return ok;
}
