// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include "gateway/control/login_throttle.h"

/* A wrong password at `now_ms`; false when it was not looked at. */
static bool guess(struct login_throttle *throttle, int64_t now_ms)
{
    int64_t wait_ms;
    if (!login_throttle_begin(throttle, now_ms, &wait_ms)) {
        return false;
    }
    login_throttle_end(throttle, now_ms, LOGIN_WAS_WRONG);
    return true;
}

/* How long the next password has to wait. */
static int64_t wait_of(struct login_throttle *throttle, int64_t now_ms)
{
    int64_t wait_ms = 0;
    if (login_throttle_begin(throttle, now_ms, &wait_ms)) {
        login_throttle_end(throttle, now_ms, LOGIN_WAS_LEFT);
        return 0;
    }
    return wait_ms;
}

static void the_first_slips_cost_nothing_and_then_the_wait_doubles(void **state)
{
    (void)state;
    static const int64_t waits_sec[] = {0, 0, 0, 1, 2, 4, 8, 16, 16, 16};
    struct login_throttle throttle = {0};
    int64_t now_ms = 5000;
    for (size_t i = 0; i < ARRAY_LEN(waits_sec); i++) {
        assert_true(guess(&throttle, now_ms));
        int64_t wait_ms = wait_of(&throttle, now_ms);
        assert_int_equal(wait_ms, waits_sec[i] * 1000);
        if (wait_ms > 0) {
            assert_false(guess(&throttle, now_ms + wait_ms - 1));
        }
        now_ms += wait_ms;
    }
}

static void a_right_password_forgives_nothing(void **state)
{
    (void)state;
    struct login_throttle throttle = {0};
    int64_t wait_ms;
    for (int i = 0; i < 3; i++) {
        assert_true(guess(&throttle, 0));
        assert_true(login_throttle_begin(&throttle, 0, &wait_ms));
        login_throttle_end(&throttle, 0, LOGIN_WAS_RIGHT);
    }
    assert_true(guess(&throttle, 0));
    assert_int_equal(wait_of(&throttle, 0), LOGIN_FIRST_HOLD_MS);
}

static void time_forgives_one_by_one(void **state)
{
    (void)state;
    struct login_throttle throttle = {0};
    for (int i = 0; i < 4; i++) {
        assert_true(guess(&throttle, 0));
    }
    assert_int_equal(throttle.n_failures, 4);
    assert_int_equal(wait_of(&throttle, LOGIN_FORGIVE_MS - 1), 0);
    assert_int_equal(throttle.n_failures, 4);
    assert_int_equal(wait_of(&throttle, LOGIN_FORGIVE_MS), 0);
    assert_int_equal(throttle.n_failures, 3);
    assert_int_equal(wait_of(&throttle, 3 * LOGIN_FORGIVE_MS), 0);
    assert_int_equal(throttle.n_failures, 1);
    assert_int_equal(wait_of(&throttle, 1000 * (int64_t)LOGIN_FORGIVE_MS), 0);
    assert_int_equal(throttle.n_failures, 0);
}

static void so_many_are_looked_at_at_once(void **state)
{
    (void)state;
    struct login_throttle throttle = {0};
    int64_t wait_ms = 0;
    for (int i = 0; i < LOGIN_MAX_PENDING; i++) {
        assert_true(login_throttle_begin(&throttle, 0, &wait_ms));
    }
    assert_false(login_throttle_begin(&throttle, 0, &wait_ms));
    assert_true(wait_ms > 0);
    for (int i = 0; i < LOGIN_MAX_PENDING; i++) {
        login_throttle_end(&throttle, 0, i == 0 ? LOGIN_WAS_WRONG : LOGIN_WAS_RIGHT);
    }
    /* With a wrong one behind it, they come one by one. */
    assert_true(login_throttle_begin(&throttle, 0, &wait_ms));
    assert_false(login_throttle_begin(&throttle, 0, &wait_ms));
    login_throttle_end(&throttle, 0, LOGIN_WAS_LEFT);
    assert_true(login_throttle_begin(&throttle, 0, &wait_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_slips_cost_nothing_and_then_the_wait_doubles),
        cmocka_unit_test(a_right_password_forgives_nothing),
        cmocka_unit_test(time_forgives_one_by_one),
        cmocka_unit_test(so_many_are_looked_at_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
