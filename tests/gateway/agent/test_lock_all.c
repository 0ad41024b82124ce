// SPDX-License-Identifier: MIT
/* All keys under a passphrase: what comes is kept, past its end, and arrives once. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/gateway/agent/lock_steps.h"

enum { DAY = 86400 };

static void messages_are_kept_past_their_end_and_arrive_once(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_ALL);
    for (int i = 0; i < 3; i++) {
        rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");
    }
    rig_until_state(&pair->bob, 3, OUTGOING_SENT);
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    assert_int_equal(rig_count(alice, "INBOX"), 0);
    assert_int_equal(agent_lock_status(alice->agent).n_kept, 3);
    int64_t came_sec = clock_now_sec();

    rig_unlink(&pair->bob);
    rig_unlink(alice);
    clock_set_offset(29 * DAY);
    network_forget(&pair->network);
    lock_die_and_start(alice);
    alice->settings.agent.lock = LOCK_ALL;
    rig_idle(alice, 200);
    assert_int_equal(rig_count(alice, "INBOX"), 0);
    lock_expect_done(lock_open(alice, lock_secret));

    rig_until_count(alice, "INBOX", 3);
    rig_until(alice, lock_is_through, NULL, "all tried");
    rig_idle(alice, 200);
    assert_int_equal(rig_count(alice, "INBOX"), 3);
    assert_int_equal(agent_lock_status(alice->agent).n_kept, 0);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM kept_object"), 0);
    assert_in_range(rig_sql(alice, "SELECT max(internal_sec) FROM message"), came_sec - 60,
                    came_sec + 60);
}

/* The disk as it was before they were tried, and the keys opened once more. */
static void a_crash_while_they_are_tried_doubles_none(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_ALL);
    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");
    rig_until_state(&pair->bob, 1, OUTGOING_SENT);
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    lock_write_sql(alice, "CREATE TABLE again AS SELECT * FROM kept_object");
    lock_expect_done(lock_open(alice, lock_secret));
    rig_until_count(alice, "INBOX", 1);
    rig_idle(alice, 100);
    lock_write_sql(alice, "INSERT INTO kept_object SELECT * FROM again; DROP TABLE again");

    lock_die_and_start(alice);
    alice->settings.agent.lock = LOCK_ALL;
    assert_int_equal(agent_lock_status(alice->agent).n_kept, 1);
    lock_expect_done(lock_open(alice, lock_secret));
    rig_until(alice, lock_is_through, NULL, "all tried");
    rig_idle(alice, 200);

    assert_int_equal(rig_count(alice, "INBOX"), 1);
    assert_int_equal(agent_lock_status(alice->agent).n_kept, 0);
}

static void beyond_the_bound_the_nodes_store_is_gone_through_again(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_ALL);
    alice->settings.agent.lock_keep_objects = 2;
    for (int i = 0; i < 4; i++) {
        rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");
        rig_until_state(&pair->bob, i + 1, OUTGOING_SENT);
    }
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    assert_int_equal(agent_lock_status(alice->agent).n_kept, 2);
    assert_true(agent_lock_status(alice->agent).kept_is_full);

    lock_expect_done(lock_open(alice, lock_secret));

    rig_until_count(alice, "INBOX", 4);
    rig_idle(alice, 300);
    assert_int_equal(rig_count(alice, "INBOX"), 4);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM key_walk"), 0);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM agent_note WHERE name = 'lock missed'"),
                     0);
}

static void the_bound_in_bytes_holds_to_the_byte(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_ALL);
    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");
    rig_until_state(&pair->bob, 1, OUTGOING_SENT);
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    uint64_t n_bytes = agent_lock_status(alice->agent).kept_bytes;
    assert_int_equal(n_bytes, rig_sql(alice, "SELECT sum(length(object)) FROM kept_object"));

    /* Another of the same size: a resend differs in its signature alone, by a byte or two. */
    alice->settings.agent.lock_keep_bytes = 2 * n_bytes - 40;
    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");
    rig_until_state(&pair->bob, 2, OUTGOING_SENT);
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    assert_int_equal(agent_lock_status(alice->agent).n_kept, 1);
    alice->settings.agent.lock_keep_bytes = 2 * n_bytes + 40;
    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");
    rig_until_state(&pair->bob, 3, OUTGOING_SENT);
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    assert_int_equal(agent_lock_status(alice->agent).n_kept, 2);
}

