// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "crypto/hash.h"
#include "base/mem.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_check.h"
#include "tests/gateway/store/fixture.h"

enum { N_FUTURE_STEPS = 10, N_DAMAGES = 400 };

static void all_sections_make_their_tables(void **state)
{
    struct fixture *fixture = *state;

    static const char *const tables[] = {"account", "message", "body", "outgoing", "identity"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char sql[128];
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM sqlite_schema WHERE name = '%s'",
                 tables[i]);
        assert_int_equal(fixture_number(fixture, sql), 1);
    }
    size_t n_steps;
    assert_non_null(mail_db_steps(&n_steps));
    assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), n_steps);
}

static void set_version_of_today(struct db *db)
{
    size_t n_steps;
    char sql[64];
    assert_non_null(mail_db_steps(&n_steps));
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", n_steps);
    assert_true(db_exec(db, sql, NULL));
}

/* A database of today goes through ten versions of tomorrow, one at a time. */
static void ten_migrations_keep_uids_and_uidvalidity(void **state)
{
    struct fixture *fixture = *state;
    static const char mail[] = "Subject: x\r\n\r\nbody\r\n";
    for (int i = 0; i < 5; i++) {
        fixture_append(fixture, "INBOX", mail, i == 1 ? MAILBOX_FLAG_DELETED : 0, "tag");
    }
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    assert_true(fixture_expunge(fixture, inbox));
    uint32_t uid_validity = fixture->ops->uid_validity(inbox);
    struct mailbox_message before = *fixture_message(fixture, inbox, 5);
    fixture->ops->close(&inbox);
    fixture_message(fixture, NULL, 0);

    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    struct db_migration all[64];
    char sql[N_FUTURE_STEPS][256];
    memcpy(all, steps, n_steps * sizeof(*steps));
    for (size_t i = 0; i < N_FUTURE_STEPS; i++) {
        snprintf(sql[i], sizeof(sql[i]),
                 "ALTER TABLE message ADD COLUMN extra%zu INTEGER NOT NULL DEFAULT %zu;"
                 "CREATE TABLE later%zu (id INTEGER PRIMARY KEY);"
                 "ALTER TABLE mailbox ADD COLUMN note%zu TEXT",
                 i, i, i, i);
        all[n_steps + i] = (struct db_migration){.sql = sql[i]};
    }
    fixture_stop(fixture);
    for (size_t n = n_steps + 1; n <= n_steps + N_FUTURE_STEPS; n++) {
        struct db *db = db_open(fixture->path, &(struct db_options){0}, &fixture->fault);
        assert_true(db_migrate(db, all, n, &fixture->fault));
        assert_int_equal(db_version(db, NULL), n);
        assert_true(store_check(db, &fixture->fault));
        db_close(&db);
    }

    /* Looked at by today's program: its own tables are as they were. */
    struct db *db = db_open(fixture->path, &(struct db_options){0}, &fixture->fault);
    set_version_of_today(db);
    db_close(&db);
    fixture_start(fixture);
    inbox = fixture_open(fixture, "INBOX", NULL);
    assert_int_equal(fixture->ops->uid_validity(inbox), uid_validity);
    const struct mailbox_message *after = fixture_message(fixture, inbox, 5);
    assert_int_equal(after->modseq, before.modseq);
    assert_int_equal(after->email_id, before.email_id);
    assert_null(fixture_message(fixture, inbox, 2));
    assert_true(fixture_has_keyword(fixture, inbox, 5, "tag"));
    assert_int_equal(fixture_append(fixture, "INBOX", mail, 0, NULL), 6);
    fixture->ops->close(&inbox);
}

/* Identities, chans, subscriptions and accounts of version 1 come through, with nothing switched on
 * that is new. */
