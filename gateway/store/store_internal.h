// SPDX-License-Identifier: MIT
/* What the files of the store share: its state in the loop. For gateway/store alone.
 *
 *     mail_store ─ account_state (one an account in use) ─ mailbox_account (one a login)
 *          └────── open_mailbox  (one a mailbox in use)  ─ mailbox (one a session that has it open)
 *
 * All of this belongs to the loop. What goes to the writer or to the pool goes by value, and names
 * mailboxes by their ids: an answer that finds nobody any more is dropped. */
#ifndef BITTERN_GATEWAY_STORE_STORE_INTERNAL_H
#define BITTERN_GATEWAY_STORE_STORE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timer.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/store.h"
#include "mailproto/imap/mailbox.h"

enum {
    STORE_MAX_SPARE_READERS = 4,        /* connections kept for the pool's next job */
    STORE_MAX_IDLE_MAILBOXES = 16,      /* views that are kept though nobody looks at them */
    STORE_APPEND_MAX_BYTES = 268435456, /* of all messages on their way in: 256 MiB */
    STORE_PURGE_DELAY_MS = 1000,        /* until bodies that were let go are cleared away */
    STORE_PURGE_BODIES = 200,           /* at once: the others' jobs wait as long */
    STORE_MAX_EXPUNGED_RUNS = 10000     /* that a mailbox remembers, for clients that come back */
};

struct mail_store {
    struct store_config config;
    char *path;
    struct db *reader;
    struct folder_hooks hooks;
    struct sasl_lookup sasl_lookup;
    struct map accounts;  /* id -> struct account_state */
    struct map mailboxes; /* id -> struct open_mailbox */
    struct list_node idle_mailboxes;
    size_t n_idle_mailboxes;
    struct db *spare_readers[STORE_MAX_SPARE_READERS];
    size_t n_spare_readers;
    size_t n_jobs; /* with the writer or the pool */
    uint64_t append_bytes;
    struct deferred end_of_snapshot;
    struct timer purge_timer;
    bool is_purging;
    bool is_closing;
};

/* ---- Accounts (store_names.c) ---- */

struct account_state {
    struct mail_store *store;
    int64_t id;
    struct list_node logins;
    struct mailbox_list *list; /* NULL: nobody has asked yet */
    bool list_is_fresh;
};

struct mailbox_account {
    struct account_state *state;
    struct list_node node; /* in state->logins */
    struct mailbox_watcher watcher;
};

/* Tell the account's watchers (enum mailbox_event says what mailbox_id means). */
void account_tell(struct mail_store *store, int64_t account_id, enum mailbox_event event,
                  uint64_t mailbox_id);
void account_list_changed(struct mail_store *store, int64_t account_id);

struct mailbox_account *store_account_open(struct mail_store *store, int64_t account_id,
                                           const struct mailbox_watcher *watcher,
                                           struct fault *fault);
void store_account_close(struct mailbox_account **account);
struct mailbox_list *store_list(struct mailbox_account *account);
bool store_status(struct mailbox_account *account, const char *name, struct mailbox_status *out,
                  struct fault *fault);
bool store_quota(struct mailbox_account *account, struct mailbox_quota *out, struct fault *fault);
struct mailbox_call *store_create(struct mailbox_account *account, const char *name, unsigned use,
                                  struct mailbox_done done);
struct mailbox_call *store_remove(struct mailbox_account *account, const char *name,
                                  struct mailbox_done done);
struct mailbox_call *store_rename(struct mailbox_account *account, const char *from, const char *to,
                                  struct mailbox_done done);
struct mailbox_call *store_subscribe(struct mailbox_account *account, const char *name,
                                     bool subscribed, struct mailbox_done done);

/* ---- Annotations (metadata.c) ---- */

bool store_annotations(struct mailbox_account *account, const char *name, struct arena *arena,
                       struct mailbox_annotations *out, struct fault *fault);
struct mailbox_call *store_annotate(struct mailbox_account *account, const char *name,
                                    const struct mailbox_annotations *annotations,
                                    struct mailbox_done done);

/* ---- Open mailboxes (views.c) ---- */

struct open_mailbox {
    struct mail_store *store;
    int64_t id;
    int64_t account_id;
    size_t n_users;                 /* sessions, opens under way, writes of first_recent_uid */
    struct list_node sessions;      /* struct mailbox */
    struct list_node waiting;       /* struct mailbox_call: opens, until the view is loaded */
    struct list_node idle_node;     /* in store->idle_mailboxes while n_users is 0 */
    struct mailbox_view *view;      /* NULL while it is loaded */
    struct view_delta *first_delta; /* committed while it is loaded, oldest first */
    struct view_delta **last_delta;
    uint32_t uid_validity;
    uint32_t first_recent_uid;
    bool is_deleted;
};

struct mailbox {
    struct open_mailbox *shared;
    struct list_node node; /* in shared->sessions */
    struct mailbox_watcher watcher;
};

/* NULL when nobody uses it. */
struct open_mailbox *open_mailbox_find(struct mail_store *store, int64_t mailbox_id);
/* A commit changed it: renew the view, tell the watchers. */
void open_mailbox_apply(struct open_mailbox *shared, struct touched_mailbox *touched);
/* The newest view's record of a message, or NULL. */
const struct mailbox_message *open_mailbox_message(const struct open_mailbox *shared, uint32_t uid);
void open_mailboxes_free(struct mail_store *store);

