// SPDX-License-Identifier: MIT
/* Encryption to a public key: ECIES in Bitmessage's layout.
 *
 *     IV 16 | 02 CA | length of X | X | length of Y | Y | AES-256-CBC, PKCS#7 | HMAC-SHA-256
 *
 * X, Y is the sender's ephemeral point R. The secret is the x coordinate of r * K = k * R, always
 * as 32 bytes; its SHA-512 gives the key of the cipher and the key of the MAC, which covers all
 * that stands before it.
 *
 * Coordinates may be shorter than 32 bytes: old senders strip leading zeros.
 *
 * Every failure is one and the same answer, whether the key is another, the MAC wrong, the padding
 * bad or the layout broken. */
#ifndef BITTERN_CRYPTO_ECIES_H
#define BITTERN_CRYPTO_ECIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/key.h"

enum {
    ECIES_IV_BYTES = 16,
    ECIES_HEADER_BYTES = 86, /* IV, curve, both coordinates at full length */
    ECIES_MAC_BYTES = 32,
    ECIES_BLOCK_BYTES = 16
};

/* Length of the encryption of `plaintext_len` bytes as we send it. */
size_t ecies_encrypted_len(size_t plaintext_len) MUST_USE;

/* Append the encryption of `plaintext` to `out`, with a fresh ephemeral key and IV. False, and
 * `out` as it was, only when its cap is too small. */
bool ecies_encrypt(struct buf *out, const struct public_key *to, struct bytes plaintext) MUST_USE;
/* With a given ephemeral key and IV: for known answers. To use a pair twice gives the plaintext
 * away. */
bool ecies_encrypt_with(struct buf *out, const struct public_key *to, struct bytes plaintext,
                        const struct private_key *ephemeral,
                        const uint8_t iv[ECIES_IV_BYTES]) MUST_USE;

/* An encrypted message whose layout was found good, and its point on the curve. Borrows from the
 * bytes it was parsed from. To be tried with any number of keys, from several threads at once. */
struct ecies_message {
    struct public_key ephemeral;
    struct bytes iv;
    struct bytes ciphertext; /* one block or more */
    struct bytes signed_part;
    struct bytes mac;
};

/* False for a layout that no key can decrypt. */
bool ecies_parse(struct ecies_message *out, struct bytes encrypted) MUST_USE;

/* Append the plaintext to `out` and return true when `key` is the right one; else leave `out`
 * alone. `out` should have no cap below the message's length. Wipe the plaintext with
 * buf_clear_secret. */
bool ecies_open(struct buf *out, const struct private_key *key,
                const struct ecies_message *message) MUST_USE;
/* ecies_parse and ecies_open in one. */
bool ecies_decrypt(struct buf *out, const struct private_key *key, struct bytes encrypted) MUST_USE;

/* Returned by ecies_try_keys when no key fits. */
#define ECIES_NO_KEY SIZE_MAX

/* Try one message with many keys, all of them, in a random order, without stopping at the right
 * one: how long it takes does not tell which key it was. Returns the index of a key that decrypts
 * it and appends the plaintext to `out`, or ECIES_NO_KEY. About 42 us for each key, whatever the
 * message's length. */
size_t ecies_try_keys(struct buf *out, const struct private_key *const *keys, size_t n_keys,
                      const struct ecies_message *message) MUST_USE;

#endif
