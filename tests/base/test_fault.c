// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

static void a_fault_grows_words_on_its_way_up(void **state)
{
    (void)state;
    struct fault fault = {0};

    assert_false(fault_set_errno(&fault, ENOSPC, "write %s", "mail.db"));
    fault_wrap(&fault, "store a mail");

    assert_int_equal(fault.code, FAULT_NO_SPACE);
    assert_string_equal(fault.text, "store a mail: write mail.db: No space left on device");
}

static void a_long_text_is_cut_not_overrun(void **state)
{
    (void)state;
    char longer[2 * FAULT_TEXT_BYTES];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct fault fault = {0};

    fault_set(&fault, FAULT_INVALID, "%s", longer);
    fault_wrap(&fault, "%s", longer);

    assert_int_equal(strlen(fault.text), FAULT_TEXT_BYTES - 1);
}

static void a_null_fault_is_allowed(void **state)
{
    (void)state;
    assert_false(fault_set(NULL, FAULT_IO, "nobody listens"));
    assert_false(fault_wrap(NULL, "at all"));
}

static void foreign_text_is_escaped_and_cut_for_the_log(void **state)
{
    (void)state;
    char longer[1000];
    memset(longer, '\n', sizeof longer);

    assert_string_equal(log_escape(bytes_of_str("a b\r\n")).text, "a\\x20b\\x0d\\x0a");
    struct log_text cut = log_escape((struct bytes){(uint8_t *)longer, sizeof longer});
    assert_true(strlen(cut.text) < LOG_ESCAPED_BYTES);
    assert_string_equal(cut.text + strlen(cut.text) - 3, "...");
    assert_string_equal(log_scrub(LOG_LEVEL_INFO, "BM-2cWim8aZ").text, "BM-2...");
}

static void an_arena_gives_aligned_zeroed_memory(void **state)
{
    (void)state;
    struct arena arena = {0};

    for (size_t size = 0; size < 10000; size += 37) {
        uint8_t *block = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)block % 16, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(block[i], 0);
        }
        memset(block, 0xff, size);
    }
    assert_string_equal(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_grows_words_on_its_way_up),
        cmocka_unit_test(a_long_text_is_cut_not_overrun),
        cmocka_unit_test(a_null_fault_is_allowed),
        cmocka_unit_test(foreign_text_is_escaped_and_cut_for_the_log),
        cmocka_unit_test(an_arena_gives_aligned_zeroed_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
