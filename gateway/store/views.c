// SPDX-License-Identifier: MIT
/* Mailboxes that are open, each with its newest view.
 *
 * A view is loaded once, in the pool, from one snapshot: the mailbox's row, its keywords and the
 * small rows of its messages. From then on each commit renews it (open_mailbox_apply). Commits that
 * are told while it is loaded wait in a queue; those that the snapshot has already are known by
 * their modification sequence.
 *
 * A mailbox that nobody uses any more keeps its view for a while (STORE_MAX_IDLE_MAILBOXES): mail
 * programs come back. */
#include <stdlib.h>

#include "base/db.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/pool.h"
#include "gateway/store/client_messages.h"
#include "gateway/store/keywords.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_internal.h"

struct view_delta {
    struct view_delta *next;
    struct mailbox_message *puts;
    size_t n_puts;
    struct uid_set expunged;
    struct mailbox_keywords *keywords; /* NULL: as before */
    uint32_t uid_next;
    uint64_t modseq;
};

/* ---- Deltas ---- */

/* Moves what it can out of `touched`, whose transaction is over. */
static struct view_delta *delta_take(struct touched_mailbox *touched)
{
    struct view_delta *delta = xcalloc(1, sizeof(*delta));
    delta->puts = touched->puts;
    delta->n_puts = touched->n_puts;
    touched->puts = NULL;
    touched->n_puts = 0;
    uid_set_take(&delta->expunged, &touched->expunged);
    delta->uid_next = touched->uid_next;
    delta->modseq = touched->modseq;
    if (touched->keywords_loaded) {
        const char *names[MAILBOX_MAX_KEYWORDS];
        for (size_t i = 0; i < touched->n_keywords; i++) {
            names[i] = touched->keywords[i];
        }
        delta->keywords = mailbox_keywords_new(names, touched->n_keywords);
    }
    return delta;
}

static void delta_free(struct view_delta *delta)
{
    free(delta->puts);
    uid_set_clear(&delta->expunged);
    if (delta->keywords) {
        mailbox_keywords_unref(&delta->keywords);
    }
    free(delta);
}

static void apply_delta(struct open_mailbox *shared, const struct view_delta *delta)
{
    if (delta->modseq <= shared->view->highest_modseq) {
        return; /* the snapshot that was loaded has it */
    }
    /* Keywords are only ever added: another number of them is another table. */
    bool has_new_keywords =
        delta->keywords && delta->keywords->n_names != shared->view->keywords->n_names;
    const struct mailbox_delta change = {
        .put = delta->puts,
        .n_put = delta->n_puts,
        .expunged = &delta->expunged,
        .keywords = has_new_keywords ? delta->keywords : NULL,
        .uid_next = delta->uid_next,
        .highest_modseq = delta->modseq,
    };
    struct mailbox_view *next = mailbox_view_apply(shared->view, &change);
    mailbox_view_unref(&shared->view);
    shared->view = next;
}

/* ---- Open mailboxes ---- */

struct open_mailbox *open_mailbox_find(struct mail_store *store, int64_t mailbox_id)
{
    return map_get_u64(&store->mailboxes, (uint64_t)mailbox_id);
}

static void open_mailbox_free(struct open_mailbox *shared)
{
    if (!shared->is_deleted) {
        map_remove_u64(&shared->store->mailboxes, (uint64_t)shared->id);
    }
    if (!list_is_empty(&shared->idle_node)) {
        list_remove(&shared->idle_node);
        shared->store->n_idle_mailboxes--;
    }
    while (shared->first_delta) {
        struct view_delta *delta = shared->first_delta;
        shared->first_delta = delta->next;
        delta_free(delta);
    }
    if (shared->view) {
        mailbox_view_unref(&shared->view);
    }
    free(shared);
}

static struct open_mailbox *open_mailbox_new(struct mail_store *store, int64_t account_id,
                                             int64_t mailbox_id)
{
    struct open_mailbox *shared = xcalloc(1, sizeof(*shared));
    shared->store = store;
    shared->id = mailbox_id;
    shared->account_id = account_id;
    list_init(&shared->sessions);
    list_init(&shared->waiting);
    list_init(&shared->idle_node);
    shared->last_delta = &shared->first_delta;
    map_put_u64(&store->mailboxes, (uint64_t)mailbox_id, shared);
    return shared;
}

