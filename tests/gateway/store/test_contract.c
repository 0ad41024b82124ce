// SPDX-License-Identifier: MIT
/* The mailbox contract (mailproto/imap/mailbox.h): each test runs on the store and on the mailboxes
 * in memory that the tests of IMAP use, so that what is true of the one is true of the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/gateway/store/fixture.h"

#define MAIL "Subject: x\r\n\r\nbody\r\n"

/* ---- Appending ---- */

static void an_appended_message_comes_back_byte_for_byte(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);

    uint32_t uid = fixture_append(fixture, "INBOX", MAIL, MAILBOX_FLAG_SEEN, "Tag");

    assert_int_equal(uid, 1);
    assert_int_equal(fixture->uid_validity, fixture->ops->uid_validity(mailbox));
    const struct mailbox_message *message = fixture_message(fixture, mailbox, uid);
    assert_int_equal(message->size, strlen(MAIL));
    assert_int_equal(message->flags, MAILBOX_FLAG_SEEN);
    assert_int_equal(message->internal_sec, 1500000000);
    assert_int_equal(message->internal_zone_min, 120);
    assert_true(fixture_has_keyword(fixture, mailbox, uid, "tag"));
    char *content = fixture_content(fixture, mailbox, uid);
    assert_string_equal(content, MAIL);
    free(content);
    fixture->ops->close(&mailbox);
    fixture_check(fixture);
}

static void contents_around_a_piece_come_back_whole(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 200000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *sent = xmalloc(sizes[i] + 1);
        for (size_t k = 0; k < sizes[i]; k++) {
            sent[k] = (char)('a' + (k * 7 + k / 65536) % 26);
        }
        sent[sizes[i]] = '\0';
        uint32_t uid = fixture_append(fixture, "INBOX", sent, 0, NULL);
        char *content = fixture_content(fixture, mailbox, uid);
        assert_string_equal(content, sent);
        free(content);
        free(sent);
    }

    fixture->ops->close(&mailbox);
    fixture_check(fixture);
}

static void several_messages_are_committed_together(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox_append *append = fixture->ops->append_begin(
        fixture->account, "Drafts", (struct mailbox_ready){0}, &fixture->fault);

    for (int i = 0; i < 3; i++) {
        const struct mailbox_new_message message = {.size = strlen(MAIL)};
        assert_true(fixture->ops->append_message(append, &message, NULL));
        for (const char *byte = MAIL; *byte; byte++) {
            const struct bytes one = {(const uint8_t *)byte, 1};
            assert_int_equal(fixture->ops->append_data(append, one, NULL), MAILBOX_PUSH_OK);
        }
    }
    (void)fixture->ops->append_commit(&append, fixture_done(fixture));

    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->n_uids, 3);
    assert_int_equal(fixture->to_uids[2], 3);
    assert_int_equal(fixture_status(fixture, "Drafts").highest_modseq, 2);
}

/* ---- Flags ---- */

