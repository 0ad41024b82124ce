// SPDX-License-Identifier: MIT
/* Every state of an outgoing mail: how it is reached, left, and taken up after a crash. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/objects/object.h"
#include "tests/gateway/agent/pair.h"

enum { DAY = 86400 };

static void the_keyword_on_both_copies_follows_the_state(void **state)
{
    struct pair *pair = *state;
    pair_lose_pubkeys(pair);

    pair_send_to_bob(pair);
    assert_int_equal(rig_state(&pair->alice, 1), OUTGOING_QUEUED);
    assert_true(pair_has_keyword(&pair->alice, "Sent", "$bm-queued"));
    assert_true(pair_has_keyword(&pair->alice, "Outbox", "$bm-queued"));
    rig_link(&pair->alice);
    rig_until_state(&pair->alice, 1, OUTGOING_AWAITING_KEY);
    assert_true(pair_has_keyword(&pair->alice, "Sent", "$bm-awaiting-key"));
    assert_true(pair_has_keyword(&pair->alice, "Outbox", "$bm-awaiting-key"));
    rig_link(&pair->bob);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);

    assert_true(pair_has_keyword(&pair->alice, "Sent", "$bm-delivered"));
    assert_int_equal(rig_count(&pair->alice, "Outbox"), 0);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
    assert_int_equal(network_count(&pair->network, OBJECT_GETPUBKEY), 1);
}

static bool was_looked_up(struct rig *rig, void *context)
{
    (void)context;
    return rig->network->n_finds > 0;
}

static void a_node_that_dies_during_the_look_up_is_asked_again(void **state)
{
    struct pair *pair = *state;
    pair->network.mute = true;
    pair->network.n_finds = 0;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, was_looked_up, NULL, "a look-up");

    rig_unlink(&pair->alice);
    rig_idle(&pair->alice, 200);
    assert_int_equal(rig_state(&pair->alice, 1), OUTGOING_QUEUED);
    pair->network.mute = false;
    rig_link(&pair->alice);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(network_count(&pair->network, OBJECT_GETPUBKEY), 0);
}

static void two_mails_that_wait_for_one_key_ask_once(void **state)
{
    struct pair *pair = *state;
    pair_lose_pubkeys(pair);
    rig_link(&pair->alice);

    pair_send_to_bob(pair);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_AWAITING_KEY);
    rig_until_state(&pair->alice, 2, OUTGOING_AWAITING_KEY);
    rig_idle(&pair->alice, 300);
    assert_int_equal(network_count(&pair->network, OBJECT_GETPUBKEY), 1);
    rig_link(&pair->bob);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    rig_until_state(&pair->alice, 2, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 2);
}

/* Two messages and an ack each. */
static bool both_are_acknowledged(struct rig *rig, void *context)
{
    (void)context;
    return network_count(rig->network, OBJECT_MSG) == 4;
}

static void a_resend_has_twice_the_lifetime_arrives_once_and_is_acknowledged_again(void **state)
{
    struct pair *pair = *state;
    struct object first;
    struct object second;
    int64_t ttl = 7200;
    int64_t resend_after = 600;
    pair->alice.settings.agent.ttl_sec = ttl;
    pair->alice.settings.agent.resend_after_sec = resend_after;

    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);
    assert_true(object_parse(&first, network_newest(&pair->network, OBJECT_MSG), NULL));
    int64_t sent_sec = clock_now_sec();
    clock_set_offset(resend_after + 10);
    size_t n = network_count(&pair->network, OBJECT_MSG);
    for (int i = 0; i < 200 && network_count(&pair->network, OBJECT_MSG) == n; i++) {
        rig_idle(&pair->alice, 50);
    }
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);
    assert_true(object_parse(&second, network_newest(&pair->network, OBJECT_MSG), NULL));
    assert_in_range(first.expires_sec, sent_sec + ttl - 10, sent_sec + ttl);
    int64_t now_sec = clock_now_sec();
    assert_in_range(second.expires_sec, now_sec + 2 * ttl - 10, now_sec + 2 * ttl);

    /* The first one has not run out: Bob gets both. (The clock may not be set back here: what was
     * worked on for a lifetime would seem to live longer, and now and then have too little work.)
     */
    rig_link(&pair->bob);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    rig_until(&pair->bob, both_are_acknowledged, NULL, "two acknowledgements");

    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
    assert_int_equal(rig_sql(&pair->bob, "SELECT count(*) FROM seen WHERE kind = 0"), 2);
    assert_int_equal(rig_sql(&pair->bob, "SELECT count(*) FROM seen WHERE kind = 1"), 1);
    assert_int_equal(network_count(&pair->network, OBJECT_MSG), 4); /* two messages, two acks */
}

