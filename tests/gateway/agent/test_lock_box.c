// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "base/mem.h"
#include "gateway/agent/keys/key_lock.h"
#include "gateway/agent/keys/lock_box.h"

static const struct lock_cost cheap = {1, LOCK_LEAST_MEMORY_KIB};

struct fixture {
    struct lock_box box;
    struct lock_secret *secret;
    struct private_key key;
    uint8_t sealed[LOCK_SEALED_BYTES];
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    fixture->secret = lock_box_new(&fixture->box, bytes_of_str("open sesame"), cheap, NULL);
    assert_non_null(fixture->secret);
    private_key_random(&fixture->key);
    assert_true(lock_seal(fixture->sealed, fixture->box.public_key, &fixture->key));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    lock_secret_unref(&fixture->secret);
    free(fixture);
    return 0;
}

static struct bytes sealed_of(const struct fixture *fixture)
{
    return (struct bytes){fixture->sealed, sizeof(fixture->sealed)};
}

static void its_passphrase_opens_a_box_and_what_is_sealed_to_it(void **state)
{
    struct fixture *fixture = *state;
    struct private_key opened = {0};

    struct lock_secret *secret = lock_box_open(&fixture->box, bytes_of_str("open sesame"), NULL);

    assert_non_null(secret);
    assert_true(lock_unseal(&opened, secret, sealed_of(fixture)));
    assert_true(private_key_equal(&opened, &fixture->key));
    lock_secret_unref(&secret);
    assert_null(secret);
}

static void another_passphrase_does_not(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"open sesame ", "Open sesame", "open sesam", "x"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct fault fault = {0};
        assert_null(lock_box_open(&fixture->box, bytes_of_str(wrong[i]), &fault));
        assert_int_equal(fault.code, FAULT_DENIED);
    }
}

/* All of it is bound together: no byte of the box can be another. */
static void a_box_that_was_changed_is_not_opened(void **state)
{
    struct fixture *fixture = *state;
    struct lock_box *box = &fixture->box;
    const struct {
        uint8_t *bytes;
        size_t len;
    } parts[] = {{box->public_key, sizeof(box->public_key)},
                 {box->salt, sizeof(box->salt)},
                 {box->wrapped, sizeof(box->wrapped)}};
    for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
        for (size_t i = 0; i < parts[part].len; i += 5) {
            struct fault fault = {0};
            parts[part].bytes[i] ^= 1;
            assert_null(lock_box_open(box, bytes_of_str("open sesame"), &fault));
            assert_int_equal(fault.code, FAULT_DENIED);
            parts[part].bytes[i] ^= 1;
        }
    }
    box->cost.passes++;
    assert_null(lock_box_open(box, bytes_of_str("open sesame"), NULL));
    box->cost.passes--;
    box->cost.memory_kib++;
    assert_null(lock_box_open(box, bytes_of_str("open sesame"), NULL));
}

static void a_sealed_key_that_was_changed_cut_or_another_boxs_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct private_key opened = {0};
    struct lock_box other_box;
    struct lock_secret *other = lock_box_new(&other_box, bytes_of_str("x"), cheap, NULL);
    for (size_t i = 0; i < LOCK_SEALED_BYTES; i++) {
        fixture->sealed[i] ^= 0x40;
        assert_false(lock_unseal(&opened, fixture->secret, sealed_of(fixture)));
        fixture->sealed[i] ^= 0x40;
        assert_false(lock_unseal(&opened, fixture->secret, (struct bytes){fixture->sealed, i}));
    }
    assert_false(lock_unseal(&opened, other, sealed_of(fixture)));
    static const struct private_key untouched;
    assert_memory_equal(&opened, &untouched, sizeof(opened));
    lock_secret_unref(&other);
}

