// SPDX-License-Identifier: MIT
#include "gateway/decoder/decoder_jobs.h"

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/decoder/decoder_wire.h"
#include "mailproto/mime/analyse.h"
#include "mailproto/mime/outgoing.h"

_Static_assert((int)ANALYSE_MAX_SEARCH_BYTES <= (int)DECODER_MAX_SEARCH_BYTES &&
                   4 * (int)ANALYSE_MAX_PREVIEW_CHARS <= (int)DECODER_MAX_PREVIEW_BYTES,
               "an analysis fits into its answer");

static void analyse(struct decoder_answer *answer, const struct decoder_request *request)
{
    struct mime_analysis found;
    analyse_mail(&found, request->input, request->arrived_sec, &answer->arena);
    answer->analysis = (struct mail_analysis){.info = found.info,
                                              .info_blob = found.info_blob,
                                              .text = found.text,
                                              .preview = found.preview,
                                              .is_opaque = found.is_opaque};
}

static bool encode(struct decoder_answer *answer, const struct content *content)
{
    struct buf encoded = {0};
    bool ok = content_encode(&encoded, content, &answer->fault);
    if (ok) {
        answer->encoded =
            (struct bytes){arena_memdup(&answer->arena, encoded.data, encoded.len), encoded.len};
    }
    buf_clear(&encoded);
    return ok;
}

static bool run(struct decoder_answer *answer, const struct decoder_request *request)
{
    switch (request->job) {
    case DECODER_JOB_ANALYSE:
        analyse(answer, request);
        return true;
    case DECODER_JOB_OUTGOING:
        return outgoing_take_apart(&answer->outgoing, request->input, &answer->arena,
                                   &answer->fault);
    case DECODER_JOB_DECODE:
        return content_decode(&answer->content, request->encoding, request->input, &answer->arena,
                              &answer->fault);
    case DECODER_JOB_ENCODE:
        return encode(answer, &request->content);
    }
    return fault_set(&answer->fault, FAULT_INTERNAL, "no such job");
}

enum parse_result decoder_jobs_run(struct buf *out, size_t *out_used, struct bytes in,
                                   struct fault *fault)
{
    struct decoder_request request;
    struct decoder_answer answer = {0};
    enum parse_result result =
        decoder_wire_parse_request(&request, out_used, in, &answer.arena, fault);
    if (result == PARSE_DONE) {
        answer.outcome = run(&answer, &request) ? DECODER_DONE : DECODER_REFUSED;
        decoder_wire_write_answer(out, request.id, request.job, &answer);
    }
    arena_clear(&answer.arena);
    return result;
}
