// SPDX-License-Identifier: MIT
/* Which table each page of a broken mail.db belongs to.
 *
 * The tables are those of a model: a database of the same version, just made. A tree of pages is
 * found by its root, which the broken file's own list of tables names, or, where that row is lost,
 * by the place that it has in the model. A page that no tree leads to any more (the page above it
 * is broken) is known by the shape of its rows, if no other table or index has such rows. */
#ifndef BITTERN_GATEWAY_BACKUP_SALVAGE_MAP_H
#define BITTERN_GATEWAY_BACKUP_SALVAGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/db_pages.h"
#include "base/fault.h"
#include "base/mem.h"

struct db;

enum { SALVAGE_NO_TABLE = UINT8_MAX, SALVAGE_MAX_TABLES = 254 };

struct salvage_column {
    const char *name;
    enum db_value_kind kind; /* blob: takes text and numbers, too */
    bool is_rowid;           /* stands not in the row */
    bool may_be_null;
};

struct salvage_table {
    const char *name;
    bool is_index;      /* of no interest, but its pages are not a table's */
    bool without_rowid; /* and so in the order of its primary key, in pages of an index */
    uint32_t root;
    size_t n_columns;
    size_t n_required; /* rows that were written before columns were added have fewer */
    struct salvage_column *columns;
};

struct salvage_map {
    struct arena arena;
    struct salvage_table *tables;
    size_t n_tables;
    uint8_t *owners; /* by page number: an index into tables, or SALVAGE_NO_TABLE */
    uint32_t n_pages;
    uint32_t n_broken; /* pages that a tree leads to and that make no sense there */
};

bool salvage_map_make(struct salvage_map *out, struct db_pages *pages, struct db *model,
                      struct fault *fault) MUST_USE;
/* {0} is cleared. */
void salvage_map_clear(struct salvage_map *map);
/* The table of that name, or NULL. */
const struct salvage_table *salvage_map_find(const struct salvage_map *map,
                                             const char *name) MUST_USE;
/* Could it be a row of that table? */
bool salvage_row_fits(const struct salvage_table *table, const struct db_row *row) MUST_USE;

#endif
