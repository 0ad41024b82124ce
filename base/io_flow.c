// SPDX-License-Identifier: MIT
/* What moves in a connection: sending, receiving, time, and telling the owner. */
#include "base/io_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    IO_READ_BYTES = 16 * 1024,  /* in one system call: a TLS record and a bit */
    IO_READS_A_TURN = 4,        /* then the others have their turn */
    IO_RAW_IN_BYTES = 32 * 1024 /* ciphertext that waits for room in the input */
};

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
void io_die(struct io *io)
{
    io->state = IO_STATE_DEAD;
    watch_free(&io->watch);
    timer_cancel(&io->timer);
    io_rate_leave(&io->rate_member);
    if (io->fd >= 0) {
        close(io->fd);
        io->fd = -1;
    }
    deferred_arm(&io->work);
}

void io_end_with_loop(void *context)
{
    struct io *io = context;
    if (io->state != IO_STATE_DEAD) {
        io_die(io);
    }
}

/* Note why the connection is of no use any more. */
void io_fail(struct io *io)
{
    assert(io_has_failed(io));
    io->tell_error = true;
    byte_queue_clear(&io->output);
    byte_queue_clear(&io->plain);
    if (io->watch != NULL) {
        watch_want(io->watch, 0);
    }
    if (io->state == IO_STATE_CLOSING) {
        io_die(io);
    }
}

void io_fail_memory(struct io *io)
{
    fault_set(&io->fault, FAULT_BUSY, "there is no memory for this connection");
    io_fail(io);
}

void io_fail_errno(struct io *io, int error, const char *what)
{
    fault_set_errno(&io->fault, error, "%s", what);
    if (error == ECONNRESET || error == EPIPE) {
        io->fault.code = FAULT_CLOSED;
    }
    io_fail(io);
}

/* ---- Time. ---- */

void io_schedule(struct io *io)
{
    int64_t due_ms = io->deadline_ms;
    if (io->idle_ms > 0 && io->state == IO_STATE_OPEN &&
        (due_ms == 0 || io->last_byte_ms + io->idle_ms < due_ms)) {
        due_ms = io->last_byte_ms + io->idle_ms;
    }
    if (due_ms == 0 || io_has_failed(io)) {
        timer_cancel(&io->timer);
    } else {
        timer_arm(&io->timer, due_ms - clock_mono_ms());
    }
}

/* ---- Sending. ---- */

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
            io_fail_errno(io, errno, "send");
        }
        return false;
    }
    io_rate_spend(io->rate, &io->rate_member, IO_RATE_OUT, (size_t)sent);
    io->n_sent += (uint64_t)sent;
    io->last_byte_ms = clock_mono_ms();
    byte_queue_consume(&io->output, (size_t)sent);
    return true;
}

void io_send_output(struct io *io)
{
    if (io->state == IO_STATE_CONNECTING || io->state == IO_STATE_DEAD) {
        return;
    }
    while (!io_has_failed(io) && !io->send_waits) {
        io_encrypt(io);
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
    if (io->eof || io_has_failed(io)) {
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
    uint8_t *piece = byte_queue_reserve(queue, room);
    if (piece == NULL) {
        io_fail_memory(io);
        return false;
    }
    ssize_t got = recv(io->fd, piece, room, 0);
    int error = errno;
    byte_queue_added(queue, got > 0 ? (size_t)got : 0);
    if (got < 0) {
        if (error != EAGAIN && error != EINTR) {
            io_fail_errno(io, error, "receive");
        }
        return false;
    }
    io->eof = got == 0;
    io_rate_spend(io->rate, &io->rate_member, IO_RATE_IN, (size_t)got);
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
        io_run_tls(io);
    }
    if (io->n_received != n_before) {
        acknowledge_now(io);
    }
}

/* ---- Telling. ---- */

void io_update_watch(struct io *io)
{
    if (io->watch == NULL || io_has_failed(io)) {
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
    bool may_read = !io->paused || io_has_failed(io);
    bool at_end = (io->eof || io->tls_ended) && !io_has_failed(io) && !io->tell_eof;
    if (take_flag(&io->tell_connected)) {
        *out = IO_CONNECTED;
    } else if (take_flag(&io->tell_tls_ready)) {
        *out = IO_TLS_READY;
    } else if (may_read && io->tell_data && io->input.len > 0) {
        io->tell_data = false;
        *out = IO_DATA;
    } else if (take_flag(&io->tell_error)) {
        *out = IO_ERROR;
    } else if (!io->paused && at_end && io_tls_is_used_up(io)) {
        io->tell_eof = true;
        *out = IO_EOF;
    } else if (io->full && io_output_len(io) <= io->low_mark && !io_has_failed(io)) {
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
    while (io_alive(io) && next_event(io, &event)) {
        io->on_event(io, event, io->context);
    }
    if (io->state == IO_STATE_CLOSING && io->finished && !io->finish &&
        (io->eof || io_has_failed(io))) {
        io_die(io);
    }
    io_update_watch(io);
}

void io_on_work(void *context)
{
    struct io *io = context;
    if (io->state == IO_STATE_DEAD) {
        destroy(io);
        return;
    }
    io_run_tls(io);
    io_send_output(io);
    deliver(io);
}

void io_on_rate_wake(void *context)
{
    struct io *io = context;
    io->rate_waits = false;
    io_send_output(io);
    receive_input(io);
    deliver(io);
}

void io_on_timer(void *context)
{
    struct io *io = context;
    int64_t now_ms = clock_mono_ms();
    if (io->deadline_ms != 0 && now_ms >= io->deadline_ms) {
        if (io->state == IO_STATE_CLOSING) {
            io_die(io);
            return;
        }
        io->deadline_ms = 0;
        io->tell_timeout = true;
    } else if (io->idle_ms > 0 && now_ms >= io->last_byte_ms + io->idle_ms) {
        io->last_byte_ms = now_ms; /* who goes on gets the same time again */
        io->tell_timeout = true;
    }
    io_schedule(io);
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
        io_fail_errno(io, error, "connect");
    } else {
        io->tell_connected = true;
    }
    io_schedule(io);
}

void io_on_ready(void *context, unsigned ready)
{
    struct io *io = context;
    if (io->state == IO_STATE_CONNECTING) {
        finish_connecting(io);
    } else if (ready & WATCH_WRITE) {
        io->send_waits = false;
    } else {
        receive_input(io);
    }
    io_send_output(io);
    deliver(io);
}
