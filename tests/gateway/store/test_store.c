// SPDX-License-Identifier: MIT
/* What the store does beyond the mailbox contract (test_contract.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/db.h"
#include "base/loop.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/keywords.h"
#include "gateway/store/store_internal.h"
#include "tests/gateway/store/fixture.h"

#define MAIL "Subject: x\r\n\r\nbody\r\n"

/* ---- Appending ---- */

static void an_append_that_breaks_a_bound_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox_append *append = fixture->ops->append_begin(
        fixture->account, "Drafts", (struct mailbox_ready){0}, &fixture->fault);
    const struct mailbox_new_message largest = {.size = MAILBOX_APPEND_MAX_BYTES};
    const struct mailbox_new_message larger = {.size = MAILBOX_APPEND_MAX_BYTES + 1};

    assert_true(fixture->ops->append_message(append, &largest, &fixture->fault));
    fixture->ops->append_abort(&append);
    append = fixture->ops->append_begin(fixture->account, "Drafts", (struct mailbox_ready){0},
                                        &fixture->fault);
    assert_false(fixture->ops->append_message(append, &larger, &fixture->fault));
    assert_int_equal(fixture->fault.code, FAULT_LIMIT);
    fixture->ops->append_abort(&append);
    assert_int_equal(fixture->store->append_bytes, 0);
}

static void what_is_on_its_way_in_is_bounded_over_all_sessions(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox_append *appends[4];
    const struct mailbox_new_message largest = {.size = MAILBOX_APPEND_MAX_BYTES};
    const struct mailbox_new_message one_byte = {.size = 1};

    for (size_t i = 0; i < 4; i++) {
        appends[i] =
            fixture->ops->append_begin(fixture->account, "Drafts", (struct mailbox_ready){0}, NULL);
        assert_true(fixture->ops->append_message(appends[i], &largest, NULL));
    }
    struct mailbox_append *one_more =
        fixture->ops->append_begin(fixture->account, "Drafts", (struct mailbox_ready){0}, NULL);
    assert_false(fixture->ops->append_message(one_more, &one_byte, &fixture->fault));
    assert_int_equal(fixture->fault.code, FAULT_BUSY);

    fixture->ops->append_abort(&one_more);
    for (size_t i = 0; i < 4; i++) {
        fixture->ops->append_abort(&appends[i]);
    }
    assert_int_not_equal(fixture_append(fixture, "Drafts", MAIL, 0, NULL), 0);
}

static void nothing_is_put_into_outbox_or_a_container(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_append(fixture, "INBOX", MAIL, 0, NULL), 1);
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);

    assert_int_equal(fixture_append(fixture, "Outbox", MAIL, 0, NULL), 0);
    assert_int_equal(fixture->fault.code, FAULT_DENIED);
    assert_int_equal(fixture_append(fixture, "Chans", MAIL, 0, NULL), 0);
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_int_equal(fixture_append(fixture, "nowhere", MAIL, 0, NULL), 0);
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_false(fixture_copy(fixture, mailbox, 1, 1, "Outbox", false));
    assert_int_equal(fixture->fault.code, FAULT_DENIED);
    assert_false(fixture_copy(fixture, mailbox, 1, 1, "Outbox", true));
    assert_int_equal(fixture->fault.code, FAULT_DENIED);
    assert_false(fixture_copy(fixture, mailbox, 1, 1, "nowhere", true));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);

    assert_non_null(fixture_message(fixture, mailbox, 1));
    fixture->ops->close(&mailbox);
}

/* ---- Flags ---- */

static void a_client_can_use_up_its_keywords_but_not_the_servers(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);

    for (int i = 0; i < KEYWORDS_FOR_CLIENTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "key%d", i);
        assert_true(fixture_flags(fixture, mailbox, 1, MAILBOX_STORE_ADD, 0, name));
    }
    assert_false(fixture_flags(fixture, mailbox, 1, MAILBOX_STORE_ADD, 0, "one-more"));
    assert_int_equal(fixture->fault.code, FAULT_LIMIT);
    assert_true(fixture_flags(fixture, mailbox, 1, MAILBOX_STORE_ADD, 0, "KEY0"));

    fixture->ops->close(&mailbox);
    fixture_check(fixture);
}

/* ---- Expunge, copy, move ---- */

