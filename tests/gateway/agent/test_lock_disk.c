// SPDX-License-Identifier: MIT
/* The passphrase itself, and what is on the disk: nothing in clear, whatever somebody else wrote
 * there refused. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/agent/keys/key_lock.h"
#include "gateway/store/store.h"
#include "tests/gateway/agent/lock_steps.h"

/* ---- the passphrase ---- */

static void a_changed_passphrase_opens_and_the_old_one_does_not(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_SIGNING);

    lock_expect_refused(lock_set(alice, NULL, "new"), FAULT_INVALID);
    lock_expect_done(lock_set(alice, lock_secret, "new"));

    assert_true(agent_lock_status(alice->agent).is_locked);
    lock_expect_refused(lock_open(alice, lock_secret), FAULT_DENIED);
    rig_idle(alice, KEY_LOCK_FIRST_WAIT_MS + 50);
    lock_expect_done(lock_open(alice, "new"));
    lock_expect_refused(lock_set(alice, "no", "newer"), FAULT_DENIED);
}

static void without_a_passphrase_all_is_as_it_was_before(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_write_sql(alice, "CREATE TABLE before AS SELECT * FROM identity");
    lock_up(alice, LOCK_ALL);

    lock_expect_done(lock_remove(alice, lock_secret));

    static const char same[] = "SELECT count(*) FROM identity JOIN before USING (id, signing_key,"
                               " encryption_key, address, label, lock_id)"
                               " WHERE identity.public_keys IS NULL";
    assert_int_equal(rig_sql(alice, same), 1);
    assert_int_equal(rig_sql(alice, "SELECT (SELECT count(*) FROM key_lock)"
                                    " + (SELECT count(*) FROM pubkey_ahead)"),
                     0);
    assert_false(agent_lock_status(alice->agent).is_set);
    lock_write_sql(alice, "DROP TABLE before");
    lock_die_and_start(alice);
    pair_send_to_bob(pair);
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
    lock_expect_refused(lock_open(alice, lock_secret), FAULT_NOT_FOUND);
    lock_expect_refused(lock_close(alice), FAULT_NOT_FOUND);
    lock_expect_refused(lock_remove(alice, lock_secret), FAULT_NOT_FOUND);
}

static void wrong_passphrases_have_to_wait_also_after_a_start(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_SIGNING);

    lock_expect_refused(lock_open(alice, "wrong"), FAULT_DENIED);
    struct rig_answer answer = lock_open(alice, lock_secret);
    lock_expect_refused(answer, FAULT_BUSY);
    assert_non_null(strstr(answer.fault.text, "wait 1 seconds"));
    lock_die_and_start(alice);
    lock_expect_refused(lock_open(alice, lock_secret), FAULT_BUSY);
    lock_expect_refused(lock_remove(alice, lock_secret), FAULT_BUSY);
    rig_idle(alice, KEY_LOCK_FIRST_WAIT_MS + 50);
    lock_expect_refused(lock_open(alice, "wrong"), FAULT_DENIED);
    assert_int_equal(rig_sql(alice, "SELECT n_wrong FROM key_lock"), 2);
    assert_in_range(agent_lock_status(alice->agent).wait_sec, 1, 2);
    rig_idle(alice, 2 * KEY_LOCK_FIRST_WAIT_MS + 50);

    lock_expect_done(lock_open(alice, lock_secret));
    assert_int_equal(rig_sql(alice, "SELECT n_wrong FROM key_lock"), 0);
    assert_int_equal(agent_lock_status(alice->agent).wait_sec, 0);
}

static void one_is_tried_at_a_time(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct rig_answer first;
    struct rig_answer second;
    lock_up(alice, LOCK_SIGNING);

    agent_lock_open(alice->agent, lock_secret, rig_done(&first));
    agent_lock_open(alice->agent, lock_secret, rig_done(&second));
    lock_expect_refused(lock_close(alice), FAULT_BUSY);
    rig_wait(alice, &second);
    rig_wait(alice, &first);

    lock_expect_refused(second, FAULT_BUSY);
    lock_expect_done(first);
}

static void a_passphrase_comes_from_an_open_file(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    char path[] = "/tmp/bittern-passphrase-XXXXXX";
    lock_up(alice, LOCK_SIGNING);
    pair_send_to_bob(pair);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, "open sesame\nmore\n", 17), 17);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);

    agent_lock_open_from_take(alice->agent, fd);

    rig_until_state(alice, 1, OUTGOING_DELIVERED);
}

/* ---- a database that somebody else wrote ---- */

static void absurd_costs_in_the_database_are_refused(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    lock_up(alice, LOCK_SIGNING);
    static const char *const absurd[] = {"UPDATE key_lock SET memory_kib = 4294967295",
                                         "UPDATE key_lock SET memory_kib = -1",
                                         "UPDATE key_lock SET memory_kib = 1",
                                         "UPDATE key_lock SET passes = 4294967296",
                                         "UPDATE key_lock SET passes = 0",
                                         "UPDATE key_lock SET salt = x'00'",
                                         "UPDATE key_lock SET wrapped = zeroblob(1000000)"};
    lock_write_sql(alice, "CREATE TABLE good AS SELECT * FROM key_lock");
    for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
        lock_write_sql(alice, absurd[i]);
        lock_expect_refused(lock_open(alice, lock_secret), FAULT_CORRUPT);
        lock_write_sql(alice, "DELETE FROM key_lock; INSERT INTO key_lock SELECT * FROM good");
    }
    lock_expect_done(lock_open(alice, lock_secret));
}

