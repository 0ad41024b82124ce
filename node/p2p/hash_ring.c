// SPDX-License-Identifier: MIT
#include "node/p2p/hash_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void hash_ring_init(struct hash_ring *ring, size_t max)
{
    *ring = (struct hash_ring){.max = max};
    ring->hashes = xcalloc(max, sizeof *ring->hashes);
}

void hash_ring_clear(struct hash_ring *ring)
{
    slot_index_clear(&ring->index);
    free(ring->hashes);
    *ring = (struct hash_ring){0};
}

bool hash_ring_has(const struct hash_ring *ring, const uint8_t hash[SLOT_KEY_BYTES])
{
    struct slot_cursor cursor;
    uint32_t place = slot_index_first(&ring->index, slot_fingerprint(hash), &cursor);
    while (place != SLOT_NONE && memcmp(ring->hashes[place], hash, SLOT_KEY_BYTES) != 0) {
        place = slot_index_next(&ring->index, &cursor);
    }
    return place != SLOT_NONE;
}

void hash_ring_add(struct hash_ring *ring, const uint8_t hash[SLOT_KEY_BYTES])
{
    if (hash_ring_has(ring, hash)) {
        return;
    }
    uint32_t place = (uint32_t)ring->next;
    if (ring->n_hashes == ring->max) {
        slot_index_remove(&ring->index, slot_fingerprint(ring->hashes[place]), place);
    } else {
        ring->n_hashes++;
    }
    memcpy(ring->hashes[place], hash, SLOT_KEY_BYTES);
    slot_index_add(&ring->index, slot_fingerprint(hash), place);
    ring->next = (ring->next + 1) % ring->max;
}