static void flags_are_replaced_added_and_removed(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    static const struct {
        enum mailbox_store_mode mode;
        uint8_t flags;
        const char *keyword;
        uint8_t expected;
        bool has_keyword;
    } steps[] = {
        {MAILBOX_STORE_ADD, MAILBOX_FLAG_SEEN, "a", MAILBOX_FLAG_SEEN, true},
        {MAILBOX_STORE_ADD, MAILBOX_FLAG_DRAFT, NULL, MAILBOX_FLAG_SEEN | MAILBOX_FLAG_DRAFT, true},
        {MAILBOX_STORE_REMOVE, MAILBOX_FLAG_SEEN, "unknown", MAILBOX_FLAG_DRAFT, true},
        {MAILBOX_STORE_REMOVE, 0, "A", MAILBOX_FLAG_DRAFT, false},
        {MAILBOX_STORE_REPLACE, MAILBOX_FLAG_FLAGGED, "a", MAILBOX_FLAG_FLAGGED, true},
        {MAILBOX_STORE_REPLACE, 0, NULL, 0, false},
    };

    uint64_t modseq = fixture_message(fixture, mailbox, 1)->modseq;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_true(
            fixture_flags(fixture, mailbox, 1, steps[i].mode, steps[i].flags, steps[i].keyword));
        const struct mailbox_message *message = fixture_message(fixture, mailbox, 1);
        assert_int_equal(message->flags, steps[i].expected);
        assert_int_equal(fixture_has_keyword(fixture, mailbox, 1, "a"), steps[i].has_keyword);
        assert_int_equal(message->modseq, ++modseq);
        assert_int_equal(fixture->modseq, modseq);
        assert_int_equal(fixture->n_changed, 1);
    }

    /* Nothing changes: nothing is written, and the answer still has the message. */
    assert_true(fixture_flags(fixture, mailbox, 1, MAILBOX_STORE_REPLACE, 0, NULL));
    assert_int_equal(fixture->modseq, 0);
    assert_int_equal(fixture->n_changed, 1);
    /* A message that is not there is passed over. */
    assert_true(fixture_flags(fixture, mailbox, 7, MAILBOX_STORE_REPLACE, 0, NULL));
    assert_int_equal(fixture->n_changed, 0);
    fixture->ops->close(&mailbox);
    fixture_check(fixture);
}

/* Runs of neighbours are written at once: what stands between and beside them stays as it is. */
static void only_the_messages_asked_for_get_the_flag(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 1; i <= 12; i++) {
        uint8_t flags = i == 4 ? MAILBOX_FLAG_SEEN : i == 9 ? MAILBOX_FLAG_DRAFT : 0;
        fixture_append(fixture, "INBOX", MAIL, flags, NULL);
    }
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    struct uid_set uids = {0};
    uid_set_add_range(&uids, 2, 5);
    uid_set_add_range(&uids, 7, 10);
    uid_set_add_range(&uids, 12, 40);

    const struct mailbox_store_request request = {
        .uids = &uids, .mode = MAILBOX_STORE_ADD, .flags = {.flags = MAILBOX_FLAG_SEEN}};
    (void)fixture->ops->store_flags(mailbox, &request, fixture_done(fixture));

    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->n_changed, 9);
    static const char expected[] = " 0SSSS0SSDS0S"; /* by UID */
    fixture_message(fixture, NULL, 0);
    fixture->ops->close(&mailbox);
    fixture_restart(fixture); /* what the disk has, not what the view was told */
    mailbox = fixture_open(fixture, "INBOX", NULL);
    for (uint32_t uid = 1; uid <= 12; uid++) {
        uint8_t flags = fixture_message(fixture, mailbox, uid)->flags;
        assert_int_equal(flags & MAILBOX_FLAG_SEEN, expected[uid] != '0' ? MAILBOX_FLAG_SEEN : 0);
        assert_int_equal(flags & MAILBOX_FLAG_DRAFT, expected[uid] == 'D' ? MAILBOX_FLAG_DRAFT : 0);
    }
    uid_set_clear(&uids);
    fixture->ops->close(&mailbox);
    fixture_check(fixture);
}

static void unchanged_since_refuses_what_others_changed(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    uint64_t since = fixture_message(fixture, mailbox, 2)->modseq;
    assert_true(fixture_flags(fixture, mailbox, 1, MAILBOX_STORE_ADD, MAILBOX_FLAG_SEEN, NULL));
    struct uid_set uids = {0};
    uid_set_add_range(&uids, 1, 2);

    const struct mailbox_store_request request = {
        .uids = &uids,
        .mode = MAILBOX_STORE_ADD,
        .flags = {.flags = MAILBOX_FLAG_FLAGGED},
        .has_unchanged_since = true,
        .unchanged_since = since,
    };
    (void)fixture->ops->store_flags(mailbox, &request, fixture_done(fixture));

    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->n_changed, 1);
    assert_int_equal(fixture->changed[0].uid, 2);
    assert_true(uid_set_has(&fixture->refused, 1) && !uid_set_has(&fixture->refused, 2));
    uid_set_clear(&uids);
    fixture->ops->close(&mailbox);
}

