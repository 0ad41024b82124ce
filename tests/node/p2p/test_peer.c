// SPDX-License-Identifier: MIT
/* The session of one connection, with no socket: two of them wired to each other, and scripted
 * peers that say what they should not. */
#include "node/p2p/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/vectors.h"

enum { NOW_SEC = 1700000000, MAGIC_OTHER = 0x01020304 };

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

/* ---- two sessions and what lies between them */

struct side {
    struct peer peer;
    struct buf in;
    char said[256]; /* the events, one letter each */
    struct fault end;
    enum peer_refusal refusal;
};

struct pair {
    struct side a; /* initiator */
    struct side b;
};

static void say(struct side *side, char letter)
{
    size_t len = strlen(side->said);
    assert_true(len + 1 < sizeof side->said);
    side->said[len] = letter;
}

static void act(struct side *side, const struct peer_event *event)
{
    static const char letters[] = {
        [PEER_EVENT_VERSION] = 'v', [PEER_EVENT_START_TLS] = 't', [PEER_EVENT_ESTABLISHED] = 'e',
        [PEER_EVENT_ADDR] = 'a',    [PEER_EVENT_INV] = 'i',       [PEER_EVENT_GETDATA] = 'g',
        [PEER_EVENT_OBJECT] = 'o',  [PEER_EVENT_ERROR] = 'r',     [PEER_EVENT_MALFORMED] = 'm',
        [PEER_EVENT_CLOSED] = 'c'};
    say(side, letters[event->type]);
    if (event->type == PEER_EVENT_VERSION) {
        peer_accept(&side->peer, NOW_SEC);
    } else if (event->type == PEER_EVENT_CLOSED) {
        side->end = event->fault;
        side->refusal = event->refusal;
    }
}

static void drain(struct side *side)
{
    struct peer_event event;
    size_t used;
    for (;;) {
        bool told = peer_read(&side->peer, &event, &used, buf_view(&side->in), 1000, NOW_SEC);
        if (told) {
            act(side, &event);
        }
        buf_consume(&side->in, used);
        if (!told) {
            return;
        }
    }
}

/* Hand over what `from` has to say, `step` bytes at a time. True when there was something. */
static bool pass(struct side *from, struct side *to, size_t step)
{
    if (from->peer.out.len == 0) {
        return false;
    }
    size_t n = from->peer.out.len < step ? from->peer.out.len : step;
    buf_append(&to->in, from->peer.out.data, n);
    buf_consume(&from->peer.out, n);
    drain(to);
    return true;
}

static void start_pair(struct pair *pair, bool a_tls, bool b_tls)
{
    *pair = (struct pair){0};
    struct peer_options a = options_of(false, a_tls);
    struct peer_options b = options_of(true, b_tls);
    peer_init(&pair->a.peer, &a, 0, NOW_SEC);
    peer_init(&pair->b.peer, &b, 0, NOW_SEC);
}

static void run_pair(struct pair *pair, size_t step)
{
    while (pass(&pair->a, &pair->b, step) || pass(&pair->b, &pair->a, step)) {
    }
}

static void end_pair(struct pair *pair)
{
    peer_clear(&pair->a.peer);
    peer_clear(&pair->b.peer);
    buf_clear(&pair->a.in);
    buf_clear(&pair->b.in);
}

static void two_sessions_shake_hands_at_every_split(void **state)
{
    (void)state;
    for (size_t step = 1; step < 300; step++) {
        struct pair pair;
        start_pair(&pair, false, true);

        run_pair(&pair, step);

        assert_string_equal(pair.a.said, "ve");
        assert_string_equal(pair.b.said, "ve");
        assert_int_equal(pair.a.peer.state, PEER_ESTABLISHED);
        assert_string_equal(pair.a.peer.user_agent, "/Test:1/");
        assert_int_equal(pair.b.peer.port, 8444);
        assert_true(peer_has_dandelion(&pair.a.peer));
        end_pair(&pair);
    }
}

