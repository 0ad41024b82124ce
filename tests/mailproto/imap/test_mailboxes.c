// SPDX-License-Identifier: MIT
/* Commands about mailboxes: SELECT, LIST with its extensions, CREATE, RENAME, DELETE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static void play_select(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    memory_mail_deliver(world->store, "INBOX", imap_mail_second);
    imap_world_log_in(world, 1);
    RUN(world, "1> s SELECT inbox", "1< * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
        "1< * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags",
        "1< * 2 EXISTS", "1< * 2 RECENT", "1< * OK [UNSEEN 1] First unseen",
        "1< * OK [UIDVALIDITY 1000] UIDs are valid", "1< * OK [UIDNEXT 3] Next UID",
        "1< * OK [HIGHESTMODSEQ 3] Highest", "1< * OK [MAILBOXID (M1)] Ok",
        "1< s OK [READ-WRITE] SELECT completed", "1> t EXAMINE INBOX", "1< ...", "1< * 0 RECENT",
        "1< ...", "1< t OK [READ-ONLY] EXAMINE completed", "1> u STORE 1 +FLAGS (\\Seen)",
        "1< u NO [CANNOT] The mailbox was opened read-only", "1> v SELECT Nowhere",
        "1< v NO [NONEXISTENT] No such mailbox",
        /* A failed SELECT leaves nothing selected. */
        "1> w FETCH 1 UID", "1< w BAD Select a mailbox first");
}

static void play_recent(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    imap_world_log_in(world, 1);
    imap_world_log_in(world, 2);
    RUN(world, "1> s SELECT INBOX", "1< ...", "1< * 1 RECENT", "1< ...", "1< ~s OK",
        "2> s SELECT INBOX", "2< ...", "2< * 0 RECENT", "2< ...", "2< ~s OK", "1> f FETCH 1 FLAGS",
        "1< * 1 FETCH (FLAGS (\\Recent))", "1< ~f OK", "2> f FETCH 1 FLAGS",
        "2< * 1 FETCH (FLAGS ())", "2< ~f OK");
    memory_mail_deliver(world->store, "INBOX", imap_mail_second);
    RUN(world, "2> g NOOP", "2< * 2 EXISTS", "2< * 1 RECENT", "2< ~g OK", "1> g NOOP",
        "1< * 2 EXISTS", "1< * 1 RECENT", "1< ~g OK", "1> h SEARCH RECENT", "1< * SEARCH 1",
        "1< ~h OK", "2> h SEARCH RECENT", "2< * SEARCH 2", "2< ~h OK", "2> i SEARCH NEW",
        "2< * SEARCH 2", "2< ~i OK", "2> j SEARCH OLD", "2< * SEARCH 1", "2< ~j OK");
}

static void play_names(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a CREATE \"Pr&APw-fung &- co\"", "1< ~a OK [MAILBOXID (M", "1> b LIST \"\" Pr*",
        "1< * LIST (\\HasNoChildren) \"/\" \"Pr&APw-fung &- co\"", "1< ~b OK",
        "1> c CREATE \"Pr&AOQ\"", "1< c NO [CANNOT] Bad mailbox name", "1> d CREATE \"a&AGE-\"",
        "1< d NO [CANNOT] Bad mailbox name", "1> e CREATE a//b",
        "1< e NO [CANNOT] Bad mailbox name", "1> f CREATE Work/Old/", "1< ~f OK",
        "1> g LIST \"\" %", "1< * LIST (\\HasNoChildren) \"/\" \"INBOX\"", "1< ...",
        "1< * LIST (\\HasChildren) \"/\" \"Work\"", "1< ~g OK", "1> h LIST Work/ %",
        "1< * LIST (\\HasNoChildren) \"/\" \"Work/Old\"", "1< ~h OK", "1> i LIST \"\" \"\"",
        "1< * LIST (\\Noselect) \"/\" \"\"", "1< ~i OK", "1> j CREATE \"q\\\"b\\\\s\"", "1< ~j OK",
        "1> k LIST \"\" q*", "1< * LIST (\\HasNoChildren) \"/\" \"q\\\"b\\\\s\"", "1< ~k OK",
        "1> l DELETE Work", "1< ~l OK", "1> m LIST \"\" Work*",
        "1< * LIST (\\Noselect \\HasChildren) \"/\" \"Work\"",
        "1< * LIST (\\HasNoChildren) \"/\" \"Work/Old\"", "1< ~m OK", "1> n DELETE Work",
        "1< ~n NO [NOPERM]", "1> o DELETE INBOX", "1< ~o NO [NOPERM]", "1> p CREATE iNbOx",
        "1< ~p NO [ALREADYEXISTS]", "1> q RENAME Work/Old New", "1< ~q OK",
        "1> r LIST \"\" (New Work/Old)", "1< * LIST () \"/\" \"New\"", "1< ~r OK",
        "1> s ENABLE UTF8=ACCEPT", "1< * ENABLED UTF8=ACCEPT", "1< ~s OK", "1> t LIST \"\" Pr*",
        "1< * LIST (\\HasNoChildren) \"/\" \"Pr\xc3\xbc"
        "fung & co\"",
        "1< ~t OK");
}

