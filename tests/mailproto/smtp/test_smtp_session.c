// SPDX-License-Identifier: MIT
/* A mail from MAIL to the dot, what may not end it, chunks, and the order of commands. */
#include "tests/support/vectors.h"

#include "tests/support/smtp_script.h"

/* ---- a mail ---- */

static void a_mail_is_taken(void **state)
{
    (void)state;
    smtp_world_run(
        NULL, SMTP_SCRIPT(SMTP_HELLO, SMTP_LOGIN, "C: MAIL FROM:<a@bm.alt> SIZE=100 BODY=8BITMIME",
                          "S: 250 2.1.0 Sender taken", "C: RCPT TO:<b@bm.alt> NOTIFY=NEVER",
                          "S: 250 2.1.5 ", "C: RCPT TO:<nobody@bm.alt>", "S: 550 5.1.1 One letter",
                          "C: DATA", "S: 354 ", "C: Subject: x", "C: ", "C: ..hidden", "C: .",
                          "S: 250 2.0.0 Queued", "C: QUIT", "S: 221 2.0.0 "));
}

static void what_is_handed_on_is_what_was_sent(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    smtp_world_say(
        &f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<later@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n");
    smtp_world_say(&f, "A: b\r\n\r\n..x\r\n.y\r\n.\r\n");
    assert_int_equal(f.n_mails, 1);
    assert_int_equal(f.n_recipients, 2);
    assert_string_equal(f.last_sender, "a@b");
    assert_string_equal(buf_str(&f.mail), "A: b\r\n\r\n.x\r\ny\r\n");
    smtp_world_stop(&f);
}

static void pipelined_commands_are_answered_in_order(void **state)
{
    (void)state;
    for (unsigned later = 0; later < 2; later++) {
        struct smtp_world f;
        smtp_world_ready(&f);
        f.answers_later = later != 0;
        smtp_world_say(
            &f, "MAIL FROM:<a@b>\r\nRCPT TO:<nobody@d>\r\nRCPT TO:<c@d>\r\nNOOP\r\nDATA\r\n");
        smtp_world_expect(&f, "250 2.1.0");
        smtp_world_expect(&f, "550 5.1.1");
        smtp_world_expect(&f, "250 2.1.5");
        smtp_world_expect(&f, "250 2.0.0");
        smtp_world_expect(&f, "354");
        smtp_world_say(&f, "x\r\n.\r\nMAIL FROM:<evil@b>\r\nRSET\r\nQUIT\r\n");
        smtp_world_expect(&f, "250 2.0.0 Queued");
        smtp_world_expect(&f, "550 5.7.1");
        smtp_world_expect(&f, "250 2.0.0");
        smtp_world_expect(&f, "221");
        assert_true(smtp_world_is_closed(&f));
        smtp_world_stop(&f);
    }
}

static void mails_are_counted(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    f.config.limits.max_mails = 2;
    smtp_world_start(&f);
    smtp_world_log_in(&f);
    for (unsigned i = 0; i < 2; i++) {
        smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
        smtp_world_say(&f, "x\r\n.\r\n");
    }
    assert_int_equal(f.n_mails, 2);
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\n");
    smtp_world_expect(&f, "421 4.7.0");
    assert_true(smtp_world_is_closed(&f));
    smtp_world_stop(&f);
}

/* ---- smuggling ---- */

static void no_variant_of_a_line_end_smuggles_a_mail(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n.\n",       "\n.\r\n",   "\r\n.\n",
                                       "\r.\r",       "\r.\r\n",   "\r\n.\r",
                                       "\r\n.\r\r\n", "\n\n.\r\n", "\r\r\n.\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
            struct smtp_world f;
            smtp_world_ready(&f);
            f.is_bytewise = bytewise != 0;
            smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
            smtp_world_skip_output(&f);
            struct buf attack = {0};
            buf_printf(&attack,
                       "Subject: a\r\n\r\nbody%sMAIL FROM:<smuggled@b>\r\nRCPT TO:<c@d>\r\n"
                       "DATA\r\nsmuggled\r\n.\r\n",
                       ends[i]);
            smtp_world_say_bytes(&f, buf_view(&attack));
            smtp_world_expect(&f, "554 5.5.2");
            smtp_world_expect_nothing(&f);
            assert_true(smtp_world_is_closed(&f));
            assert_int_equal(f.n_mails, 0);
            assert_string_equal(f.last_sender, "a@b");
            buf_clear(&attack);
            smtp_world_stop(&f);
        }
    }
}

