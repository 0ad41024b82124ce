// SPDX-License-Identifier: MIT
/* A stream of frames in pieces, as a session reads it. Split anywhere, it yields the same frames;
 * each encodes to the bytes it was read from. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "node/wire/frame.h"

/* Reads frames until the end or the first bad one; returns how many bytes were good. The stream
 * arrives `step` bytes at a time. */
static size_t read_stream(struct bytes stream, size_t step, size_t *out_n_frames)
{
    size_t start = 0;
    *out_n_frames = 0;
    for (size_t end = 0; end < stream.len;) {
        end = step < stream.len - end ? end + step : stream.len;
        for (;;) {
            struct frame frame;
            size_t used;
            struct bytes seen = bytes_slice(stream, start, end - start);
            enum parse_result result = frame_parse(&frame, &used, FRAME_MAGIC, seen, NULL);
            if (result == PARSE_BAD) {
                return start;
            }
            if (result == PARSE_MORE) {
                break;
            }
            FUZZ_CHECK(used == FRAME_HEADER_BYTES + frame.payload.len && used <= seen.len);
            FUZZ_CHECK(strlen(frame.name) >= 1);
            if (frame.command != WIRE_UNKNOWN) {
                struct buf again = {0};
                frame_write(&again, FRAME_MAGIC, frame.command, frame.payload);
                FUZZ_CHECK(bytes_equal(buf_view(&again), bytes_slice(seen, 0, used)));
                buf_clear(&again);
            }
            start += used;
            (*out_n_frames)++;
        }
    }
    return start;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes stream = {data, size};
    size_t n_at_once;
    size_t n_in_pieces;
    size_t at_once = read_stream(stream, size, &n_at_once);
    FUZZ_CHECK(read_stream(stream, 7, &n_in_pieces) == at_once);
    FUZZ_CHECK(n_in_pieces == n_at_once);
    return 0;
}
