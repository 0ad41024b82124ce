// SPDX-License-Identifier: MIT
#include "mailproto/imap/kept_answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "mailproto/imap/uid_set.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_for_the_same_question_alone),
        cmocka_unit_test(one_that_is_told_stays_while_others_push_it_out),
        cmocka_unit_test(all_answers_together_are_bounded_and_the_oldest_goes),
        cmocka_unit_test(one_that_is_too_large_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
