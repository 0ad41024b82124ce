// SPDX-License-Identifier: MIT
#include "mailproto/smtp/line.h"

#include "base/mem.h"

enum { CRLF_LEN = 2 };

static void add_piece(struct line *line, struct bytes piece, size_t max_len)
{
    if (line->text.len + piece.len + CRLF_LEN > max_len) {
        line->too_long = true;
    } else {
        buf_append_bytes(&line->text, piece);
    }
}

enum line_result line_feed(struct line *line, size_t *out_taken, struct bytes in, size_t max_len)
{
    size_t start = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t byte = in.data[i];
        if (line->has_cr != (byte == '\n')) {
            *out_taken = i + 1;
            return LINE_BARE;
        }
        if (byte == '\n') {
            *out_taken = i + 1;
            return line->too_long ? LINE_TOO_LONG : LINE_DONE;
        }
        if (byte == '\r') {
            line->has_cr = true;
            add_piece(line, bytes_slice(in, start, i - start), max_len);
            start = in.len;
        }
    }
    add_piece(line, bytes_slice(in, start, in.len), max_len);
    *out_taken = in.len;
    return LINE_MORE;
}

struct bytes line_text(const struct line *line)
{
    return buf_view(&line->text);
}

void line_reset(struct line *line)
{
    if (line->text.len != 0) {
        mem_wipe(line->text.data, line->text.len);
    }
    buf_reset(&line->text);
    line->has_cr = false;
    line->too_long = false;
}

void line_clear(struct line *line)
{
    line_reset(line);
    buf_clear(&line->text);
}
