// SPDX-License-Identifier: MIT
/* SELECT and EXAMINE with CONDSTORE and QRESYNC (RFC 7162), CLOSE, UNSELECT, CHECK, EXPUNGE. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/context.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/notify.h"
#include "mailproto/imap/seqset.h"

/* What a SELECT asked for; in the arena. */
struct select_request {
    const char *name;
    bool read_only;
    bool condstore;
    bool qresync;
    uint32_t known_uid_validity;
    uint64_t known_modseq;
    bool has_known_uids;
    struct uid_set known_uids;
    uint32_t next_seq; /* of the FETCH lines that QRESYNC sends */
};

/* ---- Watching ---- */

static void mailbox_changed(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    struct imap_session *session = context;
    (void)mailbox_id;
    if (event == MAILBOX_EVENT_DELETED) {
        session->selected.deleted = true;
    }
    session->selected.changed = true;
    if (session->notify != NULL) {
        session->waker.wake(session->waker.context);
    }
    if (session->idling && !session->selected.sync.waiting) {
        session->command.waiting = false;
        session->waker.wake(session->waker.context);
    }
}

void imap_deselect(struct imap_session *session)
{
    struct imap_selected *selected = &session->selected;
    if (selected->mailbox == NULL) {
        return;
    }
    imap_sync_stop(session);
    contexts_drop(session);
    mailbox_view_unref(&selected->told);
    session->ops->close(&selected->mailbox);
    uid_set_clear(&selected->recent);
    uid_set_clear(&selected->saved);
    free(selected->name);
    *selected = (struct imap_selected){.sync = {.part = IMAP_SYNC_DONE}};
    if (session->state == IMAP_SELECTED) {
        session->state = IMAP_AUTHENTICATED;
    }
}

/* ---- The replies to SELECT ---- */

static uint32_t first_unseen(const struct mailbox_view *view)
{
    for (uint32_t seq = 1; view->n_unseen > 0 && seq <= view->n_messages; seq++) {
        if ((mailbox_view_at(view, seq)->flags & MAILBOX_FLAG_SEEN) == 0) {
            return seq;
        }
    }
    return 0;
}

static void write_flags_known(struct imap_session *session, const struct mailbox_view *view)
{
    const struct mailbox_keywords *names = view->keywords;
    uint64_t all = names->n_names == 64 ? UINT64_MAX : (UINT64_C(1) << names->n_names) - 1;
    struct buf *out = &session->out;
    buf_append_str(out, "* FLAGS (");
    imap_write_flags(out, MAILBOX_FLAGS_ALL, all, names, false);
    buf_append_str(out, ")\r\n* OK [PERMANENTFLAGS (");
    if (!session->selected.read_only) {
        imap_write_flags(out, MAILBOX_FLAGS_ALL, all, names, false);
        buf_append_str(out, names->n_names < MAILBOX_MAX_KEYWORDS ? " \\*" : "");
    }
    buf_append_str(out, ")] Flags\r\n");
}

static void write_state(struct imap_session *session)
{
    struct imap_selected *selected = &session->selected;
    const struct mailbox_view *view = selected->told;
    struct buf *out = &session->out;
    bool rev2 = (session->enabled & IMAP_ENABLED_REV2) != 0;
    uint32_t recent_from = session->ops->recent(selected->mailbox, !selected->read_only);
    if (recent_from < view->uid_next) {
        uid_set_add_range(&selected->recent, recent_from, view->uid_next - 1);
    }
    write_flags_known(session, view);
    buf_printf(out, "* %u EXISTS\r\n", view->n_messages);
    if (!rev2) {
        uint32_t unseen = first_unseen(view);
        uint32_t n_recent = recent_from < view->uid_next
                                ? view->n_messages + 1 - mailbox_view_lower_bound(view, recent_from)
                                : 0;
        buf_printf(out, "* %u RECENT\r\n", n_recent);
        if (unseen != 0 && (session->enabled & IMAP_ENABLED_UIDONLY) == 0) {
            buf_printf(out, "* OK [UNSEEN %u] First unseen\r\n", unseen);
        }
    } else {
        buf_append_str(out, "* LIST () \"/\" ");
        imap_write_mailbox(out, selected->name, true);
        buf_append_str(out, "\r\n");
    }
    buf_printf(out,
               "* OK [UIDVALIDITY %u] UIDs are valid\r\n"
               "* OK [UIDNEXT %u] Next UID\r\n"
               "* OK [HIGHESTMODSEQ %" PRIu64 "] Highest\r\n"
               "* OK [MAILBOXID (M%" PRIu64 ")] Ok\r\n",
               session->ops->uid_validity(selected->mailbox), view->uid_next, view->highest_modseq,
               session->ops->mailbox_id(selected->mailbox));
}

