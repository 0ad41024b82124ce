// SPDX-License-Identifier: MIT
/* What the room takes from OpenSSL and libsecp256k1 once per process: fetched algorithms, and the
 * curve's context, blinded with fresh randomness.
 *
 * Made at the first call, read-only and shared by all threads from then on: the one exception here
 * to having no globals. A library that lacks one of them cannot serve us: the process says so and
 * ends. */
#ifndef BITTERN_CRYPTO_LIBS_INTERNAL_H
#define BITTERN_CRYPTO_LIBS_INTERNAL_H

#include <openssl/evp.h>
#include <secp256k1.h>

#include "base/compiler.h"

struct crypto_libs {
    EVP_MD *sha1;
    EVP_MD *sha256;
    EVP_MD *sha512;
    EVP_MD *ripemd160;
    EVP_CIPHER *aes_256_cbc;
    EVP_MAC_CTX *hmac_sha256; /* without a key: duplicate, then init with one */
    secp256k1_context *curve;
};

const struct crypto_libs *crypto_libs(void) MUST_USE;
/* End the process: `what` of a library failed that cannot fail on any input. */
NORETURN void crypto_libs_failed(const char *what);

/* The value of a variable no longer counts as secret: it is, or is about to become, public. Says so
 * to the constant-time test, which runs the room under valgrind with every secret marked undefined,
 * so that a branch or an index that depends on one is reported. Nothing in any other build. */
#ifdef BITTERN_CONSTANT_TIME_TEST
#include <valgrind/memcheck.h>
#define DECLASSIFY(pointer, len) VALGRIND_MAKE_MEM_DEFINED((pointer), (len))
#else
#define DECLASSIFY(pointer, len) ((void)(pointer), (void)(len))
#endif

#endif
