// SPDX-License-Identifier: MIT
/* Broken and hostile input: lines, literals, HTTP, too many errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static void play_broken(struct imap_world *world)
{
    RUN(world, "1< ~* OK", "1> a FROBNICATE", "1< a BAD Unknown command", "1> *",
        "1< * BAD A command begins with a tag and a space", "1> ", "1< ~* BAD", "1> a NOOP x",
        "1< a BAD Too many arguments", "1+ a NOOP\n", "1< * BAD Lines end with CR LF",
        "1> a LOGIN \"alice secret", "1< a BAD Bad quoted string", "1> a UID NOOP",
        "1< a BAD Unknown command", "1> a NOOP", "1< a OK NOOP completed");
}

static void play_http(struct imap_world *world)
{
    RUN(world, "1< ~* OK", "1+ GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "1< * BYE This is a mail server", "1< .", "2< ~* OK", "2> Host: localhost",
        "2< * BYE This is a mail server");
    assert_true(imap_world_wants(world, 1, SERVE_WANT_CLOSE));
}

static void play_errors(struct imap_world *world)
{
    RUN(world, "1< ~* OK");
    for (int i = 0; i < 19; i++) {
        RUN(world, "1> a X", "1< a BAD Unknown command");
    }
    RUN(world, "1> a X", "1< ...", "1< * BYE Too many errors");
}

static void play_long_lines(struct imap_world *world)
{
    struct buf line = {0};
    RUN(world, "1< ~* OK");
    /* At the limit: one line of 65,536 bytes with its CRLF. */
    for (int extra = -1; extra <= 1; extra++) {
        buf_reset(&line);
        buf_append_str(&line, "a NOOP ");
        while ((int)line.len < 65536 - 2 + extra) {
            buf_append_byte(&line, 'x');
        }
        buf_append_str(&line, "\r\n");
        imap_world_send(world, 1, buf_view(&line));
        if (extra <= 0) {
            RUN(world, "1< a BAD Too many arguments");
        } else {
            RUN(world, "1< * BAD Line is too long");
        }
    }
    RUN(world, "1> b NOOP", "1< b OK NOOP completed");
    buf_clear(&line);
}

static void play_endless_line(struct imap_world *world)
{
    struct buf line = {0};
    world->byte_by_byte = false;
    RUN(world, "1< ~* OK");
    for (int i = 0; i < 100000; i++) {
        buf_append_byte(&line, 'x');
    }
    for (int i = 0; i < 12; i++) {
        imap_world_send(world, 1, buf_view(&line));
    }
    RUN(world, "1< * BAD Line is too long", "1< * BYE [TOOBIG] Line is far too long");
    buf_clear(&line);
}

static void play_literal_limits(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a SELECT {65537}", "1< a BAD [TOOBIG] Literal is too large",
        /* Without asking: the bytes are skipped and the next command is found. */
        "1> b SELECT {70000+}");
    struct buf bytes = {0};
    for (int i = 0; i < 70000; i++) {
        buf_append_byte(&bytes, 'x');
    }
    imap_world_send(world, 1, buf_view(&bytes));
    buf_clear(&bytes);
    RUN(world, "1>  {3}", "1< b BAD [TOOBIG] Literal is too large", "1> c SELECT {5}", "1< + Go on",
        "1> INBOX", "1< ...", "1< ~c OK", "1> d NOOP", "1< ~d OK",
        "1> e SELECT {99999999999999999999}", "1< e BAD [TOOBIG] Literal is too large",
        "1> f SELECT {9223372036854775807+}", "1< * BYE [TOOBIG] Literal is far too large");
}

static void broken_commands_are_bad_and_the_next_one_works(void **state)
{
    (void)state;
    imap_world_in_every_way(play_broken);
    imap_world_in_every_way(play_long_lines);
    imap_world_in_every_way(play_literal_limits);
}

static void a_browser_is_told_once_and_cut_off(void **state)
{
    (void)state;
    imap_world_in_every_way(play_http);
}

static void too_many_errors_end_the_session(void **state)
{
    (void)state;
    imap_world_in_every_way(play_errors);
    imap_world_in_every_way(play_endless_line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_commands_are_bad_and_the_next_one_works),
        cmocka_unit_test(a_browser_is_told_once_and_cut_off),
        cmocka_unit_test(too_many_errors_end_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
