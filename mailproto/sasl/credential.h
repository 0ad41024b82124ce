// SPDX-License-Identifier: MIT
/* What is kept of a password: SCRAM-SHA-256 keys (RFC 5802 section 3, RFC 7677). The password can't
 * be had back from them; whoever has them can test guesses, so they are as secret as the mails. */
#ifndef BITTERN_MAILPROTO_SASL_CREDENTIAL_H
#define BITTERN_MAILPROTO_SASL_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
    SASL_KEY_BYTES = 32,
    SASL_SALT_BYTES = 16,
    SASL_MIN_ITERATIONS = 4096,
    SASL_MAX_ITERATIONS = 1000000,
    SASL_DEFAULT_ITERATIONS =
        4096 /* generated passwords have 128 bits: more would only cost time */
};

struct sasl_credential {
    uint8_t salt[SASL_SALT_BYTES];
    uint32_t iterations;
    uint8_t stored_key[SASL_KEY_BYTES];
    uint8_t server_key[SASL_KEY_BYTES];
};

/* From a password (1 to SASL_MAX_PASSWORD_BYTES bytes of UTF-8, taken as they are) and a fresh
 * random salt. False when it is empty or too long. */
bool sasl_credential_make(struct sasl_credential *out, struct bytes password,
                          uint32_t iterations) MUST_USE;
/* Does the password belong to it? In constant time for a given length of password. */
bool sasl_credential_check(const struct sasl_credential *credential,
                           struct bytes password) MUST_USE;
void sasl_credential_wipe(struct sasl_credential *credential);

/* A new password for a person to type or paste: 128 bits as 26 letters and digits (base 32, lower
 * case, without i, l, o and u), NUL-terminated. */
enum { SASL_GENERATED_PASSWORD_BYTES = 27 };
void sasl_generate_password(char out[SASL_GENERATED_PASSWORD_BYTES]);

#endif
