// SPDX-License-Identifier: MIT
/* The gateway's link, served: scans of the store in the order of arrival as far as the gateway's
 * credit goes, publishing, look-ups by tag, status.
 *
 * A scan is a number: the last that was sent. So the live scan needs no queue of its own, and new
 * objects are simply those with greater numbers. A publish is answered when the disk has come as
 * far as its object. */
#include "node/p2p/node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    OBJECTS_A_TURN = 64,
    LINK_LOW_MARK_BYTES = 256 * 1024,
    LINK_HIGH_MARK_BYTES = 1024 * 1024,
    MAX_FOUND = 32
};

struct scan {
    bool running;
    bool caught_up;
    uint32_t id;
    uint64_t number;
};

struct pending_publish {
    uint64_t request;
    uint64_t number;
    enum link_verdict verdict;
};

struct pending_find {
    uint64_t request;
    struct slot_ref found[MAX_FOUND];
    size_t n_found;
    size_t n_sent;
};

struct gateway_link {
    struct node *node;
    struct io *io;
    struct link_node *link;
    struct deferred go_on;
    bool is_dead; /* the io is gone; the struct stays until it is replaced */
    struct scan scans[1 + LINK_MAX_SCANS];
    struct pending_publish publishes[LINK_MAX_PENDING];
    size_t n_publishes;
    struct pending_find finds[LINK_MAX_PENDING];
    size_t n_finds;
};

static struct link_epoch epoch_of(const struct node *node)
{
    struct link_epoch epoch;
    memcpy(epoch.bytes, inventory_epoch(node->inventory), sizeof epoch.bytes);
    return epoch;
}

static void flush(struct gateway_link *link)
{
    struct buf *out = link_node_output(link->link);
    if (out->len > 0) {
        io_write(link->io, buf_view(out));
        buf_reset(out);
    }
}

static void die(struct gateway_link *link, const char *why)
{
    log_info("p2p", "the gateway's link ended reason=\"%s\"", why);
    link->is_dead = true;
    deferred_cancel(&link->go_on);
    io_free(&link->io);
}

/* ---- scans */

static struct scan *find_scan(struct gateway_link *link, uint32_t id)
{
    for (size_t i = 0; i < ARRAY_LEN(link->scans); i++) {
        if (link->scans[i].running && link->scans[i].id == id) {
            return &link->scans[i];
        }
    }
    return NULL;
}

static void start_scan(struct gateway_link *link, const struct link_node_event *event)
{
    struct link_epoch own = epoch_of(link->node);
    struct scan *scan = find_scan(link, event->scan);
    for (size_t i = 0; scan == NULL && i < ARRAY_LEN(link->scans); i++) {
        if (!link->scans[i].running) {
            scan = &link->scans[i];
        }
    }
    if (scan == NULL) {
        return; /* the link's own engine bounds them to what we have */
    }
    *scan = (struct scan){.running = true, .id = event->scan};
    if (link_epoch_equal(&own, &event->epoch)) {
        scan->number = event->number;
    }
}

static void catch_up(struct gateway_link *link, struct scan *scan)
{
    if (scan->caught_up) {
        return;
    }
    uint64_t newest = inventory_newest(link->node->inventory);
    if (scan->number < newest) {
        scan->number = newest;
    }
    scan->caught_up = true;
    link_node_send_caught_up(link->link, scan->id, scan->number);
    scan->running = scan->id == LINK_LIVE_SCAN;
}

/* Send one object of the scan. False when there is none now, or no credit. */
static bool step_scan(struct gateway_link *link, struct scan *scan, int64_t now_sec)
{
    struct inventory *inventory = link->node->inventory;
    struct inventory_entry entry;
    struct bytes payload;
    struct fault fault;
    if (!link_node_may_send(link->link)) {
        return false;
    }
    uint32_t slot = inventory_after(inventory, scan->number);
    if (slot == SLOT_NONE || !inventory_at(inventory, slot, &entry)) {
        catch_up(link, scan);
        return false;
    }
    if (entry.expires_sec <= now_sec) {
        scan->number = entry.number;
        return true;
    }
    if (!inventory_read(inventory, slot, &payload, &fault)) {
        log_warn("p2p", "cannot read an object for the gateway fault=\"%s\"", fault.text);
        scan->number = entry.number;
        return true;
    }
    if (!link_node_send_object(link->link, scan->id, entry.number, entry.hash, payload)) {
        return false;
    }
    scan->number = entry.number;
    return true;
}

