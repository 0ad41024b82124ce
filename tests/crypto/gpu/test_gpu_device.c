// SPDX-License-Identifier: MIT
#include "crypto/gpu/gpu_device.h"

#include "tests/support/vectors.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/gpu/gpu_wire.h"

static struct gpu_device *device;

/* The answer of a search, asked of OpenSSL nonce by nonce. */
static bool search_slowly(uint64_t *out_nonce, const struct pow_slice *slice)
{
    for (uint64_t i = 0; i < slice->n_trials; i++) {
        if (pow_is_met(slice->initial_hash, slice->first_nonce + i, slice->target)) {
            *out_nonce = slice->first_nonce + i;
            return true;
        }
    }
    return false;
}

static void assert_agrees(const struct pow_slice *slice)
{
    bool found;
    uint64_t nonce = 0;
    uint64_t expected = 0;
    struct fault fault = {0};
    bool is_expected = search_slowly(&expected, slice);
    assert_true(gpu_device_search(device, &found, &nonce, slice, &fault));
    assert_int_equal(found, is_expected);
    if (found) {
        assert_int_equal(nonce, expected);
    }
}

static void it_finds_what_openssl_finds(void **state)
{
    (void)state;
    struct pow_slice slice = {.n_trials = 3000};
    for (unsigned i = 0; i < 40; i++) {
        memset(slice.initial_hash, (int)(3 * i), sizeof slice.initial_hash);
        slice.first_nonce = i * UINT64_C(0x0f1e2d3c4b5a6978);
        slice.target = UINT64_MAX >> (4 + i % 10);
        assert_agrees(&slice);
    }
}

/* Around the size of a group, and across the end of all nonces. */
static void a_slice_ends_where_it_ends(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 63, 64, 65, 255, 256, 257, 1000};
    struct pow_slice slice = {.initial_hash = {5}, .target = UINT64_MAX >> 8};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        slice.n_trials = sizes[i];
        slice.first_nonce = 0 - sizes[i] / 2;
        assert_agrees(&slice);
    }
}

static void a_value_meets_its_own_target_and_none_below(void **state)
{
    (void)state;
    struct pow_slice slice = {.initial_hash = {7}, .first_nonce = 12345, .n_trials = 1};
    slice.target = pow_value(slice.initial_hash, slice.first_nonce);
    assert_agrees(&slice);
    slice.target--;
    assert_agrees(&slice);
    slice.target = 0;
    assert_agrees(&slice);
    slice.target = UINT64_MAX;
    assert_agrees(&slice);
}

static void no_trials_are_done_at_once(void **state)
{
    (void)state;
    struct pow_slice slice = {.target = UINT64_MAX};
    bool found;
    uint64_t nonce;
    assert_true(gpu_device_search(device, &found, &nonce, &slice, NULL));
    assert_false(found);
}

/* A launch can't be interrupted, so its length is what a cancellation waits for. The best of the
 * later ones: the machine has other things to do, too. */
static void a_batch_finds_its_length(void **state)
{
    (void)state;
    struct pow_slice slice = {.target = 0};
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < 40; i++) {
        bool found;
        uint64_t nonce;
        int64_t start_us = clock_mono_us();
        slice.n_trials = gpu_device_batch_trials(device);
        assert_in_range(slice.n_trials, GPU_BATCH_MIN_TRIALS, GPU_BATCH_MAX_TRIALS);
        assert_true(gpu_device_search(device, &found, &nonce, &slice, NULL));
        assert_false(found);
        int64_t took_us = clock_mono_us() - start_us;
        best_us = i >= 20 && took_us < best_us ? took_us : best_us;
    }
    assert_true(best_us < 10 * 1000);
}

static void its_name_fits_the_wire(void **state)
{
    (void)state;
    char name[GPU_MAX_NAME_BYTES + 1];
    assert_true(gpu_name_parse(name, bytes_of_str(gpu_device_name(device))));
}

int main(void)
{
    struct fault fault = {0};
    device = gpu_device_open(GPU_ANY, &fault);
    if (device == NULL && fault.code == FAULT_NOT_FOUND) {
        printf("skipped: %s\n", fault.text);
        return 0;
    }
    if (device == NULL) {
        printf("%s\n", fault.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_openssl_finds),
        cmocka_unit_test(a_slice_ends_where_it_ends),
        cmocka_unit_test(a_value_meets_its_own_target_and_none_below),
        cmocka_unit_test(no_trials_are_done_at_once),
        cmocka_unit_test(a_batch_finds_its_length),
        cmocka_unit_test(its_name_fits_the_wire),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    gpu_device_close(&device);
    return result;
}
