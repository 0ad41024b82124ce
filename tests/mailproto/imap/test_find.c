// SPDX-License-Identifier: MIT
/* Extensions of SEARCH and SORT: ESORT and contexts (RFC 5267), PARTIAL (RFC 9394), MULTISEARCH
 * (RFC 7377). With the examples of their RFCs, in small mailboxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "mailproto/imap/context.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

/* Six mails; 2 and 5 speak of "fish"; subjects from f to a. */
static void with_six_mails(struct imap_world *world)
{
    static const char *const mails[] = {
        "Subject: f\r\n\r\nmeat\r\n", "Subject: e\r\n\r\nfish\r\n", "Subject: d\r\n\r\nmeat!\r\n",
        "Subject: c\r\n\r\nmeat\r\n", "Subject: b\r\n\r\nfish\r\n", "Subject: a\r\n\r\nmeat\r\n"};
    for (size_t i = 0; i < 6; i++) {
        memory_mail_deliver(world->store, "INBOX", mails[i]);
    }
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
}

/* ---- ESORT ---- */

static void play_esort(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> E01 SORT RETURN (COUNT) (REVERSE DATE) UTF-8 SUBJECT a",
        "1< * ESEARCH (TAG \"E01\") COUNT 1", "1< E01 OK SORT completed",
        "1> E02 UID SORT RETURN (ALL) (SUBJECT) UTF-8 ALL",
        "1< * ESEARCH (TAG \"E02\") UID ALL 6,5,4,3,2,1", "1< E02 OK UID SORT completed",
        "1> E03 SORT RETURN (MIN MAX) (SUBJECT) UTF-8 BODY fish",
        "1< * ESEARCH (TAG \"E03\") MIN 5 MAX 2", "1< ~E03 OK",
        "1> E04 SORT RETURN () (ARRIVAL) UTF-8 1:4", "1< * ESEARCH (TAG \"E04\") ALL 1:4",
        "1< ~E04 OK", "1> E05 SORT RETURN (ALL) (SUBJECT) UTF-8 SUBJECT nowhere",
        "1< * ESEARCH (TAG \"E05\")", "1< ~E05 OK",
        "1> E06 SORT RETURN (NONSENSE) (SUBJECT) UTF-8 ALL", "1< ~E06 BAD",
        "1> E07 SORT (SUBJECT) UTF-8 BODY fish", "1< * SORT 5 2", "1< ~E07 OK");
}

static void sort_answers_what_was_asked_for(void **state)
{
    (void)state;
    imap_world_in_every_way(play_esort);
}

/* ---- PARTIAL ---- */

