// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/loop.h"
#include "base/mem.h"

struct desk {
    char folder[64];
    char file[96];
    struct loop *loop;
    struct db_writer *writer;
    int next;  /* the number of the job that must be done next */
    int n_bad; /* jobs done with a fault */
    enum fault_code last_code;
    useconds_t pause_us; /* jobs submitted from now on take so long */
};

struct job {
    struct desk *desk;
    int number;
    size_t blob_len;
    useconds_t pause_us;
    bool refuse;
};

static struct db *open_db(struct desk *desk, const struct db_options *options)
{
    struct fault fault = {0};
    struct db *db = db_open(desk->file, options, &fault);
    if (db == NULL) {
        fail_msg("%s", fault.text);
    }
    return db;
}

static void open_desk(struct desk *desk, const struct db_options *options,
                      const struct db_writer_config *config)
{
    *desk = (struct desk){.folder = "/tmp/bittern-test-writer-XXXXXX"};
    assert_non_null(mkdtemp(desk->folder));
    snprintf(desk->file, sizeof desk->file, "%s/test.db", desk->folder);
    desk->loop = loop_new();
    struct db *db = open_db(desk, options);
    assert_true(db_exec(db, "CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)", NULL));
    desk->writer = db_writer_new_take(desk->loop, db, config);
}

static void close_desk(struct desk *desk)
{
    db_writer_free(&desk->writer);
    loop_free(&desk->loop);
    char *command = xasprintf("rm -rf %s", desk->folder);
    assert_int_equal(system(command), 0);
    free(command);
}

static bool insert(struct db *db, void *context, struct fault *fault)
{
    struct job *job = context;
    usleep(job->pause_us);
    struct db_stmt *stmt = db_prepare(db, "INSERT INTO t VALUES (?, zeroblob(?))", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, job->number);
    db_bind_i64(stmt, 2, (int64_t)job->blob_len);
    if (!db_run(stmt, fault)) {
        return false;
    }
    return !job->refuse || fault_set(fault, FAULT_DENIED, "refused");
}

static void on_done(void *context, const struct fault *fault)
{
    struct job *job = context;
    assert_int_equal(job->number, job->desk->next++);
    if (fault != NULL) {
        job->desk->n_bad++;
        job->desk->last_code = fault->code;
    }
    free(job);
}

static bool submit(struct desk *desk, struct job values)
{
    struct job *job = xmemdup(&values, sizeof values);
    job->desk = desk;
    job->pause_us = desk->pause_us;
    struct fault fault = {0};
    if (!db_writer_submit(desk->writer, insert, on_done, job, &fault)) {
        assert_int_equal(fault.code, FAULT_BUSY);
        free(job);
        return false;
    }
    return true;
}

static void wait_for(struct desk *desk, int n_done)
{
    int64_t end_ms = clock_mono_ms() + 30000;
    while (desk->next < n_done && clock_mono_ms() < end_ms) {
        loop_turn(desk->loop, 100);
    }
    assert_int_equal(desk->next, n_done);
    assert_int_equal(db_writer_n_jobs(desk->writer), 0);
}

static int64_t rows(struct desk *desk)
{
    struct db *reader = open_db(desk, &(struct db_options){.read_only = true});
    struct db_stmt *stmt = db_prepare(reader, "SELECT count(*) FROM t", NULL);
    assert_int_equal(db_step(stmt, NULL), DB_ROW);
    int64_t count = db_column_i64(stmt, 0);
    db_reset(stmt);
    db_close(&reader);
    return count;
}

static void jobs_are_done_in_order_and_share_commits(void **state)
{
    (void)state;
    enum { N = 500 };
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, &(struct db_writer_config){.max_jobs_a_commit = 50});

    for (int i = 0; i < N; i++) {
        assert_true(submit(&desk, (struct job){.number = i}));
    }
    wait_for(&desk, N);

    assert_int_equal(desk.n_bad, 0);
    assert_int_equal(rows(&desk), N);
    assert_true(db_writer_n_commits(desk.writer) >= N / 50);
    assert_true(db_writer_n_commits(desk.writer) < N / 2);
    close_desk(&desk);
}

static void a_job_is_committed_when_it_is_told(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, NULL);

    for (int i = 0; i < 20; i++) {
        assert_true(submit(&desk, (struct job){.number = i}));
        wait_for(&desk, i + 1);
        assert_int_equal(rows(&desk), i + 1);
    }
    close_desk(&desk);
}

