// SPDX-License-Identifier: MIT
/* Signing keys under a passphrase: what waits while they are locked, and what goes on. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "crypto/wif.h"
#include "gateway/agent/keys/pubkey_ahead.h"
#include "gateway/agent/moving/import_key.h"
#include "gateway/agent/outgoing/outgoing.h"
#include "node/objects/object.h"
#include "tests/gateway/agent/lock_steps.h"

enum { DAY = 86400 };

/* ---- sending and receiving ---- */

static void mail_to_be_sent_waits_and_goes_by_itself_when_unlocked(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_SIGNING);

    pair_send_to_bob(pair);
    rig_idle(alice, 300);

    assert_int_equal(rig_state(alice, 1), OUTGOING_QUEUED);
    assert_non_null(strstr(lock_reason_of(alice, 1).text, "locked: bittern unlock"));
    assert_true(pair_has_keyword(alice, "Outbox", "$bm-queued"));
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 0);

    lock_expect_done(lock_open(alice, lock_secret));
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
    assert_string_equal(lock_reason_of(alice, 1).text, "");
}

static void mail_arrives_and_is_acknowledged_while_signing_keys_are_locked(void **state)
{
    struct pair *pair = *state;
    lock_up(&pair->alice, LOCK_SIGNING);

    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");

    rig_until_state(&pair->bob, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->alice, "INBOX"), 1);
    assert_int_equal(agent_lock_status(pair->alice.agent).n_kept, 0);
}

static void a_start_finds_the_keys_locked(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    alice->settings.agent.lock_memory_bytes = 9 << 20;
    lock_expect_done(lock_set(alice, NULL, lock_secret));
    assert_int_equal(rig_sql(alice, "SELECT memory_kib FROM key_lock"), 9 << 10);

    lock_die_and_start(alice);

    assert_true(agent_lock_status(alice->agent).is_locked);
    pair_send_to_bob(pair);
    rig_idle(alice, 300);
    assert_int_equal(rig_state(alice, 1), OUTGOING_QUEUED);
    lock_expect_done(lock_open(alice, lock_secret));
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
}

/* An identity in clear beside sealed ones, as a restore may leave it. */
static void what_waits_does_not_stand_in_the_way_of_what_need_not(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    char eve[64];
    rig_identity(alice, "eve", eve);
    lock_write_sql(alice, "CREATE TABLE clear AS SELECT * FROM identity WHERE label = 'eve'");
    lock_up(alice, LOCK_SIGNING);
    lock_write_sql(alice, "UPDATE identity SET lock_id = 0, public_keys = NULL, signing_key ="
                          " (SELECT signing_key FROM clear) WHERE label = 'eve'; DROP TABLE clear");
    lock_die_and_start(alice);
    for (int i = 0; i < OUTGOING_BATCH + OUTGOING_MAX_AT_WORK; i++) {
        pair_send_to_bob(pair);
    }
    lock_write_sql(alice, "UPDATE outgoing SET state = 2 WHERE id % 4 = 0;"
                          "UPDATE outgoing SET state = 4, next_sec = 1 WHERE id % 4 = 1");
    rig_send(alice, eve, pair->bob_address, "Late", "Text.");

    rig_until_count(&pair->bob, "INBOX", 1);

    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM object_job WHERE kind = 0"), 1);
}

static void a_message_that_is_built_goes_its_way(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_expect_done(lock_set(alice, NULL, lock_secret));
    pair->network.deaf = true;
    pair_send_to_bob(pair);
    rig_until(alice, pair_was_handed_over, NULL, "the message at the node");

    lock_expect_done(lock_close(alice));
    assert_string_equal(lock_reason_of(alice, 1).text, "");
    pair->network.deaf = false;
    rig_unlink(alice);
    rig_link(alice);

    rig_until_state(alice, 1, OUTGOING_DELIVERED);
}

static void broadcasts_and_posts_to_a_chan_wait_too(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer chan;
    agent_chan_join(alice->agent, NULL, "garden", NULL, NULL, rig_done(&chan));
    rig_wait(alice, &chan);
    lock_expect_done(chan);
    lock_up(alice, LOCK_SIGNING);

    rig_send(alice, pair->alice_address, "broadcast@bm.alt", "All", "Text.");
    rig_send(alice, pair->alice_address, chan.text, "As myself", "Text.");
    rig_send(alice, chan.text, chan.text, "As the chan", "Text.");
    rig_idle(alice, 300);

    for (int64_t id = 1; id <= 3; id++) {
        assert_int_equal(rig_state(alice, id), OUTGOING_QUEUED);
    }
    lock_expect_done(lock_open(alice, lock_secret));
    for (int64_t id = 1; id <= 3; id++) {
        rig_until_state(alice, id, OUTGOING_SENT);
    }
}

