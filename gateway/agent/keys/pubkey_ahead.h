// SPDX-License-Identifier: MIT
/* Our own public keys, signed ahead: while signing keys are locked, requests are answered all the
 * same, with objects that were signed before. Their proof of work is done when they go out.
 *
 *     now      14 days    28 days                                  26 weeks
 *      |----------|----*-----|------*----------*---- ... ----*---------|      * one object's end
 *
 * An object lives for 28 days at most, so at any time the one goes out whose end is the farthest
 * within that: it has 14 to 28 days left. Where the ends begin is drawn for each identity: equal
 * ones would show which identities are of one home.
 *
 * They are made where keys are open: with each new identity, and for all of them as time goes on.
 */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_PUBKEY_AHEAD_H
#define BITTERN_GATEWAY_AGENT_KEYS_PUBKEY_AHEAD_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/key.h"
#include "node/objects/sender.h"

struct agent;
struct buf;
struct db;
struct own_key;
struct pubkeys_ahead;

enum {
    PUBKEY_AHEAD_STEP_SEC = 14 * 86400,
    PUBKEY_AHEAD_OBJECTS = 13, /* of an identity: 26 weeks */
    PUBKEY_AHEAD_AT_ONCE = 64  /* identities that the setting of a passphrase signs for itself */
};

/* ---- in a transaction ---- */

struct pubkey_ahead_order {
    int64_t identity_id;
    struct sender sender;
    const struct identity_keys *keys;
    int64_t now_sec;
};
/* What is missing of one identity's. */
bool pubkey_ahead_write(struct db *db, const struct pubkey_ahead_order *order,
                        struct fault *fault) MUST_USE;
/* The one to be told now, appended to `out`, is taken from the table, and those before it go.
 * *out_expires_sec 0: there is none. */
bool pubkey_ahead_take(struct db *db, struct buf *out, int64_t *out_expires_sec,
                       int64_t identity_id, int64_t now_sec, struct fault *fault) MUST_USE;

/* ---- in the loop ---- */

/* For an identity whose keys are open: the order, which borrows them. */
struct pubkey_ahead_order pubkey_ahead_order_of(const struct own_key *own,
                                                int64_t now_sec) MUST_USE;

/* Fills up what is missing, one identity at a time, where there is a passphrase and keys are open.
 */
struct pubkeys_ahead *pubkeys_ahead_new(struct agent *agent) MUST_USE;
void pubkeys_ahead_stop(struct pubkeys_ahead *ahead);
void pubkeys_ahead_free(struct pubkeys_ahead **ahead);
/* Keys were opened, or others came. */
void pubkeys_ahead_wake(struct pubkeys_ahead *ahead);
/* Until when the requests for all own keys can be answered without a passphrase; 0: not for all. */
int64_t pubkeys_ahead_until_sec(struct agent *agent) MUST_USE;

#endif
