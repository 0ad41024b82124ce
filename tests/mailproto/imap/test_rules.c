// SPDX-License-Identifier: MIT
/* Rules that home-grown servers get wrong. Those that no other test names stand here; the others:
 *
 *     message numbers       test_session.c   message_numbers_stay_while_a_command_uses_them
 *     \Recent               test_mailboxes.c recent_goes_to_one_session_only
 *     UIDs across upgrades  test_mail_db.c   ten_migrations_keep_uids_and_uidvalidity
 *     limits of literals    test_input.c     broken_commands_are_bad_and_the_next_one_works
 *     BODY[...]             test_fetch.c     fetch_gives_exactly_the_bytes_asked_for
 *     names of mailboxes    test_mailboxes.c names_are_canonical_modified_utf7_or_utf8
 *     .SILENT               test_session.c   silent_hides_ones_own_change_alone
 *     MODIFIED              test_resync.c    mod_sequences_tell_what_has_changed
 *     IDLE                  test_session.c   idle_tells_at_once_and_ends_with_done
 *     privacy, passwords    test_login.c     login_needs_the_right_password
 *     STARTTLS              test_login.c     what_was_pipelined_behind_starttls_is_not_done
 *                                            no_password_is_taken_in_clear_off_the_machine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/fault.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

/* ---- UIDs and UIDVALIDITY ---- */

static void play_uids(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a APPEND Drafts {3+}\r\nabc", "1< a OK [APPENDUID 1001 1] APPEND completed",
        "1> b SELECT Drafts", "1< ...", "1< ~b OK", "1> c STORE 1 +FLAGS.SILENT (\\Deleted)",
        "1< ~c OK", "1> d EXPUNGE", "1< * 1 EXPUNGE", "1< ~d OK", "1> e APPEND Drafts {3+}\r\nabc",
        "1< ...", "1< e OK [APPENDUID 1001 2] APPEND completed",
        "1> f STATUS Drafts (UIDNEXT UIDVALIDITY MESSAGES)",
        "1< * STATUS \"Drafts\" (MESSAGES 1 UIDNEXT 3 UIDVALIDITY 1001)", "1< ~f OK",
        /* A name that comes back is another mailbox, and its number has gone up. */
        "1> g CREATE Box", "1< ~g OK", "1> h STATUS Box (UIDVALIDITY)",
        "1< * STATUS \"Box\" (UIDVALIDITY 1006)", "1< ~h OK", "1> i DELETE Box", "1< ~i OK",
        "1> j CREATE Box", "1< ~j OK", "1> k STATUS Box (UIDVALIDITY)",
        "1< * STATUS \"Box\" (UIDVALIDITY 1007)", "1< ~k OK",
        /* One that is renamed takes both along. */
        "1> l RENAME Drafts Other", "1< ...", "1< ~l OK", "1> m STATUS Other (UIDNEXT UIDVALIDITY)",
        "1< * STATUS \"Other\" (UIDNEXT 3 UIDVALIDITY 1001)", "1< ~m OK");
}

static void uids_are_never_used_twice_and_uidnext_is_exact(void **state)
{
    (void)state;
    imap_world_in_every_way(play_uids);
}

/* ---- Literals ---- */

static void play_literals(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", "Subject: a {3} b\r\n\r\nbody\r\n");
    RUN(world, "1< ~* OK", "1> a LOGIN {5+}\r\nalice {6+}\r\nsecret", "1< ~a OK",
        "1> b LIST {0+}\r\n {5+}\r\nINBOX", "1< ~* LIST", "1< ~b OK", "1> c CREATE {3}",
        "1< + Go on", "1> Box", "1< ~c OK", "1> d RENAME {3+}\r\nBox {4+}\r\nBoxy", "1< ~d OK",
        "1> e STATUS {4+}\r\nBoxy (MESSAGES)", "1< * STATUS \"Boxy\" (MESSAGES 0)", "1< ~e OK",
        "1> f SELECT {5+}\r\nINBOX", "1< ...", "1< ~f OK",
        "1> g SEARCH (SUBJECT {7+}\r\na {3} b) OR BODY {4+}\r\nbody FROM {1+}\r\nx",
        "1< * SEARCH 1", "1< ~g OK", "1> h FETCH 1 BODY.PEEK[HEADER.FIELDS ({7+}\r\nSubject)]",
        "1< * 1 FETCH (BODY[HEADER.FIELDS (Subject)] {20}", "1< Subject: a {3} b", "1< ", "1< )",
        "1< ~h OK", "1> i COPY 1 {4+}\r\nBoxy", "1< ~i OK",
        "1> j APPEND {4+}\r\nBoxy (\\Seen) {9+}\r\n{3}\r\nabcd", "1< ~j OK",
        "1> k ID ({4+}\r\nname "
        "{1+}\r\nx)",
        "1< ~* ID", "1< ~k OK", "1> l SEARCH SUBJECT {3+}\r\n", "1> a", "1< ~* SEARCH", "1< ~l OK");
}

static void literals_may_stand_wherever_a_string_may(void **state)
{
    (void)state;
    imap_world_in_every_way(play_literals);
}

/* ---- Keywords ---- */