static void open_mailbox_use(struct open_mailbox *shared)
{
    shared->n_users++;
    if (!list_is_empty(&shared->idle_node)) {
        list_remove(&shared->idle_node);
        shared->store->n_idle_mailboxes--;
    }
}

static void open_mailbox_release(struct open_mailbox *shared)
{
    struct mail_store *store = shared->store;
    if (--shared->n_users != 0) {
        return;
    }
    if (shared->is_deleted || !shared->view || store->is_closing) {
        open_mailbox_free(shared);
        return;
    }
    list_append(&store->idle_mailboxes, &shared->idle_node);
    if (++store->n_idle_mailboxes > STORE_MAX_IDLE_MAILBOXES) {
        open_mailbox_free(list_entry(store->idle_mailboxes.next, struct open_mailbox, idle_node));
    }
}

void open_mailboxes_free(struct mail_store *store)
{
    while (!list_is_empty(&store->idle_mailboxes)) {
        open_mailbox_free(list_entry(store->idle_mailboxes.next, struct open_mailbox, idle_node));
    }
}

static void tell_sessions(struct open_mailbox *shared, enum mailbox_event event)
{
    list_for_each(node, &shared->sessions)
    {
        struct mailbox *mailbox = list_entry(node, struct mailbox, node);
        mailbox->watcher.changed(mailbox->watcher.context, event, (uint64_t)shared->id);
    }
}

void open_mailbox_apply(struct open_mailbox *shared, struct touched_mailbox *touched)
{
    if (touched->is_deleted) {
        shared->is_deleted = true;
        map_remove_u64(&shared->store->mailboxes, (uint64_t)shared->id);
        tell_sessions(shared, MAILBOX_EVENT_DELETED);
        if (shared->n_users == 0) {
            open_mailbox_free(shared);
        }
        return;
    }
    struct view_delta *delta = delta_take(touched);
    if (!shared->view) {
        *shared->last_delta = delta;
        shared->last_delta = &delta->next;
        return;
    }
    apply_delta(shared, delta);
    delta_free(delta);
    tell_sessions(shared, MAILBOX_EVENT_VIEW);
}

const struct mailbox_message *open_mailbox_message(const struct open_mailbox *shared, uint32_t uid)
{
    return shared->is_deleted ? NULL : mailbox_view_find(shared->view, uid);
}

/* ---- Loading ---- */

struct load_job {
    struct mail_store *store;
    struct db *reader;
    const char *path;
    struct open_mailbox *shared; /* not touched by the worker */
    int64_t mailbox_id;
    struct mailbox_view *view;
    uint32_t uid_validity;
    uint32_t first_recent_uid;
    bool ok;
    struct fault fault;
};

static bool load_view(struct load_job *job, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(job->reader,
                                      "SELECT uid_validity, uid_next, modseq_highest,"
                                      " first_recent_uid FROM mailbox WHERE id = ?1",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, job->mailbox_id);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such mailbox");
    }
    job->uid_validity = (uint32_t)db_column_i64(stmt, 0);
    uint32_t uid_next = (uint32_t)db_column_i64(stmt, 1);
    uint64_t modseq = (uint64_t)db_column_i64(stmt, 2);
    job->first_recent_uid = (uint32_t)db_column_i64(stmt, 3);
    db_reset(stmt);

    char *names[MAILBOX_MAX_KEYWORDS];
    size_t n_names;
    if (!keywords_read(job->reader, job->mailbox_id, names, &n_names, fault)) {
        return false;
    }
    struct mailbox_keywords *keywords = mailbox_keywords_new((const char *const *)names, n_names);
    for (size_t i = 0; i < n_names; i++) {
        free(names[i]);
    }
    struct message_list messages = {0};
    bool ok = messages_collect(job->reader, &messages, job->mailbox_id, NULL, fault);
    if (ok) {
        job->view = mailbox_view_new(messages.items, messages.n, keywords, uid_next, modseq);
    }
    mailbox_keywords_unref(&keywords);
    message_list_clear(&messages);
    return ok;
}

static void load_run(void *context, const struct pool_token *token)
{
    (void)token;
    struct load_job *job = context;
    if (!job->reader) {
        job->reader = mail_db_open_reader(job->path, &job->fault);
    }
    if (!job->reader || !db_begin_read(job->reader, &job->fault)) {
        return;
    }
    job->ok = load_view(job, &job->fault);
    db_rollback(job->reader); /* only the snapshot is let go */
}