static void a_job_that_fails_is_undone_alone(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, NULL);
    desk.pause_us = 2000; /* so that they gather into one commit */

    for (int i = 0; i < 30; i++) {
        assert_true(submit(&desk, (struct job){.number = i, .refuse = i % 3 == 0}));
    }
    wait_for(&desk, 30);

    assert_int_equal(desk.n_bad, 10);
    assert_int_equal(desk.last_code, FAULT_DENIED);
    assert_int_equal(rows(&desk), 20);
    assert_true(db_writer_n_commits(desk.writer) < 30);
    close_desk(&desk);
}

static void a_job_that_fails_is_undone_when_it_has_the_commit_for_itself(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, NULL);

    for (int i = 0; i < 10; i++) {
        assert_true(submit(&desk, (struct job){.number = i, .refuse = i % 2 == 0}));
        wait_for(&desk, i + 1);
    }

    assert_int_equal(desk.n_bad, 5);
    assert_int_equal(desk.last_code, FAULT_DENIED);
    assert_int_equal(rows(&desk), 5);
    assert_int_equal(db_writer_n_commits(desk.writer), 5);
    close_desk(&desk);
}

static void a_full_disk_fails_what_does_not_fit_and_nothing_is_told_wrongly(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){.max_bytes = 256 * 1024}, NULL);

    for (int i = 0; i < 5; i++) {
        assert_true(submit(&desk, (struct job){.number = i, .blob_len = 20 * 1024}));
        wait_for(&desk, i + 1);
    }
    assert_int_equal(desk.n_bad, 0);
    for (int i = 5; i < 40; i++) {
        assert_true(submit(&desk, (struct job){.number = i, .blob_len = 20 * 1024}));
    }
    wait_for(&desk, 40);

    assert_true(desk.n_bad > 0);
    assert_int_equal(desk.last_code, FAULT_NO_SPACE);
    assert_int_equal(rows(&desk), 40 - desk.n_bad);

    assert_true(submit(&desk, (struct job){.number = 40, .blob_len = 1}));
    wait_for(&desk, 41);
    assert_int_equal(rows(&desk), 41 - desk.n_bad);
    close_desk(&desk);
}

static bool break_off(struct db *db, void *context, struct fault *fault)
{
    (void)context;
    db_rollback(db); /* as SQLite does by itself on some I/O errors */
    return fault_set(fault, FAULT_IO, "the disk is gone");
}

static void when_the_transaction_is_lost_all_its_jobs_are_told(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, NULL);
    desk.pause_us = 30000;

    assert_true(submit(&desk, (struct job){.number = 0})); /* holds the thread: the rest gather */
    desk.pause_us = 0;
    usleep(5000);
    assert_true(submit(&desk, (struct job){.number = 1}));
    struct job *breaker = xcalloc(1, sizeof *breaker);
    *breaker = (struct job){.desk = &desk, .number = 2};
    assert_true(db_writer_submit(desk.writer, break_off, on_done, breaker, NULL));
    assert_true(submit(&desk, (struct job){.number = 3}));
    wait_for(&desk, 4);

    /* Whether job 0 shared their commit or not, what is told well is there. */
    assert_true(desk.n_bad >= 1);
    assert_int_equal(desk.last_code, FAULT_IO);
    assert_int_equal(rows(&desk), 4 - desk.n_bad);
    close_desk(&desk);
}

static bool defer_a_breach(struct db *db, void *context, struct fault *fault)
{
    (void)context;
    return db_exec(db, "PRAGMA defer_foreign_keys=ON; INSERT INTO child VALUES (12345)", fault);
}

static void a_commit_that_fails_fails_its_jobs(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, NULL);
    struct db *db = open_db(&desk, &(struct db_options){.busy_wait_ms = 1000});
    assert_true(db_exec(db, "CREATE TABLE child (t REFERENCES t (n))", NULL));
    db_close(&db);

    struct job *job = xcalloc(1, sizeof *job);
    *job = (struct job){.desk = &desk, .number = 0};
    assert_true(db_writer_submit(desk.writer, defer_a_breach, on_done, job, NULL));
    wait_for(&desk, 1);
    assert_int_equal(desk.n_bad, 1);
    assert_int_equal(desk.last_code, FAULT_INVALID);

    assert_true(submit(&desk, (struct job){.number = 1}));
    wait_for(&desk, 2);
    assert_int_equal(desk.n_bad, 1);
    close_desk(&desk);
}