/* ---- Copy, move, expunge ---- */

static void a_move_is_a_copy_and_an_expunge_in_one(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, 0, "tag");
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);

    assert_true(fixture_copy(fixture, inbox, 1, 1, "Trash", true));

    assert_int_equal(fixture->n_uids, 1);
    assert_true(uid_set_has(&fixture->expunged, 1));
    assert_null(fixture_message(fixture, inbox, 1));
    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, 1);
    assert_int_equal(fixture_status(fixture, "Trash").n_messages, 1);
    fixture->ops->close(&inbox);
    fixture_check(fixture);
}

/* ---- Watching ---- */

struct watching {
    unsigned n_view;
    unsigned n_deleted;
};

static void watch(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    struct watching *watching = context;
    assert_int_not_equal(mailbox_id, 0);
    watching->n_view += event == MAILBOX_EVENT_VIEW;
    watching->n_deleted += event == MAILBOX_EVENT_DELETED;
}

static void a_commit_is_told_to_every_session_before_its_answer(void **state)
{
    struct fixture *fixture = *state;
    struct watching a = {0};
    struct watching b = {0};
    struct mailbox *first = fixture_open(fixture, "INBOX", &(struct mailbox_watcher){watch, &a});
    struct mailbox *second = fixture_open(fixture, "INBOX", &(struct mailbox_watcher){watch, &b});
    struct mailbox_view *old = fixture->ops->view(second);

    fixture_append(fixture, "INBOX", MAIL, 0, NULL);

    assert_int_equal(a.n_view, 1);
    assert_int_equal(b.n_view, 1);
    assert_int_equal(old->n_messages, 0);
    assert_non_null(fixture_message(fixture, second, 1));
    mailbox_view_unref(&old);
    fixture->ops->close(&first);
    fixture->ops->close(&second);
}

static void a_deleted_mailbox_is_told_and_its_view_stays_readable(void **state)
{
    struct fixture *fixture = *state;
    struct watching watching = {0};
    assert_true(fixture_create(fixture, "tmp"));
    fixture_append(fixture, "tmp", MAIL, 0, NULL);
    struct mailbox *mailbox =
        fixture_open(fixture, "tmp", &(struct mailbox_watcher){watch, &watching});

    assert_true(fixture_remove(fixture, "tmp"));

    assert_int_equal(watching.n_deleted, 1);
    assert_non_null(fixture_message(fixture, mailbox, 1));
    assert_true(fixture_create(fixture, "tmp"));
    struct mailbox *new = fixture_open(fixture, "tmp", NULL);
    assert_null(fixture_message(fixture, new, 1));
    assert_true(fixture->ops->uid_validity(new) > fixture->ops->uid_validity(mailbox));
    assert_true(fixture->ops->mailbox_id(new) != fixture->ops->mailbox_id(mailbox));
    fixture->ops->close(&mailbox);
    fixture->ops->close(&new);
    fixture_check(fixture);
}

static void a_cancelled_call_is_not_answered(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox_call *call =
        fixture->ops->create(fixture->account, "quiet", 0, fixture_done(fixture));

    fixture->ops->cancel(&call);

    assert_null(call);
    for (int i = 0; i < 20; i++) {
        fixture_turn(fixture);
    }
    assert_false(fixture->answered);
}

static void a_cancelled_open_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox_call *call = fixture->ops->open(
        fixture->account, "INBOX", (struct mailbox_watcher){watch, &(struct watching){0}},
        fixture_done(fixture));
    fixture->ops->cancel(&call);
    for (int i = 0; i < 20; i++) {
        fixture_turn(fixture);
    }

    assert_false(fixture->answered);
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    assert_non_null(mailbox);
    fixture->ops->close(&mailbox);
}

