// SPDX-License-Identifier: MIT
/* A key that comes late goes through what came before it: once, to the end, whatever falls in
 * between. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/mem.h"
#include "crypto/key_search.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/incoming.h"
#include "gateway/agent/incoming/walk.h"
#include "gateway/store/mail_db.h"
#include "node/content/content.h"
#include "node/link/link_frame.h"
#include "node/objects/msg.h"
#include "tests/gateway/agent/rig.h"

enum { N_OLD = 6, HALF = 3 };

struct late {
    struct network network;
    struct rig bob;
    struct identity_keys stranger;
};

/* A message for the `which`-th identity (0 first) that a passphrase leads to. */
static void add_message_to(struct late *late, const char *passphrase, int which, int number)
{
    struct identity_keys keys;
    uint64_t next = 0;
    struct buf object = {0};
    char text[40];
    for (int i = 0; i <= which; i++) {
        key_search_now_passphrase(&keys, &next, bytes_of_str(passphrase), next, 1);
    }
    (void)snprintf(text, sizeof(text), "Subject:number %d\nBody:x", number);
    const struct msg_draft draft = {
        .expires_sec = (uint64_t)clock_now_sec() + 3600,
        .sender = sender_of_keys(&late->stranger, 4, 1, 0, (struct pow_demand){1, 1}),
        .to = address_of_keys(4, 1, &keys.signing_public, &keys.encryption_public),
        .to_key = keys.encryption_public,
        .encoding = CONTENT_SIMPLE,
        .message = bytes_of_str(text),
    };
    const struct pow_demand least = {1, 1};
    uint64_t nonce = 0;
    assert_true(msg_write(&object, &draft, &late->stranger, NULL));
    do {
        object_set_nonce(&object, nonce++);
    } while (!pow_check(buf_view(&object), clock_now_sec(), least, least));
    network_add(&late->network, buf_view(&object));
    buf_clear(&object);
}

static void add_message(struct late *late, const char *passphrase, int number)
{
    add_message_to(late, passphrase, 0, number);
}

static bool is_through(struct rig *rig, void *context)
{
    struct agent_status status;
    (void)context;
    agent_status(rig->agent, &status);
    return status.objects_done == rig->network->n_objects;
}

static int set_up(void **state)
{
    struct late *late = calloc(1, sizeof(*late));
    clock_set_offset(0);
    network_init(&late->network);
    rig_open(&late->bob, &late->network);
    key_search_now_random(&late->stranger, 1);
    for (int i = 0; i < N_OLD; i++) {
        add_message(late, "late", i);
    }
    rig_until(&late->bob, is_through, NULL, "the live walk");
    *state = late;
    return 0;
}

static int tear_down(void **state)
{
    struct late *late = *state;
    rig_remove(&late->bob);
    network_clear(&late->network);
    free(late);
    return 0;
}

static void join_several(struct rig *rig, const char *passphrase, size_t count)
{
    struct rig_answer answer;
    const struct agent_identity_request request = {
        .label = passphrase, .passphrase = passphrase, .count = count};
    agent_identity_new(rig->agent, &request, rig_done(&answer));
    rig_wait(rig, &answer);
    assert_false(answer.failed);
}

static void join(struct rig *rig, const char *passphrase)
{
    join_several(rig, passphrase, 1);
}

static void crash(struct late *late)
{
    char *folder = rig_copy_folder(&late->bob);
    rig_remove(&late->bob);
    rig_reopen(&late->bob, &late->network, folder);
    free(folder);
}

static bool no_walk_is_pending(struct rig *rig, void *context)
{
    (void)context;
    return rig_sql(rig, "SELECT count(*) FROM key_walk") == 0;
}

static void expect_all_once(struct late *late, size_t n)
{
    rig_until_count(&late->bob, "INBOX", n);
    rig_until(&late->bob, no_walk_is_pending, NULL, "the end of all walks");
    rig_idle(&late->bob, 100);
    assert_int_equal(rig_count(&late->bob, "INBOX"), n);
    assert_int_equal(rig_sql(&late->bob, "SELECT count(DISTINCT body_id) FROM message"), n);
}

static bool half_is_written(struct rig *rig, void *context)
{
    (void)context;
    return rig_sql(rig, "SELECT number FROM key_walk") == HALF;
}

static bool all_are_so_far(struct rig *rig, void *context)
{
    (void)context;
    return rig_sql(rig, "SELECT min(number) FROM key_walk") == N_OLD + HALF;
}

static void go_half_way(struct late *late)
{
    late->network.walk_limit = HALF;
    join(&late->bob, "late");
    rig_until_count(&late->bob, "INBOX", HALF);
    rig_until(&late->bob, half_is_written, NULL, "the walk's mark");
}

