// SPDX-License-Identifier: MIT
/* CONDSTORE and QRESYNC (RFC 7162), with the examples of the RFC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static void play_condstore(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a FETCH 1:2 (MODSEQ)", "1< * OK [HIGHESTMODSEQ 3] Mod-sequences are on",
        "1< * 1 FETCH (MODSEQ (2))", "1< * 2 FETCH (MODSEQ (3))", "1< ~a OK",
        "1> b STORE 1 +FLAGS (\\Seen)", "1< * 1 FETCH (FLAGS (\\Seen \\Recent) MODSEQ (4))",
        "1< ~b OK", "1> c STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Flagged)",
        "1< * 2 FETCH (MODSEQ (5))", "1< c OK [MODIFIED 1] Some were changed meanwhile",
        "1> d FETCH 1:2 FLAGS (CHANGEDSINCE 4)",
        "1< * 2 FETCH (FLAGS (\\Flagged \\Recent) MODSEQ (5))", "1< ~d OK", "1> e SEARCH MODSEQ 5",
        "1< * SEARCH 2 (MODSEQ 5)", "1< ~e OK");
}

static void play_qresync(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    RUN(world, "1> x LOGOUT", "1< ...", "1< ~x OK");
    memory_mail_expunge(world->store, "INBOX", 2);
    memory_mail_set_flags(world->store, "INBOX", 3, MAILBOX_FLAG_SEEN);
    imap_world_log_in(world, 2);
    RUN(world, "2> a SELECT INBOX (QRESYNC (1000 4))", "2< a BAD ENABLE QRESYNC first",
        "2> b ENABLE QRESYNC", "2< * ENABLED CONDSTORE QRESYNC", "2< ~b OK",
        "2> c SELECT INBOX (QRESYNC (1000 4 1:3))", "2< ...", "2< * VANISHED (EARLIER) 2",
        "2< * 2 FETCH (UID 3 FLAGS (\\Seen \\Recent) MODSEQ (6))", "2< ~c OK [READ-WRITE]");
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "2> d NOOP", "2< * VANISHED 1", "2< ~d OK",
        "2> e UID FETCH 1:* FLAGS (CHANGEDSINCE 4 VANISHED)", "2< * VANISHED (EARLIER) 1:2",
        "2< * 1 FETCH (UID 3 FLAGS (\\Seen \\Recent) MODSEQ (6))", "2< ~e OK",
        "2> f SELECT INBOX (QRESYNC (999 4 1:3))", "2< * OK [CLOSED] The mailbox before is closed",
        "2< ...", "2< ~f OK");
}

/* Each of these tells that the client wants mod-sequences (RFC 7162 section 3.1). */
static void play_enabling(struct imap_world *world)
{
    static const char *const commands[] = {"STATUS INBOX (HIGHESTMODSEQ)",
                                           "SELECT INBOX (CONDSTORE)",
                                           "EXAMINE INBOX (CONDSTORE)",
                                           "FETCH 1 (FLAGS MODSEQ)",
                                           "FETCH 1 FLAGS (CHANGEDSINCE 1)",
                                           "STORE 1 (UNCHANGEDSINCE 9) +FLAGS.SILENT ()",
                                           "SEARCH MODSEQ 1",
                                           "SORT (DATE) UTF-8 MODSEQ 1",
                                           "ENABLE CONDSTORE",
                                           "ENABLE QRESYNC"};
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        imap_world_log_in(world, 1);
        imap_world_select(world, 1, "INBOX");
        memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_SEEN);
        RUN(world, "1> a NOOP", "1< ~* 1 FETCH (FLAGS (\\Seen", "1< ~a OK");
        imap_world_ask(world, 1, "b %s", commands[i]);
        imap_world_expect(world, 1, "...");
        imap_world_expect(world, 1, "~b OK");
        memory_mail_set_flags(world->store, "INBOX", 1, 0);
        imap_world_ask(world, 1, "c NOOP");
        imap_world_expect(world, 1, "~* 1 FETCH (%sFLAGS (%s) MODSEQ (%zu))",
                          strcmp(commands[i], "ENABLE QRESYNC") == 0 ? "UID 1 " : "",
                          i == 0 ? "\\Recent" : "", 2 * i + 4);
        RUN(world, "1< ~c OK", "1> d LOGOUT", "1< ...", "1< ~d OK");
        imap_world_hang_up(world, 1);
    }
}

