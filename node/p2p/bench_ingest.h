// SPDX-License-Identifier: MIT
/* How fast a node takes in an inventory: two nodes on loopback, each a process, one full, one
 * empty.
 *
 * Measured at the empty one, from the first object to the last that is in the store: all that a
 * real node does (TLS, checksums, proof of work at a low difficulty, store on disk, relay). */
#ifndef BITTERN_NODE_P2P_BENCH_INGEST_H
#define BITTERN_NODE_P2P_BENCH_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct bench_ingest_options {
    size_t n_objects;  /* 0: 20,000 */
    size_t object_len; /* 0: 300 bytes */
    bool no_tls;
};

struct bench_ingest_result {
    size_t n_objects;
    double objects_per_sec;     /* by the clock */
    double cpu_us_an_object;    /* of the receiver, all its threads */
    double verify_us_an_object; /* hashes, proof of work, store in memory */
    double bound_per_sec;       /* what the hashes alone would allow on one core */
    uint64_t rss_kib;           /* of the receiver, at the end */
};

/* Takes some seconds. Not to be called where a loop runs: it forks. */
bool bench_ingest_run(struct bench_ingest_result *out, const struct bench_ingest_options *options,
                      struct fault *fault) MUST_USE;

#endif
