// SPDX-License-Identifier: MIT
/* The session's frame: input to commands, steps to output, replies, time-outs. What the commands do
 * stands in cmd_*.c. */
#include "mailproto/imap/imap_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"

enum {
    OUT_KEPT_BYTES = 4096,                /* what an idle session keeps of its output's memory */
    DISCARD_MAX_BYTES = 1048576,          /* of one endless line, then BYE */
    LITERAL_SKIP_MAX_BYTES = 134217728,   /* of a refused literal, then BYE */
    LITERAL_MAX_BEFORE_LOGIN_BYTES = 8192 /* a name or a password */
};

struct imap_service {
    struct imap_config config;
};

struct imap_limits imap_limits_default(void)
{
    return (struct imap_limits){.idle_sec = 1800,
                                .login_sec = 60,
                                .keep_alive_sec = 120,
                                .max_errors = 20,
                                .max_auth_failures = 3};
}

struct imap_service *imap_service_new(const struct imap_config *config)
{
    struct imap_service *service = xcalloc(1, sizeof(*service));
    service->config = *config;
    return service;
}

void imap_service_free(struct imap_service **service)
{
    free(*service);
    *service = NULL;
}

/* ---- Replies ---- */

bool imap_has_room(const struct imap_session *session)
{
    return session->out.len < SERVE_OUTPUT_MARK_BYTES;
}

static void compose(struct buf *out, const char *tag, enum imap_status status, const char *code)
{
    static const char *const words[] = {"OK", "NO", "BAD"};
    buf_printf(out, "%s %s ", tag, words[status]);
    if (code != NULL) {
        buf_printf(out, "[%s] ", code);
    }
}

/* After a BAD: too many of them end the session. */
static void count_error(struct imap_session *session)
{
    if (++session->n_errors >= session->config->limits.max_errors) {
        imap_bye(session, NULL, "Too many errors");
    }
}

void imap_finish(struct imap_session *session, enum imap_status status, const char *code,
                 const char *format, ...)
{
    struct imap_running *command = &session->command;
    va_list args;
    if (session->state == IMAP_LOGOUT && command->phase == IMAP_PHASE_IDLE) {
        return;
    }
    compose(&command->tagged, command->tag, status, code);
    va_start(args, format);
    buf_vprintf(&command->tagged, format, args);
    va_end(args);
    buf_append_str(&command->tagged, "\r\n");
    command->step = NULL;
    command->phase = command->delay_until_ms > 0 ? IMAP_PHASE_DELAY : IMAP_PHASE_SYNC;
    unsigned flags = command->row != NULL ? command->row->flags : 0;
    if (session->selected.mailbox != NULL && (flags & IMAP_COMMAND_TELLS_ALL) == 0) {
        bool keeps_numbers = !command->is_uid && (flags & IMAP_COMMAND_KEEPS_NUMBERS) != 0;
        imap_sync_start(session, !keeps_numbers);
    }
    if (status == IMAP_STATUS_BAD) {
        count_error(session);
    } else if (status == IMAP_STATUS_OK) {
        session->n_errors = 0;
    }
}

void imap_done(struct imap_session *session)
{
    imap_finish(session, IMAP_STATUS_OK, session->command.some_are_gone ? "EXPUNGEISSUED" : NULL,
                "%s%s completed", session->command.is_uid ? "UID " : "",
                session->command.row->name);
}

struct imap_words imap_words_of(const struct fault *fault)
{
    struct imap_words words = {0};
    for (size_t i = 0; i + 1 < sizeof(words.text) && fault->text[i] != '\0'; i++) {
        char c = fault->text[i];
        words.text[i] = c >= 0x20 && c < 0x7f ? c : '?';
    }
    return words;
}

void imap_refuse(struct imap_session *session, const struct fault *fault, const char *missing_code)
{
    const char *code = NULL;
    switch (fault->code) {
    case FAULT_NOT_FOUND:
        code = missing_code;
        break;
    case FAULT_EXISTS:
        code = "ALREADYEXISTS";
        break;
    case FAULT_DENIED:
        code = "NOPERM";
        break;
    case FAULT_UNSUPPORTED:
    case FAULT_INVALID:
        code = "CANNOT";
        break;
    case FAULT_LIMIT:
        code = "LIMIT";
        break;
    case FAULT_NO_SPACE:
        code = "OVERQUOTA";
        break;
    case FAULT_CORRUPT:
        code = "CORRUPTION";
        break;
    case FAULT_INTERNAL:
        code = "SERVERBUG";
        break;
    default:
        code = "UNAVAILABLE";
        break;
    }
    imap_finish(session, IMAP_STATUS_NO, code, "%s", imap_words_of(fault).text);
}

