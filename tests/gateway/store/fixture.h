// SPDX-License-Identifier: MIT
/* A store in a folder of its own, with one account, driven step by step. */
#ifndef BITTERN_TESTS_GATEWAY_STORE_FIXTURE_H
#define BITTERN_TESTS_GATEWAY_STORE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/store/messages.h"
#include "mailproto/imap/mailbox.h"

struct mail_txn;

struct fixture {
    bool is_memory; /* the mailboxes of tests/support/memory_mailbox.h instead */
    char folder[64];
    char path[96];
    struct loop *loop;
    struct pool *pool;
    struct db_writer *writer;
    struct mail_store *store;
    const struct mailbox_ops *ops;
    int64_t account_id;
    struct mailbox_account *account; /* a login without a watcher */
    unsigned n_list_events;

    /* What the last call was answered. */
    bool answered;
    struct fault fault; /* FAULT_NONE: it went well */
    struct mailbox *mailbox;
    uint32_t uid_validity;
    uint32_t from_uids[1000];
    uint32_t to_uids[1000];
    size_t n_uids;
    struct mailbox_message changed[1000];
    size_t n_changed;
    uint64_t modseq;
    struct uid_set expunged;
    struct uid_set refused;
    struct mailbox_hit hits[1000];
    size_t n_hits;
};

/* cmocka's setup and teardown: *state is a struct fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* The same on the mailboxes in memory: for what concerns the contract alone. */
int fixture_setup_memory(void **state);
/* Stop the store and its threads, or start them again on the same files. */
void fixture_stop(struct fixture *fixture);
void fixture_start(struct fixture *fixture);
/* Both; nothing for mailboxes in memory. */
void fixture_restart(struct fixture *fixture);

/* Run `run` in one transaction; true when it was committed. The fault is in fixture->fault. */
bool fixture_write(struct fixture *fixture,
                   bool (*run)(struct mail_txn *txn, void *job, struct fault *fault), void *job);
/* One turn of whatever drives the store. */
void fixture_turn(struct fixture *fixture);
/* To give to a call, and to wait for its answer: true when it went well. */
struct mailbox_done fixture_done(struct fixture *fixture);
bool fixture_wait(struct fixture *fixture);

/* Calls, answered. */
bool fixture_create(struct fixture *fixture, const char *name);
bool fixture_remove(struct fixture *fixture, const char *name);
bool fixture_rename(struct fixture *fixture, const char *from, const char *to);
/* NULL when it was refused. `watcher` may be NULL. */
struct mailbox *fixture_open(struct fixture *fixture, const char *name,
                             const struct mailbox_watcher *watcher);
/* Its UID, 0 when it was refused. */
uint32_t fixture_append(struct fixture *fixture, const char *name, const char *content,
                        uint8_t flags, const char *keyword);
bool fixture_flags(struct fixture *fixture, struct mailbox *mailbox, uint32_t uid,
                   enum mailbox_store_mode mode, uint8_t flags, const char *keyword);
bool fixture_expunge(struct fixture *fixture, struct mailbox *mailbox);
bool fixture_copy(struct fixture *fixture, struct mailbox *mailbox, uint32_t first, uint32_t last,
                  const char *to, bool move);
struct mailbox_status fixture_status(struct fixture *fixture, const char *name);
/* The names of the account, joined by spaces; '!' before a container. In static storage. */
const char *fixture_names(struct fixture *fixture);
/* The newest record of a message; the view is held until the next call. */
const struct mailbox_message *fixture_message(struct fixture *fixture, struct mailbox *mailbox,
                                              uint32_t uid);
/* Does a message have that keyword? */
bool fixture_has_keyword(struct fixture *fixture, struct mailbox *mailbox, uint32_t uid,
                         const char *keyword);
/* The whole content of a message, freed by the caller; NULL when it is gone. */
char *fixture_content(struct fixture *fixture, struct mailbox *mailbox, uint32_t uid);
/* Fails the test when the database, if there is one, does not hold together. */
void fixture_check(struct fixture *fixture);
/* One number from the database. */
int64_t fixture_number(struct fixture *fixture, const char *sql);

/* A message for messages_add with an opaque analysis; `message_id` may be NULL. In `arena`. */
struct message_new fixture_message_new(struct arena *arena, const char *content,
                                       const char *message_id);

#endif