static void a_late_key_gets_what_came_before_it_and_no_more_is_walked(void **state)
{
    struct late *late = *state;

    join(&late->bob, "late");
    expect_all_once(late, N_OLD);

    size_t n_walked = late->network.n_walked;
    assert_in_range(n_walked, N_OLD, N_OLD + 1);
    add_message(late, "late", 100);
    expect_all_once(late, N_OLD + 1);
    assert_int_equal(late->network.n_walked, n_walked);
}

static void a_random_key_needs_no_walk(void **state)
{
    struct late *late = *state;
    char address[64];

    rig_identity(&late->bob, "fresh", address);

    assert_int_equal(rig_sql(&late->bob, "SELECT count(*) FROM key_walk"), 0);
    rig_idle(&late->bob, 100);
    assert_int_equal(late->network.n_walked, 0);
}

static void a_crash_in_the_middle_goes_on_from_there(void **state)
{
    struct late *late = *state;
    go_half_way(late);

    late->network.n_walked = 0;
    late->network.walk_limit = 0;
    crash(late);

    expect_all_once(late, N_OLD);
    /* From the middle on; the new key's own pubkey, behind its end, may have been under way. */
    assert_in_range(late->network.n_walked, N_OLD - HALF, N_OLD - HALF + 1);
}

static void a_crash_before_the_first_object_forgets_nothing(void **state)
{
    struct late *late = *state;
    rig_unlink(&late->bob);
    join(&late->bob, "late");
    assert_int_equal(rig_sql(&late->bob, "SELECT count(*) FROM key_walk WHERE epoch IS NULL"), 1);

    crash(late);

    expect_all_once(late, N_OLD);
}

static void what_comes_while_the_walk_is_stopped_is_not_lost(void **state)
{
    struct late *late = *state;
    go_half_way(late);
    rig_unlink(&late->bob);
    add_message(late, "late", 100);
    add_message(late, "late", 101);

    crash(late);
    late->network.walk_limit = 0;
    rig_unlink(&late->bob);
    rig_link(&late->bob);

    expect_all_once(late, N_OLD + 2);
}

static void a_lost_link_stops_a_walk_and_a_new_one_goes_on(void **state)
{
    struct late *late = *state;
    go_half_way(late);

    assert_int_equal(late->bob.n_lost_links, 0);
    rig_unlink(&late->bob);
    rig_idle(&late->bob, 50);
    assert_int_equal(late->bob.n_lost_links, 1);
    late->network.n_walked = 0;
    late->network.walk_limit = 0;
    rig_link(&late->bob);

    expect_all_once(late, N_OLD);
    /* From the middle on; the new key's own pubkey, behind its end, may have been under way. */
    assert_in_range(late->network.n_walked, N_OLD - HALF, N_OLD - HALF + 1);
}

static void a_new_store_of_the_node_needs_no_walk(void **state)
{
    struct late *late = *state;
    go_half_way(late);
    rig_unlink(&late->bob);

    network_forget(&late->network);
    late->network.n_walked = 0;
    late->network.walk_limit = 0;
    for (int i = 200; i < 203; i++) {
        add_message(late, "late", i);
    }
    rig_link(&late->bob);

    expect_all_once(late, HALF + 3);
    assert_int_equal(late->network.n_walked, 0);
}

static void more_keys_than_the_link_has_scans_wait_for_their_turn(void **state)
{
    struct late *late = *state;
    enum { N_KEYS = LINK_MAX_SCANS + 2 };
    char name[16];
    rig_unlink(&late->bob);
    for (int i = 0; i < N_KEYS; i++) {
        (void)snprintf(name, sizeof(name), "late%d", i);
        add_message(late, name, 300 + i);
    }
    rig_link(&late->bob);
    rig_until(&late->bob, is_through, NULL, "the live walk");
    late->network.walk_limit = 1;
    for (int i = 0; i < N_KEYS; i++) {
        (void)snprintf(name, sizeof(name), "late%d", i);
        join(&late->bob, name);
    }
    assert_int_equal(rig_sql(&late->bob, "SELECT count(*) FROM key_walk"), N_KEYS);
    late->network.walk_limit = 0;
    add_message(late, "nobody", 0);

    expect_all_once(late, N_KEYS);
}

static void keys_that_come_together_share_a_walk_also_after_a_crash(void **state)
{
    struct late *late = *state;
    enum { N_KEYS = LINK_MAX_SCANS + 4 };
    rig_unlink(&late->bob);
    for (int i = 0; i < N_KEYS; i++) {
        add_message_to(late, "many", i, 400 + i);
    }
    rig_link(&late->bob);
    rig_until(&late->bob, is_through, NULL, "the live walk");
    late->network.walk_limit = N_OLD + HALF;

    join_several(&late->bob, "many", N_KEYS);
    rig_until_count(&late->bob, "INBOX", HALF);
    assert_int_equal(rig_sql(&late->bob, "SELECT count(*) FROM key_walk"), N_KEYS);
    rig_until(&late->bob, all_are_so_far, NULL, "the mark of all");
    assert_int_equal(late->network.n_walked, N_OLD + HALF);
    late->network.walk_limit = 0;
    late->network.n_walked = 0;
    crash(late);

    expect_all_once(late, N_KEYS);
    assert_in_range(late->network.n_walked, N_KEYS - HALF, 2 * N_KEYS); /* their pubkeys follow */
}

