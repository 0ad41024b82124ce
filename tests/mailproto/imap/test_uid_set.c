// SPDX-License-Identifier: MIT
#include "mailproto/imap/uid_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/buf.h"
#include "mailproto/imap/seqset.h"

static void assert_prints(const struct uid_set *set, const char *expected)
{
    struct buf out = {0};
    uid_set_print(&out, set);
    assert_string_equal(buf_str(&out), expected);
    buf_clear(&out);
}

static void ranges_that_touch_are_joined(void **state)
{
    (void)state;
    struct uid_set set = {0};

    uid_set_add_range(&set, 5, 7);
    uid_set_add(&set, 1);
    uid_set_add(&set, 9);
    assert_prints(&set, "1,5:7,9");
    uid_set_add(&set, 8);
    assert_prints(&set, "1,5:9");
    uid_set_add_range(&set, 2, 4);
    assert_prints(&set, "1:9");
    uid_set_add_range(&set, 3, 3);

    assert_prints(&set, "1:9");
    assert_int_equal(uid_set_count(&set), 9);
    uid_set_clear(&set);
}

static void a_wide_range_swallows_what_it_covers(void **state)
{
    (void)state;
    struct uid_set set = {0};

    for (uint32_t uid = 10; uid <= 100; uid += 10) {
        uid_set_add(&set, uid);
    }
    uid_set_add_range(&set, 15, 75);

    assert_prints(&set, "10,15:75,80,90,100");
    uid_set_clear(&set);
}

static void the_highest_number_does_not_overflow(void **state)
{
    (void)state;
    struct uid_set set = {0};

    uid_set_add(&set, UINT32_MAX);
    uid_set_add(&set, 1);
    uid_set_add_range(&set, UINT32_MAX - 1, UINT32_MAX);
    assert_prints(&set, "1,4294967294:4294967295");
    uid_set_add_range(&set, 1, UINT32_MAX);

    assert_prints(&set, "1:4294967295");
    assert_true(uid_set_has(&set, UINT32_MAX));
    assert_int_equal(uid_set_count(&set), UINT64_C(4294967295));
    uid_set_clear(&set);
}

/* Against a plain array of booleans. */
static void random_additions_agree_with_an_array(void **state)
{
    (void)state;
    bool model[200] = {0};
    struct uid_set set = {0};
    unsigned seed = 7;

    for (int round = 0; round < 60; round++) {
        seed = seed * 1103515245u + 12345u;
        uint32_t first = 1 + (seed >> 16) % 190;
        uint32_t last = first + (seed >> 8) % 4;
        uid_set_add_range(&set, first, last);
        for (uint32_t uid = first; uid <= last; uid++) {
            model[uid] = true;
        }
        struct uid_set_walk walk = {0};
        uint32_t next = 0;
        uint64_t n_walked = 0;
        while (uid_set_next(&set, &walk, &next)) {
            assert_true(model[next]);
            n_walked++;
        }
        for (uint32_t uid = 0; uid < 200; uid++) {
            assert_int_equal(uid_set_has(&set, uid), model[uid]);
        }
        assert_int_equal(n_walked, uid_set_count(&set));
    }
    uid_set_clear(&set);
}

static void one_set_without_another(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        const char *other;
        const char *rest;
    } cases[] = {{"1:10", "", "1:10"},
                 {"", "1:10", ""},
                 {"1:10", "1:10", ""},
                 {"1:10", "5", "1:4,6:10"},
                 {"1:10", "1:3,9:20", "4:8"},
                 {"5:6,9", "1:4,7:8", "5:6,9"},
                 {"1:3,7:9", "2,8,12", "1,3,7,9"},
                 {"1:4294967295", "2:4294967294", "1,4294967295"},
                 {"3:4,6:7", "1:10", ""},
                 {"1:3,5:7", "3:5", "1:2,6:7"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct uid_set set = {0};
        struct uid_set other = {0};
        struct uid_set rest = {0};
        struct buf text = {0};
        assert_true(cases[i].set[0] == '\0' ||
                    seqset_plain(&set, bytes_of_str(cases[i].set), 0) == SEQSET_OK);
        assert_true(cases[i].other[0] == '\0' ||
                    seqset_plain(&other, bytes_of_str(cases[i].other), 0) == SEQSET_OK);
        uid_set_subtract(&rest, &set, &other);
        uid_set_print(&text, &rest);
        assert_string_equal(buf_str(&text), cases[i].rest);
        buf_clear(&text);
        uid_set_clear(&set);
        uid_set_clear(&other);
        uid_set_clear(&rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_that_touch_are_joined),
        cmocka_unit_test(a_wide_range_swallows_what_it_covers),
        cmocka_unit_test(the_highest_number_does_not_overflow),
        cmocka_unit_test(random_additions_agree_with_an_array),
        cmocka_unit_test(one_set_without_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