static void people_of_version_1_come_through(void **state)
{
    struct fixture *fixture = *state;
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    char *path = xasprintf("%s.old", fixture->path);
    struct db *db = db_open(path, &(struct db_options){0}, &fixture->fault);
    assert_true(db_migrate(db, steps, 1, &fixture->fault));
    assert_true(db_exec(db,
                        "INSERT INTO identity (account_id, kind, address, label, signing_key,"
                        " encryption_key, behaviour, trials_per_byte, extra_bytes, created_sec)"
                        " VALUES (1, 0, 'BM-a', 'me', x'00', x'00', 0, 1000, 1000, 5);"
                        "INSERT INTO broadcast_subscription (account_id, address, label)"
                        " VALUES (1, 'BM-b', 'news')",
                        &fixture->fault));
    assert_true(db_migrate(db, steps, n_steps, &fixture->fault));
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT (SELECT label || list_name FROM identity),"
                   " (SELECT muted FROM broadcast_subscription WHERE enabled = 1),"
                   " (SELECT count(*) FROM list_post) + (SELECT count(*) FROM chan_rule) +"
                   " (SELECT count(*) FROM account_policy)",
                   &fixture->fault);
    assert_non_null(stmt);
    assert_int_equal(db_step(stmt, NULL), DB_ROW);
    assert_string_equal(db_column_text(stmt, 0), "me");
    assert_false(db_column_is_null(stmt, 1));
    assert_int_equal(db_column_i64(stmt, 1), 0);
    assert_int_equal(db_column_i64(stmt, 2), 0);
    db_reset(stmt);
    db_close(&db);
    (void)unlink(path);
    free(path);
}

static void expect_number(struct db *db, const char *sql, int64_t expected)
{
    struct fault fault = {0};
    struct db_stmt *stmt = db_prepare(db, sql, &fault);
    if (!stmt || db_step(stmt, &fault) != DB_ROW || db_column_i64(stmt, 0) != expected) {
        fail_msg("%s is not %lld %s", sql, (long long)expected, fault.text);
    }
    db_reset(stmt);
}

/* Keys that stood in clear stay so: nothing is under a passphrase that nobody set. */
static void keys_of_older_versions_come_through_in_clear(void **state)
{
    enum { BEFORE_LOCKS = 9 };
    struct fixture *fixture = *state;
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    char *path = xasprintf("%s.old", fixture->path);
    for (size_t version = 1; version <= BEFORE_LOCKS; version += BEFORE_LOCKS - 1) {
        struct db *db = db_open(path, &(struct db_options){0}, &fixture->fault);
        assert_true(db_migrate(db, steps, version, &fixture->fault));
        assert_true(db_exec(db,
                            "INSERT INTO identity (account_id, kind, address, label, signing_key,"
                            " encryption_key, behaviour, trials_per_byte, extra_bytes, created_sec)"
                            " VALUES (1, 0, 'BM-a', 'me', x'0102', x'0304', 0, 1000, 1000, 5)",
                            &fixture->fault));
        assert_true(db_migrate(db, steps, n_steps, &fixture->fault));
        expect_number(db,
                      "SELECT count(*) FROM identity WHERE signing_key = x'0102' AND"
                      " encryption_key = x'0304' AND lock_id = 0 AND public_keys IS NULL",
                      1);
        expect_number(db,
                      "SELECT (SELECT count(*) FROM key_lock) + (SELECT count(*) FROM"
                      " pubkey_ahead) + (SELECT count(*) FROM kept_object)",
                      0);
        db_close(&db);
        (void)unlink(path);
    }
    free(path);
}

/* What carried a mail counts from today on, and is not dropped as if it were of 1970. */
static void objects_of_mails_are_dated(void **state)
{
    struct fixture *fixture = *state;
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    char *path = xasprintf("%s.old", fixture->path);
    struct db *db = db_open(path, &(struct db_options){0}, &fixture->fault);
    assert_true(db_migrate(db, steps, 1, &fixture->fault));
    assert_true(db_exec(db, "INSERT INTO object_mail VALUES (x'01', 1, '<a@b>')", NULL));
    int64_t before_sec = clock_now_sec();

    assert_true(db_migrate(db, steps, n_steps, &fixture->fault));

    struct db_stmt *stmt = db_prepare(db, "SELECT sec FROM object_mail", &fixture->fault);
    assert_non_null(stmt);
    assert_int_equal(db_step(stmt, NULL), DB_ROW);
    assert_in_range(db_column_i64(stmt, 0), before_sec, clock_now_sec());
    db_reset(stmt);
    db_close(&db);
    (void)unlink(path);
    free(path);
}

/* What programs know a recipient's row by: its acknowledgement's data, and the object that left;
 * where there is none, something that no other row has. */
