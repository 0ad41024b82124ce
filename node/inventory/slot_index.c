// SPDX-License-Identifier: MIT
/* Linear probing; the home cell is the fingerprint's low bits, so that the table can be rebuilt and
 * items moved back without asking the owner for keys. Grows at three quarters. */
#include "node/inventory/slot_index.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/map.h"
#include "base/mem.h"

enum { SLOT_INDEX_FIRST_CELLS = 64 };

void slot_index_clear(struct slot_index *index)
{
    free(index->cells);
    *index = (struct slot_index){0};
}

uint32_t slot_fingerprint(const uint8_t key[SLOT_KEY_BYTES])
{
    return (uint32_t)map_hash((struct bytes){key, SLOT_KEY_BYTES});
}

static void put(struct slot_index *index, struct slot_cell item)
{
    size_t mask = index->n_cells - 1;
    size_t cell = item.fingerprint & mask;
    while (index->cells[cell].slot != SLOT_NONE) {
        cell = (cell + 1) & mask;
    }
    index->cells[cell] = item;
}

static void rebuild(struct slot_index *index, size_t n_cells)
{
    struct slot_cell *old = index->cells;
    size_t n_old = index->n_cells;
    index->cells = xcalloc(n_cells, sizeof *index->cells);
    index->n_cells = n_cells;
    for (size_t i = 0; i < n_cells; i++) {
        index->cells[i].slot = SLOT_NONE;
    }
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].slot != SLOT_NONE) {
            put(index, old[i]);
        }
    }
    free(old);
}

void slot_index_add(struct slot_index *index, uint32_t fingerprint, uint32_t slot)
{
    assert(slot != SLOT_NONE);
    if ((index->n_items + 1) * 4 > index->n_cells * 3) {
        rebuild(index, index->n_cells == 0 ? SLOT_INDEX_FIRST_CELLS : index->n_cells * 2);
    }
    put(index, (struct slot_cell){fingerprint, slot});
    index->n_items++;
}

/* Close the gap at `gap`: an item further on may move into it unless its home lies behind the gap.
 */
static void move_back(struct slot_index *index, size_t gap)
{
    size_t mask = index->n_cells - 1;
    size_t cell = gap;
    for (;;) {
        cell = (cell + 1) & mask;
        struct slot_cell item = index->cells[cell];
        if (item.slot == SLOT_NONE) {
            break;
        }
        size_t home = item.fingerprint & mask;
        bool stays = ((cell - home) & mask) < ((cell - gap) & mask);
        if (!stays) {
            index->cells[gap] = item;
            gap = cell;
        }
    }
    index->cells[gap].slot = SLOT_NONE;
}

void slot_index_remove(struct slot_index *index, uint32_t fingerprint, uint32_t slot)
{
    struct slot_cursor cursor;
    uint32_t found = slot_index_first(index, fingerprint, &cursor);
    while (found != SLOT_NONE && found != slot) {
        found = slot_index_next(index, &cursor);
    }
    if (found == SLOT_NONE) {
        return;
    }
    move_back(index, cursor.cell);
    index->n_items--;
    if (index->n_cells > SLOT_INDEX_FIRST_CELLS && index->n_items * 8 < index->n_cells) {
        rebuild(index, index->n_cells / 2);
    }
}

/* From cursor->cell on. */
static uint32_t seek(const struct slot_index *index, struct slot_cursor *cursor)
{
    size_t mask = index->n_cells - 1;
    for (;; cursor->cell = (cursor->cell + 1) & mask) {
        struct slot_cell item = index->cells[cursor->cell];
        if (item.slot == SLOT_NONE || item.fingerprint == cursor->fingerprint) {
            return item.slot;
        }
    }
}

uint32_t slot_index_first(const struct slot_index *index, uint32_t fingerprint,
                          struct slot_cursor *out_cursor)
{
    *out_cursor = (struct slot_cursor){.fingerprint = fingerprint};
    if (index->n_cells == 0) {
        return SLOT_NONE;
    }
    out_cursor->cell = fingerprint & (index->n_cells - 1);
    return seek(index, out_cursor);
}

uint32_t slot_index_next(const struct slot_index *index, struct slot_cursor *cursor)
{
    cursor->cell = (cursor->cell + 1) & (index->n_cells - 1);
    return seek(index, cursor);
}
