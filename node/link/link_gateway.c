// SPDX-License-Identifier: MIT
/* The gateway's end. Each frame of the node has a reader of its own in the table below, in the
 * order of enum link_type; a reader fills the event, or breaks the link, or swallows the frame. */
#include "node/link/link_gateway.h"

#include <assert.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "node/link/link_end_internal.h"

enum {
    /* Credit is given back in portions of at least this: a frame for each object would cost more.
     */
    CREDIT_PORTION_BYTES = LINK_WINDOW_BYTES / 8
};

struct link_gateway {
    struct link_end end;
    struct link_epoch epoch;
    struct link_scan scans[LINK_N_SCANS];
    uint32_t last_run;
    struct link_pending publishes;
    struct link_pending finds;
    struct link_pending statuses;
    struct link_pending peer_lists;
    struct link_peer peers[LINK_MAX_PEERS]; /* of the last event */
    int64_t credit;                         /* what the node may still have, at most */
    uint64_t n_unpaid;                      /* cost of objects handed out and not done with */
    uint64_t n_to_give;                     /* cost of those done with and not given back */
};

struct link_gateway *link_gateway_new(void)
{
    struct link_gateway *link = xcalloc(1, sizeof *link);
    link_end_init(&link->end);
    link->credit = LINK_WINDOW_BYTES;
    size_t start = link_frame_begin(&link->end.out, LINK_HELLO);
    write_u32(&link->end.out, LINK_VERSION);
    link_frame_end(&link->end.out, start);
    return link;
}

void link_gateway_free(struct link_gateway **link)
{
    if (*link != NULL) {
        link_end_clear(&(*link)->end);
        free(*link);
        *link = NULL;
    }
}

bool link_gateway_feed(struct link_gateway *link, struct bytes in, struct fault *fault)
{
    return link_end_feed(&link->end, in, fault);
}

struct buf *link_gateway_output(struct link_gateway *link)
{
    return &link->end.out;
}

/* ---- credit */

static void give_back(struct link_gateway *link, uint64_t cost)
{
    link->n_to_give += cost;
    if (link->n_to_give < CREDIT_PORTION_BYTES) {
        return;
    }
    size_t start = link_frame_begin(&link->end.out, LINK_CREDIT);
    write_u64(&link->end.out, link->n_to_give);
    link_frame_end(&link->end.out, start);
    link->credit += (int64_t)link->n_to_give;
    link->n_to_give = 0;
}

void link_gateway_done(struct link_gateway *link, size_t object_len)
{
    uint64_t cost = link_cost(object_len);
    assert(link->n_unpaid >= cost);
    link->n_unpaid -= cost;
    give_back(link, cost);
}

/* False when the node sends without credit. */
static bool charge(struct link_gateway *link, size_t object_len)
{
    if (link->credit <= 0) {
        return false;
    }
    link->credit -= (int64_t)link_cost(object_len);
    return true;
}

/* ---- scans */

/* The scan that a frame belongs to: NULL when that run was stopped or replaced meanwhile. */
static struct link_scan *read_scan(struct link_gateway *link, struct reader *reader)
{
    uint32_t id = reader_u32(reader);
    uint32_t run = reader_u32(reader);
    struct link_scan *scan = link_scan_find(link->scans, id);
    return scan != NULL && scan->run == run ? scan : NULL;
}

/* A scan asked for behind a number of another epoch begins with the first object there is. */
static uint64_t last_number(struct link_gateway *link, struct link_scan *scan)
{
    if (!scan->has_started) {
        bool is_same = link_epoch_equal(&scan->epoch, &link->epoch);
        scan->last = is_same ? scan->asked_number : 0;
        scan->has_started = true;
    }
    return scan->last;
}

/* ---- what the node says */

enum outcome { TAKEN, SWALLOWED, BROKEN };

static enum outcome broken(struct link_gateway *link, struct fault *fault, const char *why)
{
    (void)link_end_break(&link->end, fault, why);
    return BROKEN;
}

static enum outcome read_hello(struct link_gateway *link, struct reader *reader,
                               struct link_gateway_event *event, struct fault *fault)
{
    if (reader_u32(reader) != LINK_VERSION) {
        return broken(link, fault, "the node speaks another version of it");
    }
    reader_copy(reader, link->epoch.bytes, LINK_EPOCH_BYTES);
    event->kind = LINK_GATEWAY_HELLO;
    event->number = reader_u64(reader);
    return TAKEN;
}

/* The object itself, at the end of the frame. */
static bool read_object_body(struct link_gateway *link, struct reader *reader,
                             struct link_gateway_event *event)
{
    event->hash = reader_bytes(reader, LINK_HASH_BYTES).data;
    event->object = reader_rest(reader);
    return reader_ok(reader) && event->object.len <= LINK_MAX_OBJECT_BYTES &&
           charge(link, event->object.len);
}

