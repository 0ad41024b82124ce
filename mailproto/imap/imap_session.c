// SPDX-License-Identifier: MIT
/* The session's frame: its beginning and end, time-outs, and the table that serve drives it by. How
 * input becomes commands stands in imap_run.c, what the commands do in cmd_*.c. */
#include "mailproto/imap/imap_session.h"

#include <stdlib.h>

#include "mailproto/imap/compress.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/kept_answers.h"
#include "mailproto/imap/notify.h"

enum {
    OUT_KEPT_BYTES = 4096 /* what an idle session keeps of its output's memory */
};

struct imap_service {
    struct imap_config config;
    struct kept_answers *kept;
};

struct imap_limits imap_limits_default(void)
{
    return (struct imap_limits){.idle_sec = 1800,
                                .login_sec = 60,
                                .keep_alive_sec = 120,
                                .progress_sec = 15,
                                .max_errors = 20,
                                .max_auth_failures = 3};
}

struct imap_service *imap_service_new(const struct imap_config *config)
{
    struct imap_service *service = xcalloc(1, sizeof(*service));
    service->config = *config;
    service->kept = kept_answers_new();
    return service;
}

void imap_service_free(struct imap_service **service)
{
    if (*service != NULL) {
        kept_answers_free(&(*service)->kept);
    }
    free(*service);
    *service = NULL;
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
    session->kept = service->kept;
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
    imap_end_command(session);
    imap_leave_account(session);
    imap_compress_free(&session->compress);
    imap_compress_free(&session->compress_begins);
    imap_input_clear(&session->input);
    buf_clear(&session->refused);
    buf_clear(&session->out);
    free(session);
}

static size_t session_feed(void *context, struct bytes input, const struct serve_time *now)
{
    struct imap_session *session = context;
    session->now = *now;
    session->active_ms = now->mono_ms;
    size_t used = session->compress != NULL ? imap_feed_packed(session, input)
                                            : imap_take_input(session, input);
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

/* A command that waits for the store stands between two lines: there it can be said that it goes on
 * (RFC 9585). How far it is, nobody knows. */
static bool waits_for_store(const struct imap_session *session)
{
    const struct imap_running *command = &session->command;
    return command->phase == IMAP_PHASE_RUN && command->waiting && command->call != NULL &&
           !session->idling && session->state != IMAP_NOT_AUTHENTICATED;
}

static int64_t progress_due(const struct imap_session *session)
{
    int64_t since =
        session->said_ms > session->command.begun_ms ? session->said_ms : session->command.begun_ms;
    return since + (int64_t)session->config->limits.progress_sec * 1000;
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
    if (waits_for_store(session) && progress_due(session) < due) {
        due = progress_due(session);
    }
    return due;
}

static void tell_progress(struct imap_session *session)
{
    if (waits_for_store(session) && session->now.mono_ms >= progress_due(session)) {
        buf_append_str(&session->out, "* OK [INPROGRESS (");
        imap_write_string(&session->out, bytes_of_str(session->command.tag));
        buf_append_str(&session->out, " NIL NIL)] Still at it\r\n");
        session->said_ms = session->now.mono_ms;
    }
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
        tell_progress(session);
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
    imap_feed_unpacked(session);
    if (session->out.len > 0) {
        session->said_ms = now->mono_ms;
        imap_output_packed(session, out);
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
        return !session->selected.sync.waiting;
    case IMAP_PHASE_DELAY:
        return session->now.mono_ms >= command->delay_until_ms;
    case IMAP_PHASE_IDLE:
        return notify_can_begin(session);
    }
    return false;
}

static struct serve_poll session_poll(void *context)
{
    struct imap_session *session = context;
    struct serve_poll poll = {.deadline_ms = deadline(session),
                              .is_stranger = session->state == IMAP_NOT_AUTHENTICATED};
    if (imap_takes_input(session)) {
        poll.wants |= SERVE_WANT_INPUT;
    }
    if (session->out.len > 0 || is_runnable(session) || imap_has_unpacked(session)) {
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
