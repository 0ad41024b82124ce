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

/* OpenPGP's armour, also of a text that is signed in clear (RFC 9580 sections 6.2 and 7): what is
 * between such lines is signed as it stands on the wire (RFC 3676 section 4.5). */
static bool is_armour_begin(struct bytes line)
{
    return bytes_starts_with(line, bytes_of_str("-----BEGIN PGP "));
}

static bool is_armour_end(struct bytes line)
{
    return bytes_starts_with(line, bytes_of_str("-----END PGP "));
}

void flowed_decode(struct buf *out, struct bytes text, bool del_sp)
{
    bool is_open = false; /* the last line ended in a soft break */
    bool is_in_armour = false;
    size_t open_depth = 0;
    while (text.len != 0) {
        size_t len = line_len(text);
        bool has_end = text.data[len - 1] == '\n';
        struct bytes whole = bytes_slice(text, 0, len);
        struct bytes line = line_content(whole);
        text = bytes_slice(text, len, text.len);
        if (is_in_armour || is_armour_begin(line)) {
            buf_append_str(out, is_open ? "\n" : "");
            buf_append_bytes(out, whole);
            is_open = false;
            is_in_armour = !is_armour_end(line);
            continue;
        }
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
