// SPDX-License-Identifier: MIT
/* A connection, from the inside.
 *
 *     socket -> raw_in -> TLS -> input -> the session
 *     socket <- output <- TLS <- plain <- the session
 *
 * Without TLS the socket fills `input` and io_write fills `output` directly; so what was written
 * before TLS starts leaves before the first byte of the handshake, and nothing needs to wait.
 *
 * Events are not sent from where things happen. What happened is noted (tell_...), and `deliver`
 * tells it, in one fixed order, at the end of a system event or of the turn. After each callback
 * the io may have been given up: `alive` says so. */
#include "base/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/byte_queue.h"
#include "base/clock.h"
#include "base/io_rate.h"
#include "base/loop.h"
#include "base/loop_internal.h"
#include "base/mem.h"
#include "base/timer.h"

enum {
    IO_READ_BYTES = 16 * 1024,    /* in one system call: a TLS record and a bit */
    IO_READS_A_TURN = 4,          /* then the others have their turn */
    IO_RAW_IN_BYTES = 32 * 1024,  /* ciphertext that waits for room in the input */
    IO_RAW_OUT_BYTES = 64 * 1024, /* ciphertext that waits for the socket */
    IO_TLS_RECORD_BYTES = 16 * 1024
};

enum io_state {
    IO_STATE_CONNECTING,
    IO_STATE_OPEN,
    IO_STATE_CLOSING, /* given up; what is queued still goes, what comes is dropped */
    IO_STATE_DEAD     /* given up; freed at the end of the turn */
};

struct io {
    struct loop *loop;
    int fd;
    enum io_state state;
    struct watch *watch;
    void (*on_event)(struct io *io, enum io_event event, void *context);
    void *context;

    struct byte_queue raw_in;
    struct byte_queue input;
    struct byte_queue plain;
    struct byte_queue output;
    size_t input_limit;
    size_t low_mark;
    size_t high_mark;

    bool paused;
    bool full;       /* was above the high mark, not yet down at the low mark */
    bool send_waits; /* the kernel took no more */
    bool rate_waits; /* reading waits for the next tick of the rate */
    bool finish;     /* no more output will be written ... */
    bool finished;   /* ... and the other side was told */
    bool eof;        /* the socket gives no more */
    bool tls_ready;
    bool tls_ended; /* close_notify came */
    bool is_unix;

    bool tell_connected;
    bool tell_tls_ready;
    bool tell_data;
    bool tell_eof;
    bool tell_error;
    bool tell_timeout;

    struct tls_session *tls;
    struct io_rate *rate;
    struct io_rate_member rate_member;
    struct timer timer;
    int64_t deadline_ms; /* for connecting, the handshake, closing; 0: none */
    int64_t idle_ms;
    int64_t last_byte_ms;
    struct deferred work;    /* at the end of the turn: send, tell, or free */
    struct deferred at_free; /* ends a closing io with the loop */
    struct netaddr peer;
    uint64_t n_received;
    uint64_t n_sent;
    struct fault fault;
};

static bool alive(const struct io *io)
{
    return io->state == IO_STATE_CONNECTING || io->state == IO_STATE_OPEN;
}

static bool has_failed(const struct io *io)
{
    return io->fault.code != FAULT_NONE;
}

/* ---- Giving up. ---- */

static void destroy(struct io *io)
{
    deferred_cancel(&io->work);
    deferred_cancel(&io->at_free);
    tls_session_free(&io->tls);
    byte_queue_clear(&io->raw_in);
    byte_queue_clear(&io->input);
    byte_queue_clear(&io->plain);
    byte_queue_clear(&io->output);
    free(io);
}

/* The descriptor goes at once, the struct at the end of the turn. */
static void die(struct io *io)
{
    io->state = IO_STATE_DEAD;
    watch_free(&io->watch);
    timer_cancel(&io->timer);
    list_remove(&io->rate_member.waiting);
    if (io->fd >= 0) {
        close(io->fd);
        io->fd = -1;
    }
    deferred_arm(&io->work);
}

static void end_with_loop(void *context)
{
    struct io *io = context;
    if (io->state != IO_STATE_DEAD) {
        die(io);
    }
}