static void bodies_that_nothing_refers_to_are_cleared_away(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, MAILBOX_FLAG_DELETED, NULL);
    fixture_append(fixture, "INBOX", MAIL, MAILBOX_FLAG_DELETED, NULL);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    assert_true(fixture_copy(fixture, inbox, 1, 1, "Archive", false));
    assert_true(fixture_expunge(fixture, inbox));

    int64_t n_bodies = 2;
    for (int i = 0; i < 500 && n_bodies != 1; i++) {
        loop_turn(fixture->loop, 10);
        n_bodies = fixture_number(fixture, "SELECT count(*) FROM body");
    }

    assert_int_equal(n_bodies, 1);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM released_body"), 0);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM body_piece"), 1);
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

/* ---- Watching ---- */

static void changes_during_the_load_of_a_view_are_in_it(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    }
    /* The open is under way while an append is committed, in either order. */
    struct mailbox_append *append =
        fixture->ops->append_begin(fixture->account, "INBOX", (struct mailbox_ready){0}, NULL);
    const char *keyword = "late";
    const struct mailbox_new_message message = {.flags = {0, &keyword, 1}, .size = 4};
    assert_true(fixture->ops->append_message(append, &message, NULL));
    assert_int_equal(fixture->ops->append_data(append, bytes_of_str("a\r\n\r"), NULL),
                     MAILBOX_PUSH_OK);
    struct fixture *other = xcalloc(1, sizeof(*other));
    other->loop = fixture->loop;
    (void)fixture->ops->append_commit(&append, fixture_done(other));
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    while (!other->answered) {
        loop_turn(fixture->loop, 10);
    }

    assert_non_null(fixture_message(fixture, mailbox, 21));
    assert_true(fixture_has_keyword(fixture, mailbox, 21, "late"));
    struct mailbox_view *view = fixture->ops->view(mailbox);
    assert_int_equal(view->n_messages, 21);
    assert_int_equal(view->uid_next, 22);
    mailbox_view_unref(&view);
    fixture->ops->close(&mailbox);
    uid_set_clear(&other->expunged);
    free(other);
}

/* ---- Reading and searching ---- */

static bool add_texts(struct mail_txn *txn, void *job, struct fault *fault)
{
    const int64_t *mailbox_id = job;
    static const char *const bodies[] = {"red apple", "green pear", "red pear"};
    for (size_t i = 0; i < 3; i++) {
        struct arena arena = {0};
        struct message_new message = fixture_message_new(&arena, MAIL, NULL);
        struct mail_analysis analysis = *message.analysis;
        analysis.text.header = bytes_of_str("subject:fruit\n");
        analysis.text.body = bytes_of_str(bodies[i]);
        message.analysis = &analysis;
        struct message_place place;
        bool ok = messages_add(txn, &place, *mailbox_id, &message, fault);
        arena_clear(&arena);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static void note_hits(void *context, const struct mailbox_hit *hits, size_t n_hits)
{
    struct fixture *fixture = context;
    for (size_t i = 0; i < n_hits; i++) {
        fixture->hits[fixture->n_hits++] = hits[i];
    }
}

static void note_search_done(void *context, const struct fault *fault)
{
    struct fixture *fixture = context;
    fixture->answered = true;
    fixture->fault = fault ? *fault : (struct fault){0};
}

static void a_search_tells_which_test_each_message_passes(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    int64_t id = (int64_t)fixture->ops->mailbox_id(mailbox);
    assert_true(fixture_write(fixture, add_texts, &id));
    const struct mailbox_text_test tests[] = {
        {MAILBOX_TEXT_BODY, {0}, bytes_of_str("red")},
        {MAILBOX_TEXT_BODY, {0}, bytes_of_str("ear")},
    };
    struct uid_set uids = {0};
    uid_set_add_range(&uids, 1, 3);

    fixture->answered = false;
    (void)fixture->ops->search_text(
        mailbox, &uids, tests, 2,
        (struct mailbox_search_done){note_hits, note_search_done, fixture});

    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->n_hits, 3);
    assert_int_equal(fixture->hits[0].passed, 1);
    assert_int_equal(fixture->hits[1].passed, 2);
    assert_int_equal(fixture->hits[2].passed, 3);

    /* One goes; what was asked for and is not there is told as gone. */
    assert_true(fixture_flags(fixture, mailbox, 2, MAILBOX_STORE_ADD, MAILBOX_FLAG_DELETED, NULL));
    assert_true(fixture_expunge(fixture, mailbox));
    fixture->n_hits = 0;
    fixture->answered = false;
    (void)fixture->ops->search_text(
        mailbox, &uids, tests, 2,
        (struct mailbox_search_done){note_hits, note_search_done, fixture});
    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->n_hits, 3);
    assert_false(fixture->hits[0].is_gone);
    assert_true(fixture->hits[1].is_gone);
    assert_int_equal(fixture->hits[1].passed, 0);
    assert_false(fixture->hits[2].is_gone);

    struct mailbox_call *call = fixture->ops->search_text(
        mailbox, &uids, tests, 2,
        (struct mailbox_search_done){note_hits, note_search_done, fixture});
    fixture->answered = false;
    fixture->ops->cancel(&call);
    uid_set_clear(&uids);
    fixture->ops->close(&mailbox);
    for (int i = 0; i < 20; i++) {
        loop_turn(fixture->loop, 5);
    }
    assert_false(fixture->answered);
}

