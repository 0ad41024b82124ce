// SPDX-License-Identifier: MIT
/* Commands that change messages: APPEND, STORE, COPY, MOVE, EXPUNGE, CLOSE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

/* ---- Appending ---- */

static void play_append(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a APPEND INBOX (\\Seen $Label1) \"17-Jul-1996 02:44:25 -0700\" {19}",
        "1< + Ready for the message", "1+ Subject: x\r\n\r\nbody", "1< .", "1+ !", "1< .",
        "1+ \r\n", "1< a OK [APPENDUID 1000 1] APPEND completed", "1> s SELECT INBOX", "1< ...",
        "1< ~s OK", "1> b FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY[])",
        "1< * 1 FETCH (FLAGS (\\Seen $Label1 \\Recent) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" "
        "RFC822.SIZE 19 BODY[] {19}",
        "1< Subject: x", "1< ", "1< body!)", "1< ~b OK");
}

static void play_append_exact(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a APPEND INBOX {18+}", "1+ Subject: x\r\n\r\nbody\r\n",
        "1< a OK [APPENDUID 1000 1] APPEND completed", "1> b APPEND Nowhere {5}",
        "1< b NO [TRYCREATE] No such mailbox", "1> c APPEND Nowhere {5+}", "1> hello",
        "1< c NO [TRYCREATE] No such mailbox", "1> d APPEND INBOX {67108865}",
        "1< d NO [TOOBIG] The message is too large", "1> e APPEND INBOX (\\Recent) {5}",
        "1< e BAD \\Recent can't be set", "1> f APPEND INBOX \"32-Jan-2020 00:00:00 +0000\" {5}",
        "1< f BAD Bad date-time", "1> g APPEND INBOX {0}",
        "1< g NO An empty message can't be appended", "1> h APPEND INBOX",
        "1< h BAD A message is missing", "1> i APPEND {5}", "1< + Go on", "1+ INBOX {5}\r\n",
        "1< + Ready for the message", "1> hello", "1< i OK [APPENDUID 1000 2] APPEND completed",
        "1> j APPEND INBOX ~{5+}", "1> hello", "1< j OK [APPENDUID 1000 3] APPEND completed",
        "1> k APPEND INBOX UTF8 (~{5+}", "1> hello)",
        "1< k OK [APPENDUID 1000 4] APPEND completed");
}

static void play_multiappend(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a APPEND INBOX (\\Seen) {5}", "1< + Ready for the message",
        "1+ hello (\\Flagged) {5+}\r\nworld\r\n", "1< a OK [APPENDUID 1000 1:2] APPEND completed",
        /* All or none: the second is wrong, so the first isn't there either. */
        "1> b APPEND INBOX {5+}", "1+ hello (\\Bogus) {5}\r\n", "1< b BAD Unknown system flag",
        "1> c STATUS INBOX (MESSAGES)", "1< * STATUS \"INBOX\" (MESSAGES 2)", "1< ~c OK");
}

static void play_full_disk(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    memory_mail_fill_disk(world->store, true);
    RUN(world, "1> a APPEND INBOX {5+}", "1> hello", "1< a NO [OVERQUOTA] The disk is full",
        "1> b STORE 1 +FLAGS (\\Seen)", "1< b NO [OVERQUOTA] The disk is full", "1> c COPY 1 Trash",
        "1< c NO [OVERQUOTA] The disk is full", "1> d CREATE New",
        "1< d NO [OVERQUOTA] The disk is full");
    memory_mail_fill_disk(world->store, false);
    RUN(world, "1> e STORE 1 +FLAGS (\\Seen)", "1< * 1 FETCH (FLAGS (\\Seen \\Recent))",
        "1< ~e OK");
}

static void appending_keeps_flags_date_and_every_byte(void **state)
{
    (void)state;
    imap_world_in_every_way(play_append);
    imap_world_in_every_way(play_append_exact);
    imap_world_in_every_way(play_multiappend);
}

static void a_full_disk_is_told_and_got_over(void **state)
{
    (void)state;
    imap_world_in_every_way(play_full_disk);
}

