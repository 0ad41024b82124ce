// SPDX-License-Identifier: MIT
#include "node/p2p/node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/dns.h"
#include "base/listener.h"
#include "base/log.h"

enum {
    MS_PER_SEC = 1000,
    TICK_MS = 500,
    SAVE_PERIOD_MS = 300 * MS_PER_SEC,
    EXPIRE_PERIOD_MS = 300 * MS_PER_SEC,
    TELL_PERIOD_MS = 600 * MS_PER_SEC,
    DIALS_A_TICK = 8
};

static const uint64_t own_streams[] = {NODE_STREAM};

static const struct dial_target bootstrap_targets[] = {
    {.host = "bootstrap8080.bitmessage.org", .port = 8080},
    {.host = "bootstrap8444.bitmessage.org", .port = 8444},
};

/* A name that is being looked up: for a dial (ticket), or for introductions (0). */
struct lookup {
    struct list_node node;
    struct node *owner;
    struct dns_query *query;
    struct dial_target target;
};

/* ---- small services for the others */

struct peer_conn *node_conn(const struct node *node, uint32_t id)
{
    return map_get_u64(&node->by_id, id);
}

void node_misdeed(struct peer_conn *conn, enum misdeed misdeed)
{
    struct node *node = conn->owner;
    if (limits_misdeed(node->limits, &conn->addr, misdeed, clock_mono_ms())) {
        if (conn->peer.state == PEER_ESTABLISHED) {
            peer_send_error_and_close(&conn->peer, LIMITS_BAN_SEC,
                                      "Too many breaches of protocol.");
            conn_flush(conn);
        }
        conn_close(conn);
    }
}

/* ---- the store's news */

static void on_written(void *context, uint64_t number)
{
    struct node *node = context;
    (void)number;
    link_serve_wake(node->link);
}

static void on_removed(void *context, uint32_t slot, const uint8_t hash[OBJECT_HASH_BYTES],
                       enum inventory_removal why)
{
    struct node *node = context;
    list_for_each(place, &node->conns)
    {
        slot_set_remove(&list_entry(place, struct peer_conn, node)->known, slot);
    }
    dandelion_fluff(node->dandelion, hash);
    if (why == INVENTORY_EVICTED) {
        sync_refused(node->sync, 0, hash, clock_mono_ms());
    }
}

static void on_room(void *context)
{
    struct node *node = context;
    list_for_each(place, &node->conns)
    {
        conn_resume(list_entry(place, struct peer_conn, node));
    }
}

static void on_broken(void *context)
{
    struct node *node = context;
    node->on_broken(node->context);
}

static const struct inventory_handler inventory_handler = {on_written, on_removed, on_room,
                                                           on_broken};

/* ---- dialling */

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
        dial_ended(node->dial, lookup->target.ticket, clock_mono_ms());
    }
    free_lookup(lookup);
}

static void look_up(struct node *node, const struct dial_target *target)
{
    if (node->dns == NULL) {
        dial_ended(node->dial, target->ticket, clock_mono_ms());
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
        dial_ended(node->dial, target->ticket, clock_mono_ms());
    }
}

static void dial_some(struct node *node, int64_t now_ms)
{
    struct dial_target target;
    int64_t now_sec = clock_now_sec();
    for (int i = 0; i < DIALS_A_TICK && dial_next(node->dial, &target, now_ms, now_sec); i++) {
        dial_one(node, &target);
    }
    if (!dial_wants_bootstrap(node->dial, now_sec)) {
        return;
    }
    peer_book_add_defaults(node->book, now_sec);
    for (size_t i = 0; i < ARRAY_LEN(bootstrap_targets) && node->dns != NULL; i++) {
        look_up(node, &bootstrap_targets[i]);
    }
}

/* ---- time */

static void tell_figures(struct node *node)
{
    struct node_status status = node_status(node);
    log_info("p2p", "node peers_in=%zu peers_out=%zu objects=%llu wanted=%zu in=%llu out=%llu",
             status.n_peers_in, status.n_peers_out, (unsigned long long)status.inventory.n_objects,
             status.n_wanted, (unsigned long long)status.bytes_in,
             (unsigned long long)status.bytes_out);
}

static bool is_time(int64_t *last_ms, int64_t now_ms, int64_t period_ms)
{
    if (now_ms - *last_ms < period_ms) {
        return false;
    }
    *last_ms = now_ms;
    return true;
}

static void on_tick(void *context)
{
    struct node *node = context;
    int64_t now_ms = clock_mono_ms();
    exchange_tick(node, now_ms);
    list_for_each(place, &node->conns)
    {
        conn_tick(list_entry(place, struct peer_conn, node), now_ms);
    }
    dial_some(node, now_ms);
    if (is_time(&node->expired_ms, now_ms, EXPIRE_PERIOD_MS)) {
        peer_book_expire(node->book, clock_now_sec());
    }
    if (is_time(&node->saved_ms, now_ms, SAVE_PERIOD_MS)) {
        peer_store_save(node->peer_store, node->book);
    }
    if (is_time(&node->told_ms, now_ms, TELL_PERIOD_MS)) {
        tell_figures(node);
    }
}

