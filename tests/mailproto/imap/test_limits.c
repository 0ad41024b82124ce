// SPDX-License-Identifier: MIT
/* What one command may hold, and how much a client may send: each bound at one below, at it, and
 * one above. Bounds that a test of their subject has: lines (test_input.c), keywords
 * (test_rules.c), annotations (test_account.c), contexts (test_find.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/fault.h"
#include "mailproto/imap/imap_input.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/imap/notify.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static void append_repeated(struct buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_append_str(out, text);
    }
}

/* ---- Parts of a command ---- */

/* `most` times `repeated` between the two is the most that is taken. */
static const struct row {
    const char *what;
    const char *before;
    const char *repeated;
    const char *after;
    size_t most;
    const char *refusal;
} rows[] = {
    {"bytes of a tag", "", "a", " NOOP", 128, "* BAD "},
    {"fields of ID", "a ID (", "\"k\" \"v\" ", "\"k\" \"v\")", 29, "a BAD "},
    {"keys of SEARCH", "a SEARCH", " ALL", "", 1999, "a BAD "},
    {"texts of SEARCH", "a SEARCH ALL", " TEXT x", "", 64, "a BAD "},
    {"depth of SEARCH", "a SEARCH ", "NOT ", "ALL", 49, "a BAD "},
    {"items of FETCH", "a FETCH 1 (UID", " BODY.PEEK[]<0.1>", ")", 64, "a BAD "},
    {"fields of a section", "a FETCH 1 BODY.PEEK[HEADER.FIELDS (x", " x", ")]", 255, "a BAD "},
    {"numbers of a section", "a FETCH 1 BODY.PEEK[1", ".1", "]", 63, "a BAD "},
    {"patterns of LIST", "a LIST \"\" (x", " x", ")", 31, "a BAD "},
    {"keys of SORT", "a SORT (SIZE", " SIZE", ") UTF-8 ALL", 19, "a BAD "},
    {"sets of ESEARCH", "a ESEARCH IN (inboxes", " inboxes", ") UID 1", 31, "a BAD "},
    {"names of a set", "a ESEARCH IN (mailboxes (x", " x", ")) UID 1", 99, "a BAD "},
    {"groups of NOTIFY", "a NOTIFY SET", " (personal NONE)", "", NOTIFY_MAX_GROUPS, "a BAD "},
    {"entries of GETMETADATA", "a GETMETADATA INBOX (/private/x", " /private/x", ")", 99, "a BAD "},
    {"bytes of an entry", "a SETMETADATA INBOX (/private/", "x", " \"v\")",
     MAILBOX_ENTRY_MAX_BYTES - 9, "a BAD "},
    {"bytes of a keyword", "a STORE 1 +FLAGS.SILENT (", "k", ")", 128, "a BAD "},
    {"bytes of a name", "a CREATE ", "n", "", MAILBOX_NAME_MAX_BYTES, "a NO [CANNOT] "},
    {"messages of APPEND", "a APPEND Sent", " {1+}\r\nx", "", MAILBOX_APPEND_MAX_MESSAGES,
     "a NO [LIMIT] "},
};

/* Is there a line that begins with `start`; for one that is tagged, maybe with a longer tag? */
static bool answers(struct bytes output, const char *start)
{
    struct buf line = {0};
    buf_append_str(&line, "\n");
    buf_append_str(&line, start);
    bool found = bytes_starts_with(output, bytes_of_str(start)) ||
                 memmem(output.data, output.len, line.data, line.len) != NULL;
    buf_clear(&line);
    return found;
}

static void try_row(const struct row *row, size_t n)
{
    struct imap_world world;
    struct buf line = {0};
    imap_world_init(&world, false);
    imap_world_with_two_mails(&world);
    imap_world_forget_output(&world, 1);
    buf_append_str(&line, row->before);
    append_repeated(&line, row->repeated, n);
    buf_append_str(&line, row->after);
    buf_append_str(&line, "\r\n");

    imap_world_send(&world, 1, buf_view(&line));

    struct bytes output = imap_world_output(&world, 1);
    bool went_well = memmem(output.data, output.len, "a OK", 4) != NULL;
    if (went_well != (n <= row->most) || (!went_well && !answers(output, row->refusal))) {
        fail_msg("%s, %zu: \"%.*s\"", row->what, n, (int)output.len, output.data);
    }
    buf_clear(&line);
    imap_world_clear(&world);
}

static void each_part_of_a_command_has_its_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t n = rows[i].most - 1; n <= rows[i].most + 1; n++) {
            try_row(&rows[i], n);
        }
    }
}

/* ---- Literals ---- */

