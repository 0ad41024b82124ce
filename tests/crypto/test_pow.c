// SPDX-License-Identifier: MIT
#include "crypto/pow.h"

#include "tests/crypto/support.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static const struct pow_demand least = {POW_DEFAULT_TRIALS_PER_BYTE, POW_DEFAULT_EXTRA_BYTES};

static void targets_are_the_reference_s(void **state)
{
    (void)state;
    json_t *root = vectors_load("pow_and_limits.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "targets")) > 0);
    json_array_foreach(vectors_get(root, "targets"), index, row)
    {
        size_t len = (size_t)vectors_u64(row, "object_length_with_nonce");
        int64_t ttl = json_integer_value(vectors_get(row, "ttl"));
        struct pow_demand demand = {vectors_u64(row, "ntpb"), vectors_u64(row, "extra")};

        uint64_t check = pow_target_to_check(len, ttl, pow_demand_raise(demand, least));
        assert_int_equal(check, vectors_u64(row, "check_target"));
        if (!json_is_null(vectors_get(row, "sender_target"))) {
            /* The reference's is rounded to a double of 53 bits; ours is exact. */
            uint64_t send = pow_target_to_send(len, ttl, demand);
            uint64_t expected = vectors_u64(row, "sender_target");
            uint64_t rounding = expected >> 52;
            assert_in_range(send, expected - rounding, expected + rounding);
        }
    }
    json_decref(root);
}

static void a_sender_never_asks_less_than_a_receiver(void **state)
{
    (void)state;
    static const int64_t ttls[] = {300, 301, 3600, 65535, 65536, 65537, 2419200, 2430000};

    for (size_t len = 20; len < 300000; len = len * 3 + 1) {
        for (size_t i = 0; i < ARRAY_LEN(ttls); i++) {
            assert_true(pow_target_to_send(len, ttls[i], least) <=
                        pow_target_to_check(len, ttls[i], least));
        }
    }
}

static void a_short_life_is_charged_as_five_minutes(void **state)
{
    (void)state;
    uint64_t floor = pow_target_to_check(1000, POW_MIN_TTL_SEC, least);

    assert_int_equal(pow_target_to_check(1000, POW_MIN_TTL_SEC - 1, least), floor);
    assert_int_equal(pow_target_to_check(1000, 0, least), floor);
    assert_int_equal(pow_target_to_check(1000, -3600, least), floor);
    assert_int_equal(pow_target_to_check(1000, INT64_MIN, least), floor);
    assert_true(pow_target_to_check(1000, 2 * POW_MIN_TTL_SEC, least) < floor);
    assert_int_equal(pow_target_to_send(1000, -5, least), pow_target_to_send(1000, 0, least));
}

static void no_input_overflows_the_arithmetic(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 1000, UINT64_C(20000000000), UINT64_MAX};
    static const int64_t ttls[] = {INT64_MIN, 0, 2430000, INT64_MAX};

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        for (size_t j = 0; j < ARRAY_LEN(values); j++) {
            for (size_t k = 0; k < ARRAY_LEN(ttls); k++) {
                struct pow_demand demand = {values[i], values[j]};
                uint64_t check = pow_target_to_check(SIZE_MAX, ttls[k], demand);
                uint64_t send = pow_target_to_send(SIZE_MAX, ttls[k], demand);
                assert_true(values[i] != 0 || (check == UINT64_MAX && send == UINT64_MAX));
            }
        }
    }
    /* The greatest demand that PyBitmessage accepts still has a target above 0. */
    struct pow_demand most = {UINT64_C(20000000000), UINT64_C(20000000000)};
    assert_int_equal(pow_target_to_check(100, 300, most), 0);
    struct pow_demand steep = {UINT64_C(20000000000), 1000};
    assert_true(pow_target_to_check(1000, 2430000, steep) > 0);
    struct pow_demand beyond = {UINT64_MAX, UINT64_MAX};
    assert_int_equal(pow_target_to_check(1000, 300, beyond), 0);
    assert_int_equal(pow_target_to_send(1000, 300, beyond), 0);
}

static void a_quotient_of_two_to_the_64_is_capped(void **state)
{
    (void)state;
    struct pow_demand one = {1, 0};
    struct pow_demand half = {1, 1};

    /* A divisor of 1 gives 2^64 itself, of 2 gives 2^63. */
    assert_int_equal(pow_target_to_check(1, 300, one), UINT64_MAX);
    assert_int_equal(pow_target_to_check(1, 300, half), UINT64_C(1) << 63);
    assert_int_equal(pow_target_to_send(1, 0, one), UINT64_MAX);
    assert_int_equal(pow_target_to_send(1, 0, half), UINT64_C(1) << 63);
}

