// SPDX-License-Identifier: MIT
/* From input to commands: lines and literals are put together (imap_input.h), a whole command is
 * looked up in the table and run, its steps go on as long as there is room for output.
 *
 *     imap_take_input -> handle_input -> literal_announced   gather, stream, skip, refuse
 *                                     -> line_complete -> dispatch -> row->run
 *     imap_advance    -> the command's step, imap_sync_step, the tagged reply */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/notify.h"

enum {
    DISCARD_MAX_BYTES = 1048576,          /* of one endless line, then BYE */
    LITERAL_SKIP_MAX_BYTES = 134217728,   /* of a refused literal, then BYE */
    LITERAL_MAX_BEFORE_LOGIN_BYTES = 8192 /* a name or a password */
};

/* ---- Running a command ---- */

void imap_end_untagged(struct imap_session *session)
{
    struct imap_running *command = &session->command;
    if (command->call != NULL) {
        session->ops->cancel(&command->call);
    }
    if (command->clean != NULL) {
        command->clean(session);
    }
    arena_clear(&command->arena);
    buf_clear(&command->tagged);
    *command = (struct imap_running){.phase = IMAP_PHASE_IDLE};
    if (session->selected.deleted && session->selected.mailbox != NULL) {
        imap_bye(session, NULL, "The selected mailbox was deleted");
    }
}

void imap_end_command(struct imap_session *session)
{
    imap_end_untagged(session);
    imap_input_reset(&session->input);
}

static void say_tagged(struct imap_session *session)
{
    buf_append_bytes(&session->out, buf_view(&session->command.tagged));
    imap_end_command(session);
}

void imap_advance(struct imap_session *session)
{
    struct imap_running *command = &session->command;
    command->yielded = false;
    if (notify_can_begin(session)) {
        notify_begin(session);
    }
    while (command->phase != IMAP_PHASE_IDLE && imap_has_room(session) && !command->yielded) {
        if (command->phase == IMAP_PHASE_RUN) {
            if (command->waiting || command->step == NULL) {
                return;
            }
            command->step(session);
        } else if (command->phase == IMAP_PHASE_DELAY) {
            if (session->now.mono_ms < command->delay_until_ms) {
                return;
            }
            command->phase = IMAP_PHASE_SYNC;
        } else if (session->selected.sync.waiting) {
            return;
        } else if (session->selected.mailbox == NULL || imap_sync_step(session)) {
            say_tagged(session);
        }
    }
}

/* A first line that was never meant for a mail server: a browser's, for one. */
static bool is_foreign(struct bytes line)
{
    static const char *const verbs[] = {"GET",   "POST",    "HEAD",  "PUT", "DELETE", "OPTIONS",
                                        "PATCH", "CONNECT", "TRACE", "PRI", "EHLO",   "HELO"};
    size_t end = bytes_find(line, ' ');
    struct bytes word = bytes_slice(line, 0, end);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (bytes_is_word(word, verbs[i])) {
            return true;
        }
    }
    return word.len > 1 && word.data[word.len - 1] == ':'; /* a header field */
}

bool imap_take_tag(struct imap_session *session, struct bytes *rest)
{
    size_t len = 0;
    while (len < rest->len && imap_is_tag_char(rest->data[len])) {
        len++;
    }
    if (len == 0 || len > IMAP_TAG_MAX_BYTES || len >= rest->len || rest->data[len] != ' ') {
        return false;
    }
    memcpy(session->command.tag, rest->data, len);
    session->command.tag[len] = '\0';
    *rest = bytes_slice(*rest, len + 1, SIZE_MAX);
    return true;
}

static const struct imap_command *find_next(struct imap_parser *args)
{
    struct bytes word = imap_word(args);
    return imap_ok(args) ? imap_command_find(word) : NULL;
}

/* The command's name, behind UID where that stands in front. */
static const struct imap_command *take_name(struct imap_session *session, struct imap_parser *args)
{
    const struct imap_command *row = find_next(args);
    if (row == NULL || row->run != NULL) {
        return row;
    }
    session->command.is_uid = true;
    imap_space(args);
    row = find_next(args);
    bool takes_uid = row != NULL && row->run != NULL && (row->flags & IMAP_COMMAND_UID) != 0;
    return takes_uid ? row : NULL;
}

static void untagged_bad(struct imap_session *session, const char *words)
{
    buf_printf(&session->out, "* BAD %s\r\n", words);
    imap_input_reset(&session->input);
    imap_count_error(session);
}

static void dispatch(struct imap_session *session, struct bytes text)
{
    struct imap_running *command = &session->command;
    struct bytes rest = text;
    bool first = !session->had_command;
    if (first && is_foreign(text)) {
        imap_bye(session, NULL, "This is a mail server");
        return;
    }
    session->had_command = true;
    if (!imap_take_tag(session, &rest)) {
        untagged_bad(session, "A command begins with a tag and a space");
        return;
    }
    struct imap_parser args = {.rest = rest, .arena = &command->arena};
    command->phase = IMAP_PHASE_RUN;
    command->begun_ms = session->now.mono_ms;
    command->row = take_name(session, &args);
    if (command->row == NULL) {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Unknown command");
    } else if ((command->row->states & session->state) == 0) {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "%s",
                    session->state == IMAP_NOT_AUTHENTICATED ? "Log in first"
                    : session->state == IMAP_AUTHENTICATED   ? "Select a mailbox first"
                                                             : "You are logged in already");
    } else if ((session->enabled & IMAP_ENABLED_UIDONLY) != 0 && !command->is_uid &&
               (command->row->flags & IMAP_COMMAND_NUMBERED) != 0) {
        imap_finish(session, IMAP_STATUS_BAD, "UIDREQUIRED",
                    "There are no message numbers with UIDONLY");
    } else {
        log_debug("imap", "%s: command=%s", session->client->id, command->row->name);
        command->row->run(session, &args);
    }
}

