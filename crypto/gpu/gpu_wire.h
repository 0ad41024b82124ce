// SPDX-License-Identifier: MIT
/* What the gateway and bittern-gpu say to each other, over a channel (base/channel.h).
 *
 * The gateway hands over one job at a time: a range of a search's nonces. A new job takes the place
 * of the old one. bittern-gpu tells how far it got, and, once for a job, that a nonce was found or
 * the range is done. Numbers are big-endian; each message has its one length, and both sides check
 * it. */
#ifndef BITTERN_CRYPTO_GPU_GPU_WIRE_H
#define BITTERN_CRYPTO_GPU_GPU_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/pow_kernel.h"

struct buf;

enum gpu_message {
    /* gateway to bittern-gpu */
    GPU_JOB = 1,    /* struct gpu_job */
    GPU_CANCEL = 2, /* empty: no job any more */
    /* bittern-gpu to gateway */
    GPU_READY = 64,    /* the device's name, 1 to GPU_MAX_NAME_BYTES printable characters: it passed
                          its test and takes jobs */
    GPU_PROGRESS = 65, /* struct gpu_progress */
    GPU_FOUND = 66     /* struct gpu_found; the job is done */
};

enum {
    GPU_MAX_NAME_BYTES = 95,
    GPU_PROGRESS_MS = 50,      /* about so often, as long as there is a job */
    GPU_SILENCE_MS = 10 * 1000 /* a device with a job that says nothing for so long hangs */
};

struct gpu_job {
    uint64_t id; /* never used twice on a channel */
    struct pow_slice slice;
};

struct gpu_progress {
    uint64_t id;
    uint64_t n_trials; /* since what was told last */
};

struct gpu_found {
    uint64_t id;
    uint64_t n_trials; /* since what was told last */
    uint64_t nonce;
};

void gpu_job_write(struct buf *out, const struct gpu_job *job);
void gpu_progress_write(struct buf *out, const struct gpu_progress *progress);
void gpu_found_write(struct buf *out, const struct gpu_found *found);
/* False for a payload of another length, or with a range of no nonces. */
bool gpu_job_parse(struct gpu_job *out, struct bytes payload) MUST_USE;
bool gpu_progress_parse(struct gpu_progress *out, struct bytes payload) MUST_USE;
bool gpu_found_parse(struct gpu_found *out, struct bytes payload) MUST_USE;
/* False for an empty name, one that is too long, or one with anything but printable ASCII. */
bool gpu_name_parse(char out[GPU_MAX_NAME_BYTES + 1], struct bytes payload) MUST_USE;

#endif
