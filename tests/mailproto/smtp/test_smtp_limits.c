// SPDX-License-Identifier: MIT
/* Bounds of lines, recipients, errors, sizes, memory and time, on both sides. */
#include "tests/support/vectors.h"

#include <string.h>

#include "base/str.h"
#include "tests/support/smtp_script.h"

static void a_command_line_may_be_as_long_as_the_limit(void **state)
{
    (void)state;
    for (int off = -1; off <= 1; off++) {
        struct smtp_world f;
        struct buf line = {0};
        smtp_world_ready(&f);
        buf_append_str(&line, "NOOP ");
        while (line.len < f.config.limits.max_command_bytes - 2 + (size_t)(off + 1) - 1) {
            buf_append_byte(&line, 'x');
        }
        buf_append_str(&line, "\r\nNOOP\r\n");
        smtp_world_say_bytes(&f, buf_view(&line));
        smtp_world_expect(&f, off <= 0 ? "250" : "500 5.5.6");
        smtp_world_expect(&f, "250");
        buf_clear(&line);
        smtp_world_stop(&f);
    }
}

static void an_auth_line_may_be_longer_than_a_command(void **state)
{
    (void)state;
    for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
        struct smtp_world f;
        struct buf line = {0};
        smtp_world_init(&f);
        smtp_world_start(&f);
        smtp_world_settle(&f);
        smtp_world_say(&f, "EHLO me\r\n");
        smtp_world_skip_output(&f);
        f.is_bytewise = bytewise != 0;
        buf_append_str(&line, "AUTH PLAIN ");
        while (line.len < 12200) {
            buf_append_str(&line, "AAAA");
        }
        buf_append_str(&line, "\r\n");
        smtp_world_say_bytes(&f, buf_view(&line));
        assert_null(strstr(buf_str(&f.out), "500 5.5.6"));
        smtp_world_skip_output(&f);
        buf_truncate(&line, line.len - 2);
        buf_append_zeros(&line, 100);
        buf_append_str(&line, "\r\n");
        smtp_world_say_bytes(&f, buf_view(&line));
        smtp_world_expect(&f, "500 5.5.6");
        buf_clear(&line);
        smtp_world_stop(&f);
    }
}

static void an_endless_line_ends_the_session_without_growth(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    uint8_t block[4096];
    memset(block, 'x', sizeof block);
    size_t n_blocks = 0;
    while (!smtp_world_is_closed(&f)) {
        smtp_world_say_bytes(&f, (struct bytes){block, sizeof block});
        assert_true(++n_blocks <= 300);
    }
    smtp_world_expect(&f, "421 4.7.0");
    smtp_world_stop(&f);
}

static void recipients_are_counted(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    f.config.limits.max_recipients = 3;
    smtp_world_start(&f);
    smtp_world_log_in(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\n");
    for (unsigned i = 0; i < 4; i++) {
        smtp_world_say(&f, "RCPT TO:<c@d>\r\n");
    }
    smtp_world_expect(&f, "250 2.1.0");
    smtp_world_expect(&f, "250");
    smtp_world_expect(&f, "250");
    smtp_world_expect(&f, "250");
    smtp_world_expect(&f, "452 4.5.3");
    smtp_world_stop(&f);
}

static void errors_and_commands_are_counted(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    f.config.limits.max_errors = 3;
    smtp_world_start(&f);
    smtp_world_log_in(&f);
    smtp_world_say(&f, "X\r\nX\r\nX\r\n");
    assert_false(smtp_world_is_closed(&f));
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "X\r\n");
    smtp_world_expect(&f, "421 4.7.0");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);

    smtp_world_init(&f);
    f.config.limits.max_commands = 4;
    smtp_world_start(&f);
    smtp_world_log_in(&f); /* two */
    smtp_world_say(&f, "NOOP\r\nNOOP\r\n");
    assert_false(smtp_world_is_closed(&f));
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "NOOP\r\n");
    smtp_world_expect(&f, "421 4.7.0");
    smtp_world_stop(&f);
}

static void mail_of_size(struct smtp_world *f, size_t size)
{
    struct buf mail = {0};
    while (mail.len + 2 < size) {
        buf_append_byte(&mail, 'x');
    }
    buf_append_str(&mail, "\r\n.\r\n");
    smtp_world_say(f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    smtp_world_skip_output(f);
    smtp_world_say_bytes(f, buf_view(&mail));
    buf_clear(&mail);
}

static void a_mail_may_be_as_large_as_size_allows(void **state)
{
    (void)state;
    for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
        for (size_t size = 999; size <= 1001; size++) {
            struct smtp_world f;
            smtp_world_init(&f);
            f.config.limits.max_message_bytes = 1000;
            smtp_world_start(&f);
            smtp_world_log_in(&f);
            f.is_bytewise = bytewise != 0;
            mail_of_size(&f, size);
            smtp_world_expect(&f, size <= 1000 ? "250 2.0.0 Queued" : "552 5.3.4");
            assert_int_equal(f.mail.len, size <= 1000 ? size : 0);
            smtp_world_say(&f, "NOOP\r\n");
            smtp_world_expect(&f, "250");
            smtp_world_stop(&f);
        }
    }
}

static void a_line_of_a_mail_may_be_as_long_as_the_limit(void **state)
{
    (void)state;
    for (size_t len = 499; len <= 501; len++) {
        struct smtp_world f;
        smtp_world_init(&f);
        f.config.limits.max_body_line_bytes = 500;
        smtp_world_start(&f);
        smtp_world_log_in(&f);
        mail_of_size(&f, len + 2);
        smtp_world_expect(&f, len <= 500 ? "250" : "554 5.6.0");
        smtp_world_stop(&f);
    }
}

