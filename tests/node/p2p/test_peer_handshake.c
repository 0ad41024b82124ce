// SPDX-License-Identifier: MIT
/* The handshake with a scripted peer: what is taken in it, in which order, and for how long. */
#include "node/p2p/peer.h"

#include <string.h>

#include "tests/support/peer_sides.h"
#include "tests/support/vectors.h"

static void commands_before_the_handshake_end_it(void **state)
{
    (void)state;
    static const enum wire_command commands[] = {WIRE_ADDR,    WIRE_INV,    WIRE_DINV,
                                                 WIRE_GETDATA, WIRE_OBJECT, WIRE_PING,
                                                 WIRE_PONG,    WIRE_VERACK, WIRE_PORTCHECK};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct peer_side side;
        peer_side_start(&side, true);

        peer_side_feed_frame(&side, commands[i], (struct bytes){0});

        assert_string_equal(side.said, "c");
        peer_side_end(&side);
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
        struct peer_side side;
        store_be32(header, FRAME_MAGIC);
        memcpy(header + 4, cases[i].command, strlen(cases[i].command));
        store_be32(header + 16, cases[i].payload_len);
        peer_side_start(&side, true);

        peer_side_feed(&side, (struct bytes){header, sizeof header - 1});
        assert_string_equal(side.said, "");
        peer_side_feed(&side, (struct bytes){header + sizeof header - 1, 1});

        assert_string_equal(side.said, cases[i].refused ? "c" : "");
        peer_side_end(&side);
    }
}

static void a_verack_before_the_version_is_kept_in_mind(void **state)
{
    (void)state;
    struct peer_side side;
    struct buf out = {0};
    struct version_message version = peer_script_version();
    peer_side_start(&side, false);

    peer_side_feed_frame(&side, WIRE_VERACK, (struct bytes){0});
    assert_string_equal(side.said, "");
    peer_script_write_version(&out, &version);
    peer_side_feed(&side, buf_view(&out));

    assert_string_equal(side.said, "ve");
    buf_clear(&out);
    peer_side_end(&side);
}

static void a_version_before_the_verack_does_as_well(void **state)
{
    (void)state;
    struct peer_side side;
    struct buf out = {0};
    struct version_message version = peer_script_version();
    peer_side_start(&side, false);

    peer_script_write_version(&out, &version);
    peer_side_feed(&side, buf_view(&out));
    assert_string_equal(side.said, "v");
    peer_side_feed_frame(&side, WIRE_VERACK, (struct bytes){0});

    assert_string_equal(side.said, "ve");
    buf_clear(&out);
    peer_side_end(&side);
}

static void a_second_version_ends_it_at_any_time(void **state)
{
    (void)state;
    struct buf out = {0};
    struct version_message version = peer_script_version();
    peer_script_write_version(&out, &version);
    struct peer_side side;
    peer_side_establish(&side);
    peer_side_feed(&side, buf_view(&out));
    assert_string_equal(side.said, "vec");
    peer_side_end(&side);

    peer_side_start(&side, true);
    peer_side_feed(&side, buf_view(&out));
    peer_side_feed(&side, buf_view(&out));
    assert_string_equal(side.said, "vc");
    peer_side_end(&side);
    buf_clear(&out);
}

static void an_error_before_the_handshake_is_told(void **state)
{
    (void)state;
    struct peer_side side;
    struct buf payload = {0};
    struct error_message error = {.fatal = 2, .text = bytes_of_str("no")};
    error_write(&payload, &error);
    peer_side_start(&side, false);

    peer_side_feed_frame(&side, WIRE_ERROR, buf_view(&payload));

    assert_string_equal(side.said, "r");
    buf_clear(&payload);
    peer_side_end(&side);
}

static enum peer_state state_after(struct peer_side *side, int64_t sec)
{
    peer_tick(&side->peer, sec * 1000);
    peer_side_drain(side);
    return side->peer.state;
}

static void a_handshake_that_takes_too_long_ends(void **state)
{
    (void)state;
    struct peer_side side;
    peer_side_start(&side, true);

    assert_int_equal(state_after(&side, PEER_HANDSHAKE_TIMEOUT_SEC - 1), PEER_CONNECTING);
    /* A byte does not buy more time. */
    peer_side_feed(&side, bytes_of_str("\xe9"));
    assert_int_equal(state_after(&side, PEER_HANDSHAKE_TIMEOUT_SEC), PEER_CLOSED);

    assert_string_equal(side.said, "c");
    assert_int_equal(side.end.code, FAULT_TIMEOUT);
    peer_side_end(&side);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_before_the_handshake_end_it),
        cmocka_unit_test(a_header_is_enough_to_refuse_a_command_or_a_length),
        cmocka_unit_test(a_verack_before_the_version_is_kept_in_mind),
        cmocka_unit_test(a_version_before_the_verack_does_as_well),
        cmocka_unit_test(a_second_version_ends_it_at_any_time),
        cmocka_unit_test(an_error_before_the_handshake_is_told),
        cmocka_unit_test(a_handshake_that_takes_too_long_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
