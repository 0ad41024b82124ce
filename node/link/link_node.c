// SPDX-License-Identifier: MIT
/* The node's end. As in link_gateway.c each frame has its reader in a table. */
#include "node/link/link_node.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/link/link_end_internal.h"

struct link_node {
    struct link_end end;
    struct link_scan scans[LINK_N_SCANS];
    struct link_pending publishes;
    struct link_pending finds;
    struct link_pending statuses;
    struct link_pending peer_lists;
    int64_t credit;
};

struct link_node *link_node_new(const struct link_epoch *epoch, uint64_t newest)
{
    struct link_node *link = xcalloc(1, sizeof *link);
    link_end_init(&link->end);
    link->credit = LINK_WINDOW_BYTES;
    size_t start = link_frame_begin(&link->end.out, LINK_HELLO);
    write_u32(&link->end.out, LINK_VERSION);
    buf_append(&link->end.out, epoch->bytes, LINK_EPOCH_BYTES);
    write_u64(&link->end.out, newest);
    link_frame_end(&link->end.out, start);
    return link;
}

void link_node_free(struct link_node **link)
{
    if (*link != NULL) {
        link_end_clear(&(*link)->end);
        free(*link);
        *link = NULL;
    }
}

bool link_node_feed(struct link_node *link, struct bytes in, struct fault *fault)
{
    return link_end_feed(&link->end, in, fault);
}

struct buf *link_node_output(struct link_node *link)
{
    return &link->end.out;
}

/* ---- what the gateway says */

enum outcome { TAKEN, SWALLOWED, BROKEN };

static enum outcome broken(struct link_node *link, struct fault *fault, const char *why)
{
    (void)link_end_break(&link->end, fault, why);
    return BROKEN;
}

static enum outcome read_hello(struct link_node *link, struct reader *reader,
                               struct link_node_event *event, struct fault *fault)
{
    if (reader_u32(reader) != LINK_VERSION) {
        return broken(link, fault, "the gateway speaks another version of it");
    }
    event->kind = LINK_NODE_HELLO;
    return TAKEN;
}

static enum outcome read_publish(struct link_node *link, struct reader *reader,
                                 struct link_node_event *event, struct fault *fault)
{
    event->kind = LINK_NODE_PUBLISH;
    event->request = reader_u64(reader);
    event->object = reader_rest(reader);
    if (event->object.len == 0 || event->object.len > LINK_MAX_OBJECT_BYTES) {
        return broken(link, fault, "a publish without an object, or with one too long");
    }
    return link_pending_add(&link->publishes, event->request)
               ? TAKEN
               : broken(link, fault, "too many objects to publish, or one twice");
}

static enum outcome read_objects_since(struct link_node *link, struct reader *reader,
                                       struct link_node_event *event, struct fault *fault)
{
    event->kind = LINK_NODE_OBJECTS_SINCE;
    event->scan = reader_u32(reader);
    uint32_t run = reader_u32(reader);
    reader_copy(reader, event->epoch.bytes, LINK_EPOCH_BYTES);
    event->number = reader_u64(reader);
    if (!reader_at_end(reader)) {
        return broken(link, fault, "a malformed start of a scan");
    }
    struct link_scan *scan = link_scan_slot(link->scans, event->scan);
    if (scan == NULL) {
        return broken(link, fault, "too many scans");
    }
    *scan = (struct link_scan){.is_running = true, .id = event->scan, .run = run};
    return TAKEN;
}

static enum outcome read_stop_scan(struct link_node *link, struct reader *reader,
                                   struct link_node_event *event, struct fault *fault)
{
    (void)fault;
    event->kind = LINK_NODE_STOP_SCAN;
    event->scan = reader_u32(reader);
    uint32_t run = reader_u32(reader);
    struct link_scan *scan = link_scan_find(link->scans, event->scan);
    if (scan == NULL || scan->run != run) {
        return SWALLOWED; /* it has ended while this was under way */
    }
    scan->is_running = false;
    return TAKEN;
}

