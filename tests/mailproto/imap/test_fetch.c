// SPDX-License-Identifier: MIT
/* FETCH: the bytes of a message, and answers that are larger than what is kept of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static void play_fetch(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a FETCH 1 (BODY.PEEK[HEADER.FIELDS (subject \"X-None\")])",
        "1< * 1 FETCH (BODY[HEADER.FIELDS (subject X-None)] {18}", "1< Subject: hello", "1< ",
        "1< )", "1< ~a OK", "1> b FETCH 1 BODY.PEEK[TEXT]<5.5>", "1< * 1 FETCH (BODY[TEXT]<5> {5}",
        "1< one", "1< )", "1< ~b OK", "1> c FETCH 1 BODY.PEEK[]<5000.10>",
        "1< * 1 FETCH (BODY[]<5000> {0}", "1< )", "1< ~c OK", "1> d FETCH 1 BODY.PEEK[2]",
        "1< * 1 FETCH (BODY[2] NIL)", "1< ~d OK", "1> e FETCH 1 BODY.PEEK[1]",
        "1< * 1 FETCH (BODY[1] {20}", "1< line one", "1< line two", "1< )", "1< ~e OK",
        "1> f FETCH 1 (FLAGS)", "1< * 1 FETCH (FLAGS (\\Recent))", "1< ~f OK",
        "1> g FETCH 1 RFC822.TEXT", "1< * 1 FETCH (FLAGS (\\Seen \\Recent) RFC822.TEXT {20}",
        "1< line one", "1< line two", "1< )", "1< g OK FETCH completed", "1> h FETCH 1:2 FAST",
        "1< ~* 1 FETCH (FLAGS (\\Seen \\Recent) INTERNALDATE",
        "1< ~* 2 FETCH (FLAGS (\\Recent) INTERNALDATE", "1< ~h OK",
        "1> i FETCH 2 BODY.PEEK[HEADER.FIELDS.NOT (Subject)]",
        "1< * 2 FETCH (BODY[HEADER.FIELDS.NOT (Subject)] {23}", "1< From: Cy <cy@z.org>", "1< ",
        "1< )", "1< ~i OK", "1> j UID FETCH 4294967295:* UID", "1< * 2 FETCH (UID 2)", "1< ~j OK",
        "1> k FETCH 1 (BODY.PEEK[MIME])", "1< ~k BAD", "1> l FETCH 1 (FLAGS", "1< ~l BAD",
        "1> m FETCH 0 FLAGS", "1< m BAD Bad sequence set", "1> n FETCH 1 BODYSTRUCTURE",
        "1< * 1 FETCH (BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"unknown-8bit\") NIL NIL "
        "\"8bit\" 20 2 NIL NIL NIL NIL))",
        "1< ~n OK", "1> o FETCH 1 (BODY ENVELOPE)",
        "1< * 1 FETCH (ENVELOPE (NIL \"hello\" NIL NIL NIL NIL NIL NIL NIL NIL) BODY (\"text\" "
        "\"plain\" (\"charset\" \"unknown-8bit\") NIL NIL \"8bit\" 20 2))",
        "1< ~o OK", "1> p FETCH 1 BINARY.SIZE[1]", "1< * 1 FETCH (BINARY.SIZE[1] 20)", "1< ~p OK");
}

static void play_big_fetch(struct imap_world *world)
{
    struct buf mail = {0};
    buf_append_str(&mail, "Subject: big\r\n\r\n");
    for (int i = 0; i < 20000; i++) {
        buf_printf(&mail, "line number %d\r\n", i);
    }
    memory_mail_deliver(world->store, "INBOX", buf_str(&mail));
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
    imap_world_forget_output(world, 1);

    imap_world_send(world, 1, bytes_of_str("a FETCH 1 BODY[]\r\n"));

    struct buf expected = {0};
    buf_printf(&expected, "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[] {%zu}\r\n", mail.len);
    buf_append_bytes(&expected, buf_view(&mail));
    buf_append_str(&expected, ")\r\na OK FETCH completed\r\n");
    assert_true(bytes_equal(imap_world_output(world, 1), buf_view(&expected)));
    buf_clear(&mail);
    buf_clear(&expected);
}

static void play_nul(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    imap_world_send(world, 1,
                    (struct bytes){(const uint8_t *)"a APPEND INBOX ~{5+}\r\na\0b\n\r\r\n", 29});
    RUN(world, "1< ~a OK [APPENDUID", "1> s SELECT INBOX", "1< ...", "1< ~s OK",
        "1> b FETCH 1 BODY.PEEK[]");
    struct bytes out = imap_world_output(world, 1);
    assert_true(bytes_starts_with(out, bytes_of_str("* 1 FETCH (BODY[] {5}\r\na\x80"
                                                    "b\n\r)\r\n")));
    imap_world_forget_output(world, 1);
}

static void play_many(struct imap_world *world)
{
    world->byte_by_byte = false;
    for (int i = 0; i < 5000; i++) {
        memory_mail_deliver(world->store, "INBOX", "Subject: x\r\n\r\n");
    }
    imap_world_log_in(world, 1);
    imap_world_log_in(world, 2);
    imap_world_select(world, 1, "INBOX");
    imap_world_select(world, 2, "INBOX");
    RUN(world, "1> a FETCH 1:* (UID FLAGS)", "1< * 1 FETCH (UID 1 FLAGS (\\Recent))", "1< ...",
        "1< * 5000 FETCH (UID 5000 FLAGS (\\Recent))", "1< a OK FETCH completed",
        "2> b STORE 1:* +FLAGS.SILENT (\\Deleted)", "2< b OK STORE completed", "2> c EXPUNGE",
        "2< * 1 EXPUNGE", "2< ...", "2< c OK EXPUNGE completed", "1> d FETCH 5000 UID",
        "1< * 5000 FETCH (UID 5000)", "1< d OK FETCH completed", "1> e NOOP", "1< * 1 EXPUNGE",
        "1< ...", "1< e OK NOOP completed", "1> f SEARCH ALL", "1< * SEARCH", "1< ~f OK");
}

static void fetch_gives_exactly_the_bytes_asked_for(void **state)
{
    (void)state;
    imap_world_in_every_way(play_fetch);
    imap_world_in_every_way(play_nul);
}

static void large_answers_come_in_bounded_pieces(void **state)
{
    (void)state;
    imap_world_in_every_way(play_big_fetch);
    imap_world_in_every_way(play_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetch_gives_exactly_the_bytes_asked_for),
        cmocka_unit_test(large_answers_come_in_bounded_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
