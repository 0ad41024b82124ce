// SPDX-License-Identifier: MIT
/* What is kept and for how long: rows that age, a full disk, keys that were worked out once. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/key_search.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/agent/pruning.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"
#include "tests/gateway/agent/pair.h"

/* ---- a job on the writer thread ---- */

struct sql_job {
    const char *sql;   /* NULL: prune ... */
    int64_t prune_sec; /* ... as at that time */
    size_t n;
    bool is_done;
};

static bool run_sql(struct mail_txn *txn, void *context, struct fault *fault)
{
    struct sql_job *job = context;
    return job->sql == NULL ? pruning_run(txn, job->prune_sec, &job->n, fault)
                            : db_exec(mail_txn_db(txn), job->sql, fault);
}

static void sql_done(void *context, const struct fault *fault)
{
    struct sql_job *job = context;
    if (fault != NULL) {
        fail_msg("%s", fault->text);
    }
    job->is_done = true;
}

static bool sql_is_done(struct rig *rig, void *context)
{
    (void)rig;
    return ((struct sql_job *)context)->is_done;
}

static size_t run_job(struct rig *rig, struct sql_job job)
{
    assert_true(store_write(rig->store, run_sql, sql_done, &job, NULL));
    rig_until(rig, sql_is_done, &job, "the writer");
    return job.n;
}

static void write_sql(struct rig *rig, const char *sql)
{
    (void)run_job(rig, (struct sql_job){.sql = sql});
}

static size_t prune(struct rig *rig, int64_t now_sec)
{
    return run_job(rig, (struct sql_job){.prune_sec = now_sec});
}

/* ---- ages ---- */

static void a_mail_that_ended_leaves_the_queue_in_time_its_copy_stays(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    pair_send_to_bob(pair);
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
    rig_unlink(alice);
    pair_send_to_bob(pair); /* never ends */
    int64_t ended_sec = rig_sql(alice, "SELECT since_sec FROM outgoing WHERE id = 1");

    (void)prune(alice, ended_sec + PRUNING_KEEP_QUEUE_SEC);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM outgoing_mail"), 2);
    (void)prune(alice, ended_sec + PRUNING_KEEP_QUEUE_SEC + 1);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM outgoing_mail"), 1);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM outgoing"), 1);
    (void)prune(alice, ended_sec + 50 * (int64_t)PRUNING_KEEP_QUEUE_SEC);

    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM outgoing WHERE id = 2"), 1);
    assert_int_equal(rig_count(alice, "Sent"), 2);
    struct buf mail = {0};
    rig_read(alice, &mail, "Sent", 0);
    assert_non_null(strstr(buf_str(&mail), "Subject: Subject"));
    buf_clear(&mail);
}

static void what_still_waits_for_an_acknowledgement_stays(void **state)
{
    struct pair *pair = *state;
    rig_unlink(&pair->bob);
    pair_send_to_bob(pair);
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);

    (void)prune(&pair->alice, clock_now_sec() + 2 * (int64_t)PRUNING_KEEP_QUEUE_SEC);

    assert_int_equal(rig_sql(&pair->alice, "SELECT count(*) FROM outgoing"), 1);
}

static void marks_and_strangers_keys_age_friends_keys_do_not(void **state)
{
    struct pair *pair = *state;
    struct rig *bob = &pair->bob;
    write_sql(bob, "DELETE FROM seen; DELETE FROM pubkey;"
                   "INSERT INTO seen VALUES (x'01', 0, 1000000), (x'02', 1, 1000001);"
                   "INSERT INTO pubkey VALUES ('BM-a', x'', 1000000, 0), ('BM-b', x'', 1000001, 0),"
                   " ('BM-c', x'', 1000000, 1)");

    assert_int_equal(prune(bob, 1000000 + PRUNING_KEEP_PUBKEY_SEC), 0);
    assert_int_equal(prune(bob, 1000001 + PRUNING_KEEP_PUBKEY_SEC), 1);
    assert_int_equal(prune(bob, 1000001 + SEEN_KEEP_SEC), 2); /* a mark, and the other key */

    assert_int_equal(rig_sql(bob, "SELECT count(*) FROM seen"), 1);
    assert_int_equal(rig_sql(bob, "SELECT count(*) FROM pubkey WHERE address = 'BM-c'"), 1);
    assert_int_equal(rig_sql(bob, "SELECT count(*) FROM pubkey"), 1);
}