static enum outcome read_object(struct link_gateway *link, struct reader *reader,
                                struct link_gateway_event *event, struct fault *fault)
{
    struct link_scan *scan = read_scan(link, reader);
    event->kind = LINK_GATEWAY_OBJECT;
    event->number = reader_u64(reader);
    if (!read_object_body(link, reader, event)) {
        return broken(link, fault, "an object cut, too long, or without credit");
    }
    if (scan == NULL) {
        give_back(link, link_cost(event->object.len));
        return SWALLOWED;
    }
    if (event->number <= last_number(link, scan)) {
        return broken(link, fault, "objects out of order");
    }
    scan->last = event->number;
    event->scan = scan->id;
    link->n_unpaid += link_cost(event->object.len);
    return TAKEN;
}

static enum outcome read_caught_up(struct link_gateway *link, struct reader *reader,
                                   struct link_gateway_event *event, struct fault *fault)
{
    struct link_scan *scan = read_scan(link, reader);
    event->kind = LINK_GATEWAY_CAUGHT_UP;
    event->number = reader_u64(reader);
    if (scan == NULL || !reader_ok(reader)) {
        return SWALLOWED;
    }
    if (event->number < last_number(link, scan)) {
        return broken(link, fault, "caught up before what it sent");
    }
    event->scan = scan->id;
    scan->last = event->number;
    scan->is_running = scan->id == LINK_LIVE_SCAN;
    return TAKEN;
}

static enum outcome read_found(struct link_gateway *link, struct reader *reader,
                               struct link_gateway_event *event, struct fault *fault)
{
    event->kind = LINK_GATEWAY_FOUND;
    event->request = reader_u64(reader);
    if (!link_pending_has(&link->finds, event->request)) {
        return broken(link, fault, "a finding that nobody asked for");
    }
    if (!read_object_body(link, reader, event)) {
        return broken(link, fault, "a finding cut, too long, or without credit");
    }
    link->n_unpaid += link_cost(event->object.len);
    return TAKEN;
}

static enum outcome read_found_end(struct link_gateway *link, struct reader *reader,
                                   struct link_gateway_event *event, struct fault *fault)
{
    event->kind = LINK_GATEWAY_FOUND_END;
    event->request = reader_u64(reader);
    return link_pending_remove(&link->finds, event->request)
               ? TAKEN
               : broken(link, fault, "the end of findings that nobody asked for");
}

static enum outcome read_published(struct link_gateway *link, struct reader *reader,
                                   struct link_gateway_event *event, struct fault *fault)
{
    event->kind = LINK_GATEWAY_PUBLISHED;
    event->request = reader_u64(reader);
    uint8_t verdict = reader_u8(reader);
    event->number = reader_u64(reader);
    event->reason = reader_rest(reader);
    if (!link_pending_remove(&link->publishes, event->request)) {
        return broken(link, fault, "an answer to a publish that nobody sent");
    }
    if (verdict > LINK_REFUSED || event->reason.len > LINK_MAX_REASON_BYTES) {
        return broken(link, fault, "a malformed answer to a publish");
    }
    event->verdict = (enum link_verdict)verdict;
    return TAKEN;
}

/* Any byte but 0 and 1 is a breach. */
static enum outcome read_status(struct link_gateway *link, struct reader *reader,
                                struct link_gateway_event *event, struct fault *fault)
{
    event->kind = LINK_GATEWAY_STATUS;
    event->request = reader_u64(reader);
    if (reader_u16(reader) != NODE_N_FIGURES) {
        reader_fail(reader);
    }
    for (size_t i = 0; i < NODE_N_FIGURES; i++) {
        event->figures.values[i] = reader_u64(reader);
    }
    return link_pending_remove(&link->statuses, event->request)
               ? TAKEN
               : broken(link, fault, "a status that nobody asked for");
}

static struct link_peer read_peer(struct reader *reader)
{
    struct link_peer peer = {0};
    uint8_t flags = reader_u8(reader);
    peer.is_inbound = (flags & LINK_PEER_IS_INBOUND) != 0;
    peer.is_established = (flags & LINK_PEER_IS_ESTABLISHED) != 0;
    peer.port = reader_u16(reader);
    peer.host = reader_bytes(reader, reader_u8(reader));
    peer.user_agent = reader_bytes(reader, reader_u8(reader));
    return peer;
}

static enum outcome read_peers(struct link_gateway *link, struct reader *reader,
                               struct link_gateway_event *event, struct fault *fault)
{
    event->kind = LINK_GATEWAY_PEERS;
    event->request = reader_u64(reader);
    size_t n_peers = reader_u16(reader);
    if (!link_pending_remove(&link->peer_lists, event->request)) {
        return broken(link, fault, "a list of peers that nobody asked for");
    }
    if (n_peers > LINK_MAX_PEERS) {
        return broken(link, fault, "a list of too many peers");
    }
    for (size_t i = 0; i < n_peers; i++) {
        link->peers[i] = read_peer(reader);
    }
    event->peers = link->peers;
    event->n_peers = n_peers;
    return TAKEN;
}

typedef enum outcome read_fn(struct link_gateway *link, struct reader *reader,
                             struct link_gateway_event *event, struct fault *fault);

