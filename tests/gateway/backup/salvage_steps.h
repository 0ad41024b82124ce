// SPDX-License-Identifier: MIT
/* Steps of the tests of salvage: rows and bytes of a mail.db, and its reading out. Each fails the
 * test when it can't be done. */
#ifndef BITTERN_TESTS_GATEWAY_BACKUP_SALVAGE_STEPS_H
#define BITTERN_TESTS_GATEWAY_BACKUP_SALVAGE_STEPS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/fault.h"
#include "crypto/address.h"
#include "crypto/key.h"
#include "tests/gateway/store/fixture.h"

struct db;

void salvage_run_sql(const char *path, const char *sql);
/* The keys and the address that belong to a number. */
void salvage_identity_of(struct identity_keys *out, char text[ADDRESS_TEXT_BYTES], int number);
/* Into the first account. */
void salvage_add_identity(struct db *db, int number);

/* The caller's. */
struct buf salvage_read_file(const char *path);
void salvage_write_file(const char *path, const struct buf *content);

/* Of the last one; to be cleared at the end. */
extern struct buf salvage_report;
/* What it says; -1: nothing. */
long salvage_reported(const char *name);
/* `broken` becomes the database, which is read out and put in place. FAULT_NONE, or why not. */
enum fault_code salvage_run(struct fixture *fixture, const struct buf *broken);
/* One number of what is in place now. */
int64_t salvage_number(struct fixture *fixture, const char *sql);

#endif
