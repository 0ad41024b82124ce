// SPDX-License-Identifier: MIT
/* What the agent does to messages inside a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/accounts.h"
#include "gateway/store/client_messages.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/store.h"
#include "tests/gateway/store/fixture.h"

#define MAIL "From: a@x\r\nMessage-ID: <1@x>\r\nSubject: x\r\n\r\nbody\r\n"

/* A mail is taken by SMTP: Sent and Outbox get it. */
struct submission {
    struct fixture *fixture;
    const char *content;
    struct message_place sent;
    struct message_place outbox;
};

static bool submit(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct submission *submission = job;
    int64_t sent_id;
    int64_t outbox_id;
    static const char *const keywords[] = {"$bm-queued"};
    struct arena arena = {0};
    struct message_new message = fixture_message_new(&arena, submission->content, "<1@x>");
    message.origin = MESSAGE_BY_SUBMISSION;
    message.keywords = keywords;
    message.n_keywords = 1;
    bool ok = folders_ensure_use(txn, &sent_id, submission->fixture->account_id, MAILBOX_USE_SENT,
                                 fault) &&
              folders_ensure(txn, &outbox_id, submission->fixture->account_id, "Outbox", fault) &&
              messages_add(txn, &submission->sent, sent_id, &message, fault) &&
              messages_add_copy(txn, &submission->outbox, outbox_id, &submission->sent, fault);
    arena_clear(&arena);
    return ok;
}

static struct submission submitted(struct fixture *fixture)
{
    struct submission submission = {.fixture = fixture, .content = MAIL};
    if (!fixture_write(fixture, submit, &submission)) {
        fail_msg("%s", fixture->fault.text);
    }
    return submission;
}

static bool set_working(struct mail_txn *txn, void *job, struct fault *fault)
{
    return messages_set_state(txn, *(const uint64_t *)job, "$bm-working", fault);
}

static bool set_none(struct mail_txn *txn, void *job, struct fault *fault)
{
    return messages_set_state(txn, *(const uint64_t *)job, NULL, fault);
}

static bool take_out(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct message_place *place = job;
    return messages_take_out(txn, place->mailbox_id, place->uid, fault) &&
           messages_take_out(txn, place->mailbox_id, place->uid, fault); /* gone already: fine */
}

static void the_state_is_one_keyword_on_all_copies(void **state)
{
    struct fixture *fixture = *state;
    struct submission mail = submitted(fixture);
    struct mailbox *sent = fixture_open(fixture, "Sent", NULL);
    struct mailbox *outbox = fixture_open(fixture, "Outbox", NULL);
    assert_true(fixture_copy(fixture, sent, 1, 1, "Archive", false));
    struct mailbox *archive = fixture_open(fixture, "Archive", NULL);
    assert_true(fixture_has_keyword(fixture, archive, 1, "$bm-queued"));

    assert_true(fixture_write(fixture, set_working, &mail.sent.email_id));

    struct mailbox *all[] = {sent, outbox, archive};
    for (size_t i = 0; i < 3; i++) {
        assert_true(fixture_has_keyword(fixture, all[i], 1, "$bm-working"));
        assert_false(fixture_has_keyword(fixture, all[i], 1, "$bm-queued"));
    }
    assert_true(fixture_write(fixture, set_none, &mail.sent.email_id));
    for (size_t i = 0; i < 3; i++) {
        assert_false(fixture_has_keyword(fixture, all[i], 1, "$bm-working"));
        fixture->ops->close(&all[i]);
    }
    fixture_check(fixture);
}

static void a_client_cannot_change_the_state(void **state)
{
    struct fixture *fixture = *state;
    (void)submitted(fixture);
    struct mailbox *sent = fixture_open(fixture, "Sent", NULL);

    assert_true(fixture_flags(fixture, sent, 1, MAILBOX_STORE_REMOVE, 0, "$bm-queued"));
    assert_true(fixture_has_keyword(fixture, sent, 1, "$bm-queued"));
    assert_true(fixture_flags(fixture, sent, 1, MAILBOX_STORE_REPLACE, MAILBOX_FLAG_SEEN, "a"));
    assert_true(fixture_has_keyword(fixture, sent, 1, "$bm-queued"));
    assert_true(fixture_flags(fixture, sent, 1, MAILBOX_STORE_ADD, 0, "$BM-delivered"));
    assert_false(fixture_has_keyword(fixture, sent, 1, "$bm-delivered"));
    assert_int_equal(fixture_append(fixture, "Sent", "x\r\n\r\n", 0, "$bm-sent"), 2);
    assert_false(fixture_has_keyword(fixture, sent, 2, "$bm-sent"));

    fixture->ops->close(&sent);
}

static void a_mail_leaves_outbox_and_stays_in_sent(void **state)
{
    struct fixture *fixture = *state;
    struct submission mail = submitted(fixture);
    assert_int_equal(mail.sent.email_id, mail.outbox.email_id);

    assert_true(fixture_write(fixture, take_out, &mail.outbox));

    assert_int_equal(fixture_status(fixture, "Outbox").n_messages, 0);
    assert_int_equal(fixture_status(fixture, "Sent").n_messages, 1);
    fixture_check(fixture);
}

