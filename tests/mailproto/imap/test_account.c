// SPDX-License-Identifier: MIT
/* Extensions about the account and its folders: QUOTA (RFC 9208), ACL (RFC 4314), METADATA (RFC
 * 5464), LIST-METADATA (RFC 9590), LIST-MYRIGHTS (RFC 8440), THREADID (RFC 8474). With the examples
 * of their RFCs, as far as an account of one owner can give those answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

/* ---- QUOTA ---- */

static void play_quota(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", "Subject: x\r\n\r\nbody\r\n");
    imap_world_log_in(world, 1);
    /* Without a limit there is no quota root. */
    RUN(world, "1> A1 GETQUOTAROOT INBOX", "1< * QUOTAROOT \"INBOX\"", "1< ~A1 OK",
        "1> A2 GETQUOTA \"\"", "1< A2 NO [NONEXISTENT] No such quota root");
    memory_mail_set_quota(world->store, 524288, 0);
    RUN(world, "1> A003 GETQUOTA \"\"", "1< * QUOTA \"\" (STORAGE 1 512)",
        "1< A003 OK GETQUOTA completed", "1> A4 GETQUOTAROOT INBOX",
        "1< * QUOTAROOT \"INBOX\" \"\"", "1< * QUOTA \"\" (STORAGE 1 512)",
        "1< A4 OK GETQUOTAROOT completed");
    memory_mail_set_quota(world->store, 1025, 20);
    RUN(world, "1> A5 GETQUOTA \"\"", "1< * QUOTA \"\" (STORAGE 1 1 MESSAGE 1 20)", "1< ~A5 OK",
        "1> A6 GETQUOTA other", "1< A6 NO [NONEXISTENT] No such quota root",
        "1> A7 GETQUOTAROOT Nowhere", "1< A7 NO [NONEXISTENT] No such mailbox", "1> A8 GETQUOTA",
        "1< ~A8 BAD",
        /* DELETED and DELETED-STORAGE come with it (RFC 9208 section 4.1.4). */
        "1> S1 STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)",
        "1< * STATUS \"INBOX\" (MESSAGES 1 DELETED 0 DELETED-STORAGE 0)", "1< ~S1 OK");
    memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_DELETED);
    RUN(world, "1> S2 STATUS INBOX (DELETED DELETED-STORAGE)",
        "1< * STATUS \"INBOX\" (DELETED 1 DELETED-STORAGE 1)", "1< ~S2 OK");
    memory_mail_fill_disk(world->store, true);
    RUN(world, "1> B1 APPEND INBOX {6}", "1< + Ready for the message", "1> a: b\r\n",
        "1< ~B1 NO [OVERQUOTA]");
}

static void quota_shows_how_full_it_is(void **state)
{
    (void)state;
    imap_world_in_every_way(play_quota);
}

/* ---- ACL ---- */

static void play_acl(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> A002 GETACL Drafts", "1< * ACL \"Drafts\" \"alice\" lrswikxteacd",
        "1< A002 OK GETACL completed", "1> A003 MYRIGHTS INBOX",
        "1< * MYRIGHTS \"INBOX\" lrswikteacd", "1< A003 OK MYRIGHTS completed",
        "1> a001 LISTRIGHTS Sent alice", "1< * LISTRIGHTS \"Sent\" \"alice\" lrswikxteacd",
        "1< a001 OK LISTRIGHTS completed", "1> a005 LISTRIGHTS Sent anyone",
        "1< * LISTRIGHTS \"Sent\" \"anyone\" \"\"", "1< ~a005 OK", "1> A4 SETACL Sent bob lr",
        "1< ~A4 NO [CANNOT]", "1> A5 DELETEACL Sent alice", "1< ~A5 NO [CANNOT]",
        "1> A6 MYRIGHTS Nowhere", "1< A6 NO [NONEXISTENT] No such mailbox", "1> A7 GETACL",
        "1< ~A7 BAD", "1> A8 SETACL Sent bob", "1< ~A8 BAD",
        /* RFC 8440 section 4. */
        "1> A01 LIST \"\" (INBOX Sent) RETURN (MYRIGHTS)", "1< * LIST () \"/\" \"INBOX\"",
        "1< * MYRIGHTS \"INBOX\" lrswikteacd", "1< * LIST () \"/\" \"Sent\"",
        "1< * MYRIGHTS \"Sent\" lrswikxteacd", "1< A01 OK LIST completed");
}