static void who_never_answers_is_given_up_with_a_bounce(void **state)
{
    struct pair *pair = *state;
    struct buf bounce = {0};
    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);

    pair_pass(pair, pair->alice.settings.agent.give_up_after_sec + 40 * DAY);
    rig_until_state(&pair->alice, 1, OUTGOING_FAILED);
    rig_until_count(&pair->alice, "INBOX", 1);

    rig_read(&pair->alice, &bounce, "INBOX", 0);
    const char *text = buf_str(&bounce);
    assert_non_null(strstr(text, "Content-Type: multipart/report; report-type=delivery-status"));
    assert_non_null(strstr(text, "Action: failed\r\n"));
    assert_non_null(strstr(text, pair->bob_address));
    assert_non_null(strstr(text, "Auto-Submitted: auto-replied\r\n"));
    assert_true(pair_has_keyword(&pair->alice, "Sent", "$bm-failed"));
    buf_clear(&bounce);
}

static void a_failed_mail_goes_again_when_it_is_retried(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;
    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);
    pair_pass(pair, pair->alice.settings.agent.give_up_after_sec + 40 * DAY);
    rig_until_state(&pair->alice, 1, OUTGOING_FAILED);

    agent_queue_retry(pair->alice.agent, 1, false, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_false(answer.failed);
    assert_int_equal(rig_count(&pair->alice, "Outbox"), 1);
    rig_link(&pair->bob);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->alice, "Outbox"), 0);
}

static void a_key_that_never_comes_is_given_up(void **state)
{
    struct pair *pair = *state;
    pair_lose_pubkeys(pair);
    rig_link(&pair->alice);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_AWAITING_KEY);

    pair_pass(pair, 29 * DAY + pair->alice.settings.agent.give_up_after_sec + 40 * DAY);
    rig_until_state(&pair->alice, 1, OUTGOING_FAILED);
    rig_until_count(&pair->alice, "INBOX", 1);
}

static void too_much_work_is_held_until_the_user_forces_it(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;
    pair->alice.settings.agent.max_extra_bytes = 0;
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_HELD);
    assert_true(pair_has_keyword(&pair->alice, "Outbox", "$bm-held"));

    agent_queue_retry(pair->alice.agent, 1, false, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_true(answer.failed);
    agent_queue_retry(pair->alice.agent, 1, true, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_false(answer.failed);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
}

/* ---- crashes ---- */

static void a_crash_while_queued_loses_nothing(void **state)
{
    struct pair *pair = *state;
    rig_unlink(&pair->alice);
    pair_send_to_bob(pair);

    pair_crash_alice(pair);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
}

static void a_crash_while_awaiting_the_key_goes_on_waiting(void **state)
{
    struct pair *pair = *state;
    pair_lose_pubkeys(pair);
    rig_link(&pair->alice);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_AWAITING_KEY);

    pair_crash_alice(pair);
    rig_idle(&pair->alice, 300);
    assert_int_equal(rig_state(&pair->alice, 1), OUTGOING_AWAITING_KEY);
    rig_link(&pair->bob);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
}

static void a_crash_during_the_work_goes_on_with_the_same_object(void **state)
{
    struct pair *pair = *state;
    pair->alice.settings.network.least_trials_per_byte = 1000000000000;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, pair_is_working_hard, NULL, "proof of work");
    int64_t id =
        rig_sql(&pair->alice, "SELECT id FROM object_job WHERE step = 0 AND outgoing_id = 1");

    pair_crash_alice(pair);
    assert_int_equal(
        rig_sql(&pair->alice, "SELECT id FROM object_job WHERE step = 0 AND outgoing_id = 1"), id);

    /* The demand of an own setting is read anew, so the work is light again. */
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
}

static bool all_work_is_fresh(struct rig *rig, void *context)
{
    (void)context;
    char sql[128];
    snprintf(sql, sizeof sql,
             "SELECT count(*) > 0 AND min(expires_sec) > %lld FROM object_job WHERE step = 0",
             (long long)clock_now_sec());
    return rig_sql(rig, sql) == 1;
}

/* In the queue, and after a restart. */
static void an_object_whose_time_ran_down_during_the_work_is_built_anew(void **state)
{
    struct pair *pair = *state;
    pair->alice.settings.network.least_trials_per_byte = 1000000000000;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, pair_is_working_hard, NULL, "proof of work");
    for (int days = 10; days <= 20; days += 10) {
        int64_t expiry = rig_sql(&pair->alice, "SELECT max(expires_sec) FROM object_job"
                                               " WHERE step = 0 AND outgoing_id = 1");

        clock_set_offset(days * (int64_t)DAY);
        if (days == 20) {
            pair_crash_alice(pair);
            pair->alice.settings.network.least_trials_per_byte = 1000000000000;
        }
        rig_until(&pair->alice, all_work_is_fresh, NULL, "objects that can still be sent");

        assert_true(rig_sql(&pair->alice, "SELECT min(expires_sec) FROM object_job WHERE step = 0"
                                          " AND outgoing_id = 1") > expiry);
        assert_int_equal(rig_state(&pair->alice, 1), OUTGOING_WORKING);
    }
}

