// SPDX-License-Identifier: MIT
/* The mail store: the mailboxes of all accounts, in SQLite.
 *
 * It implements mailproto's mailbox contract (store_mailbox_ops) and its look-up of credentials,
 * and gives the rest of the gateway one way to write: store_write. The loop reads on a connection
 * of its own; long scans run in the pool on others, in short transactions.
 *
 *     session or agent --store_write--> writer thread: run(txn) ... COMMIT
 *                                       loop: views renewed, watchers told, then done()
 */
#ifndef BITTERN_GATEWAY_STORE_STORE_H
#define BITTERN_GATEWAY_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mailproto/sasl/sasl.h"

struct db;
struct db_writer;
struct decoder_client;
struct fault;
struct folder_hooks;
struct loop;
struct mail_store;
struct mail_txn;
struct mailbox_ops;
struct pool;

/* What it leans on; all of it outlives the store. */
struct store_config {
    const char *path; /* of mail.db, already made and migrated (mail_db.h) */
    struct loop *loop;
    struct pool *pool;
    struct db_writer *writer;       /* of the same database */
    struct decoder_client *decoder; /* the owner's */
    /* Called when the database turned out to be broken, each time; nothing that is asked of it can
     * be trusted from then on. May be NULL. */
    void (*on_broken)(void *context, const struct fault *fault);
    void *context;
};

struct mail_store *store_new(const struct store_config *config, struct fault *fault) MUST_USE;
/* All accounts are closed, all writes answered. */
void store_free(struct mail_store **store);
/* Copied; before the first client comes. */
void store_set_hooks(struct mail_store *store, const struct folder_hooks *hooks);

const struct mailbox_ops *store_mailbox_ops(void) MUST_USE;
/* For sasl: valid as long as the store. */
const struct sasl_lookup *store_sasl_lookup(struct mail_store *store) MUST_USE;
/* The loop's connection for short reads; asked for anew each time, it sees all that is committed.
 */
struct db *store_reader(struct mail_store *store) MUST_USE;

/* Run `run(txn, job, fault)` on the writer thread inside a transaction; false undoes what it did.
 * `done(job, fault)` comes in the loop after the commit, when views are renewed and watchers told;
 * its fault is NULL when all is on disk. Jobs run in the order in which they are given. False
 * (FAULT_BUSY) when too many wait: nothing is called then. */
bool store_write(struct mail_store *store,
                 bool (*run)(struct mail_txn *txn, void *job, struct fault *fault),
                 void (*done)(void *job, const struct fault *fault), void *job,
                 struct fault *fault) MUST_USE;
/* Behind all that is queued: nothing of what was overwritten or deleted is left in the log. As
 * db_writer_cut_log. */
bool store_cut_log(struct mail_store *store, void (*done)(void *job, const struct fault *fault),
                   void *job, struct fault *fault) MUST_USE;

#endif
