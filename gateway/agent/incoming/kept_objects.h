// SPDX-License-Identifier: MIT
/* Messages that nobody could try, because encryption keys were locked when they came: kept, so that
 * they don't expire meanwhile, and tried when the keys are open.
 *
 * An object is kept in the transaction that moves the cursor past it, and goes after what it led to
 * is stored: a crash in between tries it again, and what arrived before is known by its signature.
 * Above the bounds ([agent] lock_keep_objects, lock_keep_bytes) nothing more is kept; then, once
 * opened, the keys go through all that the node still has (walk.h). */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_KEPT_OBJECTS_H
#define BITTERN_GATEWAY_AGENT_INCOMING_KEPT_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct agent;
struct arrival;
struct db;
struct kept_objects;

enum { KEPT_AT_ONCE = 64 /* tried side by side */ };

struct kept_objects *kept_objects_new(struct agent *agent, struct fault *fault) MUST_USE;
void kept_objects_stop(struct kept_objects *kept);
void kept_objects_free(struct kept_objects **kept);

/* Keep it. `done` comes once, with a fault when mail.db refused: then it is as it was. An object
 * that there is no room for is done, too. */
void kept_objects_keep(struct kept_objects *kept, struct arrival *arrival,
                       void (*done)(struct arrival *arrival, const struct fault *fault));
/* Keys were opened: try what is there. */
void kept_objects_wake(struct kept_objects *kept);
/* One that was tried has ended; with all keys, it goes. */
void kept_objects_tried(struct kept_objects *kept, const struct arrival *arrival);

struct kept_status {
    uint64_t n_objects;
    uint64_t n_bytes;
    bool is_full; /* something was not kept */
};
struct kept_status kept_objects_status(const struct kept_objects *kept) MUST_USE;

/* In a transaction: where something was not kept, all keys get a walk through what the node has. */
bool kept_objects_catch_up(struct db *db, struct fault *fault) MUST_USE;

#endif
