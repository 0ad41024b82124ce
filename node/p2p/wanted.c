// SPDX-License-Identifier: MIT
#include "node/p2p/wanted.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- lists ---- */

struct wanted_list wanted_list_none(void)
{
    return (struct wanted_list){SLOT_NONE, SLOT_NONE};
}

void wanted_list_append(struct wanted_table *table, struct wanted_list *list,
                        enum wanted_list_kind kind, uint32_t slot)
{
    table->slots[slot].links[kind] = (struct wanted_link){list->last, SLOT_NONE};
    if (list->last == SLOT_NONE) {
        list->first = slot;
    } else {
        table->slots[list->last].links[kind].next = slot;
    }
    list->last = slot;
}

void wanted_list_remove(struct wanted_table *table, struct wanted_list *list,
                        enum wanted_list_kind kind, uint32_t slot)
{
    struct wanted_link link = table->slots[slot].links[kind];
    if (link.prev == SLOT_NONE) {
        list->first = link.next;
    } else {
        table->slots[link.prev].links[kind].next = link.next;
    }
    if (link.next == SLOT_NONE) {
        list->last = link.prev;
    } else {
        table->slots[link.next].links[kind].prev = link.prev;
    }
}

uint32_t wanted_list_next(const struct wanted_table *table, enum wanted_list_kind kind,
                          uint32_t slot)
{
    return table->slots[slot].links[kind].next;
}

/* ---- slots ---- */

uint32_t wanted_find(const struct wanted_table *table, const uint8_t hash[WIRE_HASH_BYTES])
{
    struct slot_cursor cursor;
    uint32_t slot = slot_index_first(&table->index, slot_fingerprint(hash), &cursor);
    while (slot != SLOT_NONE && memcmp(table->slots[slot].hash, hash, WIRE_HASH_BYTES) != 0) {
        slot = slot_index_next(&table->index, &cursor);
    }
    return slot;
}

static uint32_t new_slot(struct wanted_table *table)
{
    uint32_t slot = table->free_first;
    if (slot != SLOT_NONE) {
        table->free_first = wanted_list_next(table, WANTED_BY_AGE, slot);
        return slot;
    }
    if (table->n_slots == table->capacity) {
        table->slots =
            array_grow(table->slots, table->n_slots, &table->capacity, sizeof *table->slots);
    }
    slot = (uint32_t)table->n_slots++;
    table->slots[slot] = (struct wanted){0};
    return slot;
}

uint32_t wanted_add(struct wanted_table *table, const uint8_t hash[WIRE_HASH_BYTES], uint32_t owner,
                    int64_t now_ms)
{
    uint32_t slot = new_slot(table);
    struct wanted *wanted = &table->slots[slot];
    *wanted = (struct wanted){.generation = wanted->generation,
                              .first_ms = now_ms,
                              .owner = owner,
                              .announcers = {owner},
                              .n_announcers = 1};
    memcpy(wanted->hash, hash, WIRE_HASH_BYTES);
    wanted_list_append(table, &table->ages, WANTED_BY_AGE, slot);
    slot_index_add(&table->index, slot_fingerprint(hash), slot);
    table->n_wanted++;
    return slot;
}

/* Gives the memory of a big synchronisation back once nothing is wanted. */
static bool shrink_when_empty(struct wanted_table *table)
{
    enum { KEEP_SLOTS = 4096 };
    if (table->n_wanted > 0 || table->capacity <= KEEP_SLOTS) {
        return false;
    }
    free(table->slots);
    table->slots = NULL;
    table->n_slots = 0;
    table->capacity = 0;
    table->free_first = SLOT_NONE;
    return true;
}

bool wanted_free(struct wanted_table *table, uint32_t slot)
{
    struct wanted *wanted = &table->slots[slot];
    wanted_list_remove(table, &table->ages, WANTED_BY_AGE, slot);
    slot_index_remove(&table->index, slot_fingerprint(wanted->hash), slot);
    wanted->generation++;
    wanted->links[WANTED_BY_AGE].next = table->free_first;
    table->free_first = slot;
    table->n_wanted--;
    return shrink_when_empty(table);
}

void wanted_init(struct wanted_table *table)
{
    *table = (struct wanted_table){.free_first = SLOT_NONE, .ages = wanted_list_none()};
}

void wanted_clear(struct wanted_table *table)
{
    slot_index_clear(&table->index);
    free(table->slots);
    wanted_init(table);
}