static read_fn *const readers[LINK_LAST_TYPE + 1] = {
    [LINK_HELLO] = read_hello,         [LINK_OBJECT] = read_object,
    [LINK_CAUGHT_UP] = read_caught_up, [LINK_FOUND] = read_found,
    [LINK_FOUND_END] = read_found_end, [LINK_PUBLISHED] = read_published,
    [LINK_STATUS] = read_status,       [LINK_PEERS] = read_peers,
};

static enum outcome read_frame(struct link_gateway *link, const struct link_frame *frame,
                               struct link_gateway_event *event, struct fault *fault)
{
    read_fn *read = readers[frame->type];
    if (read == NULL) {
        return broken(link, fault, "a frame that only the gateway sends");
    }
    struct reader reader = reader_of(frame->body);
    enum outcome outcome = read(link, &reader, event, fault);
    if (outcome != BROKEN && !reader_at_end(&reader)) {
        return broken(link, fault, "a frame cut, or longer than it may be");
    }
    return outcome;
}

bool link_gateway_next_event(struct link_gateway *link, struct link_gateway_event *out,
                             struct fault *fault)
{
    struct link_frame frame;
    while (link_end_next(&link->end, &frame, fault)) {
        struct link_gateway_event event = {0};
        switch (read_frame(link, &frame, &event, fault)) {
        case TAKEN:
            event.epoch = link->epoch;
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

/* ---- what the gateway says */

bool link_gateway_publish(struct link_gateway *link, uint64_t request, struct bytes object,
                          struct fault *fault)
{
    if (object.len == 0 || object.len > LINK_MAX_OBJECT_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "link: %zu bytes are no object", object.len);
    }
    if (!link_pending_add(&link->publishes, request)) {
        return fault_set(fault, FAULT_BUSY, "link: too many objects wait to be published");
    }
    size_t start = link_frame_begin(&link->end.out, LINK_PUBLISH);
    write_u64(&link->end.out, request);
    write_bytes(&link->end.out, object);
    link_frame_end(&link->end.out, start);
    return true;
}

bool link_gateway_objects_since(struct link_gateway *link, uint32_t id,
                                const struct link_epoch *epoch, uint64_t number,
                                struct fault *fault)
{
    struct link_scan *scan = link_scan_slot(link->scans, id);
    if (scan == NULL) {
        return fault_set(fault, FAULT_BUSY, "link: %d scans run already", LINK_MAX_SCANS);
    }
    *scan = (struct link_scan){.is_running = true,
                               .id = id,
                               .run = ++link->last_run,
                               .epoch = *epoch,
                               .asked_number = number};
    size_t start = link_frame_begin(&link->end.out, LINK_OBJECTS_SINCE);
    write_u32(&link->end.out, id);
    write_u32(&link->end.out, scan->run);
    buf_append(&link->end.out, epoch->bytes, LINK_EPOCH_BYTES);
    write_u64(&link->end.out, number);
    link_frame_end(&link->end.out, start);
    return true;
}

void link_gateway_stop_scan(struct link_gateway *link, uint32_t id)
{
    struct link_scan *scan = link_scan_find(link->scans, id);
    if (scan == NULL) {
        return;
    }
    size_t start = link_frame_begin(&link->end.out, LINK_STOP_SCAN);
    write_u32(&link->end.out, id);
    write_u32(&link->end.out, scan->run);
    link_frame_end(&link->end.out, start);
    scan->is_running = false;
}

bool link_gateway_find_tag(struct link_gateway *link, uint64_t request, uint32_t object_type,
                           const uint8_t tag[LINK_TAG_BYTES], struct fault *fault)
{
    if (!link_pending_add(&link->finds, request)) {
        return fault_set(fault, FAULT_BUSY, "link: too many searches wait for their answer");
    }
    size_t start = link_frame_begin(&link->end.out, LINK_FIND_TAG);
    write_u64(&link->end.out, request);
    write_u32(&link->end.out, object_type);
    buf_append(&link->end.out, tag, LINK_TAG_BYTES);
    link_frame_end(&link->end.out, start);
    return true;
}

bool link_gateway_ask_status(struct link_gateway *link, uint64_t request, struct fault *fault)
{
    if (!link_pending_add(&link->statuses, request)) {
        return fault_set(fault, FAULT_BUSY, "link: too many questions wait for their answer");
    }
    size_t start = link_frame_begin(&link->end.out, LINK_STATUS_REQUEST);
    write_u64(&link->end.out, request);
    link_frame_end(&link->end.out, start);
    return true;
}

bool link_gateway_ask_peers(struct link_gateway *link, uint64_t request, struct fault *fault)
{
    if (!link_pending_add(&link->peer_lists, request)) {
        return fault_set(fault, FAULT_BUSY, "link: too many questions wait for their answer");
    }
    size_t start = link_frame_begin(&link->end.out, LINK_PEERS_REQUEST);
    write_u64(&link->end.out, request);
    link_frame_end(&link->end.out, start);
    return true;
}