static void answer_waiting(struct open_mailbox *shared, const struct fault *fault)
{
    struct list_node waiting;
    list_init(&waiting);
    while (!list_is_empty(&shared->waiting)) {
        struct list_node *node = shared->waiting.next;
        list_remove(node);
        list_append(&waiting, node);
    }
    while (!list_is_empty(&waiting)) {
        call_answer(list_entry(waiting.next, struct mailbox_call, node), fault);
    }
}

static void load_done(void *context, bool was_cancelled)
{
    struct load_job *job = context;
    struct open_mailbox *shared = job->shared;
    store_give_reader(job->store, job->reader);
    job->store->n_jobs--;
    if (was_cancelled && !job->ok) {
        fault_set(&job->fault, FAULT_CANCELLED, "the store is closing");
    }
    store_note_fault(job->store, &job->fault);
    if (job->ok) {
        shared->view = job->view;
        shared->uid_validity = job->uid_validity;
        shared->first_recent_uid = job->first_recent_uid;
        while (shared->first_delta) {
            struct view_delta *delta = shared->first_delta;
            shared->first_delta = delta->next;
            apply_delta(shared, delta);
            delta_free(delta);
        }
        shared->last_delta = &shared->first_delta;
    }
    bool is_gone = job->ok && shared->is_deleted;
    if (is_gone) {
        fault_set(&job->fault, FAULT_NOT_FOUND, "no such mailbox");
    }
    answer_waiting(shared, job->ok && !is_gone ? NULL : &job->fault);
    open_mailbox_release(shared); /* the load's own use */
    free(job);
}

static bool start_load(struct open_mailbox *shared, struct fault *fault)
{
    struct mail_store *store = shared->store;
    struct load_job *job = xcalloc(1, sizeof(*job));
    *job = (struct load_job){
        .store = store,
        .reader = store_take_reader(store),
        .path = store->path,
        .shared = shared,
        .mailbox_id = shared->id,
    };
    if (!pool_submit(store->config.pool, POOL_URGENT, load_run, load_done, job, fault)) {
        store_give_reader(store, job->reader);
        free(job);
        return false;
    }
    open_mailbox_use(shared);
    store->n_jobs++;
    return true;
}

/* ---- Opening and closing ---- */

struct open_call {
    struct mailbox_call call;
    struct open_mailbox *shared; /* a use of it, until handed on to a session; NULL: none */
    struct mailbox_watcher watcher;
};

static void open_fill(struct mailbox_call *base, struct mailbox_answer *answer)
{
    struct open_call *call = (struct open_call *)base;
    struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));
    mailbox->shared = call->shared;
    mailbox->watcher = call->watcher;
    list_append(&call->shared->sessions, &mailbox->node);
    call->shared = NULL;
    answer->mailbox = mailbox;
}

static void open_free(struct mailbox_call *base)
{
    struct open_call *call = (struct open_call *)base;
    if (call->shared) {
        open_mailbox_release(call->shared);
    }
}

struct mailbox_call *store_open(struct mailbox_account *account, const char *name,
                                struct mailbox_watcher watcher, struct mailbox_done done)
{
    struct mail_store *store = account->state->store;
    struct open_call *call = xcalloc(1, sizeof(*call));
    call_init(&call->call, store, done);
    call->call.fill = open_fill;
    call->call.free_call = open_free;
    call->watcher = watcher;
    int64_t id;
    if (!folders_find(store->reader, &id, account->state->id, name, &call->call.fault)) {
        call_answer_later(&call->call);
        return &call->call;
    }
    struct open_mailbox *shared = open_mailbox_find(store, id);
    if (!shared) {
        shared = open_mailbox_new(store, account->state->id, id);
    }
    call->shared = shared;
    open_mailbox_use(shared);
    bool is_loading = !shared->view && shared->n_users > 1;
    if (shared->view || (!is_loading && !start_load(shared, &call->call.fault))) {
        call_answer_later(&call->call);
    } else {
        list_append(&shared->waiting, &call->call.node);
    }
    return &call->call;
}

void store_close(struct mailbox **pointer)
{
    struct mailbox *mailbox = *pointer;
    if (!mailbox) {
        return;
    }
    *pointer = NULL;
    list_remove(&mailbox->node);
    open_mailbox_release(mailbox->shared);
    free(mailbox);
}

