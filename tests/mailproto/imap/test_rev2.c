// SPDX-License-Identifier: MIT
/* What a client that says ENABLE IMAP4rev2 gets otherwise (RFC 9051 appendix E), and what RFC
 * 9051's own examples show of commands that IMAP4rev1 had as extensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static const char mail[] = "From: Ann <ann@x.org>\r\nSubject: hello\r\n\r\nline one\r\n";

static void with_rev2(struct imap_world *world)
{
    for (int i = 0; i < 3; i++) {
        memory_mail_deliver(world->store, "INBOX", mail);
    }
    imap_world_log_in(world, 1);
    RUN(world, "1> e ENABLE IMAP4rev2", "1< * ENABLED IMAP4rev2", "1< e OK ENABLE completed");
}

/* Both are offered from the first line on. */
static void play_offer(struct imap_world *world)
{
    RUN(world, "1< ~* OK [CAPABILITY IMAP4rev1 IMAP4rev2 ", "1> a CAPABILITY",
        "1< ~* CAPABILITY IMAP4rev1 IMAP4rev2 ", "1< ~a OK", "1> b LOGIN alice secret",
        "1< ~b OK [CAPABILITY IMAP4rev1 IMAP4rev2 ", "1> c ENABLE IMAP4rev2 NONSENSE",
        "1< * ENABLED IMAP4rev2", "1< ~c OK", "1> d ENABLE IMAP4rev2", "1< * ENABLED", "1< ~d OK");
}

static void play_select(struct imap_world *world)
{
    with_rev2(world);
    RUN(world, "1> A142 SELECT inbox", "1< * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
        "1< ~* OK [PERMANENTFLAGS", "1< * 3 EXISTS", "1< * LIST () \"/\" \"INBOX\"",
        "1< * OK [UIDVALIDITY 1000] UIDs are valid", "1< * OK [UIDNEXT 4] Next UID", "1< ...",
        "1< A142 OK [READ-WRITE] SELECT completed", "1> A143 SELECT Sent",
        "1< * OK [CLOSED] The mailbox before is closed", "1< ...",
        "1< A143 OK [READ-WRITE] SELECT "
        "completed",
        "1> A144 SELECT Nowhere", "1< * OK [CLOSED] The mailbox before is closed",
        "1< A144 NO [NONEXISTENT] No such mailbox", "1> A145 FETCH 1 FLAGS",
        "1< A145 BAD Select a mailbox first");
}

/* No RECENT, nowhere; flag changes carry UIDs. */
static void play_recent(struct imap_world *world)
{
    with_rev2(world);
    RUN(world, "1> a SELECT INBOX", "1< ...", "1< ~a OK", "1> b FETCH 1 FLAGS",
        "1< * 1 FETCH (FLAGS ())", "1< ~b OK", "1> c STORE 2 +FLAGS (\\Seen)",
        "1< * 2 FETCH (UID 2 FLAGS (\\Seen))", "1< ~c OK");
    memory_mail_deliver(world->store, "INBOX", mail);
    memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_FLAGGED);
    RUN(world, "1> d NOOP", "1< * 4 EXISTS", "1< * 1 FETCH (UID 1 FLAGS (\\Flagged))",
        "1< d OK NOOP "
        "completed");
}

/* RFC 9051 section 6.4.4. */
static void play_search(struct imap_world *world)
{
    with_rev2(world);
    RUN(world, "1> a SELECT INBOX", "1< ...", "1< ~a OK",
        "1> A282 SEARCH RETURN (MIN COUNT) UNSEEN", "1< * ESEARCH (TAG \"A282\") MIN 1 COUNT 3",
        "1< A282 OK SEARCH completed", "1> A283 SEARCH RETURN () UNSEEN",
        "1< * ESEARCH (TAG \"A283\") ALL 1:3", "1< ~A283 OK",
        "1> A284 SEARCH TEXT \"string not in mailbox\"", "1< * ESEARCH (TAG \"A284\")",
        "1< ~A284 OK", "1> A285 UID SEARCH ALL", "1< * ESEARCH (TAG \"A285\") UID ALL 1:3",
        "1< ~A285 OK", "1> A301 SEARCH RETURN (SAVE) 2:3", "1< A301 OK SEARCH completed",
        "1> A302 FETCH $ (UID)", "1< * 2 FETCH (UID 2)", "1< * 3 FETCH (UID 3)", "1< ~A302 OK");
}

/* Names in UTF-8, both ways; what modified UTF-7 would mean is text. */
static void play_names(struct imap_world *world)
{
    with_rev2(world);
    RUN(world,
        "1> a CREATE \"Pr\xc3\xbc"
        "fung & co\"",
        "1< ~a OK", "1> b LIST \"\" \"Pr*\"",
        "1< * LIST (\\HasNoChildren) \"/\" \"Pr\xc3\xbc"
        "fung & co\"",
        "1< ~b OK",
        "1> c STATUS \"Pr\xc3\xbc"
        "fung & co\" (MESSAGES UNSEEN DELETED SIZE)",
        "1< * STATUS \"Pr\xc3\xbc"
        "fung & co\" (MESSAGES 0 UNSEEN 0 DELETED 0 SIZE 0)",
        "1< ~c OK", "1> d CREATE \"Pr&APw-fung\"", "1< ~d OK", "1> e LIST \"\" \"Pr&*\"",
        "1< * LIST (\\HasNoChildren) \"/\" \"Pr&APw-fung\"", "1< ~e OK", "1> f CREATE \"\xff\"",
        "1< f BAD Not UTF-8");
}

/* RFC 9051 section 6.3.9.8. */
static void play_list(struct imap_world *world)
{
    with_rev2(world);
    RUN(world, "1> A01 LIST (SUBSCRIBED) \"\" (INBOX Archive Sent)",
        "1< * LIST (\\Subscribed) \"/\" \"INBOX\"", "1< * LIST (\\Subscribed) \"/\" \"Sent\"",
        "1< A01 OK LIST completed", "1> A02 LIST \"\" (INBOX Sent) RETURN (STATUS (MESSAGES SIZE))",
        "1< * LIST () \"/\" \"INBOX\"", "1< ~* STATUS \"INBOX\" (MESSAGES 3 SIZE ",
        "1< * LIST () \"/\" \"Sent\"", "1< * STATUS \"Sent\" (MESSAGES 0 SIZE 0)", "1< ~A02 OK",
        "1> A03 LIST \"\" \"\"", "1< * LIST (\\Noselect) \"/\" \"\"", "1< ~A03 OK",
        "1> A04 NAMESPACE", "1< * NAMESPACE ((\"\" \"/\")) NIL NIL", "1< ~A04 OK");
}

static void imap4rev2_is_offered_beside_rev1(void **state)
{
    (void)state;
    imap_world_in_every_way(play_offer);
}

static void imap4rev2_changes_replies_once_enabled(void **state)
{
    (void)state;
    imap_world_in_every_way(play_select);
    imap_world_in_every_way(play_recent);
    imap_world_in_every_way(play_search);
    imap_world_in_every_way(play_names);
    imap_world_in_every_way(play_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imap4rev2_is_offered_beside_rev1),
        cmocka_unit_test(imap4rev2_changes_replies_once_enabled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