void node_start(struct node *node)
{
    int64_t now_ms = clock_mono_ms();
    node->started = true;
    node->saved_ms = now_ms;
    node->expired_ms = now_ms;
    node->told_ms = now_ms;
    timer_arm_periodic(&node->tick_timer, TICK_MS);
    dial_some(node, now_ms);
}

/* ---- listening, the link */

static void on_accept(void *context, int fd, const struct netaddr *peer)
{
    conn_accept_take(context, fd, peer);
}

void node_listen_take(struct node *node, int fd)
{
    if (node->n_listeners == NODE_MAX_LISTENERS) {
        log_warn("p2p", "more than %d listening sockets", NODE_MAX_LISTENERS);
        return;
    }
    if (node->port == 0) {
        node->port = listener_port(fd);
    }
    node->listeners[node->n_listeners++] = listener_new_take(node->loop, fd, on_accept, node);
}

void node_link_take(struct node *node, int fd)
{
    link_serve_take(node, fd);
}

/* ---- making it */

static bool open_stores(struct node *node, const char *folder, struct fault *fault)
{
    char *objects = xasprintf("%s/objects.db", folder);
    char *peers = xasprintf("%s/peers.db", folder);
    struct inventory_options options = {.path = objects,
                                        .max_objects = node->settings.max_objects,
                                        .max_bytes = node->settings.max_object_bytes};
    node->peer_store = peer_store_open(node->loop, peers, node->book, clock_now_sec(), fault);
    if (node->peer_store != NULL) {
        node->inventory = inventory_open(node->loop, &options, &inventory_handler, node, fault);
    }
    free(objects);
    free(peers);
    return node->inventory != NULL;
}

static bool open_network(struct node *node, struct fault *fault)
{
    bool by_proxy = node->settings.tor != TOR_OFF;
    struct dial_options options = {
        .connect = node->network.connect,
        .default_port = 8444,
        .others = node->network.bootstrap,
        .max_outbound = node->settings.max_outbound,
        .by_proxy = by_proxy,
        .allow_loopback = node->network.allow_loopback,
        .is_connected = is_connected,
        .context = node,
    };
    if (by_proxy && !netaddr_parse(&node->proxy, node->settings.socks, 9050, fault)) {
        return fault_wrap(fault, "[node] socks");
    }
    node->dial = dial_new(&options, node->book, fault);
    if (node->dial == NULL) {
        return false;
    }
    if (node->network.tls) {
        node->tls = tls_context_new_peer(fault);
    }
    if (node->settings.max_download_kib > 0 || node->settings.max_upload_kib > 0) {
        node->rate = io_rate_new(node->loop, (uint64_t)node->settings.max_download_kib * 1024,
                                 (uint64_t)node->settings.max_upload_kib * 1024);
    }
    return !node->network.tls || node->tls != NULL;
}

static void make_parts(struct node *node)
{
    struct limits_options limits = {
        .max_inbound = node->settings.max_inbound,
        .max_per_address = node->settings.max_per_address,
        .exempt_loopback = node->network.allow_loopback,
    };
    node->rules = (struct object_rules){
        .streams = own_streams,
        .n_streams = ARRAY_LEN(own_streams),
        .least = {node->network.least_trials_per_byte, node->network.least_extra_bytes},
    };
    node->book = peer_book_new();
    node->limits = limits_new(&limits);
    node->dandelion = dandelion_new(node->network.dandelion, clock_mono_ms());
    node->sync = sync_new();
    list_init(&node->conns);
    list_init(&node->lookups);
    timer_init(&node->tick_timer, node->loop, on_tick, node);
    announce_start(node);
}

struct node *node_new(struct loop *loop, const struct node_options *options, struct fault *fault)
{
    struct node *node = xcalloc(1, sizeof *node);
    node->loop = loop;
    node->settings = *options->node;
    node->network = *options->network;
    node->on_broken = options->on_broken;
    node->context = options->context;
    node->dns = options->dns;
    make_parts(node);
    if (!open_stores(node, options->folder, fault) || !open_network(node, fault)) {
        node_free(&node);
    }
    return node;
}

void node_free(struct node **node)
{
    struct node *it = *node;
    if (it == NULL) {
        return;
    }
    it->started = false;
    timer_cancel(&it->tick_timer);
    announce_clear(it);
    for (size_t i = 0; i < it->n_listeners; i++) {
        listener_free(&it->listeners[i]);
    }
    list_for_each(place, &it->conns)
    {
        conn_free(list_entry(place, struct peer_conn, node));
    }
    list_for_each(place, &it->lookups)
    {
        struct lookup *lookup = list_entry(place, struct lookup, node);
        dns_cancel(&lookup->query);
        free_lookup(lookup);
    }
    if (it->peer_store != NULL) {
        peer_store_save(it->peer_store, it->book);
    }
    peer_store_close(&it->peer_store);
    inventory_free(&it->inventory);
    link_serve_free(&it->link);
    dns_free(&it->dns);
    tls_context_free(&it->tls);
    io_rate_free(&it->rate);
    dial_free(&it->dial);
    sync_free(&it->sync);
    dandelion_free(&it->dandelion);
    limits_free(&it->limits);
    peer_book_free(&it->book);
    map_clear(&it->by_id);
    map_clear(&it->stem_parents);
    free(it);
    *node = NULL;
}