static void play_status(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a STATUS INBOX (HIGHESTMODSEQ)",
        "1< * OK [HIGHESTMODSEQ 3] Mod-sequences are on", "1< * STATUS \"INBOX\" (HIGHESTMODSEQ 3)",
        "1< ~a OK", "1> b STORE 1 +FLAGS.SILENT (\\Seen)", "1< * 1 FETCH (MODSEQ (4))", "1< ~b OK",
        "1> c STATUS INBOX (UIDNEXT HIGHESTMODSEQ)",
        "1< * STATUS \"INBOX\" (UIDNEXT 3 HIGHESTMODSEQ 4)", "1< ~c OK",
        "1> d LIST \"\" Sent RETURN (STATUS (HIGHESTMODSEQ))", "1< * LIST () \"/\" \"Sent\"",
        "1< * STATUS \"Sent\" (HIGHESTMODSEQ 1)", "1< ~d OK");
}

/* Three mails with the subjects c, a, b and the mod-sequences 5, 3, 4. */
static void play_search_modseq(struct imap_world *world)
{
    static const struct {
        const char *command;
        const char *answer; /* NULL: no line */
    } cases[] = {
        /* RFC 7162 section 3.1.5. */
        {"SEARCH MODSEQ \"/flags/\\\\draft\" all 4", "* SEARCH 1 3 (MODSEQ 5)"},
        {"SEARCH MODSEQ \"/flags/\\\\Seen\" priv 5 SUBJECT c", "* SEARCH 1 (MODSEQ 5)"},
        {"UID SEARCH OR NOT MODSEQ 4 SUBJECT b", "* SEARCH 2 3 (MODSEQ 4)"},
        {"SEARCH MODSEQ 0", "* SEARCH 1 2 3 (MODSEQ 5)"},
        {"SEARCH MODSEQ 6", "* SEARCH"},
        {"SEARCH 1:3", "* SEARCH 1 2 3"},
        /* RFC 4731 section 3.2: of those that are told. */
        {"SEARCH RETURN (MIN) MODSEQ 1", "* ESEARCH (TAG \"t\") MIN 1 MODSEQ 5"},
        {"SEARCH RETURN (MAX) MODSEQ 1", "* ESEARCH (TAG \"t\") MAX 3 MODSEQ 4"},
        {"SEARCH RETURN (MIN MAX) MODSEQ 1 NOT 1", "* ESEARCH (TAG \"t\") MIN 2 MAX 3 MODSEQ 4"},
        {"SEARCH RETURN (ALL MAX) MODSEQ 1", "* ESEARCH (TAG \"t\") MAX 3 ALL 1:3 MODSEQ 5"},
        {"UID SEARCH RETURN (COUNT) MODSEQ 4", "* ESEARCH (TAG \"t\") UID COUNT 2 MODSEQ 5"},
        {"SEARCH RETURN (PARTIAL 2:3) MODSEQ 1",
         "* ESEARCH (TAG \"t\") PARTIAL (2:3 2:3) MODSEQ 4"},
        {"SEARCH RETURN (COUNT) MODSEQ 9", "* ESEARCH (TAG \"t\") COUNT 0"},
        {"SEARCH RETURN () MODSEQ 9", "* ESEARCH (TAG \"t\")"},
        {"ESEARCH IN (inboxes) RETURN (MAX) MODSEQ 1",
         "* ESEARCH (TAG \"t\" MAILBOX \"INBOX\" UIDVALIDITY 1000) UID MAX 3 MODSEQ 4"},
        /* SORT likewise; MIN and MAX are the ends of the order (RFC 5267). */
        {"SORT (SUBJECT) UTF-8 MODSEQ 3", "* SORT 2 3 1 (MODSEQ 5)"},
        {"UID SORT (SUBJECT) UTF-8 MODSEQ 4 NOT 1", "* SORT 3 (MODSEQ 4)"},
        {"SORT (SUBJECT) UTF-8 MODSEQ 6", "* SORT"},
        {"SORT (SUBJECT) UTF-8 ALL", "* SORT 2 3 1"},
        {"SORT RETURN (ALL) (SUBJECT) UTF-8 MODSEQ 3", "* ESEARCH (TAG \"t\") ALL 2:3,1 MODSEQ 5"},
        {"SORT RETURN (MIN) (SUBJECT) UTF-8 MODSEQ 3", "* ESEARCH (TAG \"t\") MIN 2 MODSEQ 3"},
        {"SORT RETURN (MAX) (SUBJECT) UTF-8 MODSEQ 3", "* ESEARCH (TAG \"t\") MAX 1 MODSEQ 5"},
        {"SORT RETURN (PARTIAL 1:2) (SUBJECT) UTF-8 MODSEQ 3",
         "* ESEARCH (TAG \"t\") PARTIAL (1:2 2:3) MODSEQ 4"},
        {"SEARCH MODSEQ \"/flags/\\\\draft\" some 4", NULL},
        {"SEARCH MODSEQ \"/colour\" all 4", NULL},
        {"SEARCH MODSEQ all 4", NULL},
        {"SEARCH MODSEQ 9223372036854775808", NULL},
    };
    memory_mail_deliver(world->store, "INBOX", "Subject: c\r\n\r\n");
    memory_mail_deliver(world->store, "INBOX", "Subject: a\r\n\r\n");
    memory_mail_deliver(world->store, "INBOX", "Subject: b\r\n\r\n");
    memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_SEEN);
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX (CONDSTORE)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        imap_world_ask(world, 1, "t %s", cases[i].command);
        if (cases[i].answer != NULL) {
            imap_world_expect(world, 1, "%s", cases[i].answer);
        }
        imap_world_expect(world, 1, "~t %s", cases[i].answer != NULL ? "OK" : "BAD");
    }
}

