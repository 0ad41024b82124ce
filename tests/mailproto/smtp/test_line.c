// SPDX-License-Identifier: MIT
/* Lines and the end of a mail: what is taken apart here decides where one mail ends and the next
 * begins, so every variant that was used to smuggle mails stands in a table. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/smtp/dot.h"
#include "mailproto/smtp/line.h"

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

static void a_line_ends_at_crlf_however_it_is_split(void **state)
{
    (void)state;
    static const char input[] = "NOOP a b\r\nQUIT\r\n";
    for (size_t split = 0; split < sizeof input - 1; split++) {
        struct line line = {0};
        size_t taken = 0;
        char *front = xmemdup(input, split);
        enum line_result result =
            line_feed(&line, &taken, (struct bytes){(uint8_t *)front, split}, 100);
        free(front);
        if (split < 10) {
            assert_int_equal(result, LINE_MORE);
            assert_int_equal(taken, split);
            result = line_feed(&line, &taken, text(input + split), 100);
            assert_int_equal(taken, 10 - split);
        } else {
            assert_int_equal(taken, 10);
        }
        assert_int_equal(result, LINE_DONE);
        assert_bytes_equal(line_text(&line), text("NOOP a b"));
        line_clear(&line);
    }
}

static void a_line_may_be_as_long_as_the_bound_and_no_longer(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        enum line_result result;
    } cases[] = {
        {"1234567\r\n", LINE_DONE}, {"12345678\r\n", LINE_DONE}, {"123456789\r\n", LINE_TOO_LONG}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t split = 0; split < strlen(cases[i].input); split++) {
            struct line line = {0};
            size_t taken = 0;
            assert_int_equal(
                line_feed(&line, &taken, bytes_slice(text(cases[i].input), 0, split), 10),
                LINE_MORE);
            assert_int_equal(line_feed(&line, &taken, text(cases[i].input + split), 10),
                             cases[i].result);
            line_clear(&line);
        }
    }
}

static void a_cr_or_lf_alone_ends_no_line(void **state)
{
    (void)state;
    static const char *const cases[] = {"NOOP\n", "\n", "NO\rOP\r\n", "NOOP\r\r\n", "\r\r"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct line line = {0};
        size_t taken = 0;
        assert_int_equal(line_feed(&line, &taken, text(cases[i]), 100), LINE_BARE);
        line_clear(&line);
    }
}

/* The mail is fed in two pieces, split at each place. */
static void check_dot(const char *input, enum dot_result expected, const char *mail,
                      size_t expected_taken)
{
    size_t len = strlen(input);
    for (size_t split = 0; split <= len; split++) {
        struct dot dot = {0};
        struct buf out = {0};
        size_t first = 0;
        size_t second = 0;
        uint8_t *front = xmemdup(input, split);
        uint8_t *back = xmemdup(input + split, len - split);
        enum dot_result result = dot_feed(&dot, &first, &out, (struct bytes){front, split});
        if (result == DOT_MORE) {
            result = dot_feed(&dot, &second, &out, (struct bytes){back, len - split});
        }
        if (result != expected || first + second != expected_taken) {
            fail_msg("\"%s\" split at %zu: result %d, taken %zu", input, split, result,
                     first + second);
        }
        if (mail != NULL) {
            assert_string_equal(buf_str(&out), mail);
        }
        free(front);
        free(back);
        buf_clear(&out);
    }
}

static void only_crlf_dot_crlf_ends_a_mail(void **state)
{
    (void)state;
    check_dot("a\r\n.\r\nQUIT\r\n", DOT_END, "a\r\n", 6);
    check_dot(".\r\n", DOT_END, "", 3);
    check_dot("..\r\n...\r\n.a\r\n.\r\n", DOT_END, ".\r\n..\r\na\r\n", 16);
    check_dot("a.\r\n.\r\n", DOT_END, "a.\r\n", 7);
    check_dot("\r\n\r\n.\r\n", DOT_END, "\r\n\r\n", 7);
    check_dot("a\r\n. \r\n", DOT_MORE, "a\r\n \r\n", 7);
    check_dot("a\r\n.\r", DOT_MORE, "a\r\n", 5);
}

static void no_other_line_end_is_taken_for_the_end_of_a_mail(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        size_t taken;
    } cases[] = {
        {"a\n.\n", 2},   {"a\n.\r\n", 2},      {"a\r\n.\n", 5},       {"a\r.\r", 3},
        {"a\r.\r\n", 3}, {"a\r\n.\r.\r\n", 6}, {"a\r\r\n.\r\n", 3},   {"a\r\n\n.\r\n", 4},
        {"\n.\r\n", 1},  {"a\r\n.\r\r\n", 6},  {"a\r\n..\n.\r\n", 6}, {"a\x0b\r.\r\n", 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check_dot(cases[i].input, DOT_BARE, NULL, cases[i].taken);
    }
}

static void a_nul_is_content(void **state)
{
    (void)state;
    static const uint8_t input[] = "a\r\n\0.\r\n.\r\n";
    struct dot dot = {0};
    struct buf out = {0};
    size_t taken = 0;
    assert_int_equal(dot_feed(&dot, &taken, &out, (struct bytes){input, sizeof input - 1}),
                     DOT_END);
    assert_int_equal(taken, sizeof input - 1);
    assert_int_equal(out.len, 7);
    buf_clear(&out);
}

static void the_longest_line_is_known(void **state)
{
    (void)state;
    struct dot dot = {0};
    size_t taken = 0;
    assert_int_equal(dot_feed(&dot, &taken, NULL, text("123\r\n..1234\r\n1")), DOT_MORE);
    assert_int_equal(dot.longest_line, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_at_crlf_however_it_is_split),
        cmocka_unit_test(a_line_may_be_as_long_as_the_bound_and_no_longer),
        cmocka_unit_test(a_cr_or_lf_alone_ends_no_line),
        cmocka_unit_test(only_crlf_dot_crlf_ends_a_mail),
        cmocka_unit_test(no_other_line_end_is_taken_for_the_end_of_a_mail),
        cmocka_unit_test(a_nul_is_content),
        cmocka_unit_test(the_longest_line_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