static void a_key_that_is_enabled_again_walks_again(void **state)
{
    struct late *late = *state;
    struct rig_answer answer;
    join(&late->bob, "late");
    expect_all_once(late, N_OLD);
    agent_identity_enable(late->bob.agent, "late", false, rig_done(&answer));
    rig_wait(&late->bob, &answer);
    assert_false(answer.failed);
    add_message(late, "late", 100);
    rig_until(&late->bob, is_through, NULL, "the live walk");
    assert_int_equal(rig_sql(&late->bob, "SELECT count(*) FROM key_walk"), 0);

    agent_identity_enable(late->bob.agent, "late", true, rig_done(&answer));
    rig_wait(&late->bob, &answer);

    expect_all_once(late, N_OLD + 1);
}

/* Committed between the keyring's reading of the keys and the walks': it belongs to the next
 * reading. */
static void a_key_that_the_keyring_has_not_read_yet_keeps_its_walk(void **state)
{
    struct late *late = *state;
    struct agent *agent = late->bob.agent;
    struct rig_answer answer;
    struct fault fault = {0};
    char path[300];
    join(&late->bob, "late");
    expect_all_once(late, N_OLD);
    agent_identity_enable(agent, "late", false, rig_done(&answer));
    rig_wait(&late->bob, &answer);
    add_message(late, "late", 100);
    rig_until(&late->bob, is_through, NULL, "the live walk");

    (void)snprintf(path, sizeof(path), "%s/mail.db", late->bob.folder);
    struct db *db = mail_db_open(path, &fault);
    assert_true(db_exec(db, "UPDATE identity SET enabled = 1", &fault));
    db_close(&db);
    walks_keys_changed(incoming_walks(agent->incoming));
    rig_idle(&late->bob, 50);
    assert_int_equal(rig_sql(&late->bob, "SELECT count(*) FROM key_walk"), 1);

    agent_reload_keys(agent);
    expect_all_once(late, N_OLD + 1);
}

static void a_database_of_version_1_learns_to_walk(void **state)
{
    char path[] = "/tmp/bittern-walk-XXXXXX";
    static const char subscription[] =
        "INSERT INTO broadcast_subscription (account_id, address, label) VALUES (1, 'BM-%s', '')";
    struct fault fault = {0};
    size_t n_steps;
    char sql[160];
    (void)state;
    close(mkstemp(path));
    struct db *db = db_open(path, &(struct db_options){0}, &fault);
    const struct db_migration *steps = mail_db_steps(&n_steps);
    assert_true(db_migrate(db, steps, 1, &fault));
    (void)snprintf(sql, sizeof(sql), subscription, "old");
    assert_true(db_exec(db, sql, &fault));

    assert_true(db_migrate(db, steps, n_steps, &fault));
    (void)snprintf(sql, sizeof(sql), subscription, "new");
    assert_true(db_exec(db, sql, &fault));
    assert_true(db_exec(db, "UPDATE broadcast_subscription SET enabled = 1", &fault));

    struct db_stmt *stmt = db_prepare(db, "SELECT count(*), max(sender) FROM key_walk", &fault);
    assert_int_equal(db_step(stmt, &fault), DB_ROW);
    assert_int_equal(db_column_i64(stmt, 0), 1);
    assert_string_equal(db_column_text(stmt, 1), "BM-new");
    db_reset(stmt);
    db_close(&db);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_late_key_gets_what_came_before_it_and_no_more_is_walked),
        TEST(a_random_key_needs_no_walk),
        TEST(a_crash_in_the_middle_goes_on_from_there),
        TEST(a_crash_before_the_first_object_forgets_nothing),
        TEST(what_comes_while_the_walk_is_stopped_is_not_lost),
        TEST(a_lost_link_stops_a_walk_and_a_new_one_goes_on),
        TEST(a_new_store_of_the_node_needs_no_walk),
        TEST(more_keys_than_the_link_has_scans_wait_for_their_turn),
        TEST(keys_that_come_together_share_a_walk_also_after_a_crash),
        TEST(a_key_that_is_enabled_again_walks_again),
        TEST(a_key_that_the_keyring_has_not_read_yet_keeps_its_walk),
        cmocka_unit_test(a_database_of_version_1_learns_to_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
