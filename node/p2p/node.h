// SPDX-License-Identifier: MIT
/* The node's front door: everything that speaks with other nodes, and the link to the gateway.
 *
 * It needs a loop, a folder for objects.db and peers.db, listening sockets (made by others) and the
 * settings. Without a link it is a relay that only helps the network. */
#ifndef BITTERN_NODE_P2P_NODE_H
#define BITTERN_NODE_P2P_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "config/settings.h"
#include "node/link/node_figures.h"

struct loop;
struct node;
struct dns;

struct node_options {
    const char *folder; /* must exist */
    const struct node_settings *node;
    const struct network_settings *network;
    struct dns *dns; /* taken; NULL: names are not looked up (Tor mode) */
    /* The store broke, or the node can't go on for another reason: stop and start again. */
    void (*on_broken)(void *context);
    void *context;
};

struct node *node_new(struct loop *loop, const struct node_options *options,
                      struct fault *fault) MUST_USE;
/* Ends all connections, writes what is left. */
void node_free(struct node **node);

/* Serve a listening socket, which is taken. */
void node_listen_take(struct node *node, int fd);
/* Find neighbours by a UDP socket, which is taken; ignored with a proxy. */
void node_lan_take(struct node *node, int fd);
/* The router forwards that port to ours. */
void node_set_external_port(struct node *node, uint16_t port);
/* Talk to a gateway over `fd`, which is taken; an earlier one is dropped. */
void node_link_take(struct node *node, int fd);
/* Begin to dial. */
void node_start(struct node *node);

struct node_figures node_status(const struct node *node) MUST_USE;

#endif
