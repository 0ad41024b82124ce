// SPDX-License-Identifier: MIT
/* CATENATE (RFC 4469), REPLACE (RFC 8508), and the URLs of the first. With the examples of their
 * RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/imap/imap_url.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static const char draft[] = "From: Ann <ann@x.org>\r\nSubject: draft\r\n\r\nbody of it\r\n";

static void with_a_draft(struct imap_world *world)
{
    memory_mail_deliver(world->store, "Drafts", draft);
    imap_world_log_in(world, 1);
}

/* ---- CATENATE ---- */

/* RFC 4469 section 5, its examples, in small. */
static void play_catenate_parts(struct imap_world *world)
{
    with_a_draft(world);
    RUN(world,
        "1> A003 APPEND Drafts (\\Seen \\Draft) CATENATE (URL "
        "\"/Drafts;UIDVALIDITY=1001/;UID=1/;section=HEADER\" TEXT {6}",
        "1< + Ready for the message", "1+ new\r\n!)\r\n", "1< ~A003 OK [APPENDUID 1001 2]",
        /* Without a byte of its own; a URL as a literal; a piece of a part. */
        "1> A004 APPEND Sent CATENATE (URL \"/Drafts/;UID=1/;section=TEXT/;partial=0.4\" URL {16}",
        "1< + Go on", "1+ /Drafts;UIDVALID", "1< .", "1> )", "1< ~A004 NO [BADURL",
        "1> A005 APPEND Sent CATENATE (URL {15+}\r\n/Drafts/;UID=1/ URL x)", "1< ~A005 NO [BADURL",
        "1> A006 APPEND Sent CATENATE (URL \"/Drafts/;UID=1/;section=HEADER.FIELDS%20(subject)\" "
        "URL \"/Drafts/;UID=1/;section=TEXT/;partial=0.4\")",
        "1< ~A006 OK [APPENDUID 1002 1]",
        /* Several messages, with and without CATENATE. */
        "1> A007 APPEND Sent CATENATE (URL \"/Drafts/;UID=1\") {6+}\r\na: b\r\n (\\Flagged) "
        "CATENATE "
        "(TEXT {6+}\r\nc: d\r\n TEXT {4+}\r\n\r\nx\r)",
        "1< ~A007 OK [APPENDUID 1002 2:4]", "1> s SELECT Sent", "1< ...", "1< ~s OK",
        "1> f FETCH 1:4 (FLAGS BODY.PEEK[])", "1< ~* 1 FETCH (FLAGS (\\Recent) BODY[] {22}",
        "1< Subject: draft", "1< ", "1< body)", "1< * 2 FETCH (FLAGS (\\Recent) BODY[] {53}",
        "1< ...", "1< * 3 FETCH (FLAGS (\\Recent) BODY[] {6}", "1< a: b", "1< )",
        "1< * 4 FETCH (FLAGS (\\Flagged \\Recent) BODY[] {10}", "1< c: d", "1< ...", "1< ~f OK");
}

static void play_catenate_errors(struct imap_world *world)
{
    with_a_draft(world);
    RUN(world,
        "1> A003 APPEND Drafts CATENATE (TEXT {6+}\r\na: b\r\n URL "
        "\"/Drafts;UIDVALIDITY=7/;UID=1\" TEXT "
        "{3+}\r\nend URL \"/Drafts/;UID=1\")",
        "1< A003 NO [BADURL \"/Drafts;UIDVALIDITY=7/;UID=1\"] This URL names nothing here",
        "1> A004 APPEND Drafts CATENATE (URL \"/Drafts/;UID=9\")", "1< ~A004 NO [BADURL",
        "1> A005 APPEND Drafts CATENATE (URL \"/Drafts/;UID=1/;section=7\")", "1< ~A005 NO [BADURL",
        "1> A006 APPEND Drafts CATENATE (URL \"imap://other/Drafts/;UID=1\")",
        "1< ~A006 NO [BADURL", "1> A007 APPEND Drafts CATENATE (URL \"/Nowhere/;UID=1\")",
        "1< ~A007 NO [BADURL", "1> A008 APPEND Nowhere CATENATE (URL \"/Drafts/;UID=1\")",
        "1< ~A008 NO [TRYCREATE]",
        "1> A009 APPEND Nowhere CATENATE (TEXT {3+}\r\nabc URL \"/Drafts/;UID=1\")",
        "1< ~A009 NO [TRYCREATE]", "1> A010 APPEND Drafts CATENATE ()", "1< ~A010 BAD",
        "1> A011 APPEND Drafts CATENATE (TEXT \"abc\")", "1< ~A011 BAD",
        "1> A012 APPEND Drafts CATENATE (URL \"/Drafts/;UID=1\"", "1< ~A012 BAD",
        "1> A013 APPEND Drafts", "1< ~A013 BAD", "1> A014 APPEND Drafts CATENATE (TEXT {67108865}",
        "1< ~A014 NO [TOOBIG]", "1> A015 NOOP", "1< A015 OK NOOP completed",
        /* None of them left anything behind. */
        "1> A016 STATUS Drafts (MESSAGES)", "1< * STATUS \"Drafts\" (MESSAGES 1)", "1< ~A016 OK");
}

