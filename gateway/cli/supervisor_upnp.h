// SPDX-License-Identifier: MIT
/* Keeps a port of the router forwarded to ours, by running bittern-upnp: at the start, again before
 * the lease is over, and once more at the end to take it back. Our own port is asked for first,
 * then others at random; the node is told which it became. */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_UPNP_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_UPNP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/timer.h"

struct loop;

enum { UPNP_MAX_PORTS = 10 };

struct upnp_keeper {
    char *path; /* NULL: off */
    int log_fd;
    uint16_t port;
    uint16_t external; /* asked for, or had */
    bool is_mapped;
    unsigned n_taken; /* ports that were, in a row */
    pid_t pid;        /* of the helper that runs; 0: none */
    struct timer again;
    void (*on_mapped)(void *context, uint16_t external);
    void *context;
};

/* `path` is taken. Idle until upnp_begin. */
void upnp_init_take(struct upnp_keeper *keeper, struct loop *loop, char *path, int log_fd,
                    void (*on_mapped)(void *context, uint16_t external), void *context);
/* Ask for our port; nothing happens when it is off. */
void upnp_begin(struct upnp_keeper *keeper, uint16_t port);
/* After SIGCHLD. */
void upnp_reap(struct upnp_keeper *keeper);
/* Take the mapping back; nobody waits for it. */
void upnp_end(struct upnp_keeper *keeper);

#endif