static void the_memory_of_all_sessions_together_is_bounded(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    f.config.limits.max_total_bytes = 1000;
    smtp_world_start(&f);
    smtp_world_log_in(&f);
    mail_of_size(&f, 1001);
    smtp_world_expect(&f, "452 4.3.1");
    mail_of_size(&f, 1000);
    smtp_world_expect(&f, "250");
    smtp_world_say(&f, "MAIL FROM:<a@b> SIZE=1001\r\n");
    smtp_world_expect(&f, "452 4.3.1");
    smtp_world_stop(&f);
}

static void advance(struct smtp_world *f, int64_t ms)
{
    f->now_ms += ms;
    struct serve_time time = smtp_world_now(f);
    smtp_protocol.tick(f->session, &time);
    smtp_world_settle(f);
}

static void silence_ends_the_session_when_its_time_has_come(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    smtp_world_start(&f);
    smtp_world_settle(&f);
    smtp_world_skip_output(&f);
    advance(&f, 59999);
    assert_false(smtp_world_is_closed(&f));
    advance(&f, 1);
    smtp_world_expect(&f, "421 4.4.2");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);

    smtp_world_ready(&f);
    advance(&f, 299999);
    assert_false(smtp_world_is_closed(&f));
    smtp_world_say(&f, "NOOP\r\n");
    smtp_world_skip_output(&f);
    advance(&f, 299999);
    assert_false(smtp_world_is_closed(&f));
    advance(&f, 1);
    smtp_world_expect(&f, "421 4.4.2");
    smtp_world_stop(&f);
}

/* Byte by byte, each long before the next is due: only what is whole counts. */
static void a_command_that_drips_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    smtp_world_start(&f);
    smtp_world_settle(&f);
    for (unsigned i = 0; i < 5; i++) {
        smtp_world_say(&f, "EHLO x\r\n"); /* even whole ones do not put the login off */
        smtp_world_skip_output(&f);
        assert_false(smtp_world_is_closed(&f));
        advance(&f, 12000);
    }
    smtp_world_expect(&f, "421 4.4.2");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);

    smtp_world_ready(&f);
    for (unsigned i = 0; i < 30; i++) {
        assert_false(smtp_world_is_closed(&f));
        smtp_world_say(&f, "N");
        advance(&f, 10000);
    }
    smtp_world_expect(&f, "421 4.4.2");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);
}

static void a_mail_that_drips_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    smtp_world_skip_output(&f);
    for (unsigned i = 0; i < 1800 / 100 - 1; i++) {
        smtp_world_say(&f, "x");
        advance(&f, 100000);
        assert_false(smtp_world_is_closed(&f));
    }
    smtp_world_say(&f, "x");
    advance(&f, 100000);
    smtp_world_expect(&f, "421 4.4.2");
    smtp_world_stop(&f);
}

static void commands_wait_while_output_is_not_taken(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    struct buf lines = {0};
    for (unsigned i = 0; i < 1000; i++) {
        buf_append_str(&lines, "HELP\r\n");
    }
    struct serve_time time = smtp_world_now(&f);
    size_t taken = smtp_protocol.feed(f.session, buf_view(&lines), &time);
    assert_true(taken < 200);
    assert_int_equal(smtp_protocol.poll(f.session).wants, SERVE_WANT_OUTPUT);
    smtp_world_settle(&f);
    assert_true(f.out.len < 16384);
    buf_clear(&lines);
    smtp_world_stop(&f);
}

static void a_server_that_stops_says_so_but_first_answers_for_a_mail(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    smtp_protocol.shut_down(f.session);
    smtp_world_settle(&f);
    smtp_world_expect(&f, "421 4.3.2");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);

    smtp_world_ready(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    smtp_world_skip_output(&f);
    f.answers_later = true;
    struct serve_time time = smtp_world_now(&f);
    static const char mail[] = "x\r\n.\r\n";
    assert_int_equal(smtp_protocol.feed(f.session, bytes_of_str(mail), &time), sizeof mail - 1);
    smtp_protocol.shut_down(f.session);
    assert_false(smtp_world_is_closed(&f));
    smtp_world_settle(&f);
    smtp_world_expect(&f, "250 2.0.0 Queued");
    smtp_world_expect(&f, "421 4.3.2");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_line_may_be_as_long_as_the_limit),
        cmocka_unit_test(an_auth_line_may_be_longer_than_a_command),
        cmocka_unit_test(an_endless_line_ends_the_session_without_growth),
        cmocka_unit_test(recipients_are_counted),
        cmocka_unit_test(errors_and_commands_are_counted),
        cmocka_unit_test(a_mail_may_be_as_large_as_size_allows),
        cmocka_unit_test(a_line_of_a_mail_may_be_as_long_as_the_limit),
        cmocka_unit_test(the_memory_of_all_sessions_together_is_bounded),
        cmocka_unit_test(silence_ends_the_session_when_its_time_has_come),
        cmocka_unit_test(a_command_that_drips_ends_when_its_time_is_over),
        cmocka_unit_test(a_mail_that_drips_ends_when_its_time_is_over),
        cmocka_unit_test(commands_wait_while_output_is_not_taken),
        cmocka_unit_test(a_server_that_stops_says_so_but_first_answers_for_a_mail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