static void mod_sequences_tell_what_has_changed(void **state)
{
    (void)state;
    imap_world_in_every_way(play_condstore);
    imap_world_in_every_way(play_status);
    imap_world_in_every_way(play_search_modseq);
}

static void whoever_uses_mod_sequences_is_told_them(void **state)
{
    (void)state;
    imap_world_in_every_way(play_enabling);
}

/* RFC 7162 section 3.2.5.2: numbers and UIDs that the client knows, for servers that need them.
 * What is told is the same, also when they are wrong. */
static void play_qresync_numbers(struct imap_world *world)
{
    static const char *const known[] = {"1:3",          "1:3 (1:3 1:3)", "1:3 (1,3 1,3)",
                                        "1:4294967295", "1:2,3 (3 9)",   "1:3 (1:2 1:2)"};
    imap_world_with_two_mails(world);
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    memory_mail_expunge(world->store, "INBOX", 2);
    memory_mail_set_flags(world->store, "INBOX", 3, MAILBOX_FLAG_SEEN);
    RUN(world, "1> a ENABLE QRESYNC", "1< ...", "1< ~a OK");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        imap_world_ask(world, 1, "t SELECT INBOX (QRESYNC (1000 4 %s))", known[i]);
        imap_world_expect(world, 1, "...");
        RUN(world, "1< * VANISHED (EARLIER) 2", "1< ~* 2 FETCH (UID 3 FLAGS (\\Seen",
            "1< ~t OK [READ-WRITE]");
    }
    RUN(world,
        /* Of UIDs that the client does not know nothing is told. */
        "1> b SELECT INBOX (QRESYNC (1000 4 3))", "1< ...", "1< ~* 2 FETCH (UID 3", "1< ~b OK",
        "1> c SELECT INBOX (QRESYNC (1000 4 1:2))", "1< ...", "1< * VANISHED (EARLIER) 2",
        "1< ~c OK",
        /* Up to date. */
        "1> d SELECT INBOX (QRESYNC (1000 6))", "1< ...", "1< * OK [MAILBOXID (M1)] Ok", "1< ~d OK",
        "1> e SELECT INBOX (QRESYNC (1000 4 (1:3 1:3)))", "1< ...", "1< * VANISHED (EARLIER) 2",
        "1< ~* 2 FETCH", "1< ~e OK");
    static const char *const wrong[] = {"0 4",           "1000",
                                        "1000 4 *",      "1000 4 1:3 (1)",
                                        "1000 4 1:3 ()", "1000 4 (1 1) 1:3",
                                        "1000 -1",       "1000 4 1:3 1:3"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        imap_world_ask(world, 1, "w SELECT INBOX (QRESYNC (%s))", wrong[i]);
        imap_world_expect(world, 1, "...");
        imap_world_expect(world, 1, "~w BAD");
    }
}

