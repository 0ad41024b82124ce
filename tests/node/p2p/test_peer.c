// SPDX-License-Identifier: MIT
/* Two sessions wired to each other, and what an established one makes of what it hears. */
#include "node/p2p/peer.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/peer_sides.h"
#include "tests/support/vectors.h"

enum { MAGIC_OTHER = 0x01020304 };

static void two_sessions_shake_hands_at_every_split(void **state)
{
    (void)state;
    for (size_t step = 1; step < 300; step++) {
        struct peer_pair pair;
        peer_pair_start(&pair, false, true);

        peer_pair_run(&pair, step);

        assert_string_equal(pair.a.said, "ve");
        assert_string_equal(pair.b.said, "ve");
        assert_int_equal(pair.a.peer.state, PEER_ESTABLISHED);
        assert_string_equal(pair.a.peer.user_agent, "/Test:1/");
        assert_int_equal(pair.b.peer.port, 8444);
        assert_true(peer_has_dandelion(&pair.a.peer));
        peer_pair_end(&pair);
    }
}

static void tls_starts_when_both_can(void **state)
{
    (void)state;
    struct peer_pair pair;
    peer_pair_start(&pair, true, true);

    peer_pair_run(&pair, 1000);

    assert_string_equal(pair.a.said, "vt");
    assert_string_equal(pair.b.said, "vt");
    peer_tls_done(&pair.a.peer);
    peer_side_drain(&pair.a);
    assert_string_equal(pair.a.said, "vte");
    peer_pair_end(&pair);
}

static void bytes_behind_the_last_verack_are_left_to_tls(void **state)
{
    (void)state;
    struct peer_pair pair;
    peer_pair_start(&pair, true, true);
    peer_pair_pass(&pair.a, &pair.b, 10000); /* version */
    peer_pair_pass(&pair.b, &pair.a, 10000); /* verack, version */

    /* The initiator's verack and its first bytes of TLS come in one piece. */
    buf_append(&pair.a.peer.out, "\x16\x03\x01", 3);
    peer_pair_pass(&pair.a, &pair.b, 10000);

    assert_string_equal(pair.b.said, "vt");
    assert_int_equal(pair.b.in.len, 3);
    assert_memory_equal(pair.b.in.data, "\x16\x03\x01", 3);
    peer_pair_end(&pair);
}

static void an_acceptor_says_verack_before_its_version(void **state)
{
    (void)state;
    struct peer_pair pair;
    peer_pair_start(&pair, false, false);

    peer_pair_pass(&pair.a, &pair.b, 10000);

    assert_memory_equal(pair.b.peer.out.data + 4, "verack", 7);
    assert_memory_equal(pair.b.peer.out.data + FRAME_HEADER_BYTES + 4, "version", 8);
    peer_pair_end(&pair);
}

static void packets_pass_both_ways_once_established(void **state)
{
    (void)state;
    static const uint8_t hashes[2 * WIRE_HASH_BYTES] = {1};
    struct peer_pair pair;
    peer_pair_start(&pair, false, false);
    peer_pair_run(&pair, 10000);
    struct addr_entry entry = {.time_sec = PEER_SIDES_NOW_SEC, .stream = 1, .port = 8444};

    peer_send_addr(&pair.a.peer, &entry, 1);
    peer_send_inv(&pair.a.peer, (struct bytes){hashes, sizeof hashes}, false);
    peer_send_getdata(&pair.a.peer, (struct bytes){hashes, sizeof hashes});
    peer_send_object(&pair.a.peer, (struct bytes){hashes, sizeof hashes});
    frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_PING, (struct bytes){0});
    frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_PONG, (struct bytes){0});
    frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_PORTCHECK, (struct bytes){0});
    for (size_t step = 7; peer_pair_pass(&pair.a, &pair.b, step);) {
    }

    assert_string_equal(pair.b.said, "veaigo");
    assert_memory_equal(pair.b.peer.out.data + 4, "pong", 5);
    peer_pair_end(&pair);
}

static void a_long_list_of_hashes_goes_in_several_packets(void **state)
{
    (void)state;
    struct peer_pair pair;
    peer_pair_start(&pair, false, false);
    peer_pair_run(&pair, 10000);
    size_t len = (size_t)(INV_SEND_MAX_HASHES + 1) * WIRE_HASH_BYTES;
    uint8_t *hashes = calloc(1, len);

    peer_send_inv(&pair.a.peer, (struct bytes){hashes, len}, true);
    peer_pair_run(&pair, SIZE_MAX);

    assert_string_equal(pair.b.said, "veii");
    free(hashes);
    peer_pair_end(&pair);
}

