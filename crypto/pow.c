// SPDX-License-Identifier: MIT
#include "crypto/pow.h"

#include "crypto/hash.h"

#include <math.h>
#include <string.h>

enum { TTL_SHIFT = 16 };

/* Wide enough for any sane product; one that overflows even this belongs to a demand that nobody
 * can meet. */
typedef unsigned __int128 wide;

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

struct pow_demand pow_demand_raise(struct pow_demand demand, struct pow_demand least)
{
    return (struct pow_demand){max_u64(demand.trials_per_byte, least.trials_per_byte),
                               max_u64(demand.extra_bytes, least.extra_bytes)};
}

/* floor(numerator / divisor), at most 2^64 - 1; a divisor of 0 counts as no demand at all. */
static uint64_t divide_capped(wide numerator, wide divisor)
{
    if (divisor == 0) {
        return UINT64_MAX;
    }
    wide quotient = numerator / divisor;
    return quotient > UINT64_MAX ? UINT64_MAX : (uint64_t)quotient;
}

uint64_t pow_target_to_check(size_t object_len, int64_t ttl_sec, struct pow_demand demand)
{
    uint64_t ttl = ttl_sec > POW_MIN_TTL_SEC ? (uint64_t)ttl_sec : (uint64_t)POW_MIN_TTL_SEC;
    wide charged = (wide)object_len + demand.extra_bytes;
    wide divisor;
    /* charged < 2^65 and ttl < 2^63: only the last product can overflow. */
    charged += charged * ttl >> TTL_SHIFT;
    if (__builtin_mul_overflow(charged, (wide)demand.trials_per_byte, &divisor)) {
        return 0;
    }
    return divide_capped((wide)1 << 64, divisor);
}

uint64_t pow_target_to_send(size_t object_len, int64_t ttl_sec, struct pow_demand demand)
{
    uint64_t ttl = ttl_sec > 0 ? (uint64_t)ttl_sec : 0;
    wide charged = (wide)object_len + demand.extra_bytes;
    wide divisor;
    if (demand.trials_per_byte == 0) {
        return UINT64_MAX;
    }
    /* Both sides times 2^16, so that the division is by a whole number and nothing is rounded but
     * the end. */
    if (__builtin_mul_overflow(charged, ((wide)1 << TTL_SHIFT) + ttl, &divisor) ||
        __builtin_mul_overflow(divisor, (wide)demand.trials_per_byte, &divisor)) {
        return 0;
    }
    return divide_capped((wide)1 << (64 + TTL_SHIFT), divisor);
}

void pow_initial_hash(uint8_t out[POW_INITIAL_HASH_BYTES], struct bytes object_without_nonce)
{
    hash_sha512(out, object_without_nonce);
}

uint64_t pow_value(const uint8_t initial_hash[POW_INITIAL_HASH_BYTES], uint64_t nonce)
{
    uint8_t input[POW_NONCE_BYTES + POW_INITIAL_HASH_BYTES];
    uint8_t digest[SHA512_BYTES];
    store_be64(input, nonce);
    memcpy(input + POW_NONCE_BYTES, initial_hash, POW_INITIAL_HASH_BYTES);
    hash_double_sha512(digest, (struct bytes){input, sizeof input});
    return load_be64(digest);
}

bool pow_is_met(const uint8_t initial_hash[POW_INITIAL_HASH_BYTES], uint64_t nonce, uint64_t target)
{
    return pow_value(initial_hash, nonce) <= target;
}

/* expiry - now, kept within an int64_t: the expiry is any 64-bit number. */
static int64_t ttl_of(uint64_t expiry, int64_t now_sec)
{
    if (expiry > INT64_MAX) {
        return INT64_MAX;
    }
    int64_t ttl;
    return __builtin_sub_overflow((int64_t)expiry, now_sec, &ttl) ? INT64_MAX : ttl;
}

bool pow_check(struct bytes object, int64_t now_sec, struct pow_demand demand,
               struct pow_demand least)
{
    struct reader in = reader_of(object);
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];

    uint64_t nonce = reader_u64(&in);
    struct bytes rest = reader_rest(&in);
    in = reader_of(rest);
    uint64_t expiry = reader_u64(&in);
    if (!reader_ok(&in)) {
        return false;
    }
    uint64_t target =
        pow_target_to_check(object.len, ttl_of(expiry, now_sec), pow_demand_raise(demand, least));
    pow_initial_hash(initial_hash, rest);
    return pow_is_met(initial_hash, nonce, target);
}

struct pow_estimate pow_estimate(uint64_t target, double trials_per_sec)
{
    struct pow_estimate estimate = {.mean_trials = 0x1p64 / ((double)target + 1)};
    if (trials_per_sec > 0) {
        estimate.mean_sec = estimate.mean_trials / trials_per_sec;
        estimate.p95_sec = estimate.mean_sec * POW_P95_PER_MEAN;
    } else {
        estimate.mean_sec = INFINITY;
        estimate.p95_sec = INFINITY;
    }
    return estimate;
}
