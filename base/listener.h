// SPDX-License-Identifier: MIT
/* Listening sockets: made here (by the supervisor, which keeps them) and served here (by a child).
 *
 * When the process has no descriptors left, accepting pauses for LISTENER_BACKOFF_MS and says so in
 * the log; connections wait in the kernel's queue. */
#ifndef BITTERN_BASE_LISTENER_H
#define BITTERN_BASE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/netaddr.h"

struct loop;
struct listener;

enum { LISTENER_BACKOFF_MS = 500, LISTENER_BACKLOG = 256, LISTENER_ACCEPTS_A_TURN = 32 };

/* Bind and listen. Port 0 picks a free one (listener_port tells). FAULT_EXISTS when the port is
 * taken, FAULT_DENIED when it may not be had; the text names the address. The result is the
 * caller's, close-on-exec and non-blocking; -1 on failure. */
int listener_bind(const struct netaddr *address, struct fault *fault) MUST_USE;
/* A UDP socket that may send broadcasts; others on this machine may share its port. */
int listener_bind_datagrams(const struct netaddr *address, struct fault *fault) MUST_USE;
/* A Unix socket at `path` with `mode`, of `group` (NULL or "": unchanged). A dead socket file in
 * the way is replaced; one that answers is FAULT_EXISTS; any other file is FAULT_EXISTS too. */
int listener_bind_unix(const char *path, mode_t mode, const char *group,
                       struct fault *fault) MUST_USE;
/* The port that a TCP listener got; 0 for a Unix socket. */
uint16_t listener_port(int fd) MUST_USE;

/* Serve a listening socket, which is taken. on_accept owns `fd` (non-blocking, close-on-exec);
 * `peer` is {0} for a Unix socket. */
struct listener *listener_new_take(struct loop *loop, int fd,
                                   void (*on_accept)(void *context, int fd,
                                                     const struct netaddr *peer),
                                   void *context) MUST_USE;
/* Allowed inside on_accept. */
void listener_free(struct listener **listener);
/* Stop accepting and start again; for a server with as many sessions as it may have. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);

#endif