static void a_damaged_or_swapped_key_stays_locked_and_the_others_open(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    char eve[64];
    char dan[64];
    char fay[64];
    rig_identity(alice, "eve", eve);
    rig_identity(alice, "dan", dan);
    rig_identity(alice, "fay", fay);
    lock_up(alice, LOCK_SIGNING);
    lock_write_sql(alice, "UPDATE identity SET signing_key = (SELECT signing_key FROM identity"
                          " WHERE label = 'eve') WHERE label = 'alice';"
                          "UPDATE identity SET signing_key = zeroblob(80) WHERE label = 'eve';"
                          "UPDATE identity SET signing_key = x'01' WHERE label = 'fay'");
    lock_die_and_start(alice);

    lock_expect_done(lock_open(alice, lock_secret));

    assert_int_equal(agent_lock_status(alice->agent).n_locked, 3);
    rig_send(alice, dan, pair->bob_address, "From dan", "Text.");
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
    pair_send_to_bob(pair);
    rig_idle(alice, 200);
    assert_int_equal(rig_state(alice, 2), OUTGOING_QUEUED);
    lock_expect_refused(lock_remove(alice, lock_secret), FAULT_DENIED);
}

/* ---- what opens the keys is lost ---- */

static void expect_lost(struct rig_answer answer)
{
    lock_expect_refused(answer, FAULT_CORRUPT);
    assert_non_null(strstr(answer.fault.text, "bittern restore"));
}

static void a_lost_row_is_told_and_names_the_backup(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct fault fault = {0};
    char eve[64];
    lock_up(alice, LOCK_SIGNING);
    lock_write_sql(alice, "CREATE TABLE good AS SELECT * FROM key_lock; DELETE FROM key_lock");
    lock_die_and_start(alice);

    struct agent_lock_status status = agent_lock_status(alice->agent);
    assert_true(status.is_set && status.is_locked);
    assert_int_equal(status.n_lost, 1);
    expect_lost(lock_set(alice, NULL, "another"));
    expect_lost(lock_set(alice, lock_secret, "another"));
    expect_lost(lock_open(alice, lock_secret));
    expect_lost(lock_remove(alice, lock_secret));
    expect_lost(lock_close(alice));
    assert_false(agent_keys_are_open(alice->agent, &fault));
    assert_non_null(strstr(fault.text, "bittern restore"));

    /* Others can be made, and theirs are in clear; with the row all is as it was. */
    rig_identity(alice, "eve", eve);
    rig_send(alice, eve, pair->bob_address, "From eve", "Text.");
    rig_until_state(alice, 1, OUTGOING_DELIVERED);
    lock_write_sql(alice, "INSERT INTO key_lock SELECT * FROM good");
    lock_die_and_start(alice);
    assert_int_equal(agent_lock_status(alice->agent).n_lost, 0);
    lock_expect_done(lock_open(alice, lock_secret));
    pair_send_to_bob(pair);
    rig_until_state(alice, 2, OUTGOING_DELIVERED);
}

static void beside_a_lost_row_the_others_open(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    char eve[64];
    rig_identity(alice, "eve", eve);
    lock_up(alice, LOCK_SIGNING);
    lock_write_sql(alice, "UPDATE identity SET lock_id = 77 WHERE label = 'alice'");
    lock_die_and_start(alice);

    lock_expect_done(lock_open(alice, lock_secret));

    assert_int_equal(agent_lock_status(alice->agent).n_lost, 1);
    assert_int_equal(agent_lock_status(alice->agent).n_locked, 1);
    expect_lost(lock_remove(alice, lock_secret));
    rig_send(alice, eve, pair->bob_address, "From eve", "Text.");
    rig_until_state(alice, 1, OUTGOING_DELIVERED);

    struct rig_answer answer;
    agent_identity_delete(alice->agent, "alice", rig_done(&answer));
    rig_wait(alice, &answer);
    lock_expect_done(lock_remove(alice, lock_secret));
    assert_false(agent_lock_status(alice->agent).is_set);
}

/* ---- the disk ---- */

struct clear_keys {
    uint8_t items[200][PRIVATE_KEY_BYTES];
    size_t n_items;
};

static void collect(struct clear_keys *out, struct rig *rig, const char *sql)
{
    struct db_stmt *stmt = db_prepare(store_reader(rig->store), sql, NULL);
    assert_non_null(stmt);
    while (db_step(stmt, NULL) == DB_ROW) {
        struct bytes key = db_column_bytes(stmt, 0);
        assert_int_equal(key.len, PRIVATE_KEY_BYTES);
        memcpy(out->items[out->n_items++], key.data, key.len);
    }
}

