// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

enum { BUF_FIRST_CAPACITY = 64 };

void buf_init(struct buf *buf, size_t max_len)
{
    *buf = (struct buf){.max_len = max_len};
}

void buf_clear(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){.max_len = buf->max_len};
}

void buf_clear_secret(struct buf *buf)
{
    mem_wipe(buf->data, buf->capacity);
    buf_clear(buf);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

bool buf_ok(const struct buf *buf)
{
    return !buf->failed;
}

/* Is there room under the cap? *out gets the capacity that it takes. */
static bool plan_capacity(struct buf *buf, size_t extra, size_t *out)
{
    size_t max_len = buf->max_len != 0 ? buf->max_len : SIZE_MAX / 4;
    if (buf->failed || extra > max_len || buf->len > max_len - extra) {
        buf->failed = true;
        return false;
    }
    size_t wanted = buf->len + extra + 1; /* one more, for buf_str's NUL */
    *out = buf->capacity;
    if (wanted > *out && *out == 0) {
        *out = BUF_FIRST_CAPACITY;
    }
    while (*out < wanted) {
        *out *= 2;
    }
    return true;
}

bool buf_reserve(struct buf *buf, size_t extra)
{
    size_t capacity;
    if (!plan_capacity(buf, extra, &capacity)) {
        return false;
    }
    if (capacity > buf->capacity) {
        buf->data = xreallocarray(buf->data, capacity, 1);
        buf->capacity = capacity;
    }
    return true;
}

bool buf_try_reserve(struct buf *buf, size_t extra)
{
    size_t capacity;
    if (!plan_capacity(buf, extra, &capacity)) {
        return false;
    }
    if (capacity > buf->capacity) {
        uint8_t *data = mem_try_resize(buf->data, capacity);
        if (data == NULL) {
            return false;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    return true;
}

bool buf_append(struct buf *buf, const void *data, size_t len)
{
    if (!buf_reserve(buf, len)) {
        return false;
    }
    if (len != 0) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }
    return true;
}

bool buf_append_bytes(struct buf *buf, struct bytes bytes)
{
    return buf_append(buf, bytes.data, bytes.len);
}

bool buf_append_str(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

bool buf_append_u64(struct buf *buf, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return buf_append(buf, digits + at, sizeof digits - at);
}

bool buf_append_zeros(struct buf *buf, size_t n_zeros)
{
    if (!buf_reserve(buf, n_zeros)) {
        return false;
    }
    memset(buf->data + buf->len, 0, n_zeros);
    buf->len += n_zeros;
    return true;
}

bool buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    /* Into the room that is there; a second time only when that was too small. */
    size_t room = buf->capacity - buf->len;
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(room > 0 ? (char *)buf->data + buf->len : NULL, room, format, again);
    va_end(again);
    if (len < 0 || !buf_reserve(buf, (size_t)len)) {
        buf->failed = true;
        return false;
    }
    if ((size_t)len >= room) {
        vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    }
    buf->len += (size_t)len;
    return true;
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = buf_vprintf(buf, format, args);
    va_end(args);
    return ok;
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len == 0) {
        return;
    }
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
}

void buf_truncate(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len = len;
}

struct bytes buf_view(const struct buf *buf)
{
    return (struct bytes){buf->data, buf->len};
}

const char *buf_str(struct buf *buf)
{
    if (buf->data == NULL) {
        return "";
    }
    buf->data[buf->len] = '\0';
    return (const char *)buf->data;
}

uint8_t *buf_take(struct buf *buf, size_t *out_len)
{
    uint8_t *data = buf->data != NULL ? buf->data : xmalloc(1);
    *out_len = buf->len;
    *buf = (struct buf){.max_len = buf->max_len};
    return data;
}
