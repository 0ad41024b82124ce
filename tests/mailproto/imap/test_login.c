// SPDX-License-Identifier: MIT
/* Logging in and what is offered before and after it: LOGIN, AUTHENTICATE, STARTTLS. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(login_needs_the_right_password),
        cmocka_unit_test(wrong_logins_are_slowed_down_and_then_cut_off),
        cmocka_unit_test(no_password_is_taken_in_clear_off_the_machine),
        cmocka_unit_test(what_was_pipelined_behind_starttls_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