static void play_list_extended(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> a LIST (SUBSCRIBED) \"\" \"*\" RETURN (SPECIAL-USE)",
        "1< * LIST (\\Subscribed) \"/\" \"INBOX\"",
        "1< * LIST (\\Subscribed \\Drafts) \"/\" \"Drafts\"",
        "1< * LIST (\\Subscribed \\Sent) \"/\" \"Sent\"",
        "1< * LIST (\\Subscribed \\Trash) \"/\" \"Trash\"", "1< ~a OK", "1> b LSUB \"\" *",
        "1< * LSUB () \"/\" \"INBOX\"", "1< ...", "1< ~b OK", "1> c LIST (SPECIAL-USE) \"\" J*",
        "1< * LIST (\\Junk) \"/\" \"Junk\"", "1< ~c OK",
        "1> d LIST \"\" (INBOX Junk) RETURN (STATUS (MESSAGES UIDNEXT))",
        "1< * LIST () \"/\" \"INBOX\"", "1< * STATUS \"INBOX\" (MESSAGES 0 UIDNEXT 1)",
        "1< * LIST () \"/\" \"Junk\"", "1< * STATUS \"Junk\" (MESSAGES 0 UIDNEXT 1)", "1< ~d OK",
        "1> e CREATE Foo/Bar", "1< ~e OK", "1> f SUBSCRIBE Foo/Bar", "1< ~f OK", "1> g LSUB \"\" %",
        "1< ...", "1< * LSUB (\\Noselect) \"/\" \"Foo\"", "1< ...", "1< ~g OK",
        "1> h LIST (SUBSCRIBED RECURSIVEMATCH) \"\" Foo",
        "1< * LIST () \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))", "1< ~h OK",
        /* A child that has a line of its own needs no word at its parent. */
        "1> H LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (Foo Foo/Bar)",
        "1< * LIST (\\Subscribed) \"/\" \"Foo/Bar\"", "1< ~H OK",
        "1> i LIST (RECURSIVEMATCH) \"\" *", "1< ~i BAD", "1> j NAMESPACE",
        "1< * NAMESPACE ((\"\" \"/\")) NIL NIL", "1< ~j OK", "1> k CREATE Mine (USE (\\Flagged))",
        "1< ~k OK", "1> l LIST (SPECIAL-USE) \"\" Mine", "1< * LIST (\\Flagged) \"/\" \"Mine\"",
        "1< ~l OK",
        "1> m STATUS INBOX (MESSAGES RECENT UNSEEN UIDVALIDITY SIZE APPENDLIMIT MAILBOXID)",
        "1< * STATUS \"INBOX\" (MESSAGES 0 RECENT 0 UIDVALIDITY 1000 UNSEEN 0 SIZE 0 APPENDLIMIT "
        "67108864 MAILBOXID (M1))",
        "1< ~m OK", "1> n STATUS Nowhere (MESSAGES)", "1< n NO [NONEXISTENT] No such mailbox",
        "1> o STATUS INBOX ()", "1< ~o BAD", "1> p UNSUBSCRIBE Foo/Bar", "1< ~p OK");
}

static void selecting_tells_the_state_of_the_mailbox(void **state)
{
    (void)state;
    imap_world_in_every_way(play_select);
}

static void recent_goes_to_one_session_only(void **state)
{
    (void)state;
    imap_world_in_every_way(play_recent);
}

static void names_are_canonical_modified_utf7_or_utf8(void **state)
{
    (void)state;
    imap_world_in_every_way(play_names);
}

static void list_takes_every_extension(void **state)
{
    (void)state;
    imap_world_in_every_way(play_list_extended);
}