static void play_partial(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> A01 UID SEARCH RETURN (PARTIAL -1:-3) UNDELETED",
        "1< * ESEARCH (TAG \"A01\") UID PARTIAL (-1:-3 4:6)", "1< ~A01 OK",
        "1> A02 UID SEARCH RETURN (PARTIAL 2:4) BODY meat",
        "1< * ESEARCH (TAG \"A02\") UID PARTIAL (2:4 3:4,6)", "1< ~A02 OK",
        "1> A03 UID SEARCH RETURN (PARTIAL 7:9) ALL",
        "1< * ESEARCH (TAG \"A03\") UID PARTIAL (7:9 NIL)", "1< ~A03 OK",
        "1> A04 SEARCH RETURN (COUNT PARTIAL 4:2) ALL",
        "1< * ESEARCH (TAG \"A04\") COUNT 6 PARTIAL (2:4 2:4)", "1< ~A04 OK",
        "1> A05 SEARCH RETURN (PARTIAL 1:2 ALL) ALL", "1< A05 BAD Either ALL or PARTIAL",
        "1> A06 SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL", "1< ~A06 BAD",
        "1> A07 SEARCH RETURN (PARTIAL 0:2) ALL", "1< ~A07 BAD",
        "1> A08 SEARCH RETURN (PARTIAL -1:2) ALL", "1< ~A08 BAD",
        "1> A09 SORT RETURN (PARTIAL 1:2) (SUBJECT) UTF-8 ALL",
        "1< * ESEARCH (TAG \"A09\") PARTIAL (1:2 6,5)", "1< ~A09 OK",
        /* With SAVE, "$" is that page. */
        "1> B01 SEARCH RETURN (SAVE PARTIAL 2:3) ALL",
        "1< * ESEARCH (TAG \"B01\") PARTIAL (2:3 2:3)", "1< ~B01 OK", "1> B02 FETCH $ (UID)",
        "1< * 2 FETCH (UID 2)", "1< * 3 FETCH (UID 3)", "1< ~B02 OK",
        /* And a page of a FETCH. */
        "1> C01 UID FETCH 2:6 (FLAGS) (PARTIAL -1:-2)", "1< * 5 FETCH (UID 5 FLAGS (\\Recent))",
        "1< * 6 FETCH (UID 6 FLAGS (\\Recent))", "1< ~C01 OK",
        "1> C02 UID FETCH 1:* (UID) (PARTIAL 1:1)", "1< * 1 FETCH (UID 1)", "1< ~C02 OK",
        "1> C03 UID FETCH 1:* (UID) (PARTIAL 10:20)", "1< ~C03 OK",
        "1> C04 UID FETCH 1:* (UID) (PARTIAL 1)", "1< ~C04 BAD");
}

static void a_result_comes_in_pages(void **state)
{
    (void)state;
    imap_world_in_every_way(play_partial);
}

/* ---- Contexts ---- */

static void play_context_search(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> B01 UID SEARCH RETURN (UPDATE COUNT) DELETED",
        "1< * ESEARCH (TAG \"B01\") UID COUNT 0", "1< ~B01 OK",
        "1> S1 STORE 2:3 +FLAGS (\\Deleted)", "1< ~* 2 FETCH", "1< ~* 3 FETCH",
        "1< * ESEARCH (TAG \"B01\") UID ADDTO (0 2:3)", "1< ~S1 OK",
        "1> S2 STORE 2 -FLAGS (\\Deleted)", "1< ~* 2 FETCH",
        "1< * ESEARCH (TAG \"B01\") UID REMOVEFROM (0 2)", "1< ~S2 OK",
        /* Before the EXPUNGE. */
        "1> X EXPUNGE", "1< * ESEARCH (TAG \"B01\") UID REMOVEFROM (0 3)", "1< * 3 EXPUNGE",
        "1< ~X OK", "1> C CANCELUPDATE \"B01\"", "1< C OK CANCELUPDATE completed",
        "1> S3 STORE 1 +FLAGS (\\Deleted)", "1< ~* 1 FETCH", "1< S3 OK STORE completed",
        "1> D CANCELUPDATE \"B01\"", "1< ~D BAD");
}

/* Text decides, and changes come from outside: at NOOP, and in IDLE. */
static void play_context_text(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> T SEARCH RETURN (UPDATE ALL) UNSEEN BODY fish",
        "1< * ESEARCH (TAG \"T\") ALL 2,5", "1< ~T OK");
    memory_mail_deliver(world->store, "INBOX", "Subject: g\r\n\r\nmore fish\r\n");
    memory_mail_deliver(world->store, "INBOX", "Subject: h\r\n\r\nmore meat\r\n");
    RUN(world, "1> N NOOP", "1< * 8 EXISTS", "1< * 8 RECENT",
        "1< * ESEARCH (TAG \"T\") ADDTO (0 7)", "1< ~N OK", "1> I IDLE", "1< + idling");
    memory_mail_set_flags(world->store, "INBOX", 5, MAILBOX_FLAG_SEEN);
    RUN(world, "1< ~* 5 FETCH", "1< * ESEARCH (TAG \"T\") REMOVEFROM (0 5)");
    memory_mail_set_flags(world->store, "INBOX", 5, 0);
    RUN(world, "1< ~* 5 FETCH", "1< * ESEARCH (TAG \"T\") ADDTO (0 5)");
    memory_mail_expunge(world->store, "INBOX", 2);
    RUN(world, "1< * ESEARCH (TAG \"T\") REMOVEFROM (0 2)", "1< * 2 EXPUNGE", "1> DONE",
        "1< ~I OK");
}