/* ---- Flags, copies, expunges ---- */

static void play_store(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a STORE 1:2 FLAGS (\\Seen Old)",
        "1< * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Old)",
        "1< ~* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Old \\*)]",
        "1< * 1 FETCH (FLAGS (\\Seen Old \\Recent))", "1< * 2 FETCH (FLAGS (\\Seen Old \\Recent))",
        "1< ~a OK", "1> b UID STORE 2 -FLAGS Old", "1< * 2 FETCH (UID 2 FLAGS (\\Seen \\Recent))",
        "1< ~b OK", "1> c STORE 3 +FLAGS (\\Seen)", "1< c BAD There is no message with that number",
        "1> d UID STORE 99 +FLAGS (\\Seen)", "1< d OK UID STORE completed",
        "1> e STORE 2:1 -FLAGS.SILENT (\\Seen)", "1< e OK STORE completed",
        "1> f STORE 1 +FLAGS (\\Recent)", "1< f BAD \\Recent can't be set",
        "1> g STORE 1 +FLAGS ()", "1< * 1 FETCH (FLAGS (Old \\Recent))", "1< ~g OK");
}

static void play_copy_move(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a COPY 1:2 Trash", "1< a OK [COPYUID 1005 1:2 1:2] COPY completed",
        "1> b COPY 1 Nowhere", "1< b NO [TRYCREATE] No such mailbox", "1> c UID COPY 77 Trash",
        "1< c OK UID COPY completed", "1> d MOVE 1 Trash", "1< * OK [COPYUID 1005 1 3] Moved",
        "1< * 1 EXPUNGE", "1< d OK MOVE completed", "1> e UID STORE 2 +FLAGS.SILENT (\\Deleted)",
        "1< ~e OK", "1> f UID EXPUNGE 1", "1< f OK UID EXPUNGE completed", "1> g UID EXPUNGE 2",
        "1< * 1 EXPUNGE", "1< ~g OK", "1> h SEARCH ALL", "1< * SEARCH", "1< ~h OK",
        "1> i FETCH * UID", "1< i BAD There is no message with that number", "1> j UID FETCH * UID",
        "1< ~j OK");
}

static void play_close(struct imap_world *world)
{
    imap_world_with_two_mails(world);
    RUN(world, "1> a STORE 1 +FLAGS.SILENT (\\Deleted)", "1< ~a OK", "1> b CLOSE",
        "1< b OK CLOSE completed", "1> c STATUS INBOX (MESSAGES UIDNEXT)",
        "1< * STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 3)", "1< ~c OK", "1> d FETCH 1 UID", "1< ~d BAD",
        "1> e SELECT INBOX", "1< ...", "1< ~e OK", "1> f STORE 1 +FLAGS.SILENT (\\Deleted)",
        "1< ~f OK", "1> g UNSELECT", "1< g OK UNSELECT completed", "1> h STATUS INBOX (DELETED)",
        "1< * STATUS \"INBOX\" (DELETED 1)", "1< ~h OK", "1> i SELECT INBOX", "1< ...", "1< ~i OK",
        "1> j CHECK", "1< j OK CHECK completed", "1> k EXPUNGE", "1< * 1 EXPUNGE", "1< ~k OK",
        "1> l LOGOUT", "1< * BYE Good-bye", "1< l OK LOGOUT completed");
}

static void flags_are_set_added_and_taken(void **state)
{
    (void)state;
    imap_world_in_every_way(play_store);
}

static void copies_and_moves_tell_the_new_uids(void **state)
{
    (void)state;
    imap_world_in_every_way(play_copy_move);
}

static void close_expunges_and_unselect_does_not(void **state)
{
    (void)state;
    imap_world_in_every_way(play_close);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_keeps_flags_date_and_every_byte),
        cmocka_unit_test(a_full_disk_is_told_and_got_over),
        cmocka_unit_test(flags_are_set_added_and_taken),
        cmocka_unit_test(copies_and_moves_tell_the_new_uids),
        cmocka_unit_test(close_expunges_and_unselect_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
