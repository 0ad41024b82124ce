// SPDX-License-Identifier: MIT
/* One trial after the other: for processors without wide vectors. */
#include "crypto/pow_kernels_internal.h"

#include "base/bytes.h"
#include "crypto/sha512_block_internal.h"

#include <string.h>

bool pow_portable_search(uint64_t *out_nonce, const struct pow_slice *slice)
{
    uint8_t block[SHA512_BLOCK_BYTES];
    sha512_block_prepare(block, POW_NONCE_BYTES + POW_INITIAL_HASH_BYTES);
    memcpy(block + POW_NONCE_BYTES, slice->initial_hash, POW_INITIAL_HASH_BYTES);

    for (uint64_t done = 0; done < slice->n_trials; done++) {
        store_be64(block, slice->first_nonce + done);
        if (sha512_block_double(block) <= slice->target) {
            *out_nonce = slice->first_nonce + done;
            return true;
        }
    }
    return false;
}

void pow_portable_double(uint64_t *out, const uint64_t *words)
{
    uint8_t block[SHA512_BLOCK_BYTES];
    for (size_t i = 0; i < POW_BLOCK_WORDS; i++) {
        store_be64(block + 8 * i, words[i]);
    }
    *out = sha512_block_double(block);
}