static void play_context_sort(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> S UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED",
        "1< * ESEARCH (TAG \"S\") UID ALL 6,5,4,3,2,1", "1< ~S OK",
        "1> R SORT RETURN (UPDATE COUNT) (REVERSE ARRIVAL SIZE) UTF-8 FLAGGED",
        "1< * ESEARCH (TAG \"R\") COUNT 0", "1< ~R OK");
    memory_mail_deliver(world->store, "INBOX", "Subject: bb\r\n\r\nx\r\n");
    RUN(world, "1> N NOOP", "1< * 7 EXISTS", "1< * 7 RECENT",
        "1< * ESEARCH (TAG \"S\") UID ADDTO (3 7)", "1< ~N OK", "1> D STORE 5,7 +FLAGS (\\Deleted)",
        "1< ...", "1< * ESEARCH (TAG \"S\") UID REMOVEFROM (2 5 2 7)", "1< ~D OK",
        "1> F STORE 1,3 +FLAGS (\\Flagged)", "1< ~* 1 FETCH", "1< ~* 3 FETCH",
        "1< * ESEARCH (TAG \"R\") ADDTO (1 1 2 3)", "1< ~F OK", "1> U STORE 5 -FLAGS (\\Deleted)",
        "1< ~* 5 FETCH", "1< * ESEARCH (TAG \"S\") UID ADDTO (2 5)", "1< ~U OK");
}

static void play_context_limits(struct imap_world *world)
{
    with_six_mails(world);
    for (int i = 1; i <= CONTEXT_MAX; i++) {
        struct buf line = {0};
        buf_printf(&line, "B%d SEARCH RETURN (UPDATE COUNT) SEEN\r\n", i);
        imap_world_send(world, 1, buf_view(&line));
        buf_clear(&line);
        RUN(world, "1< ~* ESEARCH", "1< ~B");
    }
    RUN(world, "1> X SEARCH RETURN (UPDATE COUNT) SEEN",
        "1< * NO [NOUPDATE \"X\"] Too many contexts", "1< * ESEARCH (TAG \"X\") COUNT 0",
        "1< X OK SEARCH completed", "1> B1 SEARCH RETURN (UPDATE) ALL", "1< ~B1 BAD",
        "1> C CANCELUPDATE \"B1\" \"B2\"", "1< ~C OK", "1> B1 SEARCH RETURN (UPDATE COUNT) SEEN",
        "1< * ESEARCH (TAG \"B1\") COUNT 0", "1< ~B1 OK",
        /* They end with the mailbox. */
        "1> U UNSELECT", "1< ~U OK", "1> S SELECT INBOX", "1< ...", "1< ~S OK",
        "1> T STORE 1 +FLAGS (\\Seen)", "1< ~* 1 FETCH", "1< T OK STORE completed");
}

static void results_are_held_up_to_date(void **state)
{
    (void)state;
    imap_world_in_every_way(play_context_search);
    imap_world_in_every_way(play_context_text);
    imap_world_in_every_way(play_context_sort);
    imap_world_in_every_way(play_context_limits);
}

/* A session ends while a context waits for the store. */
static void a_session_can_end_while_a_context_waits(void **state)
{
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        struct imap_world world;
        imap_world_init(&world, waits != 0);
        with_six_mails(&world);
        RUN(&world, "1> T SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 BODY fish", "1< ~* ESEARCH",
            "1< ~T OK", "1> I IDLE", "1< + idling");
        memory_mail_hold(world.store, true);
        memory_mail_deliver(world.store, "INBOX", "Subject: g\r\n\r\nmore fish\r\n");
        imap_world_settle(&world);
        imap_world_clear(&world);
    }
}

