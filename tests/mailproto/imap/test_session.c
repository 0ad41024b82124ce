// SPDX-License-Identifier: MIT
/* IMAP sessions against a store in memory. Each script runs four times: its input whole and byte by
 * byte, with a store that answers reads at once and one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static const char one_mail[] = "From: Ann <ann@x.org>\r\nTo: bob@y.org\r\nSubject: hello\r\n"
                               "\r\nline one\r\nline two\r\n";
static const char other_mail[] = "From: Cy <cy@z.org>\r\nSubject: second\r\n\r\nbody two\r\n";

static const char *const log_in_1[] = {"1< ~* OK [CAPABILITY IMAP4rev1", "1> a LOGIN alice secret",
                                       "1< ~a OK [CAPABILITY ", NULL};
static const char *const log_in_2[] = {"2< ~* OK [CAPABILITY IMAP4rev1", "2> a LOGIN alice secret",
                                       "2< ~a OK [CAPABILITY ", NULL};
static const char *const select_1[] = {"1> s SELECT INBOX", "1< ...", "1< ~s OK [READ-WRITE]",
                                       NULL};
static const char *const select_2[] = {"2> s SELECT INBOX", "2< ...", "2< ~s OK [READ-WRITE]",
                                       NULL};

/* In every way, with two mails in INBOX and client 1 (and 2) logged in and there. */
static void with_two_mails(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", one_mail);
    memory_mail_deliver(world->store, "INBOX", other_mail);
    imap_world_run(world, log_in_1);
    imap_world_run(world, select_1);
}

/* ---- Logging in ---- */

static void play_login(struct imap_world *world)
{
    RUN(world, "1< ~* OK [CAPABILITY IMAP4rev1", "1> a1 SELECT INBOX", "1< a1 BAD Log in first",
        "1> a2 LOGIN alice wrong", "1< .");
    imap_world_pass(world, 1100);
    RUN(world, "1< a2 NO [AUTHENTICATIONFAILED] User or password is wrong",
        "1> a3 LOGIN \"alice\" {6}", "1< + Go on", "1> secret", "1< ~a3 OK [CAPABILITY IMAP4rev1",
        "1> a4 LOGIN alice secret", "1< a4 BAD Select a mailbox first");
}

static void play_login_literals(struct imap_world *world)
{
    RUN(world, "1< ~* OK", "1> a LOGIN {5+}", "1+ alice {6+}\r\nsecret\r\n", "1< ~a OK");
}

static void play_authenticate(struct imap_world *world)
{
    RUN(world, "1< ~* OK", "1> a AUTHENTICATE PLAIN", "1< + ",
        "1> AGFsaWNlAHNlY3JldA==", "1< ~a OK [CAPABILITY", "1> b NOOP", "1< b OK NOOP completed",
        "2< ~* OK", "2> a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==", "2< ~a OK", "3< ~* OK",
        "3> a AUTHENTICATE LOGIN", "3< + VXNlcm5hbWU6", "3> YWxpY2U=", "3< + UGFzc3dvcmQ6",
        "3> c2VjcmV0", "3< ~a OK", "4< ~* OK", "4> a AUTHENTICATE PLAIN", "4< + ", "4> *",
        "4< a BAD Authentication was cancelled", "4> b AUTHENTICATE PLAIN !!!",
        "4< b BAD Broken authentication exchange", "4> c AUTHENTICATE CRAM-MD5",
        "4< c NO This mechanism is not known here");
}

