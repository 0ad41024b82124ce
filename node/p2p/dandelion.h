// SPDX-License-Identifier: MIT
/* Dandelion: an object first wanders along a stem, one node to the next, before it is told to all
 * (the fluff), so that its origin can't be told from who announces it first.
 *
 * Stems are at most two outbound connections, chosen anew every ten minutes. All that comes from
 * one parent (a connection, or this node itself) goes to the same stem until then. An object in its
 * stem phase is announced to its child alone, served to nobody else and left out of inventories. It
 * leaves the phase when its timer runs out, or when it comes back to us (a cycle).
 *
 * Nothing is ever kept back for want of a stem: dandelion_add says so, and the object is announced
 * to all at once. Off (0 percent), dandelion_add always says so.
 *
 * No I/O, no clock: times are monotonic. What happens to an object on fluffing is the owner's. */
#ifndef BITTERN_NODE_P2P_DANDELION_H
#define BITTERN_NODE_P2P_DANDELION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/wire/messages.h"

enum {
    DANDELION_MAX_STEMS = 2,
    DANDELION_EPOCH_SEC = 600,
    DANDELION_FIXED_DELAY_SEC = 10,
    DANDELION_MEAN_DELAY_SEC = 30,
    DANDELION_MAX_OBJECTS = 20000,
    DANDELION_LOCAL = 0 /* the parent id of this node's own objects */
};

struct dandelion;

/* `percent` of the announcements of a stem object go on as stem (0: off). */
struct dandelion *dandelion_new(unsigned percent, int64_t now_ms) MUST_USE;
void dandelion_free(struct dandelion **dandelion);

/* An outbound connection was established, or any connection ended. Its objects lose their child and
 * are fluffed by the next tick. */
void dandelion_add_outbound(struct dandelion *dandelion, uint32_t id);
void dandelion_remove_peer(struct dandelion *dandelion, uint32_t id);

/* Put an object into its stem phase, coming from `parent`. True: announce it to *out_child alone.
 * False: there is no stem, the object is not kept, announce it to all. */
bool dandelion_add(struct dandelion *dandelion, const uint8_t hash[WIRE_HASH_BYTES],
                   uint32_t parent, uint32_t *out_child, int64_t now_ms) MUST_USE;
/* Whether an announcement to a child that understands dinv is to be one: drawn anew each time. */
bool dandelion_draw_stem(const struct dandelion *dandelion) MUST_USE;

/* True while the object is in its stem phase; *out_child (may be NULL) is whom to serve it. */
bool dandelion_has(const struct dandelion *dandelion, const uint8_t hash[WIRE_HASH_BYTES],
                   uint32_t *out_child) MUST_USE;
/* The object came back, or was fluffed by others: it is in the stem phase no more. True when it
 * was, and so is to be announced to all. */
bool dandelion_fluff(struct dandelion *dandelion, const uint8_t hash[WIRE_HASH_BYTES]);

/* Take the next object whose time has come (timer, or its child went away) out of the phase. */
bool dandelion_next_fluff(struct dandelion *dandelion, uint8_t out_hash[WIRE_HASH_BYTES],
                          int64_t now_ms) MUST_USE;
/* Choose stems anew when their time is over. */
void dandelion_tick(struct dandelion *dandelion, int64_t now_ms);

size_t dandelion_n_objects(const struct dandelion *dandelion) MUST_USE;
size_t dandelion_n_stems(const struct dandelion *dandelion) MUST_USE;

#endif
