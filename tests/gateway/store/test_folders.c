// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/store/folders.h"
#include "gateway/store/store.h"
#include "tests/gateway/store/fixture.h"

#define DEFAULT_NAMES "INBOX Archive !Chans Drafts Junk Outbox Sent !Subscriptions Trash"

static void a_new_account_has_its_folders_with_their_uses(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(fixture_names(fixture), DEFAULT_NAMES);
    const struct mailbox_list *list = fixture->ops->list(fixture->account);
    assert_true(list->entries[1].attributes & MAILBOX_USE_ARCHIVE);
    assert_true(list->entries[6].attributes & MAILBOX_USE_SENT);
    assert_true(list->entries[5].attributes & MAILBOX_NOT_APPENDABLE);
    assert_true(list->entries[0].attributes & MAILBOX_SUBSCRIBED);
    fixture_check(fixture);
}

static void what_clients_may_not_do_to_names_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        char what;
        const char *from;
        const char *to;
        enum fault_code code;
    } cases[] = {
        {'c', "INBOX", NULL, FAULT_EXISTS},
        {'c', "Sent", NULL, FAULT_EXISTS},
        {'c', "Chans", NULL, FAULT_EXISTS},
        {'c', "Outbox/x", NULL, FAULT_DENIED},
        {'c', "Outbox/x/y", NULL, FAULT_DENIED},
        {'c', "Chans/a/b", NULL, FAULT_DENIED},
        {'c', "Subscriptions/a/b", NULL, FAULT_DENIED},
        {'d', "INBOX", NULL, FAULT_DENIED},
        {'d', "Outbox", NULL, FAULT_DENIED},
        {'d', "Chans", NULL, FAULT_DENIED},
        {'d', "Subscriptions", NULL, FAULT_DENIED},
        {'d', "nothing", NULL, FAULT_NOT_FOUND},
        {'r', "Outbox", "x", FAULT_DENIED},
        {'r', "Chans", "x", FAULT_DENIED},
        {'r', "Subscriptions", "Trash/x", FAULT_DENIED},
        {'r', "nothing", "x", FAULT_NOT_FOUND},
        {'r', "Sent", "Sent", FAULT_EXISTS},
        {'r', "Sent", "Trash", FAULT_EXISTS},
        {'r', "Sent", "Sent/x", FAULT_DENIED},
        {'r', "Sent", "Outbox/x", FAULT_DENIED},
        {'r', "Sent", "Chans/a/b", FAULT_DENIED},
        {'r', "INBOX", "Chans/a", FAULT_DENIED},
        {'r', "INBOX", "Sent", FAULT_EXISTS},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool done = cases[i].what == 'c'   ? fixture_create(fixture, cases[i].from)
                    : cases[i].what == 'd' ? fixture_remove(fixture, cases[i].from)
                                           : fixture_rename(fixture, cases[i].from, cases[i].to);
        if (done || fixture->fault.code != cases[i].code) {
            fail_msg("case %zu (%c %s): %d %s", i, cases[i].what, cases[i].from, done,
                     fixture->fault.text);
        }
    }

    assert_string_equal(fixture_names(fixture), DEFAULT_NAMES);
}

static void missing_levels_come_with_a_mailbox_and_go_with_the_last(void **state)
{
    struct fixture *fixture = *state;

    assert_true(fixture_create(fixture, "a/b/c"));
    assert_true(fixture_create(fixture, "a/b/d"));
    assert_non_null(strstr(fixture_names(fixture), "!a !a/b a/b/c a/b/d"));
    assert_false(fixture_remove(fixture, "a/b"));
    assert_true(fixture_remove(fixture, "a/b/c"));
    assert_non_null(strstr(fixture_names(fixture), "!a !a/b a/b/d"));
    fixture_check(fixture);
    assert_true(fixture_remove(fixture, "a/b/d"));

    assert_string_equal(fixture_names(fixture), DEFAULT_NAMES);
}

