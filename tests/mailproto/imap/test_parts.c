// SPDX-License-Identifier: MIT
/* What comes out of a message's header and parts, with the real analysis of MIME: BINARY (RFC
 * 3516), parts without content, search by the date in the header, SORT=DISPLAY (RFC 5957). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"
#include "tests/support/memory_mime.h"

static void in_every_way(void (*play)(struct imap_world *world))
{
    imap_world_in_every_way_with(&(struct memory_mail_config){.analyse = memory_mime_analyse},
                                 play);
}

static void with_mails(struct imap_world *world, const char *const *mails)
{
    for (; *mails != NULL; mails++) {
        memory_mail_deliver(world->store, "INBOX", *mails);
    }
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
}

/* ---- BINARY ---- */

static const char encoded[] =
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
    "aGVsbG8g\r\nd29ybGQNCg==\r\n"
    "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "caf=C3=A9 =\r\nau lait\r\n"
    "--b\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n!!!\r\n"
    "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n"
    "--b--\r\n";

static void play_binary(struct imap_world *world)
{
    with_mails(world, (const char *const[]){encoded, NULL});
    RUN(world, "1> a FETCH 1 BINARY.PEEK[1]", "1< * 1 FETCH (BINARY[1] {13}", "1< hello world",
        "1< )", "1< ~a OK", "1> b FETCH 1 BINARY.PEEK[1]<6.5>", "1< * 1 FETCH (BINARY[1]<6> {5}",
        "1< world)", "1< ~b OK", "1> c FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2])",
        "1< * 1 FETCH (BINARY.SIZE[1] 13 BINARY.SIZE[2] 13)", "1< ~c OK",
        "1> d FETCH 1 BINARY.PEEK[2]", "1< * 1 FETCH (BINARY[2] {13}", "1< caf\xc3\xa9 au lait)",
        "1< ~d OK",
        /* Past the end. */
        "1> e FETCH 1 BINARY.PEEK[1]<99.5>", "1< * 1 FETCH (BINARY[1]<99> {0}", "1< )", "1< ~e OK",
        "1> f FETCH 1 BODY.PEEK[1]", "1< * 1 FETCH (BODY[1] {22}", "1< aGVsbG8g",
        "1< d29ybGQNCg==)", "1< ~f OK",
        /* The others are told before the NO. */
        "1> g FETCH 1 (UID BINARY.PEEK[3])", "1< * 1 FETCH (UID 1 BINARY[3] NIL)",
        "1< g NO [UNKNOWN-CTE] A part's encoding is not known", "1> h FETCH 1 BINARY.SIZE[3]",
        "1< * 1 FETCH (BINARY.SIZE[3] 0)", "1< ~h NO [UNKNOWN-CTE]", "1> i FETCH 1 BODY.PEEK[3]",
        "1< * 1 FETCH (BODY[3] {3}", "1< !!!)", "1< ~i OK",
        /* BINARY without PEEK sets \Seen, BINARY.SIZE does not. */
        "1> j FETCH 1 FLAGS", "1< * 1 FETCH (FLAGS (\\Recent))", "1< ~j OK",
        "1> k FETCH 1 BINARY[1]", "1< * 1 FETCH (FLAGS (\\Seen \\Recent) BINARY[1] {13}",
        "1< hello world", "1< )", "1< ~k OK", "1> l FETCH 1 BINARY.PEEK[1.MIME]", "1< ~l BAD",
        "1> m FETCH 1 BINARY.PEEK[4]");
    /* A NUL needs a literal8. */
    struct bytes out = imap_world_output(world, 1);
    static const char expected[] = "* 1 FETCH (BINARY[4] ~{3}\r\na\0b)\r\n";
    assert_true(
        bytes_starts_with(out, (struct bytes){(const uint8_t *)expected, sizeof(expected) - 1}));
}

static void parts_come_decoded(void **state)
{
    (void)state;
    in_every_way(play_binary);
}

/* ---- Empty parts ---- */

static const char empty_parts[] =
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n--b\r\nContent-Type: text/css\r\n\r\n\r\n"
    "--b\r\n\r\n--b\r\n\r\n\r\n\r\n--b--\r\n";

static void play_empty_parts(struct imap_world *world)
{
    with_mails(world, (const char *const[]){empty_parts, "Subject: no body\r\n\r\n", "", NULL});
    RUN(world, "1> a FETCH 1 (BODY.PEEK[1] BODY.PEEK[2] BODY.PEEK[3] BODY.PEEK[4] BODY.PEEK[5])",
        "1< * 1 FETCH (BODY[1] {0}", "1<  BODY[2] {0}", "1<  BODY[3] {0}", "1<  BODY[4] {2}", "1< ",
        "1<  BODY[5] NIL)", "1< ~a OK", "1> b FETCH 1 (BODY.PEEK[1.MIME] BODY.PEEK[3.MIME])",
        "1< * 1 FETCH (BODY[1.MIME] {25}", "1< Content-Type: text/html", "1<  BODY[3.MIME] {0}",
        "1< )", "1< ~b OK", "1> c FETCH 1 BINARY.PEEK[1]", "1< * 1 FETCH (BINARY[1] {0}", "1< )",
        "1< ~c OK", "1> d FETCH 1 BINARY.SIZE[1]", "1< * 1 FETCH (BINARY.SIZE[1] 0)", "1< ~d OK",
        /* Messages without a body, and without anything. */
        "1> e FETCH 2:3 (BODY.PEEK[1] BODY.PEEK[TEXT] BODY.PEEK[2])", "1< * 2 FETCH (BODY[1] {0}",
        "1<  BODY[TEXT] {0}", "1<  BODY[2] NIL)", "1< * 3 FETCH (BODY[1] {0}", "1<  BODY[TEXT] {0}",
        "1<  BODY[2] NIL)", "1< ~e OK", "1> f FETCH 3 (BODY.PEEK[] BODY.PEEK[HEADER])",
        "1< * 3 FETCH (BODY[] {0}", "1<  BODY[HEADER] {0}", "1< )", "1< ~f OK");
}