static enum outcome read_find_tag(struct link_node *link, struct reader *reader,
                                  struct link_node_event *event, struct fault *fault)
{
    event->kind = LINK_NODE_FIND_TAG;
    event->request = reader_u64(reader);
    event->object_type = reader_u32(reader);
    event->tag = reader_bytes(reader, LINK_TAG_BYTES).data;
    return link_pending_add(&link->finds, event->request)
               ? TAKEN
               : broken(link, fault, "too many searches, or one twice");
}

static enum outcome read_status_request(struct link_node *link, struct reader *reader,
                                        struct link_node_event *event, struct fault *fault)
{
    event->kind = LINK_NODE_STATUS;
    event->request = reader_u64(reader);
    return link_pending_add(&link->statuses, event->request)
               ? TAKEN
               : broken(link, fault, "too many questions, or one twice");
}

static enum outcome read_peers_request(struct link_node *link, struct reader *reader,
                                       struct link_node_event *event, struct fault *fault)
{
    event->kind = LINK_NODE_PEERS;
    event->request = reader_u64(reader);
    return link_pending_add(&link->peer_lists, event->request)
               ? TAKEN
               : broken(link, fault, "too many questions, or one twice");
}

static enum outcome read_credit(struct link_node *link, struct reader *reader,
                                struct link_node_event *event, struct fault *fault)
{
    event->kind = LINK_NODE_CREDIT;
    uint64_t given = reader_u64(reader);
    /* The window is never exceeded, so the difference is positive and the sum can't overflow. */
    if (given == 0 || given > (uint64_t)(LINK_WINDOW_BYTES - link->credit)) {
        return broken(link, fault, "credit for what was not sent");
    }
    bool was_stuck = link->credit <= 0;
    link->credit += (int64_t)given;
    return was_stuck && link->credit > 0 ? TAKEN : SWALLOWED;
}

typedef enum outcome read_fn(struct link_node *link, struct reader *reader,
                             struct link_node_event *event, struct fault *fault);

static read_fn *const readers[LINK_LAST_TYPE + 1] = {
    [LINK_HELLO] = read_hello,
    [LINK_PUBLISH] = read_publish,
    [LINK_OBJECTS_SINCE] = read_objects_since,
    [LINK_STOP_SCAN] = read_stop_scan,
    [LINK_FIND_TAG] = read_find_tag,
    [LINK_STATUS_REQUEST] = read_status_request,
    [LINK_CREDIT] = read_credit,
    [LINK_PEERS_REQUEST] = read_peers_request,
};

static enum outcome read_frame(struct link_node *link, const struct link_frame *frame,
                               struct link_node_event *event, struct fault *fault)
{
    read_fn *read = readers[frame->type];
    if (read == NULL) {
        return broken(link, fault, "a frame that only the node sends");
    }
    struct reader reader = reader_of(frame->body);
    enum outcome outcome = read(link, &reader, event, fault);
    if (outcome != BROKEN && !reader_at_end(&reader)) {
        return broken(link, fault, "a frame cut, or longer than it may be");
    }
    return outcome;
}

bool link_node_next_event(struct link_node *link, struct link_node_event *out, struct fault *fault)
{
    struct link_frame frame;
    while (link_end_next(&link->end, &frame, fault)) {
        struct link_node_event event = {0};
        switch (read_frame(link, &frame, &event, fault)) {
        case TAKEN:
            *out = event;
            return true;
        case SWALLOWED:
            break;
        case BROKEN:
            return false;
        }
    }
    return false;
}

/* ---- what the node says */

bool link_node_may_send(const struct link_node *link)
{
    return link->credit > 0;
}

static void write_object_body(struct link_node *link, const uint8_t hash[LINK_HASH_BYTES],
                              struct bytes object)
{
    assert(object.len <= LINK_MAX_OBJECT_BYTES);
    buf_append(&link->end.out, hash, LINK_HASH_BYTES);
    write_bytes(&link->end.out, object);
    link->credit -= (int64_t)link_cost(object.len);
}

