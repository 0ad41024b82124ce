// SPDX-License-Identifier: MIT
/* The rig's network: a list of objects, and a node's end of the link for each agent. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/mem.h"
#include "crypto/pow.h"
#include "crypto/random.h"
#include "node/objects/object.h"
#include "tests/gateway/agent/rig_internal.h"
#include "tests/support/vectors.h"

struct fake_node {
    struct list_node node;
    struct network *network;
    struct io *io;
    struct link_node *link;
    uint64_t sent[RIG_MAX_SCANS]; /* numbers, by scan */
    bool scanning[RIG_MAX_SCANS];
    bool caught_up[RIG_MAX_SCANS];
};

static void node_flush(struct fake_node *node)
{
    struct buf *output = link_node_output(node->link);
    io_write(node->io, buf_view(output));
    buf_consume(output, output->len);
}

static void node_send_objects(struct fake_node *node)
{
    struct network *network = node->network;
    for (uint32_t scan = 0; scan < RIG_MAX_SCANS; scan++) {
        bool is_live = scan == LINK_LIVE_SCAN;
        while (node->scanning[scan] && node->sent[scan] < network->n_objects &&
               (is_live || network->walk_limit == 0 || node->sent[scan] < network->walk_limit) &&
               link_node_may_send(node->link)) {
            uint8_t hash[OBJECT_HASH_BYTES];
            struct bytes object = buf_view(&network->objects[node->sent[scan]]);
            object_hash(hash, object);
            if (!link_node_send_object(node->link, scan, node->sent[scan] + 1, hash, object)) {
                break;
            }
            node->sent[scan]++;
            network->n_walked += is_live ? 0 : 1;
        }
        if (node->scanning[scan] && !node->caught_up[scan] &&
            node->sent[scan] == network->n_objects) {
            link_node_send_caught_up(node->link, scan, node->sent[scan]);
            node->caught_up[scan] = true;
            node->scanning[scan] = is_live;
        }
    }
    node_flush(node);
}

void network_add(struct network *network, struct bytes object)
{
    assert_true(network->n_objects < RIG_MAX_OBJECTS);
    buf_append_bytes(&network->objects[network->n_objects++], object);
    list_for_each(each, &network->nodes)
    {
        node_send_objects(list_entry(each, struct fake_node, node));
    }
}

static bool network_has(const struct network *network, struct bytes object)
{
    for (size_t i = 0; i < network->n_objects; i++) {
        if (bytes_equal(buf_view(&network->objects[i]), object)) {
            return true;
        }
    }
    return false;
}

static void node_publish(struct fake_node *node, const struct link_node_event *event)
{
    struct network *network = node->network;
    const struct pow_demand least = {1, 1};
    network->n_published++;
    if (network->deaf) {
        return;
    }
    if (!pow_check(event->object, clock_now_sec(), least, least)) {
        link_node_send_published(node->link, event->request, LINK_REFUSED, 0,
                                 bytes_of_str("too little work"));
        return;
    }
    bool known = network_has(network, event->object);
    struct buf copy = {0};
    buf_append_bytes(&copy, event->object);
    if (!network->mumbling) {
        link_node_send_published(node->link, event->request, known ? LINK_DUPLICATE : LINK_STORED,
                                 network->n_objects + 1, (struct bytes){0});
    }
    if (!known) {
        network_add(network, buf_view(&copy));
    }
    buf_clear(&copy);
}

static void node_find(struct fake_node *node, const struct link_node_event *event)
{
    struct network *network = node->network;
    network->n_finds++;
    for (size_t i = 0; i < network->n_objects && !network->mute; i++) {
        struct object object;
        uint8_t tag[OBJECT_TAG_BYTES];
        uint8_t hash[OBJECT_HASH_BYTES];
        if (object_parse(&object, buf_view(&network->objects[i]), NULL) &&
            object.type == event->object_type && object_tag(tag, &object) &&
            memcmp(tag, event->tag, sizeof(tag)) == 0) {
            object_hash(hash, object.whole);
            assert_true(link_node_send_found(node->link, event->request, hash, object.whole));
        }
    }
    if (!network->mute) {
        link_node_send_found_end(node->link, event->request);
    }
}