static void the_queue_has_a_bound(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0},
              &(struct db_writer_config){.max_queued = 5, .max_jobs_a_commit = 1});
    desk.pause_us = 50000;

    int n_taken = 0;
    while (submit(&desk, (struct job){.number = n_taken})) {
        n_taken++;
        assert_true(n_taken <= 7);
    }
    assert_true(n_taken >= 5);
    desk.pause_us = 0;
    wait_for(&desk, n_taken);
    assert_true(submit(&desk, (struct job){.number = n_taken}));
    close_desk(&desk);
}

static void freeing_writes_what_is_queued(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, NULL);

    for (int i = 0; i < 100; i++) {
        assert_true(submit(&desk, (struct job){.number = i}));
    }
    db_writer_free(&desk.writer);

    assert_int_equal(desk.next, 100);
    assert_int_equal(desk.n_bad, 0);
    assert_int_equal(rows(&desk), 100);
    close_desk(&desk);
}

static void an_idle_writer_tidies_the_log(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0}, &(struct db_writer_config){.idle_checkpoint_ms = 20});
    char *path = xasprintf("%s-wal", desk.file);
    struct stat info = {.st_size = 1};

    assert_true(submit(&desk, (struct job){.number = 0, .blob_len = 100000}));
    wait_for(&desk, 1);
    int64_t end_ms = clock_mono_ms() + 10000;
    while (info.st_size != 0 && clock_mono_ms() < end_ms) {
        usleep(5000);
        assert_int_equal(stat(path, &info), 0);
    }

    assert_int_equal(info.st_size, 0);
    free(path);
    close_desk(&desk);
}

struct cut {
    bool is_done;
    enum fault_code code;
};

static void cut_done(void *job, const struct fault *fault)
{
    struct cut *cut = job;
    cut->is_done = true;
    cut->code = fault != NULL ? fault->code : FAULT_NONE;
}

static enum fault_code cut_log(struct desk *desk)
{
    struct cut cut = {0};
    assert_true(db_writer_cut_log(desk->writer, cut_done, &cut, NULL));
    while (!cut.is_done) {
        loop_turn(desk->loop, 20);
    }
    return cut.code;
}

static void the_log_is_cut_behind_what_is_queued_unless_it_is_read(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, &(struct db_options){0},
              &(struct db_writer_config){.idle_checkpoint_ms = 60000});
    char *path = xasprintf("%s-wal", desk.file);
    struct stat info;
    struct db *reader = db_open(desk.file, &(struct db_options){.read_only = true}, NULL);
    assert_true(submit(&desk, (struct job){.number = 0, .blob_len = 100000}));
    wait_for(&desk, 1);
    assert_true(db_begin_read(reader, NULL) && db_version(reader, NULL) >= 0);

    assert_true(submit(&desk, (struct job){.number = 1, .blob_len = 100000}));
    assert_int_equal(cut_log(&desk), FAULT_BUSY);
    assert_int_equal(desk.next, 2);
    assert_int_equal(stat(path, &info), 0);
    assert_int_not_equal(info.st_size, 0);
    db_rollback(reader);
    assert_int_equal(cut_log(&desk), FAULT_NONE);

    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 0);
    assert_int_equal(rows(&desk), 2);
    db_close(&reader);
    free(path);
    close_desk(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_done_in_order_and_share_commits),
        cmocka_unit_test(a_job_is_committed_when_it_is_told),
        cmocka_unit_test(a_job_that_fails_is_undone_alone),
        cmocka_unit_test(a_job_that_fails_is_undone_when_it_has_the_commit_for_itself),
        cmocka_unit_test(a_full_disk_fails_what_does_not_fit_and_nothing_is_told_wrongly),
        cmocka_unit_test(when_the_transaction_is_lost_all_its_jobs_are_told),
        cmocka_unit_test(a_commit_that_fails_fails_its_jobs),
        cmocka_unit_test(the_queue_has_a_bound),
        cmocka_unit_test(freeing_writes_what_is_queued),
        cmocka_unit_test(an_idle_writer_tidies_the_log),
        cmocka_unit_test(the_log_is_cut_behind_what_is_queued_unless_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
