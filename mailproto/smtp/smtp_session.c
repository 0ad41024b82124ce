// SPDX-License-Identifier: MIT
/* The session as serve drives it: what the next bytes are (a command, a line of AUTH, a mail), when
 * to stop reading, and time. What is said in the dialogue is smtp_verbs.c's. */
#include "mailproto/smtp/smtp_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/smtp/smtp_internal.h"
#include "mailproto/smtp/smtp_reply.h"

enum {
    OUTPUT_MARK_BYTES = 8192,      /* above it no further command is read */
    MAX_SWALLOWED_BYTES = 1 << 20, /* of one line that is too long, before the connection ends */
    TLS_HANDSHAKE_BYTE = 0x16      /* the first byte of a ClientHello's record */
};

/* ---- state ---- */

static const unsigned LEGAL_NEXT[] = {
    [SMTP_START] = 1u << SMTP_HELLO | 1u << SMTP_END,
    [SMTP_HELLO] = 1u << SMTP_IDLE | 1u << SMTP_BDAT | 1u << SMTP_TLS | 1u << SMTP_END,
    [SMTP_IDLE] =
        1u << SMTP_MAIL | 1u << SMTP_AUTH | 1u << SMTP_BDAT | 1u << SMTP_TLS | 1u << SMTP_END,
    [SMTP_MAIL] = 1u << SMTP_IDLE | 1u << SMTP_RCPT | 1u << SMTP_BDAT | 1u << SMTP_END,
    [SMTP_RCPT] = 1u << SMTP_IDLE | 1u << SMTP_DATA | 1u << SMTP_BDAT | 1u << SMTP_END,
    [SMTP_CHUNKS] = 1u << SMTP_IDLE | 1u << SMTP_BDAT | 1u << SMTP_END,
    [SMTP_AUTH] = 1u << SMTP_IDLE | 1u << SMTP_END,
    [SMTP_DATA] = 1u << SMTP_IDLE | 1u << SMTP_END,
    [SMTP_BDAT] = 1u << SMTP_HELLO | 1u << SMTP_IDLE | 1u << SMTP_MAIL | 1u << SMTP_RCPT |
                  1u << SMTP_CHUNKS | 1u << SMTP_END,
    [SMTP_TLS] = 1u << SMTP_HELLO | 1u << SMTP_END,
    [SMTP_END] = 1u << SMTP_END,
};

void smtp_enter(struct smtp_session *session, enum smtp_state state)
{
    if (state == session->state) {
        return;
    }
    if ((LEGAL_NEXT[session->state] & 1u << state) == 0) {
        abort();
    }
    session->state = state;
}

void smtp_end(struct smtp_session *session, const char *text)
{
    smtp_reply(&session->out, text);
    smtp_cancel_question(session);
    smtp_enter(session, SMTP_END);
}

void smtp_error(struct smtp_session *session, const char *text)
{
    session->n_errors++;
    if (session->n_errors > session->service->config.limits.max_errors) {
        smtp_end(session, "421 4.7.0 Too many errors, good-bye");
    } else {
        smtp_reply(&session->out, text);
    }
}

void smtp_reset_mail(struct smtp_session *session)
{
    session->service->total_bytes -= session->mail.len;
    buf_clear(&session->mail);
    free(session->recipients);
    session->recipients = NULL;
    session->recipients_capacity = 0;
    arena_clear(&session->arena);
    session->envelope = (struct smtp_envelope){0};
    session->pending = (struct smtp_recipient){0};
    session->dot = (struct dot){0};
    session->damage = SMTP_DAMAGE_NONE;
    session->mail_bytes = 0;
    session->mail_by_ms = 0;
    session->chunk_left = 0;
    if (session->state > SMTP_HELLO && session->state < SMTP_TLS) {
        smtp_enter(session, SMTP_IDLE);
    }
}

/* ---- input ---- */

static void greet(struct smtp_session *session)
{
    smtp_reply_line(&session->out, 220, true, "%s %s", session->service->host_name,
                    session->service->config.is_lmtp ? "LMTP" : "ESMTP");
    smtp_enter(session, SMTP_HELLO);
}

