// SPDX-License-Identifier: MIT
/* Eight trials side by side in AVX-512: rotations and any logic of three inputs are one
 * instruction. */
#include "crypto/pow_kernels_internal.h"

#include <immintrin.h>

#define LANES 8
#define VEC __m512i
#define ZERO _mm512_setzero_si512()
#define SET1(x) _mm512_set1_epi64((long long)(x))
#define LOAD(p) _mm512_load_si512(p)
#define STORE(p, v) _mm512_store_si512(p, v)
#define ADD(a, b) _mm512_add_epi64(a, b)
#define ROR(a, n) _mm512_ror_epi64(a, n)
#define SHR(a, n) _mm512_srli_epi64(a, n)
/* The last operand is the truth table, read with a, b, c as the bits 4, 2, 1 of its index. */
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define CH(e, f, g) _mm512_ternarylogic_epi64(e, f, g, 0xca)
#define MAJ(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xe8)
#define ANY_UP_TO(v, w) _mm512_cmple_epu64_mask(v, w)

#include "crypto/pow_lanes_internal.h"

bool pow_avx512_search(uint64_t *out_nonce, const struct pow_slice *slice)
{
    return lanes_search(out_nonce, slice);
}

void pow_avx512_double(uint64_t *out, const uint64_t *words)
{
    lanes_double(out, words);
}
