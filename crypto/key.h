// SPDX-License-Identifier: MIT
/* Keys on secp256k1. Parsed means valid.
 *
 * A struct private_key or public_key comes from one of the functions here and is then known to be
 * good: a scalar from 1 to n - 1, a point on the curve. No later code checks again. {0} is neither;
 * it is the state after a wipe, and before a function has filled the struct.
 *
 * Points are held in Bitmessage's wire form, X || Y without the 04 in front, so that they can be
 * compared, hashed and stored as they are.
 *
 * What touches a private key takes the same time and the same memory accesses whatever its value
 * is. */
#ifndef BITTERN_CRYPTO_KEY_H
#define BITTERN_CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
    PRIVATE_KEY_BYTES = 32,
    PUBLIC_KEY_BYTES = 64,
    RIPE_BYTES = 20,
    RIPE_HASH_INPUT_BYTES = 130
};

struct private_key {
    uint8_t scalar[PRIVATE_KEY_BYTES]; /* big-endian */
};

struct public_key {
    uint8_t point[PUBLIC_KEY_BYTES]; /* X || Y, each 32 bytes big-endian */
};

/* Both key pairs of an identity, and the hash that names them. */
struct identity_keys {
    struct private_key signing;
    struct private_key encryption;
    struct public_key signing_public;
    struct public_key encryption_public;
    uint8_t ripe[RIPE_BYTES];
};

/* Exactly 32 bytes, value 1 to n - 1. False otherwise, *out untouched. */
bool private_key_parse(struct private_key *out, struct bytes scalar) MUST_USE;
void private_key_random(struct private_key *out);
void private_key_wipe(struct private_key *key);
/* In constant time. */
bool private_key_equal(const struct private_key *a, const struct private_key *b) MUST_USE;

/* Exactly 64 bytes X || Y, a point on the curve. False otherwise, *out untouched. */
bool public_key_parse(struct public_key *out, struct bytes point) MUST_USE;
bool public_key_equal(const struct public_key *a, const struct public_key *b) MUST_USE;
void public_key_derive(struct public_key *out, const struct private_key *key);

/* RIPEMD160(SHA512(04 || signing || 04 || encryption)) (Bitmessage protocol, "Addresses"). */
void key_ripe(uint8_t out[RIPE_BYTES], const struct public_key *signing,
              const struct public_key *encryption);

/* Fill in the public keys and the ripe of two private keys. */
void identity_keys_derive(struct identity_keys *out, const struct private_key *signing,
                          const struct private_key *encryption);
void identity_keys_wipe(struct identity_keys *keys);

/* The scalar number `nonce` of a passphrase: SHA512(passphrase || var_int nonce)[0:32]. The
 * passphrase is taken byte for byte. False when the value is no valid scalar (1 case in 2^128). */
bool private_key_from_passphrase(struct private_key *out, struct bytes passphrase,
                                 uint64_t nonce) MUST_USE;

#endif
