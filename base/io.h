// SPDX-License-Identifier: MIT
/* One stream connection: socket, TLS, buffers, time-outs and rates behind one struct and one
 * callback. A session never sees the socket, libevent or OpenSSL.
 *
 * Input gathers in a buffer: look at it with io_input, drop what was used with io_consume. Reading
 * stops by itself while the buffer is at its limit, and by io_pause. Output is queued and sent at
 * the end of the turn; when more than the high mark is queued the owner should stop producing until
 * IO_LOWAT. So a slow reader costs a bounded amount of memory both ways.
 *
 * The callback may call anything here, io_free included: the struct itself goes at the end of the
 * turn. No event comes after io_free or io_close. An idle plain connection holds no buffer. */
#ifndef BITTERN_BASE_IO_H
#define BITTERN_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/netaddr.h"
#include "base/tls.h"

struct loop;
struct io;
struct io_rate;

enum io_event {
    IO_CONNECTED, /* the connection that io_connect_... began stands */
    IO_TLS_READY, /* the handshake that io_start_tls began is done */
    IO_DATA,      /* there is more input */
    IO_LOWAT,     /* output has fallen to the low mark, having been above the high mark */
    IO_EOF,       /* the other side sends no more; output may still go */
    IO_TIMEOUT,   /* no byte went either way for the idle time, or the connection did not stand, or
                     TLS was not ready, in its time; io_free or go on */
    IO_ERROR      /* broken, io_fault says why; only io_free is left to do */
};

enum {
    IO_DEFAULT_INPUT_LIMIT_BYTES = 64 * 1024,
    IO_DEFAULT_HIGH_MARK_BYTES = 64 * 1024,
    IO_DEFAULT_LOW_MARK_BYTES = 16 * 1024,
    IO_TLS_TIMEOUT_MS = 30 * 1000,  /* a handshake that takes longer is an IO_TIMEOUT */
    IO_CLOSE_TIMEOUT_MS = 10 * 1000 /* io_close waits so long at most for the other side */
};

/* Over a connected socket, which is taken: from a listener, a socketpair, the supervisor. */
struct io *io_new_take(struct loop *loop, int fd,
                       void (*on_event)(struct io *io, enum io_event event, void *context),
                       void *context) MUST_USE;
/* Begin to connect: IO_CONNECTED, IO_ERROR or (after `timeout_ms`) IO_TIMEOUT follows, never from
 * within this call. NULL only when no socket can be had at all. */
struct io *io_connect(struct loop *loop, const struct netaddr *address, int64_t timeout_ms,
                      void (*on_event)(struct io *io, enum io_event event, void *context),
                      void *context, struct fault *fault) MUST_USE;
struct io *io_connect_unix(struct loop *loop, const char *path, int64_t timeout_ms,
                           void (*on_event)(struct io *io, enum io_event event, void *context),
                           void *context, struct fault *fault) MUST_USE;

/* Close at once, dropping what is queued. */
void io_free(struct io **io);
/* Give it up, but send first what is queued; the io closes and frees itself, without events, when
 * the other side has got all or IO_CLOSE_TIMEOUT_MS are over. */
void io_close(struct io **io);
/* No more output: once all is sent the other side sees the end. Input goes on. */
void io_finish_output(struct io *io);

/* Change who is called: a session that passes its connection on. */
void io_set_callback(struct io *io,
                     void (*on_event)(struct io *io, enum io_event event, void *context),
                     void *context);

/* ---- Input. ---- */

/* All input that is there; borrowed until the next call on this io that reads or consumes. */
struct bytes io_input(const struct io *io) MUST_USE;
/* Drop `len` bytes (<= io_input().len) from the front. */
void io_consume(struct io *io, size_t len);
/* Drop all input; returns how much it was. Before STARTTLS: what was sent in clear text behind the
 * command must not count as said under TLS (RFC 3207 section 5, RFC 9051 section 6.2.1). */
size_t io_discard_input(struct io *io);
/* No reading while so much is buffered (>= 1). A session that waits for a longer unit raises it. */
void io_set_input_limit(struct io *io, size_t limit);
/* Stop reading and IO_DATA until io_resume; input that is left then gives IO_DATA in the next turn.
 * IO_EOF also waits. */
void io_pause(struct io *io);
void io_resume(struct io *io);

/* ---- Output. ---- */

/* Queue a copy. After an error or io_finish_output it is dropped. */
void io_write(struct io *io, struct bytes bytes);
/* Bytes queued and not yet taken by the kernel. */
size_t io_output_len(const struct io *io) MUST_USE;
/* True while the owner should produce no more; an IO_LOWAT will follow. */
bool io_output_is_full(const struct io *io) MUST_USE;
/* low <= high. With (0, 0) each time that all was sent gives an IO_LOWAT. */
void io_set_output_marks(struct io *io, size_t low, size_t high);

/* ---- TLS. ---- */

/* What happens to input that was received but not consumed when TLS starts. */
enum io_tls_input {
    IO_TLS_NO_INPUT,  /* there must be none: false (FAULT_INVALID) if there is */
    IO_TLS_FEED_INPUT /* it is the beginning of the other side's TLS */
};
/* The next byte in both directions is TLS: output queued before goes in clear, output written from
 * now on waits for the handshake. IO_TLS_READY, IO_ERROR or IO_TIMEOUT follows. */
bool io_start_tls(struct io *io, struct tls_context *context, enum tls_role role,
                  enum io_tls_input input, struct fault *fault) MUST_USE;
bool io_is_tls(const struct io *io) MUST_USE;
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or NULL. Borrowed from the io. */
const char *io_describe_tls(const struct io *io) MUST_USE;

/* ---- Time, rates, facts. ---- */

/* IO_TIMEOUT when no byte was received or sent for `idle_ms`; 0: never (the default). */
void io_set_timeout(struct io *io, int64_t idle_ms);
/* Share `rate` with its other members; NULL: unbounded. The rate must outlive the io. */
void io_set_rate(struct io *io, struct io_rate *rate);

/* Why IO_ERROR came. */
const struct fault *io_fault(const struct io *io) MUST_USE;
/* {0} for a Unix socket. */
struct netaddr io_peer(const struct io *io) MUST_USE;
struct netaddr io_local(const struct io *io) MUST_USE;
bool io_is_unix(const struct io *io) MUST_USE;
/* The user at the other end of a Unix socket; false for TCP. */
bool io_peer_uid(const struct io *io, uid_t *out_uid) MUST_USE;
/* Bytes on the wire so far. */
uint64_t io_bytes_received(const struct io *io) MUST_USE;
uint64_t io_bytes_sent(const struct io *io) MUST_USE;

/* A token bucket that many ios share; 0: unbounded in that direction. A tenth of a second's worth
 * may burst. */
struct io_rate *io_rate_new(struct loop *loop, uint64_t in_bytes_per_sec,
                            uint64_t out_bytes_per_sec) MUST_USE;
/* All its ios were freed before. */
void io_rate_free(struct io_rate **rate);

#endif