/* ---- Reading ---- */

static void a_walk_gives_header_and_form_and_passes_over_what_is_gone(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, MAILBOX_FLAG_DELETED, NULL);
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    struct uid_set uids = {0};
    uid_set_add_range(&uids, 1, 2);
    struct mailbox_reader *reader = fixture->ops->read_start(
        mailbox, &uids, MAILBOX_ITEM_INFO | MAILBOX_ITEM_HEADER, (struct mailbox_ready){0});
    uid_set_clear(&uids);
    assert_true(fixture_expunge(fixture, mailbox));
    struct mailbox_item_data item;

    assert_int_equal(fixture->ops->read_next(reader, &item, NULL), MAILBOX_READ_GONE);
    assert_int_equal(item.uid, 1);
    assert_int_equal(fixture->ops->read_next(reader, &item, NULL), MAILBOX_READ_OK);
    assert_int_equal(item.uid, 2);
    assert_int_equal(item.header.len, strlen("Subject: x\r\n\r\n"));
    struct arena arena = {0};
    struct message_info info;
    assert_true(message_info_parse(&info, item.info, item.content_len, &arena, NULL));
    assert_int_equal(info.parts[0].body_len, strlen("body\r\n"));
    assert_int_equal(fixture->ops->read_next(reader, &item, NULL), MAILBOX_READ_END);

    arena_clear(&arena);
    fixture->ops->read_end(&reader);
    fixture->ops->close(&mailbox);
}

static void a_copy_shares_its_content_and_keeps_flags_keywords_and_date(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, MAILBOX_FLAG_FLAGGED, "tag");
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    struct mailbox *archive = fixture_open(fixture, "Archive", NULL);

    assert_true(fixture_copy(fixture, inbox, 1, 9, "Archive", false));

    assert_int_equal(fixture->n_uids, 1);
    assert_int_equal(fixture->from_uids[0], 1);
    assert_int_equal(fixture->to_uids[0], 1);
    assert_int_equal(fixture->uid_validity, fixture->ops->uid_validity(archive));
    struct mailbox_message copy = *fixture_message(fixture, archive, 1);
    assert_int_equal(copy.email_id, fixture_message(fixture, inbox, 1)->email_id);
    assert_int_equal(copy.flags, MAILBOX_FLAG_FLAGGED);
    assert_int_equal(copy.internal_sec, 1500000000);
    assert_true(fixture_has_keyword(fixture, archive, 1, "tag"));
    fixture->ops->close(&inbox);
    fixture->ops->close(&archive);
    fixture_check(fixture);
}

static void only_deleted_messages_are_expunged_and_uids_never_come_back(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 4; i++) {
        fixture_append(fixture, "INBOX", MAIL, i >= 2 ? MAILBOX_FLAG_DELETED : 0, NULL);
    }
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    uint64_t before = fixture_status(fixture, "INBOX").highest_modseq;

    assert_true(fixture_expunge(fixture, mailbox));

    assert_int_equal(uid_set_count(&fixture->expunged), 2);
    assert_true(uid_set_has(&fixture->expunged, 3) && uid_set_has(&fixture->expunged, 4));
    assert_null(fixture_message(fixture, mailbox, 3));
    assert_non_null(fixture_message(fixture, mailbox, 2));
    struct uid_set since = {0};
    assert_true(fixture->ops->expunged_since(mailbox, before, NULL, &since));
    assert_int_equal(uid_set_count(&since), 2);
    uid_set_clear(&since);
    assert_true(fixture->ops->expunged_since(mailbox, fixture->modseq, NULL, &since));
    assert_int_equal(uid_set_count(&since), 0);
    fixture->ops->close(&mailbox);

    /* Also after a restart. */
    fixture_message(fixture, NULL, 0);
    fixture_restart(fixture);
    assert_int_equal(fixture_append(fixture, "INBOX", MAIL, 0, NULL), 5);
    fixture_check(fixture);
}

