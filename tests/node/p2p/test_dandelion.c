// SPDX-License-Identifier: MIT
#include "node/p2p/dandelion.h"

#include <string.h>

#include "tests/support/vectors.h"

enum { SEC = 1000 };

static const uint8_t hash_a[WIRE_HASH_BYTES] = {0xa};
static const uint8_t hash_b[WIRE_HASH_BYTES] = {0xb};

static void an_own_object_goes_to_one_stem_alone(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    uint32_t child = 0;
    uint32_t again = 0;
    for (uint32_t id = 1; id <= 8; id++) {
        dandelion_add_outbound(dandelion, id);
    }
    assert_int_equal(dandelion_n_stems(dandelion), DANDELION_MAX_STEMS);

    assert_true(dandelion_add(dandelion, hash_a, DANDELION_LOCAL, &child, 0));
    assert_true(dandelion_add(dandelion, hash_b, DANDELION_LOCAL, &again, 0));

    assert_in_range(child, 1, 8);
    assert_int_equal(child, again); /* one parent, one child */
    uint32_t found = 0;
    assert_true(dandelion_has(dandelion, hash_a, &found));
    assert_int_equal(found, child);
    dandelion_free(&dandelion);
}

static void without_a_stem_nothing_is_kept_back(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    uint32_t child;

    assert_false(dandelion_add(dandelion, hash_a, DANDELION_LOCAL, &child, 0));
    assert_false(dandelion_has(dandelion, hash_a, NULL));

    /* The only stem is the parent itself: none. */
    dandelion_add_outbound(dandelion, 5);
    assert_false(dandelion_add(dandelion, hash_a, 5, &child, 0));
    assert_true(dandelion_add(dandelion, hash_a, 6, &child, 0));
    assert_int_equal(child, 5);
    dandelion_free(&dandelion);
}

static void when_off_nothing_is_kept_back(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(0, 0);
    uint32_t child;
    dandelion_add_outbound(dandelion, 5);

    assert_false(dandelion_add(dandelion, hash_a, DANDELION_LOCAL, &child, 0));
    dandelion_free(&dandelion);
}

static void the_timer_ends_the_stem_phase(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    uint32_t child;
    uint8_t out[WIRE_HASH_BYTES];
    dandelion_add_outbound(dandelion, 5);
    assert_true(dandelion_add(dandelion, hash_a, DANDELION_LOCAL, &child, 0));

    assert_false(dandelion_next_fluff(dandelion, out, DANDELION_FIXED_DELAY_SEC * SEC - 1));
    assert_true(dandelion_next_fluff(dandelion, out, 3000 * SEC));
    assert_memory_equal(out, hash_a, WIRE_HASH_BYTES);
    assert_false(dandelion_next_fluff(dandelion, out, 3000 * SEC));
    assert_false(dandelion_has(dandelion, hash_a, NULL));
    dandelion_free(&dandelion);
}

static void the_timer_is_ten_seconds_and_thirty_more_on_average(void **state)
{
    (void)state;
    enum { N_OBJECTS = 4000, MEAN_SEC = 30 };
    struct dandelion *dandelion = dandelion_new(90, 0);
    uint8_t hash[WIRE_HASH_BYTES] = {0};
    uint32_t child;
    double sum_sec = 0;
    size_t n_fluffed = 0;
    dandelion_add_outbound(dandelion, 5);
    for (uint32_t i = 0; i < N_OBJECTS; i++) {
        store_be32(hash, i);
        assert_true(dandelion_add(dandelion, hash, DANDELION_LOCAL, &child, 0));
    }
    for (int64_t sec = 0; n_fluffed < N_OBJECTS && sec < 100 * MEAN_SEC; sec++) {
        while (dandelion_next_fluff(dandelion, hash, sec * SEC)) {
            assert_true(sec >= DANDELION_FIXED_DELAY_SEC);
            sum_sec += (double)(sec - DANDELION_FIXED_DELAY_SEC);
            n_fluffed++;
        }
    }
    assert_int_equal(n_fluffed, N_OBJECTS);
    /* Five times what chance would give either way. */
    assert_true(sum_sec / N_OBJECTS > MEAN_SEC - 3 && sum_sec / N_OBJECTS < MEAN_SEC + 3);
    dandelion_free(&dandelion);
}

