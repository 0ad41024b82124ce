// SPDX-License-Identifier: MIT
#include "mailproto/imap/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/search_run.h"

enum context_stage {
    CONTEXT_RESTS,
    CONTEXT_SCANS, /* the store looks at the text of `maybe` */
    CONTEXT_JUDGES,
    CONTEXT_READS, /* what is to be put in order */
};

struct imap_context {
    struct imap_context *next;
    struct imap_session *session;
    char *tag;
    bool is_uid;
    struct arena arena;
    struct search_run *run; /* in `arena`; its result are the members of a SEARCH */
    const struct context_order *order;
    struct mailbox_view *seen; /* up to here the result is right */
    enum context_stage stage;
    struct uid_set maybe;
    struct uid_set added;
    struct uid_set removed;
    struct buf positions; /* "1 117 4 118", of an ADDTO under way */
};

/* ---- Beginning and end ---- */

static struct imap_context *find(const struct imap_session *session, struct bytes tag)
{
    struct imap_context *context = session->selected.contexts;
    while (context != NULL && !bytes_equal(tag, bytes_of_str(context->tag))) {
        context = context->next;
    }
    return context;
}

bool context_is_refused(struct imap_session *session, const struct imap_parser *args,
                        struct esearch_returns *returns)
{
    size_t count = 0;
    if (!imap_ok(args) || (returns->wanted & SEARCH_RETURN_UPDATE) == 0) {
        return false;
    }
    if (find(session, bytes_of_str(session->command.tag)) != NULL) {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "The tag of a result that is kept up to date");
        return true;
    }
    for (struct imap_context *it = session->selected.contexts; it != NULL; it = it->next) {
        count++;
    }
    if (count >= CONTEXT_MAX) {
        buf_append_str(&session->out, "* NO [NOUPDATE ");
        imap_write_string(&session->out, bytes_of_str(session->command.tag));
        buf_append_str(&session->out, "] Too many contexts\r\n");
        returns->wanted &= ~(unsigned)SEARCH_RETURN_UPDATE;
    }
    return false;
}

void context_keep(struct imap_session *session, struct search_run *run,
                  const struct context_order *order)
{
    struct imap_context *context = xcalloc(1, sizeof(*context));
    context->session = session;
    context->tag = xstrdup(session->command.tag);
    context->is_uid = session->command.is_uid;
    context->arena = session->command.arena;
    context->run = run;
    context->order = order;
    context->seen = mailbox_view_ref(session->selected.told);
    context->next = session->selected.contexts;
    session->selected.contexts = context;
    esearch_clear(&run->answer);
    free(run->hits);
    run->hits = NULL;
    run->n_hits = 0;
    run->hits_capacity = 0;
    session->command.arena = (struct arena){0};
    session->command.clean = NULL;
    session->command.data = NULL;
}

static void stop(struct imap_context *context)
{
    struct imap_session *session = context->session;
    if (context->run->reader != NULL) {
        session->ops->read_end(&context->run->reader);
    }
    context->stage = CONTEXT_RESTS;
    uid_set_clear(&context->maybe);
    uid_set_clear(&context->added);
    uid_set_clear(&context->removed);
    buf_clear(&context->positions);
}

static void drop(struct imap_context **place)
{
    struct imap_context *context = *place;
    *place = context->next;
    stop(context);
    mailbox_view_unref(&context->seen);
    search_run_clear(context->session, context->run);
    arena_clear(&context->arena);
    free(context->tag);
    free(context);
}

void contexts_drop(struct imap_session *session)
{
    while (session->selected.contexts != NULL) {
        drop(&session->selected.contexts);
    }
}

void contexts_stop(struct imap_session *session)
{
    struct imap_sync *sync = &session->selected.sync;
    if (sync->call != NULL) {
        session->ops->cancel(&sync->call);
    }
    sync->waiting = false;
    for (struct imap_context *it = session->selected.contexts; it != NULL; it = it->next) {
        stop(it);
    }
}

/* ---- Members ---- */

static bool is_member(const struct imap_context *context, uint32_t uid)
{
    return context->order != NULL ? context->order->position(context->run->data, uid) > 0
                                  : uid_set_has(&context->run->result, uid);
}

static uint32_t number_of(const struct imap_context *context, uint32_t uid)
{
    return context->is_uid ? uid : mailbox_view_seq_of(context->session->selected.told, uid);
}

static void begin_line(const struct imap_context *context, const char *what)
{
    struct buf *out = &context->session->out;
    buf_append_str(out, "* ESEARCH (TAG ");
    imap_write_string(out, bytes_of_str(context->tag));
    buf_printf(out, ")%s %s (", context->is_uid ? " UID" : "", what);
}

