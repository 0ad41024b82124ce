// SPDX-License-Identifier: MIT
#include "mailproto/sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl_internal.h"

static struct sasl_credential credential_of(const char *password)
{
    struct sasl_credential credential;
    assert_true(sasl_credential_make(&credential, bytes_of_str(password), SASL_MIN_ITERATIONS));
    return credential;
}

static struct bytes raw(const char *text, size_t len)
{
    return (struct bytes){(const uint8_t *)text, len};
}

static enum sasl_result plain_says(struct bytes message, const char *password)
{
    struct buf out = {0};
    struct sasl_credential credential = credential_of(password);
    struct sasl *sasl = sasl_new(bytes_of_str("plain"));
    enum sasl_result result = sasl_start(sasl, message, &out);
    if (result == SASL_LOOKUP) {
        bool known = strcmp(sasl_user(sasl), "ann") == 0;
        result = sasl_credential_found(sasl, 7, known ? &credential : NULL, &out);
    }
    if (result == SASL_DONE) {
        assert_int_equal(sasl_account_id(sasl), 7);
    }
    sasl_free(&sasl);
    buf_clear(&out);
    return result;
}

static void plain_takes_the_right_password_alone(void **state)
{
    (void)state;

    assert_int_equal(plain_says(raw("\0ann\0secret", 11), "secret"), SASL_DONE);
    assert_int_equal(plain_says(raw("ann\0ann\0secret", 14), "secret"), SASL_DONE);
    assert_int_equal(plain_says(raw("bob\0ann\0secret", 14), "secret"), SASL_FAILED);
    assert_int_equal(plain_says(raw("\0ann\0secreT", 11), "secret"), SASL_FAILED);
    assert_int_equal(plain_says(raw("\0bob\0secret", 11), "secret"), SASL_FAILED);
    assert_int_equal(plain_says(raw("\0ann\0", 5), "secret"), SASL_FAILED);
    assert_int_equal(plain_says(raw("\0\0secret", 8), "secret"), SASL_FAILED);
    assert_int_equal(plain_says(raw("ann secret", 10), "secret"), SASL_BAD);
    assert_int_equal(plain_says(raw("\0ann\0sec\0ret", 12), "secret"), SASL_BAD);
    assert_int_equal(plain_says(raw("", 0), "secret"), SASL_BAD);
}

static void users_and_passwords_have_a_longest_length(void **state)
{
    (void)state;
    for (int extra = -1; extra <= 1; extra++) {
        enum sasl_result result = SASL_BAD;
        struct buf user = {0};
        struct buf password = {0};
        for (int i = 0; i < SASL_MAX_USER_BYTES + extra; i++) {
            buf_append_byte(&user, 'u');
        }
        for (int i = 0; i < SASL_MAX_PASSWORD_BYTES + extra; i++) {
            buf_append_byte(&password, 'p');
        }
        struct sasl *sasl = sasl_new_password(buf_view(&user), bytes_of_str("x"), &result);
        assert_int_equal(result, extra > 0 ? SASL_FAILED : SASL_LOOKUP);
        sasl_free(&sasl);
        sasl = sasl_new_password(bytes_of_str("x"), buf_view(&password), &result);
        assert_int_equal(result, extra > 0 ? SASL_FAILED : SASL_LOOKUP);
        sasl_free(&sasl);
        buf_clear(&user);
        buf_clear(&password);
    }
}