/* Note why the connection is of no use any more. */
static void fail(struct io *io)
{
    assert(has_failed(io));
    io->tell_error = true;
    byte_queue_clear(&io->output);
    byte_queue_clear(&io->plain);
    if (io->watch != NULL) {
        watch_want(io->watch, 0);
    }
    if (io->state == IO_STATE_CLOSING) {
        die(io);
    }
}

static void fail_errno(struct io *io, int error, const char *what)
{
    fault_set_errno(&io->fault, error, "%s", what);
    if (error == ECONNRESET || error == EPIPE) {
        io->fault.code = FAULT_CLOSED;
    }
    fail(io);
}

/* ---- Time. ---- */

static void schedule(struct io *io)
{
    int64_t due_ms = io->deadline_ms;
    if (io->idle_ms > 0 && io->state == IO_STATE_OPEN &&
        (due_ms == 0 || io->last_byte_ms + io->idle_ms < due_ms)) {
        due_ms = io->last_byte_ms + io->idle_ms;
    }
    if (due_ms == 0 || has_failed(io)) {
        timer_cancel(&io->timer);
    } else {
        timer_arm(&io->timer, due_ms - clock_mono_ms());
    }
}

/* ---- TLS. ---- */

static size_t pull_ciphertext(void *context, uint8_t *out, size_t max)
{
    struct io *io = context;
    struct bytes raw = bytes_slice(byte_queue_view(&io->raw_in), 0, max);
    if (raw.len != 0) {
        memcpy(out, raw.data, raw.len);
        byte_queue_consume(&io->raw_in, raw.len);
    }
    return raw.len;
}

static void push_ciphertext(void *context, struct bytes bytes)
{
    struct io *io = context;
    byte_queue_append(&io->output, bytes);
}

static void send_output(struct io *io);

/* The alert that says why goes out, if it can, before the session hears of it. */
static void fail_tls(struct io *io, const struct fault *fault)
{
    send_output(io);
    if (!has_failed(io)) {
        io->fault = *fault;
        fail(io);
    }
}

static void shake_hands(struct io *io)
{
    struct fault fault = {0};
    switch (tls_session_handshake(io->tls, &fault)) {
    case TLS_OK:
        io->tls_ready = true;
        io->tell_tls_ready = true;
        io->deadline_ms = 0;
        io->last_byte_ms = clock_mono_ms();
        schedule(io);
        break;
    case TLS_MORE:
        if (io->eof) {
            fault_set(&fault, FAULT_CLOSED, "TLS handshake: the other side closed");
            fail_tls(io, &fault);
        }
        break;
    case TLS_CLOSED:
        fault_set(&fault, FAULT_CLOSED, "TLS handshake: the other side closed");
        fail_tls(io, &fault);
        break;
    case TLS_FAILED:
        fail_tls(io, &fault);
        break;
    }
}

/* One record. False: there is nothing more to decrypt now. */
static bool decrypt_some(struct io *io)
{
    struct fault fault = {0};
    size_t len = 0;
    uint8_t *room = byte_queue_reserve(&io->input, IO_TLS_RECORD_BYTES);
    enum tls_result result = tls_session_read(io->tls, &len, room, IO_TLS_RECORD_BYTES, &fault);
    byte_queue_added(&io->input, result == TLS_OK ? len : 0);
    if (result == TLS_OK) {
        io->tell_data = true;
    } else if (result == TLS_CLOSED) {
        io->tls_ended = true;
    } else if (result == TLS_FAILED) {
        fail_tls(io, &fault);
    }
    return result == TLS_OK;
}

/* Decrypt what is here, as far as the input has room. */
static void run_tls(struct io *io)
{
    if (io->tls == NULL || has_failed(io)) {
        return;
    }
    if (!io->tls_ready) {
        shake_hands(io);
    }
    while (io->tls_ready && !io->paused && io->input.len < io->input_limit && !io->tls_ended &&
           !has_failed(io) && decrypt_some(io)) {
    }
}

/* True when run_tls stopped because it had no more, not because the input had no room. */
static bool tls_input_is_used_up(const struct io *io)
{
    return io->tls == NULL || io->tls_ended ||
           (io->raw_in.len == 0 && io->input.len < io->input_limit);
}

/* ---- Sending. ---- */