static void write_numbers(const struct imap_context *context, const struct uid_set *uids)
{
    struct uid_set numbers = {0};
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(uids, &walk, &uid)) {
        uid_set_add(&numbers, number_of(context, uid));
    }
    buf_append_str(&context->session->out, "0 ");
    uid_set_print(&context->session->out, &numbers);
    uid_set_clear(&numbers);
}

static void without(struct uid_set *set, const struct uid_set *gone)
{
    struct uid_set left = {0};
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(set, &walk, &uid)) {
        if (!uid_set_has(gone, uid)) {
            uid_set_add(&left, uid);
        }
    }
    uid_set_take(set, &left);
}

/* Tell that these members are none any more, and make it so. */
static void remove_members(struct imap_context *context, const struct uid_set *gone)
{
    struct buf *out = &context->session->out;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    const char *space = "";
    if (uid_set_is_empty(gone)) {
        return;
    }
    begin_line(context, "REMOVEFROM");
    if (context->order == NULL) {
        write_numbers(context, gone);
        without(&context->run->result, gone);
    }
    /* Each position is that after the ones before have gone. */
    while (context->order != NULL && uid_set_next(gone, &walk, &uid)) {
        size_t position = context->order->position(context->run->data, uid);
        buf_printf(out, "%s%zu %u", space, position, number_of(context, uid));
        context->order->remove(context->run->data, position);
        space = " ";
    }
    buf_append_str(out, ")\r\n");
}

static void insert(struct imap_context *context, uint32_t uid, const struct mailbox_item_data *item)
{
    size_t position =
        context->order->insert(context->session, context->run->data, uid, item, &context->arena);
    buf_printf(&context->positions, "%s%zu %u", context->positions.len > 0 ? " " : "", position,
               number_of(context, uid));
}

/* The messages of `added` are members now; tell it. */
static void tell_added(struct imap_context *context)
{
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    if (uid_set_is_empty(&context->added)) {
        return;
    }
    if (context->order == NULL) {
        while (uid_set_next(&context->added, &walk, &uid)) {
            uid_set_add(&context->run->result, uid);
        }
        begin_line(context, "ADDTO");
        write_numbers(context, &context->added);
    } else if (context->positions.len > 0) {
        begin_line(context, "ADDTO");
        buf_append_bytes(&context->session->out, buf_view(&context->positions));
    } else {
        return;
    }
    buf_append_str(&context->session->out, ")\r\n");
}

/* ---- What is gone ---- */

void contexts_tell_gone(struct imap_session *session, const struct mailbox_view *target)
{
    for (struct imap_context *it = session->selected.contexts; it != NULL; it = it->next) {
        struct mailbox_diff diff = {.before = session->selected.told, .after = target};
        const struct mailbox_message *old = NULL;
        const struct mailbox_message *new = NULL;
        struct uid_set gone = {0};
        enum mailbox_change change = MAILBOX_CHANGE_NONE;
        while ((change = mailbox_diff_next(&diff, &old, &new)) != MAILBOX_CHANGE_NONE) {
            if (change == MAILBOX_EXPUNGED && is_member(it, old->uid)) {
                uid_set_add(&gone, old->uid);
            }
        }
        remove_members(it, &gone);
        uid_set_clear(&gone);
    }
}

/* ---- What is new or changed ---- */

static void settle(struct imap_context *context, const struct mailbox_message *message,
                   const struct mailbox_hit *hit)
{
    enum search_verdict verdict = search_run_verdict(
        context->session, context->run, message, context->session->selected.told->keywords, hit);
    if (verdict == SEARCH_MAYBE) {
        uid_set_add(&context->maybe, message->uid);
    } else if (verdict == SEARCH_YES && !is_member(context, message->uid)) {
        uid_set_add(&context->added, message->uid);
    } else if (verdict == SEARCH_NO && is_member(context, message->uid)) {
        uid_set_add(&context->removed, message->uid);
    }
}

static void look(struct imap_context *context)
{
    struct mailbox_view *told = context->session->selected.told;
    struct mailbox_diff diff = {.before = context->seen, .after = told};
    const struct mailbox_message *old = NULL;
    const struct mailbox_message *new = NULL;
    enum mailbox_change change = MAILBOX_CHANGE_NONE;
    while ((change = mailbox_diff_next(&diff, &old, &new)) != MAILBOX_CHANGE_NONE) {
        if (change != MAILBOX_EXPUNGED) {
            settle(context, new, NULL);
        }
    }
    context->stage = CONTEXT_JUDGES;
}

static void go_on(struct imap_session *session)
{
    session->selected.sync.waiting = false;
    if (session->idling || session->notifying) {
        session->command.waiting = false;
    }
    session->waker.wake(session->waker.context);
}

