// SPDX-License-Identifier: MIT
/* The kernels' functions; see struct pow_kernel for the contract. Which of them a build has
 * is decided in crypto/CMakeLists.txt. */
#ifndef BITTERN_CRYPTO_POW_KERNELS_INTERNAL_H
#define BITTERN_CRYPTO_POW_KERNELS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/pow_kernel.h"

void pow_portable_double(uint64_t *out, const uint64_t *words);
void pow_avx2_double(uint64_t *out, const uint64_t *words);
void pow_avx512_double(uint64_t *out, const uint64_t *words);
void pow_neon_double(uint64_t *out, const uint64_t *words);

bool pow_portable_search(uint64_t *out_nonce, const struct pow_slice *slice);
bool pow_avx2_search(uint64_t *out_nonce, const struct pow_slice *slice);
bool pow_avx512_search(uint64_t *out_nonce, const struct pow_slice *slice);
bool pow_neon_search(uint64_t *out_nonce, const struct pow_slice *slice);

#endif
