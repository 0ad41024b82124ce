// SPDX-License-Identifier: MIT
/* Proof of work: the target, the check, the expected effort.
 *
 * An object is paid for when the first 8 bytes of dsha512(nonce || SHA512(object without nonce)),
 * as a number, are not above a target that falls with the object's length and its time to live
 * (Bitmessage protocol, "Proof of work"):
 *
 *     target = 2^64 / (trials * (length + extra + ttl * (length + extra) / 2^16))
 *
 * A receiver divides with integers, a sender with real numbers; the sender's target is never above
 * the receiver's. Both are computed here in 128 bits, exactly, for any 64-bit input; what does not
 * even fit there gives target 0, which practically nothing meets. */
#ifndef BITTERN_CRYPTO_POW_H
#define BITTERN_CRYPTO_POW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
    POW_NONCE_BYTES = 8,
    POW_INITIAL_HASH_BYTES = 64,
    POW_DEFAULT_TRIALS_PER_BYTE = 1000,
    POW_DEFAULT_EXTRA_BYTES = 1000,
    POW_MIN_TTL_SEC = 300,   /* a shorter life is charged as this one */
    POW_SEND_SLACK_SEC = 300 /* what we add to our own objects' ttl against slow clocks */
};

/* What an address, or the network, asks for. */
struct pow_demand {
    uint64_t trials_per_byte;
    uint64_t extra_bytes;
};

/* Both values raised to the network's least. */
struct pow_demand pow_demand_raise(struct pow_demand demand, struct pow_demand least) MUST_USE;

/* The receiver's target, for an object of `object_len` bytes (nonce included) that lives another
 * `ttl_sec` (less than POW_MIN_TTL_SEC, negative too, counts as that), with demand already raised.
 */
uint64_t pow_target_to_check(size_t object_len, int64_t ttl_sec, struct pow_demand demand) MUST_USE;
/* The sender's target; `ttl_sec` as chosen (0 or more) plus POW_SEND_SLACK_SEC. */
uint64_t pow_target_to_send(size_t object_len, int64_t ttl_sec, struct pow_demand demand) MUST_USE;

/* SHA-512 of the object after its 8 bytes of nonce. */
void pow_initial_hash(uint8_t out[POW_INITIAL_HASH_BYTES], struct bytes object_without_nonce);
/* The value that is held against the target. */
uint64_t pow_value(const uint8_t initial_hash[POW_INITIAL_HASH_BYTES], uint64_t nonce) MUST_USE;
bool pow_is_met(const uint8_t initial_hash[POW_INITIAL_HASH_BYTES], uint64_t nonce,
                uint64_t target) MUST_USE;

/* True when a whole object (nonce, expiry time, ...) is paid for at the time `now_sec` under the
 * demand raised to `least`. False also when it is too short to have an expiry time. 2 us for 1 KB.
 */
bool pow_check(struct bytes object, int64_t now_sec, struct pow_demand demand,
               struct pow_demand least) MUST_USE;

/* How many trials a target takes. The search has no memory: however long it has run, as much is
 * still to be expected. */
struct pow_estimate {
    double mean_trials;
    double mean_sec;
    double p95_sec; /* done by then in 19 of 20 cases: POW_P95_PER_MEAN times the mean */
};

#define POW_P95_PER_MEAN 2.99573227355399 /* ln 20 */

struct pow_estimate pow_estimate(uint64_t target, double trials_per_sec) MUST_USE;

#endif
