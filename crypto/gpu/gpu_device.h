// SPDX-License-Identifier: MIT
/* One OpenCL device: found, its code compiled, tested, and searching batches of nonces.
 *
 * A batch is one launch, and a launch can't be interrupted: its size follows the device's speed so
 * that it takes about GPU_BATCH_MS, and so does a cancellation. Everything here waits for the
 * device; one thread at a time. */
#ifndef BITTERN_CRYPTO_GPU_GPU_DEVICE_H
#define BITTERN_CRYPTO_GPU_GPU_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/pow_kernel.h"

struct gpu_device;

enum {
    GPU_BATCH_MS = 4,
    GPU_BATCH_MIN_TRIALS = 1 << 8,
    GPU_BATCH_MAX_TRIALS = 1 << 26,
    GPU_MAX_GROUP = 256 /* work items in a group */
};

enum gpu_choice {
    GPU_TRUE_ONES, /* graphics processors and other accelerators */
    GPU_ANY        /* also an OpenCL device that is a processor: for tests */
};

/* The device with the most and fastest units. Compiles, which takes seconds with some drivers, and
 * holds the result against OpenSSL. FAULT_NOT_FOUND: no library, or no device of that kind. Other
 * faults: it is there, but of no use. */
struct gpu_device *gpu_device_open(enum gpu_choice choice, struct fault *fault) MUST_USE;
void gpu_device_close(struct gpu_device **device);

/* As the driver calls it; printable. */
const char *gpu_device_name(const struct gpu_device *device) MUST_USE;
/* What a batch should have at present. */
uint64_t gpu_device_batch_trials(const struct gpu_device *device) MUST_USE;

/* One launch over the slice's first trials, at most GPU_BATCH_MAX_TRIALS. *out_found, and the
 * lowest nonce among them that meets the target. False when the device failed. */
bool gpu_device_search(struct gpu_device *device, bool *out_found, uint64_t *out_nonce,
                       const struct pow_slice *slice, struct fault *fault) MUST_USE;

#endif
