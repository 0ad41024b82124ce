// SPDX-License-Identifier: MIT
/* What the server says of itself, whole: CAPABILITY before and after the login, ID (RFC 2971). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/imap_script.h"

#define ALWAYS "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE"
/* LITERAL- does not stand beside LITERAL+ (RFC 7888 section 5). */
#define LOGGED_IN                                                                                  \
    ALWAYS " IDLE NOTIFY UNSELECT UNAUTHENTICATE"                                                  \
           " CONDSTORE QRESYNC UIDONLY ESEARCH SEARCHRES CONTEXT=SEARCH CONTEXT=SORT PARTIAL"      \
           " NAMESPACE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS"          \
           " LIST-METADATA LIST-MYRIGHTS STATUS=SIZE METADATA QUOTA QUOTA=RES-STORAGE"             \
           " QUOTA=RES-MESSAGE ACL RIGHTS=kxte UIDPLUS MOVE REPLACE MULTIAPPEND CATENATE BINARY"   \
           " SAVEDATE OBJECTID PREVIEW SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES"  \
           " ESORT MULTISEARCH I18NLEVEL=1 WITHIN SEARCH=FUZZY COMPRESS=DEFLATE UTF8=ACCEPT"       \
           " INPROGRESS APPENDLIMIT=67108864"

static void play_capabilities(struct imap_world *world)
{
    static const char before[] = ALWAYS " STARTTLS AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN";
    imap_world_expect(world, 1, "~* OK [CAPABILITY %s] ", before);
    imap_world_ask(world, 1, "a CAPABILITY");
    imap_world_expect(world, 1, "* CAPABILITY %s", before);
    RUN(world, "1< ~a OK", "1> b LOGIN alice secret", "1< ~b OK [CAPABILITY " LOGGED_IN "] ",
        "1> c CAPABILITY", "1< * CAPABILITY " LOGGED_IN, "1< ~c OK", "1> d SELECT INBOX", "1< ...",
        "1< ~d OK", "1> e CAPABILITY", "1< * CAPABILITY " LOGGED_IN, "1< ~e OK",
        "1> f UNAUTHENTICATE", "1< ~f OK", "1> g CAPABILITY");
    imap_world_expect(world, 1, "* CAPABILITY %s", before);
}

/* Off the machine and in clear: no password goes over the wire. */
static void play_far_away(struct imap_world *world)
{
    static const char in_clear[] = ALWAYS " STARTTLS AUTH=SCRAM-SHA-256 LOGINDISABLED";
    world->client.is_loopback = false;
    imap_world_expect(world, 1, "~* OK [CAPABILITY %s] ", in_clear);
    RUN(world, "1> a STARTTLS", "1< ~a OK");
    imap_world_tls_up(world, 1);
    RUN(world, "1> b CAPABILITY",
        "1< * CAPABILITY " ALWAYS " AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN", "1< ~b OK");
}

static void play_id(struct imap_world *world)
{
    RUN(world, "1< ~* OK",
        /* RFC 2971 section 3.1 and 3.2. */
        "1> a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" \"Pink Floyd Music "
        "Limited\")",
        "1< ~* ID (\"name\" \"Bittern\" \"version\" \"", "1< a023 OK ID completed",
        "1> a042 ID NIL", "1< ~* ID (\"name\" \"Bittern\"", "1< a042 OK ID completed",
        /* Values can be NIL, an empty list is one, field names are strings. */
        "1> b ID (\"os\" NIL)", "1< ~* ID", "1< ~b OK", "1> c ID ()", "1< ~* ID", "1< ~c OK",
        "1> d ID (os NIL)", "1< ~d BAD", "1> e ID (\"os\")", "1< ~e BAD", "1> f ID", "1< ~f BAD",
        "1> g ID (NIL \"x\")", "1< ~g BAD", "1> h LOGIN alice secret", "1< ~h OK",
        "1> i ID (\"name\" {4+}", "1> mutt)", "1< ~* ID", "1< ~i OK");
}

static void what_is_offered_stands_in_the_list(void **state)
{
    (void)state;
    imap_world_in_every_way(play_capabilities);
    imap_world_in_every_way(play_far_away);
}

static void both_sides_can_say_who_they_are(void **state)
{
    (void)state;
    imap_world_in_every_way(play_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_stands_in_the_list),
        cmocka_unit_test(both_sides_can_say_who_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