static void recent_messages_belong_to_one_session(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    assert_int_equal(fixture_status(fixture, "INBOX").n_recent, 2);
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);

    assert_int_equal(fixture->ops->recent(mailbox, false), 1);
    assert_int_equal(fixture->ops->recent(mailbox, true), 1);
    assert_int_equal(fixture->ops->recent(mailbox, true), 3);
    assert_int_equal(fixture_status(fixture, "INBOX").n_recent, 0);
    fixture->ops->close(&mailbox);

    fixture_restart(fixture);
    assert_int_equal(fixture_status(fixture, "INBOX").n_recent, 0);
}

/* ---- Appending in pieces of unknown size, and in place of another message ---- */

static struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void a_message_of_open_size_ends_where_it_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *mailbox = fixture_open(fixture, "INBOX", NULL);
    struct mailbox_append *append = fixture->ops->append_begin(
        fixture->account, "INBOX", (struct mailbox_ready){0}, &fixture->fault);
    const struct mailbox_new_message message = {.size = 30, .size_is_open = true};

    assert_true(fixture->ops->append_message(append, &message, NULL));
    assert_int_equal(fixture->ops->append_data(append, text_bytes("Subject: x\r\n"), NULL),
                     MAILBOX_PUSH_OK);
    assert_int_equal(fixture->ops->append_data(append, text_bytes("\r\nbody\r\n"), NULL),
                     MAILBOX_PUSH_OK);
    assert_int_equal(fixture->ops->append_end(append, NULL), MAILBOX_PUSH_OK);
    (void)fixture->ops->append_commit(&append, fixture_done(fixture));

    assert_true(fixture_wait(fixture));
    char *content = fixture_content(fixture, mailbox, fixture->to_uids[0]);
    assert_string_equal(content, MAIL);
    free(content);
    fixture->ops->close(&mailbox);
    fixture_check(fixture);
}

static void a_message_of_open_size_is_held_to_its_bound(void **state)
{
    struct fixture *fixture = *state;
    for (size_t extra = 0; extra <= 1; extra++) {
        struct mailbox_append *append = fixture->ops->append_begin(
            fixture->account, "INBOX", (struct mailbox_ready){0}, &fixture->fault);
        const struct mailbox_new_message message = {.size = 9, .size_is_open = true};
        assert_true(fixture->ops->append_message(append, &message, NULL));
        assert_int_equal(fixture->ops->append_data(append, text_bytes("12345678"), NULL),
                         MAILBOX_PUSH_OK);
        assert_int_equal(
            fixture->ops->append_data(append, text_bytes(extra == 0 ? "9" : "90"), &fixture->fault),
            extra == 0 ? MAILBOX_PUSH_OK : MAILBOX_PUSH_FAILED);
        fixture->ops->append_abort(&append);
    }
    assert_int_equal(fixture->fault.code, FAULT_LIMIT);
}

static struct mailbox_append *begin_mail(struct fixture *fixture, const char *name)
{
    struct mailbox_append *append = fixture->ops->append_begin(
        fixture->account, name, (struct mailbox_ready){0}, &fixture->fault);
    const struct mailbox_new_message message = {.size = strlen(MAIL)};
    assert_true(fixture->ops->append_message(append, &message, NULL));
    assert_int_equal(fixture->ops->append_data(append, text_bytes(MAIL), NULL), MAILBOX_PUSH_OK);
    return append;
}