static void encrypt_some(struct io *io)
{
    struct fault fault = {0};
    while (io->tls_ready && io->plain.len > 0 && io->output.len < IO_RAW_OUT_BYTES) {
        struct bytes piece = bytes_slice(byte_queue_view(&io->plain), 0, IO_TLS_RECORD_BYTES);
        enum tls_result result = tls_session_write(io->tls, piece, &fault);
        if (result != TLS_OK) {
            if (result != TLS_MORE) {
                fault_set(&io->fault, FAULT_CLOSED, "TLS write: the connection is closed");
                fail(io);
            }
            return;
        }
        byte_queue_consume(&io->plain, piece.len);
    }
}

/* All was sent and no more will come: tell the other side. */
static void finish_output(struct io *io)
{
    if (io->tls != NULL && io->tls_ready && !io->finished) {
        io->finished = true;
        tls_session_close(io->tls);
        return; /* the close_notify goes next */
    }
    io->finished = true;
    shutdown(io->fd, SHUT_WR);
    io->finish = false;
}

static bool send_piece(struct io *io)
{
    struct bytes bytes = byte_queue_view(&io->output);
    size_t allowed = io_rate_ask(io->rate, &io->rate_member, IO_RATE_OUT, bytes.len);
    if (allowed == 0) {
        return false;
    }
    ssize_t sent = send(io->fd, bytes.data, allowed, MSG_NOSIGNAL);
    if (sent < 0) {
        io->send_waits = errno == EAGAIN;
        if (errno != EAGAIN && errno != EINTR) {
            fail_errno(io, errno, "send");
        }
        return false;
    }
    io_rate_spend(io->rate, IO_RATE_OUT, (size_t)sent);
    io->n_sent += (uint64_t)sent;
    io->last_byte_ms = clock_mono_ms();
    byte_queue_consume(&io->output, (size_t)sent);
    return true;
}

static void send_output(struct io *io)
{
    if (io->state == IO_STATE_CONNECTING || io->state == IO_STATE_DEAD) {
        return;
    }
    while (!has_failed(io) && !io->send_waits) {
        encrypt_some(io);
        if (io->output.len > 0) {
            if (!send_piece(io)) {
                return;
            }
        } else if (io->finish && (io->plain.len == 0 || !io->tls_ready)) {
            finish_output(io);
        } else {
            return;
        }
    }
}

/* ---- Receiving. ---- */

static bool wants_input(const struct io *io)
{
    if (io->eof || has_failed(io)) {
        return false;
    }
    if (io->state == IO_STATE_CLOSING) {
        return true;
    }
    if (io->tls != NULL) {
        return !io->tls_ready ||
               (!io->paused && io->raw_in.len < IO_RAW_IN_BYTES && io->input.len < io->input_limit);
    }
    return !io->paused && io->input.len < io->input_limit;
}

/* After io_close: read to the end and drop it. A close with unread input would be a reset, which
 * may take our last words from the other side's buffer. */
static void drop_input(struct io *io)
{
    char dropped[4096];
    ssize_t got = recv(io->fd, dropped, sizeof dropped, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        io->eof = true;
    }
}

static size_t room_of(const struct io *io)
{
    if (io->tls != NULL) {
        return IO_READ_BYTES;
    }
    size_t room = io->input_limit - io->input.len;
    return room < IO_READ_BYTES ? room : IO_READ_BYTES;
}

/* False: nothing more is to be had now. */
static bool receive_piece(struct io *io)
{
    size_t room = io_rate_ask(io->rate, &io->rate_member, IO_RATE_IN, room_of(io));
    if (room == 0) {
        io->rate_waits = true;
        return false;
    }
    struct byte_queue *queue = io->tls != NULL ? &io->raw_in : &io->input;
    ssize_t got = recv(io->fd, byte_queue_reserve(queue, room), room, 0);
    int error = errno;
    byte_queue_added(queue, got > 0 ? (size_t)got : 0);
    if (got < 0) {
        if (error != EAGAIN && error != EINTR) {
            fail_errno(io, error, "receive");
        }
        return false;
    }
    io->eof = got == 0;
    io_rate_spend(io->rate, IO_RATE_IN, (size_t)got);
    io->n_received += (uint64_t)got;
    io->last_byte_ms = clock_mono_ms();
    io->tell_data = io->tell_data || (io->tls == NULL && got > 0);
    return (size_t)got == room;
}

/* Many clients send a command in two small segments, and theirs wait (Nagle) for our
 * acknowledgement of the first, which the kernel would delay by 40 ms. The option does not last:
 * after each read. */
