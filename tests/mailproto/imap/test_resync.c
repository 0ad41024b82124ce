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

static void mod_sequences_tell_what_has_changed(void **state)
{
    (void)state;
    imap_world_in_every_way(play_condstore);
}

static void a_client_that_comes_back_is_told_the_difference(void **state)
{
    (void)state;
    imap_world_in_every_way(play_qresync);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mod_sequences_tell_what_has_changed),
        cmocka_unit_test(a_client_that_comes_back_is_told_the_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
