// SPDX-License-Identifier: MIT
#include "crypto/random.h"

#include "base/mem.h"
#include "crypto/libs_internal.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <openssl/rand.h>
#include <string.h>

void random_bytes(void *out, size_t len)
{
    unsigned char *next = out;
    while (len != 0) {
        int part = len < INT_MAX ? (int)len : INT_MAX;
        if (RAND_bytes(next, part) != 1) {
            crypto_libs_failed("RAND_bytes");
        }
        next += part;
        len -= (size_t)part;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

uint64_t random_uniform(uint64_t n)
{
    assert(n > 0);
    /* 2^64 mod n values at the bottom are drawn again, so that what is left divides evenly. */
    uint64_t rest = (0 - n) % n;
    uint64_t value;
    do {
        value = random_u64();
    } while (value < rest);
    return value % n;
}

int64_t random_between(int64_t first, int64_t last)
{
    assert(first <= last);
    uint64_t n = (uint64_t)last - (uint64_t)first + 1;
    uint64_t offset = n != 0 ? random_uniform(n) : random_u64();
    return (int64_t)((uint64_t)first + offset);
}

double random_exponential(double mean)
{
    assert(mean > 0);
    /* 53 bits: each value of (0, 1] that is drawn has an exact double. */
    double uniform = (double)((random_u64() >> 11) + 1) * 0x1p-53;
    return -mean * log(uniform);
}

static void swap_items(unsigned char *a, unsigned char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

void random_shuffle(void *items, size_t n_items, size_t item_size)
{
    unsigned char *base = items;
    for (size_t left = n_items; left > 1; left--) {
        size_t chosen = (size_t)random_uniform(left);
        if (chosen != left - 1) {
            swap_items(base + chosen * item_size, base + (left - 1) * item_size, item_size);
        }
    }
}