/* ---- Input ---- */

bool imap_takes_input(const struct imap_session *session)
{
    if (session->state == IMAP_LOGOUT || session->wants_tls || session->compress_begins != NULL ||
        !imap_has_room(session)) {
        return false;
    }
    if (session->append != NULL && imap_append_is_waiting(session)) {
        return false;
    }
    if (session->in_authenticate) {
        return session->judging == NULL && session->command.phase == IMAP_PHASE_RUN;
    }
    /* In IDLE, what is being told is told to its end before the next line is looked at. */
    return session->command.phase == IMAP_PHASE_IDLE ||
           (session->idling && session->command.waiting && session->command.data == NULL &&
            !session->selected.sync.waiting);
}

/* A literal that is not wanted, in the command `text`: the reply goes out at once where the client
 * waits to be asked, else when the rest of the command has been skipped. */
static void refuse_literal(struct imap_session *session)
{
    const struct imap_literal *literal = &session->input.literal;
    if (literal->sync) {
        buf_append_bytes(&session->out, buf_view(&session->refused));
        buf_clear(&session->refused);
        imap_input_reset(&session->input);
        imap_end_command(session);
        imap_count_error(session);
    } else if (literal->len > LITERAL_SKIP_MAX_BYTES) {
        imap_bye(session, "TOOBIG", "Literal is far too large");
    } else {
        imap_input_skip(&session->input);
    }
}

static void literal_announced(struct imap_session *session)
{
    const struct imap_literal *literal = &session->input.literal;
    struct bytes text = imap_input_text(&session->input);
    size_t limit = session->state == IMAP_NOT_AUTHENTICATED ? LITERAL_MAX_BEFORE_LOGIN_BYTES
                                                            : IMAP_LITERAL_MAX_BYTES;
    if (session->refused.len > 0) {
        refuse_literal(session);
        return;
    }
    if (session->idling || session->in_authenticate) {
        untagged_bad(session, "No literal is expected here");
        if (!literal->sync) {
            imap_bye(session, NULL, "Out of step");
        }
        return;
    }
    if (imap_append_wants(session, text)) {
        enum imap_literal_verdict verdict = imap_append_literal(session, text, literal);
        if (verdict == IMAP_LITERAL_REFUSED) {
            refuse_literal(session);
            return;
        }
        if (verdict == IMAP_LITERAL_STREAM) {
            imap_input_stream(&session->input);
            if (literal->sync) {
                buf_append_str(&session->out, "+ Ready for the message\r\n");
            }
            return;
        }
    }
    size_t n_ends = 2 * strlen("\r\n"); /* of this line and of the one behind the literal */
    if (literal->len > limit || text.len + literal->len + n_ends > IMAP_COMMAND_MAX_BYTES) {
        struct bytes rest = text;
        const char *tag = imap_take_tag(session, &rest) ? session->command.tag : "*";
        imap_compose(&session->refused, tag, IMAP_STATUS_BAD, "TOOBIG");
        buf_append_str(&session->refused, "Literal is too large\r\n");
        refuse_literal(session);
        return;
    }
    imap_input_gather(&session->input);
    if (literal->sync) {
        buf_append_str(&session->out, "+ Go on\r\n");
    }
}

static void line_complete(struct imap_session *session)
{
    struct bytes text = imap_input_text(&session->input);
    if (session->refused.len > 0) {
        buf_append_bytes(&session->out, buf_view(&session->refused));
        buf_clear(&session->refused);
        imap_end_command(session);
        imap_count_error(session);
    } else if (session->append != NULL) {
        imap_append_line(session, text);
    } else if (session->in_authenticate) {
        imap_authenticate_line(session, text);
    } else if (session->idling) {
        imap_idle_line(session, text);
    } else {
        dispatch(session, text);
    }
}

static void handle_input(struct imap_session *session, enum imap_input_event event)
{
    switch (event) {
    case IMAP_INPUT_MORE:
        if (session->input.n_discarded > DISCARD_MAX_BYTES) {
            imap_bye(session, "TOOBIG", "Line is far too long");
        }
        break;
    case IMAP_INPUT_SKIPPED:
        break;
    case IMAP_INPUT_LINE:
        line_complete(session);
        break;
    case IMAP_INPUT_LITERAL:
        literal_announced(session);
        break;
    case IMAP_INPUT_STREAMED:
        imap_append_data(session, session->input.piece);
        break;
    case IMAP_INPUT_BARE_LF:
        imap_append_stop(session);
        untagged_bad(session, "Lines end with CR LF");
        break;
    case IMAP_INPUT_TOO_LONG:
        imap_append_stop(session);
        buf_append_str(&session->out, "* BAD Line is too long\r\n");
        imap_count_error(session);
        break;
    }
}

size_t imap_take_input(struct imap_session *session, struct bytes input)
{
    size_t used = 0;
    while (used < input.len && imap_takes_input(session)) {
        enum imap_input_event event = IMAP_INPUT_MORE;
        used += imap_input_feed(&session->input, bytes_slice(input, used, SIZE_MAX), &event);
        handle_input(session, event);
        imap_advance(session);
    }
    return used;
}
