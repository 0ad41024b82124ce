// SPDX-License-Identifier: MIT
#include "crypto/pow_kernel.h"

#include "tests/crypto/support.h"

#include <string.h>

/* Run the check for each kernel that this machine can run. */
static void for_each_kernel(void (*check)(const struct pow_kernel *kernel))
{
    for (size_t i = 0; pow_kernel_at(i) != NULL; i++) {
        const struct pow_kernel *kernel = pow_kernel_at(i);
        if (kernel->is_supported()) {
            check(kernel);
        } else {
            print_message("kernel %s: not on this processor\n", kernel->name);
        }
    }
}

static void find_the_known_nonce(const struct pow_kernel *kernel)
{
    json_t *root = vectors_load("pow_and_limits.json");
    size_t index;
    json_t *row;
    json_array_foreach(vectors_get(root, "solved"), index, row)
    {
        size_t len;
        uint8_t *initial_hash = vectors_hex(row, "initial_hash", &len);
        uint64_t known = vectors_u64(row, "nonce");
        uint64_t found = 0;
        struct pow_slice slice = {.target = vectors_u64(row, "target"),
                                  .first_nonce = known > 5000 ? known - 5000 : 1,
                                  .n_trials = 6000};
        memcpy(slice.initial_hash, initial_hash, sizeof slice.initial_hash);

        bool is_found = kernel->search(&found, &slice);

        if (!is_found || found != known) {
            fail_msg("kernel %s", kernel->name);
        }
        free(initial_hash);
    }
    json_decref(root);
}

static void each_kernel_finds_the_known_nonces(void **state)
{
    (void)state;
    for_each_kernel(find_the_known_nonce);
}

static void compare_with_openssl(const struct pow_kernel *kernel)
{
    for (unsigned i = 0; i < 60; i++) {
        struct pow_slice slice = {.target = UINT64_MAX >> (i % 9),
                                  .first_nonce = i * UINT64_C(0x0fedcba987654321) - 3,
                                  .n_trials = 1000};
        uint64_t expected = slice.first_nonce;
        uint64_t found = 0;
        memset(slice.initial_hash, (int)i, sizeof slice.initial_hash);
        while (!pow_is_met(slice.initial_hash, expected, slice.target)) {
            expected++;
        }
        if (expected - slice.first_nonce < slice.n_trials) {
            assert_true(kernel->search(&found, &slice));
            assert_int_equal(found, expected);
        }
    }
}

static void each_kernel_finds_what_openssl_finds(void **state)
{
    (void)state;
    for_each_kernel(compare_with_openssl);
}

static void search_without_hope(const struct pow_kernel *kernel)
{
    struct pow_slice slice = {.target = 0, .n_trials = 1000};
    uint64_t found = 42;

    assert_false(kernel->search(&found, &slice));
    slice.n_trials = 0;
    slice.target = UINT64_MAX;
    assert_false(kernel->search(&found, &slice));
    assert_int_equal(found, 42);
}

static void a_target_of_zero_and_an_empty_slice_find_nothing(void **state)
{
    (void)state;
    for_each_kernel(search_without_hope);
}

static void wrap_around(const struct pow_kernel *kernel)
{
    struct pow_slice slice = {.first_nonce = UINT64_MAX - 20, .n_trials = 5000};
    uint64_t found = 0;
    memset(slice.initial_hash, 0x77, sizeof slice.initial_hash);
    /* The value of nonce 100 is the target; nobody before it is expected to be lower than the
     * lowest. */
    uint64_t lowest = UINT64_MAX;
    uint64_t at = 0;
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t value = pow_value(slice.initial_hash, slice.first_nonce + i);
        if (value < lowest) {
            lowest = value;
            at = slice.first_nonce + i;
        }
    }
    slice.target = lowest;
    slice.n_trials = 200;
    assert_true(kernel->search(&found, &slice));
    assert_int_equal(found, at);
}

static void nonces_go_on_with_zero_after_the_last(void **state)
{
    (void)state;
    for_each_kernel(wrap_around);
}

static bool finds_nothing(uint64_t *out_nonce, const struct pow_slice *slice)
{
    (void)out_nonce;
    (void)slice;
    return false;
}

static bool finds_always(uint64_t *out_nonce, const struct pow_slice *slice)
{
    *out_nonce = slice->first_nonce;
    return true;
}

static void doubles_wrongly(uint64_t *out, const uint64_t *words)
{
    *out = words[0];
}

/* Right except for its last lane, which it never looks at. */
static bool misses_a_lane(uint64_t *out_nonce, const struct pow_slice *slice)
{
    for (uint64_t i = 0; i < (slice->n_trials + 3) / 4 * 4; i++) {
        if (i % 4 != 3 && pow_is_met(slice->initial_hash, slice->first_nonce + i, slice->target)) {
            *out_nonce = slice->first_nonce + i;
            return true;
        }
    }
    return false;
}

static void the_self_test_passes_good_kernels_and_no_other(void **state)
{
    (void)state;
    const struct pow_kernel *portable = pow_kernel_by_name("portable");
    const struct pow_kernel bad[] = {
        {"nothing", 1, NULL, finds_nothing, portable->double_digests},
        {"always", 1, NULL, finds_always, portable->double_digests},
        {"lane", 4, NULL, misses_a_lane, portable->double_digests},
        {"double", 1, NULL, portable->search, doubles_wrongly},
    };

    for (size_t i = 0; pow_kernel_at(i) != NULL; i++) {
        const struct pow_kernel *kernel = pow_kernel_at(i);
        assert_true(!kernel->is_supported() || pow_kernel_self_test(kernel));
        assert_true(kernel->lanes >= 1 && kernel->lanes <= POW_MAX_LANES);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(pow_kernel_self_test(&bad[i]));
    }
}

static void the_best_kernel_is_the_first_that_runs_here(void **state)
{
    (void)state;
    const struct pow_kernel *best = pow_kernel_best();
    size_t i = 0;
    while (!pow_kernel_at(i)->is_supported()) {
        i++;
    }

    assert_ptr_equal(best, pow_kernel_at(i));
    assert_ptr_equal(pow_kernel_by_name(best->name), best);
    assert_non_null(pow_kernel_by_name("portable"));
    assert_null(pow_kernel_by_name("abacus"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kernel_finds_the_known_nonces),
        cmocka_unit_test(each_kernel_finds_what_openssl_finds),
        cmocka_unit_test(a_target_of_zero_and_an_empty_slice_find_nothing),
        cmocka_unit_test(nonces_go_on_with_zero_after_the_last),
        cmocka_unit_test(the_self_test_passes_good_kernels_and_no_other),
        cmocka_unit_test(the_best_kernel_is_the_first_that_runs_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
