// SPDX-License-Identifier: MIT
/* The gateway's end of the link, without I/O: feed it what the node sent, take its events, send its
 * output. The dialogue and its limits stand in link_frame.h.
 *
 * After link_gateway_feed all events are taken before more is fed. When a rule was broken feed
 * returns false and the link is dead: throw it away and end the connection.
 *
 * Request numbers are the caller's; an answer bears the number of its question. Object hashes are
 * the node's claim: whoever relies on one computes it again. */
#ifndef BITTERN_NODE_LINK_LINK_GATEWAY_H
#define BITTERN_NODE_LINK_LINK_GATEWAY_H

#include "node/link/link_frame.h"
#include "node/link/node_figures.h"

struct link_gateway;

enum link_gateway_event_kind {
    LINK_GATEWAY_HELLO,     /* first of all: epoch, number (the newest there is) */
    LINK_GATEWAY_OBJECT,    /* scan, number, hash, object */
    LINK_GATEWAY_CAUGHT_UP, /* scan, number (of the newest object seen by the scan) */
    LINK_GATEWAY_FOUND,     /* request, hash, object: may come several times */
    LINK_GATEWAY_FOUND_END, /* request */
    LINK_GATEWAY_PUBLISHED, /* request, verdict, number, reason */
    LINK_GATEWAY_STATUS,    /* request, figures */
    LINK_GATEWAY_PEERS      /* request, peers */
};

/* What is not named beside the kind is zero. Views borrow until the next feed or event. */
struct link_gateway_event {
    enum link_gateway_event_kind kind;
    struct link_epoch epoch; /* of the node's store; the same in all events */
    uint64_t request;
    uint32_t scan;
    uint64_t number;
    const uint8_t *hash; /* LINK_HASH_BYTES */
    struct bytes object;
    enum link_verdict verdict;
    struct bytes reason; /* why it was refused: any bytes */
    struct node_figures figures;
    const struct link_peer *peers;
    size_t n_peers;
};

/* Its hello is in the output already. */
struct link_gateway *link_gateway_new(void) MUST_USE;
void link_gateway_free(struct link_gateway **link);

/* At most LINK_MAX_FEED_BYTES at once, with no event left untaken. */
bool link_gateway_feed(struct link_gateway *link, struct bytes in, struct fault *fault) MUST_USE;
/* True and one event; false and FAULT_NONE when there is none; false and another fault when the
 * node broke a rule. `fault` is needed here, and set in each case. */
bool link_gateway_next_event(struct link_gateway *link, struct link_gateway_event *out,
                             struct fault *fault) MUST_USE;
/* What is to be sent: consume from its front what was. */
struct buf *link_gateway_output(struct link_gateway *link) MUST_USE;

/* Ask the node to store and announce an object whose proof of work is done. False (FAULT_BUSY) when
 * LINK_MAX_PENDING wait already or this request does, FAULT_LIMIT when it is too long. */
bool link_gateway_publish(struct link_gateway *link, uint64_t request, struct bytes object,
                          struct fault *fault) MUST_USE;
/* Start the scan (again) behind `number` of `epoch`. A node whose epoch is another begins with its
 * first object. LINK_LIVE_SCAN is the one that goes on after having caught up; other numbers are
 * the caller's. False (FAULT_BUSY) when LINK_MAX_SCANS others run. */
bool link_gateway_objects_since(struct link_gateway *link, uint32_t scan,
                                const struct link_epoch *epoch, uint64_t number,
                                struct fault *fault) MUST_USE;
/* Objects of the scan that are under way are swallowed (and paid back). */
void link_gateway_stop_scan(struct link_gateway *link, uint32_t scan);
/* Ask for unexpired objects of that type by their first 32 bytes after the header. */
bool link_gateway_find_tag(struct link_gateway *link, uint64_t request, uint32_t object_type,
                           const uint8_t tag[LINK_TAG_BYTES], struct fault *fault) MUST_USE;
bool link_gateway_ask_status(struct link_gateway *link, uint64_t request,
                             struct fault *fault) MUST_USE;
/* Which connections there are. */
bool link_gateway_ask_peers(struct link_gateway *link, uint64_t request,
                            struct fault *fault) MUST_USE;
/* An object (or finding) of that size has been dealt with: the node may send more. To be called
 * once for each LINK_GATEWAY_OBJECT and LINK_GATEWAY_FOUND. */
void link_gateway_done(struct link_gateway *link, size_t object_len);

#endif
