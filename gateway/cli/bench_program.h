// SPDX-License-Identifier: MIT
/* Measuring what another program alone holds: it does that itself (`bittern-node bench NAME`,
 * `bittern-gateway bench NAME`, `bittern-decoder bench NAME`). */
#ifndef BITTERN_GATEWAY_CLI_BENCH_PROGRAM_H
#define BITTERN_GATEWAY_CLI_BENCH_PROGRAM_H

#include <jansson.h>
#include "base/compiler.h"
#include "base/fault.h"

/* Whose benchmark it is: of "ingest", "relay", "start", "imap", "translate". NULL for any other. */
const char *bench_program_of(const char *name) MUST_USE;

/* The result, the caller's: an object with name, ours, anchor, anchor_name, ratio, unit, detail;
 * "imap" has several such, the first of which is the headline, in a member "all". `n_objects`,
 * `n_bytes`: decimal numbers, or NULL for what the benchmark takes itself. `program` is argv[0].
 * NULL on failure; what the program said of it stands on standard error. */
json_t *bench_program(const char *program, const char *name, const char *n_objects,
                      const char *n_bytes, struct fault *fault) MUST_USE;

#endif