static void replacing_takes_the_old_message_out_in_the_same_commit(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *drafts = fixture_open(fixture, "Drafts", NULL);
    fixture_append(fixture, "Drafts", "Subject: first\r\n\r\n", 0, NULL);
    fixture_append(fixture, "Drafts", "Subject: second\r\n\r\n", 0, NULL);

    struct mailbox_append *append = begin_mail(fixture, "Drafts");
    (void)fixture->ops->append_replace(&append, drafts, 1, fixture_done(fixture));

    assert_true(fixture_wait(fixture));
    assert_int_equal(fixture->to_uids[0], 3);
    assert_true(uid_set_has(&fixture->expunged, 1));
    assert_null(fixture_message(fixture, drafts, 1));
    assert_non_null(fixture_message(fixture, drafts, 2));
    assert_non_null(fixture_message(fixture, drafts, 3));
    assert_int_equal(fixture_status(fixture, "Drafts").n_messages, 2);

    /* The same once more: it is gone, so nothing is done at all. */
    append = begin_mail(fixture, "Sent");
    (void)fixture->ops->append_replace(&append, drafts, 1, fixture_done(fixture));
    assert_false(fixture_wait(fixture));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_int_equal(fixture_status(fixture, "Sent").n_messages, 0);
    fixture->ops->close(&drafts);
    fixture_check(fixture);
}

/* ---- Annotations ---- */

static bool annotate(struct fixture *fixture, const char *name, const char *entry,
                     const char *value)
{
    struct mailbox_annotation item = {entry, {0}};
    if (value != NULL) {
        item.value = text_bytes(value);
    }
    const struct mailbox_annotations one = {&item, 1};
    (void)fixture->ops->annotate(fixture->account, name, &one, fixture_done(fixture));
    return fixture_wait(fixture);
}

static void annotations_follow_their_mailbox(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena = {0};
    struct mailbox_annotations found;
    assert_true(fixture_create(fixture, "Notes"));

    assert_true(annotate(fixture, "Notes", "/shared/comment", "first"));
    assert_true(annotate(fixture, "Notes", "/private/comment", ""));
    assert_true(annotate(fixture, "Notes", "/SHARED/Comment", "second"));
    assert_true(annotate(fixture, "", "/shared/comment", "the server"));
    assert_true(fixture_rename(fixture, "Notes", "Letters"));
    fixture_restart(fixture);

    assert_true(
        fixture->ops->annotations(fixture->account, "Letters", &arena, &found, &fixture->fault));
    assert_int_equal(found.n_items, 2);
    assert_string_equal(found.items[0].entry, "/private/comment");
    assert_non_null(found.items[0].value.data);
    assert_int_equal(found.items[0].value.len, 0);
    assert_int_equal(found.items[1].value.len, 6);
    assert_memory_equal(found.items[1].value.data, "second", 6);
    assert_true(fixture->ops->annotations(fixture->account, "", &arena, &found, &fixture->fault));
    assert_int_equal(found.n_items, 1);

    assert_true(annotate(fixture, "Letters", "/private/comment", NULL));
    assert_true(fixture_remove(fixture, "Letters"));
    assert_false(
        fixture->ops->annotations(fixture->account, "Letters", &arena, &found, &fixture->fault));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_true(fixture_create(fixture, "Letters"));
    assert_true(
        fixture->ops->annotations(fixture->account, "Letters", &arena, &found, &fixture->fault));
    assert_int_equal(found.n_items, 0);
    arena_clear(&arena);
    fixture_check(fixture);
}

static void annotations_of_a_mailbox_are_so_many(void **state)
{
    struct fixture *fixture = *state;
    char entry[64];
    for (int i = 1; i <= MAILBOX_MAX_ANNOTATIONS + 1; i++) {
        snprintf(entry, sizeof(entry), "/private/x%d", i);
        assert_int_equal(annotate(fixture, "INBOX", entry, "y"), i <= MAILBOX_MAX_ANNOTATIONS);
    }
    assert_int_equal(fixture->fault.code, FAULT_LIMIT);
}

/* ---- Quota, and what stands in a status ---- */

