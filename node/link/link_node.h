// SPDX-License-Identifier: MIT
/* The node's end of the link, without I/O: feed it what the gateway sent, take its events, send its
 * output. The dialogue and its limits stand in link_frame.h; feed and events work as in
 * link_gateway.h.
 *
 * The owner drives scans: for each running scan it reads objects from its store while
 * link_node_may_send is true, and goes on at LINK_NODE_CREDIT. */
#ifndef BITTERN_NODE_LINK_LINK_NODE_H
#define BITTERN_NODE_LINK_LINK_NODE_H

#include "node/link/link_frame.h"
#include "node/link/node_figures.h"

struct link_node;

enum link_node_event_kind {
    LINK_NODE_HELLO,         /* the gateway is there */
    LINK_NODE_PUBLISH,       /* request, object */
    LINK_NODE_OBJECTS_SINCE, /* scan, epoch, number; replaces a running scan of that number */
    LINK_NODE_STOP_SCAN,     /* scan */
    LINK_NODE_FIND_TAG,      /* request, object_type, tag */
    LINK_NODE_STATUS,        /* request */
    LINK_NODE_PEERS,         /* request */
    LINK_NODE_CREDIT         /* there is room again */
};

/* What is not named beside the kind is zero. Views borrow until the next feed or event. */
struct link_node_event {
    enum link_node_event_kind kind;
    uint64_t request;
    uint32_t scan;
    struct link_epoch epoch; /* the one that `number` is of */
    uint64_t number;
    uint32_t object_type;
    const uint8_t *tag; /* LINK_TAG_BYTES */
    struct bytes object;
};

/* `epoch` and `newest` (the greatest number given away so far, 0: none) go out in the hello. */
struct link_node *link_node_new(const struct link_epoch *epoch, uint64_t newest) MUST_USE;
void link_node_free(struct link_node **link);

bool link_node_feed(struct link_node *link, struct bytes in, struct fault *fault) MUST_USE;
bool link_node_next_event(struct link_node *link, struct link_node_event *out,
                          struct fault *fault) MUST_USE;
struct buf *link_node_output(struct link_node *link) MUST_USE;

/* True while credit is left: then one object or finding may be sent, whatever its size. */
bool link_node_may_send(const struct link_node *link) MUST_USE;
/* `number` is greater than those sent before in this scan. False when the scan is not running or no
 * credit is left: nothing was sent. */
bool link_node_send_object(struct link_node *link, uint32_t scan, uint64_t number,
                           const uint8_t hash[LINK_HASH_BYTES], struct bytes object) MUST_USE;
/* All objects up to `number` were sent; a scan other than the live one ends with it. Nothing
 * happens when the scan is not running. */
void link_node_send_caught_up(struct link_node *link, uint32_t scan, uint64_t number);
/* An answer to FIND_TAG, as link_node_send_object; then the end of the answers. */
bool link_node_send_found(struct link_node *link, uint64_t request,
                          const uint8_t hash[LINK_HASH_BYTES], struct bytes object) MUST_USE;
void link_node_send_found_end(struct link_node *link, uint64_t request);
/* `number` is 0 when it was refused; `reason` (cut to LINK_MAX_REASON_BYTES) is empty when not. */
void link_node_send_published(struct link_node *link, uint64_t request, enum link_verdict verdict,
                              uint64_t number, struct bytes reason);
void link_node_send_status(struct link_node *link, uint64_t request,
                           const struct node_figures *figures);
/* At most LINK_MAX_PEERS of them. */
void link_node_send_peers(struct link_node *link, uint64_t request, const struct link_peer *peers,
                          size_t n_peers);

#endif
