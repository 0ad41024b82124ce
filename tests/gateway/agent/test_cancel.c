// SPDX-License-Identifier: MIT
/* Taking a mail back, by the queue or out of Outbox: either it never leaves, or it had left, and
 * says so. Each moment of its way is a row. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/loop.h"
#include "gateway/store/mail_db.h"
#include "tests/gateway/agent/pair.h"

enum { HARD_WORK = 1000000000 };

/* ---- the moments ---- */

static void until_queued(struct pair *pair)
{
    pair_lose_pubkeys(pair);
    pair_send_to_bob(pair);
}

static void until_awaiting_key(struct pair *pair)
{
    pair_lose_pubkeys(pair);
    rig_link(&pair->alice);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_AWAITING_KEY);
}

static void until_working(struct pair *pair)
{
    pair->alice.settings.network.least_trials_per_byte = HARD_WORK;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, pair_is_working_hard, NULL, "proof of work");
}

static void until_held(struct pair *pair)
{
    pair->alice.settings.agent.max_extra_bytes = 0;
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_HELD);
}

static bool is_finished(struct rig *rig, void *context)
{
    (void)context;
    return rig_sql(rig, "SELECT count(*) FROM object_job WHERE kind = 0 AND step = 1") == 1;
}

/* The key is here, the node is away. */
static void until_finished(struct pair *pair)
{
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    rig_unlink(&pair->alice);
    rig_idle(&pair->alice, 50);
    pair_send_to_bob(pair);
    rig_until(&pair->alice, is_finished, NULL, "a finished object");
}

static void until_leaving(struct pair *pair)
{
    pair->network.deaf = true;
    pair->network.n_published = 0;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, pair_was_handed_over, NULL, "an object at the node");
}

static void until_sent(struct pair *pair)
{
    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);
}

static void until_going_again(struct pair *pair)
{
    pair->alice.settings.agent.resend_after_sec = 600;
    until_sent(pair);
    pair->alice.settings.network.least_trials_per_byte = HARD_WORK;
    clock_set_offset(610);
    rig_until_state(&pair->alice, 1, OUTGOING_WORKING);
    rig_until(&pair->alice, pair_is_working_hard, NULL, "proof of work");
}

/* ---- the ways ---- */

static void by_queue(struct pair *pair, int64_t id)
{
    struct rig_answer answer;
    agent_queue_cancel(pair->alice.agent, id, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
}

static void by_deletion(struct pair *pair, int64_t id)
{
    (void)id;
    rig_take_out(&pair->alice, "Outbox", NULL);
}

static void by_move(struct pair *pair, int64_t id)
{
    (void)id;
    rig_take_out(&pair->alice, "Outbox", "Trash");
}

static const struct row {
    void (*until)(struct pair *pair);
    int64_t id;
    size_t n_before; /* mails that arrived before */
    enum outgoing_state becomes;
    bool arrives;
} rows[] = {
    {until_queued, 1, 0, OUTGOING_CANCELLED, false},
    {until_awaiting_key, 1, 0, OUTGOING_CANCELLED, false},
    {until_working, 1, 0, OUTGOING_CANCELLED, false},
    {until_held, 1, 0, OUTGOING_CANCELLED, false},
    {until_finished, 2, 1, OUTGOING_CANCELLED, false},
    {until_leaving, 1, 0, OUTGOING_WORKING, true},
    {until_sent, 1, 0, OUTGOING_SENT, true},
    {until_going_again, 1, 0, OUTGOING_SENT, true},
};

/* The difficulty is light again, the node hears, everybody is there. */
static void go_on(struct pair *pair)
{
    pair->network.deaf = false;
    rig_unlink(&pair->alice);
    rig_unlink(&pair->bob);
    rig_link(&pair->alice);
    rig_link(&pair->bob);
}

static void check_row(struct pair *pair, const struct row *row,
                      void (*take_back)(struct pair *pair, int64_t id), bool crashes)
{
    row->until(pair);
    take_back(pair, row->id);
    assert_int_equal(rig_state(&pair->alice, row->id), row->becomes);
    if (crashes) {
        pair_crash_alice(pair);
    }
    go_on(pair);
    if (row->arrives) {
        rig_until_state(&pair->alice, row->id, OUTGOING_DELIVERED);
    } else {
        rig_idle(&pair->bob, 300);
        assert_int_equal(rig_state(&pair->alice, row->id), OUTGOING_CANCELLED);
        assert_int_equal(
            rig_sql(&pair->alice, "SELECT count(*) FROM object_job WHERE step IN (0, 1, 4)"), 0);
    }
    assert_int_equal(rig_count(&pair->bob, "INBOX"), row->n_before + (row->arrives ? 1 : 0));
    assert_int_equal(rig_count(&pair->alice, "Outbox"), 0);
    assert_int_equal(rig_count(&pair->alice, "Sent"), (size_t)row->id);
}

static void check_all(void (*take_back)(struct pair *pair, int64_t id), bool crashes)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        void *pair = NULL;
        print_message("row %zu\n", i);
        (void)pair_set_up(&pair);
        check_row(pair, &rows[i], take_back, crashes);
        (void)pair_tear_down(&pair);
    }
}

