// SPDX-License-Identifier: MIT
/* From a row of the queue to a signed, encrypted object: whom it goes to, whether it can, and the
 * bytes. Reads mail.db and the keyring; changes nothing. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_MESSAGE_BUILD_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_MESSAGE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/outgoing/work_cost.h"
#include "node/objects/sender.h"

struct buf;
struct db;
struct keyring;
struct outgoing_row;
struct settings;

/* Whom a mail goes to, as far as it matters. */
struct message_target {
    struct address address;
    struct public_key key; /* not of a broadcast */
    uint32_t behaviour;
    struct pow_demand demand; /* zero: the network's least */
    bool is_unknown;          /* only the address is filled: its key is not here */
};

enum message_target_result {
    MESSAGE_TARGET_FOUND,
    MESSAGE_TARGET_UNKNOWN, /* only the address is filled: its key is not here */
    MESSAGE_TARGET_BROKEN   /* the fault says why it can never be */
};
enum message_target_result message_find_target(struct message_target *out,
                                               const struct outgoing_row *row,
                                               const struct keyring *keyring, struct db *db,
                                               struct fault *fault) MUST_USE;

enum message_verdict {
    MESSAGE_POSSIBLE,
    MESSAGE_TOO_DEAR,  /* asks for more work than the settings allow */
    MESSAGE_IMPOSSIBLE /* would lose a part of the mail */
};
/* `reason` is appended to, a sentence for the user, unless it is possible. */
enum message_verdict message_judge(const struct outgoing_row *row,
                                   const struct message_target *target,
                                   const struct settings *settings, struct buf *reason) MUST_USE;

/* The lifetime of the object that is made of it next: a resend has twice that of the one before. */
int64_t message_ttl_sec(const struct outgoing_row *row) MUST_USE;
/* The work that it takes; also for a target whose key is unknown, which is taken for one that
 * demands the least and acknowledges. */
void message_add_cost(struct work_cost *cost, const struct outgoing_row *row,
                      const struct message_target *target, const struct settings *settings);
/* What is left of a row's work before it can leave. False when nothing is: it left, or ended. */
bool message_cost_left(struct work_cost *out, const struct outgoing_row *row,
                       const struct keyring *keyring, struct db *db,
                       const struct settings *settings) MUST_USE;

/* Is its sender's signing key locked? */
bool message_waits_for_keys(const struct outgoing_row *row, const struct keyring *keyring) MUST_USE;
/* Will the recipient acknowledge it through the network? */
bool message_wants_ack(const struct outgoing_row *row,
                       const struct message_target *target) MUST_USE;

struct message_plan_time {
    int64_t ttl_sec;
    int64_t expires_sec;
};

struct message_order {
    const struct outgoing_row *row;
    const struct message_target *target;
    const struct keyring *keyring;
    const struct settings *settings;
    struct message_plan_time time;
};
/* Append the object, nonce 0. Not while it waits for keys. */
bool message_build(struct buf *out, const struct message_order *order, struct db *db,
                   struct fault *fault) MUST_USE;

#endif
