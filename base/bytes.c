// SPDX-License-Identifier: MIT
#include "base/bytes.h"

#include <string.h>

#include "base/buf.h"

/* var_int: the first byte is the value itself, or says how many bytes follow. */
enum { VAR_INT_U16 = 0xfd, VAR_INT_U32 = 0xfe, VAR_INT_U64 = 0xff };

struct bytes bytes_of_str(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct bytes bytes_slice(struct bytes whole, size_t offset, size_t len)
{
    if (offset >= whole.len) {
        return (struct bytes){0};
    }
    size_t left = whole.len - offset;
    return (struct bytes){whole.data + offset, len < left ? len : left};
}

bool bytes_starts_with(struct bytes whole, struct bytes prefix)
{
    return whole.len >= prefix.len && bytes_equal(bytes_slice(whole, 0, prefix.len), prefix);
}

size_t bytes_find(struct bytes whole, uint8_t byte)
{
    if (whole.len == 0) {
        return 0;
    }
    const uint8_t *hit = memchr(whole.data, byte, whole.len);
    return hit != NULL ? (size_t)(hit - whole.data) : whole.len;
}

uint32_t load_be32(const uint8_t in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

uint64_t load_be64(const uint8_t in[8])
{
    return (uint64_t)load_be32(in) << 32 | load_be32(in + 4);
}

void store_be32(uint8_t out[4], uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

void store_be64(uint8_t out[8], uint64_t value)
{
    store_be32(out, (uint32_t)(value >> 32));
    store_be32(out + 4, (uint32_t)value);
}

struct reader reader_of(struct bytes bytes)
{
    return (struct reader){.rest = bytes};
}

bool reader_ok(const struct reader *reader)
{
    return !reader->failed;
}

bool reader_at_end(const struct reader *reader)
{
    return !reader->failed && reader->rest.len == 0;
}

size_t reader_left(const struct reader *reader)
{
    return reader->rest.len;
}

void reader_fail(struct reader *reader)
{
    reader->failed = true;
    reader->rest = (struct bytes){0};
}

struct bytes reader_bytes(struct reader *reader, uint64_t len)
{
    if (len > reader->rest.len) {
        reader_fail(reader);
        return (struct bytes){0};
    }
    struct bytes taken = {reader->rest.data, (size_t)len};
    if (len != 0) {
        reader->rest.data += len;
        reader->rest.len -= (size_t)len;
    }
    return taken;
}

struct bytes reader_rest(struct reader *reader)
{
    return reader_bytes(reader, reader->rest.len);
}

void reader_copy(struct reader *reader, void *out, size_t len)
{
    struct bytes taken = reader_bytes(reader, len);
    if (len == 0) {
        return;
    }
    if (taken.len == len) {
        memcpy(out, taken.data, len);
    } else {
        memset(out, 0, len);
    }
}

static uint64_t read_be(struct reader *reader, size_t n_bytes)
{
    struct bytes taken = reader_bytes(reader, n_bytes);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.len; i++) {
        value = value << 8 | taken.data[i];
    }
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)read_be(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
    return (uint16_t)read_be(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)read_be(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
    return read_be(reader, 8);
}

size_t var_int_size(uint64_t value)
{
    if (value < VAR_INT_U16) {
        return 1;
    }
    if (value <= UINT16_MAX) {
        return 3;
    }
    return value <= UINT32_MAX ? 5 : VAR_INT_MAX_BYTES;
}

uint64_t reader_var_int(struct reader *reader)
{
    uint8_t first = reader_u8(reader);
    if (first < VAR_INT_U16) {
        return first;
    }
    size_t n_bytes = (size_t)2 << (first - VAR_INT_U16);
    uint64_t value = read_be(reader, n_bytes);
    if (reader->failed || var_int_size(value) != n_bytes + 1) {
        reader_fail(reader);
        return 0;
    }
    return value;
}

struct bytes reader_var_bytes(struct reader *reader, size_t max_len)
{
    uint64_t len = reader_var_int(reader);
    if (len > max_len) {
        reader_fail(reader);
        return (struct bytes){0};
    }
    return reader_bytes(reader, len);
}

struct bytes reader_block(struct reader *reader, size_t max_len)
{
    uint32_t len = reader_u32(reader);
    if (len > max_len) {
        reader_fail(reader);
        return (struct bytes){0};
    }
    return reader_bytes(reader, len);
}

void write_u8(struct buf *out, uint8_t value)
{
    buf_append_byte(out, value);
}

void write_u16(struct buf *out, uint16_t value)
{
    buf_append(out, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

void write_u32(struct buf *out, uint32_t value)
{
    uint8_t encoded[4];
    store_be32(encoded, value);
    buf_append(out, encoded, sizeof encoded);
}

void write_u64(struct buf *out, uint64_t value)
{
    uint8_t encoded[8];
    store_be64(encoded, value);
    buf_append(out, encoded, sizeof encoded);
}

void write_var_int(struct buf *out, uint64_t value)
{
    switch (var_int_size(value)) {
    case 1:
        write_u8(out, (uint8_t)value);
        break;
    case 3:
        write_u8(out, VAR_INT_U16);
        write_u16(out, (uint16_t)value);
        break;
    case 5:
        write_u8(out, VAR_INT_U32);
        write_u32(out, (uint32_t)value);
        break;
    default:
        write_u8(out, VAR_INT_U64);
        write_u64(out, value);
        break;
    }
}

void write_bytes(struct buf *out, struct bytes bytes)
{
    buf_append(out, bytes.data, bytes.len);
}

void write_var_bytes(struct buf *out, struct bytes bytes)
{
    write_var_int(out, bytes.len);
    write_bytes(out, bytes);
}

void write_block(struct buf *out, struct bytes bytes)
{
    if (bytes.len > UINT32_MAX) {
        out->failed = true;
        return;
    }
    write_u32(out, (uint32_t)bytes.len);
    write_bytes(out, bytes);
}
