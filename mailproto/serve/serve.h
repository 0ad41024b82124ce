// SPDX-License-Identifier: MIT
/* A server: listening sockets, and a session behind each connection.
 *
 * The only room of mailproto with sockets. It joins a protocol's sans-IO sessions (protocol.h) to
 * base's io, TLS and timers, holds the limits on connections, and knows nothing of what is said. */
#ifndef BITTERN_MAILPROTO_SERVE_SERVE_H
#define BITTERN_MAILPROTO_SERVE_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct fault;
struct loop;
struct serve;
struct serve_protocol;
struct tls_context;

struct serve_limits {
    size_t max_sessions;             /* 0: SERVE_DEFAULT_MAX_SESSIONS. When so many are there, the
                                        oldest without a login makes room for a new one */
    size_t max_sessions_per_address; /* 0: SERVE_DEFAULT_MAX_PER_ADDRESS; loopback and Unix sockets
                                        are only held to max_sessions */
};

enum {
    SERVE_DEFAULT_MAX_SESSIONS = 10000,
    SERVE_DEFAULT_MAX_PER_ADDRESS = 100,
    SERVE_INPUT_MAX_BYTES = 65536, /* unread input of one session */
    SERVE_TLS_HANDSHAKE_TIMEOUT_SEC = 30,
    SERVE_SEND_TIMEOUT_SEC =
        300, /* a client that takes nothing off its socket for so long is left */
    SERVE_SHUTDOWN_TIMEOUT_SEC = 3
};

enum serve_socket {
    SERVE_SOCKET_TCP,
    SERVE_SOCKET_TLS, /* TLS from the first byte */
    SERVE_SOCKET_UNIX
};

/* `protocol`, `server` and `tls` (NULL: no TLS) must outlive it. */
struct serve *serve_new(struct loop *loop, const struct serve_protocol *protocol, void *server,
                        struct tls_context *tls, struct serve_limits limits) MUST_USE;
/* Takes over `fd`, a listening socket, also on failure. */
bool serve_listen_take(struct serve *serve, int fd, enum serve_socket kind,
                       struct fault *fault) MUST_USE;
size_t serve_count_sessions(const struct serve *serve) MUST_USE;
/* Accept nobody any more, tell all sessions to shut down; those still there after
 * SERVE_SHUTDOWN_TIMEOUT_SEC are cut off. `done` (may be NULL) is called when none is left. */
void serve_shut_down(struct serve *serve, void (*done)(void *context), void *context);
/* Cuts off what is left. */
void serve_free(struct serve **serve);

#endif
