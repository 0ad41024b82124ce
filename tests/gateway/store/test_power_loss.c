// SPDX-License-Identifier: MIT
/* The power goes: what was written behind the last fsync may be on the disk or not, in any choice.
 *
 * Every write of mail.db and its log is recorded while a store works (recorded_disk.h), and the
 * place in that record at which each answer was given. Then disks are made of it: every prefix of
 * the record, and prefixes from which unsynced writes are dropped at random. Each must open, hold
 * together, and have each message whose answer stands in the prefix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_check.h"
#include "tests/gateway/store/fixture.h"
#include "tests/gateway/store/recorded_disk.h"

enum { N_MESSAGES = 40, MAX_STATES = 220 };

static void check_disk(const char *path, uint32_t n_promised, size_t n_ops, bool drops)
{
    struct fault fault = {0};
    recorded_disk_make(path, n_ops, drops);
    struct db *db = mail_db_open(path, &fault);
    if (!db || !store_check(db, &fault)) {
        fail_msg("a disk of %zu writes%s: %s", n_ops, drops ? ", some dropped" : "", fault.text);
    }
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT count(*) FROM message WHERE uid <= ?1 AND"
                                      " mailbox_id = (SELECT id FROM mailbox WHERE name = 'INBOX')",
                                      &fault);
    assert_non_null(stmt);
    db_bind_i64(stmt, 1, n_promised);
    assert_int_equal(db_step(stmt, &fault), DB_ROW);
    if (db_column_i64(stmt, 0) != n_promised) {
        fail_msg("a disk of %zu writes has %lld of %u messages", n_ops,
                 (long long)db_column_i64(stmt, 0), n_promised);
    }
    db_reset(stmt);
    db_close(&db);
}

static void what_was_answered_survives_a_power_loss(void **state)
{
    struct fixture *fixture = *state;
    size_t answered_at[N_MESSAGES + 1] = {0};
    size_t begin = recorded_disk_len();
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    for (uint32_t i = 1; i <= N_MESSAGES; i++) {
        char mail[4000];
        size_t len = (size_t)snprintf(mail, sizeof(mail), "Subject: %u\r\n\r\n", i);
        memset(mail + len, 'x', i * 50);
        mail[len + i * 50] = '\0';
        assert_int_equal(fixture_append(fixture, "INBOX", mail, 0, i % 5 == 0 ? "tag" : NULL), i);
        answered_at[i] = recorded_disk_len();
        if (i % 7 == 0) {
            assert_true(
                fixture_flags(fixture, inbox, i, MAILBOX_STORE_ADD, MAILBOX_FLAG_SEEN, NULL));
            assert_true(fixture_copy(fixture, inbox, i, i, "Archive", false));
        }
    }
    fixture->ops->close(&inbox);
    fixture_stop(fixture); /* with a checkpoint: the database itself is written, too */
    recorded_disk_stop();
    size_t end = recorded_disk_len();
    assert_true(end > begin + N_MESSAGES);

    char path[4096];
    snprintf(path, sizeof(path), "%s.replay", fixture->path);
    size_t stride = (end - begin) / MAX_STATES + 1;
    srandom(7);
    for (size_t n = begin; n <= end; n += stride) {
        uint32_t n_promised = 0;
        while (n_promised < N_MESSAGES && answered_at[n_promised + 1] <= n) {
            n_promised++;
        }
        for (int drops = 0; drops < 2; drops++) {
            check_disk(path, n_promised, n, drops != 0);
        }
    }
    recorded_disk_clear();
    fixture_start(fixture);
}

static int setup(void **state)
{
    recorded_disk_install();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_answered_survives_a_power_loss, setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
