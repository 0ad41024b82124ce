// SPDX-License-Identifier: MIT
/* ECDSA on secp256k1, in the forms that Bitmessage's peers exchange.
 *
 * We sign the SHA-256 with low S and a deterministic nonce (RFC 6979). We accept signatures of
 * SHA-1 or SHA-256, with low or high S, since both occur: peers' OpenSSL makes high S every other
 * time. DER is strict (X.690 section 10), as it is at the peers: no long-form length, no
 * superfluous zero, no trailing byte. */
#ifndef BITTERN_CRYPTO_SIGN_H
#define BITTERN_CRYPTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/key.h"

enum { SIGNATURE_MAX_BYTES = 72, SIGHASH_BYTES = 32 };

/* A DER signature: `len` bytes of `der`. */
struct signature {
    uint8_t der[SIGNATURE_MAX_BYTES];
    size_t len;
};

enum sign_digest { SIGN_SHA256, SIGN_SHA1 };

struct bytes signature_view(const struct signature *signature) MUST_USE;

/* Low S, the same answer for the same input. SIGN_SHA1 is for a peer known to be older than
 * PyBitmessage 0.6. */
void sign_message(struct signature *out, const struct private_key *key, enum sign_digest digest,
                  struct bytes message);
/* True when `der` is a strict DER signature by `key` of the message's SHA-256 or SHA-1. */
bool sign_verify(const struct public_key *key, struct bytes message, struct bytes der) MUST_USE;

/* The same signature with low S: a stranger can turn a valid one into another by negating S, and
 * both become one here. False (*out untouched) when `der` is not strict, or r or s is 0 or not
 * below n. */
bool sign_normalise(struct signature *out, struct bytes der) MUST_USE;
/* What tells a message that was received twice (protocol, "sighash"): bytes 32 to 63 of the double
 * SHA-512 of the normalised signature, so that the negated twin counts as the same. False as
 * sign_normalise. */
bool sign_hash(uint8_t out[SIGHASH_BYTES], struct bytes der) MUST_USE;
/* The same of the signature as it was sent, as PyBitmessage stores it. */
void sign_hash_as_sent(uint8_t out[SIGHASH_BYTES], struct bytes der);

#endif
