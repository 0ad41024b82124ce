// SPDX-License-Identifier: MIT
/* Logins of every kind, TLS, and who is no client at all. */
#include "tests/support/vectors.h"

#include <string.h>

#include "base/str.h"
#include "tests/support/smtp_script.h"

/* ---- login ---- */

static void logins_of_every_kind(void **state)
{
    (void)state;
    smtp_world_run(NULL, SMTP_SCRIPT(SMTP_HELLO, "C: AUTH PLAIN", "S: 334 ", "C: AG1lAHNlY3JldA==",
                                     "S: 235", "C: AUTH PLAIN AG1lAHNlY3JldA==", "S: 503 5.5.1"));
    smtp_world_run(NULL,
                   SMTP_SCRIPT(SMTP_HELLO, "C: auth login", "S: 334 ", "C: bWU=", "S: 334 ",
                               "C: c2VjcmV0", "S: 235", "C: EHLO again", "S: 250-localhost",
                               "S: 250-SIZE", "S: 250-PIPELINING", "S: 250-8BITMIME",
                               "S: 250-SMTPUTF8", "S: 250-CHUNKING", "S: 250-BINARYMIME",
                               "S: 250-DSN", "S: 250-ENHANCEDSTATUSCODES", "S: 250-DELIVERBY",
                               "S: 250-LIMITS", "S: 250 HELP", "C: MAIL FROM:<a@b>", "S: 250"));
}

static void logins_that_are_wrong(void **state)
{
    (void)state;
    smtp_world_run(
        NULL, SMTP_SCRIPT(SMTP_HELLO, "C: AUTH", "S: 501 5.5.4", "C: AUTH CRAM-MD5", "S: 504 5.5.4",
                          "C: AUTH PLAIN AG1lAHdyb25n", "S: 535 5.7.8", "C: AUTH PLAIN !!!",
                          "S: 501 5.5.2", "C: AUTH PLAIN AG1lAHNlY3JldA", "S: 501 5.5.2",
                          "C: AUTH PLAIN", "S: 334 ", "C: *", "S: 501 5.7.0", "C: AUTH PLAIN",
                          "S: 334 ", "C: AG1l AHNlY3JldA==", "S: 501 5.5.2",
                          /* unknown user, empty user, empty password */
                          "C: AUTH PLAIN AHlvdQBzZWNyZXQ=", "S: 535 5.7.8",
                          "C: AUTH PLAIN AABzZWNyZXQ=", "S: 5", "C: AUTH PLAIN AG1lAA==", "S: 5",
                          "C: MAIL FROM:<a@b>", "S: 530 5.7.0"));
}

static void guessing_is_slow_and_ends(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    f.config.limits.login_sec = 1000;
    smtp_world_start(&f);
    smtp_world_settle(&f);
    smtp_world_say(&f, "EHLO me\r\n");
    smtp_world_skip_output(&f);
    int64_t before = f.now_ms;
    for (unsigned i = 0; i < f.config.limits.max_auth_failures; i++) {
        assert_false(smtp_world_is_closed(&f));
        smtp_world_say(&f, "AUTH PLAIN AG1lAHdyb25n\r\n");
        smtp_world_expect(&f, i + 1 < f.config.limits.max_auth_failures ? "535" : "421 4.7.0");
    }
    assert_true(smtp_world_is_closed(&f));
    assert_true(f.now_ms - before >= 31000); /* as long as the judge said */
    smtp_world_stop(&f);
}

static void a_login_goes_in_clear_only_where_the_clear_stays_on_the_machine(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    f.client.is_loopback = false;
    f.client.can_start_tls = true;
    smtp_world_start(&f);
    smtp_world_settle(&f);
    smtp_world_say(&f, "EHLO me\r\n");
    assert_null(strstr(buf_str(&f.out), "AUTH"));
    assert_non_null(strstr(buf_str(&f.out), "250-STARTTLS\r\n"));
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "AUTH PLAIN AG1lAHNlY3JldA==\r\n");
    smtp_world_expect(&f, "538 5.7.11");
    smtp_world_say(&f, "STARTTLS\r\n");
    smtp_world_expect(&f, "220 2.0.0");
    smtp_world_say(&f, "AUTH PLAIN AG1lAHNlY3JldA==\r\n");
    smtp_world_expect(&f, "503 5.5.1 Say EHLO");
    smtp_world_say(&f, "EHLO me\r\n");
    assert_non_null(strstr(buf_str(&f.out), "AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"));
    assert_null(strstr(buf_str(&f.out), "STARTTLS"));
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "AUTH PLAIN AG1lAHNlY3JldA==\r\n");
    smtp_world_expect(&f, "235");
    smtp_world_stop(&f);
}

