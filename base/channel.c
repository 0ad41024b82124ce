// SPDX-License-Identifier: MIT
/* Frames and descriptors over a Unix stream.
 *
 * The kernel hands over descriptors with the byte that they were sent with, and never joins two
 * such batches in one read; so they arrive in order, and a frame's descriptors are here when its
 * first byte is. The receiver keeps those that no frame has claimed yet in a short line; a line
 * that overflows, or is not empty although no byte of a frame is here, is a breach. */
#include "base/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/byte_queue.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"

enum { CHANNEL_READ_BYTES = 16 * 1024 };

/* What has arrived and is not a whole message yet. */
struct inbox {
    struct byte_queue bytes;
    int fds[CHANNEL_MAX_FDS];
    size_t n_fds;
};

/* A message on its way out. */
struct outgoing {
    struct list_node node;
    uint8_t *data; /* header and payload */
    size_t len;
    size_t sent;
    int fds[CHANNEL_MAX_FDS];
    size_t n_fds;
};

struct channel {
    int fd;
    struct watch *watch;
    struct deferred work;
    const struct channel_handler *handler;
    void *context;
    struct inbox inbox;
    struct list_node queue;
    size_t queued_bytes;
    struct fault fault;
    bool closed; /* the other side is gone, or broke a rule */
    bool told;
    bool freed;
};

static void close_fds(int *fds, size_t n_fds)
{
    for (size_t i = 0; i < n_fds; i++) {
        process_close_fd(&fds[i]);
    }
}

int channel_take_fd(struct channel_message *message, size_t index)
{
    if (index >= message->n_fds) {
        return -1;
    }
    int fd = message->fds[index];
    message->fds[index] = -1;
    return fd;
}

/* ---- Out. ---- */

static struct outgoing *outgoing_new(uint16_t type, struct bytes payload, const int *fds,
                                     size_t n_fds, struct fault *fault)
{
    if (payload.len > CHANNEL_MAX_PAYLOAD_BYTES || n_fds > CHANNEL_MAX_FDS) {
        fault_set(fault, FAULT_LIMIT, "channel: %zu bytes with %zu descriptors are too many",
                  payload.len, n_fds);
        return NULL;
    }
    uint8_t *data = mem_try_alloc(CHANNEL_HEADER_BYTES + payload.len);
    if (data == NULL) {
        fault_set(fault, FAULT_BUSY, "channel: no memory for %zu bytes", payload.len);
        return NULL;
    }
    struct outgoing *out = xcalloc(1, sizeof *out);
    list_init(&out->node);
    out->len = CHANNEL_HEADER_BYTES + payload.len;
    out->data = data;
    store_be32(out->data, (uint32_t)payload.len);
    store_be32(out->data + 4, (uint32_t)type << 16 | (uint32_t)n_fds);
    if (payload.len != 0) {
        memcpy(out->data + CHANNEL_HEADER_BYTES, payload.data, payload.len);
    }
    for (out->n_fds = 0; out->n_fds < n_fds; out->n_fds++) {
        out->fds[out->n_fds] = fcntl(fds[out->n_fds], F_DUPFD_CLOEXEC, 0);
        if (out->fds[out->n_fds] < 0) {
            fault_set_errno(fault, errno, "channel: copy a descriptor");
            close_fds(out->fds, out->n_fds);
            free(out->data);
            free(out);
            return NULL;
        }
    }
    return out;
}

static void outgoing_free(struct outgoing *out)
{
    list_remove(&out->node);
    close_fds(out->fds, out->n_fds);
    free(out->data);
    free(out);
}

static bool is_sent(const struct outgoing *out)
{
    return out->sent == out->len;
}