static void an_object_is_known_by_its_mail_and_some_time_longer(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    pair_send_to_bob(pair);
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM object_mail WHERE sec > 0"), 1);
    write_sql(alice,
              "UPDATE body SET message_id = (SELECT trim(message_id, '<>') FROM outgoing_mail)"
              " WHERE id = (SELECT email_id FROM outgoing_mail);"
              "INSERT INTO object_mail SELECT x'01', account_id, '<gone@x>', 1000000"
              " FROM object_mail;"
              "INSERT INTO object_mail SELECT x'02', account_id + 1, message_id, 1000000"
              " FROM object_mail WHERE sec != 1000000;"
              "UPDATE object_mail SET sec = 1000000");
    int64_t end_sec = 1000000 + (int64_t)PRUNING_KEEP_THREAD_SEC;

    assert_int_equal(prune(alice, end_sec), 0);
    assert_int_equal(prune(alice, end_sec + 1), 3); /* two are gone, one begins anew */

    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM object_mail"), 1);
    assert_int_equal(rig_sql(alice, "SELECT sec FROM object_mail"), end_sec + 1);
    assert_int_equal(rig_sql(alice, "SELECT length(hash) FROM object_mail"), 32);
}

static void at_most_so_many_rows_go_at_a_time(void **state)
{
    struct pair *pair = *state;
    static const int more[] = {-1, 0, 1};
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        char sql[300];
        (void)snprintf(sql, sizeof(sql),
                       "DELETE FROM seen; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                       " FROM n WHERE i < %d) INSERT INTO seen SELECT randomblob(32), 0, i FROM n",
                       PRUNING_MAX_ROWS + more[i]);
        write_sql(&pair->bob, sql);

        size_t n = prune(&pair->bob, PRUNING_MAX_ROWS + 10 + SEEN_KEEP_SEC);

        assert_int_equal(n, PRUNING_MAX_ROWS + (more[i] < 0 ? more[i] : 0));
    }
    assert_int_equal(rig_sql(&pair->bob, "SELECT sec FROM seen"),
                     PRUNING_MAX_ROWS + 1); /* the newest */
}

static void a_clock_that_was_set_is_not_believed_at_once(void **state)
{
    (void)state;
    assert_true(pruning_is_steady(3600, 3600));
    assert_true(pruning_is_steady(3600 + PRUNING_STEP_SEC, 3600));
    assert_false(pruning_is_steady(3601 + PRUNING_STEP_SEC, 3600));
    assert_true(pruning_is_steady(3600 - PRUNING_STEP_SEC, 3600));
    assert_false(pruning_is_steady(3599 - PRUNING_STEP_SEC, 3600));
    assert_false(pruning_is_steady(INT64_C(75) * 365 * 86400, 3600));
}

/* ---- a full disk ---- */

static void a_full_disk_refuses_for_now_and_takes_mail_again_when_there_is_room(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct fault fault = {0};
    char *text = xcalloc(60001, 1);
    memset(text, 'x', 60000);
    for (size_t i = 70; i < 60000; i += 71) {
        text[i] = '\n';
    }
    pair_send_to_bob(pair);
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
    rig_idle(alice, 100);
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
                   (long long)rig_sql(alice, "PRAGMA page_count"));
    write_sql(alice, sql);

    assert_false(
        rig_try_send(alice, pair->alice_address, pair->bob_address, "", "Big", text, &fault));
    assert_int_equal(fault.code, FAULT_NO_SPACE);
    assert_int_equal(rig_count(alice, "Sent"), 1);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM outgoing_mail"), 1);
    write_sql(alice, "PRAGMA max_page_count = 1000000");

    assert_true(
        rig_try_send(alice, pair->alice_address, pair->bob_address, "", "Big", text, &fault));
    rig_until_state(alice, 2, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 2);
    free(text);
}

static void a_full_disk_of_the_receiver_delays_and_loses_nothing(void **state)
{
    struct pair *pair = *state;
    struct rig *bob = &pair->bob;
    char sql[80];
    rig_idle(bob, 100);
    (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
                   (long long)rig_sql(bob, "PRAGMA page_count"));
    write_sql(bob, sql);

    for (int i = 0; i < 20; i++) {
        pair_send_to_bob(pair);
    }
    rig_until_state(&pair->alice, 20, OUTGOING_SENT);
    rig_idle(bob, 500);
    assert_true(rig_count(bob, "INBOX") < 20);
    write_sql(bob, "PRAGMA max_page_count = 1000000");

    rig_until_count(bob, "INBOX", 20);
    rig_until_state(&pair->alice, 20, OUTGOING_DELIVERED);
}

/* ---- many keys ---- */

