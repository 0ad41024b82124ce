// SPDX-License-Identifier: MIT
/* One frame at a time, judged in the order its bytes arrive: magic, command, length, checksum.
 *
 * Nothing is kept between calls. While a frame is incomplete only its header is looked at again, so
 * that a payload is hashed once, however many pieces it comes in. */
#include "node/wire/frame.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "crypto/hash.h"

enum { CHECKSUM_BYTES = 4, LENGTH_OFFSET = 16, CHECKSUM_OFFSET = 20 };

static const char *const command_names[] = {
    [WIRE_UNKNOWN] = "unknown", [WIRE_VERSION] = "version", [WIRE_VERACK] = "verack",
    [WIRE_ADDR] = "addr",       [WIRE_INV] = "inv",         [WIRE_DINV] = "dinv",
    [WIRE_GETDATA] = "getdata", [WIRE_OBJECT] = "object",   [WIRE_PING] = "ping",
    [WIRE_PONG] = "pong",       [WIRE_ERROR] = "error",     [WIRE_PORTCHECK] = "portcheck",
};

const char *wire_command_name(enum wire_command command)
{
    return command_names[command];
}

static enum wire_command command_of_name(const char *name)
{
    for (size_t i = WIRE_UNKNOWN + 1; i < ARRAY_LEN(command_names); i++) {
        if (strcmp(name, command_names[i]) == 0) {
            return (enum wire_command)i;
        }
    }
    return WIRE_UNKNOWN;
}

static void checksum_of(uint8_t out[CHECKSUM_BYTES], struct bytes payload)
{
    uint8_t digest[SHA512_BYTES];
    hash_sha512(digest, payload);
    memcpy(out, digest, CHECKSUM_BYTES);
}

/* Printable ASCII, then NULs to the end; at least one letter. */
static bool read_command(char out[FRAME_COMMAND_BYTES + 1], struct bytes field)
{
    size_t len = bytes_find(field, 0);
    for (size_t i = 0; i < field.len; i++) {
        bool is_printable = field.data[i] > ' ' && field.data[i] < 0x7f;
        if (i < len ? !is_printable : field.data[i] != 0) {
            return false;
        }
        out[i] = (char)field.data[i];
    }
    out[FRAME_COMMAND_BYTES] = '\0';
    return len != 0;
}

/* False as soon as one of the bytes that are there differs. */
static bool magic_fits(struct bytes in, uint32_t magic)
{
    uint8_t expected[4];
    store_be32(expected, magic);
    struct bytes seen = bytes_slice(in, 0, sizeof expected);
    return bytes_equal(seen, (struct bytes){expected, seen.len});
}

enum parse_result frame_parse_header(struct frame_header *out, uint32_t magic, struct bytes in,
                                     struct fault *fault)
{
    if (!magic_fits(in, magic)) {
        fault_set(fault, FAULT_INVALID, "frame with a foreign magic");
        return PARSE_BAD;
    }
    if (in.len < FRAME_HEADER_BYTES) {
        return PARSE_MORE;
    }
    struct reader reader = reader_of(in);
    struct frame_header header = {0};
    (void)reader_u32(&reader);
    if (!read_command(header.name, reader_bytes(&reader, FRAME_COMMAND_BYTES))) {
        fault_set(fault, FAULT_INVALID, "frame whose command is not padded ASCII");
        return PARSE_BAD;
    }
    header.command = command_of_name(header.name);
    header.payload_len = reader_u32(&reader);
    reader_copy(&reader, header.checksum, CHECKSUM_BYTES);
    if (header.payload_len > FRAME_MAX_PAYLOAD_BYTES) {
        fault_set(fault, FAULT_LIMIT, "frame \"%s\" announces %" PRIu32 " bytes, above %d",
                  header.name, header.payload_len, FRAME_MAX_PAYLOAD_BYTES);
        return PARSE_BAD;
    }
    *out = header;
    return PARSE_DONE;
}

enum parse_result frame_parse(struct frame *out, size_t *out_used, uint32_t magic, struct bytes in,
                              struct fault *fault)
{
    struct frame_header header;
    enum parse_result result = frame_parse_header(&header, magic, in, fault);
    if (result != PARSE_DONE) {
        return result;
    }
    struct bytes payload = bytes_slice(in, FRAME_HEADER_BYTES, header.payload_len);
    if (payload.len < header.payload_len) {
        return PARSE_MORE;
    }
    uint8_t checksum[CHECKSUM_BYTES];
    checksum_of(checksum, payload);
    if (memcmp(header.checksum, checksum, CHECKSUM_BYTES) != 0) {
        fault_set(fault, FAULT_INVALID, "frame \"%s\" with a wrong checksum", header.name);
        return PARSE_BAD;
    }
    *out = (struct frame){.command = header.command, .payload = payload};
    memcpy(out->name, header.name, sizeof out->name);
    *out_used = FRAME_HEADER_BYTES + payload.len;
    return PARSE_DONE;
}

size_t frame_begin(struct buf *out, uint32_t magic, enum wire_command command)
{
    size_t start = out->len;
    const char *name = command_names[command];
    size_t name_len = strlen(name);
    write_u32(out, magic);
    buf_append(out, name, name_len);
    buf_append_zeros(out, FRAME_COMMAND_BYTES - name_len);
    buf_append_zeros(out, FRAME_HEADER_BYTES - LENGTH_OFFSET);
    return start;
}

void frame_end(struct buf *out, size_t start)
{
    if (!buf_ok(out)) {
        return;
    }
    struct bytes payload = bytes_slice(buf_view(out), start + FRAME_HEADER_BYTES, SIZE_MAX);
    if (payload.len > FRAME_MAX_PAYLOAD_BYTES) {
        out->failed = true;
        return;
    }
    store_be32(out->data + start + LENGTH_OFFSET, (uint32_t)payload.len);
    checksum_of(out->data + start + CHECKSUM_OFFSET, payload);
}

void frame_write(struct buf *out, uint32_t magic, enum wire_command command, struct bytes payload)
{
    buf_reserve(out, FRAME_HEADER_BYTES + payload.len);
    size_t start = frame_begin(out, magic, command);
    write_bytes(out, payload);
    frame_end(out, start);
}
