// SPDX-License-Identifier: MIT
/* A hash map from byte strings to pointers.
 *
 * Keys are copied. The hash is SipHash-1-3 under a key drawn once per process, so that a stranger
 * cannot choose keys that collide. Values are borrowed: whoever puts them in frees them. Removal
 * during map_next is allowed for the entry just returned. {0} is a valid empty map. */
#ifndef BITTERN_BASE_MAP_H
#define BITTERN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t n_slots; /* a power of two, or 0 */
    size_t n_items;
    size_t n_used; /* items and tombstones */
};

/* Free the keys and the table. */
void map_clear(struct map *map);
/* NULL when the key is not there. */
void *map_get(const struct map *map, struct bytes key) MUST_USE;
/* Put `value` (not NULL) under `key`; returns the value that was there before, or NULL. */
void *map_put(struct map *map, struct bytes key, void *value);
/* Returns the value that was there, or NULL. */
void *map_remove(struct map *map, struct bytes key);
/* Iterate in no particular order: start with *cursor = 0; NULL at the end. `out_key` may be NULL;
 * else it borrows until the entry is removed. */
void *map_next(const struct map *map, size_t *cursor, struct bytes *out_key);

/* Integers as keys. */
void *map_get_u64(const struct map *map, uint64_t key) MUST_USE;
void *map_put_u64(struct map *map, uint64_t key, void *value);
void *map_remove_u64(struct map *map, uint64_t key);

/* SipHash-1-3 of `data` under the process's key: for tables of one's own. */
uint64_t map_hash(struct bytes data) MUST_USE;

#endif
