// SPDX-License-Identifier: MIT
/* What the lock and its operations share: key_lock.c and lock_op.c alone. */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_KEY_LOCK_INTERNAL_H
#define BITTERN_GATEWAY_AGENT_KEYS_KEY_LOCK_INTERNAL_H

#include "base/timer.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/keys/key_lock.h"

struct key_lock {
    struct agent *agent;
    struct lock_secrets open;
    struct lock_rows rows; /* as they are on disk, for telling */
    bool is_busy;          /* with an operation */
    uint32_t n_wrong;
    int64_t not_before_ms; /* by the monotonic clock */
    struct timer cut;      /* of the log, which was being read */
};

/* FAULT_CORRUPT: mail.db no longer has what opens some keys, in words that say what can be done. */
bool key_lock_none_is_lost(const struct key_lock *lock, struct fault *fault) MUST_USE;
/* `is_first`: a passphrase is to be set where nothing is sealed. FAULT_NOT_FOUND: there is none;
 * FAULT_CORRUPT: it was lost; FAULT_BUSY: one is being tried, or wait. */
bool key_lock_may_begin(const struct key_lock *lock, bool is_first, struct fault *fault) MUST_USE;
/* Keys were opened, locked, or stand elsewhere now: everybody who waits for them looks. False: they
 * could not be loaded, and the log says why. */
bool key_lock_keys_changed(struct agent *agent, const struct opened_keys *opened) MUST_USE;
/* The database's log was being read when it was to be cut: again in a while. */
void key_lock_cut_log_later(struct key_lock *lock);

#endif
