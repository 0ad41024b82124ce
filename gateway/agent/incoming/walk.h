// SPDX-License-Identifier: MIT
/* The ways through the node's objects, each in the order of their numbers.
 *
 * The live walk goes on for ever: it takes each object once and tries all keys on it. A key that
 * came later has a walk of its own, over what the live one had gone past before: from the first
 * object to the number where the live walk stood when the key came.
 *
 *     1 ........................ end ........................ newest
 *     |---- walk of the new key --->|---- live, with the new key too ---->
 *
 * Objects are worked on side by side and end in any order. A walk's cursor stands at the highest
 * number below which all are done; it is written in the transaction of what an object led to, or
 * soon after by itself. Keys that came together, or wait together, share a walk. So a crash repeats
 * some and loses none, and what was repeated is known by its signature. A walk that is at its end
 * is struck off; one that a crash or a lost link stopped goes on behind its cursor. All of it lives
 * in the loop. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_WALK_H
#define BITTERN_GATEWAY_AGENT_INCOMING_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/incoming/walk_db.h"
#include "node/link/link_gateway.h"

struct agent;
struct arrival;
struct key_set;
struct walk;
struct walks;

/* Reads how far it went. */
struct walks *walks_new(struct agent *agent, struct fault *fault) MUST_USE;
/* No timer, nothing new: what is under way only cleans up. */
void walks_stop(struct walks *walks);
/* With all arrivals. */
void walks_free(struct walks **walks);

/* The keyring was loaded: take up the walks that its new keys need. */
void walks_keys_changed(struct walks *walks);
/* Keys were locked: the walks under way for single ones stop behind their cursors, drop the keys,
 * and go on when those can decrypt again (walks_keys_changed). */
void walks_keys_locked(struct walks *walks);

void walks_link_up(struct walks *walks, const struct link_epoch *epoch);
/* What is under way ends by itself, but no longer moves a cursor: the new link sends it again. */
void walks_link_down(struct walks *walks);
/* The node has sent all that it has for this scan. */
void walks_caught_up(struct walks *walks, uint32_t scan);

/* Whose object it is that came in this scan; NULL: nobody's (any more). */
struct walk *walks_find(struct walks *walks, uint32_t scan, uint64_t number) MUST_USE;
bool walk_is_live(const struct walk *walk) MUST_USE;
/* What it tries: new keys, a reference (NULL: none), or a new subscription's sender (NULL: none).
 * Not of the live one, which tries all. */
struct key_set *walk_keys(const struct walk *walk) MUST_USE;
const struct address *walk_sender(const struct walk *walk) MUST_USE;

/* An object's way through: taken in the order of their numbers, and done in any. Taken, it belongs
 * to the walks; done, it is freed. */
void walk_take(struct walk *walk, struct arrival *arrival);
void walks_arrival_done(struct walks *walks, struct arrival *arrival);
/* An object that comes from elsewhere, and moves no cursor. */
void walks_take_loose(struct walks *walks, struct arrival *arrival);
/* What may be written once `arrival` is done, too. False: nothing, one before it is still open. */
bool walk_mark_with(const struct arrival *arrival, struct walk_mark *out) MUST_USE;
/* Visit all arrivals that are not done; `visit` may end them. */
void walks_each_open(struct walks *walks, void (*visit)(struct arrival *arrival));

/* All up to it are done, with all keys that were there. */
uint64_t walks_cursor(const struct walks *walks) MUST_USE;

#endif
