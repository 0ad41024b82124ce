// SPDX-License-Identifier: MIT
/* The anchors of the benchmarks: the same work by OpenSSL's public calls, with all that can be
 * prepared once (fetched algorithms, contexts, parsed keys) prepared once. */
#ifndef BITTERN_CRYPTO_BENCH_INTERNAL_H
#define BITTERN_CRYPTO_BENCH_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/bench.h"
#include "crypto/key.h"
#include "crypto/pow_kernel.h"
#include "crypto/sign.h"

struct anchor;

/* Holds `key` in OpenSSL's forms, and `peer`'s public key. */
struct anchor *anchor_new(const struct private_key *key, const struct public_key *peer) MUST_USE;
void anchor_free(struct anchor **anchor);

/* Trials of a slice: by EVP with a fetched digest and a context that is used again; and by
 * SHA512_Init, _Update and _Final, as PyBitmessage's and notbit's loops do it. */
void anchor_pow_evp(struct anchor *anchor, const struct pow_slice *slice);
void anchor_pow_low_level(const struct pow_slice *slice);
/* ECDH_compute_key with the peer's point parsed anew, SHA-512, and HMAC-SHA-256 of `signed_part`.
 * The result goes to `out_mac`. */
void anchor_trial(struct anchor *anchor, uint8_t out_mac[32], struct bytes point,
                  struct bytes signed_part);
/* ECDSA_sign and ECDSA_verify of a SHA-256 by the anchor's own key. */
void anchor_sign(struct anchor *anchor, struct signature *out, struct bytes message);
bool anchor_verify(struct anchor *anchor, struct bytes message, struct bytes der) MUST_USE;
/* SHA512() twice. */
void anchor_double_sha512(uint8_t out[64], struct bytes in);
/* Calls a second of `work` on `n_threads` (1 to BENCH_MAX_THREADS) at once, over some `round_us` of
 * wall time: by that time, and by the CPU time that the threads were given. The first is what
 * counts; the second tells it apart from other programs' share of the machine. */
struct crowd_rate {
    double wall;
    double cpu;
};
struct crowd_rate bench_crowd(void (*work)(void *context), void *context, unsigned n_threads,
                              int64_t round_us) MUST_USE;
/* HMAC() */
void anchor_hmac_sha256(uint8_t out[32], struct bytes key, struct bytes in);

#endif
