// SPDX-License-Identifier: MIT
/* One transaction on mail.db, and what it does to mailboxes.
 *
 * Whatever changes a message goes through a mail_txn: it remembers what was changed, so that open
 * views and watchers can be told after the commit, and never before. store_write (store.h) makes
 * one around a job on the writer thread, finishes it and publishes it: a job only uses the
 * functions that take it (folders.h, messages.h, and tables of its own through mail_txn_db).
 *
 * All that a transaction does to a mailbox has one modification sequence, one above the last. */
#ifndef BITTERN_GATEWAY_STORE_MAIL_TXN_H
#define BITTERN_GATEWAY_STORE_MAIL_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct db;
struct fault;
struct mail_txn;

/* For statements of one's own inside the same transaction. */
struct db *mail_txn_db(struct mail_txn *txn) MUST_USE;
/* The wall clock when the transaction began: one time for all that it writes. */
int64_t mail_txn_now_sec(const struct mail_txn *txn) MUST_USE;

/* One transaction around `run` where no store is open: a tool, or before the servers start. Nobody
 * is told of what it did. */
bool mail_txn_run(struct db *db, bool (*run)(struct mail_txn *txn, void *job, struct fault *fault),
                  void *job, struct fault *fault) MUST_USE;

#endif
