// SPDX-License-Identifier: MIT
/* One trial after the other, by OpenSSL's own inner function on blocks prepared once: what its
 * assembly does on this processor is faster than any C for a single lane. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the low-level calls: what replaces them costs as much again \
                                     */
#include "crypto/pow_kernels_internal.h"

#include "base/bytes.h"

#include <openssl/sha.h>
#include <string.h>

enum { BLOCK_BYTES = 128, LENGTH_AT = BLOCK_BYTES - 8, END_MARK = 0x80 };

/* A block with `len` bytes of text still to come at its front. */
static void prepare(uint8_t block[BLOCK_BYTES], size_t len)
{
    memset(block, 0, BLOCK_BYTES);
    block[len] = END_MARK;
    store_be64(block + LENGTH_AT, 8 * (uint64_t)len);
}

bool pow_portable_search(uint64_t *out_nonce, const struct pow_slice *slice)
{
    uint8_t first[BLOCK_BYTES];
    uint8_t second[BLOCK_BYTES];
    SHA512_CTX start;
    prepare(first, POW_NONCE_BYTES + POW_INITIAL_HASH_BYTES);
    prepare(second, POW_INITIAL_HASH_BYTES);
    memcpy(first + POW_NONCE_BYTES, slice->initial_hash, POW_INITIAL_HASH_BYTES);
    SHA512_Init(&start);

    for (uint64_t done = 0; done < slice->n_trials; done++) {
        SHA512_CTX digest = start;
        store_be64(first, slice->first_nonce + done);
        SHA512_Transform(&digest, first);
        for (size_t i = 0; i < 8; i++) {
            store_be64(second + 8 * i, digest.h[i]);
        }
        memcpy(digest.h, start.h, sizeof digest.h);
        SHA512_Transform(&digest, second);
        if (digest.h[0] <= slice->target) {
            *out_nonce = slice->first_nonce + done;
            return true;
        }
    }
    return false;
}
