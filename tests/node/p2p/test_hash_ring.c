// SPDX-License-Identifier: MIT
#include "node/p2p/hash_ring.h"

#include <string.h>

#include "base/bytes.h"
#include "tests/support/vectors.h"

enum { MAX = 8 };

static const uint8_t *hash_of(uint32_t i)
{
    static uint8_t hash[SLOT_KEY_BYTES];
    memset(hash, 0x11, sizeof hash);
    store_be32(hash, i);
    return hash;
}

static void the_oldest_makes_room_for_the_newest(void **state)
{
    struct hash_ring ring;
    (void)state;
    hash_ring_init(&ring, MAX);
    for (uint32_t i = 0; i < MAX; i++) {
        assert_false(hash_ring_has(&ring, hash_of(i)));
        hash_ring_add(&ring, hash_of(i));
    }
    for (uint32_t i = 0; i < MAX; i++) {
        assert_true(hash_ring_has(&ring, hash_of(i)));
    }

    hash_ring_add(&ring, hash_of(MAX));

    assert_false(hash_ring_has(&ring, hash_of(0)));
    for (uint32_t i = 1; i <= MAX; i++) {
        assert_true(hash_ring_has(&ring, hash_of(i)));
    }
    hash_ring_clear(&ring);
}

static void one_that_is_there_already_pushes_nobody_out(void **state)
{
    struct hash_ring ring;
    (void)state;
    hash_ring_init(&ring, MAX);
    for (uint32_t i = 0; i < MAX; i++) {
        hash_ring_add(&ring, hash_of(i));
    }

    for (uint32_t i = 0; i < 3 * MAX; i++) {
        hash_ring_add(&ring, hash_of(MAX - 1));
    }

    assert_true(hash_ring_has(&ring, hash_of(0)));
    hash_ring_clear(&ring);
}

static void many_rounds_leave_the_last_ones(void **state)
{
    struct hash_ring ring;
    (void)state;
    hash_ring_init(&ring, MAX);
    for (uint32_t i = 0; i < 1000; i++) {
        hash_ring_add(&ring, hash_of(i));
    }

    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(hash_ring_has(&ring, hash_of(i)), i >= 1000 - MAX);
    }
    hash_ring_clear(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_makes_room_for_the_newest),
        cmocka_unit_test(one_that_is_there_already_pushes_nobody_out),
        cmocka_unit_test(many_rounds_leave_the_last_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