/* Posts to a list are kept with the lock over signing keys, or arrive only after it over all; the
 * broadcasts wait in the queue, over a start, too. */
static void a_mailing_list_passes_on_what_came_while_it_was_locked(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig *bob = &pair->bob;
    const struct agent_identity_terms list = {
        .trials_per_byte = 1, .extra_bytes = 1, .acks = true, .list_name = "garden"};
    struct rig_answer answer;
    agent_identity_set(alice->agent, "alice", &list, rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(answer);
    agent_subscribe(bob->agent, NULL, pair->alice_address, "garden", rig_done(&answer));
    rig_wait(bob, &answer);
    lock_expect_done(answer);
    static const enum lock_extent extents[] = {LOCK_SIGNING, LOCK_ALL};
    for (size_t i = 0; i < ARRAY_LEN(extents); i++) {
        int64_t first = (int64_t)(2 * i);
        lock_up(alice, extents[i]);
        rig_send(bob, pair->bob_address, pair->alice_address, "One", "Text.");
        rig_send(bob, pair->bob_address, pair->alice_address, "Two", "Text.");
        rig_until_state(bob, first + 2, OUTGOING_SENT);
        rig_until(alice, lock_is_through, NULL, "both objects gone through");
        rig_idle(alice, 300);
        lock_die_and_start(alice);
        alice->settings.agent.lock = extents[i];
        rig_idle(alice, 200);
        size_t n_waiting = extents[i] == LOCK_ALL ? 0 : 2;
        assert_int_equal(rig_sql(alice, "SELECT count(*) FROM outgoing WHERE state = 0"),
                         n_waiting);
        assert_int_equal(agent_lock_status(alice->agent).n_kept, 2 - n_waiting);
        assert_int_equal(rig_count(bob, "Subscriptions/garden"), first);

        lock_expect_done(lock_open(alice, lock_secret));
        rig_until_count(bob, "Subscriptions/garden", (size_t)first + 2);
        rig_until_state(alice, first + 2, OUTGOING_SENT);
        rig_idle(alice, 100);
        assert_int_equal(rig_sql(alice, "SELECT count(*) FROM list_post"), 0);
        assert_int_equal(rig_count(bob, "Subscriptions/garden"), first + 2);
        lock_expect_done(lock_remove(alice, lock_secret));
    }
}

/* ---- own public keys ---- */

static void whoever_asks_for_a_key_is_answered_while_it_is_locked(void **state)
{
    struct pair *pair = *state;
    lock_up(&pair->alice, LOCK_SIGNING);
    assert_true(agent_lock_status(pair->alice.agent).answers_until_sec >
                clock_now_sec() + 12 * PUBKEY_AHEAD_STEP_SEC);
    pair_lose_pubkeys(pair);
    rig_link(&pair->alice);
    rig_link(&pair->bob);

    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Hello", "Text.");

    rig_until_count(&pair->alice, "INBOX", 1);
    struct object told;
    assert_true(object_parse(&told, network_newest(&pair->network, OBJECT_PUBKEY), NULL));
    int64_t left_sec = (int64_t)told.expires_sec - clock_now_sec();
    assert_in_range(left_sec, PUBKEY_AHEAD_STEP_SEC - DAY, 2 * PUBKEY_AHEAD_STEP_SEC);
}

/* An hour before one ends the next is told, and so on to the last. */
static void what_is_signed_ahead_lasts_for_half_a_year(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    char path[300];
    lock_up(alice, LOCK_SIGNING);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM pubkey_ahead"), PUBKEY_AHEAD_OBJECTS);
    (void)snprintf(path, sizeof(path), "%s/mail.db", alice->folder);
    struct db *db = db_open(path, &(struct db_options){.busy_wait_ms = 1000}, NULL);
    int64_t now_sec = clock_now_sec();
    int n_told = 0;
    for (int64_t t = now_sec; t < now_sec + 26 * 7 * DAY;) {
        struct buf object = {0};
        int64_t expires_sec = 0;
        assert_true(pubkey_ahead_take(db, &object, &expires_sec, 1, t, NULL));
        assert_in_range(expires_sec - t, PUBKEY_AHEAD_STEP_SEC, 2 * PUBKEY_AHEAD_STEP_SEC);
        assert_true(object.len > 0);
        buf_clear(&object);
        t = expires_sec;
        n_told++;
    }
    assert_in_range(n_told, 7, 13);
    db_close(&db);
}

static void new_terms_are_refused_and_old_ones_not_told_any_more(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer answer;
    const struct agent_identity_terms terms = {
        .trials_per_byte = 7, .extra_bytes = 8, .acks = true, .list_name = ""};
    lock_up(alice, LOCK_SIGNING);

    agent_identity_set(alice->agent, "alice", &terms, rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_refused(answer, FAULT_DENIED);
    assert_non_null(strstr(answer.fault.text, "locked"));

    lock_expect_done(lock_open(alice, lock_secret));
    int64_t before = rig_sql(alice, "SELECT min(expires_sec) FROM pubkey_ahead");
    agent_identity_set(alice->agent, "alice", &terms, rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(answer);
    rig_idle(alice, 300);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM pubkey_ahead"), PUBKEY_AHEAD_OBJECTS);
    assert_int_not_equal(rig_sql(alice, "SELECT min(expires_sec) FROM pubkey_ahead"), before);
}

/* ---- keys that are made while others are locked ---- */

static void new_keys_are_sealed_and_told_while_the_others_are_locked(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer answer;
    char eve[64];
    size_t n_pubkeys = network_count(&pair->network, OBJECT_PUBKEY);
    lock_up(alice, LOCK_ALL);

    rig_identity(alice, "eve", eve);
    const struct agent_identity_request words = {.label = "words", .passphrase = "of words"};
    agent_identity_new(alice->agent, &words, rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(answer);
    agent_chan_join(alice->agent, NULL, "garden", NULL, NULL, rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(answer);
    rig_idle(alice, 300);

    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM identity WHERE lock_id = 1 AND"
                                    " length(signing_key) = 80 AND length(encryption_key) = 80"),
                     4);
    assert_int_equal(network_count(&pair->network, OBJECT_PUBKEY), n_pubkeys + 2);
    assert_int_equal(agent_lock_status(alice->agent).n_locked, 4);

    rig_send(alice, eve, pair->bob_address, "From eve", "Text.");
    rig_idle(alice, 100);
    assert_int_equal(rig_state(alice, 1), OUTGOING_QUEUED);
    lock_expect_done(lock_open(alice, lock_secret));
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
}

static void an_import_is_sealed_and_export_waits(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct private_key signing;
    struct private_key encryption;
    struct identity_keys keys;
    char address[ADDRESS_TEXT_BYTES];
    char signing_wif[WIF_TEXT_BYTES];
    char encryption_wif[WIF_TEXT_BYTES];
    struct rig_answer answer;
    private_key_random(&signing);
    private_key_random(&encryption);
    identity_keys_derive(&keys, &signing, &encryption);
    struct address made = address_of_keys(4, 1, &keys.signing_public, &keys.encryption_public);
    address_encode(address, &made);
    wif_encode(signing_wif, &signing);
    wif_encode(encryption_wif, &encryption);
    lock_up(alice, LOCK_SIGNING);

    const struct agent_import_key key = {.address = address,
                                         .label = "old",
                                         .signing_key = signing_wif,
                                         .encryption_key = encryption_wif,
                                         .enabled = true,
                                         .list_name = ""};
    agent_import_key(alice->agent, &key, rig_done(&answer));
    rig_wait(alice, &answer);

    lock_expect_done(answer);
    struct fault fault = {0};
    assert_int_equal(rig_sql(alice, "SELECT length(signing_key) FROM identity WHERE id = 2"), 80);
    assert_false(agent_keys_are_open(alice->agent, &fault));
    assert_int_equal(fault.code, FAULT_DENIED);
    lock_expect_done(lock_open(alice, lock_secret));
    assert_true(agent_keys_are_open(alice->agent, NULL));
}

static void an_identity_is_deleted_while_locked_with_what_was_signed_for_it(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer answer;
    lock_up(alice, LOCK_ALL);

    agent_identity_rename(alice->agent, "alice", "gone", rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(answer);
    agent_identity_delete(alice->agent, "gone", rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(answer);

    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM pubkey_ahead"), 0);
    lock_expect_done(lock_set(alice, NULL, "another")); /* nothing is under the old one */
    lock_expect_done(lock_close(alice));
    lock_expect_done(lock_open(alice, "another"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(mail_to_be_sent_waits_and_goes_by_itself_when_unlocked),
        CASE(mail_arrives_and_is_acknowledged_while_signing_keys_are_locked),
        CASE(a_start_finds_the_keys_locked),
        CASE(what_waits_does_not_stand_in_the_way_of_what_need_not),
        CASE(a_message_that_is_built_goes_its_way),
        CASE(broadcasts_and_posts_to_a_chan_wait_too),
        CASE(a_mailing_list_passes_on_what_came_while_it_was_locked),
        CASE(whoever_asks_for_a_key_is_answered_while_it_is_locked),
        CASE(what_is_signed_ahead_lasts_for_half_a_year),
        CASE(new_terms_are_refused_and_old_ones_not_told_any_more),
        CASE(new_keys_are_sealed_and_told_while_the_others_are_locked),
        CASE(an_import_is_sealed_and_export_waits),
        CASE(an_identity_is_deleted_while_locked_with_what_was_signed_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
