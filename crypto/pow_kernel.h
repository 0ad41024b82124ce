// SPDX-License-Identifier: MIT
/* The inner loops of the proof of work: one per instruction set, one contract.
 *
 * A kernel is a pure function over a slice of nonces. Which kernels this build has is a table;
 * which of them the processor and the system can run is asked at run time, and each must first
 * reproduce OpenSSL's answers (self-test). */
#ifndef BITTERN_CRYPTO_POW_KERNEL_H
#define BITTERN_CRYPTO_POW_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "crypto/pow.h"

struct pow_slice {
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
    uint64_t target;
    uint64_t first_nonce; /* nonces go on after 2^64 - 1 with 0 */
    uint64_t n_trials;    /* rounded up to a multiple of the kernel's lanes */
};

struct pow_kernel {
    const char *name; /* "avx512", "avx2", "neon", "portable" */
    unsigned lanes;   /* trials done side by side; <= POW_MAX_LANES */
    bool (*is_supported)(void);
    /* True and the lowest nonce of the slice that meets the target (low counts from first_nonce
     * on); false when there is none. Pure: no state, no allocation; any thread. */
    bool (*search)(uint64_t *out_nonce, const struct pow_slice *slice);
    /* The first word of the double SHA-512 of a text in each lane. A text fits one block and stands
     * in it as SHA-512 has it, end mark and length included; word i (0 to 15) of lane j is words[i
     * * lanes + j]. Both arrays are aligned to POW_WORDS_ALIGN. */
    void (*double_digests)(uint64_t *out, const uint64_t *words);
};

enum { POW_MAX_LANES = 16, POW_BLOCK_WORDS = 16, POW_WORDS_ALIGN = 64 };

/* The kernels of this build, fastest first; the last is portable and always supported. NULL past
 * the end. */
const struct pow_kernel *pow_kernel_at(size_t index) MUST_USE;
/* NULL when this build has none of that name. */
const struct pow_kernel *pow_kernel_by_name(const char *name) MUST_USE;
/* The fastest one that is supported and passes its self-test. The test takes some 1 ms: ask once at
 * start. Failures of a self-test are logged as an error. */
const struct pow_kernel *pow_kernel_best(void) MUST_USE;
/* Compares the kernel with OpenSSL over a few hundred nonces, at each lane and across the wrap at
 * 2^64. */
bool pow_kernel_self_test(const struct pow_kernel *kernel) MUST_USE;

/* Whatever else searches slices, a graphics processor say. */
struct pow_searcher {
    /* As the kernel's. */
    bool (*search)(void *context, uint64_t *out_nonce, const struct pow_slice *slice);
    void *context;
    unsigned lanes; /* to a multiple of which it rounds up n_trials */
};
/* The part of pow_kernel_self_test that is about searching. */
bool pow_searcher_self_test(const struct pow_searcher *searcher) MUST_USE;

#endif
