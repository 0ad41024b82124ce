// SPDX-License-Identifier: MIT
/* The pump between an io and a session.
 *
 *     io event, timer, wake --> pump: poll; feed and output while either moves; then
 *                                     pause or resume reading, start TLS, close, set the timer
 *
 * A session is ended at the end of a turn, never while one of its functions is on the stack. */
#include "mailproto/serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/list.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/netaddr.h"
#include "base/timer.h"
#include "mailproto/serve/protocol.h"

enum { ID_BYTES = 32, MAX_STEPS_A_TURN = 16 };

struct serve_socket_entry {
    struct list_node node;
    struct serve *serve;
    struct listener *listener;
    enum serve_socket kind;
};

struct serve_session {
    struct list_node node;
    struct serve *serve;
    struct io *io;
    void *session;
    struct serve_client client;
    char id[ID_BYTES];
    struct netaddr_text address;
    struct timer timer;
    struct deferred pump;
    bool at_eof; /* the client sends no more */
    bool ended;
};

struct serve {
    struct loop *loop;
    const struct serve_protocol *protocol;
    void *server;
    struct tls_context *tls;
    struct serve_limits limits;
    struct list_node sockets;
    struct list_node sessions;
    size_t n_sessions;
    uint64_t n_ever;
    struct map per_address; /* address text to its count, as a pointer's value */
    struct timer shutdown_timer;
    bool shutting_down;
    void (*down)(void *context);
    void *down_context;
};

static struct serve_time time_now(void)
{
    return (struct serve_time){.mono_ms = clock_mono_ms(), .wall_sec = clock_now_sec()};
}

/* ---- Counting by address ---- */

static size_t count_address(struct serve *serve, const char *address, int change)
{
    struct bytes key = {(const uint8_t *)address, strlen(address)};
    uintptr_t count = (uintptr_t)map_get(&serve->per_address, key);
    count = change > 0 ? count + 1 : count - (change < 0 ? 1 : 0);
    if (change != 0 && count == 0) {
        (void)map_remove(&serve->per_address, key);
    } else if (change != 0) {
        (void)map_put(&serve->per_address, key, (void *)count);
    }
    return count;
}

/* ---- The end of a session ---- */

static void shutdown_check(struct serve *serve)
{
    if (!serve->shutting_down || serve->n_sessions > 0 || serve->down == NULL) {
        return;
    }
    void (*down)(void *context) = serve->down;
    serve->down = NULL;
    timer_cancel(&serve->shutdown_timer);
    down(serve->down_context);
}

static void session_free(struct serve_session *session)
{
    struct serve *serve = session->serve;
    timer_cancel(&session->timer);
    deferred_cancel(&session->pump);
    list_remove(&session->node);
    serve->protocol->session_free(session->session);
    io_free(&session->io);
    serve->n_sessions--;
    (void)count_address(serve, session->client.address, -1);
    log_debug(serve->protocol->name, "%s: closed", session->id);
    free(session);
}

static void end(struct serve_session *session)
{
    session->ended = true;
    deferred_arm(&session->pump);
}

/* Send what is queued and go. */
static void close_session(struct serve_session *session)
{
    io_close(&session->io);
    end(session);
}

/* ---- The pump ---- */

static bool feed(struct serve_session *session, const struct serve_time *now)
{
    struct bytes input = io_input(session->io);
    if (input.len == 0) {
        return false;
    }
    size_t used = session->serve->protocol->feed(session->session, input, now);
    io_consume(session->io, used);
    return used > 0;
}

static bool output(struct serve_session *session, const struct serve_time *now)
{
    struct buf out = {0};
    if (io_output_is_full(session->io)) {
        return false;
    }
    session->serve->protocol->output(session->session, &out, now);
    bool any = out.len > 0;
    if (any) {
        io_write(session->io, buf_view(&out));
    }
    buf_clear(&out);
    return any;
}

/* Unread input is dropped: what was pipelined in clear text does not count under TLS. */
static void start_tls(struct serve_session *session)
{
    struct fault fault = {0};
    size_t n_dropped = io_discard_input(session->io);
    if (n_dropped > 0) {
        log_warn(session->serve->protocol->name, "%s: input behind STARTTLS dropped, bytes=%zu",
                 session->id, n_dropped);
    }
    if (!io_start_tls(session->io, session->serve->tls, TLS_SERVER, IO_TLS_NO_INPUT, &fault)) {
        log_warn(session->serve->protocol->name, "%s: %s", session->id, fault.text);
        close_session(session);
        return;
    }
    struct serve_time now = time_now();
    session->serve->protocol->tls_up(session->session, &now);
}

static void set_timer(struct serve_session *session, int64_t deadline_ms)
{
    if (deadline_ms == 0) {
        timer_cancel(&session->timer);
        return;
    }
    timer_arm(&session->timer, deadline_ms - clock_mono_ms());
}