static void tls_starts_when_both_can(void **state)
{
    (void)state;
    struct pair pair;
    start_pair(&pair, true, true);

    run_pair(&pair, 1000);

    assert_string_equal(pair.a.said, "vt");
    assert_string_equal(pair.b.said, "vt");
    peer_tls_done(&pair.a.peer);
    drain(&pair.a);
    assert_string_equal(pair.a.said, "vte");
    end_pair(&pair);
}

static void bytes_behind_the_last_verack_are_left_to_tls(void **state)
{
    (void)state;
    struct pair pair;
    start_pair(&pair, true, true);
    pass(&pair.a, &pair.b, 10000); /* version */
    pass(&pair.b, &pair.a, 10000); /* verack, version */

    /* The initiator's verack and its first bytes of TLS come in one piece. */
    buf_append(&pair.a.peer.out, "\x16\x03\x01", 3);
    pass(&pair.a, &pair.b, 10000);

    assert_string_equal(pair.b.said, "vt");
    assert_int_equal(pair.b.in.len, 3);
    assert_memory_equal(pair.b.in.data, "\x16\x03\x01", 3);
    end_pair(&pair);
}

static void an_acceptor_says_verack_before_its_version(void **state)
{
    (void)state;
    struct pair pair;
    start_pair(&pair, false, false);

    pass(&pair.a, &pair.b, 10000);

    assert_memory_equal(pair.b.peer.out.data + 4, "verack", 7);
    assert_memory_equal(pair.b.peer.out.data + FRAME_HEADER_BYTES + 4, "version", 8);
    end_pair(&pair);
}

static void packets_pass_both_ways_once_established(void **state)
{
    (void)state;
    static const uint8_t hashes[2 * WIRE_HASH_BYTES] = {1};
    struct pair pair;
    start_pair(&pair, false, false);
    run_pair(&pair, 10000);
    struct addr_entry entry = {.time_sec = NOW_SEC, .stream = 1, .port = 8444};

    peer_send_addr(&pair.a.peer, &entry, 1);
    peer_send_inv(&pair.a.peer, (struct bytes){hashes, sizeof hashes}, false);
    peer_send_getdata(&pair.a.peer, (struct bytes){hashes, sizeof hashes});
    peer_send_object(&pair.a.peer, (struct bytes){hashes, sizeof hashes});
    frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_PING, (struct bytes){0});
    frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_PONG, (struct bytes){0});
    frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_PORTCHECK, (struct bytes){0});
    for (size_t step = 7; pass(&pair.a, &pair.b, step);) {
    }

    assert_string_equal(pair.b.said, "veaigo");
    assert_memory_equal(pair.b.peer.out.data + 4, "pong", 5);
    end_pair(&pair);
}

static void a_long_list_of_hashes_goes_in_several_packets(void **state)
{
    (void)state;
    struct pair pair;
    start_pair(&pair, false, false);
    run_pair(&pair, 10000);
    size_t len = (size_t)(INV_SEND_MAX_HASHES + 1) * WIRE_HASH_BYTES;
    uint8_t *hashes = calloc(1, len);

    peer_send_inv(&pair.a.peer, (struct bytes){hashes, len}, true);
    run_pair(&pair, SIZE_MAX);

    assert_string_equal(pair.b.said, "veii");
    free(hashes);
    end_pair(&pair);
}

static void a_full_inventory_message_is_taken_and_one_more_is_not(void **state)
{
    (void)state;
    for (size_t n = INV_MAX_HASHES - 1; n <= INV_MAX_HASHES + 1; n++) {
        struct pair pair;
        start_pair(&pair, false, false);
        run_pair(&pair, 10000);
        struct buf payload = {0};
        write_var_int(&payload, n);
        buf_append_zeros(&payload, n * WIRE_HASH_BYTES);

        frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_INV, buf_view(&payload));
        run_pair(&pair, SIZE_MAX);

        assert_string_equal(pair.b.said, n <= INV_MAX_HASHES ? "vei" : "vem");
        buf_clear(&payload);
        end_pair(&pair);
    }
}

/* ---- a scripted peer against one session */

static void feed(struct side *side, struct bytes bytes)
{
    buf_append_bytes(&side->in, bytes);
    drain(side);
}

