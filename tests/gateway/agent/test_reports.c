// SPDX-License-Identifier: MIT
/* Who is told what, and when: failures, delays, arrivals, each as it was asked for. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "gateway/agent/outgoing/lateness.h"
#include "gateway/store/mail_db.h"
#include "mailproto/smtp/smtp_session.h"
#include "tests/gateway/agent/pair.h"

enum { HOUR = 3600, DAY = 86400, LOST_SEC = 29 * DAY };

/* The n-th report has all of these. */
static void expect_report(struct pair *pair, size_t n, const char *const *wanted, size_t n_wanted)
{
    struct buf mail = {0};
    rig_until_count(&pair->alice, "INBOX", n + 1);
    rig_read(&pair->alice, &mail, "INBOX", n);
    for (size_t i = 0; i < n_wanted; i++) {
        if (strstr(buf_str(&mail), wanted[i]) == NULL) {
            fail_msg("lacks '%s' in\n%s", wanted[i], buf_str(&mail));
        }
    }
    buf_clear(&mail);
}
#define EXPECT_REPORT(pair, n, ...)                                                                \
    do {                                                                                           \
        static const char *const wanted[] = {__VA_ARGS__};                                         \
        expect_report(pair, n, wanted, ARRAY_LEN(wanted));                                         \
    } while (0)

/* Nothing more is written, also when the next look at what is late is over. */
static void expect_reports(struct pair *pair, size_t n)
{
    rig_idle(&pair->alice, 1300);
    assert_int_equal(rig_count(&pair->alice, "INBOX"), n);
}

static void send_to_a_lost_key(struct pair *pair)
{
    pair_lose_pubkeys(pair);
    rig_link(&pair->alice);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_AWAITING_KEY);
}

static void a_key_that_does_not_come_is_told_after_four_hours_then_each_day(void **state)
{
    struct pair *pair = *state;
    send_to_a_lost_key(pair);

    clock_set_offset(LOST_SEC + LATENESS_FIRST_SEC - 120);
    expect_reports(pair, 0);
    clock_set_offset(LOST_SEC + LATENESS_FIRST_SEC + 60);
    EXPECT_REPORT(pair, 0, "Subject: Not yet delivered: Subject\r\n", "Action: delayed\r\n",
                  "Status: 4.4.7\r\n", "Will-Retry-Until: ", "Original-Envelope-Id: env-1\r\n",
                  "public key is not known yet", "delete it from the folder Outbox");
    clock_set_offset(LOST_SEC + LATENESS_FIRST_SEC + DAY - HOUR);
    expect_reports(pair, 1);
    clock_set_offset(LOST_SEC + LATENESS_FIRST_SEC + DAY + 120);
    EXPECT_REPORT(pair, 1, "Action: delayed\r\n");
    expect_reports(pair, 2);
    rig_link(&pair->bob);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    expect_reports(pair, 2);
}

static void who_wants_no_delays_is_not_told_of_them(void **state)
{
    struct pair *pair = *state;
    pair->alice.notify = SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_SUCCESS;
    send_to_a_lost_key(pair);
    clock_set_offset(LOST_SEC + 3 * DAY);
    expect_reports(pair, 0);

    rig_link(&pair->bob);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    EXPECT_REPORT(pair, 0, "Subject: Delivered: Subject\r\n", "Action: delivered\r\n",
                  "Status: 2.0.0\r\n", "does not tell that anybody has read it");
    expect_reports(pair, 1);
}

static void who_wants_nothing_is_told_nothing(void **state)
{
    struct pair *pair = *state;
    pair->alice.notify = SMTP_NOTIFY_NEVER;
    send_to_a_lost_key(pair);

    pair_pass(pair, LOST_SEC + pair->alice.settings.agent.give_up_after_sec + 40 * DAY);
    rig_until_state(&pair->alice, 1, OUTGOING_FAILED);

    expect_reports(pair, 0);
}

static void a_key_that_never_came_is_a_failure_with_advice(void **state)
{
    struct pair *pair = *state;
    pair->alice.return_full = true;
    pair->alice.notify = SMTP_NOTIFY_FAILURE;
    send_to_a_lost_key(pair);

    pair_pass(pair, LOST_SEC + pair->alice.settings.agent.give_up_after_sec + 40 * DAY);

    EXPECT_REPORT(pair, 0, "Action: failed\r\n", "Status: 5.4.7\r\n",
                  "the recipient's key never came", "whether the address is right",
                  "bittern queue retry 1\r\n", "Content-Type: message/rfc822\r\n", "\r\n\r\nText.");
}

/* RFC 3461 section 4.3: who says nothing, or RET=HDRS, gets the headers. */
static void a_failure_brings_back_the_headers_alone_unless_all_was_asked_for(void **state)
{
    struct pair *pair = *state;
    struct buf report = {0};
    pair->alice.notify = SMTP_NOTIFY_FAILURE;
    send_to_a_lost_key(pair);

    pair_pass(pair, LOST_SEC + pair->alice.settings.agent.give_up_after_sec + 40 * DAY);

    EXPECT_REPORT(pair, 0, "Action: failed\r\n", "Original-Envelope-Id: env-1\r\n",
                  "Content-Type: text/rfc822-headers\r\n", "\r\nSubject: Subject\r\n");
    rig_read(&pair->alice, &report, "INBOX", 0);
    assert_null(strstr(buf_str(&report), "Text."));
    buf_clear(&report);
}

