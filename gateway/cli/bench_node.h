// SPDX-License-Identifier: MIT
/* Measuring the node: its own program does it (`bittern-node bench`), since nothing else holds it.
 */
#ifndef BITTERN_GATEWAY_CLI_BENCH_NODE_H
#define BITTERN_GATEWAY_CLI_BENCH_NODE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"

/* "ingest", "relay", "start". */
bool bench_node_has(const char *name) MUST_USE;

/* The result, the caller's: an object with name, ours, anchor, anchor_name, ratio, unit, detail.
 * `n_objects`, `n_bytes`: decimal numbers, or NULL for what the benchmark takes itself. `program`
 * is argv[0]. NULL on failure; what the node said of it stands on standard error. */
json_t *bench_node(const char *program, const char *name, const char *n_objects,
                   const char *n_bytes, struct fault *fault) MUST_USE;

#endif