static bool step_scans(struct gateway_link *link)
{
    int64_t now_sec = clock_now_sec();
    size_t n = 0;
    bool more = true;
    while (more && n < OBJECTS_A_TURN && !io_output_is_full(link->io)) {
        more = false;
        for (size_t i = 0; i < ARRAY_LEN(link->scans); i++) {
            if (link->scans[i].running && step_scan(link, &link->scans[i], now_sec)) {
                more = true;
                n++;
            }
        }
    }
    return more && !io_output_is_full(link->io);
}

/* ---- publish */

static void answer_publishes(struct gateway_link *link)
{
    uint64_t written = inventory_written(link->node->inventory);
    size_t n_left = 0;
    for (size_t i = 0; i < link->n_publishes; i++) {
        struct pending_publish *publish = &link->publishes[i];
        if (publish->number <= written) {
            link_node_send_published(link->link, publish->request, publish->verdict,
                                     publish->number, (struct bytes){0});
        } else {
            link->publishes[n_left++] = *publish;
        }
    }
    link->n_publishes = n_left;
}

static void publish(struct gateway_link *link, uint64_t request, struct bytes object)
{
    struct node *node = link->node;
    struct sync_announcers announcers = {.n_ids = 0};
    struct accepted accepted =
        accept_object(node->inventory, &node->rules, object, true, clock_now_sec());
    struct inventory_entry entry;
    switch (accepted.verdict) {
    case ACCEPT_NEW:
        sync_arrived(node->sync, 0, accepted.hash, &announcers, clock_mono_ms());
        exchange_relay(node, 0, &accepted, &announcers);
        break;
    case ACCEPT_KNOWN:
        break;
    case ACCEPT_REFUSED:
        link_node_send_published(link->link, request, LINK_REFUSED, 0,
                                 bytes_of_str(accepted.reason));
        return;
    case ACCEPT_BUSY:
        /* Not answered: to end the link makes the gateway offer it again. */
        die(link, "the store has no room for an object of our own");
        return;
    }
    if (!inventory_at(node->inventory, accepted.slot, &entry) ||
        link->n_publishes == LINK_MAX_PENDING) {
        return;
    }
    link->publishes[link->n_publishes++] = (struct pending_publish){
        .request = request,
        .number = entry.number,
        .verdict = accepted.verdict == ACCEPT_NEW ? LINK_STORED : LINK_DUPLICATE,
    };
    answer_publishes(link);
}

/* ---- find */

static void find(struct gateway_link *link, const struct link_node_event *event)
{
    struct inventory *inventory = link->node->inventory;
    uint32_t slots[MAX_FOUND];
    if (link->n_finds == LINK_MAX_PENDING) {
        return;
    }
    struct pending_find *pending = &link->finds[link->n_finds++];
    *pending = (struct pending_find){.request = event->request};
    size_t n = inventory_find_tag(inventory, event->object_type, event->tag, slots, MAX_FOUND);
    for (size_t i = 0; i < n; i++) {
        struct inventory_entry entry;
        if (inventory_at(inventory, slots[i], &entry)) {
            pending->found[pending->n_found++] = (struct slot_ref){slots[i], entry.number};
        }
    }
}

/* False when credit ran out before all was sent. */
static bool send_found(struct gateway_link *link, struct pending_find *pending)
{
    for (; pending->n_sent < pending->n_found; pending->n_sent++) {
        struct slot_ref ref = pending->found[pending->n_sent];
        struct inventory_entry entry;
        struct bytes payload;
        if (!slot_ref_entry(link->node, ref, &entry) ||
            !inventory_read(link->node->inventory, ref.slot, &payload, NULL)) {
            continue;
        }
        if (!link_node_send_found(link->link, pending->request, entry.hash, payload)) {
            return false;
        }
    }
    link_node_send_found_end(link->link, pending->request);
    return true;
}

static void answer_finds(struct gateway_link *link)
{
    size_t n_done = 0;
    while (n_done < link->n_finds && send_found(link, &link->finds[n_done])) {
        n_done++;
    }
    memmove(link->finds, link->finds + n_done, (link->n_finds - n_done) * sizeof *link->finds);
    link->n_finds -= n_done;
}

/* ---- status */

static void send_status(struct gateway_link *link, uint64_t request)
{
    struct node_figures figures = node_status(link->node);
    link_node_send_status(link->link, request, &figures);
}

/* ---- connections */

