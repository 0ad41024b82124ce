// SPDX-License-Identifier: MIT
#include "node/content/msgpack.h"

#include "base/buf.h"

/* First bytes (msgpack specification, "Formats"). Below 0x80 and from 0xe0 on: small integers. */
enum {
    FIX_MAP = 0x80,
    FIX_ARRAY = 0x90,
    FIX_STR = 0xa0,
    NIL = 0xc0,
    NEVER_USED = 0xc1,
    BIN_8 = 0xc4,
    EXT_8 = 0xc7,
    FLOAT_32 = 0xca,
    UINT_8 = 0xcc,
    FIX_EXT_1 = 0xd4,
    STR_8 = 0xd9,
    ARRAY_16 = 0xdc,
    MAP_16 = 0xde,
    NEGATIVE = 0xe0
};

/* A length of 1, 2 or 4 bytes: which = 0, 1, 2. */
static uint32_t read_length(struct reader *reader, unsigned which)
{
    return which == 0 ? reader_u8(reader) : which == 1 ? reader_u16(reader) : reader_u32(reader);
}

static struct msgpack_value container(struct msgpack_reader *msgpack, enum msgpack_kind kind,
                                      size_t count)
{
    size_t n_values = kind == MSGPACK_MAP ? 2 * count : count;
    if (n_values > msgpack->n_values_left || n_values > reader_left(&msgpack->reader)) {
        reader_fail(&msgpack->reader);
        return (struct msgpack_value){.kind = MSGPACK_OTHER};
    }
    return (struct msgpack_value){.kind = kind, .count = count};
}

static struct msgpack_value text(struct reader *reader, uint32_t len)
{
    return (struct msgpack_value){.kind = MSGPACK_TEXT, .text = reader_bytes(reader, len)};
}

/* Numbers and extensions: of no use to us, so only their length counts. */
static void skip_scalar(struct reader *reader, uint8_t first)
{
    static const uint8_t number_bytes[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8}; /* from FLOAT_32 on */

    if (first == NEVER_USED) {
        reader_fail(reader);
    } else if (first >= FIX_EXT_1 && first < STR_8) {
        reader_bytes(reader, 1 + (UINT64_C(1) << (first - FIX_EXT_1)));
    } else if (first >= FLOAT_32) {
        reader_bytes(reader, number_bytes[first - FLOAT_32]);
    } else if (first >= EXT_8) {
        uint64_t len = read_length(reader, first - (unsigned)EXT_8);
        reader_bytes(reader, 1 + len);
    }
}

struct msgpack_value msgpack_next(struct msgpack_reader *msgpack)
{
    struct reader *reader = &msgpack->reader;
    const struct msgpack_value other = {.kind = MSGPACK_OTHER};

    if (msgpack->n_values_left == 0) {
        reader_fail(reader);
        return other;
    }
    msgpack->n_values_left--;
    uint8_t first = reader_u8(reader);
    if (first < FIX_MAP || first >= NEGATIVE) {
        return other;
    }
    if (first < FIX_ARRAY) {
        return container(msgpack, MSGPACK_MAP, first & 0x0f);
    }
    if (first < FIX_STR) {
        return container(msgpack, MSGPACK_ARRAY, first & 0x0f);
    }
    if (first < NIL) {
        return text(reader, first & 0x1f);
    }
    if (first >= BIN_8 && first < EXT_8) {
        return text(reader, read_length(reader, first - (unsigned)BIN_8));
    }
    if (first >= MAP_16) {
        return container(msgpack, MSGPACK_MAP, read_length(reader, 1 + first - (unsigned)MAP_16));
    }
    if (first >= ARRAY_16) {
        return container(msgpack, MSGPACK_ARRAY,
                         read_length(reader, 1 + first - (unsigned)ARRAY_16));
    }
    if (first >= STR_8) {
        return text(reader, read_length(reader, first - (unsigned)STR_8));
    }
    skip_scalar(reader, first);
    return other;
}

void msgpack_skip_inside(struct msgpack_reader *msgpack, struct msgpack_value value,
                         size_t max_depth)
{
    if (value.kind != MSGPACK_ARRAY && value.kind != MSGPACK_MAP) {
        return;
    }
    if (max_depth == 0) {
        reader_fail(&msgpack->reader);
        return;
    }
    size_t n_values = value.kind == MSGPACK_MAP ? 2 * value.count : value.count;
    for (size_t i = 0; i < n_values && reader_ok(&msgpack->reader); i++) {
        msgpack_skip_inside(msgpack, msgpack_next(msgpack), max_depth - 1);
    }
}

/* The shortest form; `first_8` is 0 where there is none with one byte of length. */
static void write_head(struct buf *out, size_t n, size_t fix_max, uint8_t fix, uint8_t first_8,
                       uint8_t first_16)
{
    if (n <= fix_max && fix != 0) {
        write_u8(out, (uint8_t)(fix | n));
    } else if (n <= UINT8_MAX && first_8 != 0) {
        write_u8(out, first_8);
        write_u8(out, (uint8_t)n);
    } else if (n <= UINT16_MAX) {
        write_u8(out, first_16);
        write_u16(out, (uint16_t)n);
    } else {
        write_u8(out, (uint8_t)(first_16 + 1));
        write_u32(out, (uint32_t)n);
    }
}

void msgpack_write_map(struct buf *out, size_t n_pairs)
{
    write_head(out, n_pairs, 0x0f, FIX_MAP, 0, MAP_16);
}

void msgpack_write_array(struct buf *out, size_t n_values)
{
    write_head(out, n_values, 0x0f, FIX_ARRAY, 0, ARRAY_16);
}

void msgpack_write_str(struct buf *out, struct bytes text_bytes)
{
    write_head(out, text_bytes.len, 0x1f, FIX_STR, STR_8, STR_8 + 1);
    write_bytes(out, text_bytes);
}

void msgpack_write_bin(struct buf *out, struct bytes data)
{
    write_head(out, data.len, 0, 0, BIN_8, BIN_8 + 1);
    write_bytes(out, data);
}
