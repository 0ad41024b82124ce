// SPDX-License-Identifier: MIT
/* What the work of a mail takes, in numbers and in words; and how long its objects live. */
#include "gateway/agent/outgoing/work_cost.h"

#include "tests/support/vectors.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/agent/work/lifetime.h"
#include "node/objects/ack.h"
#include "node/objects/msg.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

static const struct pow_demand least = {1000, 1000};

static void expect_near(double value, double wanted, double share)
{
    if (fabs(value - wanted) > share * wanted) {
        fail_msg("%g is not near %g", value, wanted);
    }
}

static void one_search_is_what_the_target_says(void **state)
{
    (void)state;
    struct work_cost cost = {0};
    work_cost_add_object(&cost, 1000, 4 * DAY, least);
    struct pow_estimate ours = work_cost_estimate(&cost, 1e6);
    struct pow_estimate exact = pow_estimate(pow_target_to_send(1000, 4 * DAY, least), 1e6);

    expect_near(ours.mean_trials, exact.mean_trials, 1e-9);
    expect_near(ours.mean_sec, exact.mean_sec, 1e-9);
    expect_near(ours.p95_sec, exact.p95_sec, 0.011);
}

/* Luck evens out: of many searches the sum is seldom far from its mean. */
static void many_searches_together_stray_less_than_one(void **state)
{
    (void)state;
    enum { N = 400 };
    struct work_cost cost = {0};
    for (int i = 0; i < N; i++) {
        struct work_cost one = {0};
        work_cost_add_object(&one, 1000, DAY, least);
        work_cost_add(&cost, &one);
    }
    struct pow_estimate estimate = work_cost_estimate(&cost, 1e6);

    expect_near(estimate.p95_sec, estimate.mean_sec * (1 + 1.6449 / sqrt(N)), 0.005);
}

static void an_acknowledgement_is_work_until_it_is_done(void **state)
{
    (void)state;
    struct work_message message = {.content_len = 100, .ttl_sec = 4 * DAY};
    struct work_cost alone = {0};
    struct work_cost acked = {0};
    struct work_cost ack_done = {0};
    struct work_cost ack = {0};
    work_cost_add_message(&alone, &message, least);
    message.ackdata_len = ACK_MIN_DATA_BYTES;
    work_cost_add_message(&acked, &message, least);
    message.has_ack = true;
    work_cost_add_message(&ack_done, &message, least);
    work_cost_add_object(&ack, 16 + ACK_MIN_DATA_BYTES, 7 * DAY, least);

    assert_true(alone.mean_trials < ack_done.mean_trials);
    expect_near(acked.mean_trials, ack_done.mean_trials + ack.mean_trials, 1e-9);
}

static void the_recipients_demand_counts_where_it_is_more(void **state)
{
    (void)state;
    struct work_message message = {.content_len = 100, .ttl_sec = DAY, .demand = {10, 10}};
    struct work_cost usual = {0};
    struct work_cost dear = {0};
    work_cost_add_message(&usual, &message, least);
    message.demand.trials_per_byte = 7 * least.trials_per_byte;
    work_cost_add_message(&dear, &message, least);

    expect_near(dear.mean_trials, 7 * usual.mean_trials, 1e-6);
}

static void expect_words(const struct work_cost *cost, double trials_per_sec, const char *wanted)
{
    struct buf words = {0};
    work_cost_write(&words, cost, trials_per_sec);
    assert_string_equal(buf_str(&words), wanted);
    buf_clear(&words);
}

static void a_cost_reads_well(void **state)
{
    (void)state;
    const struct work_cost small = {.mean_trials = 9999, .variance = 9999.0 * 9999};
    const struct work_cost some = {.mean_trials = 3.14e6, .variance = 3.14e6 * 3.14e6};
    const struct work_cost least_known = {
        .mean_trials = 2e9, .variance = 2e9 * 2e9, .is_least = true};
    const struct work_cost beyond = {.mean_trials = 0x1p64, .variance = 0x1p128};
    expect_words(&small, 0, "about 9999 trials of work");
    expect_words(&some, 1e5,
                 "about 3.1 million trials of work: 31 seconds here on average, in 19 of 20 cases "
                 "less than 93 seconds");
    expect_words(&least_known, 1e6,
                 "at least 2.0 billion trials of work: 33 minutes here on average, in 19 of 20 "
                 "cases less than 99 minutes");
    expect_words(&beyond, 0, "about 18446744 trillion trials of work");
}

static void expect_time(double sec, const char *wanted)
{
    struct buf words = {0};
    work_cost_write_time(&words, sec);
    assert_string_equal(buf_str(&words), wanted);
    buf_clear(&words);
}

static void a_time_has_the_unit_that_suits_it(void **state)
{
    (void)state;
    expect_time(0, "0 seconds");
    expect_time(119, "119 seconds");
    expect_time(120, "2 minutes");
    expect_time(7199, "120 minutes");
    expect_time(7200, "2 hours");
    expect_time(2 * DAY - 1, "48 hours");
    expect_time(2 * DAY, "2 days");
    expect_time(INFINITY, "inf days");
}

/* ---- lifetimes */

static void a_lifetime_doubles_up_to_what_the_network_takes(void **state)
{
    (void)state;
    assert_int_equal(lifetime_doubled(DAY, 0), DAY);
    assert_int_equal(lifetime_doubled(DAY, 3), 8 * DAY);
    assert_int_equal(lifetime_doubled(14 * DAY, 1), LIFETIME_MOST_SEC);
    assert_int_equal(lifetime_doubled(14 * DAY + 1, 1), LIFETIME_MOST_SEC);
    assert_int_equal(lifetime_doubled(1, UINT32_MAX), LIFETIME_MOST_SEC);
    assert_int_equal(lifetime_doubled(0, UINT32_MAX), 0);
}

static void a_jitter_stays_within_what_the_network_takes(void **state)
{
    (void)state;
    assert_int_equal(lifetime_strayed(DAY, 300), DAY + 300);
    assert_int_equal(lifetime_strayed(DAY, -300), DAY - 300);
    assert_int_equal(lifetime_strayed(LIFETIME_LEAST_SEC + 300, -300), LIFETIME_LEAST_SEC);
    assert_int_equal(lifetime_strayed(LIFETIME_LEAST_SEC + 300, -301), LIFETIME_LEAST_SEC);
    assert_int_equal(lifetime_strayed(LIFETIME_MOST_SEC - 300, 300), LIFETIME_MOST_SEC);
    assert_int_equal(lifetime_strayed(LIFETIME_MOST_SEC - 300, 301), LIFETIME_MOST_SEC);
    assert_int_equal(lifetime_strayed(LIFETIME_MOST_SEC, 1), LIFETIME_MOST_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_search_is_what_the_target_says),
        cmocka_unit_test(many_searches_together_stray_less_than_one),
        cmocka_unit_test(an_acknowledgement_is_work_until_it_is_done),
        cmocka_unit_test(the_recipients_demand_counts_where_it_is_more),
        cmocka_unit_test(a_cost_reads_well),
        cmocka_unit_test(a_time_has_the_unit_that_suits_it),
        cmocka_unit_test(a_lifetime_doubles_up_to_what_the_network_takes),
        cmocka_unit_test(a_jitter_stays_within_what_the_network_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