/* ---- Hooks of Outbox ---- */

struct removals {
    unsigned n;
    uint64_t email_id;
};

static bool outbox_removed(void *context, struct mail_txn *txn, int64_t account_id,
                           int64_t mailbox_id, uint32_t uid, uint64_t email_id, struct fault *fault)
{
    struct removals *removals = context;
    (void)account_id, (void)mailbox_id, (void)uid;
    removals->n++;
    removals->email_id = email_id;
    return messages_set_state(txn, email_id, "$bm-cancelled", fault);
}

static void a_client_that_takes_a_mail_out_of_outbox_cancels_it(void **state)
{
    struct fixture *fixture = *state;
    struct removals removals = {0};
    const struct folder_hooks hooks = {.outbox_removed = outbox_removed, .context = &removals};
    store_set_hooks(fixture->store, &hooks);
    struct submission mail = submitted(fixture);
    struct mailbox *outbox = fixture_open(fixture, "Outbox", NULL);
    struct mailbox *sent = fixture_open(fixture, "Sent", NULL);

    assert_true(fixture_copy(fixture, outbox, 1, 1, "Archive", false));
    assert_int_equal(removals.n, 0);
    assert_true(fixture_copy(fixture, outbox, 1, 1, "Trash", true));
    assert_int_equal(removals.n, 1);
    assert_int_equal(removals.email_id, mail.sent.email_id);
    assert_true(fixture_has_keyword(fixture, sent, 1, "$bm-cancelled"));

    (void)submitted(fixture);
    assert_true(fixture_flags(fixture, outbox, 2, MAILBOX_STORE_ADD, MAILBOX_FLAG_DELETED, NULL));
    assert_int_equal(removals.n, 1);
    assert_true(fixture_expunge(fixture, outbox));
    assert_int_equal(removals.n, 2);
    assert_true(fixture_flags(fixture, sent, 1, MAILBOX_STORE_ADD, MAILBOX_FLAG_DELETED, NULL));
    assert_true(fixture_expunge(fixture, sent));
    assert_int_equal(removals.n, 2);

    fixture->ops->close(&outbox);
    fixture->ops->close(&sent);
    fixture_check(fixture);
}

/* ---- A client's own copy ---- */

/* Appends by clients have no Message-ID without a decoder; so this plays the append's part. */
struct own_copy {
    int64_t mailbox_id;
    const char *content;
    struct message_place place;
    bool merged;
};

static bool append_own(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct own_copy *own = job;
    struct arena arena = {0};
    struct message_new message = fixture_message_new(&arena, own->content, "<1@x>");
    message.flags = MAILBOX_FLAG_SEEN;
    struct touched_mailbox *mailbox = mail_txn_mailbox(txn, own->mailbox_id, fault);
    bool ok = mailbox &&
              messages_merge_own_copy(txn, mailbox, &message, &own->place, &own->merged, fault);
    if (ok && !own->merged) {
        ok = messages_add(txn, &own->place, own->mailbox_id, &message, fault);
    }
    arena_clear(&arena);
    return ok;
}

static void the_clients_own_copy_of_a_sent_mail_is_merged(void **state)
{
    struct fixture *fixture = *state;
    struct submission mail = submitted(fixture);
    struct own_copy own = {.mailbox_id = mail.sent.mailbox_id,
                           .content = "From: a@x\r\nBcc: secret@x\r\nMessage-ID: <1@x>\r\n"
                                      "Subject: x\r\n\r\nbody\r\n"};
    struct mailbox *sent = fixture_open(fixture, "Sent", NULL);

    assert_true(fixture_write(fixture, append_own, &own));
    assert_true(own.merged);
    assert_int_equal(own.place.uid, mail.sent.uid);
    assert_int_equal(fixture_message(fixture, sent, 1)->flags, MAILBOX_FLAG_SEEN);
    assert_true(fixture_has_keyword(fixture, sent, 1, "$bm-queued"));

    own.content = "From: a@x\r\nMessage-ID: <1@x>\r\nSubject: x\r\n\r\nanother body\r\n";
    assert_true(fixture_write(fixture, append_own, &own));
    assert_false(own.merged);
    assert_int_equal(own.place.uid, 2);

    /* A client's own copy is not merged with another one of its own. */
    assert_true(fixture_write(fixture, append_own, &own));
    assert_false(own.merged);
    /* Nor in another mailbox, nor after an hour. */
    own.content = MAIL;
    clock_set_offset(MESSAGE_SENT_MERGE_SEC + 60);
    assert_true(fixture_write(fixture, append_own, &own));
    clock_set_offset(0);
    assert_false(own.merged);
    fixture->ops->close(&sent);
    fixture_check(fixture);
}

static void an_identical_mail_submitted_again_is_a_new_mail(void **state)
{
    struct fixture *fixture = *state;

    struct submission first = submitted(fixture);
    struct submission second = submitted(fixture);

    assert_int_not_equal(first.sent.email_id, second.sent.email_id);
    assert_int_equal(fixture_status(fixture, "Sent").n_messages, 2);
}

