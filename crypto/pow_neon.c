// SPDX-License-Identifier: MIT
/* Two trials side by side in NEON, which every 64-bit ARM processor has. */
#include "crypto/pow_kernels_internal.h"

#include <arm_neon.h>

#define LANES 2
#define VEC uint64x2_t
#define ZERO vdupq_n_u64(0)
#define SET1(x) vdupq_n_u64(x)
#define LOAD(p) vld1q_u64(p)
#define STORE(p, v) vst1q_u64(p, v)
#define ADD(a, b) vaddq_u64(a, b)
#define SHR(a, n) vshrq_n_u64(a, n)
/* Shift right, and insert what a shift left left over. */
#define ROR(a, n) vsriq_n_u64(vshlq_n_u64(a, 64 - (n)), a, n)
#define XOR3(a, b, c) veorq_u64(veorq_u64(a, b), c)
#define CH(e, f, g) vbslq_u64(e, f, g)
#define MAJ(a, b, c) vbslq_u64(veorq_u64(a, b), c, a)
#define ANY_UP_TO(v, w) (vmaxvq_u32(vreinterpretq_u32_u64(vcleq_u64(v, w))) != 0)

#include "crypto/pow_lanes_internal.h"

bool pow_neon_search(uint64_t *out_nonce, const struct pow_slice *slice)
{
    return lanes_search(out_nonce, slice);
}

void pow_neon_double(uint64_t *out, const uint64_t *words)
{
    lanes_double(out, words);
}