static void rights_are_the_owners(void **state)
{
    (void)state;
    imap_world_in_every_way(play_acl);
}

/* ---- METADATA ---- */

static void play_metadata(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    /* RFC 5464 section 4.3 and 4.2, their examples. */
    RUN(world, "1> a SETMETADATA INBOX (/private/comment {33}", "1< + Go on",
        "1> My new comment across\r\ntwo lines.)", "1< a OK SETMETADATA completed",
        "1> a2 GETMETADATA \"INBOX\" /private/comment",
        "1< * METADATA \"INBOX\" (/private/comment {33}", "1< My new comment across",
        "1< two lines.)", "1< a2 OK GETMETADATA completed",
        "1> b SETMETADATA INBOX (/private/comment NIL)", "1< b OK SETMETADATA completed",
        "1> b2 GETMETADATA INBOX /private/comment",
        "1< * METADATA \"INBOX\" (/private/comment NIL)", "1< ~b2 OK",
        "1> c SETMETADATA INBOX (/private/comment \"My new comment\" /shared/comment \"This one is "
        "for you!\")",
        "1< c OK SETMETADATA completed",
        "1> d GETMETADATA INBOX (/shared/comment /private/comment)",
        "1< * METADATA \"INBOX\" (/shared/comment \"This one is for you!\" /private/comment \"My "
        "new "
        "comment\")",
        "1< ~d OK",
        /* The server's own. */
        "1> e SETMETADATA \"\" (/shared/comment \"Shared comment\")", "1< ~e OK",
        "1> f GETMETADATA \"\" /shared/comment",
        "1< * METADATA \"\" (/shared/comment \"Shared comment\")", "1< ~f OK");
    /* Depth and size (section 4.2.1 and 4.2.2), options in front and behind. */
    RUN(world,
        "1> a SETMETADATA INBOX (/private/filters/values/small \"SMALLER 5000\" "
        "/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" /private/filters/other/x "
        "y)",
        "1< ~a BAD",
        "1> b SETMETADATA INBOX (/private/filters/values/small \"SMALLER 5000\" "
        "/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\")",
        "1< ~b OK", "1> c GETMETADATA (DEPTH 1) \"INBOX\" /private/filters/values",
        "1< * METADATA \"INBOX\" (/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" "
        "/private/filters/values/small \"SMALLER 5000\")",
        "1< ~c OK", "1> d GETMETADATA \"INBOX\" (MAXSIZE 12 DEPTH infinity) (/private/filters)",
        "1< * METADATA \"INBOX\" (/private/filters/values/small \"SMALLER 5000\")",
        "1< d OK [METADATA LONGENTRIES 23] GETMETADATA completed",
        "1> e GETMETADATA INBOX (DEPTH 1) (/private/filters)", "1< e OK GETMETADATA completed");
}

static void play_metadata_errors(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a GETMETADATA Nowhere /private/comment", "1< a NO [NONEXISTENT] No such mailbox",
        "1> b SETMETADATA Nowhere (/private/comment x)", "1< ~b BAD",
        "1> b2 SETMETADATA Nowhere (/private/comment \"x\")",
        "1< b2 NO [NONEXISTENT] No such mailbox", "1> c GETMETADATA INBOX comment",
        "1< c BAD Bad entry name", "1> d GETMETADATA INBOX /private/", "1< d BAD Bad entry name",
        "1> e GETMETADATA INBOX /private//x", "1< e BAD Bad entry name",
        "1> f GETMETADATA INBOX \"/private/a*\"", "1< f BAD Bad entry name",
        "1> g GETMETADATA (DEPTH 2) INBOX /private/x", "1< g BAD DEPTH is 0, 1 or infinity",
        "1> h SETMETADATA Sent (/private/specialuse \"\\\\Drafts\")", "1< ~h NO [CANNOT]",
        "1> i SETMETADATA INBOX ()", "1< ~i BAD", "1> j SETMETADATA INBOX (/private \"x\")",
        "1< j BAD Bad entry name", "1> k SETMETADATA INBOX (/shared/a/b \"x\")", "1< ~k OK",
        "1> l GETMETADATA (DEPTH infinity) INBOX (/private /shared)",
        "1< * METADATA \"INBOX\" (/shared/a/b \"x\")", "1< ~l OK");
}

