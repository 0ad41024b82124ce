// SPDX-License-Identifier: MIT
/* Frames between gateway and decoder, both ways. The first byte chooses the way and the job. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/decoder/decoder_wire.h"

static void check_request(struct bytes in)
{
    struct arena arena = {0};
    struct decoder_request request;
    size_t used = 0;
    if (decoder_wire_parse_request(&request, &used, in, &arena, NULL) == PARSE_DONE) {
        struct buf again = {0};
        FUZZ_CHECK(used <= in.len);
        FUZZ_CHECK(decoder_wire_write_request(&again, &request));
        FUZZ_CHECK(bytes_equal(buf_view(&again), bytes_slice(in, 0, used)));
        buf_clear(&again);
    }
    arena_clear(&arena);
}

static void check_answer(struct bytes in, enum decoder_job job)
{
    static const char mail[] = "Subject: x\r\n\r\nbody";
    struct decoder_request request = {.id = 1, .job = job, .input = bytes_of_str(mail)};
    struct decoder_answer *answer = xcalloc(1, sizeof *answer);
    size_t used = 0;
    if (decoder_wire_parse_answer(answer, &used, in, &request, NULL) == PARSE_DONE) {
        FUZZ_CHECK(used <= in.len);
        FUZZ_CHECK(answer->outcome == DECODER_DONE || answer->outcome == DECODER_REFUSED);
        for (size_t i = 0; i < answer->analysis.info.n_parts; i++) {
            const struct mime_part *part = &answer->analysis.info.parts[i];
            FUZZ_CHECK(part->body_offset + part->body_len <= sizeof mail - 1);
        }
    }
    decoder_answer_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes in = {data + 1, size - 1};
    if (data[0] % 5 == 0) {
        check_request(in);
    } else {
        check_answer(in, (enum decoder_job)(data[0] % 5));
    }
    return 0;
}