/* ---- MULTISEARCH ---- */

static void play_multisearch(struct imap_world *world)
{
    memory_mail_deliver(world->store, "Sent", "Subject: x\r\n\r\nfish\r\n");
    memory_mail_deliver(world->store, "Archive", "Subject: x\r\n\r\nmeat\r\n");
    memory_mail_deliver(world->store, "Archive", "Subject: y\r\n\r\nfish\r\n");
    with_six_mails(world);
    RUN(world, "1> c CREATE Archive/2026", "1< ~c OK", "1> u UNSELECT", "1< ~u OK",
        /* RFC 7377 section 2.3. */
        "1> tag1 ESEARCH IN (mailboxes \"Sent\" subtree \"Archive\") UNSEEN",
        "1< * ESEARCH (TAG \"tag1\" MAILBOX \"Archive\" UIDVALIDITY 1003) UID ALL 1:2",
        "1< * ESEARCH (TAG \"tag1\" MAILBOX \"Sent\" UIDVALIDITY 1002) UID ALL 1",
        "1< tag1 OK ESEARCH completed",
        "1> tag2 ESEARCH IN (inboxes subscribed) RETURN (COUNT MAX) BODY fish",
        "1< * ESEARCH (TAG \"tag2\" MAILBOX \"INBOX\" UIDVALIDITY 1000) UID MAX 5 COUNT 2",
        "1< * ESEARCH (TAG \"tag2\" MAILBOX \"Sent\" UIDVALIDITY 1002) UID MAX 1 COUNT 1",
        "1< tag2 OK ESEARCH completed", "1> tag3 ESEARCH IN (personal) SUBJECT nowhere",
        "1< tag3 OK ESEARCH completed", "1> tag4 ESEARCH ALL",
        "1< tag4 BAD Select a mailbox first, or name some",
        "1> tag5 ESEARCH IN (subtree-one Archive) RETURN (PARTIAL 1:1) CHARSET UTF-8 UID 2:*",
        "1< * ESEARCH (TAG \"tag5\" MAILBOX \"Archive\" UIDVALIDITY 1003) UID PARTIAL (1:1 2)",
        "1< ~tag5 OK", "1> tag6 ESEARCH IN (mailboxes Nowhere) ALL", "1< tag6 OK ESEARCH completed",
        "1> tag7 ESEARCH IN (inboxes) 1:2", "1< ~tag7 BAD", "1> tag8 ESEARCH IN (selected) ALL",
        "1< tag8 BAD Select a mailbox first", "1> tag9 ESEARCH IN (inboxes) RETURN (SAVE) ALL",
        "1< ~tag9 BAD", "1> t10 ESEARCH IN (selected-delayed) ALL", "1< ~t10 BAD",
        "1> t11 ESEARCH IN (inboxes) CHARSET KOI8-R ALL", "1< ~t11 NO [BADCHARSET",
        "1> s SELECT Sent", "1< ...", "1< ~s OK", "1> t12 ESEARCH RETURN (ALL) ALL",
        "1< * ESEARCH (TAG \"t12\" MAILBOX \"Sent\" UIDVALIDITY 1002) UID ALL 1", "1< ~t12 OK",
        "1> t13 ESEARCH IN (selected inboxes) BODY fish",
        "1< * ESEARCH (TAG \"t13\" MAILBOX \"INBOX\" UIDVALIDITY 1000) UID ALL 2,5",
        "1< * ESEARCH (TAG \"t13\" MAILBOX \"Sent\" UIDVALIDITY 1002) UID ALL 1", "1< ~t13 OK");
}

static void several_mailboxes_are_searched_at_once(void **state)
{
    (void)state;
    imap_world_in_every_way(play_multisearch);
}

/* ---- FUZZY (RFC 6203), charsets ---- */

