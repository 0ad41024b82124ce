// SPDX-License-Identifier: MIT
/* Making, ending and asking a connection: the front of io_flow.c and io_tls.c. */
#include "base/io_internal.h"

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

#include "base/clock.h"
#include "base/loop_internal.h"
#include "base/mem.h"

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
    io_rate_member_init(&io->rate_member, io_on_rate_wake, io);
    timer_init(&io->timer, loop, io_on_timer, io);
    deferred_init(&io->work, loop, io_on_work, io);
    deferred_init(&io->at_free, loop, io_end_with_loop, io);
    if (fd >= 0) {
        io->watch = watch_new(loop, fd, io_on_ready, io);
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
    io_update_watch(io);
    return io;
}

static void begin_connecting(struct io *io, const struct sockaddr *address, socklen_t len,
                             int64_t timeout_ms)
{
    io->state = IO_STATE_CONNECTING;
    io->deadline_ms = clock_mono_ms() + timeout_ms;
    if (connect(io->fd, address, len) != 0 && errno != EINPROGRESS) {
        io->state = IO_STATE_OPEN;
        io_fail_errno(io, errno, "connect");
        deferred_arm(&io->work);
    }
    io_schedule(io);
    io_update_watch(io); /* a connection that stands already is writable, too */
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
        io_die(*io);
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
    if (io->state != IO_STATE_OPEN || io_has_failed(io)) {
        io_die(io);
        return;
    }
    io->state = IO_STATE_CLOSING;
    io->finish = io->finish || !io->finished;
    io->deadline_ms = clock_mono_ms() + IO_CLOSE_TIMEOUT_MS;
    byte_queue_clear(&io->input);
    byte_queue_clear(&io->raw_in);
    list_append(loop_at_free(io->loop), &io->at_free.node);
    io_schedule(io);
    io_send_output(io); /* the loop may have its last turn now */
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
    if (len != 0 && io_alive(io)) {
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
    if (!io_alive(io) || io_has_failed(io) || io->finish || io->finished || bytes.len == 0) {
        return;
    }
    if (!byte_queue_append(io->tls != NULL ? &io->plain : &io->output, bytes)) {
        io_fail_memory(io);
    }
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

/* ---- Time, rates, facts. ---- */

void io_set_timeout(struct io *io, int64_t idle_ms)
{
    io->idle_ms = idle_ms;
    io->last_byte_ms = clock_mono_ms();
    io_schedule(io);
}

void io_set_rate(struct io *io, struct io_rate *rate)
{
    io_rate_leave(&io->rate_member);
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
