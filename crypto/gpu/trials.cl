// SPDX-License-Identifier: MIT
/* The proof of work's inner loop on an OpenCL device: a trial a work item.
 *
 * In front of this text gpu_device.c writes SHA-512's tables, sha512_constants and sha512_start.
 * What the operations mean is said in pow_trial_internal.h; here a vector is one number, and the
 * device has its own way to do many side by side. */
typedef ulong uint64_t;

#include "crypto/pow_plan_internal.h"

#define CONSTANT __constant
#define FORGET(pointer)
#define VEC ulong
#define SET1(x) (x)
#define ZERO 0UL
#define ADD(a, b) ((a) + (b))
#define XOR3(a, b, c) ((a) ^ (b) ^ (c))
#define ROR(a, n) rotate(a, 64UL - (n))
#define SHR(a, n) ((a) >> (n))
#define CH(e, f, g) bitselect(g, f, e)
#define MAJ(a, b, c) bitselect(a, b, (a) ^ (c))

#include "crypto/pow_trial_internal.h"

/* Work item i tries first_nonce + i; those beyond n_trials only fill up a work group. The lowest i
 * that meets the target is left in *best, which is 2^32 - 1 before. */
__kernel void bittern_trials(__constant struct pow_plan *plan, ulong first_nonce, ulong target,
                             uint n_trials, __global volatile uint *best)
{
    uint i = (uint)get_global_id(0);
    ulong value = lanes_trial(plan, first_nonce + i);
    if (i < n_trials && value <= target) {
        atomic_min(best, i);
    }
}
