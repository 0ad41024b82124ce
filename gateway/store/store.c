// SPDX-License-Identifier: MIT
/* The core: writing, telling of what was written, and tidying up.
 *
 * A write is a job of the one writer thread. What it did to mailboxes comes back with it, and is
 * published here, in the order of the commits: first the views are renewed, then watchers are told,
 * then the writer's owner gets his answer. So whoever is answered finds the view that has it. */
#include "gateway/store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/db.h"
#include "base/db_writer.h"
#include "base/fault.h"
#include "base/log.h"
#include "gateway/store/accounts.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/message_rows.h"
#include "gateway/store/store_internal.h"
#include "mailproto/sasl/credential.h"

/* ---- The loop's snapshot ---- */

static void end_snapshot(void *context)
{
    struct mail_store *store = context;
    if (db_in_transaction(store->reader)) {
        db_rollback(store->reader); /* nothing was written: only the snapshot is let go */
    }
}

void store_hold_snapshot(struct mail_store *store)
{
    if (!db_in_transaction(store->reader) && db_begin_read(store->reader, NULL)) {
        deferred_arm(&store->end_of_snapshot);
    }
}

/* ---- Telling of a commit ---- */

static void publish(struct mail_store *store, struct mail_txn *txn)
{
    end_snapshot(store); /* what is told must be found */
    for (size_t i = 0; i < txn->n_accounts; i++) {
        if (txn->accounts[i].list_changed) {
            account_list_changed(store, txn->accounts[i].id);
        }
        if (txn->accounts[i].metadata_changed) {
            account_tell(store, txn->accounts[i].id, MAILBOX_EVENT_METADATA,
                         (uint64_t)txn->accounts[i].metadata_mailbox_id);
        }
    }
    for (size_t i = 0; i < txn->n_mailboxes; i++) {
        struct touched_mailbox *touched = txn->mailboxes[i];
        if (!touched->is_changed && !touched->is_deleted) {
            continue;
        }
        struct open_mailbox *shared = open_mailbox_find(store, touched->id);
        if (shared) {
            open_mailbox_apply(shared, touched);
        }
        account_tell(store, touched->account_id, MAILBOX_EVENT_LIST, (uint64_t)touched->id);
    }
    if (txn->hooks_ran && store->hooks.committed) {
        store->hooks.committed(store->hooks.context);
    }
    if (txn->released && !store->is_purging && !timer_is_armed(&store->purge_timer)) {
        timer_arm(&store->purge_timer, STORE_PURGE_DELAY_MS);
    }
}

/* ---- A broken database ---- */

void store_note_fault(struct mail_store *store, const struct fault *fault)
{
    if (fault && (fault->code == FAULT_CORRUPT || fault->code == FAULT_IO)) {
        log_error("store", "failed: %s", fault->text);
    }
    if (fault && fault->code == FAULT_CORRUPT && store->config.on_broken) {
        store->config.on_broken(store->config.context, fault);
    }
}

/* ---- Writing ---- */

struct write_job {
    struct mail_store *store;
    struct mail_txn txn;
    bool (*run)(struct mail_txn *txn, void *job, struct fault *fault);
    void (*done)(void *job, const struct fault *fault);
    void *job;
};

static bool write_run(struct db *db, void *context, struct fault *fault)
{
    struct write_job *write = context;
    mail_txn_init(&write->txn, db, &write->store->hooks);
    return write->run(&write->txn, write->job, fault) && mail_txn_finish(&write->txn, fault);
}

static void write_done(void *context, const struct fault *fault)
{
    struct write_job *write = context;
    if (!fault) {
        publish(write->store, &write->txn);
    }
    store_note_fault(write->store, fault);
    write->store->n_jobs--;
    write->done(write->job, fault);
    mail_txn_clear(&write->txn);
    free(write);
}

bool store_write(struct mail_store *store,
                 bool (*run)(struct mail_txn *txn, void *job, struct fault *fault),
                 void (*done)(void *job, const struct fault *fault), void *job, struct fault *fault)
{
    struct write_job *write = xcalloc(1, sizeof(*write));
    *write = (struct write_job){.store = store, .run = run, .done = done, .job = job};
    if (!db_writer_submit(store->config.writer, write_run, write_done, write, fault)) {
        free(write);
        return false;
    }
    store->n_jobs++;
    return true;
}

bool store_cut_log(struct mail_store *store, void (*done)(void *job, const struct fault *fault),
                   void *job, struct fault *fault)
{
    end_snapshot(store); /* our own reader would be in the way */
    return db_writer_cut_log(store->config.writer, done, job, fault);
}

/* ---- Tidying up ---- */

struct purge_job {
    struct mail_store *store;
    bool more;
};

static bool purge_run(struct mail_txn *txn, void *context, struct fault *fault)
{
    struct purge_job *purge = context;
    return messages_clear_released(txn, STORE_PURGE_BODIES, &purge->more, fault) &&
           (purge->more || messages_trim_expunged(txn, STORE_MAX_EXPUNGED_RUNS, fault));
}

static void purge_done(void *context, const struct fault *fault)
{
    struct purge_job *purge = context;
    struct mail_store *store = purge->store;
    store->is_purging = false;
    if (fault) {
        log_warn("store", "clearing away failed: %s", fault->text);
    } else if (purge->more && !store->is_closing) {
        timer_arm(&store->purge_timer, 0);
    }
    free(purge);
}

