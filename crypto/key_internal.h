// SPDX-License-Identifier: MIT
/* Between our keys and libsecp256k1's. */
#ifndef BITTERN_CRYPTO_KEY_INTERNAL_H
#define BITTERN_CRYPTO_KEY_INTERNAL_H

#include <stdbool.h>
#include <secp256k1.h>

#include "base/compiler.h"
#include "crypto/key.h"

/* X || Y into the library's form. False when it is not on the curve. */
bool public_key_load(secp256k1_pubkey *out, const uint8_t point[PUBLIC_KEY_BYTES]) MUST_USE;
void public_key_store(struct public_key *out, const secp256k1_pubkey *key);

/* The shared secret's SHA-512: the key of ECIES's cipher, then that of its MAC. In constant time.
 */
enum { ECIES_KEYS_BYTES = 64 };
void ecies_derive_keys(uint8_t out[ECIES_KEYS_BYTES], const struct private_key *key,
                       const secp256k1_pubkey *point);

#endif