bool imap_is_bad(struct imap_session *session, const struct imap_parser *args)
{
    if (imap_ok(args)) {
        return false;
    }
    const char *words = args->error != NULL ? args->error : "Syntax error";
    if (args->well_formed) {
        imap_finish(session, IMAP_STATUS_NO, "CANNOT", "%s", words);
    } else {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "%s", words);
    }
    return true;
}

void imap_bye(struct imap_session *session, const char *code, const char *words)
{
    if (session->state == IMAP_LOGOUT) {
        return;
    }
    session->state = IMAP_LOGOUT;
    buf_append_str(&session->out, "* BYE ");
    if (code != NULL) {
        buf_printf(&session->out, "[%s] ", code);
    }
    buf_printf(&session->out, "%s\r\n", words);
}

void imap_await(struct imap_session *session, struct mailbox_call *call)
{
    session->command.call = call;
    session->command.waiting = true;
}

void imap_resume(struct imap_session *session)
{
    session->command.call = NULL;
    session->command.waiting = false;
    session->waker.wake(session->waker.context);
}

struct mailbox_done imap_answer_to(struct imap_session *session,
                                   void (*answered)(void *context,
                                                    const struct mailbox_answer *answer))
{
    return (struct mailbox_done){.done = answered, .context = session};
}

void imap_answer_plain(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "NONEXISTENT");
        return;
    }
    imap_done(session);
}

/* ---- Running a command ---- */

static void end_command(struct imap_session *session)
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
    imap_input_reset(&session->input);
}

static void say_tagged(struct imap_session *session)
{
    buf_append_bytes(&session->out, buf_view(&session->command.tagged));
    end_command(session);
    if (session->selected.deleted && session->selected.mailbox != NULL) {
        imap_bye(session, NULL, "The selected mailbox was deleted");
    }
}

void imap_advance(struct imap_session *session)
{
    struct imap_running *command = &session->command;
    command->yielded = false;
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
    count_error(session);
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
    command->row = take_name(session, &args);
    if (command->row == NULL) {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Unknown command");
    } else if ((command->row->states & session->state) == 0) {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "%s",
                    session->state == IMAP_NOT_AUTHENTICATED ? "Log in first"
                    : session->state == IMAP_AUTHENTICATED   ? "Select a mailbox first"
                                                             : "You are logged in already");
    } else {
        log_debug("imap", "%s: command=%s", session->client->id, command->row->name);
        command->row->run(session, &args);
    }
}

/* ---- Input ---- */

static bool takes_input(const struct imap_session *session)
{
    if (session->state == IMAP_LOGOUT || session->wants_tls || !imap_has_room(session)) {
        return false;
    }
    if (session->append != NULL && imap_append_is_waiting(session)) {
        return false;
    }
    if (session->in_authenticate) {
        return session->lookup == NULL && session->command.phase == IMAP_PHASE_RUN;
    }
    /* In IDLE, what is being told is told to its end before the next line is looked at. */
    return session->command.phase == IMAP_PHASE_IDLE ||
           (session->idling && session->command.waiting);
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
        end_command(session);
        count_error(session);
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
    if (literal->len > limit || text.len + literal->len > IMAP_COMMAND_MAX_BYTES) {
        struct bytes rest = text;
        const char *tag = imap_take_tag(session, &rest) ? session->command.tag : "*";
        compose(&session->refused, tag, IMAP_STATUS_BAD, "TOOBIG");
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
        end_command(session);
        count_error(session);
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
        count_error(session);
        break;
    }
}

/* ---- The table for serve ---- */

static void say_hello(struct imap_session *session)
{
    buf_append_str(&session->out, "* OK [CAPABILITY ");
    imap_write_capabilities(session, &session->out);
    buf_append_str(&session->out, "] Bittern is ready\r\n");
}

static void *session_new(void *server, const struct serve_client *client, struct serve_waker waker,
                         const struct serve_time *now)
{
    struct imap_service *service = server;
    struct imap_session *session = xcalloc(1, sizeof(*session));
    session->service = service;
    session->config = &service->config;
    session->ops = service->config.ops;
    session->client = client;
    session->waker = waker;
    session->now = *now;
    session->is_tls = client->is_tls;
    session->state = IMAP_NOT_AUTHENTICATED;
    session->started_ms = now->mono_ms;
    session->active_ms = now->mono_ms;
    session->said_ms = now->mono_ms;
    say_hello(session);
    return session;
}

static void session_free(void *context)
{
    struct imap_session *session = context;
    imap_auth_stop(session);
    imap_append_stop(session);
    end_command(session);
    imap_deselect(session);
    if (session->account != NULL) {
        session->ops->account_close(&session->account);
    }
    imap_input_clear(&session->input);
    buf_clear(&session->refused);
    buf_clear(&session->out);
    free(session);
}

