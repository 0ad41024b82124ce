// SPDX-License-Identifier: MIT
#include "node/p2p/node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/dns.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/process.h"

enum {
    MS_PER_SEC = 1000,
    TICK_MS = 500,
    SAVE_PERIOD_MS = 300 * MS_PER_SEC,
    EXPIRE_PERIOD_MS = 300 * MS_PER_SEC,
    TELL_PERIOD_MS = 600 * MS_PER_SEC
};

/* ---- small services for the others */

struct peer_conn *node_conn(const struct node *node, uint32_t id)
{
    return map_get_u64(&node->by_id, id);
}

void node_misdeed(struct peer_conn *conn, enum misdeed misdeed)
{
    struct node *node = conn->owner;
    node_count(node, (enum node_figure)(FIGURE_MISDEED_BROKEN_STREAM + (int)misdeed), 1);
    if (limits_misdeed(node->limits, &conn->addr, misdeed, clock_mono_ms())) {
        node_count(node, FIGURE_BANS, 1);
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

/* ---- time */

static void tell_figures(struct node *node)
{
    struct node_figures figures = node_status(node);
    const uint64_t *values = figures.values;
    log_info(
        "p2p",
        "node colour=%s peers_in=%llu peers_out=%llu objects=%llu wanted=%llu in=%llu "
        "out=%llu banned=%llu",
        node_colour_name(values[FIGURE_COLOUR]), (unsigned long long)values[FIGURE_PEERS_IN],
        (unsigned long long)values[FIGURE_PEERS_OUT], (unsigned long long)values[FIGURE_OBJECTS],
        (unsigned long long)values[FIGURE_WANTED], (unsigned long long)values[FIGURE_BYTES_IN],
        (unsigned long long)values[FIGURE_BYTES_OUT], (unsigned long long)values[FIGURE_BANNED]);
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
    traffic_tick(node);
    node_status_tick(node, now_ms);
    list_for_each(place, &node->conns)
    {
        conn_tick(list_entry(place, struct peer_conn, node), now_ms);
    }
    dialling_tick(node, now_ms);
    if (is_time(&node->expired_ms, now_ms, EXPIRE_PERIOD_MS)) {
        peer_book_expire(node->book, clock_now_sec());
    }
    onion_announce_tick(node);
    if (is_time(&node->saved_ms, now_ms, SAVE_PERIOD_MS)) {
        peer_store_save(node->peer_store, node->book, &node->month);
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
    node->rated_ms = now_ms;
    timer_arm_periodic(&node->tick_timer, TICK_MS);
    dialling_tick(node, now_ms);
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
        process_close_fd(&fd);
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
    struct peer_store_contents contents = {
        .book = node->book, .month = &node->month, .magic = node->network.magic};
    node->peer_store = peer_store_open(node->loop, peers, &contents, clock_now_sec(), fault);
    if (contents.was_other_network) {
        /* Its objects may be worth less work than this one's, and would be taken for misdeeds. */
        char *aside = db_set_aside(objects, "other-network");
        log_warn("p2p", "the objects are of another network and were set aside file=%s", aside);
        free(aside);
    }
    if (node->peer_store != NULL) {
        node->inventory = inventory_open(node->loop, &options, &inventory_handler, node, fault);
    }
    free(objects);
    free(peers);
    return node->inventory != NULL;
}

static bool open_network(struct node *node, struct fault *fault)
{
    if (!dialling_open(node, fault) || !reach_open(node, fault) ||
        !onion_announce_open(node, fault)) {
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
        .max_per_network = node->settings.max_per_network,
        /* All who come through Tor come from one address. */
        .exempt_loopback = node->network.allow_loopback || node->settings.onion[0] != '\0',
    };
    node->rules = (struct object_rules){
        .streams = node->streams.numbers,
        .n_streams = node->streams.n_numbers,
        .any_stream = node->network.foreign_streams,
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
    node->month.cap_bytes = node->settings.monthly_cap;
    bool ok = streams_parse(&node->streams, node->network.streams, fault) ||
              fault_wrap(fault, "[network] streams");
    make_parts(node);
    if (!ok || !open_stores(node, options->folder, fault) || !open_network(node, fault)) {
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
    dialling_close(it);
    lan_free(&it->lan);
    onion_announce_free(&it->onion_announce);
    if (it->peer_store != NULL) {
        traffic_tick(it);
        peer_store_save(it->peer_store, it->book, &it->month);
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