static void finish_select(struct imap_session *session)
{
    bool read_only = session->selected.read_only;
    imap_finish(session, IMAP_STATUS_OK, read_only ? "READ-ONLY" : "READ-WRITE", "%s completed",
                session->command.row->name);
}

/* QRESYNC: the flags of what has changed since the client was here. */
static void qresync_step(struct imap_session *session)
{
    struct select_request *request = session->command.data;
    const struct mailbox_view *view = session->selected.told;
    while (imap_has_room(session)) {
        if (request->next_seq > view->n_messages) {
            finish_select(session);
            return;
        }
        uint32_t seq = request->next_seq++;
        const struct mailbox_message *message = mailbox_view_at(view, seq);
        bool asked = !request->has_known_uids || uid_set_has(&request->known_uids, message->uid);
        if (asked && message->modseq > request->known_modseq) {
            imap_write_flags_line(session, seq, message, view->keywords, true, true);
        }
    }
}

static void opened(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    struct imap_selected *selected = &session->selected;
    const struct select_request *request = session->command.data;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "NONEXISTENT");
        return;
    }
    session->state = IMAP_SELECTED;
    selected->mailbox = answer->mailbox;
    selected->name = xstrdup(request->name);
    selected->read_only = request->read_only;
    selected->sync.part = IMAP_SYNC_DONE;
    selected->told = session->ops->view(selected->mailbox);
    notify_selected(session);
    write_state(session);
    if (request->condstore) {
        session->enabled |= IMAP_ENABLED_CONDSTORE;
    }
    if (request->qresync &&
        request->known_uid_validity == session->ops->uid_validity(selected->mailbox)) {
        imap_tell_vanished_earlier(session, request->known_modseq,
                                   request->has_known_uids ? &request->known_uids : NULL);
        session->command.step = qresync_step;
        return;
    }
    finish_select(session);
}

/* ---- The arguments ---- */

/* "(known-numbers known-uids)" only helps a server that keeps no expunge log: not used here. */
static void pass_over_numbers(const struct imap_session *session, struct imap_parser *args)
{
    imap_expect(args, '(');
    if ((session->enabled & IMAP_ENABLED_UIDONLY) != 0) {
        args->code = "UIDREQUIRED";
        imap_fail(args, "There are no message numbers with UIDONLY");
    }
    (void)imap_sequence_text(args);
    imap_space(args);
    (void)imap_sequence_text(args);
    imap_expect(args, ')');
}

/* "(uidvalidity modseq [known-uids] [(known-numbers known-uids)])" */
static void parse_qresync(const struct imap_session *session, struct imap_parser *args,
                          struct select_request *request)
{
    imap_space(args);
    imap_expect(args, '(');
    request->qresync = true;
    request->known_uid_validity = imap_nz_number(args);
    imap_space(args);
    request->known_modseq = imap_number64(args);
    bool goes_on = imap_accept(args, ' ');
    if (goes_on && imap_peek(args) != '(') {
        if (seqset_plain(&request->known_uids, imap_sequence_text(args), 0) != SEQSET_OK) {
            imap_fail(args, "Bad set of known UIDs");
        }
        request->has_known_uids = true;
        goes_on = imap_accept(args, ' ');
    }
    if (goes_on) {
        pass_over_numbers(session, args);
    }
    imap_expect(args, ')');
}

