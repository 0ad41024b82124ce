// SPDX-License-Identifier: MIT
/* SCRAM-SHA-256 keys from a password, and the check of a password against them (RFC 5802 section
 * 3):
 *
 *     SaltedPassword = PBKDF2(password, salt, iterations)
 *     StoredKey      = SHA-256(HMAC(SaltedPassword, "Client Key"))
 *     ServerKey      = HMAC(SaltedPassword, "Server Key")
 *
 * Passwords are taken as the bytes they are, without SASLprep: the generated ones are ASCII, where
 * it changes nothing, and clients differ in whether they do it. */
#include "mailproto/sasl/credential.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "mailproto/sasl/sasl.h"

static bool derive_keys(struct sasl_credential *credential, struct bytes password)
{
    uint8_t salted[SASL_KEY_BYTES];
    uint8_t client_key[SASL_KEY_BYTES];
    struct bytes salted_view = {salted, sizeof(salted)};
    bool ok = hash_pbkdf2_hmac_sha256(salted, sizeof(salted), password,
                                      (struct bytes){credential->salt, sizeof(credential->salt)},
                                      credential->iterations, NULL);
    if (ok) {
        hash_hmac_sha256(client_key, salted_view, bytes_of_str("Client Key"));
        hash_sha256(credential->stored_key, (struct bytes){client_key, sizeof(client_key)});
        hash_hmac_sha256(credential->server_key, salted_view, bytes_of_str("Server Key"));
    }
    mem_wipe(salted, sizeof(salted));
    mem_wipe(client_key, sizeof(client_key));
    return ok;
}

bool sasl_credential_make(struct sasl_credential *out, struct bytes password, uint32_t iterations)
{
    struct sasl_credential made = {.iterations = iterations};
    if (password.len == 0 || password.len > SASL_MAX_PASSWORD_BYTES ||
        iterations < SASL_MIN_ITERATIONS || iterations > SASL_MAX_ITERATIONS) {
        return false;
    }
    random_bytes(made.salt, sizeof(made.salt));
    bool ok = derive_keys(&made, password);
    if (ok) {
        *out = made;
    }
    sasl_credential_wipe(&made);
    return ok;
}

bool sasl_credential_check(const struct sasl_credential *credential, struct bytes password)
{
    struct sasl_credential tried = {.iterations = credential->iterations};
    memcpy(tried.salt, credential->salt, sizeof(tried.salt));
    bool right = password.len > 0 && derive_keys(&tried, password) &&
                 mem_equal_ct(tried.stored_key, credential->stored_key, SASL_KEY_BYTES);
    sasl_credential_wipe(&tried);
    return right;
}

void sasl_credential_wipe(struct sasl_credential *credential)
{
    mem_wipe(credential, sizeof(*credential));
}

void sasl_generate_password(char out[SASL_GENERATED_PASSWORD_BYTES])
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint8_t random[SASL_GENERATED_PASSWORD_BYTES - 1];
    random_bytes(random, sizeof(random)); /* 26 times 5 bits: 130 */
    for (size_t i = 0; i < sizeof(random); i++) {
        out[i] = alphabet[random[i] & 31];
    }
    out[SASL_GENERATED_PASSWORD_BYTES - 1] = '\0';
    mem_wipe(random, sizeof(random));
}
