// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "gateway/agent/outgoing/outgoing_state.h"

/* A row per state: "x" where the column's state may follow. */
static const char *const legal[OUTGOING_N_STATES] = {
    /*             q a w h s d f c */
    /* queued    */ ".xx...xx",
    /* awaiting  */ "..x...xx",
    /* working   */ "...xx.xx",
    /* held      */ "x.x....x",
    /* sent      */ "..x..xx.",
    /* delivered */ "........",
    /* failed    */ "x.......",
    /* cancelled */ "........",
};

static void only_the_transitions_of_the_table_are_legal(void **state)
{
    (void)state;
    for (unsigned from = 0; from < OUTGOING_N_STATES; from++) {
        for (unsigned to = 0; to < OUTGOING_N_STATES; to++) {
            bool expected = legal[from][to] == 'x';
            if (outgoing_state_may_become((enum outgoing_state)from, (enum outgoing_state)to) !=
                expected) {
                fail_msg("%s -> %s", outgoing_state_name((enum outgoing_state)from),
                         outgoing_state_name((enum outgoing_state)to));
            }
        }
    }
}

static void names_and_keywords_agree_and_parse_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OUTGOING_N_STATES; i++) {
        const char *name = outgoing_state_name((enum outgoing_state)i);
        const char *keyword = outgoing_state_keyword((enum outgoing_state)i);
        assert_memory_equal(keyword, "$bm-", 4);
        assert_string_equal(keyword + 4, name);
        enum outgoing_state parsed = OUTGOING_CANCELLED;
        assert_true(outgoing_state_parse(&parsed, name));
        assert_int_equal(parsed, i);
    }
    enum outgoing_state untouched = OUTGOING_HELD;
    assert_false(outgoing_state_parse(&untouched, "lost"));
    assert_int_equal(untouched, OUTGOING_HELD);
}

static void a_mail_shows_failed_then_held_then_the_least_advanced(void **state)
{
    (void)state;
    static const struct {
        enum outgoing_state of[3];
        enum outgoing_state shown;
    } cases[] = {
        {{OUTGOING_DELIVERED, OUTGOING_SENT, OUTGOING_QUEUED}, OUTGOING_QUEUED},
        {{OUTGOING_DELIVERED, OUTGOING_HELD, OUTGOING_QUEUED}, OUTGOING_HELD},
        {{OUTGOING_FAILED, OUTGOING_HELD, OUTGOING_QUEUED}, OUTGOING_FAILED},
        {{OUTGOING_DELIVERED, OUTGOING_CANCELLED, OUTGOING_DELIVERED}, OUTGOING_DELIVERED},
        {{OUTGOING_CANCELLED, OUTGOING_CANCELLED, OUTGOING_CANCELLED}, OUTGOING_CANCELLED},
        {{OUTGOING_SENT, OUTGOING_AWAITING_KEY, OUTGOING_WORKING}, OUTGOING_AWAITING_KEY},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (outgoing_state_of_mail(cases[i].of, 3) != cases[i].shown) {
            fail_msg("row %zu", i);
        }
    }
}

static void outbox_holds_what_has_not_left(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OUTGOING_N_STATES; i++) {
        assert_int_equal(outgoing_state_is_in_outbox((enum outgoing_state)i), i <= OUTGOING_HELD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_transitions_of_the_table_are_legal),
        cmocka_unit_test(names_and_keywords_agree_and_parse_back),
        cmocka_unit_test(a_mail_shows_failed_then_held_then_the_least_advanced),
        cmocka_unit_test(outbox_holds_what_has_not_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