static void play_fuzzy(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> a SEARCH FUZZY (BODY \"FISH\" NOT SUBJECT b)", "1< * SEARCH 2", "1< ~a OK",
        "1> b SEARCH RETURN (ALL COUNT) FUZZY TEXT \"Fish\" UID 1:4",
        "1< * ESEARCH (TAG \"b\") COUNT 1 ALL 2", "1< ~b OK",
        "1> c SORT (SUBJECT) UTF-8 NOT FUZZY BODY meat", "1< * SORT 5 2", "1< ~c OK",
        "1> d SEARCH FUZZY", "1< ~d BAD");
}

/* Message 2 has "fish" in its body, message 5 that and the subject "b". */
static void play_relevancy(struct imap_world *world)
{
    static const struct {
        const char *command;
        const char *answer; /* NULL: BAD */
    } cases[] = {
        {"SEARCH RETURN (RELEVANCY ALL) FUZZY (OR BODY fish SUBJECT b)",
         "* ESEARCH (TAG \"t\") ALL 2,5 RELEVANCY (50 100)"},
        {"UID SEARCH RETURN (PARTIAL 2:2 RELEVANCY) FUZZY (OR BODY fish SUBJECT b)",
         "* ESEARCH (TAG \"t\") UID PARTIAL (2:2 5) RELEVANCY (100)"},
        {"SEARCH RETURN (RELEVANCY COUNT) FUZZY ALL",
         "* ESEARCH (TAG \"t\") COUNT 6 RELEVANCY (100 100 100 100 100 100)"},
        {"SEARCH RETURN (RELEVANCY ALL) FUZZY BODY fish MODSEQ 1",
         "* ESEARCH (TAG \"t\") ALL 2,5 RELEVANCY (100 100) MODSEQ 6"},
        {"SEARCH RETURN (RELEVANCY ALL) FUZZY BODY fowl", "* ESEARCH (TAG \"t\")"},
        /* What is not below FUZZY does not count. */
        {"SEARCH RETURN (RELEVANCY ALL) OR FUZZY BODY fish SUBJECT c",
         "* ESEARCH (TAG \"t\") ALL 2,4:5 RELEVANCY (100 1 100)"},
        {"SORT (RELEVANCY) UTF-8 FUZZY (OR BODY fish SUBJECT b)", "* SORT 5 2"},
        {"SORT (REVERSE RELEVANCY) UTF-8 FUZZY (OR BODY fish SUBJECT b)", "* SORT 2 5"},
        /* The same messages, but another search. */
        {"SORT (RELEVANCY) UTF-8 FUZZY (OR BODY fish SUBJECT e)", "* SORT 2 5"},
        {"SORT (RELEVANCY SUBJECT) UTF-8 FUZZY (OR BODY fish SUBJECT c)", "* SORT 5 4 2"},
        {"SORT (RELEVANCY SUBJECT) UTF-8 FUZZY (OR BODY fish SUBJECT e)", "* SORT 2 5"},
        {"SORT RETURN (ALL RELEVANCY) (SUBJECT) UTF-8 FUZZY (OR BODY fish SUBJECT b)",
         "* ESEARCH (TAG \"t\") ALL 5,2 RELEVANCY (100 50)"},
        {"ESEARCH IN (inboxes) RETURN (ALL RELEVANCY) FUZZY BODY fish",
         "* ESEARCH (TAG \"t\" MAILBOX \"INBOX\" UIDVALIDITY 1000) UID ALL 2,5 RELEVANCY (100 "
         "100)"},
        /* Section 4: not without FUZZY. */
        {"SEARCH RETURN (RELEVANCY) BODY fish", NULL},
        {"SORT (RELEVANCY) UTF-8 BODY fish", NULL},
        {"ESEARCH IN (inboxes) RETURN (RELEVANCY) BODY fish", NULL},
        {"SEARCH RETURN (RELEVANCY UPDATE) FUZZY BODY fish", NULL},
        {"SORT RETURN (UPDATE) (RELEVANCY) UTF-8 FUZZY BODY fish", NULL},
    };
    with_six_mails(world);
    imap_world_select(world, 1, "INBOX (CONDSTORE)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        imap_world_ask(world, 1, "t %s", cases[i].command);
        if (cases[i].answer != NULL) {
            imap_world_expect(world, 1, "%s", cases[i].answer);
        }
        imap_world_expect(world, 1, "~t %s", cases[i].answer != NULL ? "OK" : "BAD");
    }
}

