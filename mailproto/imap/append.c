// SPDX-License-Identifier: MIT
#include "mailproto/imap/append.h"

#include <stdlib.h>

#include "mailproto/imap/catenate.h"
#include "mailproto/imap/imap_internal.h"

bool imap_append_is_waiting(const struct imap_session *session)
{
    return session->append->waiting;
}

void imap_append_stop(struct imap_session *session)
{
    struct imap_append *append = session->append;
    if (append == NULL) {
        return;
    }
    catenate_free(&append->catenate);
    if (append->handle != NULL) {
        session->ops->append_abort(&append->handle);
    }
    free(append);
    session->append = NULL;
}

const char *append_code_of(const struct fault *fault)
{
    return fault->code == FAULT_NOT_FOUND     ? "TRYCREATE"
           : fault->code == FAULT_NO_SPACE    ? "OVERQUOTA"
           : fault->code == FAULT_LIMIT       ? "TOOBIG"
           : fault->code == FAULT_UNSUPPORTED ? "CANNOT"
           : fault->code == FAULT_DENIED      ? "NOPERM"
                                              : "UNAVAILABLE";
}

void append_enqueue(struct imap_append *append, struct append_action *action)
{
    if (append->first == NULL) {
        append->last = &append->first;
    }
    *append->last = action;
    append->last = &action->next;
}

static void go_on(struct imap_session *session)
{
    if (session->append != NULL) {
        session->append->waiting = false;
        append_work(session);
        session->waker.wake(session->waker.context);
    }
}

static void ready(void *context)
{
    go_on(context);
}

struct mailbox_ready append_ready_of(struct imap_session *session)
{
    return (struct mailbox_ready){ready, session};
}

/* ---- Bytes ---- */

static void push(struct imap_session *session, struct bytes piece)
{
    struct imap_append *append = session->append;
    if (append->handle == NULL || piece.len == 0) {
        return;
    }
    switch (session->ops->append_data(append->handle, piece, &append->fault)) {
    case MAILBOX_PUSH_OK:
        break;
    case MAILBOX_PUSH_WAIT:
        append->waiting = true;
        break;
    case MAILBOX_PUSH_FAILED:
        session->ops->append_abort(&append->handle);
        break;
    }
}

void imap_append_data(struct imap_session *session, struct bytes piece)
{
    struct imap_append *append = session->append;
    append->left -= piece.len;
    push(session, piece);
    if (append->left == 0) {
        imap_input_reset(&session->input); /* the arguments before it are done with */
    }
}

/* ---- Parts that lie here already ---- */

/* As resp-text-code has it: printable, without a quote or a bracket. */
static const char *printable(struct arena *arena, struct bytes url)
{
    char *text = arena_strndup(arena, (const char *)url.data, url.len < 200 ? url.len : 200);
    for (char *c = text; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e || *c == '"' || *c == '\\' || *c == ']') {
            *c = '?';
        }
    }
    return text;
}

/* True when the URL is done with, well or not. */
static bool fetch_url(struct imap_session *session, struct bytes url)
{
    struct imap_append *append = session->append;
    struct bytes piece = {0};
    if (append->catenate == NULL) {
        append->catenate = catenate_new(session, url, go_on);
    }
    while (append->handle != NULL && !append->waiting) {
        switch (catenate_next(append->catenate, &piece)) {
        case CATENATE_PIECE:
            push(session, piece);
            break;
        case CATENATE_WAIT:
            append->waiting = true;
            break;
        case CATENATE_BUSY:
            (void)fault_set(&append->fault, FAULT_BUSY, "there is no memory for the message now");
            session->ops->append_abort(&append->handle);
            break;
        case CATENATE_BAD_URL:
            append->bad_url = printable(&session->command.arena, url);
            session->ops->append_abort(&append->handle);
            break;
        case CATENATE_END:
            catenate_free(&append->catenate);
            return true;
        }
    }
    if (append->handle == NULL) {
        catenate_free(&append->catenate);
    }
    return append->handle == NULL;
}

/* ---- The end ---- */

void imap_write_uids(struct buf *out, const uint32_t *uids, size_t n_uids)
{
    for (size_t i = 0; i < n_uids;) {
        size_t end = i;
        while (end + 1 < n_uids && uids[end + 1] == uids[end] + 1) {
            end++;
        }
        if (i > 0) {
            buf_append_byte(out, ',');
        }
        buf_printf(out, "%u", uids[i]);
        if (end > i) {
            buf_printf(out, ":%u", uids[end]);
        }
        i = end + 1;
    }
}

static void write_appenduid(struct buf *out, const struct mailbox_answer *answer)
{
    buf_printf(out, "APPENDUID %u ", answer->uid_validity);
    imap_write_uids(out, answer->to_uids, answer->n_uids);
}

static void appended(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    struct buf code = {0};
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "TRYCREATE");
        return;
    }
    write_appenduid(&code, answer);
    imap_finish(session, IMAP_STATUS_OK, answer->n_uids > 0 ? buf_str(&code) : NULL,
                "APPEND completed");
    buf_clear(&code);
}

/* RFC 8508 section 4.3: where the new one is comes before the EXPUNGE of the old one. */
static void replaced(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "NONEXISTENT");
        return;
    }
    buf_append_str(&session->out, "* OK [");
    write_appenduid(&session->out, answer);
    buf_append_str(&session->out, "] Replacement Message ready\r\n");
    imap_done(session);
}

static void refuse(struct imap_session *session)
{
    struct fault fault = session->append->fault;
    const char *url = session->append->bad_url;
    imap_append_stop(session);
    if (url != NULL) {
        char *code = arena_printf(&session->command.arena, "BADURL \"%s\"", url);
        imap_finish(session, IMAP_STATUS_NO, code, "This URL names nothing here");
    } else {
        imap_finish(session, IMAP_STATUS_NO, append_code_of(&fault), "%s",
                    imap_words_of(&fault).text);
    }
}

static void commit(struct imap_session *session)
{
    struct imap_append *append = session->append;
    if (append->handle == NULL) {
        refuse(session);
        return;
    }
    imap_await(
        session,
        append->replaced_uid != 0
            ? session->ops->append_replace(&append->handle, session->selected.mailbox,
                                           append->replaced_uid, imap_answer_to(session, replaced))
            : session->ops->append_commit(&append->handle, imap_answer_to(session, appended)));
    imap_append_stop(session);
}

static bool do_action(struct imap_session *session, const struct append_action *action)
{
    struct imap_append *append = session->append;
    bool ok = true;
    if (append->handle == NULL) {
        return true;
    }
    switch (action->kind) {
    case APPEND_BEGIN:
        ok = session->ops->append_message(append->handle, &action->message, &append->fault);
        break;
    case APPEND_END:
        ok = session->ops->append_end(append->handle, &append->fault) == MAILBOX_PUSH_OK;
        break;
    case APPEND_URL:
        return fetch_url(session, action->url);
    }
    if (!ok) {
        session->ops->append_abort(&append->handle);
    }
    return true;
}

void append_work(struct imap_session *session)
{
    struct imap_append *append = session->append;
    while (append->first != NULL && !append->waiting) {
        if (!do_action(session, append->first)) {
            return;
        }
        append->first = append->first->next;
    }
    if (append->first == NULL && !append->waiting && append->is_complete) {
        commit(session);
    }
}