/* A client that speaks SCRAM: the challenge comes only after a look-up. */
static void play_scram(struct imap_world *world)
{
    uint8_t salted[32];
    uint8_t client_key[32];
    uint8_t stored_key[32];
    uint8_t proof[32];
    struct buf first = {0};
    struct buf salt = {0};
    struct buf final = {0};
    struct buf auth = {0};
    struct buf line = {0};
    RUN(world, "1< ~* OK", "1> a AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZSxyPWFiYw==");
    struct bytes challenge = imap_world_output(world, 1);
    assert_true(bytes_starts_with(challenge, bytes_of_str("+ ")));
    assert_true(base64_decode(&first, bytes_slice(challenge, 2, challenge.len - 4)));
    imap_world_forget_output(world, 1);
    const char *text = buf_str(&first);
    const char *salt_at = strstr(text, ",s=") + 3;
    assert_true(base64_decode(&salt, (struct bytes){(const uint8_t *)salt_at,
                                                    (size_t)(strstr(salt_at, ",i=") - salt_at)}));
    buf_append_str(&final, "c=biws,");
    buf_append(&final, text, (size_t)(salt_at - 3 - text));
    buf_printf(&auth, "n=alice,r=abc,%s,%s", text, buf_str(&final));
    assert_true(
        hash_pbkdf2_hmac_sha256(salted, 32, bytes_of_str("secret"), buf_view(&salt), 4096, NULL));
    hash_hmac_sha256(client_key, (struct bytes){salted, 32}, bytes_of_str("Client Key"));
    hash_sha256(stored_key, (struct bytes){client_key, 32});
    hash_hmac_sha256(proof, (struct bytes){stored_key, 32}, buf_view(&auth));
    for (size_t i = 0; i < 32; i++) {
        proof[i] ^= client_key[i];
    }
    buf_append_str(&final, ",p=");
    base64_encode(&final, (struct bytes){proof, 32});
    base64_encode(&line, buf_view(&final));
    buf_append_str(&line, "\r\n");
    imap_world_send(world, 1, buf_view(&line));
    RUN(world, "1< ~+ dj", "1> ", "1< ~a OK [CAPABILITY");
    buf_clear(&first);
    buf_clear(&salt);
    buf_clear(&final);
    buf_clear(&auth);
    buf_clear(&line);
}

static void play_too_many_logins(struct imap_world *world)
{
    RUN(world, "1< ~* OK", "1> a LOGIN alice x");
    imap_world_pass(world, 10000);
    RUN(world, "1< ~a NO", "1> b LOGIN bob secret");
    imap_world_pass(world, 10000);
    RUN(world, "1< ~b NO", "1> c LOGIN \"\" \"\"");
    imap_world_pass(world, 10000);
    RUN(world, "1< ~c NO", "1< * BYE Too many wrong logins");
}

static void play_no_clear_login(struct imap_world *world)
{
    world->client.is_loopback = false;
    RUN(world, "1< ~* OK [CAPABILITY", "1> a CAPABILITY",
        "1< * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE STARTTLS "
        "AUTH=SCRAM-SHA-256 "
        "LOGINDISABLED",
        "1< ~a OK", "1> b LOGIN alice secret", "1< b NO [PRIVACYREQUIRED] Begin TLS first",
        "1> c AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==",
        "1< c NO [PRIVACYREQUIRED] Begin TLS first");
}

static void play_starttls(struct imap_world *world)
{
    world->client.is_loopback = false;
    RUN(world, "1< ~* OK", "1+ a STARTTLS\r\nb LOGIN alice secret\r\n", "1< a OK Begin TLS now",
        "1< .");
    assert_true(imap_world_wants(world, 1, SERVE_WANT_START_TLS));
    imap_world_tls_up(world, 1);
    RUN(world, "1< .", "1> c STARTTLS", "1< c BAD TLS is on already", "1> d LOGIN alice secret",
        "1< ~d OK");
}

static void login_needs_the_right_password(void **state)
{
    (void)state;
    imap_world_in_every_way(play_login);
    imap_world_in_every_way(play_login_literals);
    imap_world_in_every_way(play_authenticate);
    imap_world_in_every_way(play_scram);
}

static void wrong_logins_are_slowed_down_and_then_cut_off(void **state)
{
    (void)state;
    imap_world_in_every_way(play_too_many_logins);
}

static void no_password_is_taken_in_clear_off_the_machine(void **state)
{
    (void)state;
    imap_world_in_every_way(play_no_clear_login);
}

static void what_was_pipelined_behind_starttls_is_not_done(void **state)
{
    (void)state;
    imap_world_in_every_way(play_starttls);
}

/* ---- Broken input ---- */

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
    imap_world_run(world, log_in_1);
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

/* ---- Mailboxes ---- */