/* One system call. False with errno when nothing went. */
static bool send_some(int fd, struct outgoing *out)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_MAX_FDS)];
        struct cmsghdr align;
    } control = {0};
    struct iovec piece = {out->data + out->sent, out->len - out->sent};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (out->sent == 0 && out->n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * out->n_fds);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * out->n_fds);
        memcpy(CMSG_DATA(header), out->fds, sizeof(int) * out->n_fds);
    }
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return false;
    }
    out->sent += (size_t)sent;
    return true;
}

/* ---- In. ---- */

static void inbox_clear(struct inbox *inbox)
{
    byte_queue_clear(&inbox->bytes);
    close_fds(inbox->fds, inbox->n_fds);
    inbox->n_fds = 0;
}

/* Every descriptor that the kernel gave us is either kept or closed. */
static bool keep_fds(struct inbox *inbox, struct msghdr *message)
{
    bool ok = (message->msg_flags & MSG_CTRUNC) == 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t n_fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n_fds; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            if (inbox->n_fds < CHANNEL_MAX_FDS) {
                inbox->fds[inbox->n_fds++] = fd;
            } else {
                close(fd);
                ok = false;
            }
        }
    }
    return ok;
}

enum receive_result { RECEIVED, RECEIVE_WAITS, RECEIVE_CLOSED, RECEIVE_BAD };

/* One system call, at most `max` bytes. */
static enum receive_result receive_some(int fd, struct inbox *inbox, size_t max,
                                        struct fault *fault)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_MAX_FDS)];
        struct cmsghdr align;
    } control;
    uint8_t *room = byte_queue_reserve(&inbox->bytes, max);
    if (room == NULL) {
        fault_set(fault, FAULT_BUSY, "channel: no memory for what comes");
        return RECEIVE_BAD;
    }
    struct iovec piece = {room, max};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    int error = errno;
    byte_queue_added(&inbox->bytes, got > 0 ? (size_t)got : 0);
    if (got < 0) {
        if (error == EAGAIN || error == EINTR) {
            return RECEIVE_WAITS;
        }
        fault_set_errno(fault, error, "channel: receive");
        return error == ECONNRESET ? RECEIVE_CLOSED : RECEIVE_BAD;
    }
    if (!keep_fds(inbox, &message)) {
        fault_set(fault, FAULT_LIMIT, "channel: too many descriptors");
        return RECEIVE_BAD;
    }
    return got == 0 ? RECEIVE_CLOSED : RECEIVED;
}

/* PARSE_DONE: *out borrows from the inbox until inbox_drop; its descriptors were moved to it. */
static enum parse_result next_message(struct inbox *inbox, struct channel_message *out,
                                      struct fault *fault)
{
    if (inbox->bytes.len == 0 && inbox->n_fds > 0) {
        fault_set(fault, FAULT_INVALID, "channel: descriptors without a message");
        return PARSE_BAD;
    }
    struct reader reader = reader_of(byte_queue_view(&inbox->bytes));
    uint32_t len = reader_u32(&reader);
    uint16_t type = reader_u16(&reader);
    uint16_t n_fds = reader_u16(&reader);
    if (!reader_ok(&reader)) {
        return PARSE_MORE;
    }
    if (len > CHANNEL_MAX_PAYLOAD_BYTES || n_fds > CHANNEL_MAX_FDS) {
        fault_set(fault, FAULT_LIMIT, "channel: a message of %u bytes with %u descriptors",
                  (unsigned)len, (unsigned)n_fds);
        return PARSE_BAD;
    }
    if (n_fds > inbox->n_fds) {
        fault_set(fault, FAULT_INVALID, "channel: a message lacks its descriptors");
        return PARSE_BAD;
    }
    struct bytes payload = reader_bytes(&reader, len);
    if (!reader_ok(&reader)) {
        return PARSE_MORE;
    }
    *out = (struct channel_message){.type = type, .payload = payload, .n_fds = n_fds};
    memset(out->fds, 0xff, sizeof out->fds); /* -1 */
    memcpy(out->fds, inbox->fds, n_fds * sizeof(int));
    inbox->n_fds -= n_fds;
    memmove(inbox->fds, inbox->fds + n_fds, inbox->n_fds * sizeof(int));
    return PARSE_DONE;
}