static void purge(void *context)
{
    struct mail_store *store = context;
    struct purge_job *job = xcalloc(1, sizeof(*job));
    job->store = store;
    store->is_purging = store_write(store, purge_run, purge_done, job, NULL);
    if (!store->is_purging) {
        free(job);
        timer_arm(&store->purge_timer, STORE_PURGE_DELAY_MS);
    }
}

/* ---- Logins ---- */

/* The look-up is one short read, but its answer may not come from inside the question. */
struct lookup {
    struct deferred deferred;
    struct sasl_lookup_done done;
    bool found;
    int64_t account_id;
    struct sasl_credential credential;
};

static void lookup_free(struct lookup *lookup)
{
    deferred_cancel(&lookup->deferred);
    sasl_credential_wipe(&lookup->credential);
    free(lookup);
}

static void lookup_answer(void *context)
{
    struct lookup *lookup = context;
    lookup->done.done(lookup->done.context, lookup->account_id,
                      lookup->found ? &lookup->credential : NULL);
    lookup_free(lookup);
}

static void *lookup_start(void *context, const char *user, struct sasl_lookup_done done)
{
    struct mail_store *store = context;
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));
    struct fault fault = {0};
    lookup->done = done;
    lookup->found = accounts_find_credential(store->reader, &lookup->account_id,
                                             &lookup->credential, user, &fault);
    if (!lookup->found && fault.code != FAULT_NOT_FOUND) {
        log_error("store", "look-up of a login failed: %s", fault.text);
    }
    deferred_init(&lookup->deferred, store->config.loop, lookup_answer, lookup);
    deferred_arm(&lookup->deferred);
    return lookup;
}

static void lookup_cancel(void *context, void *handle)
{
    (void)context;
    lookup_free(handle);
}

const struct sasl_lookup *store_sasl_lookup(struct mail_store *store)
{
    return &store->sasl_lookup;
}

/* ---- Connections ---- */

struct db *store_reader(struct mail_store *store)
{
    end_snapshot(store); /* others see all that is committed now */
    return store->reader;
}

struct db *store_take_reader(struct mail_store *store)
{
    return store->n_spare_readers != 0 ? store->spare_readers[--store->n_spare_readers] : NULL;
}

void store_give_reader(struct mail_store *store, struct db *reader)
{
    if (reader && store->n_spare_readers < STORE_MAX_SPARE_READERS) {
        store->spare_readers[store->n_spare_readers++] = reader;
    } else {
        db_close(&reader);
    }
}

/* ---- Making and ending ---- */

struct mail_store *store_new(const struct store_config *config, struct fault *fault)
{
    struct db *reader = mail_db_open_reader(config->path, fault);
    if (!reader) {
        return NULL;
    }
    struct mail_store *store = xcalloc(1, sizeof(*store));
    store->config = *config;
    store->path = xstrdup(config->path);
    store->config.path = store->path;
    store->reader = reader;
    store->sasl_lookup = (struct sasl_lookup){lookup_start, lookup_cancel, store};
    list_init(&store->idle_mailboxes);
    deferred_init(&store->end_of_snapshot, config->loop, end_snapshot, store);
    timer_init(&store->purge_timer, config->loop, purge, store);
    timer_arm(&store->purge_timer, STORE_PURGE_DELAY_MS); /* what a crash left over */
    return store;
}

void store_set_hooks(struct mail_store *store, const struct folder_hooks *hooks)
{
    store->hooks = *hooks;
}

void store_free(struct mail_store **pointer)
{
    struct mail_store *store = *pointer;
    if (!store) {
        return;
    }
    *pointer = NULL;
    store->is_closing = true;
    timer_cancel(&store->purge_timer);
    while (store->n_jobs != 0) {
        loop_turn(store->config.loop, 100);
    }
    open_mailboxes_free(store);
    assert(store->accounts.n_items == 0);
    map_clear(&store->accounts);
    map_clear(&store->mailboxes);
    for (size_t i = 0; i < store->n_spare_readers; i++) {
        db_close(&store->spare_readers[i]);
    }
    deferred_cancel(&store->end_of_snapshot);
    end_snapshot(store);
    db_close(&store->reader);
    free(store->path);
    free(store);
}

const struct mailbox_ops *store_mailbox_ops(void)
{
    static const struct mailbox_ops ops = {
        .account_open = store_account_open,
        .account_close = store_account_close,
        .cancel = store_cancel,
        .list = store_list,
        .status = store_status,
        .quota = store_quota,
        .annotations = store_annotations,
        .annotate = store_annotate,
        .create = store_create,
        .remove = store_remove,
        .rename = store_rename,
        .subscribe = store_subscribe,
        .open = store_open,
        .close = store_close,
        .mailbox_id = store_mailbox_id,
        .uid_validity = store_uid_validity,
        .view = store_view,
        .recent = store_recent,
        .expunged_since = store_expunged_since,
        .store_flags = store_store_flags,
        .expunge = store_expunge,
        .copy = store_copy,
        .move = store_move,
        .append_begin = store_append_begin,
        .append_message = store_append_message,
        .append_data = store_append_data,
        .append_end = store_append_end,
        .append_commit = store_append_commit,
        .append_replace = store_append_replace,
        .append_abort = store_append_abort,
        .read_start = store_read_start,
        .read_next = store_read_next,
        .read_content = store_read_content,
        .read_end = store_read_end,
        .search_text = store_search_text,
        .thread_uids = store_thread_uids,
    };
    return &ops;
}
