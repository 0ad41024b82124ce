// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/mem.h"

/* A folder of its own for each test. */
struct place {
    char folder[64];
    char file[96];
    struct db *db;
};

static const struct db_options plain;

static struct db *open_or_fail(const char *path, const struct db_options *options)
{
    struct fault fault = {0};
    struct db *db = db_open(path, options, &fault);
    if (db == NULL) {
        fail_msg("%s", fault.text);
    }
    return db;
}

static void must(bool ok, const struct fault *fault)
{
    if (!ok) {
        fail_msg("%s", fault->text);
    }
}

static void exec(struct db *db, const char *sql)
{
    struct fault fault = {0};
    must(db_exec(db, sql, &fault), &fault);
}

static int64_t number_of(struct db *db, const char *sql)
{
    struct fault fault = {0};
    struct db_stmt *stmt = db_prepare(db, sql, &fault);
    must(stmt != NULL && db_step(stmt, &fault) == DB_ROW, &fault);
    int64_t value = db_column_i64(stmt, 0);
    db_reset(stmt);
    return value;
}

static int setup(void **state)
{
    struct place *place = xcalloc(1, sizeof *place);
    strcpy(place->folder, "/tmp/bittern-test-db-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->file, sizeof place->file, "%s/test.db", place->folder);
    place->db = open_or_fail(place->file, &plain);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    db_close(&place->db);
    char *command = xasprintf("rm -rf %s", place->folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(place);
    return 0;
}

static void values_go_in_and_come_out(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    exec(place->db, "CREATE TABLE t (i INTEGER, b BLOB, s TEXT, n, e BLOB)");

    struct db_stmt *stmt = db_prepare(place->db, "INSERT INTO t VALUES (?,?,?,?,?)", &fault);
    assert_non_null(stmt);
    db_bind_i64(stmt, 1, INT64_MIN);
    db_bind_bytes(stmt, 2, (struct bytes){(const uint8_t *)"a\0b", 3});
    db_bind_text(stmt, 3, "text");
    db_bind_text(stmt, 4, NULL);
    db_bind_bytes(stmt, 5, (struct bytes){0});
    must(db_run(stmt, &fault), &fault);
    assert_int_equal(db_changes(place->db), 1);
    assert_int_equal(db_last_insert_id(place->db), 1);

    stmt = db_prepare(place->db, "SELECT i, b, s, n, e FROM t", &fault);
    assert_non_null(stmt);
    assert_int_equal(db_step(stmt, &fault), DB_ROW);
    assert_true(db_column_i64(stmt, 0) == INT64_MIN);
    assert_bytes_equal(db_column_bytes(stmt, 1), ((struct bytes){(const uint8_t *)"a\0b", 3}));
    assert_string_equal(db_column_text(stmt, 2), "text");
    assert_true(db_column_is_null(stmt, 3));
    assert_string_equal(db_column_text(stmt, 3), "");
    assert_false(db_column_is_null(stmt, 4));
    assert_int_equal(db_column_bytes(stmt, 4).len, 0);
    assert_int_equal(db_step(stmt, &fault), DB_DONE);
}

static void a_statement_is_kept_and_a_busy_one_gets_a_twin(void **state)
{
    struct place *place = *state;
    static const char sql[] = "SELECT 1 UNION SELECT 2";
    struct fault fault = {0};

    struct db_stmt *first = db_prepare(place->db, sql, &fault);
    assert_int_equal(db_step(first, &fault), DB_ROW);
    struct db_stmt *second = db_prepare(place->db, sql, &fault);
    assert_ptr_not_equal(first, second);
    assert_int_equal(db_step(second, &fault), DB_ROW);
    assert_int_equal(db_column_i64(second, 0), 1);
    assert_int_equal(db_step(first, &fault), DB_ROW);
    assert_int_equal(db_column_i64(first, 0), 2);
    db_reset(first);
    db_reset(second);

    struct db_stmt *again = db_prepare(place->db, sql, &fault);
    assert_true(again == first || again == second);
    db_reset(again);
}

static void a_wrong_parameter_shows_at_the_step(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};

    struct db_stmt *stmt = db_prepare(place->db, "SELECT ?", &fault);
    db_bind_i64(stmt, 2, 1);

    assert_int_equal(db_step(stmt, &fault), DB_FAILED);
    assert_int_equal(fault.code, FAULT_INTERNAL);
    assert_null(db_prepare(place->db, "SELEKT 1", &fault));
}

static void files_are_private_and_writes_survive_reopening(void **state)
{
    struct place *place = *state;
    exec(place->db, "CREATE TABLE t (a); INSERT INTO t VALUES (7)");
    db_close(&place->db);

    struct stat info;
    assert_int_equal(stat(place->file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    place->db = open_or_fail(place->file, &plain);
    assert_int_equal(number_of(place->db, "SELECT a FROM t"), 7);
    assert_int_equal(number_of(place->db, "PRAGMA synchronous"), 2);
}

static void faults_have_the_code_that_callers_branch_on(void **state)
{
    struct place *place = *state;
    exec(place->db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE, c NOT NULL DEFAULT 0);"
                    "INSERT INTO t (a, b) VALUES (1, 'x')");
    static const struct {
        const char *sql;
        enum fault_code code;
    } cases[] = {
        {"INSERT INTO t (a, b) VALUES (1, 'y')", FAULT_EXISTS},
        {"INSERT INTO t (a, b) VALUES (2, 'x')", FAULT_EXISTS},
        {"INSERT INTO t (a, b, c) VALUES (2, 'z', NULL)", FAULT_INVALID},
        {"SELECT * FROM absent", FAULT_INTERNAL},
        {"SELECT load_extension('x')", FAULT_INTERNAL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fault fault = {0};
        assert_false(db_exec(place->db, cases[i].sql, &fault));
        if (fault.code != cases[i].code) {
            fail_msg("%s: %s", cases[i].sql, fault.text);
        }
    }
}

static void a_read_only_connection_sees_commits_and_writes_nothing(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    exec(place->db, "CREATE TABLE t (a)");
    struct db *reader = open_or_fail(place->file, &(struct db_options){.read_only = true});

    must(db_begin(place->db, &fault), &fault);
    exec(place->db, "INSERT INTO t VALUES (1)");
    assert_int_equal(number_of(reader, "SELECT count(*) FROM t"), 0);
    must(db_commit(place->db, &fault), &fault);
    assert_int_equal(number_of(reader, "SELECT count(*) FROM t"), 1);
    must(db_begin_read(reader, &fault), &fault);
    assert_int_equal(number_of(reader, "SELECT count(*) FROM t"), 1);
    exec(place->db, "INSERT INTO t VALUES (2)");
    assert_int_equal(number_of(reader, "SELECT count(*) FROM t"), 1);
    db_rollback(reader);
    assert_int_equal(number_of(reader, "SELECT count(*) FROM t"), 2);

    assert_false(db_exec(reader, "INSERT INTO t VALUES (3)", &fault));
    assert_int_equal(fault.code, FAULT_DENIED);
    db_close(&reader);
}

static void a_file_that_must_exist_and_does_not_is_not_made(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    char *path = xasprintf("%s/absent.db", place->folder);

    assert_null(db_open(path, &(struct db_options){.read_only = true}, &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    assert_null(db_open(path, &(struct db_options){.must_exist = true}, &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

static void a_second_writer_is_told_to_come_later(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    exec(place->db, "CREATE TABLE t (a)");
    struct db *other = open_or_fail(place->file, &plain);

    must(db_begin(place->db, &fault), &fault);
    assert_false(db_begin(other, &fault));
    assert_int_equal(fault.code, FAULT_BUSY);
    db_rollback(place->db);
    must(db_begin(other, &fault), &fault);
    db_rollback(other);
    db_close(&other);
}

static void a_savepoint_undoes_its_part_alone(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    exec(place->db, "CREATE TABLE t (a)");

    must(db_begin(place->db, &fault), &fault);
    exec(place->db, "INSERT INTO t VALUES (1)");
    must(db_savepoint(place->db, &fault), &fault);
    exec(place->db, "INSERT INTO t VALUES (2)");
    must(db_savepoint(place->db, &fault), &fault);
    exec(place->db, "INSERT INTO t VALUES (3)");
    must(db_savepoint_release(place->db, &fault), &fault);
    db_savepoint_rollback(place->db);
    assert_true(db_in_transaction(place->db));
    must(db_commit(place->db, &fault), &fault);

    assert_int_equal(number_of(place->db, "SELECT sum(a) FROM t"), 1);
}

static bool fill_b(struct db *db, struct fault *fault)
{
    return db_exec(db, "UPDATE t SET b = a * 2", fault);
}

static bool refuse(struct db *db, struct fault *fault)
{
    (void)db;
    return fault_set(fault, FAULT_INVALID, "refused");
}

static void migrations_go_forward_a_transaction_a_step(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    static const struct db_migration steps[] = {
        {"CREATE TABLE t (a); INSERT INTO t VALUES (21)", NULL},
        {"ALTER TABLE t ADD b", fill_b},
        {"CREATE TABLE u (a)", refuse},
    };

    must(db_migrate(place->db, steps, 1, &fault), &fault);
    assert_int_equal(db_version(place->db, &fault), 1);
    must(db_migrate(place->db, steps, 2, &fault), &fault);
    assert_int_equal(number_of(place->db, "SELECT b FROM t"), 42);
    assert_false(db_migrate(place->db, steps, 3, &fault));
    assert_int_equal(db_version(place->db, &fault), 2);
    assert_int_equal(number_of(place->db, "SELECT count(*) FROM sqlite_master"), 1);

    assert_false(db_migrate(place->db, steps, 1, &fault));
    assert_int_equal(fault.code, FAULT_UNSUPPORTED);
}

static void a_database_of_another_program_is_left_as_it_is(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    static const struct db_migration steps[] = {{"CREATE TABLE t (a)", NULL}};
    exec(place->db, "CREATE TABLE song (title)");

    assert_false(db_migrate(place->db, steps, 1, &fault));

    assert_int_equal(fault.code, FAULT_UNSUPPORTED);
    assert_int_equal(number_of(place->db, "SELECT count(*) FROM sqlite_schema"), 1);
}

static void a_full_file_is_no_space_and_takes_smaller_things_again(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    db_close(&place->db);
    place->db = open_or_fail(place->file, &(struct db_options){.max_bytes = 64 * 1024});
    exec(place->db, "CREATE TABLE t (a)");

    assert_false(db_exec(place->db, "INSERT INTO t VALUES (zeroblob(100000))", &fault));
    assert_int_equal(fault.code, FAULT_NO_SPACE);

    exec(place->db, "INSERT INTO t VALUES (zeroblob(1000))");
    assert_int_equal(number_of(place->db, "SELECT count(*) FROM t"), 1);
}

static void overwrite(const char *path, off_t offset, const char *text)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), offset), strlen(text));
    close(fd);
}

static void a_broken_file_is_told_as_corrupt(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    exec(place->db, "CREATE TABLE t (a); CREATE INDEX i ON t (a);"
                    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x<5000)"
                    "INSERT INTO t SELECT x || 'some text to fill pages' FROM n");
    must(db_quick_check(place->db, &fault), &fault);
    db_close(&place->db);

    overwrite(place->file, 3 * 4096, "this is no page of ours");
    place->db = open_or_fail(place->file, &plain);
    assert_false(db_quick_check(place->db, &fault));
    assert_int_equal(fault.code, FAULT_CORRUPT);
    db_close(&place->db);

    overwrite(place->file, 0, "not a database at all");
    assert_null(db_open(place->file, &plain, &fault));
    assert_int_equal(fault.code, FAULT_CORRUPT);
}

static const char endless[] = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n)"
                              "SELECT count(*) FROM n";

static void a_long_read_ends_at_its_deadline(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};

    db_set_deadline(place->db, clock_mono_ms() + 20);
    assert_false(db_exec(place->db, endless, &fault));
    assert_int_equal(fault.code, FAULT_TIMEOUT);

    db_set_deadline(place->db, 0);
    assert_int_equal(number_of(place->db, "SELECT 5"), 5);
}

static void a_backup_is_complete_and_private_or_not_there(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    char *path = xasprintf("%s/copy.db", place->folder);
    exec(place->db, "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000)), (1)");

    struct db_backup *backup = db_backup_start(place->db, path, &fault);
    assert_non_null(backup);
    assert_int_equal(db_backup_step(backup, 2, &fault), DB_ROW);
    db_backup_free(&backup);
    assert_int_equal(access(path, F_OK), -1);

    backup = db_backup_start(place->db, path, &fault);
    assert_int_equal(db_backup_step(backup, 2, &fault), DB_ROW);
    exec(place->db, "INSERT INTO t VALUES (2)");
    assert_int_equal(db_backup_step(backup, -1, &fault), DB_DONE);
    db_backup_free(&backup);
    assert_null(db_backup_start(place->db, path, &fault));
    assert_int_equal(fault.code, FAULT_EXISTS);

    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    struct db *copy = open_or_fail(path, &(struct db_options){.must_exist = true});
    assert_int_equal(number_of(copy, "SELECT count(*) FROM t"), 3);
    must(db_quick_check(copy, &fault), &fault);
    db_close(&copy);
    free(path);
}

static void a_checkpoint_empties_the_log(void **state)
{
    struct place *place = *state;
    char *path = xasprintf("%s-wal", place->file);
    struct stat info;
    exec(place->db, "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))");
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size > 100000);

    db_checkpoint(place->db);

    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 0);
    free(path);
}