/* URLs in the selected mailbox need no name. */
static void play_catenate_relative(struct imap_world *world)
{
    with_a_draft(world);
    RUN(world, "1> a APPEND Sent CATENATE (URL \";UID=1/;section=HEADER\")", "1< ~a NO [BADURL",
        "1> s SELECT Drafts", "1< ...", "1< ~s OK",
        "1> b APPEND Sent CATENATE (URL \";UID=1/;section=HEADER\")",
        "1< ~b OK [APPENDUID 1002 1]");
}

static void messages_are_made_of_parts_that_lie_here(void **state)
{
    (void)state;
    imap_world_in_every_way(play_catenate_parts);
    imap_world_in_every_way(play_catenate_errors);
    imap_world_in_every_way(play_catenate_relative);
}

static void a_session_can_end_while_a_part_is_fetched(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, true);
    with_a_draft(&world);
    memory_mail_hold(world.store, true);
    RUN(&world, "1> a APPEND Sent CATENATE (URL \"/Drafts/;UID=1\" TEXT {3+}", "1< .");
    imap_world_clear(&world);
}

/* ---- URLs ---- */

static void urls_name_parts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/INBOX/;UID=1", "/a%20b/c;UIDVALIDITY=7/;UID=4294967295", ";UID=3/;SECTION=1.2.MIME",
        "/x/;uid=3/;section=HEADER.FIELDS%20(Date%20From)/;partial=1",
        "/%C3%BC/;UID=1/;PARTIAL=0.1"};
    static const char *const bad[] = {"",
                                      "/",
                                      "/x",
                                      "/x;UID=1",
                                      "/x/;UID=0",
                                      "/x/;UID=4294967296",
                                      "/x/;UID=1/",
                                      "/x/;UID=1/;SECTION=",
                                      "/x/;UID=1/;SECTION=FOO",
                                      "/x/;UID=1/;PARTIAL=",
                                      "/x/;UID=1/;PARTIAL=1.0",
                                      "/x;UIDVALIDITY=0/;UID=1",
                                      "/%/;UID=1",
                                      "/%ff/;UID=1",
                                      "/%00/;UID=1",
                                      "/x/;UID=1;",
                                      "imap://h/x/;UID=1"};
    struct arena arena = {0};
    struct imap_url url;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(imap_url_parse(&url, bytes_of_str(good[i]), &arena));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(imap_url_parse(&url, bytes_of_str(bad[i]), &arena));
    }
    assert_true(imap_url_parse(&url, bytes_of_str(good[1]), &arena));
    assert_string_equal(url.mailbox, "a b/c");
    assert_int_equal(url.uid_validity, 7);
    assert_int_equal(url.uid, 4294967295);
    assert_true(imap_url_parse(&url, bytes_of_str("/inbox/;UID=5/;PARTIAL=3.9"), &arena));
    assert_string_equal(url.mailbox, "INBOX");
    assert_int_equal(url.partial_offset, 3);
    assert_int_equal(url.partial_len, 9);
    arena_clear(&arena);
}

/* ---- REPLACE ---- */

