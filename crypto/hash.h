// SPDX-License-Identifier: MIT
/* Digests and what is made of them, by OpenSSL.
 *
 * These functions cannot fail on any input: a library that lacks a digest is found at the first
 * call and ends the process. The digests are fetched once per process, since an implicit fetch
 * costs more than hashing a short text. All are safe to call from several threads.
 *
 * Time depends on the lengths alone, so secrets may be hashed. */
#ifndef BITTERN_CRYPTO_HASH_H
#define BITTERN_CRYPTO_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct fault;

enum {
    SHA1_BYTES = 20,
    RIPEMD160_BYTES = 20,
    SHA256_BYTES = 32,
    SHA512_BYTES = 64,
    INVENTORY_HASH_BYTES = 32,
    PBKDF2_MAX_ITERATIONS = 10000000,
    PBKDF2_MAX_INPUT_BYTES = 65536 /* of the password, and of the salt */
};

void hash_sha256(uint8_t out[SHA256_BYTES], struct bytes in);
void hash_sha512(uint8_t out[SHA512_BYTES], struct bytes in);
void hash_ripemd160(uint8_t out[RIPEMD160_BYTES], struct bytes in);
/* For signatures of old senders, nothing else. */
void hash_sha1(uint8_t out[SHA1_BYTES], struct bytes in);

/* SHA-512 of the SHA-512. */
void hash_double_sha512(uint8_t out[SHA512_BYTES], struct bytes in);
/* SHA-256 of the SHA-256. */
void hash_double_sha256(uint8_t out[SHA256_BYTES], struct bytes in);

/* The digest of the parts one after the other. */
void hash_sha256_parts(uint8_t out[SHA256_BYTES], const struct bytes *parts, size_t n_parts);
void hash_sha512_parts(uint8_t out[SHA512_BYTES], const struct bytes *parts, size_t n_parts);
void hash_double_sha512_parts(uint8_t out[SHA512_BYTES], const struct bytes *parts, size_t n_parts);

/* An object's name in the network: the first 32 bytes of the double SHA-512 of the whole object,
 * nonce included (Bitmessage protocol, "Inventory vectors"). */
void hash_inventory(uint8_t out[INVENTORY_HASH_BYTES], struct bytes object);

/* RFC 2104 with SHA-256. */
void hash_hmac_sha256(uint8_t out[SHA256_BYTES], struct bytes key, struct bytes in);
void hash_hmac_sha256_parts(uint8_t out[SHA256_BYTES], struct bytes key, const struct bytes *parts,
                            size_t n_parts);

/* RFC 8018 section 5.2 with HMAC-SHA-256: `out_len` bytes (1 to 64). False with a fault for 0
 * iterations or more than PBKDF2_MAX_ITERATIONS, for inputs above PBKDF2_MAX_INPUT_BYTES, for an
 * `out_len` out of range. Takes about a tenth of a second per 100,000 iterations: not for the loop.
 */
bool hash_pbkdf2_hmac_sha256(uint8_t *out, size_t out_len, struct bytes password, struct bytes salt,
                             uint64_t iterations, struct fault *fault) MUST_USE;

#endif
