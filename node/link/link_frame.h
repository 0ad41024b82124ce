// SPDX-License-Identifier: MIT
/* The link between gateway and node: frames and what both ends agree on.
 *
 *     u32 length of what follows | u8 type | body
 *
 * The dialogue. Each side opens with `hello` (version of the link; the node adds its store's epoch
 * and the newest number). Then:
 *
 *     gateway -> node   publish, objects-since, stop-scan, find-tag, status-request, credit,
 *                       peers-request
 *     node -> gateway   object, caught-up, found, found-end, published, status, peers
 *
 * The node numbers its objects in the order of their arrival, from 1, and never uses a number twice
 * within an epoch; its store's epoch is new whenever the store is. `objects-since` starts a scan:
 * the objects with a greater number follow in order, then `caught-up`, then (in the live scan
 * alone) each new object as it comes. Other scans end with `caught-up`: they serve a key that is
 * new and needs to see all objects once.
 *
 * Flow control. Objects and findings are paid for: each costs its payload and
 * LINK_OBJECT_COST_BYTES. The gateway begins with a window of LINK_WINDOW_BYTES and gives the cost
 * back (`credit`) when it is done with an object. The node sends while credit is left, and may so
 * overdraw by one object. Either end ends the link when the other breaks this or any other rule:
 * what the other sends is untrusted. */
#ifndef BITTERN_NODE_LINK_LINK_FRAME_H
#define BITTERN_NODE_LINK_LINK_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

enum {
    LINK_VERSION = 1,
    LINK_EPOCH_BYTES = 16,
    LINK_HASH_BYTES = 32,
    LINK_TAG_BYTES = 32,
    /* A whole object: nonce, header and 2^18 bytes of payload. */
    LINK_MAX_OBJECT_BYTES = 8 + 8 + 4 + 9 + 9 + (1 << 18),
    LINK_FRAME_HEADER_BYTES = 5,
    /* Type and body: an object is the longest, with its scan, run, number and hash. */
    LINK_MAX_FRAME_BYTES = 1 + 4 + 4 + 8 + LINK_HASH_BYTES + LINK_MAX_OBJECT_BYTES,
    /* Why an object was not published, in words. */
    LINK_MAX_REASON_BYTES = 255,

    LINK_WINDOW_BYTES = 4 << 20,
    LINK_OBJECT_COST_BYTES = 1024,
    /* Questions of one kind (publish, find-tag, status-request) that wait for their answer. */
    LINK_MAX_PENDING = 32,
    /* Connections that one answer lists; more are left out. */
    LINK_MAX_PEERS = 400,
    LINK_MAX_PEER_TEXT_BYTES = 255,
    /* Scans besides the live one. */
    LINK_MAX_SCANS = 8,
    LINK_LIVE_SCAN = 0,
    /* What may be fed at once, before events are taken. */
    LINK_MAX_FEED_BYTES = 1 << 16
};

enum link_type {
    LINK_HELLO = 1,
    /* gateway to node */
    LINK_PUBLISH,
    LINK_OBJECTS_SINCE,
    LINK_STOP_SCAN,
    LINK_FIND_TAG,
    LINK_STATUS_REQUEST,
    LINK_CREDIT,
    /* node to gateway */
    LINK_OBJECT,
    LINK_CAUGHT_UP,
    LINK_FOUND,
    LINK_FOUND_END,
    LINK_PUBLISHED,
    LINK_STATUS,
    /* gateway to node */
    LINK_PEERS_REQUEST,
    /* node to gateway */
    LINK_PEERS,
    LINK_LAST_TYPE = LINK_PEERS
};

struct link_epoch {
    uint8_t bytes[LINK_EPOCH_BYTES];
};

/* What became of a publish. */
enum link_verdict {
    LINK_STORED = 0, /* committed to disk, will be announced */
    LINK_DUPLICATE,  /* was there already */
    LINK_REFUSED     /* not a valid object; the reason says why */
};

/* How a connection goes over the link: u8 of these | u16 port | u8 length, host | u8 length, user
 * agent. */
enum { LINK_PEER_IS_INBOUND = 1, LINK_PEER_IS_ESTABLISHED = 2 };

/* A connection of the node. Texts have at most LINK_MAX_PEER_TEXT_BYTES; longer ones are cut. */
struct link_peer {
    bool is_inbound;
    bool is_established;
    uint16_t port;
    struct bytes host;
    struct bytes user_agent; /* what the peer says of itself; empty before it did */
};

struct link_frame {
    enum link_type type;
    struct bytes body; /* borrows from the bytes that were parsed */
};

/* Read one frame from the front of `in`: as frame_parse. PARSE_BAD: an empty frame, one above
 * LINK_MAX_FRAME_BYTES, or a type unknown. */
enum parse_result link_frame_parse(struct link_frame *out, size_t *out_used, struct bytes in,
                                   struct fault *fault) MUST_USE;
/* Append a frame: begin, write the body, end. */
size_t link_frame_begin(struct buf *out, enum link_type type) MUST_USE;
void link_frame_end(struct buf *out, size_t start);

bool link_epoch_equal(const struct link_epoch *a, const struct link_epoch *b) MUST_USE;
/* What an object of that size takes from the window. */
uint64_t link_cost(size_t object_len) MUST_USE;

#endif