static void literals_have_their_bounds(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    RUN(&world, "1< ~* OK", "1> a LOGIN {8193}", "1< a BAD [TOOBIG] Literal is too large",
        "1> b LOGIN {8192}", "1< + Go on", "2< ~* OK", "2> a LOGIN alice secret", "2< ~a OK",
        "2> b CREATE {65537}", "2< b BAD [TOOBIG] Literal is too large", "2> c CREATE {65536}",
        "2< + Go on", "3< ~* OK", "3> a LOGIN alice secret", "3< ~a OK",
        "3> b APPEND INBOX {67108865}", "3< ~b NO [TOOBIG]", "3> c APPEND INBOX {67108864}",
        "3< + Ready for the message");
    imap_world_clear(&world);
}

/* One that was refused but comes all the same is skipped, up to a bound. */
static void a_literal_is_not_skipped_for_ever(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    RUN(&world, "1< ~* OK", "1> a LOGIN {134217728+}", "1< .", "2< ~* OK",
        "2> a LOGIN {134217729+}", "2< * BYE [TOOBIG] Literal is far too large");
    imap_world_clear(&world);
}

/* "a SEARCH TEXT {n+} x... TEXT {m+} x...": `total` bytes with the last CRLF. */
static void search_of_size(struct buf *out, size_t total)
{
    enum { ANNOUNCED = 65000 };
    buf_append_str(out, "a SEARCH");
    while (total - out->len > ANNOUNCED + 100) {
        buf_printf(out, " TEXT {%d+}\r\n", ANNOUNCED);
        append_repeated(out, "x", ANNOUNCED);
    }
    size_t last = total - out->len - strlen(" TEXT {00000+}\r\n\r\n");
    buf_printf(out, " TEXT {%05zu+}\r\n", last);
    append_repeated(out, "x", last);
    buf_append_str(out, "\r\n");
    assert_int_equal(out->len, total);
}

static void a_command_with_its_literals_has_its_bound(void **state)
{
    (void)state;
    for (int extra = -1; extra <= 1; extra++) {
        struct imap_world world;
        struct buf command = {0};
        imap_world_init(&world, false);
        imap_world_with_two_mails(&world);
        search_of_size(&command, (size_t)(IMAP_COMMAND_MAX_BYTES + extra));
        imap_world_send(&world, 1, buf_view(&command));
        if (extra <= 0) {
            RUN(&world, "1< * SEARCH", "1< ~a OK");
        } else {
            RUN(&world, "1< a BAD [TOOBIG] Literal is too large");
        }
        RUN(&world, "1> b NOOP", "1< b OK NOOP completed");
        buf_clear(&command);
        imap_world_clear(&world);
    }
}

/* ---- Endless lines, silence, mailboxes ---- */

/* The rest of a line that is too long is passed over, up to a bound. */
static void a_line_is_not_passed_over_for_ever(void **state)
{
    (void)state;
    for (int extra = 0; extra <= 1; extra++) {
        struct imap_world world;
        struct buf line = {0};
        imap_world_init(&world, false);
        RUN(&world, "1< ~* OK");
        append_repeated(&line, "x", (size_t)(1048576 + extra));
        imap_world_send(&world, 1, buf_view(&line));
        RUN(&world, "1< * BAD Line is too long");
        if (extra == 0) {
            RUN(&world, "1> ", "1> b NOOP", "1< b OK NOOP completed");
        } else {
            RUN(&world, "1< * BYE [TOOBIG] Line is far too long");
        }
        buf_clear(&line);
        imap_world_clear(&world);
    }
}

static void half_an_hour_of_silence_ends_a_session(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    imap_world_log_in(&world, 1);
    imap_world_pass(&world, 1799 * 1000);
    RUN(&world, "1< .", "1> a NOOP", "1< ~a OK");
    imap_world_pass(&world, 1799 * 1000);
    RUN(&world, "1< .");
    imap_world_pass(&world, 1000);
    RUN(&world, "1< * BYE Logged out for inactivity");
    imap_world_clear(&world);
}

static void notify_watches_so_many_mailboxes(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    imap_world_log_in(&world, 1);
    for (int i = 6; i < NOTIFY_MAX_MAILBOXES; i++) { /* six are there from the start */
        struct buf line = {0};
        buf_printf(&line, "c CREATE m%d\r\n", i);
        imap_world_send(&world, 1, buf_view(&line));
        buf_clear(&line);
    }
    imap_world_forget_output(&world, 1);
    RUN(&world, "1> a NOTIFY SET (personal (MailboxName))", "1< a OK NOTIFY completed",
        "1> n NOTIFY NONE", "1< ~n OK", "1> c CREATE more", "1< ~c OK",
        "1> b NOTIFY SET (personal (MailboxName))",
        "1< b NO [NOTIFICATIONOVERFLOW] There are too many mailboxes to watch");
    imap_world_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_of_a_command_has_its_bound),
        cmocka_unit_test(literals_have_their_bounds),
        cmocka_unit_test(a_literal_is_not_skipped_for_ever),
        cmocka_unit_test(a_command_with_its_literals_has_its_bound),
        cmocka_unit_test(a_line_is_not_passed_over_for_ever),
        cmocka_unit_test(half_an_hour_of_silence_ends_a_session),
        cmocka_unit_test(notify_watches_so_many_mailboxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