static bool file_has(const char *path, const uint8_t key[PRIVATE_KEY_BYTES])
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    struct buf content = {0};
    char piece[65536];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_append(&content, piece, n);
    }
    fclose(file);
    bool found =
        content.len > 0 && memmem(content.data, content.len, key, PRIVATE_KEY_BYTES) != NULL;
    buf_clear(&content);
    return found;
}

/* How many of the keys stand in some file of the database, or in a copy that a backup would seal.
 */
static size_t count_on_disk(struct rig *rig, const struct clear_keys *keys)
{
    char paths[4][300];
    static const char *const endings[] = {"", "-wal", "-shm", ".copy"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/mail.db%s", rig->folder, endings[i]);
    }
    struct db *db = db_open(paths[0], &(struct db_options){.read_only = true}, NULL);
    struct db_backup *backup = db_backup_start(db, paths[3], NULL);
    assert_int_equal(db_backup_step(backup, -1, NULL), DB_DONE);
    db_backup_free(&backup);
    db_close(&db);
    size_t n_found = 0;
    for (size_t i = 0; i < keys->n_items; i++) {
        bool found = false;
        for (size_t file = 0; file < ARRAY_LEN(endings); file++) {
            found = found || file_has(paths[file], keys->items[i]);
        }
        n_found += found ? 1 : 0;
    }
    unlink(paths[3]);
    return n_found;
}

/* Rows that came, grew and went, so that pages have been moved about. */
static void make_many(struct rig *rig)
{
    char label[190];
    struct rig_answer answer;
    char address[64];
    for (int i = 0; i < 60; i++) {
        (void)snprintf(label, sizeof(label), "one of many %d", i);
        rig_identity(rig, label, address);
        if (i % 3 == 0) {
            memset(label, 'x', sizeof(label) - 1);
            label[sizeof(label) - 1] = '\0';
            agent_identity_rename(rig->agent, address, label, rig_done(&answer));
            rig_wait(rig, &answer);
        }
        if (i % 7 == 0) {
            agent_identity_delete(rig->agent, address, rig_done(&answer));
            rig_wait(rig, &answer);
        }
    }
}

static void nothing_of_a_sealed_key_is_left_on_the_disk(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    struct clear_keys signing = {.n_items = 0};
    struct clear_keys encryption = {.n_items = 0};
    make_many(alice);
    collect(&signing, alice, "SELECT signing_key FROM identity");
    collect(&encryption, alice, "SELECT encryption_key FROM identity");
    assert_true(signing.n_items > 40);
    assert_int_equal(count_on_disk(alice, &signing), signing.n_items);

    lock_expect_done(lock_set(alice, NULL, lock_secret));
    assert_int_equal(count_on_disk(alice, &signing), 0);
    assert_int_equal(count_on_disk(alice, &encryption), encryption.n_items);

    alice->settings.agent.lock = LOCK_ALL;
    lock_expect_done(lock_open(alice, lock_secret));
    assert_int_equal(count_on_disk(alice, &signing), 0);
    assert_int_equal(count_on_disk(alice, &encryption), 0);

    char eve[64];
    rig_identity(alice, "eve", eve);
    assert_int_equal(count_on_disk(alice, &signing), 0);
}

static void the_table_is_the_same_after_it_was_written_anew(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    static const char *const shape =
        "SELECT count(*) FROM (SELECT type, name, tbl_name, sql FROM sqlite_schema"
        " WHERE tbl_name = 'identity' EXCEPT SELECT type, name, tbl_name, sql FROM shape)";
    char eve[64];
    rig_identity(alice, "eve", eve);
    struct rig_answer answer;
    agent_identity_delete(alice->agent, "eve", rig_done(&answer));
    rig_wait(alice, &answer);
    lock_write_sql(alice,
                   "CREATE TABLE shape AS SELECT type, name, tbl_name, sql FROM sqlite_schema"
                   " WHERE tbl_name = 'identity'");
    int64_t n = rig_sql(alice, "SELECT count(*) FROM shape");

    lock_expect_done(lock_set(alice, NULL, lock_secret));

    assert_int_equal(rig_sql(alice, shape), 0);
    assert_int_equal(
        rig_sql(alice, "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'identity'"), n);
    assert_int_equal(rig_sql(alice, "SELECT count(*) FROM key_walk"), 0);
    lock_write_sql(alice, "DROP TABLE shape");
    rig_identity(alice, "eve", eve);
    assert_int_equal(rig_sql(alice, "SELECT max(id) FROM identity"), 3); /* 2 never comes again */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_changed_passphrase_opens_and_the_old_one_does_not),
        CASE(without_a_passphrase_all_is_as_it_was_before),
        CASE(wrong_passphrases_have_to_wait_also_after_a_start),
        CASE(one_is_tried_at_a_time),
        CASE(a_passphrase_comes_from_an_open_file),
        CASE(absurd_costs_in_the_database_are_refused),
        CASE(a_damaged_or_swapped_key_stays_locked_and_the_others_open),
        CASE(a_lost_row_is_told_and_names_the_backup),
        CASE(beside_a_lost_row_the_others_open),
        CASE(nothing_of_a_sealed_key_is_left_on_the_disk),
        CASE(the_table_is_the_same_after_it_was_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
