// SPDX-License-Identifier: MIT
/* The last so many hashes of something: the newest takes the place of the oldest. */
#ifndef BITTERN_NODE_P2P_HASH_RING_H
#define BITTERN_NODE_P2P_HASH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/inventory/slot_index.h"

struct hash_ring {
    uint8_t (*hashes)[SLOT_KEY_BYTES];
    size_t max;
    size_t n_hashes;
    size_t next; /* where the next one goes */
    struct slot_index index;
};

void hash_ring_init(struct hash_ring *ring, size_t max);
void hash_ring_clear(struct hash_ring *ring);
bool hash_ring_has(const struct hash_ring *ring, const uint8_t hash[SLOT_KEY_BYTES]) MUST_USE;
/* One that is there already keeps its place. */
void hash_ring_add(struct hash_ring *ring, const uint8_t hash[SLOT_KEY_BYTES]);

#endif