static void a_file_that_is_set_aside_takes_its_log_along(void **state)
{
    struct place *place = *state;
    db_close(&place->db);
    char *log = xasprintf("%s-wal", place->file);
    int fd = open(log, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);

    char *aside = db_set_aside(place->file, "broken");

    char *prefix = xasprintf("%s.broken-", place->file);
    char *new_log = xasprintf("%s-wal", aside);
    assert_memory_equal(aside, prefix, strlen(prefix));
    assert_int_equal(access(aside, F_OK), 0);
    assert_int_equal(access(new_log, F_OK), 0);
    assert_int_not_equal(access(place->file, F_OK), 0);
    assert_int_not_equal(access(log, F_OK), 0);
    free(new_log);
    free(prefix);
    free(aside);
    free(log);
    free(db_set_aside(place->file, "again")); /* nothing there: nothing happens */
}

int main(void)
{
#define DB_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DB_TEST(a_file_that_is_set_aside_takes_its_log_along),
        DB_TEST(values_go_in_and_come_out),
        DB_TEST(a_statement_is_kept_and_a_busy_one_gets_a_twin),
        DB_TEST(a_wrong_parameter_shows_at_the_step),
        DB_TEST(files_are_private_and_writes_survive_reopening),
        DB_TEST(faults_have_the_code_that_callers_branch_on),
        DB_TEST(a_read_only_connection_sees_commits_and_writes_nothing),
        DB_TEST(a_file_that_must_exist_and_does_not_is_not_made),
        DB_TEST(a_second_writer_is_told_to_come_later),
        DB_TEST(a_savepoint_undoes_its_part_alone),
        DB_TEST(migrations_go_forward_a_transaction_a_step),
        DB_TEST(a_database_of_another_program_is_left_as_it_is),
        DB_TEST(a_full_file_is_no_space_and_takes_smaller_things_again),
        DB_TEST(a_broken_file_is_told_as_corrupt),
        DB_TEST(a_long_read_ends_at_its_deadline),
        DB_TEST(a_backup_is_complete_and_private_or_not_there),
        DB_TEST(a_checkpoint_empties_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