/* RFC 6855 section 3: a charset contradicts UTF8=ACCEPT. SORT and THREAD can't do without one. */
static void play_charset(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> a SEARCH CHARSET UTF-8 BODY fish", "1< * SEARCH 2 5", "1< ~a OK",
        "1> b ENABLE UTF8=ACCEPT", "1< * ENABLED UTF8=ACCEPT", "1< ~b OK",
        "1> c SEARCH CHARSET UTF-8 BODY fish", "1< ~c BAD", "1> d UID SEARCH CHARSET KOI8-R ALL",
        "1< ~d BAD", "1> e SEARCH BODY fish", "1< * SEARCH 2 5", "1< ~e OK",
        "1> f SORT (SUBJECT) UTF-8 BODY fish", "1< * SORT 5 2", "1< ~f OK",
        "1> g ESEARCH IN (inboxes) CHARSET UTF-8 ALL", "1< ~g BAD",
        /* IMAP4rev2 alone allows it. */
        "2< ...", "2< ~* OK", "2> a LOGIN alice secret", "2< ~a OK", "2> b ENABLE IMAP4rev2",
        "2< ...", "2< ~b OK", "2> c SELECT INBOX", "2< ...", "2< ~c OK",
        "2> d SEARCH CHARSET UTF-8 BODY fish", "2< * ESEARCH (TAG \"d\") ALL 2,5", "2< ~d OK");
}

static void a_fuzzy_key_finds_what_its_text_is_in(void **state)
{
    (void)state;
    imap_world_in_every_way(play_fuzzy);
    imap_world_in_every_way(play_relevancy);
}

static void a_charset_has_no_place_beside_utf8_accept(void **state)
{
    (void)state;
    imap_world_in_every_way(play_charset);
}

/* ---- "$" (RFC 5182) ---- */

/* "$" is message 2; what is it after each command? */
static void play_saved_result(struct imap_world *world)
{
    static const struct {
        const char *command;
        const char *status;
        const char *kept; /* NULL: nothing */
    } cases[] = {
        /* Section 2.1: NO of a SEARCH with SAVE empties it ... */
        {"SEARCH RETURN (SAVE) CHARSET KOI8-R TEXT x", "NO", NULL},
        {"UID SEARCH RETURN (SAVE COUNT) CHARSET KOI8-R TEXT x", "NO", NULL},
        {"SORT RETURN (SAVE) (DATE) KOI8-R ALL", "NO", NULL},
        /* ... BAD does not, nor does one without SAVE, nor what is no SEARCH. */
        {"SEARCH RETURN (SAVE) FROBNICATE", "BAD", "2"},
        {"SEARCH RETURN (SAVE) CHARSET UTF-8", "BAD", "2"},
        {"SORT RETURN (SAVE) (DATE) UTF-8", "BAD", "2"},
        {"SEARCH CHARSET KOI8-R TEXT x", "NO", "2"},
        {"SEARCH RETURN (ALL) CHARSET KOI8-R TEXT x", "NO", "2"},
        {"SEARCH 5", "OK", "2"},
        {"SEARCH RETURN (COUNT) 5", "OK", "2"},
        {"STATUS Nowhere (MESSAGES)", "NO", "2"},
        /* What was found, and what of it MIN, MAX and others mean (section 2.4). */
        {"SEARCH RETURN (SAVE) SUBJECT nothing", "OK", NULL},
        {"SEARCH RETURN (SAVE) 3:5", "OK", "3:5"},
        {"SEARCH RETURN (SAVE MIN) 3:5", "OK", "3"},
        {"SEARCH RETURN (SAVE MAX) 3:5", "OK", "5"},
        {"SEARCH RETURN (SAVE MIN MAX) 3:5", "OK", "3,5"},
        {"SEARCH RETURN (SAVE MIN COUNT) 3:5", "OK", "3:5"},
        {"SEARCH RETURN (SAVE) NOT $", "OK", "1,3:6"},
        {"SORT RETURN (SAVE) (SUBJECT) UTF-8 3:5", "OK", "3:5"},
        {"SELECT INBOX", "OK", NULL},
        {"EXAMINE Nowhere", "NO", ""},
    };
    with_six_mails(world);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        imap_world_ask(world, 1, "s SEARCH RETURN (SAVE) 2");
        imap_world_expect(world, 1, "s OK SEARCH completed");
        imap_world_ask(world, 1, "t %s", cases[i].command);
        imap_world_expect(world, 1, "...");
        imap_world_expect(world, 1, "~t %s", cases[i].status);
        imap_world_ask(world, 1, "u UID SEARCH RETURN (ALL) $");
        if (cases[i].kept == NULL) {
            imap_world_expect(world, 1, "* ESEARCH (TAG \"u\") UID");
        } else if (cases[i].kept[0] != '\0') {
            imap_world_expect(world, 1, "* ESEARCH (TAG \"u\") UID ALL %s", cases[i].kept);
        } else {
            imap_world_expect(world, 1, "u BAD Select a mailbox first");
            continue;
        }
        imap_world_expect(world, 1, "~u OK");
    }
}

