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
#ifndef BITTERN_BASE_IO_INTERNAL_H
#define BITTERN_BASE_IO_INTERNAL_H

#include "base/byte_queue.h"
#include "base/io.h"
#include "base/io_rate.h"
#include "base/loop.h"
#include "base/timer.h"

enum { IO_TLS_RECORD_BYTES = 16 * 1024 };

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

static inline bool io_alive(const struct io *io)
{
    return io->state == IO_STATE_CONNECTING || io->state == IO_STATE_OPEN;
}

static inline bool io_has_failed(const struct io *io)
{
    return io->fault.code != FAULT_NONE;
}

/* ---- io_flow.c: what moves. ---- */

/* The descriptor goes at once, the struct at the end of the turn. */
void io_die(struct io *io);
/* io->fault says why the connection is of no use any more: note it, to be told. */
void io_fail(struct io *io);
/* The same for want of memory. */
void io_fail_memory(struct io *io);
void io_fail_errno(struct io *io, int error, const char *what);
/* Arm the timer for what is due first: the deadline or the end of the idle time. */
void io_schedule(struct io *io);
/* Encrypt and send as far as the kernel takes it. */
void io_send_output(struct io *io);
void io_update_watch(struct io *io);

/* Callbacks. */
void io_on_ready(void *context, unsigned ready);
void io_on_timer(void *context);
void io_on_rate_wake(void *context);
void io_on_work(void *context);
void io_end_with_loop(void *context);

/* ---- io_tls.c. ---- */

/* Shake hands, then decrypt what is here, as far as the input has room. */
void io_run_tls(struct io *io);
/* Encrypt what waits, as far as the output has room. */
void io_encrypt(struct io *io);
/* True when io_run_tls stopped because it had no more, not because the input had no room. */
bool io_tls_is_used_up(const struct io *io);

#endif