static void a_reload_works_no_key_out_again(void **state)
{
    struct pair *pair = *state;
    struct db *db = store_reader(pair->bob.store);
    struct keyring keyring = {0};
    enum { N_KEYS = 400 };
    struct identity_keys keys;
    struct buf sql = {0};
    for (int i = 0; i < N_KEYS; i++) {
        char text[ADDRESS_TEXT_BYTES];
        char signing[2 * PRIVATE_KEY_BYTES + 1];
        char encryption[2 * PRIVATE_KEY_BYTES + 1];
        key_search_now_random(&keys, 0);
        struct address address =
            address_of_keys(4, 1, &keys.signing_public, &keys.encryption_public);
        address_encode(text, &address);
        hex_encode(signing, (struct bytes){keys.signing.scalar, PRIVATE_KEY_BYTES});
        hex_encode(encryption, (struct bytes){keys.encryption.scalar, PRIVATE_KEY_BYTES});
        buf_printf(&sql,
                   "INSERT INTO identity (account_id, kind, address, label, signing_key,"
                   " encryption_key, behaviour, trials_per_byte, extra_bytes, created_sec)"
                   " VALUES (1, 0, '%s', '', x'%s', x'%s', 0, 0, 0, 0);",
                   text, signing, encryption);
    }
    write_sql(&pair->bob, buf_str(&sql));
    buf_clear(&sql);

    int64_t began_ms = clock_mono_ms();
    assert_true(keyring_load(&keyring, db, NULL, NULL, NULL));
    int64_t first_ms = clock_mono_ms() - began_ms;
    began_ms = clock_mono_ms();
    assert_true(keyring_load(&keyring, db, NULL, NULL, NULL));
    int64_t again_ms = clock_mono_ms() - began_ms;
    print_message("%d keys: %lld ms, again %lld ms\n", N_KEYS + 1, (long long)first_ms,
                  (long long)again_ms);

    assert_true(keyring.n_own > N_KEYS);
    assert_true(again_ms * 2 < first_ms);
    for (size_t i = 0; i < keyring.n_own; i++) {
        assert_ptr_equal(keyring_by_id(&keyring, keyring.own[i].id), &keyring.own[i]);
        assert_memory_equal(keyring.own[i].keys.ripe, keyring.own[i].address.ripe, RIPE_BYTES);
    }
    assert_null(keyring_by_id(&keyring, 0));
    assert_null(keyring_by_id(&keyring, 1000000));
    keyring_clear(&keyring);
}

/* ---- lifetimes ---- */

static int64_t lifetime_of_newest(struct rig *rig)
{
    return rig_sql(rig, "SELECT CASE o.ttl_sec WHEN 0 THEN m.ttl_sec ELSE o.ttl_sec END"
                        " FROM outgoing o JOIN outgoing_mail m ON m.id = o.mail_id"
                        " ORDER BY o.id DESC LIMIT 1");
}

static void a_lifetime_is_the_addresss_the_mails_the_contacts_the_settings(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer answer;
    struct fault fault = {0};
    char *long_lived = xasprintf("%s+ttl=5d", pair->bob_address);

    pair_send_to_bob(pair);
    assert_int_equal(lifetime_of_newest(alice), alice->settings.agent.ttl_sec);
    agent_contact_ttl(alice->agent, NULL, pair->bob_address, "2d", rig_done(&answer));
    rig_wait(alice, &answer);
    assert_true(answer.failed); /* no contact yet */
    agent_contact_add(alice->agent, NULL, pair->bob_address, "Bob", rig_done(&answer));
    rig_wait(alice, &answer);
    agent_contact_ttl(alice->agent, NULL, "Bob", "2d", rig_done(&answer));
    rig_wait(alice, &answer);
    assert_false(answer.failed);
    pair_send_to_bob(pair);
    assert_int_equal(lifetime_of_newest(alice), 2 * 86400);
    assert_true(rig_try_send(alice, pair->alice_address, long_lived, "", "S", "T", &fault));
    assert_int_equal(lifetime_of_newest(alice), 5 * 86400);
    agent_contact_ttl(alice->agent, NULL, "Bob", "default", rig_done(&answer));
    rig_wait(alice, &answer);
    pair_send_to_bob(pair);
    assert_int_equal(lifetime_of_newest(alice), alice->settings.agent.ttl_sec);
    agent_contact_ttl(alice->agent, NULL, "Bob", "forever", rig_done(&answer));
    rig_wait(alice, &answer);
    assert_true(answer.failed);
    free(long_lived);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
        TEST(a_mail_that_ended_leaves_the_queue_in_time_its_copy_stays),
        TEST(what_still_waits_for_an_acknowledgement_stays),
        TEST(marks_and_strangers_keys_age_friends_keys_do_not),
        TEST(an_object_is_known_by_its_mail_and_some_time_longer),
        TEST(at_most_so_many_rows_go_at_a_time),
        cmocka_unit_test(a_clock_that_was_set_is_not_believed_at_once),
        TEST(a_full_disk_refuses_for_now_and_takes_mail_again_when_there_is_room),
        TEST(a_full_disk_of_the_receiver_delays_and_loses_nothing),
        TEST(a_reload_works_no_key_out_again),
        TEST(a_lifetime_is_the_addresss_the_mails_the_contacts_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
