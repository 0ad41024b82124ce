// SPDX-License-Identifier: MIT
/* The decoder's work: a request to its answer. Pure: no socket, no clock. */
#ifndef BITTERN_GATEWAY_DECODER_DECODER_JOBS_H
#define BITTERN_GATEWAY_DECODER_DECODER_JOBS_H

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;
struct fault;

/* Take the request at the front of `in`, do it, and append its answer to `out`.
 * PARSE_MORE: it is not complete yet. PARSE_BAD: it is no request; `fault` says why. */
enum parse_result decoder_jobs_run(struct buf *out, size_t *out_used, struct bytes in,
                                   struct fault *fault) MUST_USE;

#endif
