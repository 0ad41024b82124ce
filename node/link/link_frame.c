// SPDX-License-Identifier: MIT
#include "node/link/link_frame.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"

enum { LENGTH_BYTES = 4 };

enum parse_result link_frame_parse(struct link_frame *out, size_t *out_used, struct bytes in,
                                   struct fault *fault)
{
    if (in.len < LENGTH_BYTES) {
        return PARSE_MORE;
    }
    struct reader reader = reader_of(in);
    uint32_t len = reader_u32(&reader);
    if (len == 0 || len > LINK_MAX_FRAME_BYTES) {
        fault_set(fault, FAULT_LIMIT, "link: a frame of %" PRIu32 " bytes", len);
        return PARSE_BAD;
    }
    if (reader_left(&reader) == 0) {
        return PARSE_MORE;
    }
    uint8_t type = reader_u8(&reader);
    if (type < LINK_HELLO || type > LINK_LAST_TYPE) {
        fault_set(fault, FAULT_INVALID, "link: a frame of the unknown type %u", (unsigned)type);
        return PARSE_BAD;
    }
    if (reader_left(&reader) < len - 1) {
        return PARSE_MORE;
    }
    *out = (struct link_frame){(enum link_type)type, reader_bytes(&reader, len - 1)};
    *out_used = LENGTH_BYTES + len;
    return PARSE_DONE;
}

size_t link_frame_begin(struct buf *out, enum link_type type)
{
    size_t start = out->len;
    write_u32(out, 0);
    write_u8(out, (uint8_t)type);
    return start;
}

void link_frame_end(struct buf *out, size_t start)
{
    if (!buf_ok(out)) {
        return;
    }
    size_t len = out->len - start - LENGTH_BYTES;
    if (len > LINK_MAX_FRAME_BYTES) {
        out->failed = true;
        return;
    }
    store_be32(out->data + start, (uint32_t)len);
}

bool link_epoch_equal(const struct link_epoch *a, const struct link_epoch *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

uint64_t link_cost(size_t object_len)
{
    return (uint64_t)object_len + LINK_OBJECT_COST_BYTES;
}
