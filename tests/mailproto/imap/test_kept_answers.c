// SPDX-License-Identifier: MIT
#include "mailproto/imap/kept_answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/mailbox_view.h"
#include "mailproto/imap/uid_set.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"
#include "tests/support/memory_mime.h"

/* Ask for what was put, and compare. NULL: it must not be there. */
static void expect(struct kept_answers *answers, const struct kept_question *question,
                   const char *text)
{
    struct kept_answer *answer = kept_answers_find(answers, question);
    if (text == NULL) {
        assert_null(answer);
        return;
    }
    assert_non_null(answer);
    assert_string_equal(buf_str(&answer->data), text);
    kept_answer_unref(&answer);
}

static void put(struct kept_answers *answers, const struct kept_question *question,
                const char *text)
{
    struct buf data = {0};
    buf_append_str(&data, text);
    struct kept_answer *answer = kept_answers_put(answers, question, &data);
    assert_string_equal(buf_str(&answer->data), text);
    kept_answer_unref(&answer);
}

static void put_zeros(struct kept_answers *answers, const struct kept_question *question,
                      size_t len)
{
    struct buf data = {0};
    buf_append_zeros(&data, len);
    struct kept_answer *answer = kept_answers_put(answers, question, &data);
    assert_int_equal(answer->data.len, len);
    kept_answer_unref(&answer);
}

static void an_answer_is_for_the_same_question_alone(void **state)
{
    (void)state;
    struct kept_answers *answers = kept_answers_new();
    struct uid_set some = {0};
    struct uid_set more = {0};
    uid_set_add_range(&some, 1, 5);
    uid_set_add_range(&more, 1, 6);
    const struct kept_question question = {7, bytes_of_str("S"), &some};
    expect(answers, &question, NULL);
    put(answers, &question, "5 4 3 2 1");
    expect(answers, &question, "5 4 3 2 1");
    expect(answers, &(struct kept_question){8, bytes_of_str("S"), &some}, NULL);
    expect(answers, &(struct kept_question){7, bytes_of_str("T"), &some}, NULL);
    expect(answers, &(struct kept_question){7, bytes_of_str("S"), &more}, NULL);
    put(answers, &(struct kept_question){7, bytes_of_str("T"), &some}, "(1)");
    expect(answers, &question, "5 4 3 2 1");
    /* New mail: the older answer to the same words goes. */
    put(answers, &(struct kept_question){7, bytes_of_str("S"), &more}, "6 5 4 3 2 1");
    expect(answers, &question, NULL);
    uid_set_clear(&some);
    uid_set_clear(&more);
    kept_answers_free(&answers);
}

static void one_that_is_told_stays_while_others_push_it_out(void **state)
{
    (void)state;
    struct kept_answers *answers = kept_answers_new();
    struct uid_set set = {0};
    uid_set_add(&set, 1);
    const struct kept_question question = {1, bytes_of_str("S"), &set};
    put(answers, &question, "told");
    struct kept_answer *told = kept_answers_find(answers, &question);
    for (uint64_t id = 2; id < 100; id++) {
        put_zeros(answers, &(struct kept_question){id, bytes_of_str("S"), &set}, 1000);
    }
    expect(answers, &question, NULL);
    assert_string_equal(buf_str(&told->data), "told");
    kept_answers_free(&answers);
    assert_string_equal(buf_str(&told->data), "told");
    kept_answer_unref(&told);
    uid_set_clear(&set);
}

static void all_answers_together_are_bounded_and_the_oldest_goes(void **state)
{
    (void)state;
    struct kept_answers *answers = kept_answers_new();
    struct uid_set set = {0};
    uid_set_add(&set, 1);
    const struct kept_question first = {1, bytes_of_str("S"), &set};
    const struct kept_question second = {2, bytes_of_str("S"), &set};
    put(answers, &first, "first");
    put(answers, &second, "second");
    for (uint64_t id = 3; id < 10; id++) {
        expect(answers, &first, "first"); /* asked for: not the oldest */
        put_zeros(answers, &(struct kept_question){id, bytes_of_str("S"), &set},
                  KEPT_ANSWER_MAX_BYTES - 1000);
        assert_true(kept_answers_bytes(answers) <= KEPT_MAX_BYTES);
    }
    expect(answers, &first, "first");
    expect(answers, &second, NULL);
    uid_set_clear(&set);
    kept_answers_free(&answers);
}

static void one_that_is_too_large_is_not_kept(void **state)
{
    (void)state;
    struct kept_answers *answers = kept_answers_new();
    struct uid_set set = {0};
    uid_set_add(&set, 1);
    const struct kept_question question = {1, bytes_of_str("S"), &set};
    put_zeros(answers, &question, KEPT_ANSWER_MAX_BYTES);
    assert_int_equal(kept_answers_bytes(answers), 0);
    put_zeros(answers, &question, KEPT_ANSWER_MAX_BYTES - 1000);
    assert_true(kept_answers_bytes(answers) > KEPT_ANSWER_MAX_BYTES - 1000);
    put_zeros(NULL, &question, 10); /* not to be kept */
    uid_set_clear(&set);
    kept_answers_free(&answers);
}

