// SPDX-License-Identifier: MIT
/* Two orders over the records: by expiry (a binary heap of slots, each record knowing its place)
 * and by arrival (an array in order of number, whose holes are closed when they are half of it). */
#include "node/inventory/inventory_internal.h"

#include "base/mem.h"

/* ---- the heap by expiry */

static void heap_set(struct inventory *inventory, size_t place, uint32_t slot)
{
    inventory->by_expiry[place] = slot;
    inventory->records[slot].heap_place = (uint32_t)place;
}

int64_t expiry_at(const struct inventory *inventory, size_t place)
{
    return inventory->records[inventory->by_expiry[place]].expires_sec;
}

static void heap_up(struct inventory *inventory, size_t place)
{
    uint32_t slot = inventory->by_expiry[place];
    int64_t key = inventory->records[slot].expires_sec;
    while (place > 0 && expiry_at(inventory, (place - 1) / 2) > key) {
        heap_set(inventory, place, inventory->by_expiry[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_set(inventory, place, slot);
}

static void heap_down(struct inventory *inventory, size_t place)
{
    uint32_t slot = inventory->by_expiry[place];
    int64_t key = inventory->records[slot].expires_sec;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= inventory->n_live) {
            break;
        }
        if (child + 1 < inventory->n_live &&
            expiry_at(inventory, child + 1) < expiry_at(inventory, child)) {
            child++;
        }
        if (expiry_at(inventory, child) >= key) {
            break;
        }
        heap_set(inventory, place, inventory->by_expiry[child]);
        place = child;
    }
    heap_set(inventory, place, slot);
}

void expiry_add(struct inventory *inventory, uint32_t slot)
{
    if (inventory->n_live == inventory->by_expiry_capacity) {
        inventory->by_expiry =
            array_grow(inventory->by_expiry, inventory->n_live, &inventory->by_expiry_capacity,
                       sizeof *inventory->by_expiry);
    }
    inventory->by_expiry[inventory->n_live] = slot;
    heap_up(inventory, inventory->n_live++);
}

void expiry_remove(struct inventory *inventory, uint32_t slot)
{
    size_t place = inventory->records[slot].heap_place;
    uint32_t last = inventory->by_expiry[--inventory->n_live];
    if (last == slot) {
        return;
    }
    heap_set(inventory, place, last);
    heap_up(inventory, place);
    heap_down(inventory, inventory->records[last].heap_place);
}

/* ---- arrivals */

/* Index of the first arrival with a number above. */
static size_t arrival_above(const struct inventory *inventory, uint64_t number)
{
    size_t low = 0;
    size_t high = inventory->n_arrivals;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inventory->arrivals[middle].number > number) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

void arrival_add(struct inventory *inventory, uint64_t number, uint32_t slot)
{
    if (inventory->n_arrivals == inventory->arrivals_capacity) {
        inventory->arrivals =
            array_grow(inventory->arrivals, inventory->n_arrivals, &inventory->arrivals_capacity,
                       sizeof *inventory->arrivals);
    }
    inventory->arrivals[inventory->n_arrivals++] = (struct arrival){number, slot};
}

void arrival_remove(struct inventory *inventory, uint64_t number)
{
    inventory->arrivals[arrival_above(inventory, number) - 1].slot = SLOT_NONE;
    inventory->n_holes++;
    if (inventory->n_holes * 2 <= inventory->n_arrivals) {
        return;
    }
    size_t n_kept = 0;
    for (size_t i = 0; i < inventory->n_arrivals; i++) {
        if (inventory->arrivals[i].slot != SLOT_NONE) {
            inventory->arrivals[n_kept++] = inventory->arrivals[i];
        }
    }
    inventory->n_arrivals = n_kept;
    inventory->n_holes = 0;
}

uint32_t inventory_after(const struct inventory *inventory, uint64_t number)
{
    for (size_t i = arrival_above(inventory, number); i < inventory->n_arrivals; i++) {
        if (inventory->arrivals[i].slot != SLOT_NONE) {
            return inventory->arrivals[i].slot;
        }
    }
    return SLOT_NONE;
}