static void feed_frame(struct side *side, enum wire_command command, struct bytes payload)
{
    struct buf out = {0};
    frame_write(&out, FRAME_MAGIC, command, payload);
    feed(side, buf_view(&out));
    buf_clear(&out);
}

static void write_version(struct buf *out, const struct version_message *version)
{
    size_t start = frame_begin(out, FRAME_MAGIC, WIRE_VERSION);
    version_write(out, version);
    frame_end(out, start);
}

static struct version_message good_version(void)
{
    static const uint8_t stream_one[] = {1};
    return (struct version_message){
        .protocol_version = 3,
        .services = 1,
        .time_sec = NOW_SEC,
        .from_port = 8444,
        .user_agent = bytes_of_str("/Script:0.1/"),
        .streams = {.n_streams = 1, .encoded = {stream_one, 1}},
    };
}

static void start_side(struct side *side, bool inbound)
{
    *side = (struct side){0};
    struct peer_options options = options_of(inbound, false);
    peer_init(&side->peer, &options, 0, NOW_SEC);
}

static void end_side(struct side *side)
{
    peer_clear(&side->peer);
    buf_clear(&side->in);
}

static void establish(struct side *side)
{
    struct version_message version = good_version();
    struct buf out = {0};
    start_side(side, true);
    write_version(&out, &version);
    feed(side, buf_view(&out));
    feed_frame(side, WIRE_VERACK, (struct bytes){0});
    assert_string_equal(side->said, "ve");
    buf_clear(&out);
    buf_reset(&side->peer.out);
}

static void each_refusal_says_why_and_ends(void **state)
{
    (void)state;
    static const uint8_t stream_two[] = {2};
    static const struct {
        const char *name;
        uint32_t protocol_version;
        int64_t time_offset;
        bool other_stream;
        bool no_stream;
        enum peer_refusal refusal; /* PEER_REFUSE_NONE: welcome */
    } cases[] = {
        {"welcome", 3, 0, false, false, PEER_REFUSE_NONE},
        {"newer protocol", 4, 0, false, false, PEER_REFUSE_NONE},
        {"old protocol", 2, 0, false, false, PEER_REFUSE_OLD_PROTOCOL},
        {"an hour ahead", 3, 3600, false, false, PEER_REFUSE_NONE},
        {"more than an hour ahead", 3, 3601, false, false, PEER_REFUSE_TIME_AHEAD},
        {"an hour behind", 3, -3600, false, false, PEER_REFUSE_NONE},
        {"more than an hour behind", 3, -3601, false, false, PEER_REFUSE_TIME_BEHIND},
        {"at the beginning of time", 3, -NOW_SEC, false, false, PEER_REFUSE_TIME_BEHIND},
        {"other stream", 3, 0, true, false, PEER_REFUSE_NO_STREAM},
        {"no stream", 3, 0, false, true, PEER_REFUSE_NO_STREAM},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].name);
        struct side side;
        struct buf out = {0};
        struct version_message version = good_version();
        version.protocol_version = cases[i].protocol_version;
        version.time_sec = (uint64_t)(NOW_SEC + cases[i].time_offset);
        if (cases[i].other_stream) {
            version.streams.encoded = (struct bytes){stream_two, 1};
        }
        if (cases[i].no_stream) {
            version.streams = (struct stream_list){0};
        }
        start_side(&side, true);
        write_version(&out, &version);

        feed(&side, buf_view(&out));

        if (cases[i].refusal == PEER_REFUSE_NONE) {
            assert_string_equal(side.said, "v");
        } else {
            struct frame frame;
            struct error_message error;
            size_t used;
            assert_string_equal(side.said, "c");
            assert_int_equal(side.refusal, cases[i].refusal);
            assert_int_equal(
                frame_parse(&frame, &used, FRAME_MAGIC, buf_view(&side.peer.out), NULL),
                PARSE_DONE);
            assert_int_equal(frame.command, WIRE_ERROR);
            assert_true(error_decode(&error, frame.payload, NULL));
            assert_int_equal(error.fatal, ERROR_FATAL);
            assert_true(bytes_equal(error.text, bytes_of_str(peer_refusal_text(cases[i].refusal))));
        }
        buf_clear(&out);
        end_side(&side);
    }
}