static void play_deleted(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    imap_world_log_in(world, 2);
    RUN(world, "1> a CREATE Box", "1< ~a OK", "1> b SELECT Box", "1< ...", "1< ~b OK",
        "2> b SELECT Box", "2< ...", "2< ~b OK", "1> c DELETE Box", "1< ~* OK [CLOSED]", "1< ~c OK",
        "1> d NOOP", "1< ~d OK", "2> d NOOP", "2< ~d OK",
        "2< * BYE The selected mailbox was deleted");
}

static void a_deleted_mailbox_ends_the_other_sessions(void **state)
{
    (void)state;
    imap_world_in_every_way(play_deleted);
}

/* Five thousand mails in chunks of views; none is read before its content is asked for. */
static void play_large(struct imap_world *world)
{
    for (unsigned i = 0; i < 5000; i++) {
        memory_mail_deliver(world->store, "INBOX", i % 2 == 0 ? imap_mail_hello : imap_mail_second);
    }
    imap_world_log_in(world, 1);
    RUN(world, "1> a SELECT INBOX", "1< ...", "1< * 5000 EXISTS", "1< ...", "1< ~a OK",
        "1> b STATUS INBOX (MESSAGES UNSEEN SIZE)", "1< ...", "1< ~b OK",
        "1> c FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE SAVEDATE EMAILID)", "1< ...",
        "1< ~c OK", "1> d STORE 4990:* +FLAGS (\\Deleted)", "1< ...", "1< ~d OK",
        "1> e SEARCH RETURN (COUNT) UNSEEN LARGER 10 SENTSINCE 1-Jan-2000",
        "1< * ESEARCH (TAG \"e\") COUNT 5000", "1< ~e OK",
        "1> f SORT RETURN (COUNT) (DATE REVERSE SIZE ARRIVAL) UTF-8 ALL", "1< ...", "1< ~f OK",
        "1> g EXPUNGE", "1< ...", "1< ~g OK", "1> h UID MOVE 4980:* Archive", "1< ...", "1< ~h OK");
    assert_int_equal(memory_mail_reads(world->store), 0);
    RUN(world, "1> i FETCH 7,9 ENVELOPE", "1< ...", "1< ~i OK");
    assert_int_equal(memory_mail_reads(world->store), 2);
    RUN(world, "1> j FETCH 7 BODY.PEEK[TEXT]", "1< ...", "1< ~j OK");
    assert_int_equal(memory_mail_reads(world->store), 4);
}

static void a_large_mailbox_is_used_without_reading_its_messages(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    play_large(&world);
    imap_world_clear(&world);
}

/* RFC 6154 section 3 and 5.2. */
static void play_use(struct imap_world *world)
{
    imap_world_log_in(world, 1);
    RUN(world, "1> t1 CREATE MySpecial (USE (\\Flagged))", "1< ~t1 OK", "1> t2 LIST \"\" MySpecial",
        "1< * LIST (\\HasNoChildren \\Flagged) \"/\" \"MySpecial\"", "1< ~t2 OK",
        /* A use that another mailbox has, one that can't be, one that nobody knows. */
        "1> t3 CREATE Drafts2 (USE (\\Drafts))", "1< ~t3 NO [USEATTR]",
        "1> t4 CREATE All (USE (\\All))", "1< ~t4 NO [USEATTR]",
        "1> t5 CREATE Fancy (USE (\\Fancy))", "1< ~t5 NO [USEATTR]",
        "1> t6 LIST \"\" (Drafts2 All Fancy)", "1< t6 OK LIST completed",
        "1> t7 CREATE Plain (USE ())", "1< ~t7 OK", "1> t8 CREATE Two (USE (\\Junk \\Trash))",
        "1< ~t8 NO [USEATTR]", "1> t9 CREATE Bad (USE (Junk))", "1< ~t9 BAD",
        "1> t10 CREATE Bad (USE ( \\Junk))", "1< ~t10 BAD",
        "1> t11 CREATE Bad (USE (\\Junk\\Trash))", "1< ~t11 BAD", "1> t12 CREATE Bad (SIZE 5)",
        "1< ~t12 BAD");
}

static void a_use_that_cannot_be_is_refused_by_its_code(void **state)
{
    (void)state;
    imap_world_in_every_way(play_use);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selecting_tells_the_state_of_the_mailbox),
        cmocka_unit_test(recent_goes_to_one_session_only),
        cmocka_unit_test(names_are_canonical_modified_utf7_or_utf8),
        cmocka_unit_test(list_takes_every_extension),
        cmocka_unit_test(a_deleted_mailbox_ends_the_other_sessions),
        cmocka_unit_test(a_large_mailbox_is_used_without_reading_its_messages),
        cmocka_unit_test(a_use_that_cannot_be_is_refused_by_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
