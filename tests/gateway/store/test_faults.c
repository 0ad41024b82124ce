// SPDX-License-Identifier: MIT
/* A full disk, a broken page, a log that grows: what clients are told, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/db.h"
#include "base/loop.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/message_rows.h"
#include "tests/gateway/store/fixture.h"

static bool run_sql(struct mail_txn *txn, void *job, struct fault *fault)
{
    return db_exec(mail_txn_db(txn), job, fault);
}

static bool set_pages(struct fixture *fixture, int64_t n_pages)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld", (long long)n_pages);
    return fixture_write(fixture, run_sql, sql);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct fixture *fixture = *state;
    char *large = xmalloc(200001);
    memset(large, 'x', 200000);
    large[200000] = '\0';
    assert_int_equal(fixture_append(fixture, "INBOX", "first", 0, NULL), 1);
    assert_true(set_pages(fixture, fixture_number(fixture, "PRAGMA page_count") + 8));

    assert_int_equal(fixture_append(fixture, "INBOX", large, 0, NULL), 0);
    assert_int_equal(fixture->fault.code, FAULT_NO_SPACE);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    char *content = fixture_content(fixture, inbox, 1);
    assert_string_equal(content, "first");
    free(content);
    fixture_check(fixture);

    assert_true(set_pages(fixture, 1000000));
    assert_int_equal(fixture_append(fixture, "INBOX", large, 0, NULL), 2);
    free(large);
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

/* The job that did not fit is undone alone; what shares its commit is not. */
static void a_job_that_finds_no_space_does_not_take_others_along(void **state)
{
    struct fixture *fixture = *state;
    char *large = xmalloc(400001);
    memset(large, 'x', 400000);
    large[400000] = '\0';
    assert_true(set_pages(fixture, fixture_number(fixture, "PRAGMA page_count") + 20));
    struct fixture *answers = xcalloc(3, sizeof(*answers));
    const char *contents[] = {"small", large, "small too"};

    for (size_t i = 0; i < 3; i++) {
        struct mailbox_append *append =
            fixture->ops->append_begin(fixture->account, "INBOX", (struct mailbox_ready){0}, NULL);
        const struct mailbox_new_message message = {.size = strlen(contents[i])};
        assert_true(fixture->ops->append_message(append, &message, NULL));
        assert_int_equal(fixture->ops->append_data(append, bytes_of_str(contents[i]), NULL),
                         MAILBOX_PUSH_OK);
        (void)fixture->ops->append_commit(&append, fixture_done(&answers[i]));
    }
    size_t n_done = 0;
    for (size_t i = 0; i < 3; i++) {
        while (!answers[i].answered) {
            loop_turn(fixture->loop, 10);
        }
        n_done += answers[i].fault.code == FAULT_NONE;
    }

    assert_int_equal(answers[1].fault.code, FAULT_NO_SPACE);
    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, n_done);
    fixture_check(fixture);
    free(answers);
    free(large);
}

static void a_broken_page_is_an_error_of_the_message_it_holds(void **state)
{
    struct fixture *fixture = *state;
    char *large = xmalloc(60001);
    memset(large, 'q', 60000);
    large[60000] = '\0';
    assert_int_equal(fixture_append(fixture, "INBOX", "small", 0, NULL), 1);
    assert_int_equal(fixture_append(fixture, "INBOX", large, 0, NULL), 2);
    fixture_stop(fixture); /* the log is moved into the file */
    struct db *db = db_open(fixture->path, &(struct db_options){0}, NULL);
    db_checkpoint(db);
    db_close(&db);
    /* Spoil the chain of the large content's pages: each begins with the number of the next. */
    FILE *file = fopen(fixture->path, "r+b");
    char page[4096];
    long n_spoilt = 0;
    for (long offset = 0; fread(page, 1, sizeof(page), file) == sizeof(page); offset += 4096) {
        if (page[4] == 'q' && page[2000] == 'q' && page[3] != 0) {
            fseek(file, offset, SEEK_SET);
            fwrite("\xff\xff\xff\xff", 1, 4, file);
            fseek(file, offset + 4096, SEEK_SET);
            n_spoilt++;
        }
    }
    fclose(file);
    assert_true(n_spoilt > 0);

    fixture_start(fixture);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    char *content = fixture_content(fixture, inbox, 1);
    assert_string_equal(content, "small");
    free(content);
    struct uid_set uids = {0};
    uid_set_add(&uids, 2);
    struct mailbox_reader *reader =
        fixture->ops->read_start(inbox, &uids, MAILBOX_ITEM_CONTENT, (struct mailbox_ready){0});
    struct mailbox_item_data item;
    struct bytes piece;
    struct fault fault = {0};
    assert_int_equal(fixture->ops->read_next(reader, &item, &fault), MAILBOX_READ_OK);
    assert_int_equal(fixture->ops->read_content(reader, 0, 65536, &piece, &fault),
                     MAILBOX_READ_FAILED);
    assert_int_equal(fault.code, FAULT_CORRUPT);
    fixture->ops->read_end(&reader);
    uid_set_clear(&uids);
    fixture->ops->close(&inbox);
    free(large);
}

/* ---- The log of expunges ---- */

enum { MAX_RUNS = 10 };

static bool trim(struct mail_txn *txn, void *job, struct fault *fault)
{
    (void)job;
    return messages_trim_expunged(txn, MAX_RUNS, fault);
}

static void only_so_many_expunges_are_remembered(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    uint64_t start = fixture_status(fixture, "INBOX").highest_modseq;
    uint64_t middle = 0;
    for (int i = 0; i < MAX_RUNS + 1; i++) {
        if (i == MAX_RUNS) {
            assert_true(fixture_write(fixture, trim, NULL)); /* exactly at the bound: nothing */
            struct uid_set all = {0};
            assert_true(fixture->ops->expunged_since(inbox, start, NULL, &all));
            assert_int_equal(uid_set_count(&all), MAX_RUNS);
            uid_set_clear(&all);
        }
        fixture_append(fixture, "INBOX", "x", MAILBOX_FLAG_DELETED, NULL);
        assert_true(fixture_expunge(fixture, inbox));
        middle = i == 7 ? fixture->modseq : middle;
    }

    assert_true(fixture_write(fixture, trim, NULL));

    struct uid_set since = {0};
    assert_false(fixture->ops->expunged_since(inbox, start, NULL, &since));
    assert_true(fixture->ops->expunged_since(inbox, middle, NULL, &since));
    assert_int_equal(uid_set_count(&since), 3);
    assert_true(uid_set_has(&since, 9) && uid_set_has(&since, 11));
    uid_set_clear(&since);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM expunged"), MAX_RUNS / 2);
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_refuses_and_recovers),
        TEST(a_job_that_finds_no_space_does_not_take_others_along),
        TEST(a_broken_page_is_an_error_of_the_message_it_holds),
        TEST(only_so_many_expunges_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