static void of_a_long_list_of_streams_ours_are_kept_and_some_more(void **state)
{
    (void)state;
    enum { FIRST = 100, N_OTHERS = 50 };
    uint8_t others_and_ours[N_OTHERS + 1];
    for (uint8_t i = 0; i < N_OTHERS; i++) {
        others_and_ours[i] = FIRST + i;
    }
    others_and_ours[N_OTHERS] = 1;
    struct version_message version = good_version();
    version.streams.n_streams = sizeof others_and_ours;
    version.streams.encoded = (struct bytes){others_and_ours, sizeof others_and_ours};
    struct side side;
    struct buf out = {0};
    start_side(&side, true);
    write_version(&out, &version);

    feed(&side, buf_view(&out));

    assert_string_equal(side.said, "v");
    assert_true(peer_takes_stream(&side.peer, 1));
    assert_true(peer_takes_stream(&side.peer, FIRST + PEER_MAX_STREAMS - 2));
    assert_false(peer_takes_stream(&side.peer, FIRST + PEER_MAX_STREAMS - 1));
    buf_clear(&out);
    end_side(&side);
}

static void a_time_beyond_all_numbers_is_ahead(void **state)
{
    (void)state;
    struct side side;
    struct buf out = {0};
    struct version_message version = good_version();
    version.time_sec = UINT64_MAX;
    start_side(&side, true);
    write_version(&out, &version);

    feed(&side, buf_view(&out));

    assert_int_equal(side.refusal, PEER_REFUSE_TIME_AHEAD);
    buf_clear(&out);
    end_side(&side);
}

static void the_words_of_refusals_are_those_of_the_network(void **state)
{
    (void)state;
    assert_string_equal(peer_refusal_text(PEER_REFUSE_OLD_PROTOCOL),
                        "Your is using an old protocol. Closing connection.");
    assert_string_equal(peer_refusal_text(PEER_REFUSE_FULL),
                        "Server full, please try again later.");
    assert_string_equal(peer_refusal_text(PEER_REFUSE_SELF),
                        "I'm connected to myself. Closing connection.");
    assert_string_equal(peer_refusal_text(PEER_REFUSE_ADDRESS_TWICE),
                        "Too many connections from your IP. Closing connection.");
}

static void an_owner_may_refuse(void **state)
{
    (void)state;
    struct side side;
    struct buf out = {0};
    struct version_message version = good_version();
    struct peer_event event;
    size_t used;
    start_side(&side, true);
    write_version(&out, &version);
    assert_true(peer_read(&side.peer, &event, &used, buf_view(&out), 0, NOW_SEC));
    assert_int_equal(event.type, PEER_EVENT_VERSION);

    /* Nothing more is read until it is judged. */
    assert_false(peer_read(&side.peer, &event, &used, buf_view(&out), 0, NOW_SEC));
    assert_int_equal(used, 0);
    peer_refuse(&side.peer, PEER_REFUSE_SELF);

    assert_true(peer_read(&side.peer, &event, &used, (struct bytes){0}, 0, NOW_SEC));
    assert_int_equal(event.type, PEER_EVENT_CLOSED);
    assert_int_equal(event.refusal, PEER_REFUSE_SELF);
    assert_false(event.misbehaved);
    assert_false(peer_read(&side.peer, &event, &used, (struct bytes){0}, 0, NOW_SEC));
    buf_clear(&out);
    end_side(&side);
}

static void commands_before_the_handshake_end_it(void **state)
{
    (void)state;
    static const enum wire_command commands[] = {WIRE_ADDR,    WIRE_INV,    WIRE_DINV,
                                                 WIRE_GETDATA, WIRE_OBJECT, WIRE_PING,
                                                 WIRE_PONG,    WIRE_VERACK, WIRE_PORTCHECK};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct side side;
        start_side(&side, true);

        feed_frame(&side, commands[i], (struct bytes){0});

        assert_string_equal(side.said, "c");
        end_side(&side);
    }
}

