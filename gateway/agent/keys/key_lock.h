// SPDX-License-Identifier: MIT
/* The passphrase: set, tried, changed, removed; and the keys that it opens.
 *
 *              set                       close
 *     none ----------> open <---------------------------> locked <-- a start
 *       ^               |                  open             |
 *       `---------------'-----------------------------------'
 *                         remove
 *
 * A try costs half a second and some memory (lock_box.h), so it runs in the pool, one at a time:
 *
 *     begin: the locks and sealed keys by value -> pool: argon2id, keys opened
 *     -> one transaction, where something changes -> the keyring is loaded anew -> answered
 *
 * Wrong ones slow down: after each the next is tried a while later, twice as long each time; a
 * start does not make that shorter.
 *
 * agent.h has the calls. */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_KEY_LOCK_H
#define BITTERN_GATEWAY_AGENT_KEYS_KEY_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/keys/lock_db.h"

struct agent;
struct buf;
struct key_lock;

enum { KEY_LOCK_FIRST_WAIT_MS = 1000, KEY_LOCK_MOST_WAIT_MS = 300 * 1000 };

/* What is waited after so many wrong ones in a row. */
int64_t key_lock_wait_ms(uint32_t n_wrong) MUST_USE;

struct key_lock *key_lock_new(struct agent *agent, struct fault *fault) MUST_USE;
void key_lock_stop(struct key_lock *lock);
void key_lock_free(struct key_lock **lock);

/* The secret halves that are open; borrowed until the loop's next turn. */
const struct lock_secrets *key_lock_open_secrets(const struct key_lock *lock) MUST_USE;
/* Which identity.lock_id stand for keys that are open, as a JSON array for a statement. */
void key_lock_write_open_ids(const struct key_lock *lock, struct buf *out);

#endif