static void usage_counts_every_mailbox(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox_quota quota;
    fixture_append(fixture, "INBOX", MAIL, MAILBOX_FLAG_DELETED, NULL);
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    fixture_append(fixture, "Sent", MAIL, 0, NULL);

    assert_true(fixture->ops->quota(fixture->account, &quota, &fixture->fault));

    assert_int_equal(quota.used_messages, 3);
    assert_int_equal(quota.used_bytes, 3 * strlen(MAIL));
    assert_int_equal(quota.limit_bytes, 0);
    assert_int_equal(quota.limit_messages, 0);
    assert_int_equal(fixture_status(fixture, "INBOX").deleted_size, strlen(MAIL));
    assert_int_equal(fixture_status(fixture, "Sent").deleted_size, 0);
}

/* ---- Conversations ---- */

static uint64_t thread_of(struct fixture *fixture, struct mailbox *mailbox, uint32_t uid)
{
    struct uid_set one = {0};
    struct mailbox_item_data data = {0};
    uid_set_add(&one, uid);
    struct mailbox_reader *reader =
        fixture->ops->read_start(mailbox, &one, MAILBOX_ITEM_THREAD, (struct mailbox_ready){0});
    assert_int_equal(fixture->ops->read_next(reader, &data, NULL), MAILBOX_READ_OK);
    fixture->ops->read_end(&reader);
    uid_set_clear(&one);
    return data.thread_id;
}

static void a_copy_belongs_to_the_same_conversation(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    struct uid_set found = {0};
    fixture_append(fixture, "INBOX", MAIL, 0, NULL);
    fixture_append(fixture, "INBOX", "Subject: other\r\n\r\n", 0, NULL);
    assert_true(fixture_copy(fixture, inbox, 1, 1, "INBOX", false));

    uint64_t thread = thread_of(fixture, inbox, 1);
    assert_int_not_equal(thread, 0);
    assert_int_not_equal(thread, thread_of(fixture, inbox, 2));
    assert_int_equal(thread, thread_of(fixture, inbox, 3));
    assert_true(fixture->ops->thread_uids(inbox, thread, &found, NULL));
    assert_int_equal(uid_set_count(&found), 2);
    assert_true(uid_set_has(&found, 1) && uid_set_has(&found, 3));
    uid_set_clear(&found);
    fixture->ops->close(&inbox);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown),                        \
    {                                                                                              \
#name " (in memory)", name, fixture_setup_memory, fixture_teardown, NULL                   \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_appended_message_comes_back_byte_for_byte),
        TEST(contents_around_a_piece_come_back_whole),
        TEST(several_messages_are_committed_together),
        TEST(flags_are_replaced_added_and_removed),
        TEST(only_the_messages_asked_for_get_the_flag),
        TEST(unchanged_since_refuses_what_others_changed),
        TEST(a_move_is_a_copy_and_an_expunge_in_one),
        TEST(a_commit_is_told_to_every_session_before_its_answer),
        TEST(a_deleted_mailbox_is_told_and_its_view_stays_readable),
        TEST(a_cancelled_call_is_not_answered),
        TEST(a_cancelled_open_leaves_nothing_behind),
        TEST(a_walk_gives_header_and_form_and_passes_over_what_is_gone),
        TEST(a_copy_shares_its_content_and_keeps_flags_keywords_and_date),
        TEST(only_deleted_messages_are_expunged_and_uids_never_come_back),
        TEST(recent_messages_belong_to_one_session),
        TEST(a_message_of_open_size_ends_where_it_is_said),
        TEST(a_message_of_open_size_is_held_to_its_bound),
        TEST(replacing_takes_the_old_message_out_in_the_same_commit),
        TEST(annotations_follow_their_mailbox),
        TEST(annotations_of_a_mailbox_are_so_many),
        TEST(usage_counts_every_mailbox),
        TEST(a_copy_belongs_to_the_same_conversation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
