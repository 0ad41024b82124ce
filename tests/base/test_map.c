// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include "base/list.h"
#include "base/map.h"

static void a_map_holds_what_was_put_through_growth_and_removal(void **state)
{
    (void)state;
    static int values[5000];
    struct map map = {0};

    for (uint64_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_null(map_put_u64(&map, i, &values[i]));
    }
    for (uint64_t i = 0; i < ARRAY_LEN(values); i += 2) {
        assert_ptr_equal(map_remove_u64(&map, i), &values[i]);
        assert_null(map_remove_u64(&map, i));
    }

    assert_int_equal(map.n_items, ARRAY_LEN(values) / 2);
    for (uint64_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_ptr_equal(map_get_u64(&map, i), i % 2 == 0 ? NULL : &values[i]);
    }
    map_clear(&map);
}

static void putting_again_replaces(void **state)
{
    (void)state;
    int first;
    int second;
    struct map map = {0};

    map_put(&map, bytes_of_str("key"), &first);

    assert_ptr_equal(map_put(&map, bytes_of_str("key"), &second), &first);
    assert_ptr_equal(map_get(&map, bytes_of_str("key")), &second);
    assert_int_equal(map.n_items, 1);
    map_clear(&map);
}

static void entries_may_be_removed_while_iterating(void **state)
{
    (void)state;
    static int values[100];
    struct map map = {0};
    for (uint64_t i = 0; i < ARRAY_LEN(values); i++) {
        map_put_u64(&map, i, &values[i]);
    }

    size_t cursor = 0;
    size_t n_seen = 0;
    struct bytes key;
    while (map_next(&map, &cursor, &key) != NULL) {
        map_remove(&map, key);
        n_seen++;
    }

    assert_int_equal(n_seen, ARRAY_LEN(values));
    assert_int_equal(map.n_items, 0);
    map_clear(&map);
}

static void a_table_of_tombstones_does_not_hang_or_grow(void **state)
{
    (void)state;
    int value;
    struct map map = {0};

    for (uint64_t i = 0; i < 100000; i++) {
        map_put_u64(&map, i, &value);
        map_remove_u64(&map, i);
    }

    assert_true(map.n_slots <= 64);
    assert_null(map_get_u64(&map, 1));
    map_clear(&map);
}

struct item {
    struct list_node node;
    int number;
};

static void a_list_keeps_its_order_and_forgives_a_second_removal(void **state)
{
    (void)state;
    struct list_node head;
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&head);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        list_append(&head, &items[i].node);
    }

    list_remove(&items[1].node);
    list_remove(&items[1].node);

    int sum = 0;
    list_for_each(node, &head)
    {
        sum = sum * 10 + list_entry(node, struct item, node)->number;
        list_remove(node);
    }
    assert_int_equal(sum, 2);
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_holds_what_was_put_through_growth_and_removal),
        cmocka_unit_test(putting_again_replaces),
        cmocka_unit_test(entries_may_be_removed_while_iterating),
        cmocka_unit_test(a_table_of_tombstones_does_not_hang_or_grow),
        cmocka_unit_test(a_list_keeps_its_order_and_forgives_a_second_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
