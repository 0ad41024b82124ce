// SPDX-License-Identifier: MIT
/* One session against any bytes. The first byte chooses who called whom, and whether TLS is
 * offered. The events are the same wherever the stream is cut; what the session says is bounded by
 * what it was told. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "node/p2p/peer.h"

enum { NOW_SEC = 1700000000, MAX_EVENTS = 4096, MAX_ANSWER_BYTES = 4096 };

struct trace {
    enum peer_event_type events[MAX_EVENTS];
    size_t n_events;
    size_t said; /* bytes of output in all */
    enum peer_state state;
};

static void act(struct peer *peer, const struct peer_event *event)
{
    switch (event->type) {
    case PEER_EVENT_VERSION:
        FUZZ_CHECK(peer->state == PEER_JUDGING);
        if (event->version.nonce == peer->options.nonce) {
            peer_refuse(peer, PEER_REFUSE_SELF);
        } else {
            peer_accept(peer, NOW_SEC);
        }
        break;
    case PEER_EVENT_INV:
    case PEER_EVENT_GETDATA:
        FUZZ_CHECK(event->hashes.n_hashes <= INV_MAX_HASHES);
        break;
    case PEER_EVENT_ADDR:
        FUZZ_CHECK(event->addr.n_entries <= ADDR_MAX_ENTRIES);
        break;
    case PEER_EVENT_CLOSED:
        FUZZ_CHECK(peer->state == PEER_CLOSED && event->fault.code != FAULT_NONE);
        break;
    default:
        break;
    }
}

static void run(struct trace *trace, struct bytes stream, uint8_t options_byte, size_t step)
{
    struct peer peer;
    struct peer_options options = {.inbound = (options_byte & 1) != 0,
                                   .tls = (options_byte & 2) != 0,
                                   .dandelion = (options_byte & 4) != 0,
                                   .magic = FRAME_MAGIC,
                                   .nonce = 1,
                                   .port = 8444,
                                   .user_agent = "/Fuzz:1/",
                                   .streams = {{1}, 1}};
    size_t start = 0;
    *trace = (struct trace){0};
    peer_init(&peer, &options, 0, NOW_SEC);
    for (size_t end = 0; end < stream.len;) {
        end = step < stream.len - end ? end + step : stream.len;
        bool told = true;
        while (told) {
            struct peer_event event;
            size_t used;
            struct bytes seen = bytes_slice(stream, start, end - start);
            told = peer_read(&peer, &event, &used, seen, 1000, NOW_SEC);
            FUZZ_CHECK(used <= seen.len);
            start += used;
            if (told) {
                act(&peer, &event);
                if (trace->n_events < MAX_EVENTS) {
                    trace->events[trace->n_events++] = event.type;
                }
            }
            trace->said += peer.out.len;
            buf_reset(&peer.out);
        }
    }
    trace->state = peer.state;
    peer_clear(&peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trace whole;
    static struct trace cut;
    if (size == 0) {
        return 0;
    }
    struct bytes stream = {data + 1, size - 1};
    run(&whole, stream, data[0], stream.len);
    run(&cut, stream, data[0], 1 + data[0] / 8U);
    FUZZ_CHECK(whole.n_events == cut.n_events && whole.state == cut.state &&
               whole.said == cut.said);
    for (size_t i = 0; i < whole.n_events; i++) {
        FUZZ_CHECK(whole.events[i] == cut.events[i]);
    }
    FUZZ_CHECK(whole.said <= size + MAX_ANSWER_BYTES);
    return 0;
}