static void what_is_pipelined_behind_starttls_is_dropped(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    f.client.can_start_tls = true;
    smtp_world_start(&f);
    smtp_world_settle(&f);
    smtp_world_say(&f, "EHLO me\r\n");
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "STARTTLS\r\nEHLO injected\r\nNOOP\r\n");
    smtp_world_expect(&f, "220 2.0.0");
    smtp_world_expect_nothing(&f);
    smtp_world_say(&f, "NOOP\r\n");
    smtp_world_expect(&f, "250");
    smtp_world_stop(&f);
}

static void a_session_that_ends_forgets_what_it_asked(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    f.answers_later = true;
    struct serve_time time = smtp_world_now(&f);
    static const char line[] = "MAIL FROM:<a@b>\r\n";
    assert_int_equal(smtp_protocol.feed(f.session, bytes_of_str(line), &time), sizeof line - 1);
    assert_true(f.open_question != 0);
    uint64_t question = f.open_question;
    smtp_protocol.session_free(f.session);
    assert_int_equal(f.n_cancelled, 1);
    static const struct smtp_verdict too_late = {250, 2, 1, 0, "Sender taken"};
    smtp_service_answer(f.service, question, &too_late); /* finds nobody */
    smtp_world_connect(&f);
    smtp_world_stop(&f);
}

static void a_login_that_is_being_judged_is_cancelled_with_its_session(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    smtp_world_start(&f);
    smtp_world_settle(&f);
    struct serve_time time = smtp_world_now(&f);
    static const char lines[] = "EHLO me\r\nAUTH PLAIN AG1lAHNlY3JldA==\r\nNOOP\r\n";
    size_t taken = smtp_protocol.feed(f.session, bytes_of_str(lines), &time);
    assert_int_equal(taken, sizeof lines - 1 - 6);
    assert_true(f.judge_is_asked);
    smtp_protocol.session_free(f.session);
    assert_false(f.judge_is_asked);
    smtp_world_connect(&f);
    smtp_world_stop(&f);
}

/* ---- strangers ---- */

static void who_speaks_before_the_greeting_is_cut_off(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    smtp_world_start(&f);
    smtp_world_say(&f, "EHLO me\r\n");
    smtp_world_expect(&f, "220");
    smtp_world_expect(&f, "554 5.5.1");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);
}

static void a_browser_and_tls_at_this_port_get_one_short_answer(void **state)
{
    (void)state;
    static const char *const inputs[] = {"GET / HTTP/1.1\r\nHost: localhost:1025\r\n\r\n",
                                         "POST /x HTTP/1.1\r\n\r\nMAIL FROM:<a@b>\r\n",
                                         "Host: localhost\r\nEHLO me\r\n",
                                         "\x16\x03\x01\x02\x01\x01\x03", "PRI * HTTP/2.0\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        struct smtp_world f;
        smtp_world_init(&f);
        smtp_world_start(&f);
        smtp_world_settle(&f);
        smtp_world_expect(&f, "220");
        smtp_world_say(&f, inputs[i]);
        smtp_world_expect(&f, "554 5.7.0");
        smtp_world_expect_nothing(&f);
        assert_true(smtp_world_is_closed(&f));
        smtp_world_stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logins_of_every_kind),
        cmocka_unit_test(logins_that_are_wrong),
        cmocka_unit_test(guessing_is_slow_and_ends),
        cmocka_unit_test(a_login_goes_in_clear_only_where_the_clear_stays_on_the_machine),
        cmocka_unit_test(what_is_pipelined_behind_starttls_is_dropped),
        cmocka_unit_test(a_session_that_ends_forgets_what_it_asked),
        cmocka_unit_test(a_login_that_is_being_judged_is_cancelled_with_its_session),
        cmocka_unit_test(who_speaks_before_the_greeting_is_cut_off),
        cmocka_unit_test(a_browser_and_tls_at_this_port_get_one_short_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
