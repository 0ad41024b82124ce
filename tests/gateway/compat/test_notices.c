// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "gateway/compat/notices.h"

struct runs {
    size_t n;
    const char *last;
    int64_t id;
};

static void run(void *context, const char *name, int64_t id)
{
    struct runs *runs = context;
    assert_true(id > runs->id);
    runs->id = id;
    runs->last = name;
    runs->n++;
}

static void one_program_runs_at_a_time(void **state)
{
    (void)state;
    struct runs runs = {0};
    struct notices notices = {.run = run, .context = &runs, .is_enabled = true};
    notices_tell(&notices, NOTICE_NEW_MESSAGE);
    notices_tell(&notices, NOTICE_NEW_BROADCAST);
    notices_tell(&notices, NOTICE_NEW_MESSAGE);
    assert_int_equal(runs.n, 1);
    notices_ended(&notices);
    assert_string_equal(runs.last, "notify.newMessage");
    notices_ended(&notices);
    assert_string_equal(runs.last, "notify.newBroadcast");
    assert_true(notices_is_name(runs.last) && !notices_is_name("deliver"));
    notices_ended(&notices);
    assert_int_equal(runs.n, 3);
    notices_tell(&notices, NOTICE_STARTING_UP);
    assert_string_equal(runs.last, "notify.startingUp");
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    struct runs runs = {0};
    struct notices notices = {.run = run, .context = &runs, .is_enabled = true};
    for (size_t i = 0; i < NOTICES_MAX_WAITING + 10; i++) {
        notices_tell(&notices, NOTICE_NEW_MESSAGE);
    }
    while (notices.is_running) {
        notices_ended(&notices);
    }
    assert_int_equal(runs.n, NOTICES_MAX_WAITING + 1); /* and the one that ran */
}

static void without_a_program_nothing_runs(void **state)
{
    (void)state;
    struct runs runs = {0};
    struct notices notices = {.run = run, .context = &runs};
    notices_tell(&notices, NOTICE_STARTING_UP);
    assert_int_equal(runs.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_program_runs_at_a_time),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(without_a_program_nothing_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