static void rows_of_the_queue_get_tickets(void **state)
{
    struct fixture *fixture = *state;
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    char *path = xasprintf("%s.old", fixture->path);
    struct db *db = db_open(path, &(struct db_options){0}, &fixture->fault);
    assert_true(db_migrate(db, steps, 1, &fixture->fault));
    assert_true(
        db_exec(db,
                "INSERT INTO outgoing_mail (id, account_id, sender, message_id, subject,"
                " content_plain, needs_extended, ttl_sec, accepted_sec)"
                " VALUES (1, 1, 'BM-me', 'm', 's', x'00', 0, 9, 9);"
                "INSERT INTO outgoing (id, mail_id, recipient, kind, state, ackdata, since_sec)"
                " VALUES (1, 1, 'BM-a', 0, 4, x'aabb', 9), (2, 1, 'BM-b', 2, 4, x'', 9),"
                " (3, 1, 'BM-c', 2, 0, x'', 9);"
                "INSERT INTO object_job (kind, step, outgoing_id, object, hash,"
                " trials_per_byte, extra_bytes, ttl_sec, expires_sec)"
                " VALUES (0, 2, 1, x'00', x'0102', 1, 1, 9, 9), (4, 0, 1, x'00', x'0909', 1,"
                " 1, 9, 9)",
                &fixture->fault));
    assert_true(db_migrate(db, steps, n_steps, &fixture->fault));
    expect_number(db,
                  "SELECT count(*) FROM outgoing WHERE id = 1 AND ticket = x'aabb'"
                  " AND program_id = x'0102'",
                  1);
    expect_number(db, "SELECT count(DISTINCT ticket) FROM outgoing WHERE length(ticket) = 38", 2);
    expect_number(db,
                  "SELECT count(DISTINCT program_id) FROM outgoing"
                  " WHERE length(program_id) = 16",
                  2);
    /* the index by what tickets took over is gone */
    expect_number(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'outgoing_by_%'", 5);
    expect_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'outgoing_by_ackdata'", 0);
    db_close(&db);
    (void)unlink(path);
    free(path);
}

/* What version 1 kept of two accounts' mail, as that program wrote it. */
static const char mail_of_version_1[] =
    "INSERT INTO account (id, name, created_sec, used_bytes, used_messages)"
    " VALUES (1, 'alice', 1, 20, 2), (2, 'bob', 1, 0, 0);"
    "UPDATE counter SET value = 1700000003 WHERE name = 'uid_validity';"
    "INSERT INTO mailbox (id, account_id, name, kind, special_use, uid_validity, uid_next,"
    " modseq_highest, first_recent_uid, n_messages, n_unseen, n_deleted, size_bytes) VALUES"
    " (1, 1, 'INBOX', 1, 0, 1700000001, 8, 9, 8, 2, 1, 0, 20),"
    " (2, 2, 'INBOX', 1, 0, 1700000002, 1, 1, 1, 0, 0, 0, 0);"
    "INSERT INTO keyword VALUES (1, 0, 'tag');"
    "INSERT INTO expunged VALUES (1, 5, 1, 3), (1, 8, 5, 6);"
    "INSERT INTO body (id, account_id, size, header_len, digest, thread_id, message_id, preview,"
    " info) VALUES (1, 1, 10, 10, x'%s', 1, NULL, '', x''), (2, 1, 10, 10, x'%s', 2, 'a@b', '', "
    "x'');"
    "INSERT INTO body_piece VALUES (1024, 'mail one\r\n'), (2048, 'mail two\r\n');"
    "INSERT INTO body_text (body_id, header_text, body_text) VALUES (1, 'subject:one\n', 'one'),"
    " (2, 'subject:two\n', 'two');"
    "INSERT INTO message VALUES (1, 4, 1, 8, 1, 9, 10, 100, 60, 200, 0, 300, 0),"
    " (1, 7, 2, 0, 0, 7, 10, 100, 60, 200, 0, 300, 1)";

static void digest_of(char *out, const char *text)
{
    uint8_t digest[SHA256_BYTES];
    hash_sha256(digest, bytes_of_str(text));
    for (size_t i = 0; i < sizeof(digest); i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}

/* Mail of version 1, brought by the programs in between to each later version in turn, is opened by
 * today's: UIDs, UIDVALIDITY, flags, modification sequences and every byte are as they were. */
static void mail_of_every_older_version_comes_through(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    char one[2 * SHA256_BYTES + 1];
    char two[2 * SHA256_BYTES + 1];
    char sql[4096];
    digest_of(one, "mail one\r\n");
    digest_of(two, "mail two\r\n");
    snprintf(sql, sizeof(sql), mail_of_version_1, one, two);
    for (size_t version = 1; version <= n_steps; version++) {
        unlink(fixture->path);
        struct db *db = db_open(fixture->path, &(struct db_options){0}, &fixture->fault);
        assert_true(db_migrate(db, steps, 1, &fixture->fault));
        if (!db_exec(db, sql, &fixture->fault)) {
            fail_msg("%s", fixture->fault.text);
        }
        assert_true(db_migrate(db, steps, version, &fixture->fault));
        db_close(&db);

        db = mail_db_open(fixture->path, &fixture->fault);
        if (!db || !store_check(db, &fixture->fault)) {
            fail_msg("from version %zu: %s", version, fixture->fault.text);
        }
        assert_int_equal(db_version(db, NULL), n_steps);
        expect_number(db, "SELECT uid_validity FROM mailbox WHERE id = 1", 1700000001);
        expect_number(db, "SELECT uid_next FROM mailbox WHERE id = 1", 8);
        expect_number(db, "SELECT value FROM counter WHERE name = 'uid_validity'", 1700000003);
        expect_number(db,
                      "SELECT count(*) FROM message WHERE uid = 4 AND flags = 8 AND"
                      " keywords = 1 AND modseq = 9 AND body_id = 1",
                      1);
        expect_number(db,
                      "SELECT count(*) FROM message WHERE uid = 7 AND flags = 0 AND"
                      " modseq = 7 AND body_id = 2",
                      1);
        expect_number(db, "SELECT sum(last_uid - first_uid + 1) FROM expunged", 5);
        expect_number(db,
                      "SELECT count(*) FROM body_header WHERE header_text ="
                      " 'subject:two' || char(10) AND body_id = 2",
                      1);
        expect_number(db, "SELECT count(*) FROM body_text WHERE body_text IN ('one', 'two')", 2);
        db_close(&db);
    }
    unlink(fixture->path);
    fixture->account_id = 0;
    fixture_start(fixture);
}

/* A byte turned anywhere in the file, a file cut anywhere: it opens, or says why it does not, and
 * what it says is never that all is well with a database that is not. */
static void flipped_and_cut_databases_start_or_explain(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        fixture_append(fixture, "INBOX", "Subject: x\r\n\r\nbody\r\n", 0, "tag");
    }
    fixture_stop(fixture);
    struct db *db = mail_db_open(fixture->path, NULL);
    db_checkpoint(db);
    db_close(&db);
    char copy[4096];
    snprintf(copy, sizeof(copy), "%s.copy", fixture->path);
    FILE *file = fopen(fixture->path, "rb");
    static uint8_t whole[4 * 1024 * 1024];
    size_t size = fread(whole, 1, sizeof(whole), file);
    fclose(file);
    unsigned n_opened = 0;
    unsigned n_found = 0;
    for (size_t i = 0; i < N_DAMAGES; i++) {
        size_t at = size / N_DAMAGES * i + i * 31 % 97;
        bool cuts = i % 3 == 2;
        file = fopen(copy, "wb");
        whole[at] ^= 0x40;
        assert_int_equal(fwrite(whole, 1, cuts ? at : size, file), cuts ? at : size);
        whole[at] ^= 0x40;
        fclose(file);
        struct fault fault = {0};
        db = mail_db_open(copy, &fault);
        if (db) {
            n_opened++;
            bool is_clean = db_quick_check(db, &fault) && store_check(db, &fault);
            assert_true(is_clean || fault.text[0] != '\0');
            n_found += !is_clean;
            db_close(&db);
        } else {
            assert_true(fault.code == FAULT_CORRUPT || fault.code == FAULT_UNSUPPORTED);
            assert_true(fault.text[0] != '\0');
        }
    }
    assert_true(n_opened > 20);
    assert_true(n_found > 0);
    unlink(copy);
    fixture_start(fixture);
}

static void a_step_that_fails_leaves_the_older_version(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", "x\r\n\r\n", 0, NULL);
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    struct db_migration all[64];
    memcpy(all, steps, n_steps * sizeof(*steps));
    all[n_steps] =
        (struct db_migration){.sql = "DELETE FROM message; INSERT INTO nowhere VALUES (1)"};
    fixture_stop(fixture);

    struct db *db = db_open(fixture->path, &(struct db_options){0}, &fixture->fault);
    assert_false(db_migrate(db, all, n_steps + 1, &fixture->fault));
    assert_int_equal(db_version(db, NULL), n_steps);
    db_close(&db);

    fixture_start(fixture);
    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, 1);
    fixture_check(fixture);
}

