// SPDX-License-Identifier: MIT
/* The only source of randomness. A generator that is seeded by the system; a process whose system
 * gives no randomness ends. All functions may be called from several threads. */
#ifndef BITTERN_CRYPTO_RANDOM_H
#define BITTERN_CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* `len` bytes fit for keys. */
void random_bytes(void *out, size_t len);
uint64_t random_u64(void) MUST_USE;
/* 0 to n - 1, each equally likely; n > 0. */
uint64_t random_uniform(uint64_t n) MUST_USE;
/* first to last, both included; first <= last. */
int64_t random_between(int64_t first, int64_t last) MUST_USE;
/* Exponentially distributed with the given mean (> 0), for delays that tell nothing of what came
 * before: 0 to about 37 times the mean. */
double random_exponential(double mean) MUST_USE;
/* Bring the items into a random order, all orders equally likely. */
void random_shuffle(void *items, size_t n_items, size_t item_size);

#endif