static void a_deleted_mailbox_with_children_stays_as_a_level(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_create(fixture, "a"));
    assert_true(fixture_create(fixture, "a/b"));
    assert_int_equal(fixture_append(fixture, "a", "x\r\n\r\n", 0, NULL), 1);
    uint32_t uid_validity = fixture_status(fixture, "a").uid_validity;

    assert_true(fixture_remove(fixture, "a"));

    assert_non_null(strstr(fixture_names(fixture), "!a a/b"));
    assert_true(fixture_create(fixture, "a"));
    assert_true(fixture_status(fixture, "a").uid_validity > uid_validity);
    assert_int_equal(fixture_status(fixture, "a").n_messages, 0);
    fixture_check(fixture);
}

static void a_renamed_mailbox_keeps_its_messages_and_takes_its_children_along(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_create(fixture, "a"));
    assert_true(fixture_create(fixture, "a/b"));
    assert_true(fixture_create(fixture, "ab"));
    assert_int_equal(fixture_append(fixture, "a", "x\r\n\r\n", 0, NULL), 1);
    uint32_t uid_validity = fixture_status(fixture, "a").uid_validity;

    assert_true(fixture_rename(fixture, "a", "z/a"));

    assert_non_null(strstr(fixture_names(fixture), "ab !z z/a z/a/b"));
    assert_int_equal(fixture_status(fixture, "z/a").uid_validity, uid_validity);
    assert_int_equal(fixture_status(fixture, "z/a").n_messages, 1);
    fixture_check(fixture);
}

static void renaming_inbox_moves_its_mails_and_leaves_it(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_create(fixture, "INBOX/sub"));
    assert_int_equal(fixture_append(fixture, "INBOX", "x\r\n\r\n1", 0, "tag"), 1);
    assert_int_equal(fixture_append(fixture, "INBOX", "x\r\n\r\n2", 0, NULL), 2);

    assert_true(fixture_rename(fixture, "INBOX", "old"));

    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, 0);
    assert_int_equal(fixture_status(fixture, "INBOX").uid_next, 3);
    assert_int_equal(fixture_status(fixture, "old").n_messages, 2);
    assert_non_null(strstr(fixture_names(fixture), "INBOX INBOX/sub"));
    fixture_check(fixture);
}

static bool renew_all(struct mail_txn *txn, void *job, struct fault *fault)
{
    (void)job;
    return folders_renew_all(txn, fault);
}

static void a_restored_mailbox_is_another_one_for_clients(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_append(fixture, "INBOX", "x\r\n\r\n", 0, NULL), 1);
    uint32_t inbox = fixture_status(fixture, "INBOX").uid_validity;
    uint32_t trash = fixture_status(fixture, "Trash").uid_validity;

    assert_true(fixture_write(fixture, renew_all, NULL));

    assert_true(fixture_status(fixture, "INBOX").uid_validity > trash);
    assert_true(fixture_status(fixture, "Trash").uid_validity > inbox);
    assert_int_equal(fixture_status(fixture, "INBOX").n_messages, 1);
    assert_true(fixture_create(fixture, "new"));
    struct mailbox *new = fixture_open(fixture, "new", NULL);
    assert_true(fixture->ops->mailbox_id(new) > 1000000);
    fixture->ops->close(&new);
    fixture_check(fixture);
}

/* ---- Chans and subscriptions ---- */

struct seen {
    char log[512];
    bool refuse;
};

static bool note(struct seen *seen, const char *what, enum folder_kind kind, const char *label,
                 struct fault *fault)
{
    size_t len = strlen(seen->log);
    snprintf(seen->log + len, sizeof(seen->log) - len, "%s %s %s;", what,
             kind == FOLDER_CHAN ? "chan" : "subscription", label);
    return !seen->refuse || fault_set(fault, FAULT_INVALID, "no such chan");
}

static bool joined(void *context, struct mail_txn *txn, int64_t account_id, enum folder_kind kind,
                   int64_t mailbox_id, const char *label, struct fault *fault)
{
    (void)txn, (void)account_id, (void)mailbox_id;
    return note(context, "joined", kind, label, fault);
}

static bool relabelled(void *context, struct mail_txn *txn, int64_t account_id,
                       enum folder_kind kind, int64_t mailbox_id, const char *label,
                       struct fault *fault)
{
    (void)txn, (void)account_id, (void)mailbox_id;
    return note(context, "relabelled", kind, label, fault);
}

