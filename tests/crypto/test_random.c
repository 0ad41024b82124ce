// SPDX-License-Identifier: MIT
#include "crypto/random.h"

#include "tests/support/vectors.h"

#include <string.h>

static void uniform_numbers_stay_below_n_and_reach_all_below(void **state)
{
    (void)state;
    unsigned seen[7] = {0};

    for (int i = 0; i < 7000; i++) {
        uint64_t value = random_uniform(7);
        assert_true(value < 7);
        seen[value]++;
    }
    for (size_t i = 0; i < 7; i++) {
        assert_in_range(seen[i], 700, 1300); /* 10 standard deviations around 1000 */
    }
    assert_int_equal(random_uniform(1), 0);
    /* Just above a half of the range, where every other draw must be rejected. */
    uint64_t large = ((uint64_t)1 << 63) + 1;
    for (int i = 0; i < 100; i++) {
        assert_true(random_uniform(large) < large);
    }
}

static void a_range_holds_both_its_ends(void **state)
{
    (void)state;
    unsigned first = 0;
    unsigned last = 0;

    for (int i = 0; i < 600; i++) {
        int64_t value = random_between(-300, -299);
        assert_true(value == -300 || value == -299);
        first += value == -300;
        last += value == -299;
    }
    assert_true(first > 0 && last > 0);
    assert_int_equal(random_between(5, 5), 5);
    assert_true(random_between(INT64_MIN, INT64_MAX) != random_between(INT64_MIN, INT64_MAX));
}

static void exponential_delays_have_their_mean_and_tail(void **state)
{
    (void)state;
    double sum = 0;
    unsigned above_mean = 0;

    for (int i = 0; i < 20000; i++) {
        double value = random_exponential(10);
        assert_true(value >= 0 && value < 370);
        sum += value;
        above_mean += value > 10;
    }
    assert_true(sum / 20000 > 9.3 && sum / 20000 < 10.7);
    assert_in_range(above_mean, 6700, 8020); /* 20000 / e = 7358 */
}

static void a_shuffle_keeps_the_items_and_mixes_them(void **state)
{
    (void)state;
    uint16_t items[200];
    unsigned in_place = 0;
    unsigned sum = 0;

    for (size_t i = 0; i < 200; i++) {
        items[i] = (uint16_t)i;
    }
    random_shuffle(items, 200, sizeof items[0]);
    for (size_t i = 0; i < 200; i++) {
        in_place += items[i] == i;
        sum += items[i];
    }
    assert_int_equal(sum, 199 * 200 / 2);
    assert_true(in_place < 20);
    random_shuffle(items, 0, sizeof items[0]);
    random_shuffle(NULL, 0, 1);
}

static void bytes_differ_from_call_to_call(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};

    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);

    assert_memory_not_equal(a, b, sizeof a);
    random_bytes(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_numbers_stay_below_n_and_reach_all_below),
        cmocka_unit_test(a_range_holds_both_its_ends),
        cmocka_unit_test(exponential_delays_have_their_mean_and_tail),
        cmocka_unit_test(a_shuffle_keeps_the_items_and_mixes_them),
        cmocka_unit_test(bytes_differ_from_call_to_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