static void parse_select_params(struct imap_session *session, struct imap_parser *args,
                                struct select_request *request)
{
    imap_expect(args, '(');
    do {
        struct bytes name = imap_word(args);
        if (bytes_is_word(name, "CONDSTORE")) {
            request->condstore = true;
        } else if (bytes_is_word(name, "QRESYNC")) {
            parse_qresync(session, args, request);
            if ((session->enabled & IMAP_ENABLED_QRESYNC) == 0) {
                imap_fail(args, "ENABLE QRESYNC first");
            }
        } else {
            imap_fail(args, "Unknown parameter");
        }
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

static void select_clean(struct imap_session *session)
{
    struct select_request *request = session->command.data;
    uid_set_clear(&request->known_uids);
}

static void select_mailbox(struct imap_session *session, struct imap_parser *args, bool read_only)
{
    struct select_request *request = arena_alloc(args->arena, sizeof(*request));
    session->command.data = request;
    session->command.clean = select_clean;
    request->read_only = read_only;
    request->next_seq = 1;
    imap_space(args);
    request->name = imap_mailbox_arg(session, args);
    if (imap_accept(args, ' ')) {
        parse_select_params(session, args, request);
    }
    imap_end(args);
    /* Whatever comes of it, the mailbox before is not selected any more. */
    if (session->selected.mailbox != NULL) {
        imap_deselect(session);
        if ((session->enabled & (IMAP_ENABLED_QRESYNC | IMAP_ENABLED_REV2)) != 0) {
            buf_append_str(&session->out, "* OK [CLOSED] The mailbox before is closed\r\n");
        }
    }
    if (imap_is_bad(session, args)) {
        return;
    }
    session->selected.deleted = false;
    imap_await(session, session->ops->open(session->account, request->name,
                                           (struct mailbox_watcher){mailbox_changed, session},
                                           imap_answer_to(session, opened)));
}

void cmd_select(struct imap_session *session, struct imap_parser *args)
{
    select_mailbox(session, args, false);
}

void cmd_examine(struct imap_session *session, struct imap_parser *args)
{
    select_mailbox(session, args, true);
}

/* ---- Leaving ---- */

void cmd_check(struct imap_session *session, struct imap_parser *args)
{
    cmd_noop(session, args);
}

void cmd_unselect(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (!imap_is_bad(session, args)) {
        imap_deselect(session);
        imap_done(session);
    }
}

static void closed(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    imap_resume(session);
    imap_deselect(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, NULL);
        return;
    }
    imap_done(session);
}

void cmd_close(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    struct mailbox_view *view = session->ops->view(session->selected.mailbox);
    bool has_deleted = view->n_deleted > 0;
    mailbox_view_unref(&view);
    if (session->selected.read_only || !has_deleted) {
        imap_deselect(session);
        imap_done(session);
        return;
    }
    imap_await(session, session->ops->expunge(session->selected.mailbox, NULL,
                                              imap_answer_to(session, closed)));
}

/* ---- EXPUNGE ---- */

static void expunged(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, NULL);
    } else {
        imap_done_at(session, answer->modseq);
    }
}

void cmd_expunge(struct imap_session *session, struct imap_parser *args)
{
    struct uid_set uids = {0};
    if (session->command.is_uid) {
        imap_space(args);
        imap_set_arg(session, args, &uids);
    }
    imap_end(args);
    if (imap_is_bad(session, args)) {
        goto out;
    }
    if (session->selected.read_only) {
        imap_finish(session, IMAP_STATUS_NO, "CANNOT", "The mailbox was opened read-only");
        goto out;
    }
    imap_await(session, session->ops->expunge(session->selected.mailbox,
                                              session->command.is_uid ? &uids : NULL,
                                              imap_answer_to(session, expunged)));
out:
    uid_set_clear(&uids);
}
