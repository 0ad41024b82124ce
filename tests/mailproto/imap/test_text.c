// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/buf.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/imap/text_match.h"

static void folding_looks_past_case_and_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *folded;
    } rows[] = {
        {"Hello World", "hello world"},
        {"PRÜFUNG", "pru\xcc\x88"
                    "fung"},
        {"stra\xc3\x9f"
         "e",
         "strasse"},
        {"\xef\xac\x81nd", "find"}, /* the ligature fi */
        {"a \t\r\n b\xc2\xa0"
         "c",
         "a b c"}, /* white space of any kind is one space */
        {"\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x83"}, /* sigma, also at the end */
        {"x\xff\xfey", "x\xef\xbf\xbd\xef\xbf\xbdy"},             /* not UTF-8 */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf once = {0};
        struct buf twice = {0};
        fold_text(&once, bytes_of_str(rows[i].text));
        assert_string_equal(buf_str(&once), rows[i].folded);
        fold_text(&twice, buf_view(&once));
        assert_string_equal(buf_str(&twice), rows[i].folded);
        buf_clear(&once);
        buf_clear(&twice);
    }
}

static uint64_t match_one(enum mailbox_text_where where, const char *field, const char *needle)
{
    struct message_text text = {
        .header = bytes_of_str("subject:re: lunch\nfrom:ann <ann@x.org>\nx-empty:\n"),
        .body = bytes_of_str("see you at noon"),
    };
    struct mailbox_text_test test = {where, bytes_of_str(field), bytes_of_str(needle)};
    return text_match(&test, 1, &text);
}

static void a_text_test_looks_in_its_own_place(void **state)
{
    (void)state;

    assert_true(match_one(MAILBOX_TEXT_FIELD, "subject", "lunch"));
    assert_false(match_one(MAILBOX_TEXT_FIELD, "from", "lunch"));
    assert_false(match_one(MAILBOX_TEXT_FIELD, "sub", "lunch"));
    assert_true(match_one(MAILBOX_TEXT_FIELD, "x-empty", ""));
    assert_false(match_one(MAILBOX_TEXT_FIELD, "x-missing", ""));
    assert_false(match_one(MAILBOX_TEXT_FIELD, "subject", "lunch\nfrom"));
    assert_true(match_one(MAILBOX_TEXT_BODY, "", "noon"));
    assert_false(match_one(MAILBOX_TEXT_BODY, "", "lunch"));
    assert_true(match_one(MAILBOX_TEXT_BODY, "", ""));
    assert_true(match_one(MAILBOX_TEXT_ANY, "", "lunch"));
    assert_true(match_one(MAILBOX_TEXT_ANY, "", "noon"));
    assert_false(match_one(MAILBOX_TEXT_ANY, "", "supper"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_looks_past_case_and_form),
        cmocka_unit_test(a_text_test_looks_in_its_own_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