static bool left(void *context, struct mail_txn *txn, int64_t account_id, enum folder_kind kind,
                 int64_t mailbox_id, const char *label, struct fault *fault)
{
    (void)txn, (void)account_id, (void)mailbox_id;
    return note(context, "left", kind, label, fault);
}

static void committed(void *context)
{
    struct seen *seen = context;
    strcat(seen->log, "|");
}

static void set_hooks(struct fixture *fixture, struct seen *seen)
{
    const struct folder_hooks hooks = {.joined = joined,
                                       .relabelled = relabelled,
                                       .left = left,
                                       .committed = committed,
                                       .context = seen};
    store_set_hooks(fixture->store, &hooks);
}

static void folders_under_chans_join_relabel_and_leave(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    set_hooks(fixture, &seen);

    assert_true(fixture_create(fixture, "Chans/general"));
    assert_true(fixture_rename(fixture, "Chans/general", "Chans/talk"));
    assert_true(fixture_rename(fixture, "Chans/talk", "Trash/talk"));
    assert_true(fixture_rename(fixture, "Trash/talk", "Chans/talk"));
    assert_true(fixture_remove(fixture, "Chans/talk"));
    assert_true(fixture_create(fixture, "Subscriptions/BM-x"));
    assert_true(fixture_remove(fixture, "Trash"));

    assert_string_equal(seen.log, "joined chan general;|relabelled chan talk;|left chan talk;|"
                                  "joined chan talk;|left chan talk;|joined subscription BM-x;|");
    fixture_check(fixture);
}

static void a_refused_chan_leaves_no_folder(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.refuse = true};
    set_hooks(fixture, &seen);

    assert_false(fixture_create(fixture, "Chans/general"));

    assert_int_equal(fixture->fault.code, FAULT_INVALID);
    assert_string_equal(fixture->fault.text, "no such chan");
    assert_string_equal(fixture_names(fixture), DEFAULT_NAMES);
    assert_string_equal(seen.log, "joined chan general;");
}

static void a_folder_with_children_cannot_become_a_chan(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_create(fixture, "a/b"));

    assert_false(fixture_rename(fixture, "a", "Chans/a"));
    assert_int_equal(fixture->fault.code, FAULT_DENIED);
    assert_true(fixture_rename(fixture, "a/b", "Chans/b"));

    assert_non_null(strstr(fixture_names(fixture), "!Chans Chans/b Drafts"));
    assert_null(strstr(fixture_names(fixture), "!a"));
    fixture_check(fixture);
}

static void a_subscribed_name_outlives_its_mailbox(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture_create(fixture, "news"));
    (void)fixture->ops->subscribe(fixture->account, "news", true, fixture_done(fixture));
    assert_true(fixture_wait(fixture));

    assert_true(fixture_remove(fixture, "news"));

    const struct mailbox_list *list = fixture->ops->list(fixture->account);
    bool found = false;
    for (size_t i = 0; i < list->n_entries; i++) {
        if (strcmp(list->entries[i].name, "news") == 0) {
            found = list->entries[i].attributes == (MAILBOX_NONEXISTENT | MAILBOX_SUBSCRIBED);
        }
    }
    assert_true(found);
}

static void a_use_is_given_once(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture->ops->create(fixture->account, "s2", MAILBOX_USE_SENT, fixture_done(fixture));
    assert_false(fixture_wait(fixture));
    assert_int_equal(fixture->fault.code, FAULT_UNSUPPORTED);
    assert_true(fixture_remove(fixture, "Sent"));
    (void)fixture->ops->create(fixture->account, "s2", MAILBOX_USE_SENT, fixture_done(fixture));
    assert_true(fixture_wait(fixture));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_account_has_its_folders_with_their_uses,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_clients_may_not_do_to_names_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(missing_levels_come_with_a_mailbox_and_go_with_the_last,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_deleted_mailbox_with_children_stays_as_a_level,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(
            a_renamed_mailbox_keeps_its_messages_and_takes_its_children_along, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(renaming_inbox_moves_its_mails_and_leaves_it, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_restored_mailbox_is_another_one_for_clients,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(folders_under_chans_join_relabel_and_leave, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_refused_chan_leaves_no_folder, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_folder_with_children_cannot_become_a_chan, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_subscribed_name_outlives_its_mailbox, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_use_is_given_once, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