static void play_replace(struct imap_world *world)
{
    for (int i = 0; i < 4; i++) {
        memory_mail_deliver(world->store, "Drafts", draft);
    }
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "Drafts");
    /* RFC 8508 section 3.5.1 and 3.5.2. */
    RUN(world, "1> A003 REPLACE 4 Drafts (\\Seen \\Draft) {6}", "1< + Ready for the message",
        "1> a: b\r\n", "1< * OK [APPENDUID 1001 5] Replacement Message ready", "1< * 4 EXPUNGE",
        "1< * 4 EXISTS", "1< * 4 RECENT", "1< A003 OK REPLACE completed",
        "1> A004 UID REPLACE 2 Sent (\\Seen) {6+}\r\na: b\r\n",
        "1< * OK [APPENDUID 1002 1] Replacement Message ready", "1< * 2 EXPUNGE",
        "1< A004 OK UID REPLACE completed", "1> f UID FETCH 1:* FLAGS",
        "1< * 1 FETCH (UID 1 FLAGS (\\Recent))", "1< * 2 FETCH (UID 3 FLAGS (\\Recent))",
        "1< * 3 FETCH (UID 5 FLAGS (\\Seen \\Draft \\Recent))", "1< ~f OK",
        /* Of parts that lie here (RFC 8508 section 4.1). */
        "1> A005 REPLACE 3 Drafts CATENATE (URL \"/Drafts/;UID=1/;section=HEADER\" TEXT "
        "{3+}\r\nnew)",
        "1< * OK [APPENDUID 1001 6] Replacement Message ready", "1< * 3 EXPUNGE", "1< ...",
        "1< A005 OK REPLACE completed",
        "1> A006 REPLACE 3 Drafts CATENATE (URL \"/Drafts/;UID=1\")", "1< ~* OK [APPENDUID 1001 7]",
        "1< ...", "1< ~A006 OK");
}

static void play_replace_errors(struct imap_world *world)
{
    memory_mail_deliver(world->store, "Drafts", draft);
    imap_world_log_in(world, 1);
    RUN(world, "1> a REPLACE 1 Drafts {6+}\r\na: b\r\n", "1< a BAD Select a mailbox first");
    imap_world_select(world, 1, "Drafts");
    RUN(world, "1> b REPLACE 2 Drafts {6}", "1< b BAD There is no message with that number",
        "1> c UID REPLACE 7 Drafts {6}", "1< c NO [NONEXISTENT] There is no message with that UID",
        "1> d REPLACE 1 Nowhere {6}", "1< ~d NO [TRYCREATE]",
        "1> e REPLACE 1 Drafts {6+}\r\na: b\r\n {6+}\r\nc: d\r\n", "1< ~e BAD",
        "1> f REPLACE 1 Drafts", "1< ~f BAD", "1> g REPLACE 1:2 Drafts {6}", "1< ~g BAD",
        "1> h STATUS Drafts (MESSAGES UIDNEXT)", "1< * STATUS \"Drafts\" (MESSAGES 1 UIDNEXT 2)",
        "1< ~h OK", "1> x EXAMINE Drafts", "1< ...", "1< ~x OK", "1> i REPLACE 1 Drafts {6}",
        "1< i NO [CANNOT] The mailbox was opened read-only");
}

/* Expunged by another while the new one was on its way: nothing is appended. */
static void play_replace_race(struct imap_world *world)
{
    memory_mail_deliver(world->store, "Drafts", draft);
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "Drafts");
    RUN(world, "1> a REPLACE 1 Drafts {6}", "1< + Ready for the message");
    memory_mail_expunge(world->store, "Drafts", 1);
    RUN(world, "1> a: b\r\n", "1< * 1 EXPUNGE", "1< a NO [NONEXISTENT] The message is gone",
        "1> s STATUS Drafts (MESSAGES)", "1< * STATUS \"Drafts\" (MESSAGES 0)", "1< ~s OK");
}

static void a_message_is_replaced_in_one_step(void **state)
{
    (void)state;
    imap_world_in_every_way(play_replace);
    imap_world_in_every_way(play_replace_errors);
    imap_world_in_every_way(play_replace_race);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_made_of_parts_that_lie_here),
        cmocka_unit_test(a_session_can_end_while_a_part_is_fetched),
        cmocka_unit_test(urls_name_parts),
        cmocka_unit_test(a_message_is_replaced_in_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