/* Made of words that somebody wrote to already. */
static void the_walk_of_a_new_key_waits_for_the_passphrase(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer answer;
    const struct agent_identity_request words = {.label = "words", .passphrase = "of words"};
    agent_identity_new(pair->bob.agent, &words, rig_done(&answer));
    rig_wait(&pair->bob, &answer);
    lock_expect_done(answer);
    char address[64];
    (void)snprintf(address, sizeof(address), "%.63s", answer.text);
    rig_send(alice, pair->alice_address, address, "To the words", "Text.");
    rig_until_count(&pair->bob, "INBOX", 1);
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    lock_up(alice, LOCK_ALL);

    agent_identity_new(alice->agent, &words, rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(answer);
    rig_idle(alice, 200);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM key_walk"), 1);
    lock_expect_done(lock_open(alice, lock_secret));

    rig_until_count(alice, "INBOX", 1);
}

static bool walk_has_begun(struct rig *rig, void *context)
{
    (void)context;
    return rig->network->n_walked > 0;
}

static void locking_stops_a_walk_and_unlocking_ends_it(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer answer;
    const struct agent_identity_request words = {.label = "words", .passphrase = "of words"};
    agent_identity_new(pair->bob.agent, &words, rig_done(&answer));
    rig_wait(&pair->bob, &answer);
    char address[64];
    (void)snprintf(address, sizeof(address), "%.63s", answer.text);
    rig_send(alice, pair->alice_address, address, "To the words", "Text.");
    rig_until_count(&pair->bob, "INBOX", 1);
    rig_until(alice, lock_is_through, NULL, "the cursor behind all");
    alice->settings.agent.lock = LOCK_ALL;
    lock_expect_done(lock_set(alice, NULL, lock_secret));
    pair->network.walk_limit = 1;
    agent_identity_new(alice->agent, &words, rig_done(&answer));
    rig_wait(alice, &answer);
    rig_until(alice, walk_has_begun, NULL, "the walk");

    lock_expect_done(lock_close(alice));
    pair->network.walk_limit = 0;
    rig_idle(alice, 200);
    assert_int_equal(rig_count(alice, "INBOX"), 0);
    lock_expect_done(lock_open(alice, lock_secret));

    rig_until_count(alice, "INBOX", 1);
}

static void another_extent_is_taken_up_when_unlocked(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    static const char n_sealed[] =
        "SELECT sum((length(signing_key) = 80) + (length(encryption_key) = 80)) FROM identity";
    lock_up(alice, LOCK_ALL);
    assert_int_equal(rig_sql(alice, n_sealed), 2);
    alice->settings.agent.lock = LOCK_SIGNING;
    lock_expect_done(lock_open(alice, lock_secret));
    assert_int_equal(rig_sql(alice, n_sealed), 1);
    lock_expect_done(lock_close(alice));
    alice->settings.agent.lock = LOCK_ALL;
    lock_expect_done(lock_open(alice, lock_secret));
    assert_int_equal(rig_sql(alice, n_sealed), 2);
    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");
    rig_until_state(&pair->bob, 1, OUTGOING_DELIVERED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(messages_are_kept_past_their_end_and_arrive_once),
        CASE(a_crash_while_they_are_tried_doubles_none),
        CASE(beyond_the_bound_the_nodes_store_is_gone_through_again),
        CASE(the_bound_in_bytes_holds_to_the_byte),
        CASE(the_walk_of_a_new_key_waits_for_the_passphrase),
        CASE(locking_stops_a_walk_and_unlocking_ends_it),
        CASE(another_extent_is_taken_up_when_unlocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