static void a_header_is_enough_to_refuse_a_command_or_a_length(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        uint32_t payload_len;
        bool refused;
    } cases[] = {
        {"inv", 1600000, true},
        {"object", 100, true},
        {"whatever", 0, true},
        {"version", PEER_HANDSHAKE_MAX_PAYLOAD_BYTES - 1, false},
        {"version", PEER_HANDSHAKE_MAX_PAYLOAD_BYTES, false},
        {"version", PEER_HANDSHAKE_MAX_PAYLOAD_BYTES + 1, true},
        {"error", FRAME_MAX_PAYLOAD_BYTES, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t header[FRAME_HEADER_BYTES] = {0};
        struct side side;
        store_be32(header, FRAME_MAGIC);
        memcpy(header + 4, cases[i].command, strlen(cases[i].command));
        store_be32(header + 16, cases[i].payload_len);
        start_side(&side, true);

        feed(&side, (struct bytes){header, sizeof header - 1});
        assert_string_equal(side.said, "");
        feed(&side, (struct bytes){header + sizeof header - 1, 1});

        assert_string_equal(side.said, cases[i].refused ? "c" : "");
        end_side(&side);
    }
}

static void a_verack_before_the_version_is_kept_in_mind(void **state)
{
    (void)state;
    struct side side;
    struct buf out = {0};
    struct version_message version = good_version();
    start_side(&side, false);

    feed_frame(&side, WIRE_VERACK, (struct bytes){0});
    assert_string_equal(side.said, "");
    write_version(&out, &version);
    feed(&side, buf_view(&out));

    assert_string_equal(side.said, "ve");
    buf_clear(&out);
    end_side(&side);
}

static void a_version_before_the_verack_does_as_well(void **state)
{
    (void)state;
    struct side side;
    struct buf out = {0};
    struct version_message version = good_version();
    start_side(&side, false);

    write_version(&out, &version);
    feed(&side, buf_view(&out));
    assert_string_equal(side.said, "v");
    feed_frame(&side, WIRE_VERACK, (struct bytes){0});

    assert_string_equal(side.said, "ve");
    buf_clear(&out);
    end_side(&side);
}

static void a_second_version_ends_it_at_any_time(void **state)
{
    (void)state;
    struct buf out = {0};
    struct version_message version = good_version();
    write_version(&out, &version);
    struct side side;
    establish(&side);
    feed(&side, buf_view(&out));
    assert_string_equal(side.said, "vec");
    end_side(&side);

    start_side(&side, true);
    feed(&side, buf_view(&out));
    feed(&side, buf_view(&out));
    assert_string_equal(side.said, "vc");
    end_side(&side);
    buf_clear(&out);
}

static void broken_streams_end_it(void **state)
{
    (void)state;
    struct buf frame = {0};
    frame_write(&frame, FRAME_MAGIC, WIRE_PING, bytes_of_str("x"));
    for (int what = 0; what < 3; what++) {
        struct side side;
        establish(&side);
        struct buf broken = {0};
        buf_append_bytes(&broken, buf_view(&frame));
        if (what == 0) {
            store_be32(broken.data, MAGIC_OTHER);
        } else if (what == 1) {
            store_be32(broken.data + 16, FRAME_MAX_PAYLOAD_BYTES + 1);
        } else {
            broken.data[20] ^= 1;
        }

        feed(&side, buf_view(&broken));

        assert_string_equal(side.said, "vec");
        buf_clear(&broken);
        end_side(&side);
    }
    buf_clear(&frame);
}

static void malformed_payloads_are_skipped_and_told(void **state)
{
    (void)state;
    static const enum wire_command commands[] = {WIRE_ADDR, WIRE_INV, WIRE_DINV, WIRE_GETDATA,
                                                 WIRE_ERROR};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct side side;
        establish(&side);

        feed_frame(&side, commands[i], bytes_of_str("\xff\x01"));
        feed_frame(&side, WIRE_PING, (struct bytes){0});

        assert_string_equal(side.said, "vem");
        assert_memory_equal(side.peer.out.data + 4, "pong", 5);
        end_side(&side);
    }
}