/* A browser that was made to talk to us, or TLS where it is not yet spoken. */
static bool end_strange_protocol(struct smtp_session *session, struct bytes line)
{
    static const char *const verbs[] = {"GET ",    "POST ",    "PUT ",   "HEAD ",  "OPTIONS ",
                                        "DELETE ", "CONNECT ", "PATCH ", "TRACE ", "PRI "};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (bytes_starts_with(line, bytes_of_str(verbs[i]))) {
            smtp_end(session, "554 5.7.0 This is no web server, good-bye");
            return true;
        }
    }
    struct bytes word = bytes_slice(line, 0, bytes_find(line, ' '));
    if (word.len > 1 && word.data[word.len - 1] == ':') {
        smtp_end(session, "554 5.7.0 A header field is no command, good-bye");
        return true;
    }
    return false;
}

static void take_line(struct smtp_session *session)
{
    struct bytes line = line_text(&session->line);
    if (session->state == SMTP_AUTH) {
        smtp_auth_line(session, line);
    } else if (++session->n_commands > session->service->config.limits.max_commands) {
        smtp_end(session, "421 4.7.0 Too many commands, good-bye");
    } else if (!end_strange_protocol(session, line)) {
        smtp_command(session, line);
    }
}

/* AUTH's first line may carry a response as long as those that follow. */
static bool begins_auth(const struct smtp_session *session, struct bytes in)
{
    static const char AUTH_WORD[] = "AUTH ";
    struct bytes kept = line_text(&session->line);
    char front[sizeof AUTH_WORD] = {0};
    for (size_t i = 0; i < sizeof front - 1 && i < kept.len + in.len; i++) {
        front[i] = (char)(i < kept.len ? kept.data[i] : in.data[i - kept.len]);
    }
    return str_equal_ci(front, AUTH_WORD);
}

static size_t feed_line(struct smtp_session *session, struct bytes in)
{
    const struct smtp_limits *limits = &session->service->config.limits;
    size_t taken = 0;
    if (session->state == SMTP_HELLO && session->line_bytes == 0 &&
        in.data[0] == TLS_HANDSHAKE_BYTE) {
        smtp_end(session, "554 5.7.0 TLS begins with STARTTLS on this port, good-bye");
        return in.len;
    }
    size_t max_len = session->state == SMTP_AUTH || begins_auth(session, in)
                         ? limits->max_auth_bytes
                         : limits->max_command_bytes;
    enum line_result result = line_feed(&session->line, &taken, in, max_len);
    session->line_bytes += taken;
    if (result == LINE_MORE) {
        if (session->line_bytes > MAX_SWALLOWED_BYTES) {
            smtp_end(session, "421 4.7.0 A line without end, good-bye");
        }
        return taken;
    }
    if (result == LINE_BARE) {
        smtp_end(session, "554 5.5.2 Lines end with CR LF, never with one of them alone, good-bye");
    } else if (result == LINE_TOO_LONG) {
        smtp_auth_clear(session);
        if (session->state == SMTP_AUTH) {
            smtp_enter(session, SMTP_IDLE);
        }
        smtp_error(session, "500 5.5.6 The line is too long");
    } else {
        take_line(session);
    }
    line_reset(&session->line);
    session->line_bytes = 0;
    session->last_heard_ms = session->now_ms;
    return taken;
}

static bool may_read(const struct smtp_session *session)
{
    return session->state != SMTP_START && session->state != SMTP_TLS &&
           session->state != SMTP_END && session->asked == SMTP_ASKED_NOTHING &&
           session->judging == NULL && session->hold_until_ms == 0 &&
           session->out.len < OUTPUT_MARK_BYTES;
}

static size_t session_feed(void *context, struct bytes in, const struct serve_time *now)
{
    struct smtp_session *session = context;
    size_t taken = 0;

    session->now_ms = now->mono_ms;
    if (session->state == SMTP_START) {
        greet(session);
        smtp_end(session, "554 5.5.1 Wait for the greeting, good-bye");
    }
    while (taken < in.len && may_read(session)) {
        struct bytes rest = bytes_slice(in, taken, in.len);
        if (session->state == SMTP_DATA) {
            taken += smtp_data_feed(session, rest);
        } else if (session->state == SMTP_BDAT) {
            taken += smtp_bdat_feed(session, rest);
        } else {
            taken += feed_line(session, rest);
        }
        if (session->state == SMTP_DATA && session->mail_bytes == 0 && taken < in.len &&
            session->dot.place == DOT_AT_LINE_START) {
            /* It began to send the mail before it was told to. */
            smtp_end(session, "554 5.5.1 Wait for 354 before the mail, good-bye");
        }
    }
    return session->state == SMTP_END ? in.len : taken;
}