/* What is left to do when nothing moves any more. */
static void settle(struct serve_session *session, const struct serve_poll *poll)
{
    bool takes_input = (poll->wants & SERVE_WANT_INPUT) != 0;
    bool input_is_over = session->at_eof && takes_input && io_input(session->io).len == 0;
    bool has_output = (poll->wants & SERVE_WANT_OUTPUT) != 0;
    if ((poll->wants & SERVE_WANT_CLOSE) != 0 || (input_is_over && !has_output)) {
        close_session(session);
        return;
    }
    if ((poll->wants & SERVE_WANT_START_TLS) != 0) {
        start_tls(session);
        if (!session->ended) {
            deferred_arm(&session->pump);
        }
        return;
    }
    if (takes_input) {
        io_resume(session->io);
    } else {
        io_pause(session->io);
    }
    if (has_output && !io_output_is_full(session->io)) {
        deferred_arm(&session->pump); /* a long piece of work without output so far */
    }
    io_set_timeout(session->io,
                   io_output_len(session->io) > 0 ? (int64_t)SERVE_SEND_TIMEOUT_SEC * 1000 : 0);
    set_timer(session, poll->deadline_ms);
}

static void pump(struct serve_session *session)
{
    struct serve_time now = time_now();
    struct serve_poll poll = {0};
    bool moved = true;
    for (unsigned step = 0; moved; step++) {
        if (step == MAX_STEPS_A_TURN) {
            deferred_arm(&session->pump); /* others want their turn, too */
            return;
        }
        moved = false;
        poll = session->serve->protocol->poll(session->session);
        if ((poll.wants & SERVE_WANT_OUTPUT) != 0) {
            moved = output(session, &now);
        }
        if ((poll.wants & SERVE_WANT_INPUT) != 0) {
            moved = feed(session, &now) || moved;
        }
    }
    poll = session->serve->protocol->poll(session->session);
    settle(session, &poll);
}

static void run_deferred(void *context)
{
    struct serve_session *session = context;
    struct serve *serve = session->serve;
    if (session->ended) {
        session_free(session);
        shutdown_check(serve);
        return;
    }
    pump(session);
}

static void wake(void *context)
{
    struct serve_session *session = context;
    deferred_arm(&session->pump);
}

static void tick(void *context)
{
    struct serve_session *session = context;
    struct serve_time now = time_now();
    if (!session->ended) {
        session->serve->protocol->tick(session->session, &now);
        pump(session);
    }
}

static void on_io(struct io *io, enum io_event event, void *context)
{
    struct serve_session *session = context;
    const char *name = session->serve->protocol->name;
    switch (event) {
    case IO_DATA:
    case IO_LOWAT:
    case IO_CONNECTED:
        pump(session);
        return;
    case IO_TLS_READY:
        log_debug(name, "%s: %s", session->id, io_describe_tls(io));
        pump(session);
        return;
    case IO_EOF:
        session->at_eof = true;
        pump(session);
        return;
    case IO_TIMEOUT:
        log_info(name, "%s: takes nothing, cut off", session->id);
        break;
    case IO_ERROR:
        log_debug(name, "%s: %s", session->id, io_fault(io)->text);
        break;
    }
    io_free(&session->io);
    end(session);
}

/* ---- Coming in ---- */

/* All places are taken: whoever came first and has not logged in leaves. So connections that only
 * sit there keep nobody out. */
static void make_room(struct serve *serve)
{
    list_for_each(node, &serve->sessions)
    {
        struct serve_session *session = list_entry(node, struct serve_session, node);
        if (serve->protocol->poll(session->session).is_stranger) {
            log_debug(serve->protocol->name, "%s: makes room", session->id);
            session_free(session);
            return;
        }
    }
}

static bool is_welcome(struct serve *serve, const char *address, bool is_loopback)
{
    if (serve->shutting_down) {
        return false;
    }
    if (serve->n_sessions >= serve->limits.max_sessions) {
        make_room(serve);
    }
    if (serve->n_sessions >= serve->limits.max_sessions) {
        return false;
    }
    return is_loopback || count_address(serve, address, 0) < serve->limits.max_sessions_per_address;
}

