// SPDX-License-Identifier: MIT
/* Open addressing with linear probing and tombstones; grows at three quarters. */
#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

enum { MAP_FIRST_SLOTS = 16 };

struct map_slot {
    uint64_t hash;
    uint8_t *key;
    size_t key_len;
    void *value; /* NULL: free, or a tombstone when `key` is not NULL */
};

static uint8_t tombstone_key[1];
static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void draw_hash_key(void)
{
    if (getrandom(hash_key, sizeof hash_key, 0) != (ssize_t)sizeof hash_key) {
        abort();
    }
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

static uint64_t load_le(const uint8_t *in, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t)in[i] << (8 * i);
    }
    return value;
}

uint64_t map_hash(struct bytes data)
{
    pthread_once(&hash_key_once, draw_hash_key);
    uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575, hash_key[1] ^ 0x646f72616e646f6d,
                     hash_key[0] ^ 0x6c7967656e657261, hash_key[1] ^ 0x7465646279746573};
    size_t full = data.len / 8 * 8;
    for (size_t i = 0; i < full; i += 8) {
        uint64_t word = load_le(data.data + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t tail = (uint64_t)data.len << 56;
    if (data.len != full) {
        tail |= load_le(data.data + full, data.len - full);
    }
    v[3] ^= tail;
    sip_round(v);
    v[0] ^= tail;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static bool slot_holds(const struct map_slot *slot, uint64_t hash, struct bytes key)
{
    return slot->value != NULL && slot->hash == hash &&
           bytes_equal((struct bytes){slot->key, slot->key_len}, key);
}

/* The slot that holds the key, or the free slot at which the search ended. */
static struct map_slot *find_slot(const struct map *map, uint64_t hash, struct bytes key)
{
    size_t mask = map->n_slots - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &map->slots[i];
        if (slot->key == NULL || slot_holds(slot, hash, key)) {
            return slot;
        }
    }
}

static void grow_if_needed(struct map *map)
{
    if ((map->n_used + 1) * 4 <= map->n_slots * 3) {
        return;
    }
    struct map grown = {.n_slots = MAP_FIRST_SLOTS};
    while (grown.n_slots * 3 < (map->n_items + 1) * 8) {
        grown.n_slots *= 2;
    }
    grown.slots = xcalloc(grown.n_slots, sizeof *grown.slots);
    for (size_t i = 0; i < map->n_slots; i++) {
        struct map_slot *slot = &map->slots[i];
        if (slot->value != NULL) {
            *find_slot(&grown, slot->hash, (struct bytes){slot->key, slot->key_len}) = *slot;
        }
    }
    grown.n_items = map->n_items;
    grown.n_used = map->n_items;
    free(map->slots);
    *map = grown;
}

void map_clear(struct map *map)
{
    for (size_t i = 0; i < map->n_slots; i++) {
        if (map->slots[i].value != NULL) {
            free(map->slots[i].key);
        }
    }
    free(map->slots);
    *map = (struct map){0};
}

void *map_get(const struct map *map, struct bytes key)
{
    return map->n_slots != 0 ? find_slot(map, map_hash(key), key)->value : NULL;
}

void *map_put(struct map *map, struct bytes key, void *value)
{
    assert(value != NULL);
    grow_if_needed(map);
    uint64_t hash = map_hash(key);
    struct map_slot *slot = find_slot(map, hash, key);
    void *previous = slot->value;
    if (previous == NULL) {
        slot->hash = hash;
        slot->key = xmemdup(key.data, key.len);
        slot->key_len = key.len;
        map->n_items++;
        map->n_used++;
    }
    slot->value = value;
    return previous;
}

void *map_remove(struct map *map, struct bytes key)
{
    if (map->n_slots == 0) {
        return NULL;
    }
    struct map_slot *slot = find_slot(map, map_hash(key), key);
    void *value = slot->value;
    if (value != NULL) {
        free(slot->key);
        *slot = (struct map_slot){.key = tombstone_key};
        map->n_items--;
    }
    return value;
}

void *map_next(const struct map *map, size_t *cursor, struct bytes *out_key)
{
    while (*cursor < map->n_slots) {
        struct map_slot *slot = &map->slots[(*cursor)++];
        if (slot->value != NULL) {
            if (out_key != NULL) {
                *out_key = (struct bytes){slot->key, slot->key_len};
            }
            return slot->value;
        }
    }
    return NULL;
}

static struct bytes u64_key(uint64_t key, uint8_t storage[8])
{
    store_be64(storage, key);
    return (struct bytes){storage, 8};
}

void *map_get_u64(const struct map *map, uint64_t key)
{
    uint8_t storage[8];
    return map_get(map, u64_key(key, storage));
}

void *map_put_u64(struct map *map, uint64_t key, void *value)
{
    uint8_t storage[8];
    return map_put(map, u64_key(key, storage), value);
}

void *map_remove_u64(struct map *map, uint64_t key)
{
    uint8_t storage[8];
    return map_remove(map, u64_key(key, storage));
}