static void found(void *context_, const struct mailbox_hit *hits, size_t n_hits)
{
    struct search_run *run = ((struct imap_context *)context_)->run;
    for (size_t i = 0; i < n_hits; i++) {
        run->hits = array_grow(run->hits, run->n_hits, &run->hits_capacity, sizeof(*run->hits));
        run->hits[run->n_hits++] = hits[i];
    }
}

/* Hits come in ascending order; a message without one has passed no test. */
static void scanned(void *context_, const struct fault *fault)
{
    struct imap_context *context = context_;
    struct imap_session *session = context->session;
    struct search_run *run = context->run;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    size_t next = 0;
    session->selected.sync.call = NULL;
    while (fault == NULL && uid_set_next(&context->maybe, &walk, &uid)) {
        const struct mailbox_message *message = mailbox_view_find(session->selected.told, uid);
        struct mailbox_hit hit = {.uid = uid};
        if (next < run->n_hits && run->hits[next].uid == uid) {
            hit = run->hits[next++];
        }
        if (message != NULL) {
            settle(context, message, &hit);
        }
    }
    run->n_hits = 0;
    uid_set_clear(&context->maybe);
    context->stage = CONTEXT_JUDGES;
    go_on(session);
}

static void ready(void *context_)
{
    struct imap_context *context = context_;
    go_on(context->session);
}

/* The texts by which a SORT puts the new ones in order. False: not all are there yet. */
static bool read_added(struct imap_context *context)
{
    struct imap_session *session = context->session;
    struct mailbox_reader **reader = &context->run->reader;
    struct mailbox_item_data item;
    if (*reader == NULL) {
        *reader =
            session->ops->read_start(context->run->scope.mailbox, &context->added,
                                     context->order->items, (struct mailbox_ready){ready, context});
    }
    for (;;) {
        switch (session->ops->read_next(*reader, &item, NULL)) {
        case MAILBOX_READ_OK:
            insert(context, item.uid, &item);
            break;
        case MAILBOX_READ_GONE:
            break;
        case MAILBOX_READ_WAIT:
            session->selected.sync.waiting = true;
            return false;
        default:
            session->ops->read_end(reader);
            return true;
        }
    }
}

static void tell(struct imap_context *context)
{
    mailbox_view_unref(&context->seen);
    context->seen = mailbox_view_ref(context->session->selected.told);
    tell_added(context);
    stop(context);
}

/* False: it waits. */
static bool context_step(struct imap_context *context)
{
    struct imap_session *session = context->session;
    struct imap_sync *sync = &session->selected.sync;
    if (context->stage == CONTEXT_RESTS) {
        if (context->seen == session->selected.told) {
            return true;
        }
        look(context);
        if (!uid_set_is_empty(&context->maybe)) {
            context->stage = CONTEXT_SCANS;
            sync->waiting = true;
            sync->call =
                session->ops->search_text(context->run->scope.mailbox, &context->maybe,
                                          context->run->search.tests, context->run->search.n_tests,
                                          (struct mailbox_search_done){found, scanned, context});
            return false;
        }
    }
    if (context->stage == CONTEXT_JUDGES) {
        remove_members(context, &context->removed);
        context->stage = CONTEXT_READS;
    }
    if (context->order != NULL && context->order->items != 0) {
        if (!uid_set_is_empty(&context->added) && !read_added(context)) {
            return false;
        }
    } else if (context->order != NULL) {
        struct uid_set_walk walk = {0};
        uint32_t uid = 0;
        while (uid_set_next(&context->added, &walk, &uid)) {
            insert(context, uid, NULL);
        }
    }
    tell(context);
    return true;
}

bool contexts_step(struct imap_session *session)
{
    for (struct imap_context *it = session->selected.contexts; it != NULL; it = it->next) {
        if (session->selected.sync.waiting || !context_step(it)) {
            return false;
        }
    }
    return true;
}

/* ---- CANCELUPDATE ---- */

void cmd_cancelupdate(struct imap_session *session, struct imap_parser *args)
{
    do {
        imap_space(args);
        struct bytes tag = imap_string(args);
        struct imap_context **place = &session->selected.contexts;
        while (imap_ok(args) && *place != NULL && !bytes_equal(tag, bytes_of_str((*place)->tag))) {
            place = &(*place)->next;
        }
        if (imap_ok(args) && *place == NULL) {
            imap_fail(args, "No result with that tag is kept up to date");
        } else if (imap_ok(args)) {
            drop(place);
        }
    } while (imap_ok(args) && args->rest.len > 0);
    if (!imap_is_bad(session, args)) {
        imap_done(session);
    }
}
