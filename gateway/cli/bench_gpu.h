// SPDX-License-Identifier: MIT
/* Measuring the graphics processor: its process does it, since nothing else may load a driver. */
#ifndef BITTERN_GATEWAY_CLI_BENCH_GPU_H
#define BITTERN_GATEWAY_CLI_BENCH_GPU_H

#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/bench.h"

/* Trials a second of wall time beside OpenSSL on one thread, over about `seconds`. `program` is
 * argv[0]. FAULT_NOT_FOUND where bittern-gpu or a device is missing. */
bool bench_gpu(struct bench_result *out, const char *program, double seconds,
               struct fault *fault) MUST_USE;

/* What bittern-gpu prints: trials a second, a tab, the device. */
bool bench_gpu_parse(double *out_rate, const char **out_device, char *text) MUST_USE;

#endif
