// SPDX-License-Identifier: MIT
/* Both ends of the link against any bytes. The first byte chooses the end; every event is answered
 * as an owner would, so that the bytes meet open questions and running scans. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "node/link/link_gateway.h"
#include "node/link/link_node.h"

static const struct link_epoch epoch = {"fuzz fuzz fuzz f"};
static const uint8_t zeros[LINK_HASH_BYTES];

enum { FEED_BYTES = 1021, MAX_OUTPUT_BYTES = 1 << 20 };

static void answer_node(struct link_node *link, const struct link_node_event *event)
{
    switch (event->kind) {
    case LINK_NODE_PUBLISH:
        FUZZ_CHECK(event->object.len > 0 && event->object.len <= LINK_MAX_OBJECT_BYTES);
        if (event->request % 2 == 0) {
            link_node_send_published(link, event->request, LINK_STORED, 1, (struct bytes){0});
        }
        break;
    case LINK_NODE_OBJECTS_SINCE:
        FUZZ_CHECK(link_node_send_object(link, event->scan, 1, zeros, bytes_of_str("object")) ||
                   !link_node_may_send(link));
        link_node_send_caught_up(link, event->scan, 1);
        break;
    case LINK_NODE_FIND_TAG:
        FUZZ_CHECK(event->tag != NULL);
        link_node_send_found_end(link, event->request);
        break;
    case LINK_NODE_STATUS:
        link_node_send_status(link, event->request, &(struct node_figures){{1}});
        break;
    case LINK_NODE_PEERS:
        link_node_send_peers(link, event->request, NULL, 0);
        break;
    case LINK_NODE_HELLO:
    case LINK_NODE_STOP_SCAN:
    case LINK_NODE_CREDIT:
        break;
    }
}

static void fuzz_node(struct bytes in)
{
    struct link_node *link = link_node_new(&epoch, 1);
    struct fault fault = {0};
    for (size_t at = 0; at < in.len && fault.code == FAULT_NONE; at += FEED_BYTES) {
        struct link_node_event event;
        FUZZ_CHECK(link_node_feed(link, bytes_slice(in, at, FEED_BYTES), &fault));
        while (link_node_next_event(link, &event, &fault)) {
            answer_node(link, &event);
        }
        buf_reset(link_node_output(link));
    }
    FUZZ_CHECK(fault.code == FAULT_NONE || !link_node_feed(link, in, &fault));
    link_node_free(&link);
}

static void answer_gateway(struct link_gateway *link, const struct link_gateway_event *event)
{
    switch (event->kind) {
    case LINK_GATEWAY_OBJECT:
    case LINK_GATEWAY_FOUND:
        FUZZ_CHECK(event->hash != NULL && event->object.len <= LINK_MAX_OBJECT_BYTES);
        link_gateway_done(link, event->object.len);
        break;
    case LINK_GATEWAY_PUBLISHED:
        FUZZ_CHECK(event->verdict <= LINK_REFUSED && event->reason.len <= LINK_MAX_REASON_BYTES);
        FUZZ_CHECK(link_gateway_publish(link, event->request, bytes_of_str("x"), NULL));
        break;
    case LINK_GATEWAY_FOUND_END:
        FUZZ_CHECK(link_gateway_find_tag(link, event->request, 1, zeros, NULL));
        break;
    case LINK_GATEWAY_STATUS:
        FUZZ_CHECK(link_gateway_ask_status(link, event->request, NULL));
        break;
    case LINK_GATEWAY_PEERS:
        FUZZ_CHECK(event->n_peers <= LINK_MAX_PEERS);
        FUZZ_CHECK(link_gateway_ask_peers(link, event->request, NULL));
        break;
    case LINK_GATEWAY_HELLO:
    case LINK_GATEWAY_CAUGHT_UP:
        break;
    }
}

static void fuzz_gateway(struct bytes in)
{
    struct link_gateway *link = link_gateway_new();
    struct fault fault = {0};
    for (uint64_t request = 1; request <= 3; request++) {
        FUZZ_CHECK(link_gateway_publish(link, request, bytes_of_str("x"), NULL));
        FUZZ_CHECK(link_gateway_find_tag(link, request, 1, zeros, NULL));
        FUZZ_CHECK(link_gateway_ask_status(link, request, NULL));
        FUZZ_CHECK(link_gateway_ask_peers(link, request, NULL));
    }
    FUZZ_CHECK(link_gateway_objects_since(link, LINK_LIVE_SCAN, &epoch, 0, NULL));
    FUZZ_CHECK(link_gateway_objects_since(link, 2, &epoch, 0, NULL));
    for (size_t at = 0; at < in.len && fault.code == FAULT_NONE; at += FEED_BYTES) {
        struct link_gateway_event event;
        FUZZ_CHECK(link_gateway_feed(link, bytes_slice(in, at, FEED_BYTES), &fault));
        while (link_gateway_next_event(link, &event, &fault)) {
            answer_gateway(link, &event);
        }
        FUZZ_CHECK(link_gateway_output(link)->len < MAX_OUTPUT_BYTES);
        buf_reset(link_gateway_output(link));
    }
    FUZZ_CHECK(fault.code == FAULT_NONE || !link_gateway_feed(link, in, &fault));
    link_gateway_free(&link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size != 0) {
        struct bytes in = {data + 1, size - 1};
        if (data[0] % 2 == 0) {
            fuzz_node(in);
        } else {
            fuzz_gateway(in);
        }
    }
    return 0;
}