/* ---- What was read of messages ---- */

static void what_was_read_is_outgrown_by_many_new_messages(void **state)
{
    (void)state;
    struct kept_answers *answers = kept_answers_new();
    struct uid_set kept_set = {0};
    uid_set_add_range(&kept_set, 1, 640);
    const struct kept_question question = {1, bytes_of_str("K"), &kept_set};
    put(answers, &question, "keys");
    struct kept_answer *kept = kept_answers_newest(answers, &question);
    static const struct {
        uint32_t first;
        uint32_t last;
        uint64_t n_missing;
        bool is_outgrown;
    } cases[] = {{1, 640, 0, false},   {1, 650, 10, false},   {1, 651, 11, true},
                 {330, 700, 60, true}, {400, 700, 60, false}, {641, 700, 60, false},
                 {641, 960, 320, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct uid_set wanted = {0};
        struct uid_set missing = {0};
        uid_set_add_range(&wanted, cases[i].first, cases[i].last);
        kept_answer_missing(kept, &wanted, &missing);
        assert_int_equal(uid_set_count(&missing), cases[i].n_missing);
        assert_int_equal(kept_answer_is_outgrown(kept, &wanted, &missing), cases[i].is_outgrown);
        uid_set_clear(&missing);
        kept_answer_missing(NULL, &wanted, &missing);
        assert_int_equal(uid_set_count(&missing), cases[i].last - cases[i].first + 1);
        assert_true(kept_answer_is_outgrown(NULL, &wanted, &missing));
        uid_set_clear(&wanted);
        uid_set_clear(&missing);
    }
    kept_answer_unref(&kept);
    uid_set_clear(&kept_set);
    kept_answers_free(&answers);
}

static unsigned draw(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

static void deliver(struct imap_world *world, unsigned i)
{
    unsigned seed = i;
    const char *mark = draw(&seed, 3) == 0 ? "Re: " : "";
    unsigned subject = draw(&seed, 20);
    unsigned from = draw(&seed, 10);
    /* Chains that contradict each other: what comes first holds. */
    /* Chains that contradict each other: what comes first holds. */
    char *reference = xstrdup("");
    if (i > 0 && draw(&seed, 2) == 0) {
        unsigned first = draw(&seed, i);
        free(reference);
        reference = xasprintf("References: <m%u@x> <m%u@x>\r\n", first, draw(&seed, i));
    }
    char *mail = xasprintf("From: \"N%u\" <f%u@x>\r\nSubject: %ssubject %u\r\n"
                           "Date: Mon, %u Feb 1994 21:52:25 -0800\r\nMessage-ID: <m%u@x>\r\n%s\r\n",
                           10 - from, from, mark, subject, 1 + draw(&seed, 28), i, reference);
    memory_mail_deliver(world->store, "INBOX", mail);
    free(mail);
    free(reference);
}

/* What was done to the mailbox up to a round: in one world at once, in the other little by little.
 */
static void change(struct imap_world *world, unsigned round, unsigned *n_mails)
{
    static const unsigned new_mails[] = {50, 1, 0, 3, 0, 1, 20, 1, 1, 50};
    for (unsigned i = 0; i < new_mails[round]; i++) {
        deliver(world, (*n_mails)++);
    }
    if (round % 3 == 2) {
        memory_mail_set_flags(world->store, "INBOX", 5 * round + 5, MAILBOX_FLAG_SEEN);
        memory_mail_expunge(world->store, "INBOX", 5 * round + 1);
    }
}

static void begin(struct imap_world *world)
{
    imap_world_init_with(world, &(struct memory_mail_config){.analyse = memory_mime_analyse});
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
}

static void what_is_kept_changes_no_answer(void **state)
{
    (void)state;
    enum { ROUNDS = 10 };
    static const char *const commands[] = {"SORT (SUBJECT) UTF-8 ALL",
                                           "UID SORT (REVERSE SUBJECT DATE) UTF-8 ALL",
                                           "UID SORT (SUBJECT) UTF-8 SEEN",
                                           "SORT (SUBJECT) UTF-8 NOT SUBJECT 7",
                                           "SORT (DISPLAYFROM REVERSE ARRIVAL FROM) UTF-8 ALL",
                                           "SORT RETURN (PARTIAL 5:9 COUNT) (FROM DATE) UTF-8 ALL",
                                           "UID THREAD REFERENCES UTF-8 NOT SUBJECT 7",
                                           "THREAD REFERENCES UTF-8 ALL",
                                           "UID THREAD REFERENCES UTF-8 UNSEEN",
                                           "THREAD ORDEREDSUBJECT UTF-8 ALL"};
    struct imap_world keeps;
    unsigned n_mails = 0;
    begin(&keeps);
    for (unsigned round = 0; round < ROUNDS; round++) {
        change(&keeps, round, &n_mails);
        RUN(&keeps, "1> n NOOP", "1< ...", "1< ~n OK");
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
            struct imap_world fresh;
            unsigned n_fresh = 0;
            begin(&fresh);
            for (unsigned k = 0; k <= round; k++) {
                change(&fresh, k, &n_fresh);
            }
            RUN(&fresh, "1> n NOOP", "1< ...", "1< ~n OK");
            imap_world_ask(&fresh, 1, "t %s", commands[i]);
            imap_world_ask(&keeps, 1, "t %s", commands[i]);
            struct bytes expected = imap_world_output(&fresh, 1);
            if (!bytes_equal(imap_world_output(&keeps, 1), expected)) {
                fail_msg("round %u, %s: %.*s", round, commands[i], (int)expected.len,
                         (const char *)expected.data);
            }
            imap_world_forget_output(&keeps, 1);
            imap_world_clear(&fresh);
        }
    }
    imap_world_clear(&keeps);
}

static unsigned reads_of(struct imap_world *world, const char *command)
{
    unsigned before = memory_mail_reads(world->store);
    imap_world_ask(world, 1, "t %s", command);
    imap_world_expect(world, 1, "...");
    imap_world_expect(world, 1, "~t OK");
    return memory_mail_reads(world->store) - before;
}

static void only_what_is_new_is_read_again(void **state)
{
    (void)state;
    static const char *const commands[] = {"SORT (SUBJECT) UTF-8 ALL", "SORT (FROM) UTF-8 ALL",
                                           "THREAD REFERENCES UTF-8 ALL",
                                           "THREAD ORDEREDSUBJECT UTF-8 ALL"};
    struct imap_world world;
    unsigned n_mails = 0;
    begin(&world);
    for (; n_mails < 640; n_mails++) {
        deliver(&world, n_mails);
    }
    RUN(&world, "1> n NOOP", "1< ...", "1< ~n OK");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(reads_of(&world, commands[i]), 640);
        assert_int_equal(reads_of(&world, commands[i]), 0);
    }
    /* Ten are few: they are read again by each question. An eleventh, and all is kept anew. */
    for (unsigned n_new = 1; n_new <= 13; n_new++) {
        deliver(&world, n_mails++);
        RUN(&world, "1> n NOOP", "1< ...", "1< ~n OK");
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
            assert_int_equal(reads_of(&world, commands[i]), n_new <= 11 ? n_new : n_new - 11);
        }
    }
    /* Fewer messages are never a reason to read. */
    assert_int_equal(reads_of(&world, "SORT (SUBJECT) UTF-8 1:600"), 0);
    imap_world_clear(&world);
}

