// SPDX-License-Identifier: MIT
/* How fast the node is, each figure beside an anchor: `bittern bench ingest|relay|start`.
 *
 *     ingest  objects a second that an empty node takes in from one full peer over TLS
 *     relay   objects a second and core that a node serves to ten empty peers over TLS
 *     start   seconds of CPU until a node with that many objects is up
 *
 * Each side of a connection is a process of its own; a figure is that of the one under test, with
 * all that a real node does (TLS, checksums, proof of work at a low difficulty, store on disk,
 * announcing). `detail` says what share each part has. */
#ifndef BITTERN_NODE_P2P_BENCH_NODE_H
#define BITTERN_NODE_P2P_BENCH_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/fault.h"

enum {
    BENCH_NODE_DETAIL_BYTES = 512,
    BENCH_NODE_MAX_OBJECTS = 10000000,
    BENCH_NODE_MAX_OBJECT_BYTES = 1 << 18
};

struct bench_node_options {
    size_t n_objects;  /* 0: 20,000; for start 200,000 */
    size_t object_len; /* 0: 300 bytes */
};

struct bench_node_result {
    const char *name;
    double ours;
    double anchor;
    const char *anchor_name;
    const char *unit;
    char detail[BENCH_NODE_DETAIL_BYTES];
};

/* Takes some seconds. Not to be called where a loop or a thread runs: it forks. FAULT_NOT_FOUND for
 * a name that is none. */
bool bench_node_run(struct bench_node_result *out, const char *name,
                    const struct bench_node_options *options, struct fault *fault) MUST_USE;

#endif
