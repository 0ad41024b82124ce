// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/loop.h"
#include "base/mem.h"
#include "gateway/agent/outgoing/outgoing_state.h"
#include "gateway/backup/backup.h"
#include "gateway/backup/backup_file.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_check.h"
#include "tests/gateway/store/fixture.h"

static const char mail[] = "Subject: x\r\n\r\nbody\r\n";

/* What the last question was answered. */
static struct {
    bool answered;
    struct fault fault;
    char text[256];
    struct restore_summary summary;
} heard;

static void hear(void *context, const struct fault *fault, const char *text, uint64_t bytes)
{
    (void)context;
    (void)bytes;
    heard.answered = true;
    heard.fault = fault != NULL ? *fault : (struct fault){0};
    (void)snprintf(heard.text, sizeof heard.text, "%s", text != NULL ? text : "");
}

static void hear_restored(void *context, const struct fault *fault,
                          const struct restore_summary *summary)
{
    hear(context, fault, NULL, 0);
    heard.summary = *summary;
}

static enum fault_code wait_for_answer(struct fixture *fixture)
{
    while (!heard.answered) {
        fixture_turn(fixture);
    }
    heard.answered = false;
    return heard.fault.code;
}

static struct backup *start_backup(struct fixture *fixture, int64_t every_sec, uint32_t keep)
{
    const struct backup_config config = {
        .loop = fixture->loop,
        .pool = fixture->pool,
        .store = fixture->store,
        .folder = fixture->folder,
        .every_sec = every_sec,
        .keep = keep,
    };
    heard.answered = false;
    return backup_new(&config);
}

static struct seal_key make_key(struct fixture *fixture, struct backup *backup)
{
    struct seal_key key;
    backup_new_key(backup, (struct backup_done){hear, NULL});
    assert_int_equal(wait_for_answer(fixture), FAULT_NONE);
    assert_true(seal_key_parse(&key, heard.text, NULL));
    return key;
}

/* Make a backup and put it where a restore looks for it. */
static void make_backup(struct fixture *fixture, struct backup *backup)
{
    char from[512];
    char to[512];
    backup_make(backup, (struct backup_done){hear, NULL});
    assert_int_equal(wait_for_answer(fixture), FAULT_NONE);
    assert_memory_equal(heard.text, "gateway/", 8);
    (void)snprintf(from, sizeof from, "%s/%s", fixture->folder, heard.text + 8);
    (void)snprintf(to, sizeof to, "%s/" RESTORE_SEALED_NAME, fixture->folder);
    assert_int_equal(rename(from, to), 0);
}

static enum fault_code prepare(struct fixture *fixture, struct backup *backup,
                               const struct seal_key *key)
{
    backup_restore(backup, key, (struct restore_done){hear_restored, NULL});
    return wait_for_answer(fixture);
}

/* The store stops, the restore is finished, the store starts on what is there then. */
static void finish(struct fixture *fixture, struct backup **backup)
{
    struct fault fault = {0};
    backup_free(backup);
    fixture_stop(fixture);
    if (!restore_finish(fixture->folder, clock_now_sec(), &fault)) {
        fail_msg("%s", fault.text);
    }
    fixture_start(fixture);
    fixture_check(fixture);
}

static void change(struct fixture *fixture, const char *sql)
{
    struct db *db = db_open(fixture->path, &(struct db_options){.busy_wait_ms = 5000}, NULL);
    struct fault fault = {0};
    if (!db_exec(db, sql, &fault)) {
        fail_msg("%s", fault.text);
    }
    db_close(&db);
}

#define AN_IDENTITY(address)                                                                       \
    "INSERT INTO identity (account_id, kind, address, label, signing_key, encryption_key,"         \
    " behaviour, trials_per_byte, extra_bytes, created_sec) SELECT id, 0, '" address               \
    "', 'me', x'01', x'02', 1, 1000, 1000, 5 FROM account LIMIT 1;"

static void a_mailbox_comes_back_with_a_new_uidvalidity(void **state)
{
    struct fixture *fixture = *state;
    struct backup *backup = start_backup(fixture, 0, 7);
    struct seal_key key = make_key(fixture, backup);
    fixture_append(fixture, "INBOX", mail, 0, "tag");
    uint32_t before = fixture_status(fixture, "INBOX").uid_validity;
    make_backup(fixture, backup);
    fixture_append(fixture, "INBOX", mail, 0, NULL);

    assert_int_equal(prepare(fixture, backup, &key), FAULT_NONE);
    assert_int_equal(heard.summary.n_accounts, 1);
    assert_int_equal(heard.summary.n_messages, 1);
    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, 2); /* nothing happened yet */
    finish(fixture, &backup);

    struct mailbox_status after = fixture_status(fixture, "INBOX");
    assert_int_equal(after.n_messages, 1);
    assert_true(after.uid_validity > before);
    assert_int_equal(
        fixture_number(fixture, "SELECT count(DISTINCT uid_validity) = count(*) FROM mailbox"), 1);
}