static void parts_without_content_are_empty(void **state)
{
    (void)state;
    in_every_way(play_empty_parts);
}

/* ---- Dates ---- */

/* All arrived on 9 September 2001. */
static void play_sent_dates(struct imap_world *world)
{
    with_mails(world, (const char *const[]){
                          "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\n",
                          /* The day is the one that its writer had, whatever the zone. */
                          "Date: Tue, 8 Feb 1994 00:30:00 +1200\r\n\r\n",
                          "Date: Wed, 9 Feb 1994 12:00:00 +0000\r\n\r\n",
                          "Subject: undated\r\n\r\n", NULL});
    static const struct {
        const char *key;
        const char *found;
    } cases[] = {
        {"SENTON 7-Feb-1994", " 1"},
        {"SENTON 8-Feb-1994", " 2"},
        {"SENTBEFORE 8-Feb-1994", " 1"},
        {"SENTBEFORE 9-Feb-1994", " 1 2"},
        {"SENTSINCE 9-Feb-1994", " 3 4"},
        {"SENTSINCE 8-Feb-1994", " 2 3 4"},
        {"SENTON 9-Sep-2001", " 4"},
        {"ON 9-Sep-2001", " 1 2 3 4"},
        {"BEFORE 9-Sep-2001", ""},
        {"SINCE 10-Sep-2001", ""},
        {"SINCE 9-Sep-2001 SENTBEFORE 1-Jan-2000", " 1 2 3"},
        {"SAVEDON 9-Sep-2001", " 1 2 3 4"},
        {"SAVEDBEFORE 9-Sep-2001", ""},
        {"SAVEDSINCE 9-Sep-2001", " 1 2 3 4"},
        {"SAVEDATESUPPORTED", " 1 2 3 4"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        imap_world_ask(world, 1, "t SEARCH %s", cases[i].key);
        imap_world_expect(world, 1, "* SEARCH%s", cases[i].found);
        imap_world_expect(world, 1, "t OK SEARCH completed");
    }
}

/* RFC 8514: when it came into this mailbox, whatever the date it was given. */
static void play_save_date(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a APPEND INBOX (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {14+}",
        "1+ Subject: x\r\n\r\n\r\n", "1< ~a OK", "1> s SELECT INBOX", "1< ...", "1< ~s OK",
        "1> b FETCH 1 (INTERNALDATE SAVEDATE)",
        "1< * 1 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" SAVEDATE \" 9-Sep-2001 01:46:40 "
        "+0000\")",
        "1< ~b OK", "1> c SEARCH ON 17-Jul-1996 SAVEDSINCE 9-Sep-2001", "1< * SEARCH 1", "1< ~c OK",
        "1> d SEARCH SAVEDBEFORE 9-Sep-2001", "1< * SEARCH", "1< ~d OK",
        "1> e SEARCH SAVEDON 17-Jul-1996", "1< * SEARCH", "1< ~e OK");
}

static void a_message_knows_when_it_was_saved(void **state)
{
    (void)state;
    in_every_way(play_save_date);
}

static void sent_dates_are_those_of_the_header(void **state)
{
    (void)state;
    in_every_way(play_sent_dates);
}

/* ---- SORT=DISPLAY ---- */

static void play_sort_display(struct imap_world *world)
{
    with_mails(world, (const char *const[]){
                          "From: \"zoe\" <aaa@example.org>\r\nTo: yves <b@x>, Adam <a@x>\r\n\r\n",
                          "From: =?utf-8?q?=C3=84nne?= <zzz@example.org>\r\nTo: Bea <c@x>\r\n\r\n",
                          "From: mike@example.org\r\n\r\n",
                          "From: Bob <y@example.org>, A <a@x>\r\nTo: a team: ann@x, bo@x;\r\n\r\n",
                          "Subject: from nobody\r\n\r\n", NULL});
    RUN(world,
        /* Without a display name it is "mailbox@host" (RFC 5957 section 3). */
        "1> a SORT (DISPLAYFROM) UTF-8 ALL", "1< * SORT 5 2 4 3 1", "1< ~a OK",
        "1> b SORT (REVERSE DISPLAYFROM) UTF-8 ALL", "1< * SORT 1 3 4 2 5", "1< ~b OK",
        "1> c SORT (FROM) UTF-8 ALL", "1< * SORT 5 1 3 4 2", "1< ~c OK",
        "1> d SORT (DISPLAYTO) UTF-8 ALL", "1< * SORT 3 5 4 2 1", "1< ~d OK");
}

static void names_are_sorted_as_they_are_displayed(void **state)
{
    (void)state;
    in_every_way(play_sort_display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_decoded),
        cmocka_unit_test(parts_without_content_are_empty),
        cmocka_unit_test(a_message_knows_when_it_was_saved),
        cmocka_unit_test(sent_dates_are_those_of_the_header),
        cmocka_unit_test(names_are_sorted_as_they_are_displayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
