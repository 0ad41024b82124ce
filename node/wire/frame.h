// SPDX-License-Identifier: MIT
/* Packets of the Bitmessage network: a 24-byte header and a payload (Bitmessage protocol, "Message
 * structure").
 *
 *     magic 4 | command 12, ASCII padded with NUL | payload length 4 | checksum 4 | payload
 *
 * The checksum is the first 4 bytes of SHA-512 of the payload. A header is judged as soon as its 24
 * bytes are there: a length above the bound is refused before a byte of its payload was kept.
 * Commands that are not known are frames like any other, so that a session can skip them. */
#ifndef BITTERN_NODE_WIRE_FRAME_H
#define BITTERN_NODE_WIRE_FRAME_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

enum {
    FRAME_HEADER_BYTES = 24,
    FRAME_COMMAND_BYTES = 12,
    FRAME_MAX_PAYLOAD_BYTES = 1600100,
    FRAME_MAX_BYTES = FRAME_HEADER_BYTES + FRAME_MAX_PAYLOAD_BYTES
};

/* The magic of the public network; a private one has its own. */
#define FRAME_MAGIC UINT32_C(0xe9beb4d9)

enum wire_command {
    WIRE_UNKNOWN = 0,
    WIRE_VERSION,
    WIRE_VERACK,
    WIRE_ADDR,
    WIRE_INV,
    WIRE_DINV,
    WIRE_GETDATA,
    WIRE_OBJECT,
    WIRE_PING,
    WIRE_PONG,
    WIRE_ERROR,
    WIRE_PORTCHECK
};

struct frame {
    enum wire_command command;
    char name[FRAME_COMMAND_BYTES + 1]; /* as sent: printable ASCII, NUL-terminated */
    struct bytes payload;               /* borrows from the bytes that were parsed */
};

/* Read one frame from the front of `in`.
 * PARSE_DONE: *out is filled, *out_used bytes (>= 24) may be dropped; out->payload borrows from
 * `in`. PARSE_MORE: the frame is not complete yet; nothing is touched. PARSE_BAD:  wrong magic, a
 * command that is no NUL-padded printable ASCII, a length above FRAME_MAX_PAYLOAD_BYTES, or a wrong
 * checksum; `fault` says which. The magic is judged from the first byte on, the rest of the header
 * when it is complete. */
enum parse_result frame_parse(struct frame *out, size_t *out_used, uint32_t magic, struct bytes in,
                              struct fault *fault) MUST_USE;

/* What a header says, when its 24 bytes are there: for a session that refuses a command, or a
 * length for a command, before it takes the payload in. */
struct frame_header {
    enum wire_command command;
    char name[FRAME_COMMAND_BYTES + 1]; /* as in struct frame */
    uint32_t payload_len;               /* not above FRAME_MAX_PAYLOAD_BYTES */
    uint8_t checksum[4];
};

/* As frame_parse, without the payload. */
enum parse_result frame_parse_header(struct frame_header *out, uint32_t magic, struct bytes in,
                                     struct fault *fault) MUST_USE;

/* Append a frame whose payload is at hand. */
void frame_write(struct buf *out, uint32_t magic, enum wire_command command, struct bytes payload);

/* Append a frame whose payload is then written to `out` directly: begin, write, end. Returns where
 * the frame starts, for frame_end, which fills in length and checksum. */
size_t frame_begin(struct buf *out, uint32_t magic, enum wire_command command) MUST_USE;
/* A payload above FRAME_MAX_PAYLOAD_BYTES marks `out` failed. */
void frame_end(struct buf *out, size_t start);

/* The command's name on the wire; "unknown" for WIRE_UNKNOWN. Static storage. */
const char *wire_command_name(enum wire_command command) MUST_USE;

#endif