static void a_newer_programs_database_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    struct db *db = db_open(fixture->path, &(struct db_options){0}, &fixture->fault);
    assert_true(db_exec(db, "PRAGMA user_version = 1000", NULL));
    db_close(&db);

    assert_null(mail_db_open(fixture->path, &fixture->fault));
    assert_int_equal(fixture->fault.code, FAULT_UNSUPPORTED);

    db = db_open(fixture->path, &(struct db_options){0}, &fixture->fault);
    set_version_of_today(db);
    db_close(&db);
    fixture_start(fixture);
}

static void write_at(const char *path, long offset, const char *text)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    fputs(text, file);
    fclose(file);
}

static void a_broken_database_is_a_clear_stop(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    write_at(fixture->path, 0, "This is not a database at all.");

    assert_null(mail_db_open(fixture->path, &fixture->fault));
    assert_int_equal(fixture->fault.code, FAULT_CORRUPT);
    assert_int_equal(access(fixture->path, F_OK), 0);

    unlink(fixture->path);
    fixture->account_id = 0;
    fixture_start(fixture);
}

static void the_check_finds_what_does_not_hold(void **state)
{
    struct fixture *fixture = *state;
    static const char *const damages[] = {
        "UPDATE mailbox SET n_messages = n_messages + 1",
        "UPDATE account SET used_bytes = used_bytes + 1",
        "UPDATE mailbox SET uid_next = 1",
        "UPDATE message SET modseq = 1000000",
        "UPDATE message SET body_id = 77",
        "DELETE FROM body_text",
        "DELETE FROM body_header",
        "DELETE FROM body_piece",
        "UPDATE body_piece SET content = 'y' || substr(content, 2)",
        "DELETE FROM mailbox WHERE name = 'INBOX'",
        "UPDATE mailbox SET uid_validity = 5",
        "DELETE FROM mailbox WHERE name = 'a'",
        "UPDATE keyword SET bit = bit + 1",
        "INSERT INTO expunged VALUES ((SELECT mailbox_id FROM message), 1, 1, 9)",
    };
    fixture_append(fixture, "INBOX", "x\r\n\r\n", 0, "tag");
    assert_true(fixture_create(fixture, "a/b"));
    fixture_check(fixture);

    struct db *db = db_open(fixture->path, &(struct db_options){.busy_wait_ms = 1000}, NULL);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        assert_true(db_begin(db, NULL));
        assert_true(db_exec(db, damages[i], &fixture->fault));
        assert_true(db_commit(db, NULL));
        struct db *reader = mail_db_open_reader(fixture->path, NULL);
        if (store_check(reader, &fixture->fault)) {
            fail_msg("not found: %s", damages[i]);
        }
        assert_int_equal(fixture->fault.code, FAULT_CORRUPT);
        db_close(&reader);
        /* Each damage alone: the next one starts from a whole database. */
        db_close(&db);
        fixture_teardown((void **)&fixture);
        fixture_setup((void **)&fixture);
        *state = fixture;
        fixture_append(fixture, "INBOX", "x\r\n\r\n", 0, "tag");
        assert_true(fixture_create(fixture, "a/b"));
        db = db_open(fixture->path, &(struct db_options){.busy_wait_ms = 1000}, NULL);
    }
    db_close(&db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_sections_make_their_tables),
        TEST(ten_migrations_keep_uids_and_uidvalidity),
        TEST(people_of_version_1_come_through),
        TEST(keys_of_older_versions_come_through_in_clear),
        TEST(rows_of_the_queue_get_tickets),
        TEST(objects_of_mails_are_dated),
        TEST(mail_of_every_older_version_comes_through),
        TEST(flipped_and_cut_databases_start_or_explain),
        TEST(a_step_that_fails_leaves_the_older_version),
        TEST(a_newer_programs_database_is_left_alone),
        TEST(a_broken_database_is_a_clear_stop),
        TEST(the_check_finds_what_does_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