static void a_crash_after_the_work_publishes_the_same_object(void **state)
{
    struct pair *pair = *state;
    pair->network.deaf = true;
    pair->network.n_published = 0;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, pair_was_handed_over, NULL, "an object at the node");
    int64_t length = rig_sql(&pair->alice, "SELECT length(object) FROM object_job WHERE kind = 0");

    pair_crash_alice(pair);
    pair->network.deaf = false;
    rig_unlink(&pair->alice);
    rig_link(&pair->alice);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);

    assert_int_equal(rig_sql(&pair->alice, "SELECT count(*) FROM object_job WHERE kind = 0"), 1);
    assert_int_equal(rig_sql(&pair->alice, "SELECT length(object) FROM object_job WHERE kind = 0"),
                     length);
    assert_int_equal(network_count(&pair->network, OBJECT_MSG), 2); /* one message, one ack */
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
}

static void a_crash_when_sent_still_knows_the_ack(void **state)
{
    struct pair *pair = *state;
    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);

    pair_crash_alice(pair);
    rig_link(&pair->bob);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
}

static void a_report_that_was_due_is_written_after_a_crash(void **state)
{
    struct pair *pair = *state;
    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);
    pair_pass(pair, pair->alice.settings.agent.give_up_after_sec + 40 * DAY);
    rig_until_state(&pair->alice, 1, OUTGOING_FAILED);

    pair_crash_alice(pair);

    rig_until_count(&pair->alice, "INBOX", 1);
    rig_idle(&pair->alice, 200);
    assert_int_equal(rig_count(&pair->alice, "INBOX"), 1);
    assert_int_equal(rig_sql(&pair->alice, "SELECT report_due FROM outgoing"), 0);
}

static void a_new_store_of_the_node_is_offered_what_is_ours_and_alive(void **state)
{
    struct pair *pair = *state;
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    rig_unlink(&pair->alice);
    rig_unlink(&pair->bob);
    network_forget(&pair->network);

    rig_link(&pair->alice);
    rig_idle(&pair->alice, 300);
    int64_t waiting = rig_sql(&pair->alice, "SELECT count(*) FROM object_job WHERE step = 3");
    assert_int_equal(waiting + (int64_t)pair->network.n_objects, 2); /* pubkey and message */
    clock_set_offset(3700);
    for (int i = 0; i < 400 && pair->network.n_objects < 2; i++) {
        rig_idle(&pair->alice, 50);
    }

    assert_int_equal(pair->network.n_objects, 2);
    assert_int_equal(rig_state(&pair->alice, 1), OUTGOING_DELIVERED);
}

/* So that a lifetime that is one's habit does not tell who sends. */
static void each_lifetime_strays_within_the_jitter(void **state)
{
    enum { MAILS = 12, TTL_SEC = 7200, JITTER_SEC = 600 };
    struct pair *pair = *state;
    int64_t least = INT64_MAX;
    int64_t most = INT64_MIN;
    pair->alice.settings.agent.ttl_sec = TTL_SEC;
    pair->alice.settings.agent.ttl_jitter_sec = JITTER_SEC;
    rig_unlink(&pair->bob); /* else his acks are among the objects */

    for (int64_t i = 1; i <= MAILS; i++) {
        struct object object;
        pair_send_to_bob(pair);
        rig_until_state(&pair->alice, i, OUTGOING_SENT);
        assert_true(object_parse(&object, network_newest(&pair->network, OBJECT_MSG), NULL));
        int64_t strays = (int64_t)object.expires_sec - clock_now_sec() - TTL_SEC;
        assert_in_range(strays + JITTER_SEC + 10, 0, 2 * JITTER_SEC + 10);
        least = strays < least ? strays : least;
        most = strays > most ? strays : most;
    }

    /* Twelve within a tenth of the width would be one chance in ten thousand millions. */
    assert_true(most - least > 2 * JITTER_SEC / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
        TEST(the_keyword_on_both_copies_follows_the_state),
        TEST(a_node_that_dies_during_the_look_up_is_asked_again),
        TEST(two_mails_that_wait_for_one_key_ask_once),
        TEST(a_resend_has_twice_the_lifetime_arrives_once_and_is_acknowledged_again),
        TEST(each_lifetime_strays_within_the_jitter),
        TEST(who_never_answers_is_given_up_with_a_bounce),
        TEST(a_failed_mail_goes_again_when_it_is_retried),
        TEST(a_key_that_never_comes_is_given_up),
        TEST(too_much_work_is_held_until_the_user_forces_it),
        TEST(a_crash_while_queued_loses_nothing),
        TEST(a_crash_while_awaiting_the_key_goes_on_waiting),
        TEST(a_crash_during_the_work_goes_on_with_the_same_object),
        TEST(an_object_whose_time_ran_down_during_the_work_is_built_anew),
        TEST(a_crash_after_the_work_publishes_the_same_object),
        TEST(a_crash_when_sent_still_knows_the_ack),
        TEST(a_report_that_was_due_is_written_after_a_crash),
        TEST(a_new_store_of_the_node_is_offered_what_is_ours_and_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