static void a_cycle_ends_it_at_once(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    uint32_t child;
    dandelion_add_outbound(dandelion, 5);
    assert_true(dandelion_add(dandelion, hash_a, DANDELION_LOCAL, &child, 0));

    assert_true(dandelion_fluff(dandelion, hash_a));
    assert_false(dandelion_fluff(dandelion, hash_a));
    assert_false(dandelion_fluff(dandelion, hash_b));
    dandelion_free(&dandelion);
}

static void a_lost_child_fluffs_its_objects(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    uint32_t child;
    uint8_t out[WIRE_HASH_BYTES];
    dandelion_add_outbound(dandelion, 5);
    assert_true(dandelion_add(dandelion, hash_a, DANDELION_LOCAL, &child, 0));

    dandelion_remove_peer(dandelion, 5);

    assert_true(dandelion_next_fluff(dandelion, out, 0));
    assert_memory_equal(out, hash_a, WIRE_HASH_BYTES);
    assert_int_equal(dandelion_n_stems(dandelion), 0);
    dandelion_free(&dandelion);
}

static void stems_change_with_the_epoch(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    uint32_t first;
    bool changed = false;
    for (uint32_t id = 1; id <= 8; id++) {
        dandelion_add_outbound(dandelion, id);
    }
    assert_true(dandelion_add(dandelion, hash_a, DANDELION_LOCAL, &first, 0));
    uint32_t same;
    dandelion_tick(dandelion, DANDELION_EPOCH_SEC * SEC - 1);
    assert_true(dandelion_add(dandelion, hash_b, DANDELION_LOCAL, &same, 0));
    assert_int_equal(same, first);

    for (int64_t epoch = 1; epoch <= 40 && !changed; epoch++) {
        uint32_t next;
        dandelion_tick(dandelion, epoch * DANDELION_EPOCH_SEC * SEC);
        assert_true(dandelion_add(dandelion, hash_b, DANDELION_LOCAL, &next, 0));
        changed = next != first;
    }
    assert_true(changed);
    /* What is on its way keeps its child. */
    uint32_t kept;
    assert_true(dandelion_has(dandelion, hash_a, &kept));
    assert_int_equal(kept, first);
    dandelion_free(&dandelion);
}

static void the_stem_phase_holds_a_bounded_number(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    dandelion_add_outbound(dandelion, 5);
    for (uint32_t i = 0; i <= DANDELION_MAX_OBJECTS; i++) {
        uint8_t hash[WIRE_HASH_BYTES] = {0};
        uint32_t child;
        store_be32(hash, i);
        assert_int_equal(dandelion_add(dandelion, hash, 7, &child, 0), i < DANDELION_MAX_OBJECTS);
    }
    dandelion_free(&dandelion);
}

static void stems_are_drawn_with_the_setting_as_odds(void **state)
{
    (void)state;
    struct dandelion *dandelion = dandelion_new(90, 0);
    int n = 0;
    for (int i = 0; i < 10000; i++) {
        n += dandelion_draw_stem(dandelion);
    }
    assert_in_range(n, 8800, 9200);
    dandelion_free(&dandelion);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_own_object_goes_to_one_stem_alone),
        cmocka_unit_test(without_a_stem_nothing_is_kept_back),
        cmocka_unit_test(when_off_nothing_is_kept_back),
        cmocka_unit_test(the_timer_ends_the_stem_phase),
        cmocka_unit_test(the_timer_is_ten_seconds_and_thirty_more_on_average),
        cmocka_unit_test(a_cycle_ends_it_at_once),
        cmocka_unit_test(a_lost_child_fluffs_its_objects),
        cmocka_unit_test(stems_change_with_the_epoch),
        cmocka_unit_test(the_stem_phase_holds_a_bounded_number),
        cmocka_unit_test(stems_are_drawn_with_the_setting_as_odds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
