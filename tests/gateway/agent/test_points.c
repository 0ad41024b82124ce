// SPDX-License-Identifier: MIT
/* A mail's whole way, from the end of DATA until it is delivered, cut at each commit of either
 * side's database: what a crash leaves on disk is what stood there after one of them. Whoever dies,
 * the mail arrives once; whoever takes it back, it never arrives or had left. */
#include "tests/support/vectors.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "tests/gateway/agent/pair.h"

enum { MOST_POINTS = 60, LIMIT_MS = 20000 };

static const struct agent_submission *submission_of(struct pair *pair)
{
    static char *mail;
    static const char *to[1];
    static struct agent_submission submission;
    free(mail);
    mail = xasprintf("From: <%s@bm.alt>\nTo: x\nSubject: Point\n\nText.\n", pair->alice_address);
    to[0] = pair->bob_address;
    submission =
        (struct agent_submission){.recipients = to, .n_recipients = 1, .mail = bytes_of_str(mail)};
    return &submission;
}

static bool is_delivered(struct rig *alice)
{
    return rig_state(alice, 1) == OUTGOING_DELIVERED;
}

/* Turn the loop until that side's disk has changed for the n-th time. False: the mail was delivered
 * before. */
static bool reach_point(struct pair *pair, struct rig *side, unsigned n)
{
    int64_t version = rig_sql(side, "PRAGMA data_version");
    int64_t end_ms = clock_mono_ms() + LIMIT_MS;
    while (n > 0) {
        loop_turn(side->loop, 1);
        int64_t now = rig_sql(side, "PRAGMA data_version");
        if (now != version) {
            version = now;
            n--;
        } else if (is_delivered(&pair->alice)) {
            return false;
        }
        assert_true(clock_mono_ms() < end_ms);
    }
    return true;
}

static void crash(struct rig *side)
{
    char *folder = rig_copy_folder(side);
    struct network *network = side->network;
    rig_remove(side);
    rig_reopen(side, network, folder);
    free(folder);
}

static void expect_one_of_each(struct pair *pair)
{
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
    assert_int_equal(rig_count(&pair->alice, "Sent"), 1);
    assert_int_equal(rig_count(&pair->alice, "Outbox"), 0);
    assert_int_equal(rig_sql(&pair->alice, "SELECT count(*) FROM outgoing"), 1);
}

/* Who heard no answer hands it in again, if it is not in Sent. */
static void hand_in_again(struct pair *pair, const struct rig_answer *answer)
{
    struct rig_answer second;
    if (rig_count(&pair->alice, "Sent") == 0) {
        assert_false(answer->is_done);
        agent_submit(pair->alice.agent, submission_of(pair), rig_done(&second));
        rig_wait(&pair->alice, &second);
        assert_false(second.failed);
    }
}

/* ---- what happens at a point: the mail's way goes on behind it */

static void alice_dies(struct pair *pair, const struct rig_answer *answer)
{
    crash(&pair->alice);
    hand_in_again(pair, answer);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    expect_one_of_each(pair);
}

static void bob_dies(struct pair *pair, const struct rig_answer *answer)
{
    (void)answer;
    crash(&pair->bob);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    expect_one_of_each(pair);
}

static void alice_takes_it_back(struct pair *pair, const struct rig_answer *answer)
{
    struct rig_answer cancelled;
    (void)answer;
    if (rig_sql(&pair->alice, "SELECT count(*) FROM outgoing") == 0) {
        return; /* not yet taken */
    }
    agent_queue_cancel(pair->alice.agent, 1, rig_done(&cancelled));
    rig_wait(&pair->alice, &cancelled);
    if (cancelled.failed) {
        rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
        expect_one_of_each(pair);
    } else {
        rig_idle(&pair->bob, 100);
        assert_int_equal(rig_state(&pair->alice, 1), OUTGOING_CANCELLED);
        assert_int_equal(rig_count(&pair->bob, "INBOX"), 0);
        assert_int_equal(rig_count(&pair->alice, "Outbox"), 0);
    }
}

/* Returns how many points there were. */
static unsigned at_each_point(bool of_bob,
                              void (*act)(struct pair *pair, const struct rig_answer *answer))
{
    static struct rig_answer answer; /* outlives an agent that dies with it */
    for (unsigned n = 1; n < MOST_POINTS; n++) {
        void *state = NULL;
        (void)pair_set_up(&state);
        struct pair *pair = state;
        agent_submit(pair->alice.agent, submission_of(pair), rig_done(&answer));
        bool is_there = reach_point(pair, of_bob ? &pair->bob : &pair->alice, n);
        if (is_there) {
            act(pair, &answer);
        }
        (void)pair_tear_down(&state);
        if (!is_there) {
            print_message("%u points\n", n - 1);
            return n - 1;
        }
    }
    return MOST_POINTS;
}

static void the_sender_dies_at_each_point(void **state)
{
    (void)state;
    assert_in_range(at_each_point(false, alice_dies), 4, MOST_POINTS - 1);
}

static void the_recipient_dies_at_each_point(void **state)
{
    (void)state;
    assert_in_range(at_each_point(true, bob_dies), 1, MOST_POINTS - 1);
}

static void it_is_taken_back_at_each_point(void **state)
{
    (void)state;
    assert_in_range(at_each_point(false, alice_takes_it_back), 4, MOST_POINTS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sender_dies_at_each_point),
        cmocka_unit_test(the_recipient_dies_at_each_point),
        cmocka_unit_test(it_is_taken_back_at_each_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