struct mailbox_call *store_open(struct mailbox_account *account, const char *name,
                                struct mailbox_watcher watcher, struct mailbox_done done);
void store_close(struct mailbox **mailbox);
uint64_t store_mailbox_id(const struct mailbox *mailbox);
uint32_t store_uid_validity(const struct mailbox *mailbox);
struct mailbox_view *store_view(struct mailbox *mailbox);
uint32_t store_recent(struct mailbox *mailbox, bool claim);
bool store_expunged_since(struct mailbox *mailbox, uint64_t modseq, const struct uid_set *within,
                          struct uid_set *out);

/* ---- Calls (calls.c) ---- */

/* A question under way. Made by the start, freed after its answer; whoever is asked holds it until
 * then, also when it was cancelled meanwhile. */
struct mailbox_call {
    struct mail_store *store;
    struct mailbox_done done;                     /* done.done NULL: cancelled, nobody listens */
    void (*cancelled)(struct mailbox_call *call); /* to stop what can be stopped; may be NULL */
    void (*free_call)(struct mailbox_call *call); /* what the kind of call holds besides */
    struct list_node node;                        /* in open_mailbox.waiting; else alone */
    bool (*run)(struct mail_txn *txn, struct mailbox_call *call, struct fault *fault);
    void (*fill)(struct mailbox_call *call, struct mailbox_answer *answer);
    struct fault fault; /* of a call that failed before it was under way */
};

/* Initialise what is common; `call` is the first member of a larger struct. */
void call_init(struct mailbox_call *call, struct mail_store *store, struct mailbox_done done);
/* Answer with `fault` (NULL: done; `fill` adds what the call found), then free. */
void call_answer(struct mailbox_call *call, const struct fault *fault);
/* Free it without an answer. */
void call_free(struct mailbox_call *call);
/* Run call->run on the writer thread and answer. */
void call_write(struct mailbox_call *call);
/* Answer with call->fault, or without one when its code is FAULT_NONE, from the loop's next turn.
 */
void call_answer_later(struct mailbox_call *call);
void store_cancel(struct mailbox_call **call);

struct mailbox_call *store_store_flags(struct mailbox *mailbox,
                                       const struct mailbox_store_request *request,
                                       struct mailbox_done done);
struct mailbox_call *store_expunge(struct mailbox *mailbox, const struct uid_set *uids,
                                   struct mailbox_done done);
struct mailbox_call *store_copy(struct mailbox *mailbox, const struct uid_set *uids, const char *to,
                                struct mailbox_done done);
struct mailbox_call *store_move(struct mailbox *mailbox, const struct uid_set *uids, const char *to,
                                struct mailbox_done done);

/* A copy of names of keywords. */
char **names_copy(const char *const *names, size_t n_names);
void names_free(char **names, size_t n_names);

/* ---- Appending (append.c) ---- */

struct mailbox_append *store_append_begin(struct mailbox_account *account, const char *name,
                                          struct mailbox_ready ready, struct fault *fault);
bool store_append_message(struct mailbox_append *append, const struct mailbox_new_message *message,
                          struct fault *fault);
enum mailbox_push store_append_data(struct mailbox_append *append, struct bytes data,
                                    struct fault *fault);
enum mailbox_push store_append_end(struct mailbox_append *append, struct fault *fault);
struct mailbox_call *store_append_replace(struct mailbox_append **append, struct mailbox *from,
                                          uint32_t uid, struct mailbox_done done);
struct mailbox_call *store_append_commit(struct mailbox_append **append, struct mailbox_done done);
void store_append_abort(struct mailbox_append **append);

/* ---- Reading and searching (read.c, search.c) ---- */

struct mailbox_reader *store_read_start(struct mailbox *mailbox, const struct uid_set *uids,
                                        unsigned items, struct mailbox_ready ready);
enum mailbox_read store_read_next(struct mailbox_reader *reader, struct mailbox_item_data *out,
                                  struct fault *fault);
enum mailbox_read store_read_content(struct mailbox_reader *reader, uint64_t offset, size_t max_len,
                                     struct bytes *out, struct fault *fault);
void store_read_end(struct mailbox_reader **reader);
bool store_thread_uids(struct mailbox *mailbox, uint64_t thread_id, struct uid_set *out,
                       struct fault *fault);
struct mailbox_call *store_search_text(struct mailbox *mailbox, const struct uid_set *uids,
                                       const struct mailbox_text_test *tests, size_t n_tests,
                                       struct mailbox_search_done done);

/* ---- Connections (store.c) ---- */

/* The reads of this turn of the loop share one snapshot from here on: that spares each of them the
 * locks. It ends with the turn, or with the next commit that is told. */
void store_hold_snapshot(struct mail_store *store);

/* Tells the store's owner when the fault says that the database is broken. */
void store_note_fault(struct mail_store *store, const struct fault *fault);

/* One that is spare, or NULL: the job opens one itself, on its thread (mail_db_open_reader). */
struct db *store_take_reader(struct mail_store *store);
/* Back from a job; NULL is ignored. */
void store_give_reader(struct mail_store *store, struct db *reader);

#endif
