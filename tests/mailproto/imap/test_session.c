// SPDX-License-Identifier: MIT
/* What a session hears of others, in which order; IDLE; how a session ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

/* ---- What others do ---- */

static void play_rename_inbox(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a RENAME INBOX Old", "1< * 1 EXPUNGE", "1< * 1 EXPUNGE",
        "1< a OK RENAME completed");
}

static void play_expunge_numbers(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    RUN(world, "1> a NOOP", "1< ...", "1< ~a OK");
    memory_mail_expunge(world->store, "INBOX", 1);
    memory_mail_deliver(world->store, "INBOX", imap_mail_second);
    RUN(world, "1> b FETCH 1:3 UID", "1< * 1 FETCH (UID 1)", "1< * 2 FETCH (UID 2)",
        "1< * 3 FETCH (UID 3)", "1< b OK FETCH completed", "1> c STORE 2 +FLAGS (\\Flagged)",
        "1< * 2 FETCH (FLAGS (\\Flagged \\Recent))", "1< c OK STORE completed", "1> d SEARCH ALL",
        "1< * SEARCH 1 2 3", "1< d OK SEARCH completed", "1> e FETCH 1 ENVELOPE",
        "1< e OK [EXPUNGEISSUED] FETCH completed", "1> f NOOP", "1< * 1 EXPUNGE", "1< * 3 EXISTS",
        "1< * 3 RECENT", "1< f OK NOOP completed", "1> g UID SEARCH ALL", "1< * SEARCH 2 3 4",
        "1< ~g OK");
    memory_mail_expunge(world->store, "INBOX", 3);
    RUN(world, "1> h UID FETCH 2 FLAGS", "1< * 1 FETCH (UID 2 FLAGS (\\Flagged \\Recent))",
        "1< * 2 EXPUNGE", "1< h OK UID FETCH completed");
}

/* What happens between the picture that SELECT tells and its OK is told later. */
static void play_select_is_one_picture(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    imap_world_log_in(world, 2);
    imap_world_forget_output(world, 2);
    imap_world_send_only(world, 2, bytes_of_str("z SELECT INBOX\r\n"));
    memory_mail_run(world->store);
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "2> y NOOP", "2< ...", "2< * 2 EXISTS", "2< ...", "2< ~* OK [MAILBOXID",
        "2< z OK [READ-WRITE] SELECT completed", "2< * 1 EXPUNGE", "2< ...", "2< ~y OK");
}

/* Text that is gone can't be searched: the OK says that some was. */
static void play_search_of_the_gone(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "1> a SEARCH SUBJECT nowhere", "1< * SEARCH",
        "1< a OK [EXPUNGEISSUED] SEARCH completed", "1> b SEARCH ALL", "1< * SEARCH 1 2",
        "1< b OK SEARCH completed", "1> c NOOP", "1< * 1 EXPUNGE", "1< ...", "1< ~c OK",
        "1> d SEARCH SUBJECT nowhere", "1< * SEARCH", "1< d OK SEARCH completed");
}

static void play_foreign_flags(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    memory_mail_set_flags(world->store, "INBOX", 2, MAILBOX_FLAG_FLAGGED);
    RUN(world, "1> a NOOP", "1< * 2 FETCH (FLAGS (\\Flagged \\Recent))", "1< ~a OK",
        "1> b STORE 1 +FLAGS.SILENT (\\Seen)", "1< b OK STORE completed", "1< .");
    /* Silent is about one's own change: what another one did to that message is told. */
    memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_SEEN | MAILBOX_FLAG_FLAGGED);
    RUN(world, "1> c STORE 1 +FLAGS.SILENT (\\Answered)",
        "1< * 1 FETCH (FLAGS (\\Answered \\Flagged \\Seen \\Recent))", "1< c OK STORE completed",
        "1> d NOOP", "1< d OK NOOP completed", "1< .");
}

static void play_idle(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a IDLE", "1< + idling", "1< .");
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    RUN(world, "1< * 3 EXISTS", "1< * 3 RECENT", "1< .");
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "1< * 1 EXPUNGE", "1< .");
    imap_world_pass(world, 119000);
    RUN(world, "1< .");
    imap_world_pass(world, 2000);
    RUN(world, "1< * OK Still here", "1> dOnE", "1< a OK IDLE completed", "1> b IDLE",
        "1< + idling", "1> c NOOP", "1< b BAD Expected DONE", "1> d NOOP",
        "1< d OK NOOP completed");
    imap_world_pass(world, 1801 * 1000);
    RUN(world, "1< * BYE Logged out for inactivity");
}

static void message_numbers_stay_while_a_command_uses_them(void **state)
{
    (void)state;
    imap_world_in_every_way(play_expunge_numbers);
    imap_world_in_every_way(play_search_of_the_gone);
    imap_world_in_every_way(play_select_is_one_picture);
    imap_world_in_every_way(play_rename_inbox);
}

static void silent_hides_ones_own_change_alone(void **state)
{
    (void)state;
    imap_world_in_every_way(play_foreign_flags);
}

static void idle_tells_at_once_and_ends_with_done(void **state)
{
    (void)state;
    imap_world_in_every_way(play_idle);
}

/* ---- Ends ---- */

static void a_session_that_says_nothing_is_closed_in_time(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    RUN(&world, "1< ~* OK");
    imap_world_pass(&world, 59000);
    RUN(&world, "1< .");
    imap_world_pass(&world, 1000);
    RUN(&world, "1< * BYE Too slow to log in");
    imap_world_clear(&world);
}

/* A session may end at any moment of a script, also with a call under way. */
static void a_session_can_end_while_the_store_works(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "a SELECT Trash\r\n",        "a FETCH 1:2 BODY[]\r\n", "a STORE 1 +FLAGS (\\Seen)\r\n",
        "a SEARCH TEXT x\r\n",       "a CREATE x\r\n",         "a APPEND INBOX {5+}\r\nhello\r\n",
        "a APPEND INBOX {5+}\r\nhe", "a COPY 1 Trash\r\n",     "a IDLE\r\n"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct imap_world world;
        imap_world_init(&world, true);
        imap_world_with_two_mails(&world);
        imap_world_send_only(&world, 1, bytes_of_str(commands[i]));
        imap_world_clear(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_numbers_stay_while_a_command_uses_them),
        cmocka_unit_test(silent_hides_ones_own_change_alone),
        cmocka_unit_test(idle_tells_at_once_and_ends_with_done),
        cmocka_unit_test(a_session_that_says_nothing_is_closed_in_time),
        cmocka_unit_test(a_session_can_end_while_the_store_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
