// SPDX-License-Identifier: MIT
/* What a passphrase has to do with a private key: nothing but cryptography, no database, no loop.
 *
 *     passphrase --argon2id(salt, cost)--> a key --XChaCha20-Poly1305--> the box's secret half
 *     private key --sealed box (X25519, XSalsa20-Poly1305)--> opened by the secret half alone
 *
 * Sealing takes the box's public half, so keys that are made while a box is closed are sealed, too.
 * Another passphrase wraps the same secret half anew: what was sealed stays as it is.
 *
 * That a sealed key is its identity's own is not part of the seal: an opened key must lead to its
 * public half, and both public halves to the address (keyring.h).
 *
 * libsodium stands behind it (docs/dependencies.md). */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_LOCK_BOX_H
#define BITTERN_GATEWAY_AGENT_KEYS_LOCK_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/key.h"

enum {
    LOCK_MAX_PASSPHRASE_BYTES = 1024,
    LOCK_PUBLIC_BYTES = 32,
    LOCK_SALT_BYTES = 16,
    LOCK_WRAPPED_BYTES = 24 + 32 + 16, /* nonce, secret half, tag */
    LOCK_SEALED_BYTES = PRIVATE_KEY_BYTES + 48
};

/* What a passphrase costs to try. It is kept with the box, where a stranger may have written it:
 * what lies outside the bounds is refused before any memory is asked for. */
struct lock_cost {
    uint32_t passes;
    uint32_t memory_kib;
};
enum {
    LOCK_PASSES = 3,
    LOCK_LEAST_MEMORY_KIB = 8 * 1024,
    LOCK_MOST_MEMORY_KIB = 512 * 1024,
    LOCK_MOST_PASSES = 8
};

struct lock_box {
    uint8_t public_key[LOCK_PUBLIC_BYTES];
    uint8_t salt[LOCK_SALT_BYTES];
    struct lock_cost cost;
    uint8_t wrapped[LOCK_WRAPPED_BYTES];
};

/* The secret half: counted, never changed, in guarded memory that is kept out of swap as far as the
 * limits of the system go, and wiped with its last reference. References are taken and dropped in
 * the loop; a worker may use one that its job holds. */
struct lock_secret;

/* A new box with its secret half. Takes as long as the cost says. FAULT_INVALID (an empty
 * passphrase), FAULT_LIMIT (a passphrase too long, no memory). */
struct lock_secret *lock_box_new(struct lock_box *out, struct bytes passphrase,
                                 struct lock_cost cost, struct fault *fault) MUST_USE;
/* The same secret half under another passphrase. Likewise. */
bool lock_box_wrap(struct lock_box *out, const struct lock_secret *secret, struct bytes passphrase,
                   struct lock_cost cost, struct fault *fault) MUST_USE;
/* FAULT_DENIED: not its passphrase, or the box was changed; FAULT_CORRUPT: a cost out of bounds. */
struct lock_secret *lock_box_open(const struct lock_box *box, struct bytes passphrase,
                                  struct fault *fault) MUST_USE;

struct lock_secret *lock_secret_ref(struct lock_secret *secret) MUST_USE;
void lock_secret_unref(struct lock_secret **secret);

/* Seal a key to a box. False: that is no box's public half. */
bool lock_seal(uint8_t out[LOCK_SEALED_BYTES], const uint8_t public_key[LOCK_PUBLIC_BYTES],
               const struct private_key *key) MUST_USE;
/* False: it is not sealed to this box, was changed, or holds no key. *out is untouched then. */
bool lock_unseal(struct private_key *out, const struct lock_secret *secret,
                 struct bytes sealed) MUST_USE;

#endif
