// SPDX-License-Identifier: MIT
/* Several mails at work at once, in a whole agent: the short ones come out first, and a long one
 * goes on all the same. Held by trials done and by what arrived, not by time. */
#include "tests/support/vectors.h"

#include <stdio.h>

#include "gateway/agent/agent_internal.h"
#include "tests/gateway/agent/pair.h"

enum { SMALL = 6 };

/* An identity of bob's that asks for so much work that it is never done. */
static void dear_identity(struct pair *pair, const char *label, uint64_t trials_per_byte,
                          char out[64])
{
    struct rig_answer answer;
    const struct agent_identity_request request = {.label = label, .demand = {trials_per_byte, 1}};
    agent_identity_new(pair->bob.agent, &request, rig_done(&answer));
    rig_wait(&pair->bob, &answer);
    assert_false(answer.failed);
    (void)snprintf(out, 64, "%.63s", answer.text);
}

static double trials_of(struct rig *rig, int64_t id)
{
    struct pow_progress progress;
    return object_jobs_progress(rig->agent->jobs, id, &progress) ? progress.trials : 0;
}

/* Mail `id`, worked on. */
static void send_dear(struct pair *pair, int64_t id, const char *to)
{
    pair->alice.settings.agent.max_trials_per_byte = UINT64_MAX;
    rig_send(&pair->alice, pair->alice_address, to, "Dear", "Text.");
    rig_until_state(&pair->alice, id, OUTGOING_WORKING);
}

struct goal {
    int64_t ids[2];
    double trials; /* of both together */
};

static bool has_done(struct rig *rig, void *context)
{
    const struct goal *goal = context;
    return trials_of(rig, goal->ids[0]) + trials_of(rig, goal->ids[1]) >= goal->trials;
}

static void small_mails_come_out_before_a_big_one_that_was_first(void **state)
{
    struct pair *pair = *state;
    struct goal goal = {{1, 1}, 2};
    char dear[64];
    dear_identity(pair, "dear", AGENT_MAX_DEMAND, dear);
    send_dear(pair, 1, dear);
    rig_until(&pair->alice, has_done, &goal, "the big one to be at work");

    for (int i = 0; i < SMALL; i++) {
        pair_send_to_bob(pair);
    }
    for (int64_t id = 2; id < 2 + SMALL; id++) {
        rig_until_state(&pair->alice, id, OUTGOING_DELIVERED);
    }

    assert_int_equal(rig_count(&pair->bob, "INBOX"), SMALL);
    assert_int_equal(rig_state(&pair->alice, 1), OUTGOING_WORKING);
    goal.trials = 2 * (trials_of(&pair->alice, 1) + 1);
    rig_until(&pair->alice, has_done, &goal, "the big one to go on");
}

/* Of two that never end the shorter has most turns, and the older its quarter. */
static void the_oldest_keeps_its_share_of_the_trials(void **state)
{
    struct pair *pair = *state;
    char dear[64];
    char less_dear[64];
    dear_identity(pair, "dear", AGENT_MAX_DEMAND, dear);
    dear_identity(pair, "less dear", AGENT_MAX_DEMAND / 2, less_dear);
    send_dear(pair, 1, dear);
    send_dear(pair, 2, less_dear);
    rig_until(&pair->alice, has_done, &(struct goal){{2, 2}, 2}, "both to be at work");
    double older = trials_of(&pair->alice, 1);
    double shorter = trials_of(&pair->alice, 2);

    struct goal goal = {{1, 2}, older + shorter + 8e6};
    rig_until(&pair->alice, has_done, &goal, "some millions of trials");

    older = trials_of(&pair->alice, 1) - older;
    shorter = trials_of(&pair->alice, 2) - shorter;
    if (older < 0.1 * (older + shorter) || shorter < 0.5 * (older + shorter)) {
        fail_msg("the older had %.0f trials, the shorter %.0f", older, shorter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
        TEST(small_mails_come_out_before_a_big_one_that_was_first),
        TEST(the_oldest_keeps_its_share_of_the_trials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