static void unknown_commands_are_ignored(void **state)
{
    (void)state;
    struct side side;
    struct buf out = {0};
    establish(&side);
    frame_write(&out, FRAME_MAGIC, WIRE_PING, (struct bytes){0});
    memcpy(out.data + 4, "whatever\0\0\0", 12);

    feed(&side, buf_view(&out));

    assert_string_equal(side.said, "ve");
    assert_int_equal(side.peer.out.len, 0);
    buf_clear(&out);
    end_side(&side);
}

static void an_error_before_the_handshake_is_told(void **state)
{
    (void)state;
    struct side side;
    struct buf payload = {0};
    struct error_message error = {.fatal = 2, .text = bytes_of_str("no")};
    error_write(&payload, &error);
    start_side(&side, false);

    feed_frame(&side, WIRE_ERROR, buf_view(&payload));

    assert_string_equal(side.said, "r");
    buf_clear(&payload);
    end_side(&side);
}

/* ---- time */

static enum peer_state state_after(struct side *side, int64_t sec)
{
    peer_tick(&side->peer, sec * 1000);
    drain(side);
    return side->peer.state;
}

static void a_handshake_that_takes_too_long_ends(void **state)
{
    (void)state;
    struct side side;
    start_side(&side, true);

    assert_int_equal(state_after(&side, PEER_HANDSHAKE_TIMEOUT_SEC - 1), PEER_CONNECTING);
    /* A byte does not buy more time. */
    feed(&side, bytes_of_str("\xe9"));
    assert_int_equal(state_after(&side, PEER_HANDSHAKE_TIMEOUT_SEC), PEER_CLOSED);

    assert_string_equal(side.said, "c");
    assert_int_equal(side.end.code, FAULT_TIMEOUT);
    end_side(&side);
}

static void a_quiet_peer_is_pinged_and_then_left(void **state)
{
    (void)state;
    struct side side;
    establish(&side); /* at 1 s */

    peer_tick(&side.peer, 1000 + (PEER_PING_AFTER_SEC - 1) * 1000);
    assert_int_equal(side.peer.out.len, 0);
    peer_tick(&side.peer, 1000 + PEER_PING_AFTER_SEC * 1000);
    assert_memory_equal(side.peer.out.data + 4, "ping", 5);
    peer_tick(&side.peer, 1000 + (PEER_IDLE_TIMEOUT_SEC - 1) * 1000);
    assert_int_equal(side.peer.state, PEER_ESTABLISHED);
    peer_tick(&side.peer, 1000 + PEER_IDLE_TIMEOUT_SEC * 1000);

    assert_int_equal(side.peer.state, PEER_CLOSED);
    end_side(&side);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sessions_shake_hands_at_every_split),
        cmocka_unit_test(tls_starts_when_both_can),
        cmocka_unit_test(bytes_behind_the_last_verack_are_left_to_tls),
        cmocka_unit_test(an_acceptor_says_verack_before_its_version),
        cmocka_unit_test(packets_pass_both_ways_once_established),
        cmocka_unit_test(a_long_list_of_hashes_goes_in_several_packets),
        cmocka_unit_test(a_full_inventory_message_is_taken_and_one_more_is_not),
        cmocka_unit_test(each_refusal_says_why_and_ends),
        cmocka_unit_test(of_a_long_list_of_streams_ours_are_kept_and_some_more),
        cmocka_unit_test(a_time_beyond_all_numbers_is_ahead),
        cmocka_unit_test(the_words_of_refusals_are_those_of_the_network),
        cmocka_unit_test(an_owner_may_refuse),
        cmocka_unit_test(commands_before_the_handshake_end_it),
        cmocka_unit_test(a_header_is_enough_to_refuse_a_command_or_a_length),
        cmocka_unit_test(a_verack_before_the_version_is_kept_in_mind),
        cmocka_unit_test(a_version_before_the_verack_does_as_well),
        cmocka_unit_test(a_second_version_ends_it_at_any_time),
        cmocka_unit_test(broken_streams_end_it),
        cmocka_unit_test(malformed_payloads_are_skipped_and_told),
        cmocka_unit_test(unknown_commands_are_ignored),
        cmocka_unit_test(an_error_before_the_handshake_is_told),
        cmocka_unit_test(a_handshake_that_takes_too_long_ends),
        cmocka_unit_test(a_quiet_peer_is_pinged_and_then_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