static void play_select(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", one_mail);
    memory_mail_deliver(world->store, "INBOX", other_mail);
    imap_world_run(world, log_in_1);
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
    memory_mail_deliver(world->store, "INBOX", one_mail);
    imap_world_run(world, log_in_1);
    imap_world_run(world, log_in_2);
    RUN(world, "1> s SELECT INBOX", "1< ...", "1< * 1 RECENT", "1< ...", "1< ~s OK",
        "2> s SELECT INBOX", "2< ...", "2< * 0 RECENT", "2< ...", "2< ~s OK", "1> f FETCH 1 FLAGS",
        "1< * 1 FETCH (FLAGS (\\Recent))", "1< ~f OK", "2> f FETCH 1 FLAGS",
        "2< * 1 FETCH (FLAGS ())", "2< ~f OK");
    memory_mail_deliver(world->store, "INBOX", other_mail);
    RUN(world, "2> g NOOP", "2< * 2 EXISTS", "2< * 1 RECENT", "2< ~g OK", "1> g NOOP",
        "1< * 2 EXISTS", "1< * 1 RECENT", "1< ~g OK", "1> h SEARCH RECENT", "1< * SEARCH 1",
        "1< ~h OK", "2> h SEARCH RECENT", "2< * SEARCH 2", "2< ~h OK", "2> i SEARCH NEW",
        "2< * SEARCH 2", "2< ~i OK", "2> j SEARCH OLD", "2< * SEARCH 1", "2< ~j OK");
}

static void play_names(struct imap_world *world)
{
    imap_world_run(world, log_in_1);
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
    imap_world_run(world, log_in_1);
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
        "1< * NAMESPACE ((\"\" \"/\")) NIL NIL", "1< ~j OK", "1> k CREATE Mine (USE (\\Archive))",
        "1< ~k OK", "1> l LIST (SPECIAL-USE) \"\" Mine", "1< * LIST (\\Archive) \"/\" \"Mine\"",
        "1< ~l OK",
        "1> m STATUS INBOX (MESSAGES RECENT UNSEEN UIDVALIDITY SIZE APPENDLIMIT MAILBOXID)",
        "1< * STATUS \"INBOX\" (MESSAGES 0 RECENT 0 UIDVALIDITY 1000 UNSEEN 0 SIZE 0 APPENDLIMIT "
        "67108864 MAILBOXID (M1))",
        "1< ~m OK", "1> n STATUS Nowhere (MESSAGES)", "1< n NO [NONEXISTENT] No such mailbox",
        "1> o STATUS INBOX ()", "1< ~o BAD", "1> p UNSUBSCRIBE Foo/Bar", "1< ~p OK");
}

