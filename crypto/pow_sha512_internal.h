// SPDX-License-Identifier: MIT
/* SHA-512's constants (FIPS 180-4, sections 4.2.3 and 5.3.5), for the kernels that do its rounds
 * themselves, and the plain-number part of their work. */
#ifndef BITTERN_CRYPTO_POW_SHA512_INTERNAL_H
#define BITTERN_CRYPTO_POW_SHA512_INTERNAL_H

#include <stdint.h>

#include "crypto/pow_plan_internal.h"

/* The bit that follows every text. */
#define SHA512_END_MARK (UINT64_C(1) << 63)

extern const uint64_t sha512_constants[SHA512_ROUNDS];
extern const uint64_t sha512_start[SHA512_STATE_WORDS];

/* `unknown` has bit i set when block[i] is not known (its value is not looked at). */
void sha512_find_known(struct sha512_known *out, const uint64_t block[SHA512_BLOCK_WORDS],
                       uint32_t unknown);

void pow_plan_make(struct pow_plan *out, const uint8_t initial_hash[64]);

#endif