static void send_peers(struct gateway_link *link, uint64_t request)
{
    const struct node *node = link->node;
    struct link_peer *peers = xcalloc(LINK_MAX_PEERS, sizeof *peers);
    char(*hosts)[PEER_ADDR_TEXT_BYTES] = xcalloc(LINK_MAX_PEERS, sizeof *hosts);
    size_t n_peers = 0;
    list_for_each(place, &node->conns)
    {
        const struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        if (n_peers == LINK_MAX_PEERS) {
            break;
        }
        peer_addr_host_text(hosts[n_peers], &conn->addr);
        peers[n_peers] = (struct link_peer){
            .is_inbound = conn->peer.options.inbound,
            .is_established = conn->peer.state == PEER_ESTABLISHED,
            .port = conn->addr.port,
            .host = bytes_of_str(hosts[n_peers]),
            .user_agent = bytes_of_str(conn->peer.user_agent),
        };
        n_peers++;
    }
    link_node_send_peers(link->link, request, peers, n_peers);
    free(hosts);
    free(peers);
}

/* ---- the dialogue */

static void act_on(struct gateway_link *link, const struct link_node_event *event)
{
    struct scan *scan;
    switch (event->kind) {
    case LINK_NODE_HELLO:
        log_debug("p2p", "the gateway is there");
        break;
    case LINK_NODE_PUBLISH:
        publish(link, event->request, event->object);
        break;
    case LINK_NODE_OBJECTS_SINCE:
        start_scan(link, event);
        break;
    case LINK_NODE_STOP_SCAN:
        scan = find_scan(link, event->scan);
        if (scan != NULL) {
            scan->running = false;
        }
        break;
    case LINK_NODE_FIND_TAG:
        find(link, event);
        break;
    case LINK_NODE_STATUS:
        send_status(link, event->request);
        break;
    case LINK_NODE_PEERS:
        send_peers(link, event->request);
        break;
    case LINK_NODE_CREDIT:
        break;
    }
}

static void go_on(void *context)
{
    struct gateway_link *link = context;
    answer_publishes(link);
    answer_finds(link);
    bool more = step_scans(link);
    flush(link);
    if (more) {
        deferred_arm(&link->go_on);
    }
}

static void read_frames(struct gateway_link *link)
{
    struct link_node_event event;
    struct fault fault = {0};
    for (;;) {
        struct bytes in = bytes_slice(io_input(link->io), 0, LINK_MAX_FEED_BYTES);
        if (in.len == 0) {
            break;
        }
        if (!link_node_feed(link->link, in, &fault)) {
            die(link, fault.text);
            return;
        }
        io_consume(link->io, in.len);
        while (link_node_next_event(link->link, &event, &fault)) {
            act_on(link, &event);
            if (link->is_dead) {
                return;
            }
        }
        if (fault.code != FAULT_NONE) {
            die(link, fault.text);
            return;
        }
    }
    go_on(link);
}

static void on_io(struct io *io, enum io_event event, void *context)
{
    struct gateway_link *link = context;
    (void)io;
    if (link->is_dead) {
        return;
    }
    switch (event) {
    case IO_DATA:
        read_frames(link);
        break;
    case IO_LOWAT:
        deferred_arm(&link->go_on);
        break;
    case IO_EOF:
        die(link, "the gateway went away");
        break;
    case IO_ERROR:
        die(link, io_fault(link->io)->text);
        break;
    default:
        break;
    }
}

void link_serve_wake(struct gateway_link *link)
{
    if (link != NULL && !link->is_dead) {
        deferred_arm(&link->go_on);
    }
}

void link_serve_take(struct node *node, int fd)
{
    link_serve_free(&node->link);
    struct gateway_link *link = xcalloc(1, sizeof *link);
    struct link_epoch epoch = epoch_of(node);
    link->node = node;
    deferred_init(&link->go_on, node->loop, go_on, link);
    link->link = link_node_new(&epoch, inventory_newest(node->inventory));
    link->io = io_new_take(node->loop, fd, on_io, link);
    io_set_output_marks(link->io, LINK_LOW_MARK_BYTES, LINK_HIGH_MARK_BYTES);
    node->link = link;
    flush(link);
}

void link_serve_free(struct gateway_link **link)
{
    if (*link != NULL) {
        deferred_cancel(&(*link)->go_on);
        io_free(&(*link)->io);
        link_node_free(&(*link)->link);
        free(*link);
        *link = NULL;
    }
}
