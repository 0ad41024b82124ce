// SPDX-License-Identifier: MIT
/* APPEND (RFC 9051 section 6.3.12), also of several messages (RFC 3502) and of literal8s.
 *
 * A message is passed to the store as its bytes come. Its arguments are judged when its literal is
 * announced, so that a client which waits to be asked is told "no" before it sends anything:
 *
 *     tag APPEND mailbox (flags) "date" {n}     imap_append_literal: begin, first message
 *     ...n bytes...                             imap_append_data
 *      (flags) {m}                              imap_append_literal: next message
 *     ...m bytes...
 *     (an empty line)                           imap_append_line: commit
 */
#include <stdlib.h>

#include "base/fault.h"
#include "base/str.h"
#include "mailproto/imap/imap_date.h"
#include "mailproto/imap/imap_internal.h"

struct imap_append {
    struct mailbox_append *handle; /* NULL once it has failed */
    uint64_t left;                 /* of the message's bytes */
    unsigned n_messages;
    bool waiting; /* for the store to take more */
    bool in_utf8; /* "UTF8 (~{n}" (RFC 6855): a parenthesis follows */
    struct fault fault;
};

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
    if (append->handle != NULL) {
        session->ops->append_abort(&append->handle);
    }
    free(append);
    session->append = NULL;
}

static void append_ready(void *context)
{
    struct imap_session *session = context;
    if (session->append != NULL) {
        session->append->waiting = false;
        session->waker.wake(session->waker.context);
    }
}

bool imap_append_wants(const struct imap_session *session, struct bytes text)
{
    if (session->append != NULL) {
        return true;
    }
    size_t tag_end = bytes_find(text, ' ');
    struct bytes rest = bytes_slice(text, tag_end + 1, SIZE_MAX);
    return (session->state & IMAP_LOGGED_IN) != 0 && session->command.phase == IMAP_PHASE_IDLE &&
           bytes_is_word(bytes_slice(rest, 0, bytes_find(rest, ' ')), "APPEND");
}

/* ---- The arguments of a message ---- */

static void parse_date(struct imap_session *session, struct imap_parser *args,
                       struct mailbox_new_message *message)
{
    message->internal_sec = session->now.wall_sec;
    message->internal_zone_min = 0;
    if (imap_peek(args) != '"') {
        return;
    }
    if (!imap_date_time_parse(imap_string(args), &message->internal_sec,
                              &message->internal_zone_min)) {
        imap_fail(args, "Bad date-time");
    }
    imap_space(args);
}

/* " (flags) "date" " up to the literal, which is what is left then. */
static void parse_message(struct imap_session *session, struct imap_parser *args,
                          struct mailbox_new_message *message)
{
    imap_space(args);
    if (imap_peek(args) == '(') {
        imap_flag_list(session, args, false, &message->flags);
        imap_space(args);
    }
    parse_date(session, args, message);
    session->append->in_utf8 = imap_accept_word(args, "UTF8");
    if (session->append->in_utf8) {
        imap_space(args);
        imap_expect(args, '(');
    }
    (void)imap_accept(args, '~');
    if (imap_peek(args) != '{' || bytes_find(args->rest, ' ') != args->rest.len) {
        imap_fail(args, "Bad arguments");
    }
}

/* Compose the reply and give up. */
static enum imap_literal_verdict refuse(struct imap_session *session, const char *status,
                                        const char *code, const char *words)
{
    buf_printf(&session->refused, "%s %s ", session->command.tag, status);
    if (code != NULL) {
        buf_printf(&session->refused, "[%s] ", code);
    }
    buf_printf(&session->refused, "%s\r\n", words);
    imap_append_stop(session);
    return IMAP_LITERAL_REFUSED;
}

static enum imap_literal_verdict refuse_fault(struct imap_session *session,
                                              const struct fault *fault)
{
    const char *code = fault->code == FAULT_NOT_FOUND     ? "TRYCREATE"
                       : fault->code == FAULT_NO_SPACE    ? "OVERQUOTA"
                       : fault->code == FAULT_LIMIT       ? "TOOBIG"
                       : fault->code == FAULT_UNSUPPORTED ? "CANNOT"
                       : fault->code == FAULT_DENIED      ? "NOPERM"
                                                          : "UNAVAILABLE";
    return refuse(session, "NO", code, imap_words_of(fault).text);
}