static void costs_at_the_bounds_are_taken_and_beyond_them_refused(void **state)
{
    struct fixture *fixture = *state;
    const struct {
        struct lock_cost cost;
        bool is_taken;
    } rows[] = {
        {{1, LOCK_LEAST_MEMORY_KIB}, true},
        {{0, LOCK_LEAST_MEMORY_KIB}, false},
        {{1, LOCK_LEAST_MEMORY_KIB - 1}, false},
        {{LOCK_MOST_PASSES, LOCK_LEAST_MEMORY_KIB}, true},
        {{LOCK_MOST_PASSES + 1, LOCK_LEAST_MEMORY_KIB}, false},
        {{1, LOCK_MOST_MEMORY_KIB}, true},
        {{1, LOCK_MOST_MEMORY_KIB + 1}, false},
        {{UINT32_MAX, UINT32_MAX}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault fault = {0};
        fixture->box.cost = rows[i].cost;
        assert_null(lock_box_open(&fixture->box, bytes_of_str("wrong"), &fault));
        assert_int_equal(fault.code, rows[i].is_taken ? FAULT_DENIED : FAULT_CORRUPT);
    }
}

static void a_passphrase_has_from_one_to_1024_bytes(void **state)
{
    (void)state;
    char text[LOCK_MAX_PASSPHRASE_BYTES + 2];
    struct lock_box box;
    struct fault fault = {0};
    memset(text, 'x', sizeof(text));
    assert_null(lock_box_new(&box, (struct bytes){0}, cheap, &fault));
    assert_int_equal(fault.code, FAULT_INVALID);
    struct bytes longest = {(const uint8_t *)text, LOCK_MAX_PASSPHRASE_BYTES};
    struct lock_secret *secret = lock_box_new(&box, longest, cheap, NULL);
    assert_non_null(secret);
    lock_secret_unref(&secret);
    longest.len++;
    assert_null(lock_box_new(&box, longest, cheap, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
}

static void what_is_sealed_stays_under_another_passphrase(void **state)
{
    struct fixture *fixture = *state;
    struct lock_box box;
    struct private_key opened;

    assert_true(lock_box_wrap(&box, fixture->secret, bytes_of_str("new"), cheap, NULL));

    assert_memory_not_equal(box.salt, fixture->box.salt, LOCK_SALT_BYTES);
    assert_null(lock_box_open(&box, bytes_of_str("open sesame"), NULL));
    struct lock_secret *secret = lock_box_open(&box, bytes_of_str("new"), NULL);
    assert_non_null(secret);
    assert_true(lock_unseal(&opened, secret, sealed_of(fixture)));
    assert_true(private_key_equal(&opened, &fixture->key));
    lock_secret_unref(&secret);
}

static void what_is_no_public_half_seals_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t low_order[LOCK_PUBLIC_BYTES];
    assert_false(lock_seal(fixture->sealed, low_order, &fixture->key));
}

static void each_wrong_passphrase_makes_the_next_wait_twice_as_long(void **state)
{
    (void)state;
    assert_int_equal(key_lock_wait_ms(0), 0);
    assert_int_equal(key_lock_wait_ms(1), 1000);
    assert_int_equal(key_lock_wait_ms(2), 2000);
    assert_int_equal(key_lock_wait_ms(9), 256 * 1000);
    assert_int_equal(key_lock_wait_ms(10), KEY_LOCK_MOST_WAIT_MS);
    assert_int_equal(key_lock_wait_ms(UINT32_MAX), KEY_LOCK_MOST_WAIT_MS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(its_passphrase_opens_a_box_and_what_is_sealed_to_it),
        CASE(another_passphrase_does_not),
        CASE(a_box_that_was_changed_is_not_opened),
        CASE(a_sealed_key_that_was_changed_cut_or_another_boxs_is_refused),
        CASE(costs_at_the_bounds_are_taken_and_beyond_them_refused),
        CASE(a_passphrase_has_from_one_to_1024_bytes),
        CASE(what_is_sealed_stays_under_another_passphrase),
        CASE(what_is_no_public_half_seals_nothing),
        CASE(each_wrong_passphrase_makes_the_next_wait_twice_as_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