static void play_rename_inbox(struct imap_world *world)
{
    with_two_mails(world);
    RUN(world, "1> a RENAME INBOX Old", "1< * 1 EXPUNGE", "1< * 1 EXPUNGE",
        "1< a OK RENAME completed");
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

/* ---- Appending ---- */

static void play_append(struct imap_world *world)
{
    imap_world_run(world, log_in_1);
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
    imap_world_run(world, log_in_1);
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
    imap_world_run(world, log_in_1);
    RUN(world, "1> a APPEND INBOX (\\Seen) {5}", "1< + Ready for the message",
        "1+ hello (\\Flagged) {5+}\r\nworld\r\n", "1< a OK [APPENDUID 1000 1:2] APPEND completed",
        /* All or none: the second is wrong, so the first isn't there either. */
        "1> b APPEND INBOX {5+}", "1+ hello (\\Bogus) {5}\r\n", "1< b BAD Unknown system flag",
        "1> c STATUS INBOX (MESSAGES)", "1< * STATUS \"INBOX\" (MESSAGES 2)", "1< ~c OK");
}

static void play_full_disk(struct imap_world *world)
{
    with_two_mails(world);
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

/* ---- What others do ---- */

static void play_expunge_numbers(struct imap_world *world)
{
    with_two_mails(world);
    memory_mail_deliver(world->store, "INBOX", one_mail);
    RUN(world, "1> a NOOP", "1< ...", "1< ~a OK");
    memory_mail_expunge(world->store, "INBOX", 1);
    memory_mail_deliver(world->store, "INBOX", other_mail);
    RUN(world, "1> b FETCH 1:3 UID", "1< * 1 FETCH (UID 1)", "1< * 2 FETCH (UID 2)",
        "1< * 3 FETCH (UID 3)", "1< b OK FETCH completed", "1> c STORE 2 +FLAGS (\\Flagged)",
        "1< * 2 FETCH (FLAGS (\\Flagged \\Recent))", "1< c OK STORE completed", "1> d SEARCH ALL",
        "1< * SEARCH 1 2 3", "1< d OK SEARCH completed", "1> e FETCH 1 ENVELOPE",
        "1< e OK [EXPUNGEISSUED] FETCH completed", "1> f NOOP", "1< * 1 EXPUNGE", "1< * 3 EXISTS",
        "1< * 3 RECENT", "1< f OK NOOP completed", "1> g UID SEARCH ALL", "1< * SEARCH 2 3 4",
        "1< ~g OK");
    memory_mail_expunge(world->store, "INBOX", 3);
    RUN(world, "1> h UID FETCH 2 FLAGS", "1< * 1 FETCH (UID 2 FLAGS (\\Flagged \\Recent))",
        "1< * 2 EXPUNGE", "1< h OK UID FETCH completed");
}

/* What happens between the picture that SELECT tells and its OK is told later. */
static void play_select_is_one_picture(struct imap_world *world)
{
    with_two_mails(world);
    imap_world_run(world, log_in_2);
    imap_world_forget_output(world, 2);
    imap_world_send_only(world, 2, bytes_of_str("z SELECT INBOX\r\n"));
    memory_mail_run(world->store);
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "2> y NOOP", "2< ...", "2< * 2 EXISTS", "2< ...", "2< ~* OK [MAILBOXID",
        "2< z OK [READ-WRITE] SELECT completed", "2< * 1 EXPUNGE", "2< ...", "2< ~y OK");
}

/* Text that is gone can't be searched: the OK says that some was. */
static void play_search_of_the_gone(struct imap_world *world)
{
    with_two_mails(world);
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "1> a SEARCH SUBJECT nowhere", "1< * SEARCH",
        "1< a OK [EXPUNGEISSUED] SEARCH completed", "1> b SEARCH ALL", "1< * SEARCH 1 2",
        "1< b OK SEARCH completed", "1> c NOOP", "1< * 1 EXPUNGE", "1< ...", "1< ~c OK",
        "1> d SEARCH SUBJECT nowhere", "1< * SEARCH", "1< d OK SEARCH completed");
}

static void play_foreign_flags(struct imap_world *world)
{
    with_two_mails(world);
    memory_mail_set_flags(world->store, "INBOX", 2, MAILBOX_FLAG_FLAGGED);
    RUN(world, "1> a NOOP", "1< * 2 FETCH (FLAGS (\\Flagged \\Recent))", "1< ~a OK",
        "1> b STORE 1 +FLAGS.SILENT (\\Seen)", "1< b OK STORE completed", "1< .");
    /* Silent is about one's own change: what another one did to that message is told. */
    memory_mail_set_flags(world->store, "INBOX", 1, MAILBOX_FLAG_SEEN | MAILBOX_FLAG_FLAGGED);
    RUN(world, "1> c STORE 1 +FLAGS.SILENT (\\Answered)",
        "1< * 1 FETCH (FLAGS (\\Answered \\Flagged \\Seen \\Recent))", "1< c OK STORE completed",
        "1> d NOOP", "1< d OK NOOP completed", "1< .");
}

static void play_idle(struct imap_world *world)
{
    with_two_mails(world);
    RUN(world, "1> a IDLE", "1< + idling", "1< .");
    memory_mail_deliver(world->store, "INBOX", one_mail);
    RUN(world, "1< * 3 EXISTS", "1< * 3 RECENT", "1< .");
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "1< * 1 EXPUNGE", "1< .");
    imap_world_pass(world, 119000);
    RUN(world, "1< .");
    imap_world_pass(world, 2000);
    RUN(world, "1< * OK Still here", "1> dOnE", "1< a OK IDLE completed", "1> b IDLE",
        "1< + idling", "1> c NOOP", "1< b BAD Expected DONE", "1> d NOOP",
        "1< d OK NOOP completed");
    imap_world_pass(world, 1801 * 1000);
    RUN(world, "1< * BYE Logged out for inactivity");
}