/* ---- Finding, quota, failure ---- */

static void a_mail_is_found_by_its_message_id(void **state)
{
    struct fixture *fixture = *state;
    struct submission mail = submitted(fixture);
    struct message_place place;
    struct db *reader = store_reader(fixture->store);

    assert_true(messages_find(reader, &place, fixture->account_id, 0, "<1@x>", NULL));
    assert_int_equal(place.email_id, mail.sent.email_id);
    assert_true(
        messages_find(reader, &place, fixture->account_id, mail.outbox.mailbox_id, "1@x", NULL));
    assert_int_equal(place.uid, mail.outbox.uid);
    assert_false(messages_find(reader, &place, fixture->account_id, 0, "2@x", &fixture->fault));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_false(messages_find(reader, &place, fixture->account_id + 1, 0, "1@x", NULL));
    struct buf content = {0};
    assert_true(messages_read_content(reader, &content, mail.sent.email_id, NULL));
    assert_string_equal(buf_str(&content), MAIL);
    buf_clear(&content);
}

static bool set_quota(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct fixture *fixture = job;
    return accounts_set_quota(mail_txn_db(txn), fixture->account_id, 20, 3, fault);
}

static bool deliver(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct fixture *fixture = job;
    struct arena arena = {0};
    struct message_new message = fixture_message_new(&arena, MAIL, NULL);
    message.origin = MESSAGE_BY_NETWORK;
    struct message_place place;
    int64_t inbox_id;
    bool ok = folders_ensure(txn, &inbox_id, fixture->account_id, "INBOX", fault) &&
              messages_add(txn, &place, inbox_id, &message, fault);
    arena_clear(&arena);
    return ok;
}

static void a_full_quota_refuses_clients_but_not_what_arrives(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_write(fixture, set_quota, fixture));

    assert_int_equal(fixture_append(fixture, "INBOX", "0123456789", 0, NULL), 1);
    assert_int_equal(fixture_append(fixture, "INBOX", "0123456789", 0, NULL), 2);
    assert_int_equal(fixture_append(fixture, "INBOX", "0", 0, NULL), 0);
    assert_int_equal(fixture->fault.code, FAULT_NO_SPACE);
    assert_int_equal(fixture_append(fixture, "INBOX", "", 0, NULL), 3);
    assert_int_equal(fixture_append(fixture, "INBOX", "", 0, NULL), 0);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    assert_false(fixture_copy(fixture, inbox, 1, 1, "Trash", false));
    assert_int_equal(fixture->fault.code, FAULT_NO_SPACE);
    assert_true(fixture_copy(fixture, inbox, 1, 1, "Trash", true));
    assert_true(fixture_write(fixture, deliver, fixture));

    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, 3);
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

static bool deliver_and_fail(struct mail_txn *txn, void *job, struct fault *fault)
{
    return deliver(txn, job, fault) && fault_set(fault, FAULT_CANCELLED, "changed my mind");
}

static void a_failed_transaction_leaves_nothing_and_tells_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    unsigned n_list_events = fixture->n_list_events;

    assert_false(fixture_write(fixture, deliver_and_fail, fixture));

    assert_int_equal(fixture->fault.code, FAULT_CANCELLED);
    assert_int_equal(fixture->n_list_events, n_list_events);
    assert_null(fixture_message(fixture, inbox, 1));
    assert_int_equal(fixture_status(fixture, "INBOX").uid_next, 1);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM body"), 0);
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

static bool deliver_and_take_out(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct fixture *fixture = job;
    int64_t inbox_id;
    return deliver(txn, job, fault) && deliver(txn, job, fault) &&
           folders_ensure(txn, &inbox_id, fixture->account_id, "INBOX", fault) &&
           messages_take_out(txn, inbox_id, 1, fault) &&
           messages_set_state_at(txn, inbox_id, 2, "$bm-sent", fault);
}

static void what_came_and_went_in_one_transaction_is_never_seen(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);

    assert_true(fixture_write(fixture, deliver_and_take_out, fixture));

    assert_null(fixture_message(fixture, inbox, 1));
    assert_true(fixture_has_keyword(fixture, inbox, 2, "$bm-sent"));
    struct mailbox_view *view = fixture->ops->view(inbox);
    assert_int_equal(view->n_messages, 1);
    assert_int_equal(view->uid_next, 3);
    mailbox_view_unref(&view);
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_state_is_one_keyword_on_all_copies),
        TEST(a_client_cannot_change_the_state),
        TEST(a_mail_leaves_outbox_and_stays_in_sent),
        TEST(a_client_that_takes_a_mail_out_of_outbox_cancels_it),
        TEST(the_clients_own_copy_of_a_sent_mail_is_merged),
        TEST(an_identical_mail_submitted_again_is_a_new_mail),
        TEST(a_mail_is_found_by_its_message_id),
        TEST(a_full_quota_refuses_clients_but_not_what_arrives),
        TEST(a_failed_transaction_leaves_nothing_and_tells_nobody),
        TEST(what_came_and_went_in_one_transaction_is_never_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
