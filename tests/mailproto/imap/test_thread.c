// SPDX-License-Identifier: MIT
#include "mailproto/imap/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

struct row {
    const char *id;
    const char *references;
    const char *subject;
    bool is_reply;
    int64_t date;
};

static void assert_threads(const struct row *rows, size_t n_rows, const char *references,
                           const char *by_subject)
{
    struct thread_message *messages = xcalloc(n_rows, sizeof(*messages));
    struct arena arena = {0};
    struct buf out = {0};
    for (size_t i = 0; i < n_rows; i++) {
        messages[i] = (struct thread_message){.number = (uint32_t)i + 1,
                                              .date = rows[i].date,
                                              .subject = bytes_of_str(rows[i].subject),
                                              .is_reply = rows[i].is_reply,
                                              .message_id = bytes_of_str(rows[i].id),
                                              .references = bytes_of_str(rows[i].references)};
    }
    thread_by_references(&out, messages, n_rows, &arena);
    assert_string_equal(buf_str(&out), references);
    if (by_subject != NULL) {
        buf_reset(&out);
        thread_by_subject(&out, messages, n_rows);
        assert_string_equal(buf_str(&out), by_subject);
    }
    buf_clear(&out);
    arena_clear(&arena);
    free(messages);
}

static void answers_stand_below_what_they_answer(void **state)
{
    (void)state;
    static const struct row rows[] = {{"<1>", "", "a", false, 1},
                                      {"<2>", "<1>", "a", true, 2},
                                      {"<3>", "<1> <2>", "a", true, 3},
                                      {"<4>", "<1>", "a", true, 4},
                                      {"<5>", "", "b", false, 5}};
    assert_threads(rows, 5, "(1 (2 3)(4))(5)", "(1 (2)(3)(4))(5)");
}

static void a_missing_message_holds_its_answers_together(void **state)
{
    (void)state;
    static const struct row rows[] = {{"<2>", "<1>", "x", false, 2}, {"<3>", "<1>", "y", false, 3}};
    static const struct row alone[] = {{"<2>", "<1>", "x", false, 2}};
    assert_threads(rows, 2, "((1)(2))", "(1)(2)");
    assert_threads(alone, 1, "(1)", NULL);
}

static void one_subject_makes_one_thread(void **state)
{
    (void)state;
    static const struct row reply[] = {{"<1>", "", "a", false, 1}, {"<2>", "", "a", true, 2}};
    static const struct row equal[] = {{"<1>", "", "a", false, 1}, {"<2>", "", "a", false, 2}};
    static const struct row late[] = {{"<1>", "", "a", true, 1}, {"<2>", "", "a", false, 2}};
    static const struct row many[] = {{"<1>", "", "a", false, 1},
                                      {"<2>", "", "a", false, 2},
                                      {"<3>", "", "a", false, 3},
                                      {"<4>", "", "a", true, 4}};
    assert_threads(reply, 2, "(1 2)", "(1 2)");
    assert_threads(equal, 2, "((1)(2))", "(1 2)");
    assert_threads(late, 2, "(2 1)", "(1 2)");
    assert_threads(many, 4, "((1)(2)(3)(4))", "(1 (2)(3)(4))");
}

static void loops_and_twins_are_broken(void **state)
{
    (void)state;
    static const struct row loop[] = {{"<1>", "<2>", "a", true, 1}, {"<2>", "<1>", "b", true, 2}};
    static const struct row self[] = {{"<1>", "<1>", "a", false, 1}};
    static const struct row twins[] = {{"<1>", "", "a", false, 1}, {"<1>", "", "b", false, 2}};
    static const struct row broken[] = {{"", "<", "", false, 1}, {"x", "<>", "", false, 2}};
    static const struct row knot[] = {
        {"<a>", "", "", false, 9}, {"<b>", "<a> <c>", "", false, 1}, {"<c>", "<b>", "", false, 2}};
    assert_threads(loop, 2, "(2 1)", NULL);
    assert_threads(knot, 3, "(3 2)(1)", NULL);
    assert_threads(self, 1, "(1)", NULL);
    assert_threads(twins, 2, "(1)(2)", NULL);
    assert_threads(broken, 2, "(1)(2)", NULL);
}

/* Every message answers the one before: a chain, cut where it would be too deep. */
static void a_chain_of_any_length_is_told(void **state)
{
    (void)state;
    enum { N_MESSAGES = 3000 };
    struct arena arena = {0};
    struct buf out = {0};
    struct thread_message *messages = xcalloc(N_MESSAGES, sizeof(*messages));
    for (size_t i = 0; i < N_MESSAGES; i++) {
        char *id = arena_printf(&arena, "<%zu>", i);
        char *parent = arena_printf(&arena, "<%zu>", i - 1);
        messages[i] = (struct thread_message){.number = (uint32_t)i + 1,
                                              .date = (int64_t)i,
                                              .message_id = bytes_of_str(id),
                                              .references = bytes_of_str(i > 0 ? parent : "")};
    }

    thread_by_references(&out, messages, N_MESSAGES, &arena);

    size_t n_numbers = 0;
    for (size_t i = 0; i + 1 < out.len; i++) {
        bool ends = out.data[i] >= '0' && out.data[i] <= '9' &&
                    (out.data[i + 1] == ' ' || out.data[i + 1] == ')');
        n_numbers += ends;
    }
    assert_int_equal(n_numbers, N_MESSAGES);
    buf_clear(&out);
    arena_clear(&arena);
    free(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_stand_below_what_they_answer),
        cmocka_unit_test(a_missing_message_holds_its_answers_together),
        cmocka_unit_test(one_subject_makes_one_thread),
        cmocka_unit_test(loops_and_twins_are_broken),
        cmocka_unit_test(a_chain_of_any_length_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