static void writes_at_the_same_time_share_a_commit(void **state)
{
    struct fixture *fixture = *state;
    struct fixture *answers = xcalloc(20, sizeof(*answers));
    for (size_t i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "box%zu", i);
        (void)fixture->ops->create(fixture->account, name, 0, fixture_done(&answers[i]));
    }

    for (size_t i = 0; i < 20; i++) {
        while (!answers[i].answered) {
            loop_turn(fixture->loop, 10);
        }
        assert_int_equal(answers[i].fault.code, FAULT_NONE);
    }

    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM mailbox"), 29);
    free(answers);
    fixture_check(fixture);
}

static void an_incomplete_message_is_not_committed(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox_append *append =
        fixture->ops->append_begin(fixture->account, "Drafts", (struct mailbox_ready){0}, NULL);
    const struct mailbox_new_message message = {.size = 10};
    assert_true(fixture->ops->append_message(append, &message, NULL));

    (void)fixture->ops->append_commit(&append, fixture_done(fixture));

    assert_false(fixture_wait(fixture));
    assert_int_equal(fixture->fault.code, FAULT_INVALID);
    assert_int_equal(fixture_status(fixture, "Drafts").n_messages, 0);
}

static void what_is_done_to_a_deleted_mailbox_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_create(fixture, "tmp"));
    assert_int_equal(fixture_append(fixture, "tmp", MAIL, 0, NULL), 1);
    struct mailbox *mailbox = fixture_open(fixture, "tmp", NULL);
    assert_true(fixture_remove(fixture, "tmp"));

    assert_false(fixture_flags(fixture, mailbox, 1, MAILBOX_STORE_ADD, MAILBOX_FLAG_SEEN, NULL));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_false(fixture_copy(fixture, mailbox, 1, 1, "INBOX", false));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_false(fixture_expunge(fixture, mailbox));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_null(fixture_content(fixture, mailbox, 1));

    fixture->ops->close(&mailbox);
    fixture_check(fixture);
}

static void what_the_contract_leaves_open_is_done_well(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_append(fixture, "INBOX", MAIL, 0, NULL), 1);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    unsigned n_list_events = fixture->n_list_events;

    /* A copy costs no content, a move no room. */
    assert_true(fixture_copy(fixture, inbox, 1, 1, "Archive", false));
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM body"), 1);
    assert_int_equal(fixture_number(fixture, "SELECT used_messages FROM account"), 2);
    assert_true(fixture_copy(fixture, inbox, 1, 1, "Trash", true));
    assert_int_equal(fixture_number(fixture, "SELECT used_messages FROM account"), 2);
    /* Accounts hear of mailboxes that nobody has open. */
    assert_true(fixture->n_list_events >= n_list_events + 3);
    /* What was cancelled after it was started is done all the same. */
    struct mailbox_call *call =
        fixture->ops->create(fixture->account, "quiet", 0, fixture_done(fixture));
    fixture->ops->cancel(&call);
    for (int i = 0; i < 50; i++) {
        loop_turn(fixture->loop, 2);
    }
    assert_non_null(strstr(fixture_names(fixture), "quiet"));
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

/* ---- Flags ---- */

/* Begun together, so that the second is asked for with a view that does not know the first: in one
 * transaction or in two. */
