// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/link_client.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

struct link_client {
    struct loop *loop;
    struct link_client_handler handler;
    struct io *io;
    struct link_gateway *link;
    struct deferred flush;
    uint64_t generation;
    uint64_t last_status_request;
    bool is_up;
};

static void drop(struct link_client *client)
{
    bool was_up = client->is_up;
    client->is_up = false;
    deferred_cancel(&client->flush);
    io_free(&client->io);
    link_gateway_free(&client->link);
    if (was_up) {
        client->handler.on_down(client->handler.context);
    }
}

static void lose(struct link_client *client)
{
    drop(client);
    client->handler.on_lost(client->handler.context);
}

static void flush(void *context)
{
    struct link_client *client = context;
    if (client->io == NULL) {
        return;
    }
    struct buf *output = link_gateway_output(client->link);
    io_write(client->io, buf_view(output));
    buf_consume(output, output->len);
}

/* Hand the events on. A handler may end this very link, so each step looks at the generation. */
static bool take_events(struct link_client *client, struct fault *fault)
{
    uint64_t generation = client->generation;
    struct link_gateway_event event;
    while (client->generation == generation && client->link != NULL &&
           link_gateway_next_event(client->link, &event, fault)) {
        if (event.kind == LINK_GATEWAY_HELLO) {
            client->is_up = true;
            struct link_epoch epoch = event.epoch;
            client->handler.on_up(client->handler.context, &epoch, event.number);
        } else {
            client->handler.on_event(client->handler.context, &event);
        }
    }
    return fault->code == FAULT_NONE;
}

static void read_input(struct link_client *client)
{
    uint64_t generation = client->generation;
    while (client->generation == generation && client->io != NULL) {
        struct bytes input = bytes_slice(io_input(client->io), 0, LINK_MAX_FEED_BYTES);
        if (input.len == 0) {
            break;
        }
        struct fault fault = {0};
        bool ok = link_gateway_feed(client->link, input, &fault);
        if (ok) {
            io_consume(client->io, input.len);
            ok = take_events(client, &fault);
        }
        if (!ok && client->generation == generation) {
            log_error("agent", "link broken reason=\"%s\"", fault.text);
            lose(client);
        }
    }
    if (client->io != NULL) {
        deferred_arm(&client->flush);
    }
}

static void on_io(struct io *io, enum io_event event, void *context)
{
    (void)io;
    struct link_client *client = context;
    if (event == IO_DATA) {
        read_input(client);
    } else if (event == IO_EOF || event == IO_ERROR) {
        log_warn("agent", "link to the node is down");
        lose(client);
    }
}

struct link_client *link_client_new(struct loop *loop, const struct link_client_handler *handler)
{
    struct link_client *client = xcalloc(1, sizeof(*client));
    client->loop = loop;
    client->handler = *handler;
    deferred_init(&client->flush, loop, flush, client);
    return client;
}

void link_client_free(struct link_client **client_in)
{
    struct link_client *client = *client_in;
    *client_in = NULL;
    if (client == NULL) {
        return;
    }
    client->is_up = false;
    drop(client);
    free(client);
}

void link_client_attach(struct link_client *client, int fd)
{
    drop(client);
    client->generation++;
    client->link = link_gateway_new();
    client->io = io_new_take(client->loop, fd, on_io, client);
    io_set_input_limit(client->io, LINK_MAX_FEED_BYTES);
    deferred_arm(&client->flush);
}

bool link_client_is_up(const struct link_client *client)
{
    return client->is_up;
}

/* True when there is somebody to ask; what is asked then goes out at the end of the turn. */
static bool can_ask(struct link_client *client, struct fault *fault)
{
    if (!client->is_up) {
        return fault_set(fault, FAULT_CLOSED, "the node is not there");
    }
    deferred_arm(&client->flush);
    return true;
}

bool link_client_publish(struct link_client *client, uint64_t request, struct bytes object,
                         struct fault *fault)
{
    return can_ask(client, fault) && link_gateway_publish(client->link, request, object, fault);
}

bool link_client_objects_since(struct link_client *client, uint32_t scan,
                               const struct link_epoch *epoch, uint64_t number, struct fault *fault)
{
    return can_ask(client, fault) &&
           link_gateway_objects_since(client->link, scan, epoch, number, fault);
}

void link_client_stop_scan(struct link_client *client, uint32_t scan)
{
    if (can_ask(client, NULL)) {
        link_gateway_stop_scan(client->link, scan);
    }
}

bool link_client_find_tag(struct link_client *client, uint64_t request, uint32_t object_type,
                          const uint8_t tag[LINK_TAG_BYTES], struct fault *fault)
{
    return can_ask(client, fault) &&
           link_gateway_find_tag(client->link, request, object_type, tag, fault);
}

bool link_client_ask_status(struct link_client *client, struct fault *fault)
{
    return can_ask(client, fault) &&
           link_gateway_ask_status(client->link, ++client->last_status_request, fault);
}

bool link_client_ask_peers(struct link_client *client, uint64_t request, struct fault *fault)
{
    return can_ask(client, fault) && link_gateway_ask_peers(client->link, request, fault);
}

void link_client_done(struct link_client *client, uint64_t generation, size_t object_len)
{
    if (client->link != NULL && client->generation == generation) {
        link_gateway_done(client->link, object_len);
        deferred_arm(&client->flush);
    }
}

uint64_t link_client_generation(const struct link_client *client)
{
    return client->generation;
}
