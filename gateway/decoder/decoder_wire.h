// SPDX-License-Identifier: MIT
/* What gateway and decoder say to each other: frames of u32 length, u8 kind, u64 job number and a
 * payload of blocks. Both sides take the other for a stranger: every length and count is checked,
 * and what a mail's analysis claims of offsets is held against the mail's size.
 *
 * The plain structs come out borrowing from the frame's bytes, their arrays from the arena. */
#ifndef BITTERN_GATEWAY_DECODER_DECODER_WIRE_H
#define BITTERN_GATEWAY_DECODER_DECODER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "gateway/decoder/decoder_client.h"

struct arena;
struct buf;
struct fault;

enum decoder_job {
    DECODER_JOB_ANALYSE = 1,
    DECODER_JOB_OUTGOING = 2,
    DECODER_JOB_DECODE = 3,
    DECODER_JOB_ENCODE = 4
};

enum {
    DECODER_FRAME_HEADER_BYTES = 13,
    DECODER_MAX_REQUEST_BYTES = DECODER_MAX_MAIL_BYTES + 65536,
    DECODER_MAX_ANSWER_BYTES = DECODER_MAX_MAIL_BYTES + 8388608
};

struct decoder_request {
    uint64_t id;
    enum decoder_job job;
    int64_t arrived_sec;    /* analyse */
    uint64_t encoding;      /* decode */
    struct bytes input;     /* analyse, outgoing, decode */
    struct content content; /* encode */
};

/* False when the request would be above DECODER_MAX_REQUEST_BYTES; `out` is as it was. */
bool decoder_wire_write_request(struct buf *out, const struct decoder_request *request) MUST_USE;
enum parse_result decoder_wire_parse_request(struct decoder_request *out, size_t *out_used,
                                             struct bytes in, struct arena *arena,
                                             struct fault *fault) MUST_USE;

/* An answer to job `id`: DONE with what `job` asks for, or REFUSED with its fault. One that would
 * be too large is written as REFUSED. */
void decoder_wire_write_answer(struct buf *out, uint64_t id, enum decoder_job job,
                               const struct decoder_answer *answer);
/* The answer that is at the front of `in` must be the one to `request`. All that it points to is
 * copied into answer->arena. */
enum parse_result decoder_wire_parse_answer(struct decoder_answer *answer, size_t *out_used,
                                            struct bytes in, const struct decoder_request *request,
                                            struct fault *fault) MUST_USE;

#endif