static void node_answer(struct fake_node *node, const struct link_node_event *event)
{
    switch (event->kind) {
    case LINK_NODE_PUBLISH:
        node_publish(node, event);
        break;
    case LINK_NODE_OBJECTS_SINCE:
        assert_true(event->scan < RIG_MAX_SCANS);
        node->scanning[event->scan] = true;
        node->caught_up[event->scan] = false;
        node->sent[event->scan] =
            link_epoch_equal(&event->epoch, &node->network->epoch) ? event->number : 0;
        break;
    case LINK_NODE_FIND_TAG:
        node_find(node, event);
        break;
    case LINK_NODE_STATUS: {
        struct node_figures figures = {{0}};
        figures.values[FIGURE_PORT] = 8444;
        figures.values[FIGURE_OBJECTS] = node->network->n_objects;
        link_node_send_status(node->link, event->request, &figures);
        break;
    }
    case LINK_NODE_PEERS: {
        const struct link_peer peer = {.is_established = true,
                                       .port = 8444,
                                       .host = bytes_of_str("10.1.2.3"),
                                       .user_agent = bytes_of_str("/rig:1/")};
        link_node_send_peers(node->link, event->request, &peer, 1);
        break;
    }
    case LINK_NODE_STOP_SCAN:
        node->scanning[event->scan % RIG_MAX_SCANS] = false;
        break;
    case LINK_NODE_HELLO:
    case LINK_NODE_CREDIT:
        break;
    }
}

static void on_node_io(struct io *io, enum io_event io_event, void *context)
{
    struct fake_node *node = context;
    if (io_event != IO_DATA) {
        return;
    }
    struct fault fault = {0};
    while (io_input(io).len > 0) {
        struct bytes input = bytes_slice(io_input(io), 0, LINK_MAX_FEED_BYTES);
        assert_true(link_node_feed(node->link, input, &fault));
        io_consume(io, input.len);
        struct link_node_event event;
        while (link_node_next_event(node->link, &event, &fault)) {
            node_answer(node, &event);
        }
        assert_int_equal(fault.code, FAULT_NONE);
    }
    node_send_objects(node);
}

void network_init(struct network *network)
{
    *network = (struct network){.loop = loop_new()};
    random_bytes(network->epoch.bytes, sizeof(network->epoch.bytes));
    list_init(&network->nodes);
}

void network_forget(struct network *network)
{
    for (size_t i = 0; i < network->n_objects; i++) {
        buf_clear(&network->objects[i]);
    }
    network->n_objects = 0;
    random_bytes(network->epoch.bytes, sizeof(network->epoch.bytes));
}

void network_clear(struct network *network)
{
    network_forget(network);
    loop_free(&network->loop);
}

struct bytes network_newest(const struct network *network, uint32_t type)
{
    for (size_t i = network->n_objects; i > 0; i--) {
        struct object object;
        if (object_parse(&object, buf_view(&network->objects[i - 1]), NULL) &&
            object.type == type) {
            return object.whole;
        }
    }
    return (struct bytes){0};
}

size_t network_count(const struct network *network, uint32_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < network->n_objects; i++) {
        struct object object;
        if (object_parse(&object, buf_view(&network->objects[i]), NULL) && object.type == type) {
            n++;
        }
    }
    return n;
}

void rig_link(struct rig *rig)
{
    int ends[2];
    rig_socket_pair(ends);
    struct fake_node *node = xcalloc(1, sizeof(*node));
    node->network = rig->network;
    node->link = link_node_new(&rig->network->epoch, rig->network->n_objects);
    node->io = io_new_take(rig->loop, ends[0], on_node_io, node);
    io_set_input_limit(node->io, 1 << 20);
    list_append(&rig->network->nodes, &node->node);
    node_flush(node);
    rig->node = node;
    agent_attach_link(rig->agent, ends[1]);
}

void rig_unlink(struct rig *rig)
{
    struct fake_node *node = rig->node;
    rig->node = NULL;
    if (node == NULL) {
        return;
    }
    list_remove(&node->node);
    io_free(&node->io);
    link_node_free(&node->link);
    free(node);
}
