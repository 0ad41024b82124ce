// SPDX-License-Identifier: MIT
/* Write a table of mail.db anew, so that nothing of what its rows held before is left in the file.
 *
 * `secure_delete` overwrites what is deleted, but when SQLite moves rows from page to page a copy
 * may stay in the part of a page that is not in use. Pages that go back to the file are overwritten
 * whole: so the table is copied, dropped and made again, with its indexes and triggers, which do
 * not fire. What is left of it in the log goes with the log (store_cut_log). */
#ifndef BITTERN_GATEWAY_STORE_TABLE_REWRITE_H
#define BITTERN_GATEWAY_STORE_TABLE_REWRITE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"

struct db;

/* In a transaction. `table` has an AUTOINCREMENT key, which goes on where it was. */
bool table_rewrite(struct db *db, const char *table, struct fault *fault) MUST_USE;

#endif
