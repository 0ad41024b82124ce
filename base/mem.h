// SPDX-License-Identifier: MIT
/* Memory: allocation that does not fail, arenas, and what secrets need.
 *
 * Small allocations abort the process when there is no memory: the supervisor starts it again, and
 * nothing that was accepted is lost. A block whose size a stranger chose is capped first and comes
 * from mem_try_alloc, whose failure is an ordinary error.
 *
 * An arena serves things that end together (a command, a session): many small allocations, one
 * arena_clear. It is not for things whose number a stranger controls without bound. */
#ifndef BITTERN_BASE_MEM_H
#define BITTERN_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

void *xmalloc(size_t size) MUST_USE;
/* Zeroed; aborts also when count * size overflows. */
void *xcalloc(size_t count, size_t size) MUST_USE;
void *xreallocarray(void *block, size_t count, size_t size) MUST_USE;
char *xstrdup(const char *text) MUST_USE;
/* A NUL-terminated copy of `len` bytes. */
char *xstrndup(const char *text, size_t len) MUST_USE;
void *xmemdup(const void *data, size_t len) MUST_USE;
/* A formatted heap string. */
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2) MUST_USE;

/* NULL when there is no memory. */
void *mem_try_alloc(size_t size) MUST_USE;
/* `block` with another size, maybe elsewhere. NULL: there is no memory, and it is as it was. */
void *mem_try_resize(void *block, size_t size) MUST_USE;

/* Keep up to `bytes` of what is freed for what is allocated next. Without it, jobs that take and
 * free large blocks one after the other are given other pages each time, and the kernel clears
 * them. */
void mem_keep_freed(int bytes);
enum { MEM_KEPT_BYTES = 4 << 20 }; /* a usual mail, taken apart and put together */

/* Overwrite in a way that the compiler may not drop. */
void mem_wipe(void *data, size_t len);
/* Equality in time that depends on `len` alone. */
bool mem_equal_ct(const void *a, const void *b, size_t len) MUST_USE;

/* Room for one more element in a growing array: doubles, from 8. `*capacity` counts elements.
 * Returns the (possibly moved) array. */
void *array_grow(void *array, size_t n_items, size_t *capacity, size_t item_size) MUST_USE;

struct arena_block;

/* {0} is a valid empty arena. */
struct arena {
    struct arena_block *head;
    size_t total; /* bytes asked of the system so far */
};

/* Aligned for any type; zeroed. */
void *arena_alloc(struct arena *arena, size_t size) MUST_USE;
char *arena_strdup(struct arena *arena, const char *text) MUST_USE;
char *arena_strndup(struct arena *arena, const char *text, size_t len) MUST_USE;
void *arena_memdup(struct arena *arena, const void *data, size_t len) MUST_USE;
/* For what a stranger's words made so large. NULL: no memory, and the arena is as it was. */
void *arena_try_memdup(struct arena *arena, const void *data, size_t len) MUST_USE;
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* Free all; the arena can be used again. */
void arena_clear(struct arena *arena);

#endif