static void solved_nonces_have_their_known_value(void **state)
{
    (void)state;
    json_t *root = vectors_load("pow_and_limits.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "solved")) > 0);
    json_array_foreach(vectors_get(root, "solved"), index, row)
    {
        size_t len;
        uint8_t *payload = vectors_hex(row, "payload_without_nonce", &len);
        uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
        uint64_t nonce = vectors_u64(row, "nonce");
        uint64_t value = vectors_u64(row, "trial_value");

        pow_initial_hash(initial_hash, (struct bytes){payload, len});

        assert_hex_equal((struct bytes){initial_hash, 64}, vectors_str(row, "initial_hash"));
        assert_int_equal(pow_value(initial_hash, nonce), value);
        assert_true(pow_is_met(initial_hash, nonce, vectors_u64(row, "target")));
        assert_true(pow_is_met(initial_hash, nonce, value));
        assert_false(pow_is_met(initial_hash, nonce, value - 1));
        free(payload);
    }
    json_decref(root);
}

/* An object of the reference, with the proof of work of the real network. */
static void a_real_object_is_paid_for_and_a_bent_one_is_not(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    const int64_t now = 1767225600;
    size_t n_checked = 0;
    size_t index;
    json_t *row;
    json_array_foreach(vectors_get(root, "objects"), index, row)
    {
        size_t len;
        uint8_t *object = vectors_hex(row, "hex", &len);
        struct bytes whole = {object, len};
        struct pow_demand steep = {UINT64_C(20000000000), 1000};

        assert_true(pow_check(whole, now, least, least));
        assert_false(pow_check(whole, now, steep, least));
        object[0] ^= 1;
        assert_false(pow_check(whole, now, least, least));
        n_checked++;
        free(object);
    }
    assert_true(n_checked > 5);
    json_decref(root);
}

static void what_is_too_short_to_expire_is_not_paid_for(void **state)
{
    (void)state;
    struct pow_demand nothing = {0, 0};

    for (size_t len = 0; len <= 17; len++) {
        uint8_t *object = xmalloc(len);
        if (len != 0) {
            memset(object, 0xff, len);
        }
        assert_int_equal(pow_check((struct bytes){object, len}, 0, nothing, nothing), len >= 16);
        free(object);
    }
}

static void an_expiry_at_either_end_of_time_is_handled(void **state)
{
    (void)state;
    struct pow_demand nothing = {0, 0};
    uint8_t object[32] = {0};

    for (int high = 0; high < 2; high++) {
        memset(object + 8, high != 0 ? 0xff : 0, 8);
        assert_true(pow_check((struct bytes){object, sizeof object}, INT64_MIN, nothing, nothing));
        assert_true(pow_check((struct bytes){object, sizeof object}, INT64_MAX, nothing, nothing));
        assert_false(pow_check((struct bytes){object, sizeof object}, 0, least, least));
    }
}

static void the_estimate_is_that_of_an_exponential(void **state)
{
    (void)state;
    struct pow_estimate estimate = pow_estimate(UINT64_MAX >> 10, 512);

    assert_true(fabs(estimate.mean_trials - 1024) < 0.001);
    assert_true(fabs(estimate.mean_sec - 2) < 0.001);
    assert_true(fabs(estimate.p95_sec - 2 * 2.995732) < 0.001);
    estimate = pow_estimate(0, 0);
    assert_true(estimate.mean_trials == 0x1p64 && isinf(estimate.mean_sec));
    assert_true(pow_estimate(UINT64_MAX, 1).mean_trials >= 0.99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_the_reference_s),
        cmocka_unit_test(a_sender_never_asks_less_than_a_receiver),
        cmocka_unit_test(a_short_life_is_charged_as_five_minutes),
        cmocka_unit_test(no_input_overflows_the_arithmetic),
        cmocka_unit_test(a_quotient_of_two_to_the_64_is_capped),
        cmocka_unit_test(solved_nonces_have_their_known_value),
        cmocka_unit_test(a_real_object_is_paid_for_and_a_bent_one_is_not),
        cmocka_unit_test(what_is_too_short_to_expire_is_not_paid_for),
        cmocka_unit_test(an_expiry_at_either_end_of_time_is_handled),
        cmocka_unit_test(the_estimate_is_that_of_an_exponential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
