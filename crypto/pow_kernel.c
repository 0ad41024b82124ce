// SPDX-License-Identifier: MIT
#include "crypto/pow_kernel.h"

#include "base/bytes.h"
#include "base/log.h"
#include "crypto/pow_kernels_internal.h"
#include "crypto/sha512_block_internal.h"

#include <stdalign.h>
#include <string.h>

enum { SELF_TEST_TRIALS = 64, SELF_TEST_SLICES = 12 };

static bool always(void)
{
    return true;
}

/* What the compiler asks includes whether the system saves the wide registers. */
#ifdef BITTERN_POW_X86
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}
#endif

static const struct pow_kernel kernels[] = {
#ifdef BITTERN_POW_X86
    {"avx512", 8, has_avx512, pow_avx512_search, pow_avx512_double},
    {"avx2", 4, has_avx2, pow_avx2_search, pow_avx2_double},
#endif
#ifdef BITTERN_POW_NEON
    {"neon", 2, always, pow_neon_search, pow_neon_double},
#endif
    {"portable", 1, always, pow_portable_search, pow_portable_double},
};

const struct pow_kernel *pow_kernel_at(size_t index)
{
    return index < ARRAY_LEN(kernels) ? &kernels[index] : NULL;
}

const struct pow_kernel *pow_kernel_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kernels); i++) {
        if (strcmp(kernels[i].name, name) == 0) {
            return &kernels[i];
        }
    }
    return NULL;
}

/* What a search must answer, asked of OpenSSL nonce by nonce. The slice's end is rounded up to the
 * search's lanes. */
static bool search_slowly(uint64_t *out_nonce, const struct pow_slice *slice, unsigned lanes)
{
    uint64_t n_trials = (slice->n_trials + lanes - 1) / lanes * lanes;
    for (uint64_t i = 0; i < n_trials; i++) {
        uint64_t nonce = slice->first_nonce + i;
        if (pow_is_met(slice->initial_hash, nonce, slice->target)) {
            *out_nonce = nonce;
            return true;
        }
    }
    return false;
}

static bool agrees(const struct pow_searcher *searcher, const struct pow_slice *slice)
{
    uint64_t expected = 0;
    uint64_t found = 0;
    bool is_expected = search_slowly(&expected, slice, searcher->lanes);
    bool is_found = searcher->search(searcher->context, &found, slice);
    return is_found == is_expected && found == expected;
}

/* A different text in each lane, of each length that an address's can have and more. */
static bool doubles_agree(const struct pow_kernel *kernel)
{
    for (size_t len = 0; len <= SHA512_BLOCK_MAX_TEXT; len += 5) {
        alignas(POW_WORDS_ALIGN) uint64_t words[POW_BLOCK_WORDS * POW_MAX_LANES];
        alignas(POW_WORDS_ALIGN) uint64_t out[POW_MAX_LANES];
        uint64_t expected[POW_MAX_LANES];
        for (size_t lane = 0; lane < kernel->lanes; lane++) {
            uint8_t block[SHA512_BLOCK_BYTES];
            sha512_block_prepare(block, len);
            memset(block, (int)(7 + 31 * lane), len);
            expected[lane] = sha512_block_double(block);
            for (size_t i = 0; i < POW_BLOCK_WORDS; i++) {
                words[i * kernel->lanes + lane] = load_be64(block + 8 * i);
            }
        }
        kernel->double_digests(out, words);
        if (memcmp(out, expected, kernel->lanes * sizeof *out) != 0) {
            return false;
        }
    }
    return true;
}

bool pow_searcher_self_test(const struct pow_searcher *searcher)
{
    for (unsigned i = 0; i < SELF_TEST_SLICES; i++) {
        struct pow_slice slice = {.n_trials = SELF_TEST_TRIALS - i};
        memset(slice.initial_hash, (int)(0x35 + 29 * i), sizeof slice.initial_hash);
        /* Every third slice goes through the wrap at 2^64; the starts differ, so the hits fall on
         * all lanes. */
        slice.first_nonce = i % 3 == 0 ? 0 - (uint64_t)i : i * UINT64_C(0x0123456789abcdef);
        slice.target = UINT64_MAX >> (i % 8);
        if (!agrees(searcher, &slice)) {
            return false;
        }
        /* The exact value of a trial is met, and by one less it is not. */
        slice.n_trials = 1;
        slice.target = pow_value(slice.initial_hash, slice.first_nonce);
        if (!agrees(searcher, &slice)) {
            return false;
        }
        slice.target--;
        if (!agrees(searcher, &slice)) {
            return false;
        }
    }
    return true;
}

static bool search_by_kernel(void *context, uint64_t *out_nonce, const struct pow_slice *slice)
{
    const struct pow_kernel *const *kernel = context;
    return (*kernel)->search(out_nonce, slice);
}

bool pow_kernel_self_test(const struct pow_kernel *kernel)
{
    const struct pow_searcher searcher = {search_by_kernel, &kernel, kernel->lanes};
    return pow_searcher_self_test(&searcher) && doubles_agree(kernel);
}

const struct pow_kernel *pow_kernel_best(void)
{
    for (size_t i = 0; i + 1 < ARRAY_LEN(kernels); i++) {
        const struct pow_kernel *kernel = &kernels[i];
        if (!kernel->is_supported()) {
            continue;
        }
        if (pow_kernel_self_test(kernel)) {
            return kernel;
        }
        log_error("pow", "kernel-failed-self-test kernel=%s", kernel->name);
    }
    return &kernels[ARRAY_LEN(kernels) - 1];
}