static void acknowledge_now(const struct io *io)
{
    if (!io->is_unix && io->fd >= 0) {
        setsockopt(io->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
    }
}

static void receive_input(struct io *io)
{
    bool more = true;
    uint64_t n_before = io->n_received;
    for (int i = 0; i < IO_READS_A_TURN && more && wants_input(io); i++) {
        if (io->state == IO_STATE_CLOSING) {
            drop_input(io);
            continue;
        }
        more = receive_piece(io);
        run_tls(io);
    }
    if (io->n_received != n_before) {
        acknowledge_now(io);
    }
}

/* ---- Telling. ---- */

static void update_watch(struct io *io)
{
    if (io->watch == NULL || has_failed(io)) {
        return;
    }
    unsigned wanted = 0;
    if (io->state == IO_STATE_CONNECTING) {
        wanted = WATCH_WRITE;
    } else {
        wanted |= wants_input(io) && !io->rate_waits ? WATCH_READ : 0;
        wanted |= io->send_waits ? WATCH_WRITE : 0;
    }
    watch_want(io->watch, wanted);
}

static bool take_flag(bool *flag)
{
    bool was_set = *flag;
    *flag = false;
    return was_set;
}

/* The next thing to tell, in the order in which a session can make sense of it. */
static bool next_event(struct io *io, enum io_event *out)
{
    bool may_read = !io->paused || has_failed(io);
    bool at_end = (io->eof || io->tls_ended) && !has_failed(io) && !io->tell_eof;
    if (take_flag(&io->tell_connected)) {
        *out = IO_CONNECTED;
    } else if (take_flag(&io->tell_tls_ready)) {
        *out = IO_TLS_READY;
    } else if (may_read && io->tell_data && io->input.len > 0) {
        io->tell_data = false;
        *out = IO_DATA;
    } else if (take_flag(&io->tell_error)) {
        *out = IO_ERROR;
    } else if (!io->paused && at_end && tls_input_is_used_up(io)) {
        io->tell_eof = true;
        *out = IO_EOF;
    } else if (io->full && io_output_len(io) <= io->low_mark && !has_failed(io)) {
        io->full = false;
        *out = IO_LOWAT;
    } else if (take_flag(&io->tell_timeout)) {
        *out = IO_TIMEOUT;
    } else {
        return false;
    }
    return true;
}

static void deliver(struct io *io)
{
    enum io_event event;
    while (alive(io) && next_event(io, &event)) {
        io->on_event(io, event, io->context);
    }
    if (io->state == IO_STATE_CLOSING && io->finished && !io->finish &&
        (io->eof || has_failed(io))) {
        die(io);
    }
    update_watch(io);
}

static void on_work(void *context)
{
    struct io *io = context;
    if (io->state == IO_STATE_DEAD) {
        destroy(io);
        return;
    }
    run_tls(io);
    send_output(io);
    deliver(io);
}

static void on_rate_wake(void *context)
{
    struct io *io = context;
    io->rate_waits = false;
    send_output(io);
    receive_input(io);
    deliver(io);
}

static void on_timer(void *context)
{
    struct io *io = context;
    int64_t now_ms = clock_mono_ms();
    if (io->deadline_ms != 0 && now_ms >= io->deadline_ms) {
        if (io->state == IO_STATE_CLOSING) {
            die(io);
            return;
        }
        io->deadline_ms = 0;
        io->tell_timeout = true;
    } else if (io->idle_ms > 0 && now_ms >= io->last_byte_ms + io->idle_ms) {
        io->last_byte_ms = now_ms; /* who goes on gets the same time again */
        io->tell_timeout = true;
    }
    schedule(io);
    deliver(io);
}

static void finish_connecting(struct io *io)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    io->deadline_ms = 0;
    io->last_byte_ms = clock_mono_ms();
    io->state = IO_STATE_OPEN;
    if (error != 0) {
        fail_errno(io, error, "connect");
    } else {
        io->tell_connected = true;
    }
    schedule(io);
}

static void on_ready(void *context, unsigned ready)
{
    struct io *io = context;
    if (io->state == IO_STATE_CONNECTING) {
        finish_connecting(io);
    } else if (ready & WATCH_WRITE) {
        io->send_waits = false;
    } else {
        receive_input(io);
    }
    send_output(io);
    deliver(io);
}

/* ---- Making. ---- */

