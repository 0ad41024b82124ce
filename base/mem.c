// SPDX-License-Identifier: MIT
#include "base/mem.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 4096, ARRAY_FIRST_CAPACITY = 8 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

static NORETURN void out_of_memory(void)
{
    fputs("out of memory\n", stderr);
    abort();
}

void *mem_try_alloc(size_t size)
{
    return malloc(size != 0 ? size : 1);
}

void *mem_try_resize(void *block, size_t size)
{
    return realloc(block, size != 0 ? size : 1);
}

void *xmalloc(size_t size)
{
    void *block = mem_try_alloc(size);
    if (block == NULL) {
        out_of_memory();
    }
    return block;
}

void *xcalloc(size_t count, size_t size)
{
    void *block = calloc(count != 0 ? count : 1, size != 0 ? size : 1);
    if (block == NULL) {
        out_of_memory();
    }
    return block;
}

void *xreallocarray(void *block, size_t count, size_t size)
{
    void *moved = reallocarray(block, count != 0 ? count : 1, size != 0 ? size : 1);
    if (moved == NULL) {
        out_of_memory();
    }
    return moved;
}

void *xmemdup(const void *data, size_t len)
{
    void *copy = xmalloc(len);
    if (len != 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

char *xstrndup(const char *text, size_t len)
{
    char *copy = xmalloc(len + 1);
    if (len != 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

static PRINTF_LIKE(2, 0) char *format_in(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) {
        abort();
    }
    size_t size = (size_t)len + 1;
    char *text = arena != NULL ? arena_alloc(arena, size) : xmalloc(size);
    vsnprintf(text, size, format, args);
    return text;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_in(NULL, format, args);
    va_end(args);
    return text;
}

void mem_keep_freed(int bytes)
{
    (void)mallopt(M_MMAP_THRESHOLD, bytes);
    (void)mallopt(M_TRIM_THRESHOLD, bytes);
}

void mem_wipe(void *data, size_t len)
{
    if (len != 0) {
        explicit_bzero(data, len);
    }
}

bool mem_equal_ct(const void *a, const void *b, size_t len)
{
    const unsigned char *left = a;
    const unsigned char *right = b;
    unsigned char difference = 0;
    for (size_t i = 0; i < len; i++) {
        difference |= (unsigned char)(left[i] ^ right[i]);
    }
    return difference == 0;
}

void *array_grow(void *array, size_t n_items, size_t *capacity, size_t item_size)
{
    if (n_items < *capacity) {
        return array;
    }
    size_t wanted = *capacity != 0 ? *capacity * 2 : ARRAY_FIRST_CAPACITY;
    array = xreallocarray(array, wanted, item_size);
    *capacity = wanted;
    return array;
}

/* NULL when there is no memory. */
static struct arena_block *try_add_block(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block)) {
        return NULL;
    }
    struct arena_block *block = mem_try_alloc(sizeof *block + size);
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    block->used = 0;
    block->next = arena->head;
    arena->head = block;
    arena->total += sizeof *block + size;
    return block;
}

/* Not zeroed; NULL when there is no memory. */
static void *try_take(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - align) {
        return NULL;
    }
    size_t rounded = (size + align - 1) / align * align;
    struct arena_block *block = arena->head;
    if (block == NULL || rounded > block->size - block->used) {
        block = try_add_block(arena, rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES);
        if (block == NULL) {
            return NULL;
        }
    }
    void *result = block->data + block->used;
    block->used += rounded;
    return result;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *result = try_take(arena, size);
    if (result == NULL) {
        out_of_memory();
    }
    if (size != 0) {
        memset(result, 0, size);
    }
    return result;
}

void *arena_try_memdup(struct arena *arena, const void *data, size_t len)
{
    void *copy = try_take(arena, len);
    if (copy != NULL && len != 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

void *arena_memdup(struct arena *arena, const void *data, size_t len)
{
    void *copy = arena_try_memdup(arena, data, len);
    if (copy == NULL) {
        out_of_memory();
    }
    return copy;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (len != 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_in(arena, format, args);
    va_end(args);
    return text;
}

void arena_clear(struct arena *arena)
{
    struct arena_block *block = arena->head;
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