static void play_deleted(struct imap_world *world)
{
    imap_world_run(world, log_in_1);
    imap_world_run(world, log_in_2);
    RUN(world, "1> a CREATE Box", "1< ~a OK", "1> b SELECT Box", "1< ...", "1< ~b OK",
        "2> b SELECT Box", "2< ...", "2< ~b OK", "1> c DELETE Box", "1< ~* OK [CLOSED]", "1< ~c OK",
        "1> d NOOP", "1< ~d OK", "2> d NOOP", "2< ~d OK",
        "2< * BYE The selected mailbox was deleted");
}

static void message_numbers_stay_while_a_command_uses_them(void **state)
{
    (void)state;
    imap_world_in_every_way(play_expunge_numbers);
    imap_world_in_every_way(play_search_of_the_gone);
    imap_world_in_every_way(play_select_is_one_picture);
    imap_world_in_every_way(play_rename_inbox);
}

static void silent_hides_ones_own_change_alone(void **state)
{
    (void)state;
    imap_world_in_every_way(play_foreign_flags);
}

static void idle_tells_at_once_and_ends_with_done(void **state)
{
    (void)state;
    imap_world_in_every_way(play_idle);
}

static void a_deleted_mailbox_ends_the_other_sessions(void **state)
{
    (void)state;
    imap_world_in_every_way(play_deleted);
}

/* ---- Flags, copies, expunges ---- */