static struct io *io_new(struct loop *loop, int fd,
                         void (*on_event)(struct io *io, enum io_event event, void *context),
                         void *context)
{
    struct io *io = xcalloc(1, sizeof *io);
    io->loop = loop;
    io->fd = fd;
    io->state = IO_STATE_OPEN;
    io->on_event = on_event;
    io->context = context;
    io->input_limit = IO_DEFAULT_INPUT_LIMIT_BYTES;
    io->low_mark = IO_DEFAULT_LOW_MARK_BYTES;
    io->high_mark = IO_DEFAULT_HIGH_MARK_BYTES;
    io->last_byte_ms = clock_mono_ms();
    io->rate_member = (struct io_rate_member){.wake = on_rate_wake, .context = io};
    list_init(&io->rate_member.waiting);
    timer_init(&io->timer, loop, on_timer, io);
    deferred_init(&io->work, loop, on_work, io);
    deferred_init(&io->at_free, loop, end_with_loop, io);
    if (fd >= 0) {
        io->watch = watch_new(loop, fd, on_ready, io);
    }
    return io;
}

struct io *io_new_take(struct loop *loop, int fd,
                       void (*on_event)(struct io *io, enum io_event event, void *context),
                       void *context)
{
    struct io *io = io_new(loop, fd, on_event, context);
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (getpeername(fd, (struct sockaddr *)&address, &len) == 0 &&
        netaddr_from_sockaddr(&io->peer, &address)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    } else {
        io->is_unix = true;
    }
    update_watch(io);
    return io;
}

static void begin_connecting(struct io *io, const struct sockaddr *address, socklen_t len,
                             int64_t timeout_ms)
{
    io->state = IO_STATE_CONNECTING;
    io->deadline_ms = clock_mono_ms() + timeout_ms;
    if (connect(io->fd, address, len) != 0 && errno != EINPROGRESS) {
        io->state = IO_STATE_OPEN;
        fail_errno(io, errno, "connect");
        deferred_arm(&io->work);
    }
    schedule(io);
    update_watch(io); /* a connection that stands already is writable, too */
}

struct io *io_connect(struct loop *loop, const struct netaddr *address, int64_t timeout_ms,
                      void (*on_event)(struct io *io, enum io_event event, void *context),
                      void *context, struct fault *fault)
{
    struct sockaddr_storage storage;
    socklen_t len;
    netaddr_to_sockaddr(&storage, &len, address);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fault_set_errno(fault, errno, "make a socket");
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct io *io = io_new(loop, fd, on_event, context);
    io->peer = *address;
    begin_connecting(io, (const struct sockaddr *)&storage, len, timeout_ms);
    return io;
}

struct io *io_connect_unix(struct loop *loop, const char *path, int64_t timeout_ms,
                           void (*on_event)(struct io *io, enum io_event event, void *context),
                           void *context, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fault_set(fault, FAULT_LIMIT, "%s: too long for a socket's path", path);
        return NULL;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fault_set_errno(fault, errno, "make a socket");
        return NULL;
    }
    struct io *io = io_new(loop, fd, on_event, context);
    io->is_unix = true;
    begin_connecting(io, (const struct sockaddr *)&address, sizeof address, timeout_ms);
    return io;
}

/* ---- Ending. ---- */

void io_free(struct io **io)
{
    if (*io != NULL) {
        die(*io);
        *io = NULL;
    }
}

void io_close(struct io **io_at)
{
    struct io *io = *io_at;
    if (io == NULL) {
        return;
    }
    *io_at = NULL;
    if (io->state != IO_STATE_OPEN || has_failed(io)) {
        die(io);
        return;
    }
    io->state = IO_STATE_CLOSING;
    io->finish = io->finish || !io->finished;
    io->deadline_ms = clock_mono_ms() + IO_CLOSE_TIMEOUT_MS;
    byte_queue_clear(&io->input);
    byte_queue_clear(&io->raw_in);
    list_append(loop_at_free(io->loop), &io->at_free.node);
    schedule(io);
    send_output(io); /* the loop may have its last turn now */
    deferred_arm(&io->work);
}

void io_finish_output(struct io *io)
{
    if (!io->finished) {
        io->finish = true;
        deferred_arm(&io->work);
    }
}

void io_set_callback(struct io *io,
                     void (*on_event)(struct io *io, enum io_event event, void *context),
                     void *context)
{
    io->on_event = on_event;
    io->context = context;
}

