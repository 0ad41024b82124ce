// SPDX-License-Identifier: MIT
/* What is known of a trial before its nonce is. Plain words alone, so that the same text, and the
 * same bytes, serve C and OpenCL C; who includes it has uint64_t already. */
#ifndef BITTERN_CRYPTO_POW_PLAN_INTERNAL_H
#define BITTERN_CRYPTO_POW_PLAN_INTERNAL_H

enum { SHA512_ROUNDS = 80, SHA512_BLOCK_WORDS = 16, SHA512_STATE_WORDS = 8 };

/* What is known of the first 32 words of a block's schedule before the unknown ones are: for word
 * i, the sum of those of its terms that hang on known words alone. A word is known when all its
 * terms are. */
struct sha512_known {
    uint64_t word[2 * SHA512_BLOCK_WORDS];
};

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

#endif
