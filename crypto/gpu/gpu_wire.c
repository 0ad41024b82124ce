// SPDX-License-Identifier: MIT
#include "crypto/gpu/gpu_wire.h"

#include <string.h>

#include "base/buf.h"

void gpu_job_write(struct buf *out, const struct gpu_job *job)
{
    write_u64(out, job->id);
    write_bytes(out, (struct bytes){job->slice.initial_hash, POW_INITIAL_HASH_BYTES});
    write_u64(out, job->slice.target);
    write_u64(out, job->slice.first_nonce);
    write_u64(out, job->slice.n_trials);
}

bool gpu_job_parse(struct gpu_job *out, struct bytes payload)
{
    struct reader in = reader_of(payload);
    out->id = reader_u64(&in);
    reader_copy(&in, out->slice.initial_hash, POW_INITIAL_HASH_BYTES);
    out->slice.target = reader_u64(&in);
    out->slice.first_nonce = reader_u64(&in);
    out->slice.n_trials = reader_u64(&in);
    return reader_at_end(&in) && out->slice.n_trials != 0;
}

void gpu_progress_write(struct buf *out, const struct gpu_progress *progress)
{
    write_u64(out, progress->id);
    write_u64(out, progress->n_trials);
}

bool gpu_progress_parse(struct gpu_progress *out, struct bytes payload)
{
    struct reader in = reader_of(payload);
    out->id = reader_u64(&in);
    out->n_trials = reader_u64(&in);
    return reader_at_end(&in);
}

void gpu_found_write(struct buf *out, const struct gpu_found *found)
{
    write_u64(out, found->id);
    write_u64(out, found->n_trials);
    write_u64(out, found->nonce);
}

bool gpu_found_parse(struct gpu_found *out, struct bytes payload)
{
    struct reader in = reader_of(payload);
    out->id = reader_u64(&in);
    out->n_trials = reader_u64(&in);
    out->nonce = reader_u64(&in);
    return reader_at_end(&in);
}

bool gpu_name_parse(char out[GPU_MAX_NAME_BYTES + 1], struct bytes payload)
{
    if (payload.len == 0 || payload.len > GPU_MAX_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < payload.len; i++) {
        if (payload.data[i] < 0x20 || payload.data[i] >= 0x7f) {
            return false;
        }
    }
    memcpy(out, payload.data, payload.len);
    out[payload.len] = '\0';
    return true;
}
