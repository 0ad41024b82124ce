// SPDX-License-Identifier: MIT
#include "node/p2p/month_cap.h"

#include "tests/support/vectors.h"

/* 2026-01-31 23:59:59 and the second after. */
static const int64_t january_end = 1769903999;
static const int64_t february = 1769904000;

static void stages_come_at_their_share_of_the_cap(void **state)
{
    (void)state;
    static const struct {
        uint64_t used;
        enum month_stage stage;
    } rows[] = {
        {0, MONTH_OPEN},         {799, MONTH_OPEN},     {800, MONTH_NO_INBOUND},
        {899, MONTH_NO_INBOUND}, {900, MONTH_NO_RELAY}, {999, MONTH_NO_RELAY},
        {1000, MONTH_SILENT},    {1001, MONTH_SILENT},  {UINT64_MAX, MONTH_SILENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct month_cap cap = {.cap_bytes = 1000};
        month_cap_count(&cap, rows[i].used, february);
        assert_int_equal(month_cap_stage(&cap, february), rows[i].stage);
    }
}

static void the_next_month_starts_at_nothing(void **state)
{
    (void)state;
    struct month_cap cap = {.cap_bytes = 1000};
    month_cap_count(&cap, 5000, january_end);
    assert_int_equal(month_cap_stage(&cap, january_end), MONTH_SILENT);
    assert_int_equal(month_cap_used(&cap, february), 0);
    assert_int_equal(month_cap_stage(&cap, february), MONTH_OPEN);
}

static void a_clock_that_steps_away_and_back_finds_its_month(void **state)
{
    (void)state;
    struct month_cap cap = {.cap_bytes = 1000};
    month_cap_count(&cap, 950, february);
    month_cap_count(&cap, 5, 4102444800); /* 2100 */
    month_cap_count(&cap, 5, 0);          /* 1970 */
    assert_int_equal(month_cap_used(&cap, february), 950);
    assert_int_equal(cap.n_months, MONTH_CAP_MAX_MONTHS);
}

static void months_that_are_kept_are_bounded(void **state)
{
    (void)state;
    struct month_cap cap = {.cap_bytes = 1000};
    for (int64_t i = 0; i < 100; i++) {
        month_cap_count(&cap, 1, february + i * 31 * 86400);
        assert_true(cap.n_months <= MONTH_CAP_MAX_MONTHS);
    }
    assert_int_equal(month_cap_used(&cap, february + 99 * 31 * 86400), 1);
}

static void no_cap_is_never_reached_and_counts_do_not_wrap(void **state)
{
    (void)state;
    struct month_cap cap = {.cap_bytes = 0};
    month_cap_count(&cap, UINT64_MAX, february);
    month_cap_count(&cap, 10, february);
    assert_int_equal(month_cap_stage(&cap, february), MONTH_OPEN);
    assert_true(month_cap_used(&cap, february) == UINT64_MAX);
    cap.cap_bytes = UINT64_MAX;
    assert_int_equal(month_cap_stage(&cap, february), MONTH_SILENT);
}

static void what_was_saved_counts(void **state)
{
    (void)state;
    struct month_cap old = {.cap_bytes = 1000};
    struct month_cap cap = {.cap_bytes = 1000};
    month_cap_count(&old, 800, february);
    for (size_t i = 0; i < old.n_months; i++) {
        month_cap_restore(&cap, old.months[i]);
    }
    month_cap_count(&cap, 100, february);
    assert_int_equal(month_cap_stage(&cap, february), MONTH_NO_RELAY);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_come_at_their_share_of_the_cap),
        cmocka_unit_test(the_next_month_starts_at_nothing),
        cmocka_unit_test(a_clock_that_steps_away_and_back_finds_its_month),
        cmocka_unit_test(months_that_are_kept_are_bounded),
        cmocka_unit_test(no_cap_is_never_reached_and_counts_do_not_wrap),
        cmocka_unit_test(what_was_saved_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