static void at_each_moment_the_queue_takes_back_what_has_not_left(void **state)
{
    (void)state;
    check_all(by_queue, false);
}

static void at_each_moment_a_deletion_from_outbox_does(void **state)
{
    (void)state;
    check_all(by_deletion, false);
}

static void at_each_moment_a_move_to_trash_does_also_when_a_crash_follows(void **state)
{
    (void)state;
    check_all(by_move, true);
}

static void a_crash_at_the_node_leaves_nothing_to_take_back(void **state)
{
    struct pair *pair = *state;
    until_leaving(pair);
    rig_unlink(&pair->alice);

    pair_crash_alice(pair);
    rig_unlink(&pair->alice);
    pair_cancel(pair, 1, false);
    go_on(pair);

    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 1);
}

static void work_stops_at_once(void **state)
{
    struct pair *pair = *state;
    struct agent_status status;
    until_working(pair);

    pair_cancel(pair, 1, true);
    rig_idle(&pair->alice, 50);

    agent_status(pair->alice.agent, &status);
    assert_int_equal(status.pow.n_jobs, 0);
    assert_int_equal(rig_sql(&pair->alice, "SELECT count(*) FROM object_job WHERE step = 0"), 0);
}

/* At no moment in particular: cancelled and sent exclude each other. */
static void whoever_comes_first_wins(void **state)
{
    struct pair *pair = *state;
    enum { N_ROUNDS = 24 };
    size_t n_arrived = 0;
    for (int64_t id = 1; id <= N_ROUNDS; id++) {
        pair_send_to_bob(pair);
        int64_t end_ms = clock_mono_ms() + id;
        while (clock_mono_ms() < end_ms) {
            loop_turn(pair->alice.loop, 1);
        }
        by_move(pair, id);
        rig_idle(&pair->alice, 20);
        bool gone = rig_state(&pair->alice, id) == OUTGOING_CANCELLED;
        if (!gone) {
            rig_until_state(&pair->alice, id, OUTGOING_DELIVERED);
            n_arrived++;
        }
        rig_idle(&pair->bob, 30);
        assert_int_equal(rig_count(&pair->bob, "INBOX"), n_arrived);
    }
    print_message("%zu of %d left\n", n_arrived, (int)N_ROUNDS);
}

static void a_database_of_version_2_learns_what_had_left(void **state)
{
    char path[] = "/tmp/bittern-left-XXXXXX";
    struct fault fault = {0};
    size_t n_steps;
    (void)state;
    close(mkstemp(path));
    struct db *db = db_open(path, &(struct db_options){0}, &fault);
    const struct db_migration *steps = mail_db_steps(&n_steps);
    assert_true(db_migrate(db, steps, 2, &fault));
    assert_true(
        db_exec(db,
                "INSERT INTO outgoing_mail (id, account_id, sender, message_id, subject,"
                " content_plain, needs_extended, ttl_sec, accepted_sec)"
                " VALUES (1, 1, '', '', '', '', 0, 1, 1);"
                "INSERT INTO outgoing (mail_id, recipient, kind, state, ackdata, tries,"
                " since_sec) VALUES (1, '', 0, 0, '', 0, 7), (1, '', 0, 2, '', 0, 7),"
                " (1, '', 0, 2, '', 2, 7), (1, '', 0, 4, '', 1, 7), (1, '', 0, 5, '', 0, 7)",
                &fault));

    assert_true(db_migrate(db, steps, n_steps, &fault));

    struct db_stmt *stmt =
        db_prepare(db, "SELECT group_concat(n_sent || ':' || left_sec, ' ') FROM outgoing", &fault);
    assert_int_equal(db_step(stmt, &fault), DB_ROW);
    assert_string_equal(db_column_text(stmt, 0), "0:0 0:0 2:7 1:7 1:7");
    db_reset(stmt);
    db_close(&db);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
        cmocka_unit_test(at_each_moment_the_queue_takes_back_what_has_not_left),
        cmocka_unit_test(at_each_moment_a_deletion_from_outbox_does),
        cmocka_unit_test(at_each_moment_a_move_to_trash_does_also_when_a_crash_follows),
        TEST(a_crash_at_the_node_leaves_nothing_to_take_back),
        TEST(work_stops_at_once),
        TEST(whoever_comes_first_wins),
        cmocka_unit_test(a_database_of_version_2_learns_what_had_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
