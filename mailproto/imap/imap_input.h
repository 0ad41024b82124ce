// SPDX-License-Identifier: MIT
/* From a stream of bytes to whole commands: lines and literals (RFC 9051 section 4.3).
 *
 * A command's lines and literals are gathered in one text. Where a line announces a literal, the
 * session is asked what to do with it before a byte of it is read: gather it, stream it (the
 * message of an APPEND), or skip it (too large, but sent without asking). Pieces may be cut
 * anywhere. */
#ifndef BITTERN_MAILPROTO_IMAP_IMAP_INPUT_H
#define BITTERN_MAILPROTO_IMAP_IMAP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/imap/imap_token.h"

enum {
    IMAP_LINE_MAX_BYTES = 65536,    /* one line */
    IMAP_LITERAL_MAX_BYTES = 65536, /* one literal that is gathered */
    IMAP_COMMAND_MAX_BYTES = 262144 /* a command with all its lines and literals */
};

enum imap_input_event {
    IMAP_INPUT_MORE,     /* all was taken, nothing is complete */
    IMAP_INPUT_LINE,     /* the command is complete: imap_input_text; then imap_input_reset */
    IMAP_INPUT_LITERAL,  /* `literal` was announced: gather, stream or skip, or reset */
    IMAP_INPUT_STREAMED, /* `piece` belongs to the literal that is streamed; maybe the last one */
    IMAP_INPUT_SKIPPED,  /* a literal was skipped to its end */
    IMAP_INPUT_BARE_LF,  /* a line without CR before LF: the text was dropped */
    IMAP_INPUT_TOO_LONG  /* a line or command is above its limit: dropped, its rest will be, too */
};

enum imap_input_mode {
    IMAP_MODE_LINE,
    IMAP_MODE_LITERAL,
    IMAP_MODE_STREAM,
    IMAP_MODE_SKIP,
    IMAP_MODE_DISCARD /* up to the end of a line that is too long */
};

struct imap_input {
    struct buf text;
    size_t line_start; /* where the current line begins in text */
    enum imap_input_mode mode;
    uint64_t left; /* of the current literal */
    struct imap_literal literal;
    struct bytes piece;   /* IMAP_INPUT_STREAMED: borrowed from what was fed */
    uint64_t n_discarded; /* of the line that is being discarded */
};

/* Takes bytes up to the next event; returns how many. */
size_t imap_input_feed(struct imap_input *input, struct bytes bytes,
                       enum imap_input_event *out_event) MUST_USE;
struct bytes imap_input_text(const struct imap_input *input) MUST_USE;
/* Forget the text and begin a new line. The memory is given back where it is much. */
void imap_input_reset(struct imap_input *input);
void imap_input_gather(struct imap_input *input);
/* The text before it is kept. */
void imap_input_stream(struct imap_input *input);
void imap_input_skip(struct imap_input *input);
void imap_input_clear(struct imap_input *input);

#endif
