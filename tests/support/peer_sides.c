// SPDX-License-Identifier: MIT
#include "tests/support/peer_sides.h"

#include <string.h>

#include "tests/support/vectors.h"

static struct peer_options options_of(bool inbound, bool tls)
{
    return (struct peer_options){.inbound = inbound,
                                 .tls = tls,
                                 .dandelion = true,
                                 .magic = FRAME_MAGIC,
                                 .nonce = inbound ? 2 : 1,
                                 .port = 8444,
                                 .user_agent = "/Test:1/",
                                 .streams = {{1}, 1}};
}

static void say(struct peer_side *side, char letter)
{
    size_t len = strlen(side->said);
    assert_true(len + 1 < sizeof side->said);
    side->said[len] = letter;
}

static void act(struct peer_side *side, const struct peer_event *event)
{
    static const char letters[] = {
        [PEER_EVENT_VERSION] = 'v', [PEER_EVENT_START_TLS] = 't', [PEER_EVENT_ESTABLISHED] = 'e',
        [PEER_EVENT_ADDR] = 'a',    [PEER_EVENT_INV] = 'i',       [PEER_EVENT_GETDATA] = 'g',
        [PEER_EVENT_OBJECT] = 'o',  [PEER_EVENT_ERROR] = 'r',     [PEER_EVENT_MALFORMED] = 'm',
        [PEER_EVENT_CLOSED] = 'c'};
    say(side, letters[event->type]);
    if (event->type == PEER_EVENT_VERSION) {
        peer_accept(&side->peer, PEER_SIDES_NOW_SEC);
    } else if (event->type == PEER_EVENT_CLOSED) {
        side->end = event->fault;
        side->refusal = event->refusal;
    }
}

void peer_side_drain(struct peer_side *side)
{
    struct peer_event event;
    size_t used;
    for (;;) {
        bool told =
            peer_read(&side->peer, &event, &used, buf_view(&side->in), 1000, PEER_SIDES_NOW_SEC);
        if (told) {
            act(side, &event);
        }
        buf_consume(&side->in, used);
        if (!told) {
            return;
        }
    }
}

bool peer_pair_pass(struct peer_side *from, struct peer_side *to, size_t step)
{
    if (from->peer.out.len == 0) {
        return false;
    }
    size_t n = from->peer.out.len < step ? from->peer.out.len : step;
    buf_append(&to->in, from->peer.out.data, n);
    buf_consume(&from->peer.out, n);
    peer_side_drain(to);
    return true;
}

void peer_pair_start(struct peer_pair *pair, bool a_tls, bool b_tls)
{
    *pair = (struct peer_pair){0};
    struct peer_options a = options_of(false, a_tls);
    struct peer_options b = options_of(true, b_tls);
    peer_init(&pair->a.peer, &a, 0, PEER_SIDES_NOW_SEC);
    peer_init(&pair->b.peer, &b, 0, PEER_SIDES_NOW_SEC);
}

void peer_pair_run(struct peer_pair *pair, size_t step)
{
    while (peer_pair_pass(&pair->a, &pair->b, step) || peer_pair_pass(&pair->b, &pair->a, step)) {
    }
}

void peer_pair_end(struct peer_pair *pair)
{
    peer_clear(&pair->a.peer);
    peer_clear(&pair->b.peer);
    buf_clear(&pair->a.in);
    buf_clear(&pair->b.in);
}

void peer_side_feed(struct peer_side *side, struct bytes bytes)
{
    buf_append_bytes(&side->in, bytes);
    peer_side_drain(side);
}

void peer_side_feed_frame(struct peer_side *side, enum wire_command command, struct bytes payload)
{
    struct buf out = {0};
    frame_write(&out, FRAME_MAGIC, command, payload);
    peer_side_feed(side, buf_view(&out));
    buf_clear(&out);
}

void peer_script_write_version(struct buf *out, const struct version_message *version)
{
    size_t start = frame_begin(out, FRAME_MAGIC, WIRE_VERSION);
    version_write(out, version);
    frame_end(out, start);
}

struct version_message peer_script_version(void)
{
    static const uint8_t stream_one[] = {1};
    return (struct version_message){
        .protocol_version = 3,
        .services = 1,
        .time_sec = PEER_SIDES_NOW_SEC,
        .from_port = 8444,
        .user_agent = bytes_of_str("/Script:0.1/"),
        .streams = {.n_streams = 1, .encoded = {stream_one, 1}},
    };
}

void peer_side_start(struct peer_side *side, bool inbound)
{
    *side = (struct peer_side){0};
    struct peer_options options = options_of(inbound, false);
    peer_init(&side->peer, &options, 0, PEER_SIDES_NOW_SEC);
}

void peer_side_end(struct peer_side *side)
{
    peer_clear(&side->peer);
    buf_clear(&side->in);
}

void peer_side_establish(struct peer_side *side)
{
    struct version_message version = peer_script_version();
    struct buf out = {0};
    peer_side_start(side, true);
    peer_script_write_version(&out, &version);
    peer_side_feed(side, buf_view(&out));
    peer_side_feed_frame(side, WIRE_VERACK, (struct bytes){0});
    assert_string_equal(side->said, "ve");
    buf_clear(&out);
    buf_reset(&side->peer.out);
}
