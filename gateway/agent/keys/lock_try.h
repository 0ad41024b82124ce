// SPDX-License-Identifier: MIT
/* One try of a passphrase, by value to the pool: which locks it opens, and the keys that are sealed
 * to those. */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_LOCK_TRY_H
#define BITTERN_GATEWAY_AGENT_KEYS_LOCK_TRY_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/agent/keys/lock_db.h"

struct lock_try {
    struct buf passphrase;
    struct buf next; /* that is to take its place; the owner's */
    struct lock_rows rows;
    struct lock_held_keys *held; /* sealed ones */
    size_t n_held;

    /* Found. */
    struct lock_secrets opened;
    struct opened_keys keys;
};

/* In the loop: the locks, and with `with_keys` what is sealed. */
bool lock_try_read(struct lock_try *try, struct db *db, bool with_keys,
                   struct fault *fault) MUST_USE;
/* On a worker. FAULT_DENIED: it opens none; FAULT_LIMIT: no memory. */
bool lock_try_run(struct lock_try *try, bool with_keys, struct fault *fault) MUST_USE;
/* In the loop. Wipes all. */
void lock_try_clear(struct lock_try *try);

#endif
