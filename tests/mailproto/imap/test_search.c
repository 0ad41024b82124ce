// SPDX-License-Identifier: MIT
/* SEARCH, SORT and THREAD. Their extensions stand in test_find.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static void play_search(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a SEARCH SUBJECT HELLO", "1< * SEARCH 1", "1< ~a OK",
        "1> b SEARCH NOT SUBJECT hello", "1< * SEARCH 2", "1< ~b OK",
        "1> c UID SEARCH OR BODY \"body two\" TEXT ann", "1< * SEARCH 1 2", "1< ~c OK",
        "1> d SEARCH (SEEN) UNSEEN", "1< * SEARCH", "1< ~d OK", "1> e SEARCH CHARSET KOI8-R TEXT x",
        "1< e NO [BADCHARSET (UTF-8 US-ASCII)] Unknown charset",
        "1> f SEARCH CHARSET UTF-8 TEXT {3}", "1< + Go on", "1> ann", "1< * SEARCH 1", "1< ~f OK",
        "1> g SEARCH HEADER To \"\"", "1< * SEARCH 1", "1< ~g OK", "1> h SEARCH LARGER 70",
        "1< * SEARCH 1", "1< ~h OK", "1> i SEARCH ON 9-Sep-2001", "1< * SEARCH 1 2", "1< ~i OK",
        "1> j SEARCH SENTSINCE 10-Sep-2001", "1< * SEARCH", "1< ~j OK", "1> k SEARCH 2:* UID 1:*",
        "1< * SEARCH 2", "1< ~k OK", "1> l SEARCH RETURN (MIN MAX COUNT ALL) ALL",
        "1< * ESEARCH (TAG \"l\") MIN 1 MAX 2 COUNT 2 ALL 1:2", "1< ~l OK",
        "1> m UID SEARCH RETURN (SAVE) SUBJECT second", "1< m OK UID SEARCH completed",
        "1> n UID FETCH $ UID", "1< * 2 FETCH (UID 2)", "1< ~n OK",
        "1> o SEARCH RETURN () SUBJECT nothing", "1< * ESEARCH (TAG \"o\")", "1< ~o OK",
        "1> p SEARCH FROBNICATE", "1< p BAD Unknown search key", "1> q SEARCH OR SEEN", "1< ~q BAD",
        "1> v SEARCH RETURN () 1000", "1< * ESEARCH (TAG \"v\")", "1< ~v OK", "1> w SEARCH 1:1000",
        "1< * SEARCH 1 2", "1< ~w OK", "1> r SEARCH KEYWORD $none", "1< * SEARCH", "1< ~r OK",
        "1> s SEARCH UNKEYWORD $none", "1< * SEARCH 1 2", "1< ~s OK", "1> t SEARCH YOUNGER 10",
        "1< * SEARCH 1 2", "1< ~t OK", "1> u SEARCH NOT (OLDER 10 SUBJECT hello)",
        "1< * SEARCH 1 2", "1< ~u OK");
}

static void play_search_depth(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    for (unsigned depth = 4000; depth > 0; depth = depth == 4000 ? 20 : 0) {
        struct buf line = {0};
        buf_append_str(&line, "a SEARCH ");
        for (unsigned i = 0; i < depth; i++) {
            buf_append_byte(&line, '(');
        }
        buf_append_str(&line, "ALL");
        for (unsigned i = 0; i < depth; i++) {
            buf_append_byte(&line, ')');
        }
        buf_append_str(&line, "\r\n");
        imap_world_send(world, 1, buf_view(&line));
        buf_clear(&line);
        if (depth == 4000) {
            RUN(world, "1< ~a BAD");
        } else {
            RUN(world, "1< * SEARCH 1 2", "1< ~a OK");
        }
    }
}

static void search_judges_every_key(void **state)
{
    (void)state;
    imap_world_in_every_way(play_search);
}

static void nested_search_keys_are_bounded(void **state)
{
    (void)state;
    imap_world_in_every_way(play_search_depth);
}

static void play_sort(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", "Subject: Re: [list] beta (fwd)\r\n\r\nxx\r\n");
    memory_mail_deliver(world->store, "INBOX", "Subject: gamma\r\n\r\n\r\n");
    memory_mail_deliver(world->store, "INBOX", "Subject: ALPHA\r\n\r\nx\r\n");
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
    RUN(world, "1> a SORT (SUBJECT) UTF-8 ALL", "1< * SORT 3 1 2", "1< a OK SORT completed",
        "1> b UID SORT (REVERSE SUBJECT) US-ASCII UID 2:3", "1< * SORT 2 3", "1< ~b OK",
        "1> c SORT (SIZE) UTF-8 ALL", "1< * SORT 2 3 1", "1< ~c OK",
        "1> d SORT (ARRIVAL REVERSE SIZE) UTF-8 ALL", "1< * SORT 1 3 2", "1< ~d OK",
        "1> e SORT (SUBJECT) KOI8-R ALL", "1< ~e NO [BADCHARSET", "1> f SORT (COLOUR) UTF-8 ALL",
        "1< f BAD Bad sort key", "1> g SORT (SUBJECT) UTF-8 SUBJECT nothing", "1< * SORT",
        "1< ~g OK", "1> x APPEND INBOX {14+}", "1+ Subject: _\r\n\r\n\r\n", "1< * 4 EXISTS",
        "1< * 4 RECENT", "1< ~x OK", "1> y SORT (SUBJECT) UTF-8 ALL", "1< * SORT 3 1 2 4",
        "1< ~y OK", "1> h FETCH 3 PREVIEW", "1< * 3 FETCH (PREVIEW \"x \")", "1< ~h OK",
        "1> i FETCH 3 (PREVIEW (LAZY) UID)", "1< * 3 FETCH (UID 3 PREVIEW \"x \")", "1< ~i OK");
}

static void play_thread(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", "Message-ID: <1@x>\r\nSubject: a\r\n\r\n");
    memory_mail_deliver(world->store, "INBOX",
                        "Message-ID: <2@x>\r\nReferences: <1@x>\r\nSubject: Re: a\r\n\r\n");
    memory_mail_deliver(world->store, "INBOX", "Message-ID: <3@x>\r\nSubject: b\r\n\r\n");
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
    RUN(world, "1> a THREAD REFERENCES UTF-8 ALL", "1< * THREAD (1 2)(3)",
        "1< a OK THREAD completed", "1> b UID THREAD ORDEREDSUBJECT UTF-8 UID 2:3",
        "1< * THREAD (2)(3)", "1< ~b OK", "1> c THREAD REFERENCES UTF-8 SUBJECT nothing",
        "1< * THREAD", "1< ~c OK", "1> d THREAD BY-MOON UTF-8 ALL", "1< d BAD Unknown algorithm");
}

/* Asked again, by number and by UID, before and after the numbers have changed. */
static void play_asked_again(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", "Message-ID: <1@x>\r\nSubject: b\r\n\r\n");
    memory_mail_deliver(world->store, "INBOX",
                        "Message-ID: <2@x>\r\nReferences: <1@x>\r\nSubject: Re: c\r\n\r\n");
    memory_mail_deliver(world->store, "INBOX", "Message-ID: <3@x>\r\nSubject: a\r\n\r\n");
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
    for (int i = 0; i < 2; i++) {
        RUN(world, "1> a SORT (SUBJECT) UTF-8 ALL", "1< * SORT 3 1 2", "1< ~a OK",
            "1> b UID SORT (SUBJECT) UTF-8 ALL", "1< * SORT 3 1 2", "1< ~b OK",
            "1> c SORT (REVERSE SUBJECT) UTF-8 ALL", "1< * SORT 2 1 3", "1< ~c OK",
            "1> d SORT RETURN (MAX ALL) (SUBJECT) UTF-8 ALL",
            "1< * ESEARCH (TAG \"d\") MAX 2 ALL 3,1:2", "1< ~d OK",
            "1> e THREAD REFERENCES UTF-8 ALL", "1< * THREAD (1 2)(3)", "1< ~e OK",
            "1> f THREAD REFERENCES UTF-8 UID 2:3", "1< * THREAD (2)(3)", "1< ~f OK",
            "1> g UID THREAD REFERENCES UTF-8 UID 2:3", "1< * THREAD (2)(3)", "1< ~g OK");
    }
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "1> h SORT (SUBJECT) UTF-8 ALL", "1< * SORT 3 1 2", "1< ~h OK", "1> i NOOP",
        "1< * 1 EXPUNGE", "1< ~i OK");
    for (int i = 0; i < 2; i++) {
        RUN(world, "1> a SORT (SUBJECT) UTF-8 ALL", "1< * SORT 2 1", "1< ~a OK",
            "1> b UID SORT (SUBJECT) UTF-8 ALL", "1< * SORT 3 2", "1< ~b OK",
            "1> e THREAD REFERENCES UTF-8 ALL", "1< * THREAD (1)(2)", "1< ~e OK",
            "1> g UID THREAD REFERENCES UTF-8 ALL", "1< * THREAD (2)(3)", "1< ~g OK");
    }
    memory_mail_deliver(world->store, "INBOX", "Subject: A2\r\n\r\n");
    RUN(world, "1> j NOOP", "1< * 3 EXISTS", "1< ~* 3 RECENT", "1< ~j OK",
        "1> k SORT (SUBJECT) UTF-8 ALL", "1< * SORT 2 3 1", "1< ~k OK");
}

static void orders_and_threads_are_right_when_asked_for_again(void **state)
{
    (void)state;
    imap_world_in_every_way(play_asked_again);
}

static void threads_are_told(void **state)
{
    (void)state;
    imap_world_in_every_way(play_thread);
}

static void sorting_looks_past_marks_of_replies(void **state)
{
    (void)state;
    imap_world_in_every_way(play_sort);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search_judges_every_key),
        cmocka_unit_test(nested_search_keys_are_bounded),
        cmocka_unit_test(orders_and_threads_are_right_when_asked_for_again),
        cmocka_unit_test(threads_are_told),
        cmocka_unit_test(sorting_looks_past_marks_of_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
