// SPDX-License-Identifier: MIT
/* kill -9 at any moment: what was answered is there once, the rest at most once.
 *
 * A child runs a store and appends, moves and flags messages; each answer it got goes as a line to
 * the parent, which kills it at a random moment, looks into the database, and starts the next one
 * on the same files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/db.h"
#include "base/loop.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store.h"
#include "tests/gateway/store/fixture.h"

enum { N_ROUNDS = 12, MAX_MESSAGES = 20000, N_AT_ONCE = 4 };

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* ---- The child ---- */

struct append {
    int out;
    unsigned tag;
    bool answered;
};

static void append_answered(void *context, const struct mailbox_answer *answer)
{
    struct append *append = context;
    append->answered = true;
    if (!answer->fault) {
        dprintf(append->out, "%u %u\n", append->tag, answer->to_uids[0]);
    }
}

static void start_append(struct fixture *fixture, struct append *append)
{
    char content[64];
    snprintf(content, sizeof(content), "Subject: x\r\n\r\n%u", append->tag);
    struct mailbox_append *append_call =
        fixture->ops->append_begin(fixture->account, "INBOX", (struct mailbox_ready){0}, NULL);
    const struct mailbox_new_message message = {.size = strlen(content)};
    if (!fixture->ops->append_message(append_call, &message, NULL) ||
        fixture->ops->append_data(append_call, bytes_of_str(content), NULL) != MAILBOX_PUSH_OK) {
        _exit(3);
    }
    (void)fixture->ops->append_commit(&append_call, (struct mailbox_done){append_answered, append});
}

static void run_child(struct fixture *fixture, int out, unsigned first_tag)
{
    fixture_start(fixture);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    for (unsigned tag = first_tag; tag < MAX_MESSAGES; tag += N_AT_ONCE) {
        struct append appends[N_AT_ONCE];
        for (unsigned i = 0; i < N_AT_ONCE; i++) {
            appends[i] = (struct append){out, tag + i, false};
            start_append(fixture, &appends[i]);
        }
        for (unsigned i = 0; i < N_AT_ONCE; i++) {
            while (!appends[i].answered) {
                loop_turn(fixture->loop, 10);
            }
        }
        struct mailbox_view *view = fixture->ops->view(inbox);
        uint32_t uid = mailbox_view_at(view, 1)->uid;
        mailbox_view_unref(&view);
        if (!fixture_flags(fixture, inbox, uid, MAILBOX_STORE_ADD, MAILBOX_FLAG_SEEN, "tag") ||
            !fixture_copy(fixture, inbox, uid, uid + 1, "Archive", true)) {
            _exit(3);
        }
    }
    _exit(0);
}

/* ---- The parent ---- */

struct knowledge {
    bool acknowledged[MAX_MESSAGES];
    unsigned n_found[MAX_MESSAGES];
    unsigned tag_of_inbox_uid[MAX_MESSAGES]; /* tag + 1; 0: not seen yet */
    unsigned tag_of_archive_uid[MAX_MESSAGES];
    unsigned next_tag;
};

static void read_answers(struct knowledge *known, int in)
{
    FILE *file = fdopen(in, "r");
    char line[64];
    while (fgets(line, sizeof(line), file) && strchr(line, '\n')) {
        unsigned tag;
        unsigned uid;
        assert_int_equal(sscanf(line, "%u %u", &tag, &uid), 2);
        known->acknowledged[tag] = true;
        assert_true(known->tag_of_inbox_uid[uid] == 0 || known->tag_of_inbox_uid[uid] == tag + 1);
        known->tag_of_inbox_uid[uid] = tag + 1;
    }
    fclose(file);
}

static void look_into(struct knowledge *known, const char *path)
{
    memset(known->n_found, 0, sizeof(known->n_found));
    struct fault fault = {0};
    struct db *db = mail_db_open_reader(path, &fault);
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT b.name, m.uid, substr(p.content, 15) FROM message m"
                                      " JOIN mailbox b ON b.id = m.mailbox_id"
                                      " JOIN body_piece p ON p.id = m.body_id * 1024",
                                      &fault);
    assert_non_null(stmt);
    while (db_step(stmt, &fault) == DB_ROW) {
        unsigned tag = (unsigned)strtoul(db_column_text(stmt, 2), NULL, 10);
        size_t uid = (size_t)db_column_i64(stmt, 1);
        unsigned *seen = strcmp(db_column_text(stmt, 0), "INBOX") == 0
                             ? &known->tag_of_inbox_uid[uid]
                             : &known->tag_of_archive_uid[uid];
        assert_true(*seen == 0 || *seen == tag + 1); /* a UID is never used twice */
        *seen = tag + 1;
        known->n_found[tag]++;
        if (tag >= known->next_tag) {
            known->next_tag = tag + 1;
        }
    }
    db_close(&db);
    for (size_t tag = 0; tag < MAX_MESSAGES; tag++) {
        assert_true(known->n_found[tag] <= 1);
        assert_true(known->n_found[tag] == 1 || !known->acknowledged[tag]);
        known->next_tag = known->acknowledged[tag] && tag >= known->next_tag ? (unsigned)tag + 1
                                                                             : known->next_tag;
    }
}

static void nothing_that_was_acknowledged_is_lost_or_doubled_by_kill_9(void **state)
{
    struct fixture *fixture = *state;
    struct knowledge *known = xcalloc(1, sizeof(*known));
    fixture_stop(fixture);
    srandom(20261122);

    for (int round = 0; round < N_ROUNDS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            run_child(fixture, ends[1], known->next_tag);
        }
        close(ends[1]);
        sleep_ms(100 + random() % 400);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        read_answers(known, ends[0]);
        /* As the next start does: recover what the log holds. */
        struct db *db = mail_db_open(fixture->path, &fixture->fault);
        assert_non_null(db);
        db_close(&db);
        fixture_start(fixture);
        look_into(known, fixture->path);
        fixture_check(fixture);
        fixture_stop(fixture);
    }

    size_t n_acknowledged = 0;
    for (size_t tag = 0; tag < MAX_MESSAGES; tag++) {
        n_acknowledged += known->acknowledged[tag];
    }
    print_message("%zu messages acknowledged in %d rounds\n", n_acknowledged, N_ROUNDS);
    assert_true(n_acknowledged > N_ROUNDS);
    free(known);
    fixture_start(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_that_was_acknowledged_is_lost_or_doubled_by_kill_9,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