static void drop_message(struct inbox *inbox, const struct channel_message *message)
{
    byte_queue_consume(&inbox->bytes, CHANNEL_HEADER_BYTES + message->payload.len);
}

/* ---- In the loop. ---- */

static void close_channel(struct channel *channel)
{
    channel->closed = true;
    watch_want(channel->watch, 0);
    deferred_arm(&channel->work);
}

static void send_queue(struct channel *channel)
{
    while (!channel->closed && !list_is_empty(&channel->queue)) {
        struct outgoing *out = list_entry(channel->queue.next, struct outgoing, node);
        if (!send_some(channel->fd, out)) {
            if (errno != EAGAIN && errno != EINTR) {
                close_channel(channel);
            }
            break;
        }
        if (is_sent(out)) {
            channel->queued_bytes -= out->len;
            outgoing_free(out);
        }
    }
    if (!channel->closed) {
        bool waits = !list_is_empty(&channel->queue);
        watch_want(channel->watch, waits ? WATCH_READ | WATCH_WRITE : WATCH_READ);
    }
}

static void destroy(struct channel *channel)
{
    while (!list_is_empty(&channel->queue)) {
        outgoing_free(list_entry(channel->queue.next, struct outgoing, node));
    }
    inbox_clear(&channel->inbox);
    free(channel);
}

static void on_work(void *context)
{
    struct channel *channel = context;
    if (channel->freed) {
        destroy(channel);
    } else if (channel->closed) {
        if (!channel->told) {
            channel->told = true;
            bool broken = channel->fault.code != FAULT_NONE;
            channel->handler->on_closed(channel->context, broken ? &channel->fault : NULL);
        }
    } else {
        send_queue(channel);
    }
}

static void hand_out(struct channel *channel)
{
    struct channel_message message;
    enum parse_result result = PARSE_MORE;
    while (!channel->freed &&
           (result = next_message(&channel->inbox, &message, &channel->fault)) == PARSE_DONE) {
        channel->handler->on_message(channel->context, &message);
        close_fds(message.fds, message.n_fds);
        drop_message(&channel->inbox, &message);
    }
    if (!channel->freed && result == PARSE_BAD) {
        close_channel(channel);
    }
}

static void on_ready(void *context, unsigned ready)
{
    struct channel *channel = context;
    if (ready & WATCH_WRITE) {
        send_queue(channel);
        return;
    }
    struct fault fault = {0};
    enum receive_result result =
        receive_some(channel->fd, &channel->inbox, CHANNEL_READ_BYTES, &fault);
    hand_out(channel);
    if (channel->freed || channel->closed) {
        return;
    }
    if (result == RECEIVE_BAD) {
        channel->fault = fault;
    }
    if (result == RECEIVE_BAD || result == RECEIVE_CLOSED) {
        close_channel(channel);
    }
}

struct channel *channel_new_take(struct loop *loop, int fd, const struct channel_handler *handler,
                                 void *context)
{
    struct channel *channel = xcalloc(1, sizeof *channel);
    channel->fd = fd;
    channel->handler = handler;
    channel->context = context;
    list_init(&channel->queue);
    deferred_init(&channel->work, loop, on_work, channel);
    channel->watch = watch_new(loop, fd, on_ready, channel);
    watch_want(channel->watch, WATCH_READ);
    return channel;
}

void channel_free(struct channel **channel_at)
{
    struct channel *channel = *channel_at;
    if (channel == NULL) {
        return;
    }
    send_queue(channel);
    channel->freed = true;
    watch_free(&channel->watch);
    process_close_fd(&channel->fd);
    deferred_arm(&channel->work);
    *channel_at = NULL;
}

