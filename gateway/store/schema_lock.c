// SPDX-License-Identifier: MIT
/* Private keys under a passphrase (gateway/agent/keys/key_lock.h).
 *
 * key_lock: what a passphrase opens; form and bounds stand in gateway/agent/keys/lock_box.h. New
 * keys are sealed to the row with the highest id; an older one is left by a restore, until its
 * passphrase has opened it, too. seals_all: encryption keys are sealed as well as signing keys.
 * n_wrong: wrong passphrases in a row.
 *
 * identity.lock_id: 0 for keys in clear, else what they are sealed to; then public_keys has both
 * public halves. A sealed key is longer than one in clear.
 *
 * pubkey_ahead: our own public keys, signed for times in which the keys are locked. They go with
 * the terms that they tell.
 *
 * kept_object: what could not be tried because keys were locked. */
#include "gateway/store/schema.h"

const char lock_schema[] =
    "CREATE TABLE key_lock ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  public_key BLOB NOT NULL UNIQUE,"
    "  salt BLOB NOT NULL,"
    "  passes INTEGER NOT NULL,"
    "  memory_kib INTEGER NOT NULL,"
    "  wrapped BLOB NOT NULL,"
    "  seals_all INTEGER NOT NULL,"
    "  n_wrong INTEGER NOT NULL DEFAULT 0"
    ");"
    "ALTER TABLE identity ADD COLUMN lock_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE identity ADD COLUMN public_keys BLOB;"

    "CREATE TABLE pubkey_ahead ("
    "  identity_id INTEGER NOT NULL,"
    "  expires_sec INTEGER NOT NULL,"
    "  object BLOB NOT NULL," /* whole; the nonce is zero */
    "  PRIMARY KEY (identity_id, expires_sec)"
    ") WITHOUT ROWID;"
    "CREATE TRIGGER identity_gone AFTER DELETE ON identity"
    " BEGIN DELETE FROM pubkey_ahead WHERE identity_id = OLD.id; END;"
    "CREATE TRIGGER identity_terms AFTER UPDATE OF behaviour, trials_per_byte, extra_bytes"
    " ON identity BEGIN DELETE FROM pubkey_ahead WHERE identity_id = OLD.id; END;"

    "CREATE TABLE kept_object ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  hash BLOB NOT NULL UNIQUE,"
    "  arrived_sec INTEGER NOT NULL,"
    "  object BLOB NOT NULL"
    ");";
