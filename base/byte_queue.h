// SPDX-License-Identifier: MIT
/* Bytes in at one end, out at the other: a connection's buffers. For this room alone.
 *
 * The content is always in one piece. An empty queue holds no memory, so that an idle connection
 * costs nothing. {0} is a valid empty queue. Whoever fills it minds the bound. */
#ifndef BITTERN_BASE_BYTE_QUEUE_H
#define BITTERN_BASE_BYTE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct byte_queue {
    uint8_t *data;
    size_t capacity;
    size_t head; /* offset of the first byte */
    size_t len;
};

/* Room for `len` bytes behind the content; fill it and call byte_queue_added. NULL: there is no
 * memory. */
uint8_t *byte_queue_reserve(struct byte_queue *queue, size_t len) MUST_USE;
void byte_queue_added(struct byte_queue *queue, size_t len);
/* False: there is no memory, and nothing was added. */
bool byte_queue_append(struct byte_queue *queue, struct bytes bytes) MUST_USE;
/* Borrowed until the queue changes. */
struct bytes byte_queue_view(const struct byte_queue *queue) MUST_USE;
/* Drop `len` bytes (<= queue->len) from the front. */
void byte_queue_consume(struct byte_queue *queue, size_t len);
void byte_queue_clear(struct byte_queue *queue);

#endif
