// SPDX-License-Identifier: MIT
/* NOTIFY (RFC 5465), with the examples of its RFC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static const char mail[] = "From: Ann <ann@x.org>\r\nSubject: hello\r\n\r\nbody\r\n";

/* Client 1 watches; client 2 changes things. */
static void with_two_clients(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", mail);
    imap_world_log_in(world, 1);
    imap_world_log_in(world, 2);
}

static void play_statuses(struct imap_world *world)
{
    with_two_clients(world);
    RUN(world,
        "1> b NOTIFY SET STATUS (selected-delayed (MessageNew MessageExpunge)) (subtree (INBOX "
        "Archive) (MessageNew MessageExpunge)) (mailboxes Sent (MessageNew MessageExpunge "
        "FlagChange))",
        "1< * STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1000)",
        "1< * STATUS \"Archive\" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1003)",
        "1< * STATUS \"Sent\" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1002 HIGHESTMODSEQ 1)",
        "1< b OK NOTIFY completed");
    /* Without being asked, and only of what was asked for. */
    memory_mail_deliver(world->store, "Archive", mail);
    memory_mail_deliver(world->store, "Sent", mail);
    memory_mail_deliver(world->store, "Junk", mail);
    RUN(world, "1< ~* STATUS \"", "1< ~* STATUS \"", "1< .");
    memory_mail_set_flags(world->store, "Sent", 1, MAILBOX_FLAG_SEEN);
    RUN(world, "1< * STATUS \"Sent\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1002 HIGHESTMODSEQ 3)",
        "1< .");
    memory_mail_set_flags(world->store, "Archive", 1, MAILBOX_FLAG_SEEN);
    RUN(world, "1< .");
    memory_mail_expunge(world->store, "Archive", 1);
    RUN(world, "1< * STATUS \"Archive\" (MESSAGES 0 UIDNEXT 2 UIDVALIDITY 1003)", "1< .",
        "1> c NOTIFY NONE", "1< c OK NOTIFY completed");
    memory_mail_deliver(world->store, "Archive", mail);
    RUN(world, "1< .");
}

/* The selected mailbox, at any time; with FETCH of what is new. */
static void play_selected(struct imap_world *world)
{
    with_two_clients(world);
    imap_world_select(world, 1, "INBOX");
    RUN(world,
        "1> a NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (From To Subject)]) "
        "MessageExpunge FlagChange))",
        "1< a OK NOTIFY completed", "1< .");
    memory_mail_deliver(world->store, "INBOX", mail);
    RUN(world, "1< * 2 EXISTS", "1< * 2 RECENT",
        "1< * 2 FETCH (UID 2 BODY[HEADER.FIELDS (From To Subject)] {41}",
        "1< From: Ann <ann@x.org>", "1< Subject: hello", "1< ", "1< )", "1< .");
    memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_FLAGGED);
    RUN(world, "1< * 1 FETCH (FLAGS (\\Flagged \\Recent))", "1< .");
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "1< * 1 EXPUNGE", "1< .");
    /* In IDLE just so; and while half a command has come, not before its end. */
    RUN(world, "1> i IDLE", "1< + idling");
    memory_mail_deliver(world->store, "INBOX", mail);
    RUN(world, "1< * 2 EXISTS", "1< * 2 RECENT", "1< ~* 2 FETCH (UID 3 BODY", "1< ...", "1< )",
        "1< .", "1> DONE", "1< ~i OK", "1+ n NO", "1< .");
    memory_mail_expunge(world->store, "INBOX", 2);
    RUN(world, "1< .", "1+ OP\r\n", "1< * 1 EXPUNGE", "1< n OK NOOP completed", "1< .");
}

static void play_delayed(struct imap_world *world)
{
    with_two_clients(world);
    imap_world_select(world, 1, "INBOX");
    RUN(world, "1> a NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))",
        "1< ~a OK");
    memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_FLAGGED);
    RUN(world, "1< * 1 FETCH (FLAGS (\\Flagged \\Recent))", "1< .");
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "1< .", "1> n NOOP", "1< * 1 EXPUNGE", "1< ~n OK");
}

/* RFC 5465 sections 5.4 and 5.5. */
static void play_names(struct imap_world *world)
{
    with_two_clients(world);
    RUN(world, "1> a NOTIFY SET (personal (MailboxName SubscriptionChange))", "1< ~a OK",
        "2> a CREATE NewMailbox", "2< ~a OK", "1< * LIST () \"/\" \"NewMailbox\"", "1< .",
        "2> b RENAME NewMailbox NewName", "2< ~b OK",
        "1< * LIST () \"/\" \"NewName\" (\"OLDNAME\" (\"NewMailbox\"))", "1< .",
        "2> c SUBSCRIBE NewName", "2< ~c OK", "1< * LIST (\\Subscribed) \"/\" \"NewName\"", "1< .",
        "2> d UNSUBSCRIBE NewName", "2< ~d OK", "1< * LIST () \"/\" \"NewName\"", "1< .",
        "2> e DELETE NewName", "2< ~e OK", "1< * LIST (\\NonExistent) \"/\" \"NewName\"", "1< .");
}

static void play_annotations(struct imap_world *world)
{
    with_two_clients(world);
    RUN(world,
        "1> a NOTIFY SET (mailboxes INBOX (MailboxMetadataChange)) (personal "
        "(ServerMetadataChange))",
        "1< ~a OK", "2> a SETMETADATA INBOX (/shared/comment \"x\")", "2< ~a OK",
        "1< * METADATA \"INBOX\" \"/shared/comment\"", "1< .",
        "2> b SETMETADATA Sent (/shared/comment \"x\")", "2< ~b OK", "1< .",
        "2> c SETMETADATA \"\" (/private/comment \"y\")", "2< ~c OK",
        "1< * METADATA \"\" \"/private/comment\"", "1< .");
}

static void play_errors(struct imap_world *world)
{
    with_two_clients(world);
    RUN(world, "1> a NOTIFY", "1< ~a BAD", "1> b NOTIFY SET", "1< ~b BAD",
        "1> c NOTIFY SET (selected (MessageNew))", "1< ~c BAD",
        "1> d NOTIFY SET (personal (MessageNew MessageExpunge FlagChange VoiceCall))",
        "1< ~d NO [BADEVENT (MessageNew MessageExpunge FlagChange",
        "1> e NOTIFY SET (personal "
        "(FlagChange))",
        "1< ~e BAD", "1> f NOTIFY SET (personal (MessageNew (UID) MessageExpunge))", "1< ~f BAD",
        "1> g NOTIFY SET (selected (MailboxName))", "1< ~g BAD",
        "1> h NOTIFY SET (selected NONE) (selected NONE) (nonsense NONE)", "1< ~h BAD",
        "1> i NOTIFY SET (personal NONE)", "1< i OK NOTIFY completed");
    memory_mail_deliver(world->store, "INBOX", mail);
    RUN(world, "1< .", "1> u UNAUTHENTICATE", "1< ~u OK");
    memory_mail_deliver(world->store, "INBOX", mail);
    RUN(world, "1< .");
}

static void the_client_hears_of_other_mailboxes(void **state)
{
    (void)state;
    imap_world_in_every_way(play_statuses);
    imap_world_in_every_way(play_names);
    imap_world_in_every_way(play_annotations);
    imap_world_in_every_way(play_errors);
}

static void the_client_hears_of_the_selected_mailbox_at_any_time(void **state)
{
    (void)state;
    imap_world_in_every_way(play_selected);
    imap_world_in_every_way(play_delayed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_hears_of_other_mailboxes),
        cmocka_unit_test(the_client_hears_of_the_selected_mailbox_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
