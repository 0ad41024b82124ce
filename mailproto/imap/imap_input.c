// SPDX-License-Identifier: MIT
#include "mailproto/imap/imap_input.h"

enum { TEXT_KEPT_BYTES = 4096 };

struct bytes imap_input_text(const struct imap_input *input)
{
    return buf_view(&input->text);
}

void imap_input_reset(struct imap_input *input)
{
    if (input->text.capacity > TEXT_KEPT_BYTES) {
        buf_clear(&input->text);
    } else {
        buf_reset(&input->text);
    }
    input->line_start = 0;
    input->mode = IMAP_MODE_LINE;
    input->left = 0;
    input->n_discarded = 0;
}

void imap_input_clear(struct imap_input *input)
{
    buf_clear(&input->text);
    *input = (struct imap_input){0};
}

void imap_input_gather(struct imap_input *input)
{
    buf_append_str(&input->text, "\r\n");
    input->left = input->literal.len;
    input->mode = IMAP_MODE_LITERAL;
}

void imap_input_stream(struct imap_input *input)
{
    input->left = input->literal.len;
    input->mode = IMAP_MODE_STREAM;
}

void imap_input_skip(struct imap_input *input)
{
    input->left = input->literal.len;
    input->mode = IMAP_MODE_SKIP;
}

static void start_line(struct imap_input *input)
{
    input->mode = IMAP_MODE_LINE;
    input->line_start = input->text.len;
}

/* A whole line is in the text, LF included. */
static enum imap_input_event end_line(struct imap_input *input)
{
    size_t len = input->text.len - 1;
    if (len == input->line_start || input->text.data[len - 1] != '\r') {
        imap_input_reset(input);
        return IMAP_INPUT_BARE_LF;
    }
    buf_truncate(&input->text, len - 1);
    struct bytes line = bytes_slice(buf_view(&input->text), input->line_start, SIZE_MAX);
    return imap_line_ends_in_literal(line, &input->literal) ? IMAP_INPUT_LITERAL : IMAP_INPUT_LINE;
}

static size_t feed_line(struct imap_input *input, struct bytes bytes,
                        enum imap_input_event *out_event)
{
    size_t end = bytes_find(bytes, '\n');
    bool complete = end < bytes.len;
    size_t used = complete ? end + 1 : bytes.len;
    if (input->text.len - input->line_start + used > IMAP_LINE_MAX_BYTES ||
        input->text.len + used > IMAP_COMMAND_MAX_BYTES) {
        size_t dropped = input->text.len - input->line_start;
        imap_input_reset(input);
        input->n_discarded = dropped;
        input->mode = IMAP_MODE_DISCARD;
        *out_event = IMAP_INPUT_TOO_LONG; /* said at once: its end may never come */
        return 0;
    }
    buf_append_bytes(&input->text, bytes_slice(bytes, 0, used));
    *out_event = complete ? end_line(input) : IMAP_INPUT_MORE;
    return used;
}

static size_t feed_literal(struct imap_input *input, struct bytes bytes,
                           enum imap_input_event *out_event)
{
    size_t used = bytes.len < input->left ? bytes.len : (size_t)input->left;
    input->left -= used;
    *out_event = IMAP_INPUT_MORE;
    if (input->mode == IMAP_MODE_LITERAL) {
        buf_append_bytes(&input->text, bytes_slice(bytes, 0, used));
    } else if (input->mode == IMAP_MODE_STREAM) {
        input->piece = bytes_slice(bytes, 0, used);
        *out_event = IMAP_INPUT_STREAMED;
    } else if (input->left == 0) {
        *out_event = IMAP_INPUT_SKIPPED;
    }
    if (input->left == 0) {
        start_line(input);
    }
    return used;
}

static size_t feed_discard(struct imap_input *input, struct bytes bytes,
                           enum imap_input_event *out_event)
{
    size_t end = bytes_find(bytes, '\n');
    *out_event = IMAP_INPUT_MORE;
    if (end < bytes.len) {
        imap_input_reset(input);
        return end + 1;
    }
    input->n_discarded += bytes.len;
    return bytes.len;
}

size_t imap_input_feed(struct imap_input *input, struct bytes bytes,
                       enum imap_input_event *out_event)
{
    size_t used = 0;
    *out_event = IMAP_INPUT_MORE;
    /* A step that takes nothing and says nothing has only changed the mode. An empty literal is
     * over without a byte. */
    while (*out_event == IMAP_INPUT_MORE) {
        struct bytes rest = bytes_slice(bytes, used, SIZE_MAX);
        bool empty_literal =
            input->left == 0 && (input->mode == IMAP_MODE_LITERAL ||
                                 input->mode == IMAP_MODE_STREAM || input->mode == IMAP_MODE_SKIP);
        if (rest.len == 0 && !empty_literal) {
            break;
        }
        switch (input->mode) {
        case IMAP_MODE_LINE:
            used += feed_line(input, rest, out_event);
            break;
        case IMAP_MODE_LITERAL:
        case IMAP_MODE_STREAM:
        case IMAP_MODE_SKIP:
            used += feed_literal(input, rest, out_event);
            break;
        case IMAP_MODE_DISCARD:
            used += feed_discard(input, rest, out_event);
            break;
        }
    }
    return used;
}
