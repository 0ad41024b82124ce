// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static void numbers_are_digits_within_the_bound(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"0", 0, true, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 10, false, 0},
        {"-1", 10, false, 0},
        {"+1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1x", 10, false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 0;
        bool ok = parse_u64(bytes_of_str(cases[i].text), cases[i].max, &value);
        if (ok != cases[i].ok || value != cases[i].value) {
            fail_msg("\"%s\"", cases[i].text);
        }
    }
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *plain; /* NULL: refused */
    } cases[] = {
        {"", ""},           {"Zg==", "f"},        {"Zm8=", "fo"},
        {"Zm9v", "foo"},    {"Zm9vYg==", "foob"}, {"Zm9vYmFy", "foobar"},
        {"Zh==", NULL},     {"Zm9=", NULL},       {"Zg=", NULL},
        {"Zg", NULL},       {"Z===", NULL},       {"====", NULL},
        {"Zg==Zg==", NULL}, {"Zm 9", NULL},       {"Zm-_", NULL},
        {"=m9v", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        bool ok = base64_decode(&out, bytes_of_str(cases[i].text));
        if (ok != (cases[i].plain != NULL)) {
            fail_msg("\"%s\"", cases[i].text);
        }
        if (ok) {
            assert_string_equal(buf_str(&out), cases[i].plain);
            struct buf again = {0};
            base64_encode(&again, buf_view(&out));
            assert_string_equal(buf_str(&again), cases[i].text);
            buf_clear(&again);
        } else {
            assert_int_equal(out.len, 0);
        }
        buf_clear(&out);
    }
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    uint8_t data[2];
    char text[5];

    assert_true(hex_decode(data, 2, bytes_of_str("aBf0")));
    hex_encode(text, (struct bytes){data, 2});
    assert_string_equal(text, "abf0");
    assert_false(hex_decode(data, 2, bytes_of_str("aBf")));
    assert_false(hex_decode(data, 2, bytes_of_str("aBfg")));
}

static void utf8_is_judged_by_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"plain", true},
        {"Pr\xc3\xbc"
         "fung",
         true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x90\xa6", true},
        {"\xc0\xaf", false},
        {"\xe0\x80\x80", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xc3", false},
        {"\xbc", false},
        {"\xff", false},
        {"\xf0\x9f\x90", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (utf8_valid(bytes_of_str(cases[i].text)) != cases[i].valid) {
            fail_msg("case %zu", i);
        }
    }
    assert_int_equal(utf8_cut(bytes_of_str("a\xe2\x82\xac"), 3), 1);
    assert_int_equal(utf8_cut(bytes_of_str("a\xe2\x82\xac"), 4), 4);
}

static void words_compare_without_case(void **state)
{
    (void)state;
    assert_true(str_equal_ci("INBOX", "inbox"));
    assert_false(str_equal_ci("INBOX", "inboxx"));
    assert_true(str_starts_with_ci("Chans/general", "chans/"));
    assert_true(str_ends_with_ci("BM-x@BM.ALT", "@bm.alt"));
    assert_false(str_ends_with_ci("t", "alt"));
}

static void ill_formed_utf8_is_replaced_part_by_part(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"plain", "plain"},
        {"a\xffz", "a\xef\xbf\xbdz"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xe2\x82z", "\xef\xbf\xbdz"},
        {"\xf0\x9f\x98", "\xef\xbf\xbd"},
        {"\xf0\x9f\xe2\x82\xac", "\xef\xbf\xbd\xe2\x82\xac"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        utf8_repair(&out, bytes_of_str(cases[i].in));
        assert_string_equal(buf_str(&out), cases[i].out);
        assert_true(utf8_valid(buf_view(&out)));
        buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_within_the_bound),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(utf8_is_judged_by_the_rfc),
        cmocka_unit_test(ill_formed_utf8_is_replaced_part_by_part),
        cmocka_unit_test(words_compare_without_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
