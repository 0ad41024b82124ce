// SPDX-License-Identifier: MIT
#include "base/byte_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BYTE_QUEUE_FIRST_CAPACITY = 1024 };

/* Move the content to the front only when at least as much was consumed as must be moved, so that
 * each byte is moved once at most. */
static bool make_room(struct byte_queue *queue, size_t len)
{
    if (len <= queue->capacity - queue->len && queue->head >= queue->len) {
        memmove(queue->data, queue->data + queue->head, queue->len);
        queue->head = 0;
        return true;
    }
    size_t wanted = queue->len + len;
    size_t capacity = BYTE_QUEUE_FIRST_CAPACITY;
    while (capacity < wanted) {
        capacity *= 2;
    }
    uint8_t *data = mem_try_alloc(capacity);
    if (data == NULL) {
        return false;
    }
    if (queue->len != 0) {
        memcpy(data, queue->data + queue->head, queue->len);
    }
    free(queue->data);
    queue->data = data;
    queue->capacity = capacity;
    queue->head = 0;
    return true;
}

uint8_t *byte_queue_reserve(struct byte_queue *queue, size_t len)
{
    assert(len <= SIZE_MAX / 4 && queue->len <= SIZE_MAX / 4);
    bool has_room = queue->data != NULL && len <= queue->capacity - queue->head - queue->len;
    if (!has_room && !make_room(queue, len)) {
        return NULL;
    }
    return queue->data + queue->head + queue->len;
}

void byte_queue_added(struct byte_queue *queue, size_t len)
{
    assert(len <= queue->capacity - queue->head - queue->len);
    queue->len += len;
    if (queue->len == 0) {
        byte_queue_clear(queue);
    }
}

bool byte_queue_append(struct byte_queue *queue, struct bytes bytes)
{
    uint8_t *room = bytes.len != 0 ? byte_queue_reserve(queue, bytes.len) : NULL;
    if (room != NULL) {
        memcpy(room, bytes.data, bytes.len);
        queue->len += bytes.len;
    }
    return room != NULL || bytes.len == 0;
}

struct bytes byte_queue_view(const struct byte_queue *queue)
{
    if (queue->len == 0) {
        return (struct bytes){0};
    }
    return (struct bytes){queue->data + queue->head, queue->len};
}

void byte_queue_consume(struct byte_queue *queue, size_t len)
{
    assert(len <= queue->len);
    queue->head += len;
    queue->len -= len;
    if (queue->len == 0) {
        byte_queue_clear(queue);
    }
}

void byte_queue_clear(struct byte_queue *queue)
{
    free(queue->data);
    *queue = (struct byte_queue){0};
}