static enum imap_literal_verdict next_message(struct imap_session *session,
                                              struct imap_parser *args,
                                              const struct imap_literal *literal)
{
    struct mailbox_new_message message = {.size = literal->len, .client_id = session->client->id};
    struct imap_append *append = session->append;
    struct fault fault = {0};
    parse_message(session, args, &message);
    if (!imap_ok(args)) {
        return refuse(session, "BAD", NULL, args->error != NULL ? args->error : "Syntax error");
    }
    if (append->handle == NULL) {
        return refuse_fault(session, &append->fault);
    }
    if (literal->len > MAILBOX_APPEND_MAX_BYTES) {
        return refuse(session, "NO", "TOOBIG", "The message is too large");
    }
    if (literal->len == 0) {
        return refuse(session, "NO", NULL, "An empty message can't be appended");
    }
    if (++append->n_messages > MAILBOX_APPEND_MAX_MESSAGES) {
        return refuse(session, "NO", "LIMIT", "Too many messages in one APPEND");
    }
    if (!session->ops->append_message(append->handle, &message, &fault)) {
        return refuse_fault(session, &fault);
    }
    append->left = literal->len;
    return IMAP_LITERAL_STREAM;
}

enum imap_literal_verdict imap_append_literal(struct imap_session *session, struct bytes text,
                                              const struct imap_literal *literal)
{
    struct imap_parser args = {.rest = text, .arena = &session->command.arena};
    struct fault fault = {0};
    if (session->append != NULL) {
        if (session->append->in_utf8) {
            imap_expect(&args, ')');
        }
        return next_message(session, &args, literal);
    }
    if (!imap_take_tag(session, &args.rest)) {
        return IMAP_LITERAL_GATHER; /* the whole command will be refused */
    }
    (void)imap_word(&args);
    imap_space(&args);
    if (imap_peek(&args) == '{' && bytes_find(args.rest, '\r') == args.rest.len) {
        return IMAP_LITERAL_GATHER; /* the mailbox's name comes as a literal */
    }
    const char *name = imap_mailbox_arg(session, &args);
    if (!imap_ok(&args)) {
        return refuse(session, "BAD", NULL, args.error != NULL ? args.error : "Syntax error");
    }
    session->append = xcalloc(1, sizeof(*session->append));
    session->append->handle = session->ops->append_begin(
        session->account, name, (struct mailbox_ready){append_ready, session}, &fault);
    session->append->fault = fault;
    return next_message(session, &args, literal);
}

void imap_append_data(struct imap_session *session, struct bytes piece)
{
    struct imap_append *append = session->append;
    append->left -= piece.len;
    if (append->handle != NULL && piece.len > 0) {
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
    if (append->left == 0) {
        imap_input_reset(&session->input); /* the arguments before it are done with */
    }
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

static void appended(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    struct buf code = {0};
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "TRYCREATE");
        return;
    }
    buf_printf(&code, "APPENDUID %u ", answer->uid_validity);
    imap_write_uids(&code, answer->to_uids, answer->n_uids);
    imap_finish(session, IMAP_STATUS_OK, answer->n_uids > 0 ? buf_str(&code) : NULL,
                "APPEND completed");
    buf_clear(&code);
}

void imap_append_line(struct imap_session *session, struct bytes line)
{
    struct imap_append *append = session->append;
    struct bytes expected = bytes_of_str(append->in_utf8 ? ")" : "");
    session->command.phase = IMAP_PHASE_RUN;
    session->command.row = imap_command_find(bytes_of_str("APPEND"));
    if (!bytes_equal(line, expected)) {
        imap_append_stop(session);
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Bad arguments after the message");
        return;
    }
    if (append->handle == NULL) {
        struct fault fault = append->fault;
        imap_append_stop(session);
        imap_refuse(session, &fault, "TRYCREATE");
        return;
    }
    imap_await(session,
               session->ops->append_commit(&append->handle, imap_answer_to(session, appended)));
    imap_append_stop(session);
}

/* Comes here only when no message followed. */
void cmd_append(struct imap_session *session, struct imap_parser *args)
{
    (void)args;
    imap_finish(session, IMAP_STATUS_BAD, NULL, "A message is missing");
}
