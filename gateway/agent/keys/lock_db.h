// SPDX-License-Identifier: MIT
/* Locks in mail.db, and the private keys that are sealed to them.
 *
 * Usually there is one lock, or none. A restore may bring keys that are sealed to another: then
 * there are several, of which the newest is in force: new keys are sealed to it. Once both are
 * open, all is sealed to the one in force, and the others go.
 *
 * What changes something runs in a transaction on the writer thread; each is whole or not done at
 * all, whatever falls in between. */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_LOCK_DB_H
#define BITTERN_GATEWAY_AGENT_KEYS_LOCK_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/keys/lock_box.h"

struct db;

enum { LOCK_MAX_ROWS = 8, LOCK_PUBLIC_KEYS_BYTES = 2 * PUBLIC_KEY_BYTES };

struct lock_row {
    int64_t id;
    struct lock_box box;
    bool seals_all; /* encryption keys, too */
    uint32_t n_wrong;
};
struct lock_rows {
    struct lock_row items[LOCK_MAX_ROWS]; /* the one in force first */
    size_t n_items;
};
/* FAULT_CORRUPT: a row does not hold a box. */
bool lock_db_read(struct db *db, struct lock_rows *out, struct fault *fault) MUST_USE;

/* Secret halves that are there. */
struct lock_secrets {
    struct {
        int64_t lock_id;
        struct lock_secret *secret;
    } items[LOCK_MAX_ROWS];
    size_t n_items;
};
/* NULL: that lock is not open. */
const struct lock_secret *lock_secrets_find(const struct lock_secrets *secrets, int64_t lock_id);
/* A reference of each. */
struct lock_secrets lock_secrets_ref(const struct lock_secrets *secrets) MUST_USE;
void lock_secrets_clear(struct lock_secrets *secrets);

/* A key as its row has it: in clear where it is as long as such a one, else sealed to a lock. */
enum lock_key_state { LOCK_KEY_OPEN, LOCK_KEY_LOCKED, LOCK_KEY_BROKEN };
/* LOCK_KEY_LOCKED: its lock is not open. Whether it is the key of `expected` is checked when it had
 * to be opened. */
enum lock_key_state lock_db_open_key(struct private_key *out, struct bytes stored, int64_t lock_id,
                                     const struct lock_secrets *secrets,
                                     const struct public_key *expected) MUST_USE;

/* An identity's keys as they stand in its row. */
struct lock_held_keys {
    int64_t id;      /* of the identity */
    int64_t lock_id; /* 0: both in clear, and public_keys is not used */
    uint8_t signing[LOCK_SEALED_BYTES];
    size_t signing_len;
    uint8_t encryption[LOCK_SEALED_BYTES];
    size_t encryption_len;
    uint8_t public_keys[LOCK_PUBLIC_KEYS_BYTES];
};
/* Of all identities that have sealed ones, in the order of their ids; the caller's, to be wiped and
 * freed. */
bool lock_db_read_sealed(struct db *db, struct lock_held_keys **out, size_t *out_n,
                         struct fault *fault) MUST_USE;

/* ---- in a transaction ---- */

bool lock_db_add(struct db *db, int64_t *out_id, const struct lock_box *box,
                 struct fault *fault) MUST_USE;
/* Another passphrase for the same secret half. */
bool lock_db_change(struct db *db, int64_t id, const struct lock_box *box,
                    struct fault *fault) MUST_USE;
/* One more wrong passphrase, or none any more. */
bool lock_db_count_wrong(struct db *db, bool is_wrong, struct fault *fault) MUST_USE;

/* Bring all keys to what is to be: signing keys sealed to the lock in force, encryption keys with
 * `seals_all` alone. What would take a lock that is not open stays. *out_sealed: keys that stood
 * there in clear are sealed now, and nothing of them is left but in the log. */
bool lock_db_arrange(struct db *db, const struct lock_secrets *secrets, bool seals_all,
                     bool *out_sealed, struct fault *fault) MUST_USE;
/* All keys in clear again, and no lock. FAULT_DENIED: some are sealed to a lock that is not open.
 */
bool lock_db_remove(struct db *db, const struct lock_secrets *secrets,
                    struct fault *fault) MUST_USE;
/* How many identities and chans have sealed keys. */
bool lock_db_count_sealed(struct db *db, int64_t *out, struct fault *fault) MUST_USE;

/* How a new identity's keys are to stand in its row; `id` is left 0. Wipe it. */
bool lock_db_new_key(struct db *db, struct lock_held_keys *out, const struct identity_keys *keys,
                     struct fault *fault) MUST_USE;

#endif
