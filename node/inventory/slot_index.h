// SPDX-License-Identifier: MIT
/* From 32 bytes of hash to the slot of an array: an open-addressing table of 8 bytes an item.
 *
 * The table keeps a 32-bit fingerprint and the slot; what lies in the slot is the owner's, who
 * compares the whole key. So the same table serves several arrays, and keys that occur more than
 * once. Fingerprints are salted (base/map.h, map_hash), so that nobody can choose hashes that
 * collide. Removal moves later items back and leaves no tombstones. {0} is a valid empty index. */
#ifndef BITTERN_NODE_INVENTORY_SLOT_INDEX_H
#define BITTERN_NODE_INVENTORY_SLOT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum { SLOT_KEY_BYTES = 32 };
#define SLOT_NONE UINT32_MAX

struct slot_cell {
    uint32_t fingerprint;
    uint32_t slot; /* SLOT_NONE: free */
};

struct slot_index {
    struct slot_cell *cells;
    size_t n_cells; /* a power of two, or 0 */
    size_t n_items;
};

struct slot_cursor {
    uint32_t fingerprint;
    size_t cell;
};

void slot_index_clear(struct slot_index *index);
/* The salted fingerprint of a key. */
uint32_t slot_fingerprint(const uint8_t key[SLOT_KEY_BYTES]) MUST_USE;

void slot_index_add(struct slot_index *index, uint32_t fingerprint, uint32_t slot);
/* Remove that pair; harmless when it is not there. Shrinks the table when it is nearly empty. */
void slot_index_remove(struct slot_index *index, uint32_t fingerprint, uint32_t slot);

/* Candidates of a fingerprint, one after the other; SLOT_NONE after the last. The index must not
 * change in between. */
uint32_t slot_index_first(const struct slot_index *index, uint32_t fingerprint,
                          struct slot_cursor *out_cursor) MUST_USE;
uint32_t slot_index_next(const struct slot_index *index, struct slot_cursor *cursor) MUST_USE;

#endif