static void store_keywords(struct imap_world *world, int first, int last)
{
    struct buf line = {0};
    buf_append_str(&line, "k STORE 1 +FLAGS.SILENT (");
    for (int i = first; i <= last; i++) {
        buf_printf(&line, "%skey%d", i > first ? " " : "", i);
    }
    buf_append_str(&line, ")\r\n");
    imap_world_send(world, 1, buf_view(&line));
    buf_clear(&line);
}

static void play_keywords(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", "Subject: x\r\n\r\nbody\r\n");
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
    store_keywords(world, 1, MAILBOX_MAX_KEYWORDS - 1);
    RUN(world, "1< ...", "1< k OK STORE completed");
    store_keywords(world, MAILBOX_MAX_KEYWORDS, MAILBOX_MAX_KEYWORDS);
    RUN(world, "1< ...", "1< k OK STORE completed");
    store_keywords(world, MAILBOX_MAX_KEYWORDS + 1, MAILBOX_MAX_KEYWORDS + 1);
    RUN(world, "1< k NO [LIMIT] too many keywords", "1> s SELECT INBOX");
    /* Where no more fit, PERMANENTFLAGS says so: it lacks \*. */
    struct bytes answer = imap_world_output(world, 1);
    assert_non_null(memmem(answer.data, answer.len, "[PERMANENTFLAGS (\\Answered", 26));
    assert_null(memmem(answer.data, answer.len, "\\*", 2));
    RUN(world, "1< ...", "1< ~s OK", "1> t SEARCH KEYWORD KEY64", "1< * SEARCH 1", "1< ~t OK",
        "1> u SEARCH UNKEYWORD key64", "1< * SEARCH", "1< ~u OK");
}

static void keywords_are_bounded_and_known_in_any_case(void **state)
{
    (void)state;
    imap_world_in_every_way(play_keywords);
}

/* ---- Dates ---- */

static void play_dates(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a APPEND INBOX \" 7-Feb-1994 21:52:25 -0800\" {3+}\r\nabc", "1< ~a OK",
        "1> b APPEND INBOX \"17-Jul-1996 02:44:25 +0545\" {3+}\r\nabc", "1< ~b OK",
        "1> c APPEND INBOX \"31-Feb-1996 02:44:25 +0000\" {3+}\r\nabc", "1< ~c BAD",
        "1> s SELECT INBOX", "1< ...", "1< ~s OK", "1> f FETCH 1:2 INTERNALDATE",
        "1< * 1 FETCH (INTERNALDATE \" 7-Feb-1994 21:52:25 -0800\")",
        "1< * 2 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 +0545\")", "1< ~f OK",
        /* The day is that of its own zone (RFC 9051 section 6.4.4). */
        "1> g SEARCH ON 7-Feb-1994", "1< * SEARCH 1", "1< ~g OK", "1> h SEARCH SINCE 8-Feb-1994",
        "1< * SEARCH 2", "1< ~h OK", "1> i SEARCH BEFORE 17-Jul-1996", "1< * SEARCH 1", "1< ~i OK");
}

static void internaldate_is_kept_to_the_second_with_its_zone(void **state)
{
    (void)state;
    imap_world_in_every_way(play_dates);
}

/* ---- Response codes ---- */

/* RFC 5530: each refusal has a code by which a program knows what to do. */
static void play_codes(struct imap_world *world)
{
    static const struct {
        enum fault_code fault;
        const char *reply;
    } rows[] = {{FAULT_NOT_FOUND, "1< a NO [NONEXISTENT] So it is"},
                {FAULT_EXISTS, "1< a NO [ALREADYEXISTS] So it is"},
                {FAULT_DENIED, "1< a NO [NOPERM] So it is"},
                {FAULT_UNSUPPORTED, "1< a NO [CANNOT] So it is"},
                {FAULT_INVALID, "1< a NO [CANNOT] So it is"},
                {FAULT_LIMIT, "1< a NO [LIMIT] So it is"},
                {FAULT_NO_SPACE, "1< a NO [OVERQUOTA] So it is"},
                {FAULT_CORRUPT, "1< a NO [CORRUPTION] So it is"},
                {FAULT_INTERNAL, "1< a NO [SERVERBUG] So it is"},
                {FAULT_BUSY, "1< a NO [UNAVAILABLE] So it is"},
                {FAULT_TIMEOUT, "1< a NO [UNAVAILABLE] So it is"},
                {FAULT_IO, "1< a NO [UNAVAILABLE] So it is"}};
    imap_world_log_in(world, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const reply[] = {rows[i].reply, NULL};
        memory_mail_fail_next(world->store, (int)rows[i].fault);
        RUN(world, "1> a RENAME Sent Other");
        imap_world_run(world, reply);
    }
    RUN(world, "1> b COPY 1 Sent", "1< b BAD Select a mailbox first", "1> c DELETE INBOX",
        "1< ~c NO [NOPERM]", "1> d CREATE Sent", "1< ~d NO [ALREADYEXISTS]");
}

static void each_refusal_has_its_response_code(void **state)
{
    (void)state;
    imap_world_in_every_way(play_codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uids_are_never_used_twice_and_uidnext_is_exact),
        cmocka_unit_test(literals_may_stand_wherever_a_string_may),
        cmocka_unit_test(keywords_are_bounded_and_known_in_any_case),
        cmocka_unit_test(each_refusal_has_its_response_code),
        cmocka_unit_test(internaldate_is_kept_to_the_second_with_its_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
