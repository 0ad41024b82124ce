// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "gateway/control/api.h"
#include "gateway/control/call_table.h"
#include "gateway/control/web_calls.h"

static void each_call_is_taken_or_refused_for_a_reason(void **state)
{
    (void)state;
    size_t n_calls = 0;
    for (const char *call; (call = api_name(n_calls)) != NULL; n_calls++) {
        const struct web_call_row *row = web_calls_find(bytes_of_str(call));
        if (row == NULL) {
            fail_msg("web_calls.c has no row for %s", call);
        }
        assert_int_equal(row->reach == WEB_CALL_NOT, row->reason != NULL);
    }
    assert_true(n_calls > 40);
}

/* What may come by mail, which holds no password, may come over HTTP. */
static void what_is_taken_by_mail_is_taken_here(void **state)
{
    (void)state;
    for (size_t i = 0; i < call_rows_len; i++) {
        if (call_rows[i].by_mail) {
            const struct web_call_row *row = web_calls_find(bytes_of_str(call_rows[i].call));
            assert_non_null(row);
            assert_int_equal(row->reach, WEB_CALL_ACCOUNT);
        }
    }
}

static void keys_passwords_and_other_accounts_are_not_for_the_page(void **state)
{
    (void)state;
    static const char *const kept_out[] = {
        "account.new", "account.passwd", "account.delete",   "account.quota",
        "export.keys", "export.mail",    "recovery_key.new", "restore.prepare",
        "import.key",  "import.mail",    "identity.move",    "setup.first_password"};
    for (size_t i = 0; i < ARRAY_LEN(kept_out); i++) {
        assert_int_equal(web_calls_find(bytes_of_str(kept_out[i]))->reach, WEB_CALL_NOT);
    }
}

static void only_a_whole_name_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"", "statu", "status.", "status/", "STATUS", "login", "*"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_null(web_calls_find(bytes_of_str(names[i])));
    }
    assert_non_null(web_calls_find(bytes_of_str("status")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_is_taken_or_refused_for_a_reason),
        cmocka_unit_test(what_is_taken_by_mail_is_taken_here),
        cmocka_unit_test(keys_passwords_and_other_accounts_are_not_for_the_page),
        cmocka_unit_test(only_a_whole_name_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