static void flags_are_changed_on_top_of_what_was_changed_before(void **state)
{
    struct fixture *fixture = *state;
    struct uid_set both = {0};
    struct uid_set second = {0};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_not_equal(fixture_append(fixture, "INBOX", MAIL, 0, NULL), 0);
    }
    uid_set_add_range(&both, 1, 2);
    uid_set_add(&second, 2);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    struct mailbox_view *view = fixture->ops->view(inbox);
    uint64_t modseq = view->highest_modseq;
    mailbox_view_unref(&view);
    const struct mailbox_store_request first = {
        .uids = &second, .mode = MAILBOX_STORE_ADD, .flags = {.flags = MAILBOX_FLAG_FLAGGED}};
    const struct mailbox_store_request then = {.uids = &both,
                                               .mode = MAILBOX_STORE_ADD,
                                               .flags = {.flags = MAILBOX_FLAG_SEEN},
                                               .has_unchanged_since = true,
                                               .unchanged_since = modseq};
    const struct mailbox_store_request last = {
        .uids = &both, .mode = MAILBOX_STORE_ADD, .flags = {.flags = MAILBOX_FLAG_DRAFT}};

    (void)fixture->ops->store_flags(inbox, &first, (struct mailbox_done){0});
    (void)fixture->ops->store_flags(inbox, &then, fixture_done(fixture));
    assert_true(fixture_wait(fixture));
    assert_int_equal(uid_set_count(&fixture->refused), 1);
    assert_true(uid_set_has(&fixture->refused, 2));

    /* From the view: it knows both. */
    (void)fixture->ops->store_flags(inbox, &last, fixture_done(fixture));
    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->n_changed, 2);
    assert_int_equal(fixture->changed[0].flags, MAILBOX_FLAG_SEEN | MAILBOX_FLAG_DRAFT);
    assert_int_equal(fixture->changed[1].flags, MAILBOX_FLAG_FLAGGED | MAILBOX_FLAG_DRAFT);
    assert_int_equal(fixture_message(fixture, inbox, 3)->flags, 0);
    assert_int_equal(fixture_number(fixture, "SELECT sum(flags) FROM message"),
                     MAILBOX_FLAG_SEEN + MAILBOX_FLAG_FLAGGED + 2 * MAILBOX_FLAG_DRAFT);

    /* An expunge on its way: what is gone is not changed. */
    uid_set_clear(&second);
    uid_set_add(&second, 1);
    assert_true(fixture_flags(fixture, inbox, 1, MAILBOX_STORE_ADD, MAILBOX_FLAG_DELETED, NULL));
    (void)fixture->ops->expunge(inbox, &second, (struct mailbox_done){0});
    (void)fixture->ops->store_flags(inbox, &last, fixture_done(fixture));
    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->n_changed, 1);
    assert_int_equal(fixture->changed[0].uid, 2);

    fixture->ops->close(&inbox);
    uid_set_clear(&both);
    uid_set_clear(&second);
    fixture_check(fixture);
}

/* ---- Size ---- */

enum { MANY_MESSAGES = 100000 };

/* Rows of messages whose bodies are nowhere: whoever looked for one would find nothing. */
static bool add_bodiless(struct mail_txn *txn, void *job, struct fault *fault)
{
    (void)job;
    return db_exec(
        txn->db,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
        " INSERT INTO message (mailbox_id, uid, body_id, flags, keywords, modseq, size,"
        " internal_sec, internal_zone_min, sent_sec, sent_zone_min, saved_sec, origin)"
        " SELECT m.id, i, 1000000 + i, 0, 0, 2, 100, i, 0, i, 0, i, 0"
        " FROM n, mailbox m WHERE m.name = 'INBOX';"
        "UPDATE mailbox SET n_messages = 100000, n_unseen = 100000, uid_next = 100001,"
        " modseq_highest = 2 WHERE name = 'INBOX'",
        fault);
}

static void a_large_mailbox_is_opened_without_reading_a_message(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_write(fixture, add_bodiless, NULL));
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM body"), 0);

    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    assert_non_null(inbox);
    struct mailbox_view *view = fixture->ops->view(inbox);
    assert_int_equal(view->n_messages, MANY_MESSAGES);
    assert_int_equal(mailbox_view_at(view, MANY_MESSAGES)->uid, MANY_MESSAGES);
    mailbox_view_unref(&view);
    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, MANY_MESSAGES);
    assert_true(fixture_flags(fixture, inbox, 7, MAILBOX_STORE_ADD, MAILBOX_FLAG_SEEN, NULL));
    fixture->ops->close(&inbox);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_append_that_breaks_a_bound_is_refused),
        TEST(what_is_on_its_way_in_is_bounded_over_all_sessions),
        TEST(nothing_is_put_into_outbox_or_a_container),
        TEST(a_client_can_use_up_its_keywords_but_not_the_servers),
        TEST(bodies_that_nothing_refers_to_are_cleared_away),
        TEST(changes_during_the_load_of_a_view_are_in_it),
        TEST(a_search_tells_which_test_each_message_passes),
        TEST(writes_at_the_same_time_share_a_commit),
        TEST(an_incomplete_message_is_not_committed),
        TEST(what_is_done_to_a_deleted_mailbox_is_refused),
        TEST(what_the_contract_leaves_open_is_done_well),
        TEST(flags_are_changed_on_top_of_what_was_changed_before),
        TEST(a_large_mailbox_is_opened_without_reading_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