static size_t session_feed(void *context, struct bytes input, const struct serve_time *now)
{
    struct imap_session *session = context;
    size_t used = 0;
    session->now = *now;
    session->active_ms = now->mono_ms;
    while (used < input.len && takes_input(session)) {
        enum imap_input_event event = IMAP_INPUT_MORE;
        used += imap_input_feed(&session->input, bytes_slice(input, used, SIZE_MAX), &event);
        handle_input(session, event);
        imap_advance(session);
    }
    return session->state == IMAP_LOGOUT ? input.len : used;
}

static void session_tls_up(void *context, const struct serve_time *now)
{
    struct imap_session *session = context;
    session->now = *now;
    session->wants_tls = false;
    session->is_tls = true;
    imap_input_reset(&session->input);
}

/* When tick wants to be called next. */
static int64_t deadline(const struct imap_session *session)
{
    const struct imap_limits *limits = &session->config->limits;
    int64_t due = session->active_ms + (int64_t)limits->idle_sec * 1000;
    if (session->state == IMAP_LOGOUT) {
        return 0;
    }
    if (session->state == IMAP_NOT_AUTHENTICATED) {
        due = session->started_ms + (int64_t)limits->login_sec * 1000;
    }
    if (session->command.phase == IMAP_PHASE_DELAY && session->command.delay_until_ms < due) {
        due = session->command.delay_until_ms;
    }
    int64_t keep_alive = session->said_ms + (int64_t)limits->keep_alive_sec * 1000;
    if (session->idling && keep_alive < due) {
        due = keep_alive;
    }
    return due;
}

static void session_tick(void *context, const struct serve_time *now)
{
    struct imap_session *session = context;
    const struct imap_limits *limits = &session->config->limits;
    session->now = *now;
    bool busy =
        session->command.phase != IMAP_PHASE_IDLE && !session->idling && !session->in_authenticate;
    int64_t idle_end = session->active_ms + (int64_t)limits->idle_sec * 1000;
    int64_t login_end = session->started_ms + (int64_t)limits->login_sec * 1000;
    if (session->state == IMAP_NOT_AUTHENTICATED && now->mono_ms >= login_end) {
        imap_bye(session, NULL, "Too slow to log in");
    } else if (busy) {
        session->active_ms = now->mono_ms;
    } else if (now->mono_ms >= idle_end) {
        imap_bye(session, NULL, "Logged out for inactivity");
    } else if (session->idling &&
               now->mono_ms >= session->said_ms + (int64_t)limits->keep_alive_sec * 1000) {
        buf_append_str(&session->out, "* OK Still here\r\n");
        session->said_ms = now->mono_ms;
    }
    imap_advance(session);
}

static void session_output(void *context, struct buf *out, const struct serve_time *now)
{
    struct imap_session *session = context;
    session->now = *now;
    imap_advance(session);
    if (session->out.len > 0) {
        session->said_ms = now->mono_ms;
        buf_append_bytes(out, buf_view(&session->out));
    }
    if (session->out.capacity > OUT_KEPT_BYTES) {
        buf_clear(&session->out);
    } else {
        buf_reset(&session->out);
    }
}

/* Has the running command something to do right now? */
static bool is_runnable(const struct imap_session *session)
{
    const struct imap_running *command = &session->command;
    switch (command->phase) {
    case IMAP_PHASE_RUN:
        return command->step != NULL && !command->waiting;
    case IMAP_PHASE_SYNC:
        return true;
    case IMAP_PHASE_DELAY:
        return session->now.mono_ms >= command->delay_until_ms;
    case IMAP_PHASE_IDLE:
        break;
    }
    return false;
}

static struct serve_poll session_poll(void *context)
{
    struct imap_session *session = context;
    struct serve_poll poll = {.deadline_ms = deadline(session)};
    if (takes_input(session)) {
        poll.wants |= SERVE_WANT_INPUT;
    }
    if (session->out.len > 0 || is_runnable(session)) {
        poll.wants |= SERVE_WANT_OUTPUT;
    } else if (session->state == IMAP_LOGOUT) {
        poll.wants |= SERVE_WANT_CLOSE;
    } else if (session->wants_tls) {
        poll.wants |= SERVE_WANT_START_TLS;
    }
    return poll;
}

static void session_shut_down(void *context)
{
    struct imap_session *session = context;
    imap_bye(session, "UNAVAILABLE", "The server stops");
}

const struct serve_protocol imap_protocol = {.name = "imap",
                                             .session_new = session_new,
                                             .session_free = session_free,
                                             .feed = session_feed,
                                             .tls_up = session_tls_up,
                                             .tick = session_tick,
                                             .output = session_output,
                                             .poll = session_poll,
                                             .shut_down = session_shut_down};
