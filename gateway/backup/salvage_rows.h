// SPDX-License-Identifier: MIT
/* The rows of a broken mail.db, one table after the other, into a new one. */
#ifndef BITTERN_GATEWAY_BACKUP_SALVAGE_ROWS_H
#define BITTERN_GATEWAY_BACKUP_SALVAGE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct db;
struct db_pages;
struct salvage_map;

struct salvage_losses {
    int64_t n_rows;         /* that could not be read, or said what can't be */
    int64_t n_damaged_keys; /* identities whose keys are not those of their address */
};

/* Keys come first. A row never replaces another. Transactions are made here. */
bool salvage_rows_copy(struct db *to, struct db_pages *pages, const struct salvage_map *map,
                       struct salvage_losses *out, struct fault *fault) MUST_USE;

#endif
