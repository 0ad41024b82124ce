// SPDX-License-Identifier: MIT
/* Does the mail database hold together? For tests after a crash, and for whoever doubts a disk.
 *
 * SQLite's own check sees to pages; this one to what the pages mean: every reference leads
 * somewhere, every count is right, no UID or modification sequence is ahead of its mailbox, each
 * content has the digest that was noted when it came. */
#ifndef BITTERN_GATEWAY_STORE_STORE_CHECK_H
#define BITTERN_GATEWAY_STORE_STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct db;
struct fault;

/* Read-only. FAULT_CORRUPT names the first rule that is broken and how many rows break it. Takes as
 * long as reading the whole database does. */
bool store_check(struct db *db, struct fault *fault) MUST_USE;

#endif