static void keys_newer_than_the_backup_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct backup *backup = start_backup(fixture, 0, 7);
    struct seal_key key = make_key(fixture, backup);
    change(fixture, AN_IDENTITY("BM-old"));
    make_backup(fixture, backup);
    change(fixture,
           AN_IDENTITY(
               "BM-new") "INSERT INTO account (name, created_sec, scram_salt) VALUES ('later', 1, "
                         "x'77');"
                         "INSERT INTO identity (account_id, kind, address, label, signing_key, "
                         "encryption_key,"
                         " behaviour, trials_per_byte, extra_bytes, created_sec)"
                         " SELECT id, 0, 'BM-later', 'l', x'0a', x'0b', 1, 1, 1, 6 FROM account"
                         " WHERE name = 'later';"
                         "INSERT INTO login_alias SELECT 'BM-later', id FROM account WHERE name = "
                         "'later'");

    assert_int_equal(prepare(fixture, backup, &key), FAULT_NONE);
    assert_int_equal(heard.summary.n_identities, 1);
    finish(fixture, &backup);

    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM identity"), 3);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM identity JOIN account a"
                                             " ON a.id = account_id WHERE a.name = 'later'"
                                             " AND address = 'BM-later' AND signing_key = x'0a'"
                                             " AND a.scram_salt = x'77'"),
                     1);
    assert_int_equal(fixture_number(fixture,
                                    "SELECT count(*) FROM mailbox m JOIN account a"
                                    " ON a.id = m.account_id WHERE a.name = 'later' AND m.name ="
                                    " 'INBOX'"),
                     1);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM login_alias"
                                             " WHERE name = 'BM-later'"),
                     1);
}

static void what_had_not_left_is_held(void **state)
{
    struct fixture *fixture = *state;
    struct backup *backup = start_backup(fixture, 0, 7);
    struct seal_key key = make_key(fixture, backup);
    change(fixture,
           "INSERT INTO outgoing_mail (id, account_id, sender, message_id, subject, content_plain,"
           " needs_extended, ttl_sec, accepted_sec) VALUES (1, 1, 'BM-me', 'm', 's', x'00', 0, 9,"
           " 9);"
           "INSERT INTO outgoing (id, mail_id, recipient, kind, state, ackdata, since_sec)"
           " VALUES (1, 1, 'a', 0, 0, x'', 0), (2, 1, 'b', 0, 1, x'', 0), (3, 1, 'c', 0, 2, x'',"
           " 0), (4, 1, 'd', 0, 4, x'', 0), (5, 1, 'e', 0, 7, x'', 0);"
           "INSERT INTO object_job (id, kind, step, outgoing_id, object, trials_per_byte,"
           " extra_bytes, ttl_sec, expires_sec) VALUES (1, 0, 0, 3, x'00', 1, 1, 1, 1),"
           " (2, 0, 0, 0, x'00', 1, 1, 1, 1);"
           "INSERT INTO link_cursor VALUES (1, x'00', 77)");
    make_backup(fixture, backup);

    assert_int_equal(prepare(fixture, backup, &key), FAULT_NONE);
    finish(fixture, &backup);

    static const enum outgoing_state expected[] = {OUTGOING_HELD, OUTGOING_HELD, OUTGOING_HELD,
                                                   OUTGOING_SENT, OUTGOING_CANCELLED};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        char sql[64];
        (void)snprintf(sql, sizeof sql, "SELECT state FROM outgoing WHERE id = %zu", i + 1);
        assert_int_equal(fixture_number(fixture, sql), expected[i]);
    }
    assert_int_equal(fixture_number(fixture, "SELECT group_concat(id) FROM object_job"), 2);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM link_cursor"), 0);
}

static void a_wrong_key_or_file_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct backup *backup = start_backup(fixture, 0, 7);
    struct seal_key key = make_key(fixture, backup);
    struct seal_key other;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/" RESTORE_SEALED_NAME, fixture->folder);
    seal_key_new(&other);
    fixture_append(fixture, "INBOX", mail, 0, NULL);

    assert_int_equal(prepare(fixture, backup, &key), FAULT_NOT_FOUND);
    make_backup(fixture, backup);
    assert_int_equal(prepare(fixture, backup, &other), FAULT_DENIED);
    assert_int_equal(truncate(path, 70000), 0);
    assert_int_equal(prepare(fixture, backup, &key), FAULT_CORRUPT);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(prepare(fixture, backup, &key), FAULT_INVALID);

    finish(fixture, &backup);
    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, 1);
}