static void a_nul_in_front_of_the_dot_does_not_end_the_mail(void **state)
{
    (void)state;
    static const uint8_t mail[] = "a\r\n\0.\r\nb\r\n.\r\n";
    struct smtp_world f;
    smtp_world_ready(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    smtp_world_say_bytes(&f, (struct bytes){mail, sizeof mail - 1});
    assert_int_equal(f.n_mails, 1);
    assert_int_equal(f.mail.len, sizeof mail - 1 - 3);
    smtp_world_stop(&f);
}

static void a_bare_line_end_in_a_command_ends_the_session(void **state)
{
    (void)state;
    static const char *const lines[] = {"NOOP\n", "NOOP\rNOOP\r\n", "\n", "MAIL FROM:<a@b>\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct smtp_world f;
        smtp_world_ready(&f);
        smtp_world_say(&f, lines[i]);
        smtp_world_expect(&f, "554 5.5.2");
        assert_true(smtp_world_is_closed(&f));
        smtp_world_stop(&f);
    }
}

static void a_mail_that_comes_before_354_ends_the_session(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: early\r\n\r\n.\r\n");
    smtp_world_expect(&f, "250");
    smtp_world_expect(&f, "250");
    smtp_world_expect(&f, "354");
    smtp_world_expect(&f, "554 5.5.1");
    assert_int_equal(f.n_mails, 0);
    smtp_world_stop(&f);
}

/* ---- chunks ---- */

static void a_mail_goes_in_chunks(void **state)
{
    (void)state;
    for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
        struct smtp_world f;
        smtp_world_ready(&f);
        f.is_bytewise = bytewise != 0;
        smtp_world_say(&f, "MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n");
        smtp_world_skip_output(&f);
        smtp_world_say(&f, "BDAT 5\r\n\r\n.\r\nBDAT 3\r\na\nbBDAT 0 LAST\r\nNOOP\r\n");
        smtp_world_expect(&f, "250 2.0.0 Go on");
        smtp_world_expect(&f, "250 2.0.0 Go on");
        smtp_world_expect(&f, "250 2.0.0 Queued");
        smtp_world_expect(&f, "250 2.0.0");
        assert_string_equal(buf_str(&f.mail), "\r\n.\r\na\nb");
        assert_int_equal(f.body, SMTP_BODY_BINARYMIME);
        smtp_world_stop(&f);
    }
}

static void chunks_with_bare_line_ends_need_binarymime(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_ready(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "BDAT 6 LAST\r\na\nb\r\n\r");
    smtp_world_expect(&f, "554 5.5.2");
    assert_int_equal(f.n_mails, 0);
    smtp_world_stop(&f);
}

static void a_chunk_that_is_refused_is_still_read(void **state)
{
    (void)state;
    smtp_world_run(NULL,
                   SMTP_SCRIPT(SMTP_HELLO, SMTP_LOGIN, "C: BDAT 8\r\nMAIL x", "S: 503 5.5.1",
                               "C: NOOP", "S: 250 2.0.0 Still", "C: MAIL FROM:<a@b>", "S: 250",
                               "C: BDAT 6\r\nRSET", "S: 503 5.5.1", "C: RCPT TO:<c@d>", "S: 250",
                               "C: BDAT 99999999\r\nx", "S: 552 5.3.4"));
    struct smtp_world f;
    smtp_world_init(&f);
    f.config.limits.max_message_bytes = 10;
    smtp_world_start(&f);
    smtp_world_log_in(&f);
    smtp_world_say(
        &f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 6\r\n123456BDAT 5\r\nQUIT\r\nBDAT 1 LAST\r\nx"
            "NOOP\r\n");
    smtp_world_expect(&f, "250");
    smtp_world_expect(&f, "250");
    smtp_world_expect(&f, "250 2.0.0 Go on");
    smtp_world_expect(&f, "552 5.3.4");
    smtp_world_say(&f, "");
    smtp_world_stop(&f);
}

static void a_chunk_whose_size_is_unknown_ends_the_session(void **state)
{
    (void)state;
    static const char *const lines[] = {"BDAT\r\n", "BDAT x\r\n", "BDAT 1 FIRST\r\n", "BDAT -1\r\n",
                                        "BDAT 99999999999\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct smtp_world f;
        smtp_world_ready(&f);
        smtp_world_say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
        smtp_world_skip_output(&f);
        smtp_world_say(&f, lines[i]);
        smtp_world_expect(&f, "501 5.5.4");
        assert_true(smtp_world_is_closed(&f));
        smtp_world_stop(&f);
    }
}

/* ---- the order of commands ---- */

