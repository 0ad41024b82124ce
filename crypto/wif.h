// SPDX-License-Identifier: MIT
/* Private keys as text, in the "wallet import format": base58(80 || scalar || checksum). */
#ifndef BITTERN_CRYPTO_WIF_H
#define BITTERN_CRYPTO_WIF_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/key.h"

enum { WIF_TEXT_BYTES = 52 }; /* with the NUL */

enum wif_status {
    WIF_OK,
    WIF_BAD_CHARACTERS, /* not base 58, or too long */
    WIF_BAD_CHECKSUM,
    WIF_BAD_PREFIX, /* another network's key */
    WIF_BAD_LENGTH, /* not 32 bytes: Bitcoin's compressed form among others */
    WIF_BAD_KEY     /* the scalar is 0 or not below n */
};

/* Wipe the text after use. */
void wif_encode(char out[WIF_TEXT_BYTES], const struct private_key *key);
/* WIF_OK fills *out; anything else leaves it untouched. */
enum wif_status wif_decode(struct private_key *out, struct bytes text) MUST_USE;
/* A few words for a person, without the text. Static storage. */
const char *wif_status_text(enum wif_status status) MUST_USE;

#endif
