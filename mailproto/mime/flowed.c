// SPDX-License-Identifier: MIT
#include "mailproto/mime/flowed.h"

#include "base/buf.h"
#include "mailproto/mime/header.h"

enum { MAX_QUOTE_DEPTH = 100 };

static size_t quote_depth(struct bytes line)
{
    size_t depth = 0;
    while (depth < line.len && depth < MAX_QUOTE_DEPTH && line.data[depth] == '>') {
        depth++;
    }
    return depth;
}

static void begin_paragraph(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        buf_append_byte(out, '>');
    }
    if (depth != 0) {
        buf_append_byte(out, ' ');
    }
}

void flowed_decode(struct buf *out, struct bytes text, bool del_sp)
{
    bool is_open = false; /* the last line ended in a soft break */
    size_t open_depth = 0;
    while (text.len != 0) {
        size_t len = line_len(text);
        bool has_end = text.data[len - 1] == '\n';
        struct bytes line = line_content(bytes_slice(text, 0, len));
        text = bytes_slice(text, len, text.len);
        size_t depth = quote_depth(line);
        line = bytes_slice(line, depth, line.len);
        if (line.len != 0 && line.data[0] == ' ') {
            line = bytes_slice(line, 1, line.len); /* space-stuffed */
        }
        bool is_signature = bytes_equal(line, bytes_of_str("-- "));
        if (is_open && (depth != open_depth || is_signature)) {
            buf_append_byte(out, '\n');
            is_open = false;
        }
        if (!is_open) {
            begin_paragraph(out, depth);
        }
        bool is_soft = line.len != 0 && line.data[line.len - 1] == ' ' && !is_signature && has_end;
        buf_append_bytes(out, bytes_slice(line, 0, line.len - (is_soft && del_sp)));
        if (!is_soft && has_end) {
            buf_append_byte(out, '\n');
        }
        is_open = is_soft;
        open_depth = depth;
    }
    if (is_open) {
        buf_append_byte(out, '\n');
    }
}