uint64_t store_mailbox_id(const struct mailbox *mailbox)
{
    return (uint64_t)mailbox->shared->id;
}

uint32_t store_uid_validity(const struct mailbox *mailbox)
{
    return mailbox->shared->uid_validity;
}

struct mailbox_view *store_view(struct mailbox *mailbox)
{
    return mailbox_view_ref(mailbox->shared->view);
}

/* ---- \Recent ---- */

struct recent_job {
    struct open_mailbox *shared;
    uint32_t first_recent_uid;
};

static bool recent_run(struct mail_txn *txn, void *context, struct fault *fault)
{
    struct recent_job *job = context;
    struct db_stmt *stmt = db_prepare(txn->db,
                                      "UPDATE mailbox SET first_recent_uid ="
                                      " max(first_recent_uid, ?2) WHERE id = ?1",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, job->shared->id);
    db_bind_i64(stmt, 2, job->first_recent_uid);
    return db_run(stmt, fault);
}

static void recent_done(void *context, const struct fault *fault)
{
    struct recent_job *job = context;
    if (fault) {
        log_warn("store", "what was recent could not be noted: %s", fault->text);
    }
    open_mailbox_release(job->shared);
    free(job);
}

/* The use that the job holds keeps the newer number in memory until the disk has it. */
static void write_recent(struct open_mailbox *shared)
{
    struct recent_job *job = xcalloc(1, sizeof(*job));
    *job = (struct recent_job){shared, shared->first_recent_uid};
    open_mailbox_use(shared);
    if (!store_write(shared->store, recent_run, recent_done, job, NULL)) {
        open_mailbox_release(shared);
        free(job);
    }
}

uint32_t store_recent(struct mailbox *mailbox, bool claim)
{
    struct open_mailbox *shared = mailbox->shared;
    uint32_t first = shared->first_recent_uid;
    uint32_t uid_next = shared->view->uid_next;
    if (claim && first < uid_next && !shared->is_deleted) {
        shared->first_recent_uid = uid_next;
        write_recent(shared);
    }
    return first < uid_next ? first : uid_next;
}

/* ---- What was expunged ---- */

/* False also when it can't be read: the caller then works it out from the view. */
static bool log_reaches_back(struct open_mailbox *shared, uint64_t modseq)
{
    struct db_stmt *stmt = db_prepare(shared->store->reader,
                                      "SELECT forgotten_modseq FROM mailbox WHERE id = ?1", NULL);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, shared->id);
    bool reaches = db_step(stmt, NULL) == DB_ROW && (uint64_t)db_column_i64(stmt, 0) <= modseq;
    db_reset(stmt);
    return reaches;
}

static void add_cut(struct uid_set *out, uint32_t first, uint32_t last,
                    const struct uid_set *within)
{
    if (!within) {
        uid_set_add_range(out, first, last);
        return;
    }
    for (size_t i = 0; i < within->n_ranges; i++) {
        uint32_t from = within->ranges[i].first > first ? within->ranges[i].first : first;
        uint32_t to = within->ranges[i].last < last ? within->ranges[i].last : last;
        if (from <= to) {
            uid_set_add_range(out, from, to);
        }
    }
}

bool store_expunged_since(struct mailbox *mailbox, uint64_t modseq, const struct uid_set *within,
                          struct uid_set *out)
{
    struct open_mailbox *shared = mailbox->shared;
    if (!log_reaches_back(shared, modseq)) {
        return false;
    }
    /* The disk may be ahead of the view; what the view still shows is not expunged yet. */
    struct db_stmt *stmt = db_prepare(shared->store->reader,
                                      "SELECT first_uid, last_uid FROM expunged WHERE"
                                      " mailbox_id = ?1 AND modseq > ?2 AND modseq <= ?3"
                                      " ORDER BY first_uid",
                                      NULL);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, shared->id);
    db_bind_i64(stmt, 2, modseq > INT64_MAX ? INT64_MAX : (int64_t)modseq);
    db_bind_i64(stmt, 3, (int64_t)shared->view->highest_modseq);
    enum db_step step;
    while ((step = db_step(stmt, NULL)) == DB_ROW) {
        add_cut(out, (uint32_t)db_column_i64(stmt, 0), (uint32_t)db_column_i64(stmt, 1), within);
    }
    return step == DB_DONE;
}