static void who_wants_nothing_is_not_told_of_what_is_held(void **state)
{
    struct pair *pair = *state;
    pair->alice.notify = SMTP_NOTIFY_NEVER;
    pair->alice.settings.agent.max_extra_bytes = 0;
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_HELD);
    expect_reports(pair, 0);
}

static void what_is_held_is_told_at_once(void **state)
{
    struct pair *pair = *state;
    pair->alice.settings.agent.max_extra_bytes = 0;
    pair->alice.return_full = true;
    pair_send_to_bob(pair);

    EXPECT_REPORT(pair, 0, "Action: delayed\r\n", "Status: 4.7.0\r\n",
                  "bittern queue retry 1 --force\r\n", "extra bytes of work",
                  "Content-Type: text/rfc822-headers\r\n");
    expect_reports(pair, 1);
}

static void work_of_more_than_minutes_is_told_with_its_estimate(void **state)
{
    struct pair *pair = *state;
    pair->alice.settings.network.least_trials_per_byte = 10000000000;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, pair_is_working_hard, NULL, "proof of work");
    for (int i = 0; i < 40 && rig_count(&pair->alice, "INBOX") == 0; i++) {
        rig_idle(&pair->alice, 200);
        clock_set_offset((i + 1) * (LATENESS_CHECK_SEC + 1));
    }

    EXPECT_REPORT(pair, 0, "Action: delayed\r\n", "Status: 4.4.5\r\n", "trials of work: about",
                  "in 19 of 20 cases less than", "days");
    expect_reports(pair, 1);
}

static void short_work_is_not_told(void **state)
{
    struct pair *pair = *state;
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    clock_set_offset(2 * DAY);
    expect_reports(pair, 0);
}

static void a_resend_is_told(void **state)
{
    struct pair *pair = *state;
    pair->alice.settings.agent.resend_after_sec = 600;
    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);

    clock_set_offset(700);

    EXPECT_REPORT(pair, 0, "Action: delayed\r\n", "it was sent 1 times", "arrives once");
}

static void what_nobody_acknowledges_is_relayed(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;
    pair->alice.notify = SMTP_NOTIFY_SUCCESS;
    agent_chan_join(pair->alice.agent, NULL, "a chan", NULL, NULL, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_false(answer.failed);
    rig_send(&pair->alice, pair->alice_address, answer.text, "Subject", "Text.");

    EXPECT_REPORT(pair, 0, "Subject: Sent: Subject\r\n", "Action: relayed\r\n",
                  "Status: 2.0.0\r\n");
    expect_reports(pair, 1);
}

static void a_database_of_version_3_learns_reasons(void **state)
{
    char path[] = "/tmp/bittern-why-XXXXXX";
    struct fault fault = {0};
    size_t n_steps;
    (void)state;
    close(mkstemp(path));
    struct db *db = db_open(path, &(struct db_options){0}, &fault);
    const struct db_migration *steps = mail_db_steps(&n_steps);
    assert_true(db_migrate(db, steps, 3, &fault));
    assert_true(db_exec(db,
                        "INSERT INTO outgoing_mail (id, account_id, sender, message_id, subject,"
                        " content_plain, needs_extended, ttl_sec, accepted_sec)"
                        " VALUES (1, 1, '', '', '', '', 0, 1, 1);"
                        "INSERT INTO outgoing (mail_id, recipient, kind, state, ackdata, since_sec)"
                        " VALUES (1, '', 0, 6, '', 7)",
                        &fault));

    assert_true(db_migrate(db, steps, n_steps, &fault));

    struct db_stmt *stmt = db_prepare(db, "SELECT why FROM outgoing", &fault);
    assert_int_equal(db_step(stmt, &fault), DB_ROW);
    assert_int_equal(db_column_i64(stmt, 0), 0);
    db_reset(stmt);
    db_close(&db);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
        TEST(a_key_that_does_not_come_is_told_after_four_hours_then_each_day),
        TEST(who_wants_no_delays_is_not_told_of_them),
        TEST(who_wants_nothing_is_told_nothing),
        TEST(a_key_that_never_came_is_a_failure_with_advice),
        TEST(a_failure_brings_back_the_headers_alone_unless_all_was_asked_for),
        TEST(who_wants_nothing_is_not_told_of_what_is_held),
        TEST(what_is_held_is_told_at_once),
        TEST(work_of_more_than_minutes_is_told_with_its_estimate),
        TEST(short_work_is_not_told),
        TEST(a_resend_is_told),
        TEST(what_nobody_acknowledges_is_relayed),
        cmocka_unit_test(a_database_of_version_3_learns_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
