// SPDX-License-Identifier: MIT
/* Calls, and those of them that change messages of an open mailbox. */
#include <stdlib.h>

#include "base/fault.h"
#include "gateway/store/client_messages.h"
#include "gateway/store/store_internal.h"

/* ---- Calls ---- */

void call_init(struct mailbox_call *call, struct mail_store *store, struct mailbox_done done)
{
    call->store = store;
    call->done = done;
    list_init(&call->node);
}

void call_free(struct mailbox_call *call)
{
    list_remove(&call->node);
    if (call->free_call) {
        call->free_call(call);
    }
    free(call);
}

void call_answer(struct mailbox_call *call, const struct fault *fault)
{
    if (call->done.done) {
        struct mailbox_answer answer = {.fault = fault};
        if (!fault && call->fill) {
            call->fill(call, &answer);
        }
        call->done.done(call->done.context, &answer);
    }
    call_free(call);
}

static bool call_run(struct mail_txn *txn, void *context, struct fault *fault)
{
    struct mailbox_call *call = context;
    return call->run(txn, call, fault);
}

static void call_done(void *context, const struct fault *fault)
{
    call_answer(context, fault);
}

static void answer_deferred(void *context)
{
    struct mailbox_call *call = context;
    call->store->n_jobs--;
    store_note_fault(call->store, &call->fault);
    call_answer(call, call->fault.code == FAULT_NONE ? NULL : &call->fault);
}

void call_answer_later(struct mailbox_call *call)
{
    call->store->n_jobs++;
    loop_defer(call->store->config.loop, answer_deferred, call);
}

void call_write(struct mailbox_call *call)
{
    if (!store_write(call->store, call_run, call_done, call, &call->fault)) {
        call_answer_later(call);
    }
}

void store_cancel(struct mailbox_call **pointer)
{
    struct mailbox_call *call = *pointer;
    if (!call) {
        return;
    }
    *pointer = NULL;
    call->done.done = NULL;
    if (call->cancelled) {
        call->cancelled(call);
    }
}

/* ---- Names of keywords ---- */

char **names_copy(const char *const *names, size_t n_names)
{
    char **copy = xcalloc(n_names + 1, sizeof(*copy));
    for (size_t i = 0; i < n_names; i++) {
        copy[i] = xstrdup(names[i]);
    }
    return copy;
}

void names_free(char **names, size_t n_names)
{
    for (size_t i = 0; names && i < n_names; i++) {
        free(names[i]);
    }
    free(names);
}

/* ---- STORE ---- */

struct flags_call {
    struct mailbox_call call;
    int64_t mailbox_id;
    struct mailbox_view *view; /* the newest when it was asked */
    struct mailbox_store_request request;
    struct uid_set uids;
    char **keywords;
    struct message_list changed;
    struct uid_set refused;
    uint64_t modseq;
};

static bool flags_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    struct flags_call *call = (struct flags_call *)base;
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, call->mailbox_id, fault);
    if (!mailbox || !messages_store(txn, mailbox, call->view, &call->request, &call->changed,
                                    &call->refused, fault)) {
        return false;
    }
    call->modseq = mailbox->is_changed ? mailbox->modseq : 0;
    return true;
}

static void flags_fill(struct mailbox_call *base, struct mailbox_answer *answer)
{
    struct flags_call *call = (struct flags_call *)base;
    answer->changed = call->changed.items;
    answer->n_changed = call->changed.n;
    answer->refused = &call->refused;
    answer->modseq = call->modseq;
}

static void flags_free(struct mailbox_call *base)
{
    struct flags_call *call = (struct flags_call *)base;
    mailbox_view_unref(&call->view);
    names_free(call->keywords, call->request.flags.n_keywords);
    uid_set_clear(&call->uids);
    uid_set_clear(&call->refused);
    message_list_clear(&call->changed);
}

struct mailbox_call *store_store_flags(struct mailbox *mailbox,
                                       const struct mailbox_store_request *request,
                                       struct mailbox_done done)
{
    struct flags_call *call = xcalloc(1, sizeof(*call));
    call_init(&call->call, mailbox->shared->store, done);
    call->call.run = flags_run;
    call->call.fill = flags_fill;
    call->call.free_call = flags_free;
    call->mailbox_id = mailbox->shared->id;
    call->view = mailbox_view_ref(mailbox->shared->view);
    call->request = *request;
    call->keywords = names_copy(request->flags.keywords, request->flags.n_keywords);
    call->request.flags.keywords = (const char *const *)call->keywords;
    uid_set_copy(&call->uids, request->uids);
    call->request.uids = &call->uids;
    call_write(&call->call);
    return &call->call;
}