bool channel_send(struct channel *channel, uint16_t type, struct bytes payload, const int *fds,
                  size_t n_fds, struct fault *fault)
{
    if (channel->closed) {
        return fault_set(fault, FAULT_CLOSED, "channel: the other side is gone");
    }
    if (channel->queued_bytes > CHANNEL_MAX_QUEUED_BYTES) {
        return fault_set(fault, FAULT_BUSY, "channel: the other side reads nothing");
    }
    struct outgoing *out = outgoing_new(type, payload, fds, n_fds, fault);
    if (out == NULL) {
        return false;
    }
    list_append(&channel->queue, &out->node);
    channel->queued_bytes += out->len;
    deferred_arm(&channel->work);
    return true;
}

/* ---- Waiting. ---- */

static bool wait_for(int fd, short events, int64_t end_ms, struct fault *fault)
{
    for (;;) {
        int64_t left_ms = end_ms - clock_mono_ms();
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int n_ready = left_ms > 0 ? poll(&poll_fd, 1, (int)left_ms) : 0;
        if (n_ready > 0) {
            return true;
        }
        if (n_ready == 0) {
            return fault_set(fault, FAULT_TIMEOUT, "channel: the other side says nothing");
        }
        if (errno != EINTR) {
            return fault_set_errno(fault, errno, "channel: wait");
        }
    }
}

bool channel_send_now(int fd, uint16_t type, struct bytes payload, const int *fds, size_t n_fds,
                      int64_t timeout_ms, struct fault *fault)
{
    int64_t end_ms = clock_mono_ms() + timeout_ms;
    struct outgoing *out = outgoing_new(type, payload, fds, n_fds, fault);
    bool ok = out != NULL;
    while (ok && !is_sent(out)) {
        ok = wait_for(fd, POLLOUT, end_ms, fault);
        if (ok && !send_some(fd, out) && errno != EAGAIN && errno != EINTR) {
            ok = fault_set_errno(fault, errno, "channel: send");
        }
    }
    if (out != NULL) {
        outgoing_free(out);
    }
    return ok;
}

/* Reads no byte beyond the message, for the next reader has an inbox of its own. */
static bool receive_exactly(int fd, struct inbox *inbox, size_t len, int64_t end_ms,
                            struct fault *fault)
{
    while (inbox->bytes.len < len) {
        if (!wait_for(fd, POLLIN, end_ms, fault)) {
            return false;
        }
        enum receive_result result = receive_some(fd, inbox, len - inbox->bytes.len, fault);
        if (result == RECEIVE_CLOSED) {
            return fault_set(fault, FAULT_CLOSED, "channel: the other side is gone");
        }
        if (result == RECEIVE_BAD) {
            return false;
        }
    }
    return true;
}

bool channel_receive_now(int fd, struct channel_message *out, int64_t timeout_ms,
                         struct fault *fault)
{
    int64_t end_ms = clock_mono_ms() + timeout_ms;
    struct inbox inbox = {0};
    struct channel_message message = {0};
    bool ok = receive_exactly(fd, &inbox, CHANNEL_HEADER_BYTES, end_ms, fault);
    if (ok) {
        uint32_t len = load_be32(byte_queue_view(&inbox.bytes).data);
        ok = len <= CHANNEL_MAX_PAYLOAD_BYTES
                 ? receive_exactly(fd, &inbox, CHANNEL_HEADER_BYTES + len, end_ms, fault)
                 : fault_set(fault, FAULT_LIMIT, "channel: a message of %u bytes", (unsigned)len);
    }
    if (ok && next_message(&inbox, &message, fault) == PARSE_DONE) {
        message.payload.data = xmemdup(message.payload.data, message.payload.len);
        *out = message;
    } else {
        ok = false;
    }
    inbox_clear(&inbox);
    return ok;
}

void channel_message_clear(struct channel_message *message)
{
    close_fds(message->fds, message->n_fds);
    free((void *)(uintptr_t)message->payload.data);
    *message = (struct channel_message){0};
}
