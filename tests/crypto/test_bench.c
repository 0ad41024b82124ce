// SPDX-License-Identifier: MIT
#include "crypto/bench.h"

#include "tests/crypto/support.h"

#include <math.h>
#include <string.h>

#include "base/fault.h"

static void each_benchmark_gives_plausible_figures(void **state)
{
    (void)state;
    static const char *const names[] = {"pow", "decrypt", "sign", "hash"};
    const struct bench_options options = {.seconds = 0.05};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct bench_result results[BENCH_MAX_RESULTS];
        size_t n = 0;
        struct fault fault = {0};

        assert_true(bench_run(results, &n, names[i], &options, &fault));

        assert_in_range(n, 2, BENCH_MAX_RESULTS);
        assert_string_equal(results[0].name, names[i]);
        for (size_t j = 0; j < n; j++) {
            assert_true(results[j].ours > 0 && results[j].anchor > 0);
            assert_true(fabs(results[j].ratio - results[j].ours / results[j].anchor) < 1e-9);
            assert_true(strlen(results[j].detail) > 0 && strlen(results[j].unit) > 0);
        }
    }
}

static void one_kernel_can_be_asked_for(void **state)
{
    (void)state;
    const struct bench_options options = {.seconds = 0.02, .kernel = "portable"};
    struct bench_result results[BENCH_MAX_RESULTS];
    size_t n = 0;

    assert_true(bench_run(results, &n, "pow", &options, NULL));

    assert_int_equal(n, 2);
    assert_non_null(strstr(results[0].detail, "portable"));
}

static void threads_are_compared_with_one(void **state)
{
    (void)state;
    static const char *const names[] = {"pow", "decrypt"};
    const struct bench_options options = {.seconds = 0.3, .kernel = "portable", .threads = 2};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct bench_result results[BENCH_MAX_RESULTS];
        size_t n = 0;
        assert_true(bench_run(results, &n, names[i], &options, NULL));
        const struct bench_result *crowd = &results[2];
        assert_true(n >= 3);
        assert_non_null(strstr(crowd->anchor_name, "one thread"));
        assert_non_null(strstr(crowd->detail, "2 threads; ratio by CPU time"));
        assert_true(crowd->ours > 0 && crowd->anchor > 0);
    }
}

static void there_is_a_bound_to_threads(void **state)
{
    (void)state;
    struct bench_options options = {
        .seconds = 0.01, .kernel = "portable", .threads = BENCH_MAX_THREADS};
    struct bench_result results[BENCH_MAX_RESULTS];
    size_t n = 0;
    struct fault fault = {0};
    assert_true(bench_run(results, &n, "pow", &options, &fault));
    options.threads = BENCH_MAX_THREADS + 1;
    assert_false(bench_run(results, &n, "pow", &options, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
}

static void what_is_not_there_is_refused_by_name(void **state)
{
    (void)state;
    const struct bench_options none = {0};
    const struct bench_options bad = {.kernel = "abacus"};
    struct bench_result results[BENCH_MAX_RESULTS];
    size_t n = 42;
    struct fault fault = {0};

    assert_false(bench_run(results, &n, "poww", &none, &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    assert_false(bench_run(results, &n, "pow", &bad, &fault));
    assert_non_null(strstr(fault.text, "abacus"));
    assert_int_equal(n, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_benchmark_gives_plausible_figures),
        cmocka_unit_test(one_kernel_can_be_asked_for),
        cmocka_unit_test(threads_are_compared_with_one),
        cmocka_unit_test(there_is_a_bound_to_threads),
        cmocka_unit_test(what_is_not_there_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
