// SPDX-License-Identifier: MIT
/* Messages between our own processes: a type, a payload and file descriptors over a Unix stream
 * socket.
 *
 * On the wire: payload length u32, type u16, number of descriptors u16, payload; the descriptors
 * travel by SCM_RIGHTS with the first byte of their message. The other side may have been taken
 * over by a stranger: lengths and descriptors are bounded, descriptors that were not announced end
 * the channel, and nothing that arrives is leaked.
 *
 * Start-up is a short dialogue before the loop runs: channel_send_now and channel_receive_now wait.
 * Later, struct channel does the same from the loop. */
#ifndef BITTERN_BASE_CHANNEL_H
#define BITTERN_BASE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct loop;
struct channel;

enum {
    CHANNEL_MAX_PAYLOAD_BYTES = 1024 * 1024,
    CHANNEL_MAX_FDS = 8,                        /* in one message */
    CHANNEL_MAX_QUEUED_BYTES = 8 * 1024 * 1024, /* output; above it the channel is broken */
    CHANNEL_HEADER_BYTES = 8
};

struct channel_message {
    uint16_t type;
    struct bytes payload;
    int fds[CHANNEL_MAX_FDS]; /* -1 beyond n_fds */
    size_t n_fds;
};

/* Take descriptor `index` out of the message; -1 when it has none there. What is not taken is
 * closed after on_message. */
int channel_take_fd(struct channel_message *message, size_t index) MUST_USE;

struct channel_handler {
    /* The payload borrows until the return. */
    void (*on_message)(void *context, struct channel_message *message);
    /* The other side is gone, or (fault not NULL) broke a rule. Once; only channel_free is left. */
    void (*on_closed)(void *context, const struct fault *fault);
};

/* Takes `fd`. Both callbacks may call channel_free. `handler` must outlive the channel. */
struct channel *channel_new_take(struct loop *loop, int fd, const struct channel_handler *handler,
                                 void *context) MUST_USE;
/* Tries to send what is queued, without waiting, and closes. */
void channel_free(struct channel **channel);
/* Queue a message. Payload and descriptors are copied (dup): the caller keeps his. False when a
 * limit is exceeded or the channel is closed. */
bool channel_send(struct channel *channel, uint16_t type, struct bytes payload, const int *fds,
                  size_t n_fds, struct fault *fault) MUST_USE;

/* ---- Waiting, for start-up. ---- */

bool channel_send_now(int fd, uint16_t type, struct bytes payload, const int *fds, size_t n_fds,
                      int64_t timeout_ms, struct fault *fault) MUST_USE;
/* The payload is in a heap block of the message's own: channel_message_clear frees it and closes
 * the descriptors that were not taken. FAULT_CLOSED when the other side ended. */
bool channel_receive_now(int fd, struct channel_message *out, int64_t timeout_ms,
                         struct fault *fault) MUST_USE;
void channel_message_clear(struct channel_message *message);

#endif
