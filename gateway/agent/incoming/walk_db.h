// SPDX-License-Identifier: MIT
/* How far the node's objects were gone through, on disk: the live walk's cursor, and a row for each
 * walk that a new key still needs.
 *
 * The rows are made by triggers on the tables of keys and subscriptions (schema_agent.c): whoever
 * adds or enables one, in whatever way, has its walk in the same transaction. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_WALK_DB_H
#define BITTERN_GATEWAY_AGENT_INCOMING_WALK_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/address.h"
#include "node/link/link_frame.h"

struct db;

enum { WALK_LIVE = 0 /* where a walk's id is asked for: the one of all keys */ };

/* All objects of `epoch` up to `number` are done. */
struct walk_mark {
    int64_t id;
    int64_t last_id; /* not of the live one: the rows from `id` to this one go together */
    struct link_epoch epoch;
    uint64_t number;
    uint64_t end; /* not of the live one: the last object that the live walk went past without it */
};

/* A walk that is pending. */
struct walk_row {
    struct walk_mark mark; /* epoch and numbers: once begun */
    bool is_begun;
    int64_t own_id; /* whose key; 0: ... */
    struct address sender;
};

/* False without a fault (code FAULT_NONE) when nothing was gone through yet. */
bool walk_read_live(struct db *db, struct walk_mark *out, struct fault *fault) MUST_USE;
/* The first pending walk whose id is above `after`; false as above when there is none. */
bool walk_read_next(struct db *db, struct walk_row *out, int64_t after,
                    struct fault *fault) MUST_USE;

/* In the same epoch a mark never goes back. Nothing happens when the walk's row is gone. */
bool walk_write(struct db *db, const struct walk_mark *mark, struct fault *fault) MUST_USE;
/* Its end is reached. */
bool walk_write_ended(struct db *db, const struct walk_mark *mark, struct fault *fault) MUST_USE;
/* A random key that was made just now: nothing can have been sent to it. */
bool walk_write_needless(struct db *db, int64_t own_id, struct fault *fault) MUST_USE;
/* The node's store is new, and the live walk goes through all of it: those up to that row are
 * needless. */
bool walk_write_ended_up_to(struct db *db, int64_t last_id, struct fault *fault) MUST_USE;

#endif
