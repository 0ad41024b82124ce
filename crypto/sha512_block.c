// SPDX-License-Identifier: MIT
#define OPENSSL_SUPPRESS_DEPRECATED /* the low-level calls: what replaces them costs as much again \
                                     */
#include "crypto/sha512_block_internal.h"

#include "base/bytes.h"

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

enum { LENGTH_AT = SHA512_BLOCK_BYTES - 8, END_MARK = 0x80, DIGEST_BYTES = 64 };

void sha512_block_prepare(uint8_t out[SHA512_BLOCK_BYTES], size_t text_len)
{
    assert(text_len <= SHA512_BLOCK_MAX_TEXT);
    memset(out, 0, SHA512_BLOCK_BYTES);
    out[text_len] = END_MARK;
    store_be64(out + LENGTH_AT, 8 * (uint64_t)text_len);
}

uint64_t sha512_block_double(const uint8_t block[SHA512_BLOCK_BYTES])
{
    uint8_t second[SHA512_BLOCK_BYTES];
    SHA512_CTX digest;

    SHA512_Init(&digest);
    SHA512_Transform(&digest, block);
    sha512_block_prepare(second, DIGEST_BYTES);
    for (size_t i = 0; i < DIGEST_BYTES / 8; i++) {
        store_be64(second + 8 * i, digest.h[i]);
    }
    SHA512_Init(&digest);
    SHA512_Transform(&digest, second);
    return digest.h[0];
}