static void commands_out_of_order_are_refused(void **state)
{
    (void)state;
    smtp_world_run(
        NULL, SMTP_SCRIPT("S: 220 ", "C: MAIL FROM:<a@b>", "S: 530 5.7.0", "C: AUTH PLAIN",
                          "S: 503 5.5.1 Say EHLO", "C: HELO me", "S: 250 localhost", SMTP_LOGIN,
                          "C: RCPT TO:<c@d>", "S: 503 5.5.1", "C: DATA", "S: 503 5.5.1",
                          "C: MAIL FROM:<a@b>", "S: 250", "C: DATA", "S: 503 5.5.1",
                          "C: MAIL FROM:<a@b>", "S: 503 5.5.1", "C: RCPT TO:<nobody@d>", "S: 550",
                          "C: DATA", "S: 503 5.5.1", "C: RCPT TO:<c@d>", "S: 250",
                          "C: MAIL FROM:<a@b>", "S: 503 5.5.1", "C: AUTH PLAIN", "S: 503 5.5.1",
                          "C: RSET", "S: 250", "C: RCPT TO:<c@d>", "S: 503 5.5.1"));
}

static void small_commands_answer(void **state)
{
    (void)state;
    smtp_world_run(NULL,
                   SMTP_SCRIPT("S: 220 ", "C: NOOP any thing", "S: 250 2.0.0", "C: RSET x",
                               "S: 501 5.5.4", "C: EHLO", "S: 501 5.5.4", "C: EHLO two words",
                               "S: 501 5.5.4", "C: VRFY a", "S: 530 5.7.0", "C: EXPN a",
                               "S: 502 5.5.1", "C: TURN", "S: 502 5.5.1", "C: ETRN a",
                               "S: 502 5.5.1", "C: FROB", "S: 500 5.5.1", "C: ", "S: 500 5.5.1",
                               "C: helo me", "S: 250 localhost", SMTP_LOGIN, "C: VRFY a",
                               "S: 252 2.5.0", "C: VRFY", "S: 501", "C: LHLO me", "S: 500 5.5.1",
                               "C: STARTTLS", "S: 502 5.5.1", "C: QUIT now", "S: 221 2.0.0"));
}

static void addresses_and_parameters_that_are_wrong_are_refused(void **state)
{
    (void)state;
    smtp_world_run(
        NULL, SMTP_SCRIPT(
                  SMTP_HELLO, SMTP_LOGIN, "C: MAIL FROM:a@b", "S: 501 5.1.3", "C: MAIL a@b",
                  "S: 501 5.5.4", "C: MAIL FROM: <a@b>", "S: 250 2.1.0", "C: RSET", "S: 250",
                  "C: MAIL FROM:<a@b> XFOO=1", "S: 555 5.5.4", "C: MAIL FROM:<a@b> SIZE=x",
                  "S: 501 5.5.4", "C: MAIL FROM:<a@b> SIZE=99999999", "S: 552 5.3.4",
                  "C: MAIL FROM:<\xc3\xa4@b>", "S: 553 5.6.7", "C: MAIL FROM:<\xc3\xa4@b> SMTPUTF8",
                  "S: 250 2.1.0", "C: RCPT TO:<\xc3\xb6@b>", "S: 250 2.1.5", "C: RSET", "S: 250",
                  "C: MAIL FROM:<>", "S: 250 2.1.0", "C: RCPT TO:<\xc3\xb6@b>", "S: 553 5.6.7",
                  "C: RCPT TO:<>", "S: 501 5.1.3", "C: RCPT TO:<a@b> RET=FULL", "S: 555 5.5.4",
                  "C: RCPT TO:<a@b> NOTIFY=X", "S: 501 5.5.4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_taken),
        cmocka_unit_test(what_is_handed_on_is_what_was_sent),
        cmocka_unit_test(pipelined_commands_are_answered_in_order),
        cmocka_unit_test(mails_are_counted),
        cmocka_unit_test(no_variant_of_a_line_end_smuggles_a_mail),
        cmocka_unit_test(a_nul_in_front_of_the_dot_does_not_end_the_mail),
        cmocka_unit_test(a_bare_line_end_in_a_command_ends_the_session),
        cmocka_unit_test(a_mail_that_comes_before_354_ends_the_session),
        cmocka_unit_test(a_mail_goes_in_chunks),
        cmocka_unit_test(chunks_with_bare_line_ends_need_binarymime),
        cmocka_unit_test(a_chunk_that_is_refused_is_still_read),
        cmocka_unit_test(a_chunk_whose_size_is_unknown_ends_the_session),
        cmocka_unit_test(commands_out_of_order_are_refused),
        cmocka_unit_test(small_commands_answer),
        cmocka_unit_test(addresses_and_parameters_that_are_wrong_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
