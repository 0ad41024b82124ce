// SPDX-License-Identifier: MIT
/* How others reach us: our own address as they see it, the port that we name, our Tor name.
 *
 * Our address is told to others only when a quorum of peers agrees on it, we listen, and no proxy
 * is used: with one, whatever a peer sees is the proxy's. */
#include "node/p2p/node_internal.h"

#include "base/clock.h"
#include "base/log.h"

/* Peers that we dialled ourselves: who dials us could choose to be many. */
void reach_learn(struct peer_conn *conn, const struct version_message *version)
{
    struct node *node = conn->owner;
    if (conn->ticket == 0 || node->settings.tor != TOR_OFF) {
        return;
    }
    struct peer_addr seen = peer_addr_of_wire(version->recv_ip, 0);
    struct peer_addr own;
    int64_t now_ms = clock_mono_ms();
    own_address_tell(&node->own_address, &conn->addr, &seen, now_ms);
    if (!own_address_agreed(&node->own_address, seen.kind, &own, now_ms)) {
        return;
    }
    own.port = reach_port(node);
    size_t family = own.kind == PEER_ADDR_IPV6;
    if (!peer_addr_equal(&node->own[family], &own)) {
        char text[PEER_ADDR_TEXT_BYTES];
        peer_addr_text(text, &own);
        log_info("p2p", "own address learned from peers address=%s",
                 log_scrub(LOG_LEVEL_INFO, text).text);
        node->own[family] = own;
        dial_forbid(node->dial, &own);
    }
}

uint16_t reach_port(const struct node *node)
{
    return node->external_port != 0 ? node->external_port : node->port;
}

uint16_t reach_port_for(const struct node *node, const struct peer_conn *conn)
{
    bool came_by_tor =
        conn->ticket == 0 && peer_addr_is_loopback(&conn->addr) && peer_addr_is_onion(&node->onion);
    if (came_by_tor) {
        return node->onion.port;
    }
    return node->settings.tor == TOR_STRICT ? 0 : reach_port(node);
}

size_t reach_own_entries(const struct node *node, uint32_t stream, struct addr_entry *out,
                         int64_t now_sec)
{
    size_t n = 0;
    if (node->stage != MONTH_OPEN) {
        return 0; /* nobody would be taken */
    }
    for (size_t i = 0; i < NODE_N_FAMILIES; i++) {
        struct peer_addr own = node->own[i];
        own.port = reach_port(node);
        if (own.kind == PEER_ADDR_NONE || own.port == 0 || node->n_listeners == 0) {
            continue;
        }
        out[n] = (struct addr_entry){.time_sec = (uint64_t)now_sec,
                                     .stream = stream,
                                     .services = SERVICE_NODE_NETWORK,
                                     .port = own.port};
        n += peer_addr_to_wire(out[n].ip, &own);
    }
    return n;
}

void node_set_external_port(struct node *node, uint16_t port)
{
    if (port != node->external_port) {
        log_info("p2p", "reachable through the router port=%u", (unsigned)port);
    }
    node->external_port = port;
}

bool reach_open(struct node *node, struct fault *fault)
{
    char host[NETADDR_HOST_BYTES];
    uint16_t port;
    if (node->settings.onion[0] == '\0') {
        return true;
    }
    enum { DEFAULT_ONION_PORT = 8444 };
    if (!netaddr_split_host(host, &port, node->settings.onion, DEFAULT_ONION_PORT, fault)) {
        return fault_wrap(fault, "[node] onion");
    }
    if (!peer_addr_of_host(&node->onion, bytes_of_str(host), port) ||
        !peer_addr_is_onion(&node->onion) || port == 0) {
        return fault_set(fault, FAULT_INVALID, "[node] onion: '%s' is no Tor name with a port",
                         node->settings.onion);
    }
    dial_forbid(node->dial, &node->onion);
    return true;
}