/* A session that has not seen an expunge sorts what another one, which has, does not have. */
static void sessions_with_other_views_share_what_is_kept(void **state)
{
    (void)state;
    struct imap_world world;
    begin(&world);
    static const char *const subjects[] = {"c", "a", "b", "d"};
    for (size_t i = 0; i < 4; i++) {
        char *mail = xasprintf("Subject: %s\r\n\r\n", subjects[i]);
        memory_mail_deliver(world.store, "INBOX", mail);
        free(mail);
    }
    imap_world_log_in(&world, 2);
    imap_world_select(&world, 2, "INBOX");
    RUN(&world, "1> a NOOP", "1< ...", "1< ~a OK", "1> b SORT (SUBJECT) UTF-8 ALL",
        "1< * SORT 2 3 1 4", "1< ~b OK");
    memory_mail_expunge(world.store, "INBOX", 3);
    memory_mail_deliver(world.store, "INBOX", "Subject: aa\r\n\r\n");
    RUN(&world, "1> c NOOP", "1< * 3 EXPUNGE", "1< ...", "1< ~c OK",
        "1> d SORT (SUBJECT) UTF-8 ALL", "1< * SORT 2 4 1 3", "1< ~d OK",
        /* Not told yet: it is still there for this one. */
        "2> d SORT (SUBJECT) UTF-8 2:4", "2< * SORT 2 4", "2< ...", "2< ~d OK", "2> e NOOP",
        "2< ...", "2< ~e OK", "2> f SORT (SUBJECT) UTF-8 ALL", "2< * SORT 2 4 1 3", "2< ~f OK");
    imap_world_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_for_the_same_question_alone),
        cmocka_unit_test(one_that_is_told_stays_while_others_push_it_out),
        cmocka_unit_test(all_answers_together_are_bounded_and_the_oldest_goes),
        cmocka_unit_test(one_that_is_too_large_is_not_kept),
        cmocka_unit_test(what_was_read_is_outgrown_by_many_new_messages),
        cmocka_unit_test(what_is_kept_changes_no_answer),
        cmocka_unit_test(only_what_is_new_is_read_again),
        cmocka_unit_test(sessions_with_other_views_share_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
