// SPDX-License-Identifier: MIT
/* The part of msgpack that contents need: a bounded pull reader that allocates nothing, and
 * writers.
 *
 * Written by hand, since a general unpacker builds a tree whose size a stranger chooses, and bounds
 * neither its depth nor its number of values as tightly as we want. */
#ifndef BITTERN_NODE_CONTENT_MSGPACK_H
#define BITTERN_NODE_CONTENT_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

enum msgpack_kind {
    MSGPACK_TEXT,  /* str or bin: `text` */
    MSGPACK_ARRAY, /* `count` values follow */
    MSGPACK_MAP,   /* `count` pairs of values follow */
    MSGPACK_OTHER  /* nil, bool, number or extension: skipped already */
};

struct msgpack_value {
    enum msgpack_kind kind;
    struct bytes text; /* borrows from the reader's bytes */
    size_t count;
};

struct msgpack_reader {
    struct reader reader;
    size_t n_values_left; /* how many more values may be read, in the whole */
};

/* Fails (reader_ok of msgpack->reader) at the end, on a byte that begins no value, and on a count
 * that the bytes left or n_values_left cannot hold. Returns MSGPACK_OTHER then. */
struct msgpack_value msgpack_next(struct msgpack_reader *msgpack);
/* Pass over what is within a value just read, arrays and maps nested at most `max_depth` deep. */
void msgpack_skip_inside(struct msgpack_reader *msgpack, struct msgpack_value value,
                         size_t max_depth);

void msgpack_write_map(struct buf *out, size_t n_pairs);
void msgpack_write_array(struct buf *out, size_t n_values);
void msgpack_write_str(struct buf *out, struct bytes text);
void msgpack_write_bin(struct buf *out, struct bytes data);

#endif
