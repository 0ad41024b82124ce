// SPDX-License-Identifier: MIT
#include "mailproto/imap/mailbox_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "mailproto/imap/uid_set.h"

static struct mailbox_view *view_of(uint32_t n_messages)
{
    struct mailbox_message *messages = xcalloc(n_messages + 1, sizeof(*messages));
    for (uint32_t i = 0; i < n_messages; i++) {
        messages[i] = (struct mailbox_message){.uid = i * 2 + 1, .size = 10, .modseq = 1};
    }
    struct mailbox_keywords *keywords = mailbox_keywords_new(NULL, 0);
    struct mailbox_view *view =
        mailbox_view_new(messages, n_messages, keywords, n_messages * 2 + 1, 1);
    mailbox_keywords_unref(&keywords);
    free(messages);
    return view;
}

static void a_message_is_found_by_number_and_by_uid(void **state)
{
    (void)state;
    struct mailbox_view *view = view_of(1000);

    assert_int_equal(view->n_messages, 1000);
    for (uint32_t seq = 1; seq <= 1000; seq++) {
        assert_int_equal(mailbox_view_at(view, seq)->uid, seq * 2 - 1);
        assert_int_equal(mailbox_view_seq_of(view, seq * 2 - 1), seq);
        assert_int_equal(mailbox_view_seq_of(view, seq * 2), 0);
        assert_int_equal(mailbox_view_lower_bound(view, seq * 2), seq + 1);
    }
    assert_null(mailbox_view_find(view, 5000));
    mailbox_view_unref(&view);
}

static void an_empty_view_has_nothing(void **state)
{
    (void)state;
    struct mailbox_view *view = view_of(0);

    assert_int_equal(view->n_messages, 0);
    assert_int_equal(mailbox_view_lower_bound(view, 1), 1);
    assert_int_equal(mailbox_view_seq_of(view, 1), 0);
    mailbox_view_unref(&view);
}

static void applying_shares_the_chunks_that_did_not_change(void **state)
{
    (void)state;
    struct mailbox_view *before = view_of(1280);
    struct mailbox_message changed = *mailbox_view_at(before, 700);
    changed.flags = MAILBOX_FLAG_SEEN;
    changed.modseq = 2;
    struct mailbox_delta delta = {.put = &changed, .n_put = 1, .highest_modseq = 2};

    struct mailbox_view *after = mailbox_view_apply(before, &delta);

    size_t n_shared = 0;
    for (size_t i = 0; i < after->n_slots; i++) {
        n_shared += after->slots[i].chunk == before->slots[i].chunk;
    }
    assert_int_equal(after->n_slots, 10);
    assert_int_equal(n_shared, 9);
    assert_int_equal(after->n_unseen, 1279);
    assert_int_equal(mailbox_view_at(before, 700)->flags, 0);
    assert_int_equal(mailbox_view_at(after, 700)->flags, MAILBOX_FLAG_SEEN);
    mailbox_view_unref(&before);
    mailbox_view_unref(&after);
}

/* A plain array that goes through the same changes. */
struct model {
    struct mailbox_message messages[4000];
    uint32_t n_messages;
};

static void model_apply(struct model *model, const struct mailbox_message *put, size_t n_put,
                        const struct uid_set *expunged)
{
    for (size_t i = 0; i < n_put; i++) {
        uint32_t at = 0;
        while (at < model->n_messages && model->messages[at].uid != put[i].uid) {
            at++;
        }
        model->messages[at] = put[i];
        model->n_messages += at == model->n_messages;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < model->n_messages; i++) {
        if (!uid_set_has(expunged, model->messages[i].uid)) {
            model->messages[kept++] = model->messages[i];
        }
    }
    model->n_messages = kept;
}

static void assert_same(const struct mailbox_view *view, const struct model *model)
{
    uint32_t n_unseen = 0;
    uint32_t n_deleted = 0;
    uint64_t total_size = 0;
    assert_int_equal(view->n_messages, model->n_messages);
    for (uint32_t i = 0; i < model->n_messages; i++) {
        const struct mailbox_message *message = &model->messages[i];
        assert_memory_equal(mailbox_view_at(view, i + 1), message, sizeof(*message));
        n_unseen += (message->flags & MAILBOX_FLAG_SEEN) == 0;
        n_deleted += (message->flags & MAILBOX_FLAG_DELETED) != 0;
        total_size += message->size;
    }
    assert_int_equal(view->n_unseen, n_unseen);
    assert_int_equal(view->n_deleted, n_deleted);
    assert_int_equal(view->total_size, total_size);
}