/* A value at its limit and one above. */
static void play_metadata_limits(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    for (int extra = -1; extra <= 1; extra++) {
        struct buf line = {0};
        size_t len = (size_t)(MAILBOX_ANNOTATION_MAX_BYTES + extra);
        buf_printf(&line, "a SETMETADATA INBOX (/private/comment {%zu+}\r\n", len);
        for (size_t i = 0; i < len; i++) {
            buf_append_byte(&line, 'x');
        }
        buf_append_str(&line, ")\r\n");
        imap_world_send(world, 1, buf_view(&line));
        buf_clear(&line);
        if (extra <= 0) {
            RUN(world, "1< a OK SETMETADATA completed");
        } else {
            RUN(world, "1< a NO [METADATA MAXSIZE 16384] A value is too large");
        }
    }
    for (int i = 1; i <= MAILBOX_MAX_ANNOTATIONS + 1; i++) {
        struct buf line = {0};
        buf_printf(&line, "b SETMETADATA Sent (/private/x%d \"y\")\r\n", i);
        imap_world_send(world, 1, buf_view(&line));
        buf_clear(&line);
        if (i <= MAILBOX_MAX_ANNOTATIONS) {
            RUN(world, "1< b OK SETMETADATA completed");
        } else {
            RUN(world, "1< ~b NO [METADATA TOOMANY]");
        }
    }
}

/* RFC 9590 section 4. */
static void play_list_metadata(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a SETMETADATA INBOX (/shared/vendor/cmu/cyrus-imapd/color \"#b71c1c\")",
        "1< ~a OK",
        "1> A01 LIST \"\" (INBOX Sent) RETURN (METADATA "
        "(\"/shared/vendor/cmu/cyrus-imapd/color\"))",
        "1< * LIST () \"/\" \"INBOX\"",
        "1< * METADATA \"INBOX\" (/shared/vendor/cmu/cyrus-imapd/color \"#b71c1c\")",
        "1< * LIST () \"/\" \"Sent\"",
        "1< * METADATA \"Sent\" (/shared/vendor/cmu/cyrus-imapd/color NIL)",
        "1< A01 OK LIST completed");
}

static void metadata_is_kept_and_told(void **state)
{
    (void)state;
    imap_world_in_every_way(play_metadata);
    imap_world_in_every_way(play_metadata_errors);
    imap_world_in_every_way(play_list_metadata);
}

static void metadata_has_its_limits(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    play_metadata_limits(&world);
    imap_world_clear(&world);
}

/* ---- THREADID ---- */

static void play_thread_id(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", "Message-ID: <a@x>\r\nSubject: one\r\n\r\n1\r\n");
    memory_mail_deliver(world->store, "INBOX", "Message-ID: <b@x>\r\nSubject: two\r\n\r\n2\r\n");
    memory_mail_deliver(world->store, "INBOX",
                        "Message-ID: <c@x>\r\nReferences: <a@x>\r\nSubject: Re: one\r\n\r\n3\r\n");
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
    /* RFC 8474 section 5.4: the same THREADID for what belongs together. */
    RUN(world, "1> 3 FETCH 1:3 (EMAILID THREADID)", "1< * 1 FETCH (EMAILID (E1) THREADID (T1))",
        "1< * 2 FETCH (EMAILID (E2) THREADID (T2))", "1< * 3 FETCH (EMAILID (E3) THREADID (T1))",
        "1< 3 OK FETCH completed", "1> 4 SEARCH THREADID T1", "1< * SEARCH 1 3", "1< ~4 OK",
        "1> 5 SEARCH THREADID T77", "1< * SEARCH", "1< ~5 OK", "1> 6 SEARCH THREADID nonsense",
        "1< * SEARCH", "1< ~6 OK", "1> 7 SEARCH EMAILID E2", "1< * SEARCH 2", "1< ~7 OK");
}

static void messages_of_a_conversation_share_their_threadid(void **state)
{
    (void)state;
    imap_world_in_every_way(play_thread_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quota_shows_how_full_it_is),
        cmocka_unit_test(rights_are_the_owners),
        cmocka_unit_test(metadata_is_kept_and_told),
        cmocka_unit_test(metadata_has_its_limits),
        cmocka_unit_test(messages_of_a_conversation_share_their_threadid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
