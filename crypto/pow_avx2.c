// SPDX-License-Identifier: MIT
/* Four trials side by side in AVX2. */
#include "crypto/pow_kernels_internal.h"

#include <immintrin.h>

#define LANES 4
#define VEC __m256i
#define ZERO _mm256_setzero_si256()
#define SET1(x) _mm256_set1_epi64x((long long)(x))
#define LOAD(p) _mm256_load_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_store_si256((__m256i *)(p), v)
#define ADD(a, b) _mm256_add_epi64(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define SHR(a, n) _mm256_srli_epi64(a, n)
#define XOR3(a, b, c) XOR(XOR(a, b), c)
#define CH(e, f, g) XOR(g, _mm256_and_si256(e, XOR(f, g)))
/* One round's b ^ c is the a ^ b of the round before, which the compiler has at hand: three
 * operations instead of four. */
#define MAJ(a, b, c) XOR(b, _mm256_and_si256(XOR(a, b), XOR(b, c)))
/* There is no unsigned comparison; with the top bit flipped a signed one does it. */
#define FLIP(v) XOR(v, SET1(INT64_MIN))
#define ANY_UP_TO(v, w) (_mm256_movemask_epi8(_mm256_cmpgt_epi64(FLIP(v), FLIP(w))) != -1)

/* A rotation by a whole byte is one shuffle, any other two shifts. */
static inline __m256i rotate_byte(__m256i v)
{
    return _mm256_shuffle_epi8(v, _mm256_setr_epi8(1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14,
                                                   15, 8, 1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13,
                                                   14, 15, 8));
}

#define ROTATE(a, n) _mm256_or_si256(SHR(a, n), _mm256_slli_epi64(a, 64 - (n)))
#define ROR(a, n) ((n) == 8 ? rotate_byte(a) : ROTATE(a, n))

#include "crypto/pow_lanes_internal.h"

bool pow_avx2_search(uint64_t *out_nonce, const struct pow_slice *slice)
{
    return lanes_search(out_nonce, slice);
}

void pow_avx2_double(uint64_t *out, const uint64_t *words)
{
    lanes_double(out, words);
}
