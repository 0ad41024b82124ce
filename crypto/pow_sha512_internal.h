// SPDX-License-Identifier: MIT
/* SHA-512's constants (FIPS 180-4, sections 4.2.3 and 5.3.5), for the kernels that do its rounds
 * themselves, and the plain-number part of their work. */
#ifndef BITTERN_CRYPTO_POW_SHA512_INTERNAL_H
#define BITTERN_CRYPTO_POW_SHA512_INTERNAL_H

#include <stdint.h>

enum { SHA512_ROUNDS = 80, SHA512_BLOCK_WORDS = 16, SHA512_STATE_WORDS = 8 };

/* The bit that follows every text. */
#define SHA512_END_MARK (UINT64_C(1) << 63)

extern const uint64_t sha512_constants[SHA512_ROUNDS];
extern const uint64_t sha512_start[SHA512_STATE_WORDS];

/* What is known of the first 32 words of a block's schedule before the unknown ones are: for word
 * i, the sum of those of its terms that hang on known words alone. A word is known when all its
 * terms are. */
struct sha512_known {
    uint64_t word[2 * SHA512_BLOCK_WORDS];
};

/* `unknown` has bit i set when block[i] is not known (its value is not looked at). */
void sha512_find_known(struct sha512_known *out, const uint64_t block[SHA512_BLOCK_WORDS],
                       uint32_t unknown);

/* Both blocks of a trial, and round 0 of the first. */
struct pow_plan {
    struct sha512_known first;
    struct sha512_known second;
    uint64_t
        first_kw[SHA512_BLOCK_WORDS]; /* a round's constant plus its word where that is known */
    uint64_t second_kw[SHA512_BLOCK_WORDS];
    uint64_t
        round_0_a; /* what round 0 makes of a and e, but for the nonce, which is added to both */
    uint64_t round_0_e;
};

void pow_plan_make(struct pow_plan *out, const uint8_t initial_hash[64]);

#endif