bool link_node_send_object(struct link_node *link, uint32_t id, uint64_t number,
                           const uint8_t hash[LINK_HASH_BYTES], struct bytes object)
{
    struct link_scan *scan = link_scan_find(link->scans, id);
    if (scan == NULL || !link_node_may_send(link)) {
        return false;
    }
    assert(number > scan->last);
    scan->last = number;
    size_t start = link_frame_begin(&link->end.out, LINK_OBJECT);
    write_u32(&link->end.out, id);
    write_u32(&link->end.out, scan->run);
    write_u64(&link->end.out, number);
    write_object_body(link, hash, object);
    link_frame_end(&link->end.out, start);
    return true;
}

void link_node_send_caught_up(struct link_node *link, uint32_t id, uint64_t number)
{
    struct link_scan *scan = link_scan_find(link->scans, id);
    if (scan == NULL) {
        return;
    }
    size_t start = link_frame_begin(&link->end.out, LINK_CAUGHT_UP);
    write_u32(&link->end.out, id);
    write_u32(&link->end.out, scan->run);
    write_u64(&link->end.out, number);
    link_frame_end(&link->end.out, start);
    scan->is_running = id == LINK_LIVE_SCAN;
}

bool link_node_send_found(struct link_node *link, uint64_t request,
                          const uint8_t hash[LINK_HASH_BYTES], struct bytes object)
{
    if (!link_pending_has(&link->finds, request) || !link_node_may_send(link)) {
        return false;
    }
    size_t start = link_frame_begin(&link->end.out, LINK_FOUND);
    write_u64(&link->end.out, request);
    write_object_body(link, hash, object);
    link_frame_end(&link->end.out, start);
    return true;
}

void link_node_send_found_end(struct link_node *link, uint64_t request)
{
    if (!link_pending_remove(&link->finds, request)) {
        return;
    }
    size_t start = link_frame_begin(&link->end.out, LINK_FOUND_END);
    write_u64(&link->end.out, request);
    link_frame_end(&link->end.out, start);
}

void link_node_send_published(struct link_node *link, uint64_t request, enum link_verdict verdict,
                              uint64_t number, struct bytes reason)
{
    if (!link_pending_remove(&link->publishes, request)) {
        return;
    }
    size_t start = link_frame_begin(&link->end.out, LINK_PUBLISHED);
    write_u64(&link->end.out, request);
    write_u8(&link->end.out, (uint8_t)verdict);
    write_u64(&link->end.out, number);
    write_bytes(&link->end.out, bytes_slice(reason, 0, LINK_MAX_REASON_BYTES));
    link_frame_end(&link->end.out, start);
}

void link_node_send_status(struct link_node *link, uint64_t request,
                           const struct node_figures *figures)
{
    if (!link_pending_remove(&link->statuses, request)) {
        return;
    }
    struct buf *out = &link->end.out;
    size_t start = link_frame_begin(out, LINK_STATUS);
    write_u64(out, request);
    write_u16(out, NODE_N_FIGURES);
    for (size_t i = 0; i < NODE_N_FIGURES; i++) {
        write_u64(out, figures->values[i]);
    }
    link_frame_end(out, start);
}

static void write_peer_text(struct buf *out, struct bytes text)
{
    struct bytes cut = bytes_slice(text, 0, LINK_MAX_PEER_TEXT_BYTES);
    write_u8(out, (uint8_t)cut.len);
    write_bytes(out, cut);
}

void link_node_send_peers(struct link_node *link, uint64_t request, const struct link_peer *peers,
                          size_t n_peers)
{
    if (!link_pending_remove(&link->peer_lists, request)) {
        return;
    }
    struct buf *out = &link->end.out;
    size_t n_sent = n_peers < LINK_MAX_PEERS ? n_peers : LINK_MAX_PEERS;
    size_t start = link_frame_begin(out, LINK_PEERS);
    write_u64(out, request);
    write_u16(out, (uint16_t)n_sent);
    for (size_t i = 0; i < n_sent; i++) {
        write_u8(out, (uint8_t)((peers[i].is_inbound ? LINK_PEER_IS_INBOUND : 0) |
                                (peers[i].is_established ? LINK_PEER_IS_ESTABLISHED : 0)));
        write_u16(out, peers[i].port);
        write_peer_text(out, peers[i].host);
        write_peer_text(out, peers[i].user_agent);
    }
    link_frame_end(out, start);
}