/* What the difference says, done to `before`, must give `after`. */
static void assert_diff_leads(const struct mailbox_view *before, const struct mailbox_view *after)
{
    struct mailbox_diff diff = {.before = before, .after = after};
    const struct mailbox_message *old = NULL;
    const struct mailbox_message *new = NULL;
    struct uid_set expunged = {0};
    struct mailbox_message *put = xcalloc(after->n_messages + 1, sizeof(*put));
    size_t n_put = 0;
    enum mailbox_change change = MAILBOX_CHANGE_NONE;
    while ((change = mailbox_diff_next(&diff, &old, &new)) != MAILBOX_CHANGE_NONE) {
        if (change == MAILBOX_EXPUNGED) {
            uid_set_add(&expunged, old->uid);
        } else {
            put[n_put++] = *new;
        }
    }
    struct mailbox_delta delta = {.put = put, .n_put = n_put, .expunged = &expunged};
    struct mailbox_view *led = mailbox_view_apply(before, &delta);
    assert_int_equal(led->n_messages, after->n_messages);
    for (uint32_t seq = 1; seq <= after->n_messages; seq++) {
        assert_memory_equal(mailbox_view_at(led, seq), mailbox_view_at(after, seq),
                            sizeof(struct mailbox_message));
    }
    mailbox_view_unref(&led);
    uid_set_clear(&expunged);
    free(put);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 12;
}

static void random_changes_agree_with_an_array_and_with_the_difference(void **state)
{
    (void)state;
    struct model *model = xcalloc(1, sizeof(*model));
    struct mailbox_view *view = view_of(0);
    struct mailbox_view *older = mailbox_view_ref(view);
    unsigned seed = 3;
    uint32_t uid_next = 1;

    for (uint64_t round = 1; round <= 150; round++) {
        struct mailbox_message put[64] = {0};
        size_t n_put = 0;
        struct uid_set expunged = {0};
        for (uint32_t i = 0; i < model->n_messages && n_put < 20; i++) {
            if (next_random(&seed) % 20 == 0) {
                put[n_put] = model->messages[i];
                put[n_put].flags = next_random(&seed) % 32;
                put[n_put++].modseq = round;
            }
        }
        for (unsigned n_new = next_random(&seed) % 40; n_new > 0; n_new--) {
            put[n_put++] = (struct mailbox_message){
                .uid = uid_next, .size = next_random(&seed) % 100, .modseq = round};
            uid_next += 1 + next_random(&seed) % 2;
        }
        for (uint32_t i = 0; i < model->n_messages; i++) {
            if (next_random(&seed) % 50 == 0) {
                uid_set_add(&expunged, model->messages[i].uid);
            }
        }
        struct mailbox_delta delta = {.put = put,
                                      .n_put = n_put,
                                      .expunged = &expunged,
                                      .uid_next = uid_next,
                                      .highest_modseq = round};
        struct mailbox_view *next = mailbox_view_apply(view, &delta);
        model_apply(model, put, n_put, &expunged);
        assert_same(next, model);
        assert_diff_leads(view, next);
        assert_diff_leads(older, next);
        if (round % 7 == 0) {
            mailbox_view_unref(&older);
            older = mailbox_view_ref(view);
        }
        mailbox_view_unref(&view);
        view = next;
        uid_set_clear(&expunged);
    }
    mailbox_view_unref(&older);
    mailbox_view_unref(&view);
    free(model);
}

static void single_expunges_do_not_leave_a_sparse_view(void **state)
{
    (void)state;
    struct mailbox_view *view = view_of(128 * 20);

    for (uint32_t seq = 1; seq <= 128 * 20; seq++) {
        if (seq % 8 == 0) {
            continue;
        }
        struct uid_set one = {0};
        uid_set_add(&one, seq * 2 - 1);
        struct mailbox_view *next =
            mailbox_view_apply(view, &(struct mailbox_delta){.expunged = &one});
        mailbox_view_unref(&view);
        view = next;
        uid_set_clear(&one);
    }

    assert_int_equal(view->n_messages, 320);
    assert_true(view->n_slots <= 10);
    mailbox_view_unref(&view);
}

static void keywords_are_found_in_any_case(void **state)
{
    (void)state;
    const char *names[] = {"$Label1", "Old"};
    struct mailbox_keywords *keywords = mailbox_keywords_new(names, 2);
    unsigned id = 99;

    assert_true(mailbox_keywords_find(keywords, bytes_of_str("old"), &id));
    assert_int_equal(id, 1);
    assert_false(mailbox_keywords_find(keywords, bytes_of_str("older"), &id));
    mailbox_keywords_unref(&keywords);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_found_by_number_and_by_uid),
        cmocka_unit_test(an_empty_view_has_nothing),
        cmocka_unit_test(applying_shares_the_chunks_that_did_not_change),
        cmocka_unit_test(random_changes_agree_with_an_array_and_with_the_difference),
        cmocka_unit_test(single_expunges_do_not_leave_a_sparse_view),
        cmocka_unit_test(keywords_are_found_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
