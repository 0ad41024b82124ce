// SPDX-License-Identifier: MIT
#include "node/p2p/streams.h"

#include "tests/support/vectors.h"

static void lists_are_read_and_sorted(void **state)
{
    (void)state;
    struct streams streams;
    assert_true(streams_parse(&streams, "1", NULL));
    assert_int_equal(streams.n_numbers, 1);
    assert_true(streams_parse(&streams, " 3,1 , 4294967295", NULL));
    assert_int_equal(streams.n_numbers, 3);
    assert_int_equal(streams.numbers[0], 1);
    assert_int_equal(streams.numbers[2], 4294967295U);
    assert_true(streams_has(&streams, 3));
    assert_false(streams_has(&streams, 2));
    assert_true(streams_parse(&streams, "1,2,3,4,5,6,7,8", NULL));
    assert_int_equal(streams.n_numbers, STREAMS_MAX);
}

static void what_is_no_list_is_refused_in_words(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " ",   "0",  "1,0",        "1,,2",
                                      "1,1", "one", "-1", "4294967296", "1,2,3,4,5,6,7,8,9",
                                      "1;2", "1 2", ",1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct streams streams;
        struct fault fault = {0};
        if (streams_parse(&streams, bad[i], &fault)) {
            fail_msg("taken: '%s'", bad[i]);
        }
        assert_true(fault.text[0] != '\0');
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read_and_sorted),
        cmocka_unit_test(what_is_no_list_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
