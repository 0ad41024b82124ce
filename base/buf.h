// SPDX-License-Identifier: MIT
/* A growable byte buffer with a cap.
 *
 * The cap is set once, where the buffer is made; every append is checked against it. A failed
 * append leaves the content as it was and marks the buffer failed (sticky): a writer may append
 * many times and ask buf_ok once at the end. {0} is a valid empty buffer without a cap. */
#ifndef BITTERN_BASE_BUF_H
#define BITTERN_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct bytes;

struct buf {
    uint8_t *data; /* `len` bytes; NULL while nothing was ever appended */
    size_t len;
    size_t capacity;
    size_t max_len; /* 0: no cap */
    bool failed;    /* an append did not fit under the cap */
};

/* An empty buffer that never holds more than `max_len` bytes (0: no cap). */
void buf_init(struct buf *buf, size_t max_len);
/* Free the memory; the cap stays. */
void buf_clear(struct buf *buf);
/* As buf_clear, wiped first. For secrets; such a buffer is reserved to its full size beforehand. */
void buf_clear_secret(struct buf *buf);
/* Empty, keeping the memory; also forgives an earlier failure. */
void buf_reset(struct buf *buf);
bool buf_ok(const struct buf *buf) MUST_USE;

/* Make room for `extra` more bytes. False (and failed) when the cap forbids it. */
bool buf_reserve(struct buf *buf, size_t extra);
/* The same for what a stranger's words made so large; false also when there is no memory, and the
 * buffer is then as it was. */
bool buf_try_reserve(struct buf *buf, size_t extra) MUST_USE;
bool buf_append(struct buf *buf, const void *data, size_t len);
bool buf_append_bytes(struct buf *buf, struct bytes bytes);
bool buf_append_str(struct buf *buf, const char *text);
static inline bool buf_append_byte(struct buf *buf, uint8_t byte);
/* In decimal. */
bool buf_append_u64(struct buf *buf, uint64_t number);
bool buf_append_zeros(struct buf *buf, size_t n_zeros);
bool buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
bool buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Drop `len` bytes (<= buf->len) from the front. */
void buf_consume(struct buf *buf, size_t len);
/* Cut to `len` bytes (<= buf->len). */
void buf_truncate(struct buf *buf, size_t len);

/* Borrowed until the buffer changes. */
struct bytes buf_view(const struct buf *buf) MUST_USE;
/* The content as NUL-terminated text; the NUL is not counted in len. Borrowed likewise. The content
 * may hold NULs of its own. */
const char *buf_str(struct buf *buf) MUST_USE;
/* Hand the memory to the caller (free() it); the buffer is empty again. */
uint8_t *buf_take(struct buf *buf, size_t *out_len) MUST_USE;

/* Here, because renderers call it for every byte of a reply: there is nearly always room. */
static inline bool buf_append_byte(struct buf *buf, uint8_t byte)
{
    bool has_room = !buf->failed && buf->len + 1 < buf->capacity &&
                    (buf->max_len == 0 || buf->len < buf->max_len);
    if (!has_room && !buf_reserve(buf, 1)) {
        return false;
    }
    buf->data[buf->len++] = byte;
    return true;
}

#endif
