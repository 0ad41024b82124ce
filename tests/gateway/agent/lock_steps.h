// SPDX-License-Identifier: MIT
/* What the tests of locked keys do to a rig. */
#ifndef BITTERN_TESTS_GATEWAY_AGENT_LOCK_STEPS_H
#define BITTERN_TESTS_GATEWAY_AGENT_LOCK_STEPS_H

#include "tests/gateway/agent/pair.h"

extern const char lock_secret[];

struct rig_answer lock_set(struct rig *rig, const char *old, const char *passphrase);
struct rig_answer lock_open(struct rig *rig, const char *passphrase);
struct rig_answer lock_remove(struct rig *rig, const char *passphrase);
struct rig_answer lock_close(struct rig *rig);
void lock_expect_done(struct rig_answer answer);
void lock_expect_refused(struct rig_answer answer, enum fault_code code);

/* Under lock_secret, and locked. */
void lock_up(struct rig *rig, enum lock_extent extent);
/* Statements in a transaction of their own. */
void lock_write_sql(struct rig *rig, const char *sql);
/* It is killed, and its disk goes on in another process. */
void lock_die_and_start(struct rig *rig);

struct lock_reason {
    char text[200];
};
struct lock_reason lock_reason_of(struct rig *rig, int64_t id);
/* For rig_until: all that the node has was gone through. */
bool lock_is_through(struct rig *rig, void *context);

#endif
