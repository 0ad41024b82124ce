// SPDX-License-Identifier: MIT
/* The proof of work's inner loop over a processor's vectors: a template.
 *
 * A kernel defines the operations of pow_trial_internal.h for its instruction set, and besides
 *
 *     LANES                 how many 64-bit numbers a vector holds
 *     LOAD(p), STORE(p, v)  LANES numbers from and to an aligned array
 *     ANY_UP_TO(v, w)       an int, not 0 when some lane of v is not above that of w (unsigned)
 *
 * includes this file once, and has lanes_search and lanes_double. */
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/pow_kernel.h"
#include "crypto/pow_sha512_internal.h"

#define CONSTANT

/* Keeps the compiler from reading what lies behind the pointer ahead of the loop over nonces: it
 * would broadcast some 200 constants into vectors and spill them to the stack, where each takes
 * LANES times the room. */
#define FORGET(pointer) __asm__ volatile("" : "+r"(pointer))

#include "crypto/pow_trial_internal.h"

/* One block from the start, of which nothing is known beforehand: w[0..15] in, the digest in
 * w[0..7] out. */
static void lanes_block(VEC w[SHA512_BLOCK_WORDS])
{
    const uint64_t *k = sha512_constants;
    const uint64_t *start = sha512_start;
    FORGET(k);
    FORGET(start);

    VEC a = SET1(start[0]);
    VEC b = SET1(start[1]);
    VEC c = SET1(start[2]);
    VEC d = SET1(start[3]);
    VEC e = SET1(start[4]);
    VEC f = SET1(start[5]);
    VEC g = SET1(start[6]);
    VEC h = SET1(start[7]);
    ROUNDS_16(KW_PLAIN);
    for (const uint64_t *later = k + 16; later != k + SHA512_ROUNDS; later += 16) {
        ROUNDS_16(KW_LATER);
    }
    w[0] = ADD(a, SET1(start[0]));
    w[1] = ADD(b, SET1(start[1]));
    w[2] = ADD(c, SET1(start[2]));
    w[3] = ADD(d, SET1(start[3]));
    w[4] = ADD(e, SET1(start[4]));
    w[5] = ADD(f, SET1(start[5]));
    w[6] = ADD(g, SET1(start[6]));
    w[7] = ADD(h, SET1(start[7]));
}

/* See struct pow_kernel, double_digests. */
static void lanes_double(uint64_t *out, const uint64_t *words)
{
    VEC w[SHA512_BLOCK_WORDS];
    for (unsigned i = 0; i < SHA512_BLOCK_WORDS; i++) {
        w[i] = LOAD(words + i * LANES);
    }
    lanes_block(w);
    w[8] = SET1(SHA512_END_MARK);
    for (unsigned i = 9; i < SHA512_BLOCK_WORDS - 1; i++) {
        w[i] = ZERO;
    }
    w[15] = SET1(UINT64_C(8) * POW_INITIAL_HASH_BYTES);
    lanes_block(w);
    STORE(out, w[0]);
}

static bool lanes_search(uint64_t *out_nonce, const struct pow_slice *slice)
{
    alignas(64) uint64_t lane[LANES];
    struct pow_plan plan;
    pow_plan_make(&plan, slice->initial_hash);
    for (unsigned i = 0; i < LANES; i++) {
        lane[i] = slice->first_nonce + i;
    }

    VEC nonce = LOAD(lane);
    VEC target = SET1(slice->target);
    for (uint64_t done = 0; done < slice->n_trials; done += LANES) {
        VEC value = lanes_trial(&plan, nonce);
        if (ANY_UP_TO(value, target)) {
            STORE(lane, value);
            unsigned first = 0;
            while (lane[first] > slice->target) {
                first++;
            }
            *out_nonce = slice->first_nonce + done + first;
            return true;
        }
        nonce = ADD(nonce, SET1((uint64_t)LANES));
    }
    return false;
}
