// SPDX-License-Identifier: MIT
/* What people's wishes added to the agent's tables: mailing lists, muted subscriptions, accounts
 * that take mail of the allowed alone, a chan's own block list.
 *
 * identity.list_name: "" for none; else what arrives is broadcast again under that name, and waits
 * for it in list_post. chan_rule: who is not shown in a chan (identity_id). account_policy: a row
 * where an account differs from the usual. */
#include "gateway/store/schema.h"

#include <stddef.h>

const char *const people_schema[] = {
    "ALTER TABLE identity ADD COLUMN list_name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE broadcast_subscription ADD COLUMN muted INTEGER NOT NULL DEFAULT 0",

    "CREATE TABLE list_post ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  identity_id INTEGER NOT NULL,"
    "  sender TEXT NOT NULL,"
    "  arrived_sec INTEGER NOT NULL,"
    "  subject BLOB NOT NULL,"
    "  body BLOB NOT NULL"
    ")",

    "CREATE TABLE chan_rule ("
    "  identity_id INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  PRIMARY KEY (identity_id, address)"
    ") WITHOUT ROWID",

    "CREATE TABLE account_policy ("
    "  account_id INTEGER PRIMARY KEY,"
    "  allowed_only INTEGER NOT NULL DEFAULT 0"
    ")",

    /* What came while it was muted and is still in the network arrives (key_walk). */
    "CREATE TRIGGER subscription_unmuted AFTER UPDATE OF muted ON broadcast_subscription"
    " WHEN NEW.enabled AND OLD.muted AND NOT NEW.muted"
    " BEGIN DELETE FROM key_walk WHERE own_id = 0 AND sender = NEW.address;"
    " INSERT INTO key_walk (sender) VALUES (NEW.address); END",

    NULL,
};
