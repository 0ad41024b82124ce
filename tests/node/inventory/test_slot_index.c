// SPDX-License-Identifier: MIT
#include "node/inventory/slot_index.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/vectors.h"

static bool has(const struct slot_index *index, uint32_t fingerprint, uint32_t slot)
{
    struct slot_cursor cursor;
    uint32_t found = slot_index_first(index, fingerprint, &cursor);
    while (found != SLOT_NONE && found != slot) {
        found = slot_index_next(index, &cursor);
    }
    return found == slot;
}

static void an_empty_index_has_nothing(void **state)
{
    (void)state;
    struct slot_index index = {0};
    struct slot_cursor cursor;
    assert_int_equal(slot_index_first(&index, 5, &cursor), SLOT_NONE);
    slot_index_remove(&index, 5, 5);
    slot_index_clear(&index);
}

/* Against a plain array: fingerprints from a small range, so that runs of cells collide and wrap.
 */
static void it_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { N = 3000, STEPS = 60000 };
    static bool present[N];
    static uint32_t fingerprints[N];
    struct slot_index index = {0};
    size_t n_present = 0;
    uint32_t seed = 1;
    memset(present, 0, sizeof present);
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t slot = (seed >> 8) % N;
        fingerprints[slot] = slot % 7 == 0 ? UINT32_MAX - slot % 3 : slot * 3;
        if (present[slot]) {
            slot_index_remove(&index, fingerprints[slot], slot);
            n_present--;
        } else {
            slot_index_add(&index, fingerprints[slot], slot);
            n_present++;
        }
        present[slot] = !present[slot];
        assert_int_equal(index.n_items, n_present);
        assert_int_equal(has(&index, fingerprints[slot], slot), present[slot]);
    }
    for (uint32_t slot = 0; slot < N; slot++) {
        assert_int_equal(has(&index, slot % 7 == 0 ? UINT32_MAX - slot % 3 : slot * 3, slot),
                         present[slot]);
    }
    slot_index_clear(&index);
}

static void it_gives_memory_back(void **state)
{
    (void)state;
    struct slot_index index = {0};
    for (uint32_t i = 0; i < 100000; i++) {
        slot_index_add(&index, i * 2654435761U, i);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        slot_index_remove(&index, i * 2654435761U, i);
    }
    assert_int_equal(index.n_items, 0);
    assert_true(index.n_cells <= 64);
    slot_index_clear(&index);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_index_has_nothing),
        cmocka_unit_test(it_agrees_with_a_plain_array),
        cmocka_unit_test(it_gives_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
