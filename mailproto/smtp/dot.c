// SPDX-License-Identifier: MIT
#include "mailproto/smtp/dot.h"

#include "base/buf.h"

/* Bytes of an ordinary line: up to a CR, LF or the end, at once. */
static size_t plain_run(struct bytes in)
{
    size_t cr = bytes_find(in, '\r');
    return bytes_find(bytes_slice(in, 0, cr), '\n');
}

static void add(struct buf *out, struct bytes bytes)
{
    if (out != NULL) {
        buf_append_bytes(out, bytes);
    }
}

static void end_line(struct dot *dot, struct buf *out)
{
    add(out, bytes_of_str("\r\n"));
    dot->line_len = 0;
    dot->place = DOT_AT_LINE_START;
}

/* The byte after a CR must be an LF. */
static bool expect_lf(uint8_t byte)
{
    return byte == '\n';
}

enum dot_result dot_feed(struct dot *dot, size_t *out_taken, struct buf *out, struct bytes in)
{
    size_t i = 0;
    while (i < in.len) {
        uint8_t byte = in.data[i];
        switch (dot->place) {
        case DOT_AT_LINE_START:
            if (byte == '.') {
                dot->place = DOT_AFTER_DOT;
                i++;
                break;
            }
            dot->place = DOT_IN_LINE;
            break;
        case DOT_AFTER_DOT: /* the dot is dropped, whatever follows but the end */
            if (byte == '\r') {
                dot->place = DOT_AFTER_DOT_CR;
                i++;
                break;
            }
            dot->place = DOT_IN_LINE;
            break;
        case DOT_AFTER_DOT_CR:
            *out_taken = i + 1;
            return expect_lf(byte) ? DOT_END : DOT_BARE;
        case DOT_AFTER_CR:
            if (!expect_lf(byte)) {
                *out_taken = i + 1;
                return DOT_BARE;
            }
            end_line(dot, out);
            i++;
            break;
        case DOT_IN_LINE: {
            size_t run = plain_run(bytes_slice(in, i, in.len));
            add(out, bytes_slice(in, i, run));
            dot->line_len += run;
            if (dot->line_len > dot->longest_line) {
                dot->longest_line = dot->line_len;
            }
            i += run;
            if (i < in.len && in.data[i] == '\n') {
                *out_taken = i + 1;
                return DOT_BARE;
            }
            if (i < in.len) {
                dot->place = DOT_AFTER_CR;
                i++;
            }
            break;
        }
        }
    }
    *out_taken = in.len;
    return DOT_MORE;
}
