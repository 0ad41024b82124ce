// SPDX-License-Identifier: MIT
/* The guard at the door: one for all servers of a process, a sasl_judge that asks the keeper of
 * credentials, has passwords checked by worker threads, and slows down who guesses.
 *
 * A check costs thousands of hashes. So never more than half of the workers check at a time, and
 * names take turns: whoever tries thousands of passwords for one name keeps nobody waiting who logs
 * in under another, and no session that is logged in at all.
 *
 * Back-off is per name as it was typed, over all connections, and forgotten by halves each minute:
 *
 *     the n-th wrong login          its answer is held back min(500 ms * 2^n, 8 s)
 *     after GUARD_FREE_FAILURES     one try each 125, 250, 500, then 1000 ms is judged
 *     not judged within 8 s         SASL_BUSY: the client is told to come back
 *
 * By name, not by account: an account's names (the addresses of its identities) stay unlinked, and
 * a name that does not exist is treated as one that does. Nobody is ever locked out.
 *
 * A password that was right is known again for GUARD_REMEMBER_MS without a check and without
 * waiting, so a client's many connections cost one check, also while its account is attacked. What
 * is kept is an HMAC of it and of the credential, under a key of this process; a changed password
 * is another credential. */
#ifndef BITTERN_MAILPROTO_SASL_GUARD_H
#define BITTERN_MAILPROTO_SASL_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct loop;
struct pool;
struct sasl_guard;
struct sasl_judge;
struct sasl_lookup;

enum {
    GUARD_FREE_FAILURES = 3,
    GUARD_MAX_PACE_MS = 1000,
    GUARD_MAX_HOLD_MS = 8000,
    GUARD_MAX_WAIT_MS = 8000,
    GUARD_FORGET_MS = 60000,    /* half of a name's failures */
    GUARD_REMEMBER_MS = 300000, /* a right password, from its check on */
    GUARD_MAX_REMEMBERED = 256  /* the oldest makes room */
};

/* All are borrowed and outlive it. */
struct sasl_guard_config {
    struct loop *loop;
    struct pool *pool;
    const struct sasl_lookup *lookup;
    int64_t remember_ms; /* 0: GUARD_REMEMBER_MS */
};

struct sasl_guard *sasl_guard_new(const struct sasl_guard_config *config) MUST_USE;
/* For sessions; as long as the guard. */
const struct sasl_judge *sasl_guard_judge(struct sasl_guard *guard) MUST_USE;
/* Tries that were not judged yet, checks under way included. */
size_t sasl_guard_n_waiting(const struct sasl_guard *guard) MUST_USE;
/* After the last session; what it gave to the pool must have ended, as after pool_free. NULL is
 * fine.
 */
void sasl_guard_free(struct sasl_guard **guard);

#endif
