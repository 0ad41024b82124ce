// SPDX-License-Identifier: MIT
/* Dialling: what dial.h decides is done here, by the proxy, after a look-up, or at once. Also how a
 * node that knows nobody gets introduced. With a proxy no name is looked up here. */
#include "node/p2p/node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/dns.h"
#include "base/log.h"

enum { DIALS_A_TICK = 8, DEFAULT_PORT = 8444, DEFAULT_SOCKS_PORT = 9050 };

/* A name that is being looked up: for a dial (ticket), or for introductions (0). */
struct lookup {
    struct list_node node;
    struct node *owner;
    struct dns_query *query;
    struct dial_target target;
};

static bool is_connected(void *context, const struct peer_addr *addr)
{
    const struct node *node = context;
    bool same_place_only = node->network.allow_loopback && peer_addr_is_loopback(addr);
    list_for_each(place, &node->conns)
    {
        const struct peer_addr *other = &list_entry(place, struct peer_conn, node)->addr;
        if (peer_addr_equal(other, addr) ||
            (!same_place_only && peer_addr_same_host(other, addr))) {
            return true;
        }
    }
    return limits_is_banned(node->limits, addr, clock_mono_ms());
}

static void free_lookup(struct lookup *lookup)
{
    list_remove(&lookup->node);
    free(lookup);
}

static void on_resolved(void *context, const struct netaddr *addresses, size_t n_addresses,
                        const struct fault *fault)
{
    struct lookup *lookup = context;
    struct node *node = lookup->owner;
    if (fault != NULL) {
        log_debug("p2p", "look-up failed fault=\"%s\"", fault->text);
    }
    if (lookup->target.ticket == 0) {
        for (size_t i = 0; i < n_addresses; i++) {
            struct peer_addr addr = peer_addr_of_wire(addresses[i].ip, addresses[i].port);
            if (peer_addr_is_global(&addr)) {
                peer_book_add(node->book, &addr, clock_now_sec(), clock_now_sec());
            }
        }
    } else if (n_addresses > 0) {
        conn_dial(node, &lookup->target, &addresses[0]);
    } else {
        dial_ended(node->dial, lookup->target.ticket, clock_mono_ms(), clock_now_sec());
    }
    free_lookup(lookup);
}

static void look_up(struct node *node, const struct dial_target *target)
{
    if (node->dns == NULL) {
        dial_ended(node->dial, target->ticket, clock_mono_ms(), clock_now_sec());
        return;
    }
    struct lookup *lookup = xcalloc(1, sizeof *lookup);
    lookup->owner = node;
    lookup->target = *target;
    list_append(&node->lookups, &lookup->node);
    lookup->query = dns_resolve(node->dns, target->host, target->port, on_resolved, lookup);
}

static void dial_one(struct node *node, const struct dial_target *target)
{
    struct netaddr address = {.port = target->port};
    if (node->settings.tor != TOR_OFF) {
        conn_dial(node, target, NULL);
    } else if (target->addr.kind == PEER_ADDR_NONE) {
        look_up(node, target);
    } else if (peer_addr_to_wire(address.ip, &target->addr)) {
        conn_dial(node, target, &address);
    } else {
        dial_ended(node->dial, target->ticket, clock_mono_ms(), clock_now_sec());
    }
}

/* The nodes that are built in are those of the public network. */
static void ask_for_introductions(struct node *node, int64_t now_sec)
{
    if (node->network.magic == FRAME_MAGIC) {
        peer_book_add_defaults(node->book, now_sec);
    }
    for (size_t i = 0; i < node->n_bootstrap; i++) {
        struct dial_target target = node->bootstrap[i];
        if (node->dns != NULL) {
            look_up(node, &target);
        } else if (node->settings.tor != TOR_OFF) {
            target.ticket = dial_begin_introduction(node->dial);
            conn_dial(node, &target, NULL);
        }
    }
}

void dialling_tick(struct node *node, int64_t now_ms)
{
    struct dial_target target;
    int64_t now_sec = clock_now_sec();
    if (node->stage == MONTH_SILENT) {
        return;
    }
    for (int i = 0; i < DIALS_A_TICK && dial_next(node->dial, &target, now_ms, now_sec); i++) {
        dial_one(node, &target);
    }
    if (dial_wants_bootstrap(node->dial, now_sec)) {
        ask_for_introductions(node, now_sec);
    }
}

/* ---- settings */

static bool parse_bootstrap(struct node *node, struct fault *fault)
{
    char *copy = xstrdup(node->network.bootstrap_hosts);
    char *rest = copy;
    bool ok = true;
    for (char *word; ok && (word = strsep(&rest, ", \t")) != NULL;) {
        if (word[0] == '\0') {
            continue;
        }
        if (node->n_bootstrap == NODE_MAX_BOOTSTRAP) {
            ok = fault_set(fault, FAULT_LIMIT, "more than %d names", NODE_MAX_BOOTSTRAP);
            break;
        }
        struct dial_target *target = &node->bootstrap[node->n_bootstrap++];
        ok = netaddr_split_host(target->host, &target->port, word, DEFAULT_PORT, fault);
    }
    free(copy);
    return ok || fault_wrap(fault, "[network] bootstrap_hosts");
}

bool dialling_open(struct node *node, struct fault *fault)
{
    bool by_proxy = node->settings.tor != TOR_OFF;
    struct dial_options options = {
        .connect = node->network.connect,
        .default_port = DEFAULT_PORT,
        .others = node->network.bootstrap,
        .max_outbound = node->settings.max_outbound,
        .by_proxy = by_proxy,
        .allow_loopback = node->network.allow_loopback,
        .is_connected = is_connected,
        .context = node,
    };
    if (by_proxy && !netaddr_parse(&node->proxy, node->settings.socks, DEFAULT_SOCKS_PORT, fault)) {
        return fault_wrap(fault, "[node] socks");
    }
    if (!parse_bootstrap(node, fault)) {
        return false;
    }
    node->dial = dial_new(&options, node->book, fault);
    return node->dial != NULL;
}

void dialling_close(struct node *node)
{
    list_for_each(place, &node->lookups)
    {
        struct lookup *lookup = list_entry(place, struct lookup, node);
        dns_cancel(&lookup->query);
        free_lookup(lookup);
    }
}