/* An expunge raises HIGHESTMODSEQ, whoever does it and however (RFC 7162 sections 3.2.7 to 3.2.10).
 */
static void play_expunge(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    for (unsigned i = 0; i < 4; i++) {
        memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    }
    RUN(world, "1> a ENABLE QRESYNC", "1< ...", "1< ~a OK",
        "1> c STORE 1,2,4,6 +FLAGS.SILENT (\\Deleted)", "1< ...", "1< ~c OK", "1> d UID EXPUNGE 1",
        "1< * VANISHED 1", "1< ~d OK [HIGHESTMODSEQ 9]",
        /* Nothing went: the tagged OK says nothing. */
        "1> e UID EXPUNGE 3", "1< e OK UID EXPUNGE completed", "1> f STATUS INBOX (HIGHESTMODSEQ)",
        "1< * STATUS \"INBOX\" (HIGHESTMODSEQ 9)", "1< ~f OK", "1> g UID MOVE 2 Archive",
        "1< ~* OK [COPYUID 1003 2 1]", "1< * VANISHED 2", "1< ~g OK [HIGHESTMODSEQ 10]",
        "1> h EXPUNGE", "1< * VANISHED 4,6", "1< ~h OK [HIGHESTMODSEQ 11]",
        "1> i STORE 1 +FLAGS.SILENT (\\Deleted)", "1< ...", "1< ~i OK",
        /* CLOSE says nothing of what it took. */
        "1> j CLOSE", "1< j OK CLOSE completed", "1> k STATUS INBOX (MESSAGES HIGHESTMODSEQ)",
        "1< * STATUS \"INBOX\" (MESSAGES 1 HIGHESTMODSEQ 13)", "1< ~k OK",
        "1> l SELECT INBOX (QRESYNC (1000 11))", "1< ...", "1< * VANISHED (EARLIER) 3", "1< ~l OK",
        "1> m SELECT INBOX (QRESYNC (1000 8))", "1< ...", "1< * VANISHED (EARLIER) 1:4,6",
        "1< ~m OK", "1> n UID FETCH 1:3 FLAGS (CHANGEDSINCE 10 VANISHED)",
        "1< * VANISHED (EARLIER) 3", "1< ~n OK");
    memory_mail_expunge(world->store, "INBOX", 5);
    RUN(world, "1> o NOOP", "1< * VANISHED 5", "1< ~o OK", "1> p STATUS INBOX (HIGHESTMODSEQ)",
        "1< * STATUS \"INBOX\" (HIGHESTMODSEQ 14)", "1< ~p OK");
}

static void a_client_that_comes_back_is_told_the_difference(void **state)
{
    (void)state;
    imap_world_in_every_way(play_qresync);
    imap_world_in_every_way(play_qresync_numbers);
}

static void an_expunge_raises_the_highest_mod_sequence(void **state)
{
    (void)state;
    imap_world_in_every_way(play_expunge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mod_sequences_tell_what_has_changed),
        cmocka_unit_test(whoever_uses_mod_sequences_is_told_them),
        cmocka_unit_test(a_client_that_comes_back_is_told_the_difference),
        cmocka_unit_test(an_expunge_raises_the_highest_mod_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
