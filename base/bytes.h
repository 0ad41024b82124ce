// SPDX-License-Identifier: MIT
/* Bytes from strangers: a view, a sticky reader and a writer. Nothing else takes foreign bytes
 * apart.
 *
 * The reader is sticky: after the first read that does not fit, every read yields zero and
 * reader_ok is false. So fields can be read one after the other and judged once. But check
 * reader_ok before a value that was just read steers a loop, an allocation or a branch.
 *
 * Integers are big-endian. var_int is Bitmessage's (protocol page, "Variable length integer"): only
 * the shortest form is valid. */
#ifndef BITTERN_BASE_BYTES_H
#define BITTERN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct buf;

/* A borrowed piece of memory. data may be NULL when len is 0. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

/* What a parser of a stream says of the bytes it was shown. */
enum parse_result {
    PARSE_DONE, /* one unit was taken */
    PARSE_MORE, /* not complete yet; nothing was touched */
    PARSE_BAD   /* can never become valid; the fault says why */
};

/* The bytes of a NUL-terminated text, without the NUL. */
struct bytes bytes_of_str(const char *text) MUST_USE;
bool bytes_equal(struct bytes a, struct bytes b) MUST_USE;
/* The part from `offset` (cut to the end) of at most `len` bytes. */
struct bytes bytes_slice(struct bytes whole, size_t offset, size_t len) MUST_USE;
/* True when `whole` begins with `prefix`. */
bool bytes_starts_with(struct bytes whole, struct bytes prefix) MUST_USE;
/* Index of the first `byte`, or whole.len. */
size_t bytes_find(struct bytes whole, uint8_t byte) MUST_USE;

struct reader {
    struct bytes rest; /* not read yet */
    bool failed;
};

struct reader reader_of(struct bytes bytes) MUST_USE;
bool reader_ok(const struct reader *reader) MUST_USE;
/* True when all was read and no read failed. */
bool reader_at_end(const struct reader *reader) MUST_USE;
size_t reader_left(const struct reader *reader) MUST_USE;

uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/* Fails on a form longer than needed. */
uint64_t reader_var_int(struct reader *reader);
/* A view into the reader's bytes; empty when fewer than `len` are left. */
struct bytes reader_bytes(struct reader *reader, uint64_t len);
/* var_int length and that many bytes; fails when the length is above `max_len`. */
struct bytes reader_var_bytes(struct reader *reader, size_t max_len);
/* Copy exactly `len` bytes out; zeros on failure. */
void reader_copy(struct reader *reader, void *out, size_t len);
/* u32 length and that many bytes: the form of our own pipes between processes. */
struct bytes reader_block(struct reader *reader, size_t max_len);
/* All that is left. */
struct bytes reader_rest(struct reader *reader);
/* Mark failed by a rule of the caller's. */
void reader_fail(struct reader *reader);

enum { VAR_INT_MAX_BYTES = 9 };

/* Writers append to a buf, whose own cap and sticky failure they inherit. */
void write_u8(struct buf *out, uint8_t value);
void write_u16(struct buf *out, uint16_t value);
void write_u32(struct buf *out, uint32_t value);
void write_u64(struct buf *out, uint64_t value);
void write_var_int(struct buf *out, uint64_t value);
void write_bytes(struct buf *out, struct bytes bytes);
void write_var_bytes(struct buf *out, struct bytes bytes);
void write_block(struct buf *out, struct bytes bytes);
/* Bytes that write_var_int needs for `value`: 1, 3, 5 or 9. */
size_t var_int_size(uint64_t value) MUST_USE;

uint32_t load_be32(const uint8_t in[4]) MUST_USE;
uint64_t load_be64(const uint8_t in[8]) MUST_USE;
void store_be32(uint8_t out[4], uint32_t value);
void store_be64(uint8_t out[8], uint64_t value);

#endif