static void a_full_inventory_message_is_taken_and_one_more_is_not(void **state)
{
    (void)state;
    for (size_t n = INV_MAX_HASHES - 1; n <= INV_MAX_HASHES + 1; n++) {
        struct peer_pair pair;
        peer_pair_start(&pair, false, false);
        peer_pair_run(&pair, 10000);
        struct buf payload = {0};
        write_var_int(&payload, n);
        buf_append_zeros(&payload, n * WIRE_HASH_BYTES);

        frame_write(&pair.a.peer.out, FRAME_MAGIC, WIRE_INV, buf_view(&payload));
        peer_pair_run(&pair, SIZE_MAX);

        assert_string_equal(pair.b.said, n <= INV_MAX_HASHES ? "vei" : "vem");
        buf_clear(&payload);
        peer_pair_end(&pair);
    }
}

static void malformed_payloads_are_skipped_and_told(void **state)
{
    (void)state;
    static const enum wire_command commands[] = {WIRE_ADDR, WIRE_INV, WIRE_DINV, WIRE_GETDATA,
                                                 WIRE_ERROR};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct peer_side side;
        peer_side_establish(&side);

        peer_side_feed_frame(&side, commands[i], bytes_of_str("\xff\x01"));
        peer_side_feed_frame(&side, WIRE_PING, (struct bytes){0});

        assert_string_equal(side.said, "vem");
        assert_memory_equal(side.peer.out.data + 4, "pong", 5);
        peer_side_end(&side);
    }
}

static void unknown_commands_are_ignored(void **state)
{
    (void)state;
    struct peer_side side;
    struct buf out = {0};
    peer_side_establish(&side);
    frame_write(&out, FRAME_MAGIC, WIRE_PING, (struct bytes){0});
    memcpy(out.data + 4, "whatever\0\0\0", 12);

    peer_side_feed(&side, buf_view(&out));

    assert_string_equal(side.said, "ve");
    assert_int_equal(side.peer.out.len, 0);
    buf_clear(&out);
    peer_side_end(&side);
}

static void broken_streams_end_it(void **state)
{
    (void)state;
    struct buf frame = {0};
    frame_write(&frame, FRAME_MAGIC, WIRE_PING, bytes_of_str("x"));
    for (int what = 0; what < 3; what++) {
        struct peer_side side;
        peer_side_establish(&side);
        struct buf broken = {0};
        buf_append_bytes(&broken, buf_view(&frame));
        if (what == 0) {
            store_be32(broken.data, MAGIC_OTHER);
        } else if (what == 1) {
            store_be32(broken.data + 16, FRAME_MAX_PAYLOAD_BYTES + 1);
        } else {
            broken.data[20] ^= 1;
        }

        peer_side_feed(&side, buf_view(&broken));

        assert_string_equal(side.said, "vec");
        buf_clear(&broken);
        peer_side_end(&side);
    }
    buf_clear(&frame);
}

static void a_quiet_peer_is_pinged_and_then_left(void **state)
{
    (void)state;
    struct peer_side side;
    peer_side_establish(&side); /* at 1 s */

    peer_tick(&side.peer, 1000 + (PEER_PING_AFTER_SEC - 1) * 1000);
    assert_int_equal(side.peer.out.len, 0);
    peer_tick(&side.peer, 1000 + PEER_PING_AFTER_SEC * 1000);
    assert_memory_equal(side.peer.out.data + 4, "ping", 5);
    peer_tick(&side.peer, 1000 + (PEER_IDLE_TIMEOUT_SEC - 1) * 1000);
    assert_int_equal(side.peer.state, PEER_ESTABLISHED);
    peer_tick(&side.peer, 1000 + PEER_IDLE_TIMEOUT_SEC * 1000);

    assert_int_equal(side.peer.state, PEER_CLOSED);
    peer_side_end(&side);
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
        cmocka_unit_test(malformed_payloads_are_skipped_and_told),
        cmocka_unit_test(unknown_commands_are_ignored),
        cmocka_unit_test(broken_streams_end_it),
        cmocka_unit_test(a_quiet_peer_is_pinged_and_then_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