/* RFC 7677 section 3: the whole exchange, with the server's nonce put in by hand. */
static void scram_gives_the_example_of_the_rfc(void **state)
{
    (void)state;
    struct sasl_credential credential = {.iterations = 4096};
    struct buf salt = {0};
    struct buf out = {0};
    uint8_t salted[32];
    uint8_t client_key[32];
    assert_true(base64_decode(&salt, bytes_of_str("W22ZaJ0SNY7soEsUEjb6gQ==")));
    memcpy(credential.salt, salt.data, sizeof(credential.salt));
    assert_true(
        hash_pbkdf2_hmac_sha256(salted, 32, bytes_of_str("pencil"), buf_view(&salt), 4096, NULL));
    hash_hmac_sha256(client_key, (struct bytes){salted, 32}, bytes_of_str("Client Key"));
    hash_sha256(credential.stored_key, (struct bytes){client_key, 32});
    hash_hmac_sha256(credential.server_key, (struct bytes){salted, 32}, bytes_of_str("Server Key"));
    assert_true(sasl_credential_check(&credential, bytes_of_str("pencil")));
    struct sasl *sasl = sasl_new(bytes_of_str("SCRAM-SHA-256"));

    assert_int_equal(sasl_start(sasl, bytes_of_str("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), &out),
                     SASL_LOOKUP);
    assert_string_equal(sasl_user(sasl), "user");
    assert_int_equal(sasl_credential_found(sasl, 5, &credential, &out), SASL_CHALLENGE);
    assert_true(bytes_starts_with(buf_view(&out), bytes_of_str("r=rOprNGfwEbeRWgbNEkqO")));
    buf_reset(&sasl->scram.nonce);
    buf_append_str(&sasl->scram.nonce, "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    buf_reset(&sasl->scram.server_first);
    buf_append_str(&sasl->scram.server_first,
                   "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                   "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    buf_reset(&out);
    assert_int_equal(
        sasl_respond(sasl,
                     bytes_of_str("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                  "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                     &out),
        SASL_CHALLENGE);
    assert_string_equal(buf_str(&out), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_int_equal(sasl_respond(sasl, bytes_of_str(""), &out), SASL_DONE);
    assert_int_equal(sasl_account_id(sasl), 5);
    sasl_free(&sasl);
    buf_clear(&salt);
    buf_clear(&out);
}

/* A client of SCRAM, as far as a test needs one. */
static enum sasl_result scram_exchange(const char *stored, const char *typed, bool known,
                                       size_t flip)
{
    struct sasl_credential credential = credential_of(stored);
    struct buf server_first = {0};
    struct buf final = {0};
    struct buf auth = {0};
    struct buf out = {0};
    struct sasl *sasl = sasl_new(bytes_of_str("SCRAM-SHA-256"));
    assert_int_equal(sasl_start(sasl, bytes_of_str("n,,n=a=2Cb,r=abc"), &out), SASL_LOOKUP);
    assert_string_equal(sasl_user(sasl), "a,b");
    assert_int_equal(sasl_credential_found(sasl, 1, known ? &credential : NULL, &server_first),
                     SASL_CHALLENGE);

    uint8_t salted[32];
    uint8_t client_key[32];
    uint8_t stored_key[32];
    uint8_t signature[32];
    struct bytes first = buf_view(&server_first);
    struct bytes nonce = bytes_slice(first, 2, bytes_find(first, ',') - 2);
    buf_append_str(&final, "c=biws,r=");
    buf_append_bytes(&final, nonce);
    buf_append_str(&auth, "n=a=2Cb,r=abc,");
    buf_append_bytes(&auth, first);
    buf_append_str(&auth, ",");
    buf_append_bytes(&auth, buf_view(&final));
    assert_true(hash_pbkdf2_hmac_sha256(salted, 32, bytes_of_str(typed),
                                        (struct bytes){credential.salt, SASL_SALT_BYTES},
                                        credential.iterations, NULL));
    hash_hmac_sha256(client_key, (struct bytes){salted, 32}, bytes_of_str("Client Key"));
    hash_sha256(stored_key, (struct bytes){client_key, 32});
    hash_hmac_sha256(signature, (struct bytes){stored_key, 32}, buf_view(&auth));
    for (size_t i = 0; i < 32; i++) {
        signature[i] ^= client_key[i];
    }
    buf_append_str(&final, ",p=");
    base64_encode(&final, (struct bytes){signature, 32});
    if (flip < final.len) {
        final.data[flip] ^= 1;
    }
    enum sasl_result result = sasl_respond(sasl, buf_view(&final), &out);
    if (result == SASL_CHALLENGE) {
        result = sasl_respond(sasl, bytes_of_str(""), &out);
    }
    sasl_free(&sasl);
    buf_clear(&server_first);
    buf_clear(&final);
    buf_clear(&auth);
    buf_clear(&out);
    return result;
}

static void scram_refuses_every_changed_byte_of_the_proof(void **state)
{
    (void)state;

    assert_int_equal(scram_exchange("secret", "secret", true, SIZE_MAX), SASL_DONE);
    assert_int_equal(scram_exchange("secret", "other", true, SIZE_MAX), SASL_FAILED);
    assert_int_equal(scram_exchange("secret", "secret", false, SIZE_MAX), SASL_FAILED);
    for (size_t flip = 0; flip < 80; flip++) {
        assert_int_not_equal(scram_exchange("secret", "secret", true, flip), SASL_DONE);
    }
}

static void broken_first_messages_are_bad(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "n",
                                       "n,,",
                                       "n,,n=a",
                                       "n,,r=abc",
                                       "p=x,,n=a,r=b",
                                       "n,,m=1,n=a,r=b",
                                       "n,,n=a=2,r=b",
                                       "n,,n=a,r=",
                                       "n,b=x,n=a,r=b",
                                       "x,,n=a,r=b",
                                       "n,a=z,n=a,r=b"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        struct sasl *sasl = sasl_new(bytes_of_str("SCRAM-SHA-256"));
        assert_int_equal(sasl_start(sasl, bytes_of_str(rows[i]), &out), SASL_BAD);
        sasl_free(&sasl);
        buf_clear(&out);
    }
}

static void an_unknown_user_has_the_same_salt_each_time(void **state)
{
    (void)state;
    struct sasl_credential first;
    struct sasl_credential second;
    struct sasl_credential other;

    sasl_decoy_credential(&first, "nobody");
    sasl_decoy_credential(&second, "nobody");
    sasl_decoy_credential(&other, "somebody");

    assert_memory_equal(first.salt, second.salt, SASL_SALT_BYTES);
    assert_memory_not_equal(first.salt, other.salt, SASL_SALT_BYTES);
    assert_int_equal(first.iterations, SASL_DEFAULT_ITERATIONS);
}

static void a_generated_password_works(void **state)
{
    (void)state;
    char password[SASL_GENERATED_PASSWORD_BYTES];
    char again[SASL_GENERATED_PASSWORD_BYTES];

    sasl_generate_password(password);
    sasl_generate_password(again);

    assert_int_equal(strlen(password), 26);
    assert_string_not_equal(password, again);
    struct sasl_credential credential = credential_of(password);
    assert_true(sasl_credential_check(&credential, bytes_of_str(password)));
    assert_false(sasl_credential_check(&credential, bytes_of_str(again)));
    assert_false(sasl_credential_check(&credential, bytes_of_str("")));
    assert_false(sasl_credential_make(&credential, bytes_of_str(""), SASL_MIN_ITERATIONS));
    assert_false(sasl_credential_make(&credential, bytes_of_str("x"), SASL_MIN_ITERATIONS - 1));
}

static void login_asks_for_user_and_password(void **state)
{
    (void)state;
    struct sasl_credential credential = credential_of("secret");
    struct buf out = {0};
    struct sasl *sasl = sasl_new(bytes_of_str("LOGIN"));

    assert_false(sasl_client_first(sasl));
    assert_int_equal(sasl_start(sasl, (struct bytes){0}, &out), SASL_CHALLENGE);
    assert_string_equal(buf_str(&out), "Username:");
    buf_reset(&out);
    assert_int_equal(sasl_respond(sasl, bytes_of_str("ann"), &out), SASL_CHALLENGE);
    assert_string_equal(buf_str(&out), "Password:");
    assert_int_equal(sasl_respond(sasl, bytes_of_str("secret"), &out), SASL_LOOKUP);
    assert_int_equal(sasl_credential_found(sasl, 3, &credential, &out), SASL_DONE);
    sasl_free(&sasl);
    buf_clear(&out);
    assert_null(sasl_new(bytes_of_str("CRAM-MD5")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_takes_the_right_password_alone),
        cmocka_unit_test(users_and_passwords_have_a_longest_length),
        cmocka_unit_test(scram_gives_the_example_of_the_rfc),
        cmocka_unit_test(scram_refuses_every_changed_byte_of_the_proof),
        cmocka_unit_test(broken_first_messages_are_bad),
        cmocka_unit_test(an_unknown_user_has_the_same_salt_each_time),
        cmocka_unit_test(a_generated_password_works),
        cmocka_unit_test(login_asks_for_user_and_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
