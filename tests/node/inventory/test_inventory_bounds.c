// SPDX-License-Identifier: MIT
/* How much the store keeps, and for how long. */
#include "base/clock.h"
#include "tests/support/inventory_world.h"
#include "tests/support/vectors.h"

static void expired_objects_stay_three_hours_and_go(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 1000, 1 << 20);
    struct inventory_adding short_lived = inventory_plain;
    short_lived.life_sec = 500;
    inventory_world_add(world, 1, &short_lived);
    inventory_world_add(world, 2, &inventory_plain);
    inventory_world_write(world);
    inventory_world_close(world);

    /* Opened anew, so that the step of the clock is none for it. The test itself may take seconds.
     */
    clock_set_offset(500 + OBJECT_KEEP_EXPIRED_SEC - 100);
    inventory_world_open(world, 1000, 1 << 20);
    inventory_expire(world->inventory);
    assert_int_not_equal(inventory_world_find(world, 1), SLOT_NONE);
    inventory_world_close(world);

    clock_set_offset(500 + OBJECT_KEEP_EXPIRED_SEC + 2);
    inventory_world_open(world, 1000, 1 << 20);
    inventory_expire(world->inventory);
    assert_int_equal(inventory_world_find(world, 1), SLOT_NONE);
    assert_int_not_equal(inventory_world_find(world, 2), SLOT_NONE);
    assert_int_equal(world->n_expired, 1);
    inventory_world_close(world);

    inventory_world_open(world, 1000, 1 << 20); /* and stays away */
    assert_int_equal(inventory_world_find(world, 1), SLOT_NONE);
    assert_int_equal(inventory_figures(world->inventory).n_objects, 1);
    inventory_world_close(world);
}

static void a_jump_of_the_clock_expires_nothing(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 1000, 1 << 20);
    inventory_world_add(world, 1, &inventory_plain);

    clock_set_offset(INT64_C(75) * 365 * 86400);
    inventory_expire(world->inventory);
    inventory_expire(world->inventory);

    assert_int_not_equal(inventory_world_find(world, 1), SLOT_NONE);
    inventory_world_close(world);
}

static void at_the_bound_the_least_worked_for_go_but_own_ones_never(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 1000, 1 << 24);
    struct inventory_adding own = inventory_plain;
    own.own = true;
    own.work = 1;
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(inventory_world_add(world, 100000 + i, &own), INVENTORY_ADDED);
    }
    for (uint32_t i = 1; i <= 3000; i++) {
        struct inventory_adding worked = inventory_plain;
        worked.work = i % 2 == 0 ? 1e9 : 1e3;
        assert_int_equal(inventory_world_add(world, i, &worked), INVENTORY_ADDED);
        assert_true(inventory_figures(world->inventory).n_objects <= 1000);
    }
    assert_true(world->n_evicted >= 2000);
    size_t n_well_worked = 0;
    for (uint32_t i = 2; i <= 3000; i += 2) {
        n_well_worked += inventory_world_find(world, i) != SLOT_NONE;
    }
    assert_true(n_well_worked > 900); /* chance alone would leave half */
    for (uint32_t i = 0; i < 10; i++) {
        inventory_world_expect_readable(world, 100000 + i);
    }
    inventory_world_close(world);
}

static void bytes_are_bounded_too(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_adding big = inventory_plain;
    big.len = 10000;
    inventory_world_open(world, 1000000, 1000000);
    for (uint32_t i = 1; i <= 300; i++) {
        assert_int_equal(inventory_world_add(world, i, &big), INVENTORY_ADDED);
        assert_true(inventory_figures(world->inventory).n_bytes <= 1000000);
    }
    inventory_world_close(world);
    inventory_world_open(world, 1000000, 1000000);
    assert_true(inventory_figures(world->inventory).n_bytes <= 1000000);
    inventory_world_expect_readable(world, 300);
    inventory_world_close(world);
}

static void exactly_as_many_as_the_bound_says_are_kept(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 1000, 1 << 24);
    for (uint32_t i = 1; i <= 1000; i++) {
        assert_int_equal(inventory_world_add(world, i, &inventory_plain), INVENTORY_ADDED);
        assert_int_equal(inventory_figures(world->inventory).n_objects, i);
    }
    assert_int_equal(world->n_evicted, 0);
    assert_int_equal(inventory_world_add(world, 1001, &inventory_plain), INVENTORY_ADDED);
    assert_true(world->n_evicted > 0 && inventory_figures(world->inventory).n_objects <= 1000);
    inventory_world_close(world);
}

static void exactly_as_many_bytes_as_the_bound_says_are_kept(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_adding big = inventory_plain;
    big.len = 10000;
    inventory_world_open(world, 100000, 1000000);
    for (uint32_t i = 1; i <= 100; i++) {
        assert_int_equal(inventory_world_add(world, i, &big), INVENTORY_ADDED);
    }
    assert_int_equal(inventory_figures(world->inventory).n_bytes, 1000000);
    assert_int_equal(world->n_evicted, 0);
    struct inventory_adding last = inventory_plain;
    last.len = 1;
    assert_int_equal(inventory_world_add(world, 101, &last), INVENTORY_ADDED);
    assert_true(world->n_evicted > 0);
    assert_true(inventory_figures(world->inventory).n_bytes <= 1000000);
    inventory_world_close(world);
}

static void own_objects_alone_may_go_above_the_bound(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_adding own = inventory_plain;
    own.own = true;
    inventory_world_open(world, 1000, 1 << 24);
    for (uint32_t i = 1; i <= 1001; i++) {
        assert_int_equal(inventory_world_add(world, i, &own), INVENTORY_ADDED);
    }
    assert_int_equal(world->n_evicted, 0);
    assert_int_equal(inventory_figures(world->inventory).n_objects, 1001);
    inventory_world_close(world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        INVENTORY_TEST(expired_objects_stay_three_hours_and_go),
        INVENTORY_TEST(a_jump_of_the_clock_expires_nothing),
        INVENTORY_TEST(at_the_bound_the_least_worked_for_go_but_own_ones_never),
        INVENTORY_TEST(bytes_are_bounded_too),
        INVENTORY_TEST(exactly_as_many_as_the_bound_says_are_kept),
        INVENTORY_TEST(exactly_as_many_bytes_as_the_bound_says_are_kept),
        INVENTORY_TEST(own_objects_alone_may_go_above_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