/* ---- EXPUNGE, COPY, MOVE ---- */

struct uids_call {
    struct mailbox_call call;
    int64_t mailbox_id;
    int64_t account_id;
    bool has_uids; /* else all */
    struct uid_set uids;
    char *to;
    struct uid_pairs pairs;
    uint32_t uid_validity;
    struct uid_set expunged;
    uint64_t modseq;
};

static void uids_free(struct mailbox_call *base)
{
    struct uids_call *call = (struct uids_call *)base;
    uid_set_clear(&call->uids);
    uid_set_clear(&call->expunged);
    uid_pairs_clear(&call->pairs);
    free(call->to);
}

static struct uids_call *uids_call_new(struct mailbox *mailbox, const struct uid_set *uids,
                                       const char *to, struct mailbox_done done)
{
    struct uids_call *call = xcalloc(1, sizeof(*call));
    call_init(&call->call, mailbox->shared->store, done);
    call->call.free_call = uids_free;
    call->mailbox_id = mailbox->shared->id;
    call->account_id = mailbox->shared->account_id;
    call->has_uids = uids != NULL;
    if (uids) {
        uid_set_copy(&call->uids, uids);
    }
    call->to = to ? xstrdup(to) : NULL;
    return call;
}

static bool expunge_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    struct uids_call *call = (struct uids_call *)base;
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, call->mailbox_id, fault);
    if (!mailbox || !messages_expunge(txn, mailbox, call->has_uids ? &call->uids : NULL,
                                      &call->expunged, fault)) {
        return false;
    }
    call->modseq = mailbox->is_changed ? mailbox->modseq : 0;
    return true;
}

static void expunge_fill(struct mailbox_call *base, struct mailbox_answer *answer)
{
    struct uids_call *call = (struct uids_call *)base;
    answer->expunged = &call->expunged;
    answer->modseq = call->modseq;
}

struct mailbox_call *store_expunge(struct mailbox *mailbox, const struct uid_set *uids,
                                   struct mailbox_done done)
{
    struct uids_call *call = uids_call_new(mailbox, uids, NULL, done);
    call->call.run = expunge_run;
    call->call.fill = expunge_fill;
    call_write(&call->call);
    return &call->call;
}

static bool transfer(struct mail_txn *txn, struct uids_call *call, bool move, struct fault *fault)
{
    int64_t to_id;
    if (!folders_find(txn->db, &to_id, call->account_id, call->to, fault)) {
        return false;
    }
    struct touched_mailbox *from = mail_txn_mailbox(txn, call->mailbox_id, fault);
    struct touched_mailbox *to = from ? mail_txn_mailbox(txn, to_id, fault) : NULL;
    if (!to || !messages_check_target(to, fault) ||
        !messages_transfer(txn, from, to, &call->uids, move, &call->pairs, fault)) {
        return false;
    }
    call->uid_validity = to->uid_validity;
    if (move && call->pairs.n != 0) {
        for (size_t i = 0; i < call->pairs.n; i++) {
            uid_set_add(&call->expunged, call->pairs.from[i]);
        }
        call->modseq = from->modseq;
    }
    return true;
}

static bool copy_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    return transfer(txn, (struct uids_call *)base, false, fault);
}

static bool move_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    return transfer(txn, (struct uids_call *)base, true, fault);
}

static void copy_fill(struct mailbox_call *base, struct mailbox_answer *answer)
{
    struct uids_call *call = (struct uids_call *)base;
    answer->uid_validity = call->uid_validity;
    answer->from_uids = call->pairs.from;
    answer->to_uids = call->pairs.to;
    answer->n_uids = call->pairs.n;
}

static void move_fill(struct mailbox_call *base, struct mailbox_answer *answer)
{
    copy_fill(base, answer);
    expunge_fill(base, answer);
}

struct mailbox_call *store_copy(struct mailbox *mailbox, const struct uid_set *uids, const char *to,
                                struct mailbox_done done)
{
    struct uids_call *call = uids_call_new(mailbox, uids, to, done);
    call->call.run = copy_run;
    call->call.fill = copy_fill;
    call_write(&call->call);
    return &call->call;
}

struct mailbox_call *store_move(struct mailbox *mailbox, const struct uid_set *uids, const char *to,
                                struct mailbox_done done)
{
    struct uids_call *call = uids_call_new(mailbox, uids, to, done);
    call->call.run = move_run;
    call->call.fill = move_fill;
    call_write(&call->call);
    return &call->call;
}