static void start_session(struct serve_socket_entry *socket, int fd, const struct netaddr *peer)
{
    struct serve *serve = socket->serve;
    struct serve_time now = time_now();
    struct serve_session *session = xcalloc(1, sizeof(*session));
    session->serve = serve;
    snprintf(session->id, sizeof(session->id), "%s-%llu", serve->protocol->name,
             (unsigned long long)++serve->n_ever);
    bool is_unix = socket->kind == SERVE_SOCKET_UNIX;
    if (is_unix) {
        snprintf(session->address.text, sizeof(session->address.text), "unix");
    } else {
        session->address = netaddr_format_ip(peer);
    }
    session->client = (struct serve_client){.id = session->id,
                                            .address = session->address.text,
                                            .is_unix = is_unix,
                                            .is_loopback = is_unix || netaddr_is_loopback(peer),
                                            .is_tls = socket->kind == SERVE_SOCKET_TLS,
                                            .can_start_tls = socket->kind == SERVE_SOCKET_TCP &&
                                                             serve->tls != NULL};
    timer_init(&session->timer, serve->loop, tick, session);
    deferred_init(&session->pump, serve->loop, run_deferred, session);
    list_append(&serve->sessions, &session->node);
    serve->n_sessions++;
    (void)count_address(serve, session->client.address, +1);
    session->io = io_new_take(serve->loop, fd, on_io, session);
    io_set_input_limit(session->io, SERVE_INPUT_MAX_BYTES);
    session->session = serve->protocol->session_new(serve->server, &session->client,
                                                    (struct serve_waker){wake, session}, &now);
    log_debug(serve->protocol->name, "%s: connected, address=%s", session->id,
              log_scrub(LOG_LEVEL_DEBUG, session->client.address).text);
    struct fault fault = {0};
    if (socket->kind == SERVE_SOCKET_TLS &&
        !io_start_tls(session->io, serve->tls, TLS_SERVER, IO_TLS_NO_INPUT, &fault)) {
        log_warn(serve->protocol->name, "%s: %s", session->id, fault.text);
        close_session(session);
        return;
    }
    deferred_arm(&session->pump);
}

static void on_accept(void *context, int fd, const struct netaddr *peer)
{
    struct serve_socket_entry *socket = context;
    bool is_unix = socket->kind == SERVE_SOCKET_UNIX;
    bool is_loopback = is_unix || netaddr_is_loopback(peer);
    struct netaddr_text address = {.text = "unix"};
    if (!is_unix) {
        address = netaddr_format_ip(peer);
    }
    if (!is_welcome(socket->serve, address.text, is_loopback)) {
        log_warn(socket->serve->protocol->name, "too many connections, one refused");
        close(fd);
        return;
    }
    start_session(socket, fd, peer);
}

/* ---- The front ---- */

struct serve *serve_new(struct loop *loop, const struct serve_protocol *protocol, void *server,
                        struct tls_context *tls, struct serve_limits limits)
{
    struct serve *serve = xcalloc(1, sizeof(*serve));
    *serve = (struct serve){
        .loop = loop, .protocol = protocol, .server = server, .tls = tls, .limits = limits};
    if (limits.max_sessions == 0) {
        serve->limits.max_sessions = SERVE_DEFAULT_MAX_SESSIONS;
    }
    if (limits.max_sessions_per_address == 0) {
        serve->limits.max_sessions_per_address = SERVE_DEFAULT_MAX_PER_ADDRESS;
    }
    list_init(&serve->sockets);
    list_init(&serve->sessions);
    return serve;
}

bool serve_listen_take(struct serve *serve, int fd, enum serve_socket kind, struct fault *fault)
{
    if (kind == SERVE_SOCKET_TLS && serve->tls == NULL) {
        close(fd);
        return fault_set(fault, FAULT_INVALID, "%s: TLS without a certificate",
                         serve->protocol->name);
    }
    struct serve_socket_entry *socket = xcalloc(1, sizeof(*socket));
    socket->serve = serve;
    socket->kind = kind;
    socket->listener = listener_new_take(serve->loop, fd, on_accept, socket);
    list_append(&serve->sockets, &socket->node);
    return true;
}

size_t serve_count_sessions(const struct serve *serve)
{
    return serve->n_sessions;
}

static void stop_listening(struct serve *serve)
{
    list_for_each(node, &serve->sockets)
    {
        struct serve_socket_entry *socket = list_entry(node, struct serve_socket_entry, node);
        listener_free(&socket->listener);
        list_remove(&socket->node);
        free(socket);
    }
}

static void cut_off_all(struct serve *serve)
{
    list_for_each(node, &serve->sessions)
    {
        session_free(list_entry(node, struct serve_session, node));
    }
}

static void shutdown_overdue(void *context)
{
    struct serve *serve = context;
    cut_off_all(serve);
    shutdown_check(serve);
}

void serve_shut_down(struct serve *serve, void (*done)(void *context), void *context)
{
    serve->shutting_down = true;
    serve->down = done;
    serve->down_context = context;
    stop_listening(serve);
    list_for_each(node, &serve->sessions)
    {
        struct serve_session *session = list_entry(node, struct serve_session, node);
        if (!session->ended) {
            serve->protocol->shut_down(session->session);
            deferred_arm(&session->pump);
        }
    }
    timer_init(&serve->shutdown_timer, serve->loop, shutdown_overdue, serve);
    timer_arm(&serve->shutdown_timer, (int64_t)SERVE_SHUTDOWN_TIMEOUT_SEC * 1000);
    shutdown_check(serve);
}

void serve_free(struct serve **serve)
{
    struct serve *old = *serve;
    *serve = NULL;
    if (old == NULL) {
        return;
    }
    stop_listening(old);
    cut_off_all(old);
    timer_cancel(&old->shutdown_timer);
    map_clear(&old->per_address);
    free(old);
}
