// SPDX-License-Identifier: MIT
/* Figures for `bittern bench`: our code beside an anchor (OpenSSL, used as well as it can be
 * through its public calls), interleaved in one process and measured in CPU time of the calling
 * thread, so that a busy machine disturbs the ratio little. */
#ifndef BITTERN_CRYPTO_BENCH_H
#define BITTERN_CRYPTO_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct fault;

enum { BENCH_DETAIL_BYTES = 256, BENCH_MAX_RESULTS = 16, BENCH_MAX_THREADS = 64 };

struct bench_result {
    const char *name;        /* "pow", "decrypt", "sign", "hash": static storage */
    const char *anchor_name; /* what `anchor` is the speed of: static storage */
    const char *unit;        /* "trials/s": static storage */
    double ours;             /* per second */
    double anchor;
    double ratio;                    /* ours / anchor */
    char detail[BENCH_DETAIL_BYTES]; /* kernel, CPU, sizes: words for a person */
};

struct bench_options {
    double seconds;     /* for all rounds of all results together; 0: 2 s */
    const char *kernel; /* of pow; NULL: all that are supported, fastest first */
    unsigned threads;   /* pow, decrypt: if 2 or more, also so many beside one, by wall time */
};

/* The benchmark named `name` ("pow", "decrypt", "sign", "hash"). Fills up to BENCH_MAX_RESULTS
 * results, the headline one first, and their number. False with a fault for a name or a kernel that
 * is not there. */
bool bench_run(struct bench_result out[BENCH_MAX_RESULTS], size_t *out_n, const char *name,
               const struct bench_options *options, struct fault *fault) MUST_USE;
/* The processor's name as the system tells it, or "unknown". */
void bench_cpu_name(char *out, size_t out_size);

#endif