static void play_store(struct imap_world *world)
{
    with_two_mails(world);
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
    with_two_mails(world);
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
    with_two_mails(world);
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

/* ---- Fetching ---- */

static void play_fetch(struct imap_world *world)
{
    with_two_mails(world);
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
    imap_world_run(world, log_in_1);
    imap_world_run(world, select_1);
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
    imap_world_run(world, log_in_1);
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
    imap_world_run(world, log_in_1);
    imap_world_run(world, log_in_2);
    imap_world_run(world, select_1);
    imap_world_run(world, select_2);
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

/* ---- Searching ---- */

static void play_search(struct imap_world *world)
{
    with_two_mails(world);
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
    with_two_mails(world);
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
    imap_world_run(world, log_in_1);
    imap_world_run(world, select_1);
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
    imap_world_run(world, log_in_1);
    imap_world_run(world, select_1);
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
    imap_world_run(world, log_in_1);
    imap_world_run(world, select_1);
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

/* ---- Mod-sequences ---- */

static void play_condstore(struct imap_world *world)
{
    with_two_mails(world);
    RUN(world, "1> a FETCH 1:2 (MODSEQ)", "1< * OK [HIGHESTMODSEQ 3] Mod-sequences are on",
        "1< * 1 FETCH (MODSEQ (2))", "1< * 2 FETCH (MODSEQ (3))", "1< ~a OK",
        "1> b STORE 1 +FLAGS (\\Seen)", "1< * 1 FETCH (FLAGS (\\Seen \\Recent) MODSEQ (4))",
        "1< ~b OK", "1> c STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Flagged)",
        "1< * 2 FETCH (MODSEQ (5))", "1< c OK [MODIFIED 1] Some were changed meanwhile",
        "1> d FETCH 1:2 FLAGS (CHANGEDSINCE 4)",
        "1< * 2 FETCH (FLAGS (\\Flagged \\Recent) MODSEQ (5))", "1< ~d OK", "1> e SEARCH MODSEQ 5",
        "1< * SEARCH 2 (MODSEQ 5)", "1< ~e OK");
}

static void play_qresync(struct imap_world *world)
{
    with_two_mails(world);
    memory_mail_deliver(world->store, "INBOX", one_mail);
    RUN(world, "1> x LOGOUT", "1< ...", "1< ~x OK");
    memory_mail_expunge(world->store, "INBOX", 2);
    memory_mail_set_flags(world->store, "INBOX", 3, MAILBOX_FLAG_SEEN);
    imap_world_run(world, log_in_2);
    RUN(world, "2> a SELECT INBOX (QRESYNC (1000 4))", "2< a BAD ENABLE QRESYNC first",
        "2> b ENABLE QRESYNC", "2< * ENABLED CONDSTORE QRESYNC", "2< ~b OK",
        "2> c SELECT INBOX (QRESYNC (1000 4 1:3))", "2< ...", "2< * VANISHED (EARLIER) 2",
        "2< * 2 FETCH (UID 3 FLAGS (\\Seen \\Recent) MODSEQ (6))", "2< ~c OK [READ-WRITE]");
    memory_mail_expunge(world->store, "INBOX", 1);
    RUN(world, "2> d NOOP", "2< * VANISHED 1", "2< ~d OK",
        "2> e UID FETCH 1:* FLAGS (CHANGEDSINCE 4 VANISHED)", "2< * VANISHED (EARLIER) 1:2",
        "2< * 1 FETCH (UID 3 FLAGS (\\Seen \\Recent) MODSEQ (6))", "2< ~e OK",
        "2> f SELECT INBOX (QRESYNC (999 4 1:3))", "2< * OK [CLOSED] The mailbox before is closed",
        "2< ...", "2< ~f OK");
}

static void mod_sequences_tell_what_has_changed(void **state)
{
    (void)state;
    imap_world_in_every_way(play_condstore);
}

static void a_client_that_comes_back_is_told_the_difference(void **state)
{
    (void)state;
    imap_world_in_every_way(play_qresync);
}

static void a_session_that_says_nothing_is_closed_in_time(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    RUN(&world, "1< ~* OK");
    imap_world_pass(&world, 59000);
    RUN(&world, "1< .");
    imap_world_pass(&world, 1000);
    RUN(&world, "1< * BYE Too slow to log in");
    imap_world_clear(&world);
}

/* A session may end at any moment of a script, also with a call under way. */
static void a_session_can_end_while_the_store_works(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "a SELECT Trash\r\n",        "a FETCH 1:2 BODY[]\r\n", "a STORE 1 +FLAGS (\\Seen)\r\n",
        "a SEARCH TEXT x\r\n",       "a CREATE x\r\n",         "a APPEND INBOX {5+}\r\nhello\r\n",
        "a APPEND INBOX {5+}\r\nhe", "a COPY 1 Trash\r\n",     "a IDLE\r\n"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct imap_world world;
        imap_world_init(&world, true);
        with_two_mails(&world);
        imap_world_send_only(&world, 1, bytes_of_str(commands[i]));
        imap_world_clear(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(login_needs_the_right_password),
        cmocka_unit_test(wrong_logins_are_slowed_down_and_then_cut_off),
        cmocka_unit_test(no_password_is_taken_in_clear_off_the_machine),
        cmocka_unit_test(what_was_pipelined_behind_starttls_is_not_done),
        cmocka_unit_test(broken_commands_are_bad_and_the_next_one_works),
        cmocka_unit_test(a_browser_is_told_once_and_cut_off),
        cmocka_unit_test(too_many_errors_end_the_session),
        cmocka_unit_test(selecting_tells_the_state_of_the_mailbox),
        cmocka_unit_test(recent_goes_to_one_session_only),
        cmocka_unit_test(names_are_canonical_modified_utf7_or_utf8),
        cmocka_unit_test(list_takes_every_extension),
        cmocka_unit_test(appending_keeps_flags_date_and_every_byte),
        cmocka_unit_test(a_full_disk_is_told_and_got_over),
        cmocka_unit_test(message_numbers_stay_while_a_command_uses_them),
        cmocka_unit_test(silent_hides_ones_own_change_alone),
        cmocka_unit_test(idle_tells_at_once_and_ends_with_done),
        cmocka_unit_test(a_deleted_mailbox_ends_the_other_sessions),
        cmocka_unit_test(flags_are_set_added_and_taken),
        cmocka_unit_test(copies_and_moves_tell_the_new_uids),
        cmocka_unit_test(close_expunges_and_unselect_does_not),
        cmocka_unit_test(fetch_gives_exactly_the_bytes_asked_for),
        cmocka_unit_test(large_answers_come_in_bounded_pieces),
        cmocka_unit_test(search_judges_every_key),
        cmocka_unit_test(nested_search_keys_are_bounded),
        cmocka_unit_test(threads_are_told),
        cmocka_unit_test(orders_and_threads_are_right_when_asked_for_again),
        cmocka_unit_test(sorting_looks_past_marks_of_replies),
        cmocka_unit_test(mod_sequences_tell_what_has_changed),
        cmocka_unit_test(a_client_that_comes_back_is_told_the_difference),
        cmocka_unit_test(a_session_that_says_nothing_is_closed_in_time),
        cmocka_unit_test(a_session_can_end_while_the_store_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
