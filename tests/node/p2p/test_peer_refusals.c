// SPDX-License-Identifier: MIT
/* Versions that can't be agreed on: each is refused in words. */
#include "node/p2p/peer.h"

#include "tests/support/peer_sides.h"
#include "tests/support/vectors.h"

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
        {"at the beginning of time", 3, -PEER_SIDES_NOW_SEC, false, false, PEER_REFUSE_TIME_BEHIND},
        {"other stream", 3, 0, true, false, PEER_REFUSE_NO_STREAM},
        {"no stream", 3, 0, false, true, PEER_REFUSE_NO_STREAM},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].name);
        struct peer_side side;
        struct buf out = {0};
        struct version_message version = peer_script_version();
        version.protocol_version = cases[i].protocol_version;
        version.time_sec = (uint64_t)(PEER_SIDES_NOW_SEC + cases[i].time_offset);
        if (cases[i].other_stream) {
            version.streams.encoded = (struct bytes){stream_two, 1};
        }
        if (cases[i].no_stream) {
            version.streams = (struct stream_list){0};
        }
        peer_side_start(&side, true);
        peer_script_write_version(&out, &version);

        peer_side_feed(&side, buf_view(&out));

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
        peer_side_end(&side);
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
    struct version_message version = peer_script_version();
    version.streams.n_streams = sizeof others_and_ours;
    version.streams.encoded = (struct bytes){others_and_ours, sizeof others_and_ours};
    struct peer_side side;
    struct buf out = {0};
    peer_side_start(&side, true);
    peer_script_write_version(&out, &version);

    peer_side_feed(&side, buf_view(&out));

    assert_string_equal(side.said, "v");
    assert_true(peer_takes_stream(&side.peer, 1));
    assert_true(peer_takes_stream(&side.peer, FIRST + PEER_MAX_STREAMS - 2));
    assert_false(peer_takes_stream(&side.peer, FIRST + PEER_MAX_STREAMS - 1));
    buf_clear(&out);
    peer_side_end(&side);
}

static void a_time_beyond_all_numbers_is_ahead(void **state)
{
    (void)state;
    struct peer_side side;
    struct buf out = {0};
    struct version_message version = peer_script_version();
    version.time_sec = UINT64_MAX;
    peer_side_start(&side, true);
    peer_script_write_version(&out, &version);

    peer_side_feed(&side, buf_view(&out));

    assert_int_equal(side.refusal, PEER_REFUSE_TIME_AHEAD);
    buf_clear(&out);
    peer_side_end(&side);
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
    struct peer_side side;
    struct buf out = {0};
    struct version_message version = peer_script_version();
    struct peer_event event;
    size_t used;
    peer_side_start(&side, true);
    peer_script_write_version(&out, &version);
    assert_true(peer_read(&side.peer, &event, &used, buf_view(&out), 0, PEER_SIDES_NOW_SEC));
    assert_int_equal(event.type, PEER_EVENT_VERSION);

    /* Nothing more is read until it is judged. */
    assert_false(peer_read(&side.peer, &event, &used, buf_view(&out), 0, PEER_SIDES_NOW_SEC));
    assert_int_equal(used, 0);
    peer_refuse(&side.peer, PEER_REFUSE_SELF);

    assert_true(peer_read(&side.peer, &event, &used, (struct bytes){0}, 0, PEER_SIDES_NOW_SEC));
    assert_int_equal(event.type, PEER_EVENT_CLOSED);
    assert_int_equal(event.refusal, PEER_REFUSE_SELF);
    assert_false(event.misbehaved);
    assert_false(peer_read(&side.peer, &event, &used, (struct bytes){0}, 0, PEER_SIDES_NOW_SEC));
    buf_clear(&out);
    peer_side_end(&side);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_says_why_and_ends),
        cmocka_unit_test(of_a_long_list_of_streams_ours_are_kept_and_some_more),
        cmocka_unit_test(a_time_beyond_all_numbers_is_ahead),
        cmocka_unit_test(the_words_of_refusals_are_those_of_the_network),
        cmocka_unit_test(an_owner_may_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
