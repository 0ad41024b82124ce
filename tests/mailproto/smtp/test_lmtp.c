// SPDX-License-Identifier: MIT
/* LMTP: an answer for each recipient (RFC 2033). */
#include "tests/support/vectors.h"

#include "base/str.h"
#include "tests/support/smtp_script.h"

static void be_lmtp_on_a_unix_socket(struct smtp_world *f)
{
    f->config.is_lmtp = true;
    f->config.trusts_unix = true;
    f->client.is_unix = true;
}

static void lmtp_answers_for_each_recipient(void **state)
{
    (void)state;
    smtp_world_run(be_lmtp_on_a_unix_socket,
                   SMTP_SCRIPT("S: 220 localhost LMTP", "C: EHLO me", "S: 500 5.5.1", "C: HELO me",
                               "S: 500 5.5.1", "C: LHLO me", "S: 250-localhost", "S: 250-SIZE",
                               "S: 250-PIPELINING", "S: 250-8BITMIME", "S: 250-SMTPUTF8",
                               "S: 250-CHUNKING", "S: 250-BINARYMIME", "S: 250-DSN",
                               "S: 250-ENHANCEDSTATUSCODES", "S: 250-DELIVERBY", "S: 250-AUTH",
                               "S: 250-LIMITS", "S: 250 HELP", "C: MAIL FROM:<a@b>", "S: 250",
                               "C: RCPT TO:<nobody@d>", "S: 550", "C: DATA", "S: 503 5.5.1",
                               "C: RCPT TO:<c@d>", "S: 250", "C: RCPT TO:<e@f>", "S: 250",
                               "C: DATA", "S: 354", "C: x", "C: .", "S: 250 2.0.0 Queued",
                               "S: 250 2.0.0 Queued", "C: QUIT", "S: 221"));
}

static void lmtp_can_take_a_mail_for_one_and_refuse_it_for_another(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    be_lmtp_on_a_unix_socket(&f);
    smtp_world_start(&f);
    smtp_world_settle(&f);
    smtp_world_say(&f, "LHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n");
    smtp_world_skip_output(&f);
    f.answers_later = true;
    struct serve_time time = smtp_world_now(&f);
    static const char mail[] = "x\r\n.\r\n";
    assert_int_equal(smtp_protocol.feed(f.session, bytes_of_str(mail), &time), sizeof mail - 1);
    const struct smtp_verdict verdicts[] = {{250, 2, 0, 0, "Queued"}, {451, 4, 3, 0, "Not now"}};
    uint64_t question = f.open_question;
    f.open_question = 0;
    smtp_service_answer_each(f.service, question, verdicts, 2);
    smtp_world_settle(&f);
    smtp_world_expect(&f, "250 2.0.0");
    smtp_world_expect(&f, "451 4.3.0");
    smtp_world_stop(&f);
}

static void lmtp_on_a_port_wants_a_login(void **state)
{
    (void)state;
    struct smtp_world f;
    smtp_world_init(&f);
    be_lmtp_on_a_unix_socket(&f);
    f.client.is_unix = false;
    smtp_world_start(&f);
    smtp_world_settle(&f);
    smtp_world_say(&f, "LHLO me\r\n");
    smtp_world_skip_output(&f);
    smtp_world_say(&f, "MAIL FROM:<a@b>\r\n");
    smtp_world_expect(&f, "530 5.7.0");
    smtp_world_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lmtp_answers_for_each_recipient),
        cmocka_unit_test(lmtp_can_take_a_mail_for_one_and_refuse_it_for_another),
        cmocka_unit_test(lmtp_on_a_port_wants_a_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