/* Seal whatever is in `from`, as somebody might who knows the public key. */
static void forge(struct fixture *fixture, const struct seal_key *key, const char *from)
{
    uint8_t public_key[SEAL_PUBLIC_BYTES];
    uint8_t piece[4096];
    char path[128];
    ssize_t n;
    (void)snprintf(path, sizeof path, "%s/" RESTORE_SEALED_NAME, fixture->folder);
    int in = open(from, O_RDONLY);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    seal_key_public(public_key, key);
    struct seal_writer *writer = seal_writer_new(out, public_key, NULL);
    while ((n = read(in, piece, sizeof piece)) > 0) {
        assert_true(seal_writer_add(writer, (struct bytes){piece, (size_t)n}, NULL));
    }
    assert_true(seal_writer_end(writer, NULL));
    seal_writer_free(&writer);
    close(in);
    close(out);
}

static void a_forged_database_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct backup *backup = start_backup(fixture, 0, 7);
    struct seal_key key = make_key(fixture, backup);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/forged.db", fixture->folder);
    static const struct {
        const char *sql;
        enum fault_code expected;
    } rows[] = {
        {"CREATE TRIGGER evil AFTER INSERT ON identity BEGIN DELETE FROM message; END",
         FAULT_CORRUPT},
        {"CREATE VIEW evil AS SELECT 1", FAULT_CORRUPT},
        {"DROP TABLE seen", FAULT_CORRUPT},
        {"ALTER TABLE account ADD COLUMN evil", FAULT_CORRUPT},
        {"INSERT INTO message VALUES (99, 1, 99, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)", FAULT_CORRUPT},
        {"PRAGMA user_version = 9999", FAULT_UNSUPPORTED},
        {"PRAGMA user_version = 0", FAULT_CORRUPT},
        {"SELECT 1", FAULT_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct db *db = mail_db_open(path, NULL);
        assert_non_null(db);
        assert_true(db_exec(db, rows[i].sql, NULL));
        db_close(&db);

        forge(fixture, &key, path);

        assert_int_equal(prepare(fixture, backup, &key), rows[i].expected);
        unlink(path);
    }
    backup_free(&backup);
}

static void without_a_recovery_key_there_is_no_backup(void **state)
{
    struct fixture *fixture = *state;
    struct backup *backup = start_backup(fixture, 0, 7);

    assert_false(backup_has_key(backup));
    backup_make(backup, (struct backup_done){hear, NULL});
    assert_int_equal(wait_for_answer(fixture), FAULT_NOT_FOUND);

    (void)make_key(fixture, backup);
    assert_true(backup_has_key(backup));
    backup_free(&backup);
}

static void two_at_a_time_are_one_too_many(void **state)
{
    struct fixture *fixture = *state;
    struct backup *backup = start_backup(fixture, 0, 7);
    (void)make_key(fixture, backup);

    backup_make(backup, (struct backup_done){hear, NULL});
    heard.answered = false;
    backup_make(backup, (struct backup_done){hear, NULL});
    assert_true(heard.answered);
    assert_int_equal(wait_for_answer(fixture), FAULT_BUSY);
    assert_int_equal(wait_for_answer(fixture), FAULT_NONE);
    backup_free(&backup);
}

static size_t count_backups(struct fixture *fixture, bool automatic)
{
    struct arena arena = {0};
    struct backup_file *files;
    size_t n_files;
    size_t n = 0;
    assert_true(backup_file_list(fixture->folder, &files, &n_files, &arena, NULL));
    for (size_t i = 0; i < n_files; i++) {
        n += files[i].is_automatic == automatic;
        assert_true(i == 0 || files[i - 1].made_sec >= files[i].made_sec);
    }
    arena_clear(&arena);
    return n;
}

static void old_ones_go_and_new_ones_stay(void **state)
{
    struct fixture *fixture = *state;
    int64_t now = clock_now_sec();
    char folder[128];
    (void)snprintf(folder, sizeof folder, "%s/" BACKUP_FOLDER, fixture->folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    for (int64_t day = 0; day < 5; day++) {
        for (int automatic = 0; automatic < 2; automatic++) {
            char name[BACKUP_NAME_BYTES];
            char path[256];
            backup_file_name(name, automatic != 0, now - day * 86400);
            (void)snprintf(path, sizeof path, "%s/%s", folder, name);
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            fclose(file);
            struct utimbuf times = {now - day * 86400, now - day * 86400};
            assert_int_equal(utime(path, &times), 0);
        }
    }

    backup_file_rotate(fixture->folder, 3, now);

    assert_int_equal(count_backups(fixture, true), 3);
    assert_int_equal(count_backups(fixture, false),
                     2); /* of today, and of a day ago to the second */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
        WITH_STORE(a_mailbox_comes_back_with_a_new_uidvalidity),
        WITH_STORE(keys_newer_than_the_backup_are_kept),
        WITH_STORE(what_had_not_left_is_held),
        WITH_STORE(a_wrong_key_or_file_changes_nothing),
        WITH_STORE(a_forged_database_is_refused),
        WITH_STORE(without_a_recovery_key_there_is_no_backup),
        WITH_STORE(two_at_a_time_are_one_too_many),
        WITH_STORE(old_ones_go_and_new_ones_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