/* SAVE alone says nothing; messages that go leave the result, by whomever they were taken. */
static void play_saved_and_expunged(struct imap_world *world)
{
    with_six_mails(world);
    RUN(world, "1> a SORT RETURN (SAVE) (SUBJECT) UTF-8 2:5", "1< a OK SORT completed",
        "1> b STORE 3 +FLAGS.SILENT (\\Deleted)", "1< ~b OK", "1> c EXPUNGE", "1< * 3 EXPUNGE",
        "1< ~c OK", "1> d UID SEARCH $", "1< * SEARCH 2 4 5", "1< ~d OK", "1> e SEARCH $",
        "1< * SEARCH 2 3 4", "1< ~e OK");
    memory_mail_expunge(world->store, "INBOX", 4);
    RUN(world, "1> f NOOP", "1< * 3 EXPUNGE", "1< ~f OK", "1> g UID FETCH $ UID",
        "1< * 2 FETCH (UID 2)", "1< * 3 FETCH (UID 5)", "1< ~g OK",
        /* A UID that is new is not among them. */
        "1> h APPEND INBOX {17+}", "1+ Subject: g\r\n\r\nx\r\n\r\n", "1< * 5 EXISTS",
        "1< * 5 RECENT", "1< ~h OK", "1> i UID SEARCH $", "1< * SEARCH 2 5", "1< ~i OK",
        "1> j STORE $ +FLAGS.SILENT (\\Deleted)", "1< ~j OK", "1> k UID EXPUNGE $",
        "1< * 2 EXPUNGE", "1< * 2 EXPUNGE", "1< ~k OK", "1> l FETCH $ UID", "1< ~l OK");
}

static void a_result_is_kept_until_a_search_replaces_or_spoils_it(void **state)
{
    (void)state;
    imap_world_in_every_way(play_saved_result);
    imap_world_in_every_way(play_saved_and_expunged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sort_answers_what_was_asked_for),
        cmocka_unit_test(a_result_comes_in_pages),
        cmocka_unit_test(results_are_held_up_to_date),
        cmocka_unit_test(a_session_can_end_while_a_context_waits),
        cmocka_unit_test(several_mailboxes_are_searched_at_once),
        cmocka_unit_test(a_fuzzy_key_finds_what_its_text_is_in),
        cmocka_unit_test(a_charset_has_no_place_beside_utf8_accept),
        cmocka_unit_test(a_result_is_kept_until_a_search_replaces_or_spoils_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
