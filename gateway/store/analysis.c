// SPDX-License-Identifier: MIT
#include "gateway/store/analysis.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/decoder/decoder_client.h"

static uint64_t find_body(struct bytes content)
{
    if (bytes_starts_with(content, bytes_of_str("\r\n"))) {
        return 2;
    }
    const uint8_t *empty_line =
        content.len ? memmem(content.data, content.len, "\r\n\r\n", 4) : NULL;
    return empty_line ? (uint64_t)(empty_line - content.data) + 4 : content.len;
}

static uint64_t count_lines(struct bytes body)
{
    uint64_t n_lines = 0;
    while (body.len != 0) {
        body = bytes_slice(body, bytes_find(body, '\n') + 1, body.len);
        n_lines++;
    }
    return n_lines;
}

void analysis_of_opaque(struct mail_analysis *out, struct bytes content, int64_t arrived_sec,
                        struct arena *arena)
{
    uint64_t body_offset = find_body(content);
    uint64_t n_lines = count_lines(bytes_slice(content, body_offset, content.len));
    *out = (struct mail_analysis){.is_opaque = true};
    message_info_of_opaque(&out->info, body_offset, content.len, n_lines, arrived_sec, arena);
    struct buf blob;
    buf_init(&blob, 0);
    bool fits = message_info_write(&blob, &out->info, NULL);
    assert(fits); /* one part without texts of its own */
    out->info_blob = (struct bytes){arena_memdup(arena, blob.data, blob.len), blob.len};
    out->text = (struct message_text){message_text_empty(), message_text_empty()};
    out->preview = message_text_empty();
    buf_clear(&blob);
}