/* ---- time ---- */

static int64_t idle_deadline(const struct smtp_session *session)
{
    return session->last_heard_ms + (int64_t)session->service->config.limits.idle_sec * 1000;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return b != 0 && b < a ? b : a;
}

/* When the client must have said something; 0: it is not his turn. */
static int64_t client_deadline(const struct smtp_session *session)
{
    if (!may_read(session)) {
        return 0;
    }
    return earlier(earlier(idle_deadline(session), session->login_by_ms), session->mail_by_ms);
}

static void session_tick(void *context, const struct serve_time *now)
{
    struct smtp_session *session = context;
    session->now_ms = now->mono_ms;
    if (session->hold_until_ms != 0 && session->hold_until_ms <= now->mono_ms) {
        session->hold_until_ms = 0;
        session->last_heard_ms = now->mono_ms;
    }
    int64_t deadline = client_deadline(session);
    if (deadline != 0 && deadline <= now->mono_ms) {
        smtp_end(session, "421 4.4.2 Nothing was heard for too long, good-bye");
    }
}

static struct serve_poll session_poll(void *context)
{
    struct smtp_session *session = context;
    struct serve_poll poll = {.deadline_ms = session->hold_until_ms != 0 ? session->hold_until_ms
                                                                         : client_deadline(session),
                              .is_stranger = !session->is_trusted};
    if (session->hold_until_ms != 0) {
        return poll;
    }
    poll.wants |= may_read(session) ? SERVE_WANT_INPUT : 0;
    poll.wants |= session->out.len != 0 || session->state == SMTP_START ? SERVE_WANT_OUTPUT : 0;
    poll.wants |= session->state == SMTP_TLS ? SERVE_WANT_START_TLS : 0;
    poll.wants |= session->state == SMTP_END ? SERVE_WANT_CLOSE : 0;
    return poll;
}

static void session_output(void *context, struct buf *out, const struct serve_time *now)
{
    struct smtp_session *session = context;
    session->now_ms = now->mono_ms;
    if (session->state == SMTP_START) {
        greet(session);
    }
    if (session->hold_until_ms == 0) {
        buf_append_bytes(out, buf_view(&session->out));
        buf_reset(&session->out);
    }
}

/* ---- life ---- */

static void *session_new(void *server, const struct serve_client *client, struct serve_waker waker,
                         const struct serve_time *now)
{
    struct smtp_service *service = server;
    struct smtp_session *session = xcalloc(1, sizeof *session);
    session->service = service;
    session->client = client;
    session->waker = waker;
    session->is_tls = client->is_tls;
    session->is_trusted = service->config.trusts_unix && client->is_unix;
    session->now_ms = now->mono_ms;
    session->last_heard_ms = now->mono_ms;
    if (!session->is_trusted) {
        session->login_by_ms = now->mono_ms + (int64_t)service->config.limits.login_sec * 1000;
    }
    return session;
}

static void session_free(void *context)
{
    struct smtp_session *session = context;
    smtp_cancel_question(session);
    smtp_auth_clear(session);
    smtp_reset_mail(session);
    line_clear(&session->line);
    buf_clear(&session->out);
    free(session->helo);
    free(session);
}

static void session_tls_up(void *context, const struct serve_time *now)
{
    struct smtp_session *session = context;
    session->now_ms = now->mono_ms;
    session->last_heard_ms = now->mono_ms;
    session->is_tls = true;
    /* RFC 3207 section 4.2: all that was learnt before is forgotten. */
    free(session->helo);
    session->helo = NULL;
    line_reset(&session->line);
    session->line_bytes = 0;
    smtp_enter(session, SMTP_HELLO);
}

static void session_shut_down(void *context)
{
    struct smtp_session *session = context;
    if (session->state == SMTP_END) {
        return;
    }
    if (session->asked == SMTP_ASKED_MAIL) {
        session->is_stopping =
            true; /* the mail may be on disk already: the client must hear of it */
        return;
    }
    if (session->state == SMTP_START) {
        greet(session);
    }
    smtp_end(session, "421 4.3.2 The server stops, good-bye");
}

const struct serve_protocol smtp_protocol = {
    .name = "smtp",
    .session_new = session_new,
    .session_free = session_free,
    .feed = session_feed,
    .tls_up = session_tls_up,
    .tick = session_tick,
    .output = session_output,
    .poll = session_poll,
    .shut_down = session_shut_down,
};
