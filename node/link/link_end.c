// SPDX-License-Identifier: MIT
#include "node/link/link_end_internal.h"

enum { MAX_INPUT_BYTES = 4 + LINK_MAX_FRAME_BYTES + LINK_MAX_FEED_BYTES };

void link_end_init(struct link_end *end)
{
    buf_init(&end->in, MAX_INPUT_BYTES);
    buf_init(&end->out, 0);
}

void link_end_clear(struct link_end *end)
{
    buf_clear(&end->in);
    buf_clear(&end->out);
}

bool link_end_break(struct link_end *end, struct fault *fault, const char *why)
{
    fault_set(&end->breach, FAULT_INVALID, "link: %s", why);
    *fault = end->breach;
    return false;
}

bool link_end_feed(struct link_end *end, struct bytes in, struct fault *fault)
{
    if (end->breach.code != FAULT_NONE) {
        return fault_set(fault, end->breach.code, "%s", end->breach.text);
    }
    buf_consume(&end->in, end->n_taken);
    end->n_taken = 0;
    if (!buf_append_bytes(&end->in, in)) {
        fault_set(&end->breach, FAULT_LIMIT, "link: fed more than its events were taken");
        return fault_set(fault, end->breach.code, "%s", end->breach.text);
    }
    return true;
}

bool link_end_next(struct link_end *end, struct link_frame *out, struct fault *fault)
{
    *fault = end->breach;
    if (end->breach.code != FAULT_NONE) {
        return false;
    }
    struct bytes rest = bytes_slice(buf_view(&end->in), end->n_taken, SIZE_MAX);
    size_t used;
    switch (link_frame_parse(out, &used, rest, &end->breach)) {
    case PARSE_MORE:
        return false;
    case PARSE_BAD:
        *fault = end->breach;
        return false;
    case PARSE_DONE:
        break;
    }
    if (end->has_greeted == (out->type == LINK_HELLO)) {
        return link_end_break(end, fault,
                              end->has_greeted ? "a second hello" : "no hello to begin with");
    }
    end->has_greeted = true;
    end->n_taken += used;
    return true;
}

bool link_pending_has(const struct link_pending *pending, uint64_t request)
{
    for (size_t i = 0; i < pending->n_requests; i++) {
        if (pending->requests[i] == request) {
            return true;
        }
    }
    return false;
}

bool link_pending_add(struct link_pending *pending, uint64_t request)
{
    if (pending->n_requests == LINK_MAX_PENDING || link_pending_has(pending, request)) {
        return false;
    }
    pending->requests[pending->n_requests++] = request;
    return true;
}

bool link_pending_remove(struct link_pending *pending, uint64_t request)
{
    for (size_t i = 0; i < pending->n_requests; i++) {
        if (pending->requests[i] == request) {
            pending->requests[i] = pending->requests[--pending->n_requests];
            return true;
        }
    }
    return false;
}

struct link_scan *link_scan_find(struct link_scan scans[LINK_N_SCANS], uint32_t id)
{
    for (size_t i = 0; i < LINK_N_SCANS; i++) {
        if (scans[i].is_running && scans[i].id == id) {
            return &scans[i];
        }
    }
    return NULL;
}

struct link_scan *link_scan_slot(struct link_scan scans[LINK_N_SCANS], uint32_t id)
{
    if (id == LINK_LIVE_SCAN) {
        return &scans[0];
    }
    struct link_scan *scan = link_scan_find(scans, id);
    for (size_t i = 1; i < LINK_N_SCANS && scan == NULL; i++) {
        if (!scans[i].is_running) {
            scan = &scans[i];
        }
    }
    return scan;
}