/* ---- Input. ---- */

struct bytes io_input(const struct io *io)
{
    return byte_queue_view(&io->input);
}

void io_consume(struct io *io, size_t len)
{
    byte_queue_consume(&io->input, len);
    if (len != 0 && alive(io)) {
        deferred_arm(&io->work); /* there may be room again */
    }
}

size_t io_discard_input(struct io *io)
{
    size_t len = io->input.len;
    io_consume(io, len);
    io->tell_data = false;
    return len;
}

void io_set_input_limit(struct io *io, size_t limit)
{
    assert(limit >= 1);
    io->input_limit = limit;
    deferred_arm(&io->work);
}

void io_pause(struct io *io)
{
    io->paused = true;
    deferred_arm(&io->work);
}

void io_resume(struct io *io)
{
    if (io->paused) {
        io->paused = false;
        io->tell_data = true;
        deferred_arm(&io->work);
    }
}

/* ---- Output. ---- */

void io_write(struct io *io, struct bytes bytes)
{
    if (!alive(io) || has_failed(io) || io->finish || io->finished || bytes.len == 0) {
        return;
    }
    byte_queue_append(io->tls != NULL ? &io->plain : &io->output, bytes);
    io->full = io->full || io_output_len(io) > io->high_mark;
    deferred_arm(&io->work);
}

size_t io_output_len(const struct io *io)
{
    return io->plain.len + io->output.len;
}

bool io_output_is_full(const struct io *io)
{
    return io->full;
}

void io_set_output_marks(struct io *io, size_t low, size_t high)
{
    assert(low <= high);
    io->low_mark = low;
    io->high_mark = high;
    io->full = io_output_len(io) > high;
}

/* ---- TLS. ---- */

bool io_start_tls(struct io *io, struct tls_context *context, enum tls_role role,
                  enum io_tls_input input, struct fault *fault)
{
    if (!alive(io) || has_failed(io)) {
        return fault_set(fault, FAULT_CLOSED, "start TLS: the connection is closed");
    }
    if (io->tls != NULL) {
        return fault_set(fault, FAULT_INVALID, "start TLS: it runs already");
    }
    if (input == IO_TLS_NO_INPUT && io->input.len > 0) {
        return fault_set(fault, FAULT_INVALID, "start TLS: %zu bytes in clear text follow",
                         io->input.len);
    }
    io->raw_in = io->input;
    io->input = (struct byte_queue){0};
    io->tell_data = false;
    struct tls_transport transport = {pull_ciphertext, push_ciphertext, io};
    io->tls = tls_session_new(context, role, transport);
    io->deadline_ms = clock_mono_ms() + IO_TLS_TIMEOUT_MS;
    schedule(io);
    deferred_arm(&io->work);
    return true;
}

bool io_is_tls(const struct io *io)
{
    return io->tls != NULL;
}

const char *io_describe_tls(const struct io *io)
{
    return io->tls_ready ? tls_session_describe(io->tls) : NULL;
}

/* ---- Time, rates, facts. ---- */

void io_set_timeout(struct io *io, int64_t idle_ms)
{
    io->idle_ms = idle_ms;
    io->last_byte_ms = clock_mono_ms();
    schedule(io);
}

void io_set_rate(struct io *io, struct io_rate *rate)
{
    list_remove(&io->rate_member.waiting);
    io->rate = rate;
    io->rate_waits = false;
    deferred_arm(&io->work);
}

const struct fault *io_fault(const struct io *io)
{
    return &io->fault;
}

struct netaddr io_peer(const struct io *io)
{
    return io->peer;
}

struct netaddr io_local(const struct io *io)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    struct netaddr local = {0};
    if (getsockname(io->fd, (struct sockaddr *)&address, &len) == 0) {
        (void)!netaddr_from_sockaddr(&local, &address);
    }
    return local;
}

bool io_is_unix(const struct io *io)
{
    return io->is_unix;
}

bool io_peer_uid(const struct io *io, uid_t *out_uid)
{
    struct ucred who;
    socklen_t len = sizeof who;
    if (!io->is_unix || getsockopt(io->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) {
        return false;
    }
    *out_uid = who.uid;
    return true;
}

uint64_t io_bytes_received(const struct io *io)
{
    return io->n_received;
}

uint64_t io_bytes_sent(const struct io *io)
{
    return io->n_sent;
}
