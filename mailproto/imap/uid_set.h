// SPDX-License-Identifier: MIT
/* A set of UIDs (or of sequence numbers) as sorted ranges that neither touch nor overlap.
 *
 * {0} is a valid empty set. Memory grows with the number of ranges, not of UIDs. */
#ifndef BITTERN_MAILPROTO_IMAP_UID_SET_H
#define BITTERN_MAILPROTO_IMAP_UID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct buf;

struct uid_range {
    uint32_t first; /* <= last */
    uint32_t last;
};

struct uid_set {
    struct uid_range *ranges;
    size_t n_ranges;
    size_t capacity;
};

void uid_set_clear(struct uid_set *set);
/* Quick when the ranges come in ascending order. `first` <= `last`. */
void uid_set_add_range(struct uid_set *set, uint32_t first, uint32_t last);
void uid_set_add(struct uid_set *set, uint32_t uid);
bool uid_set_has(const struct uid_set *set, uint32_t uid) MUST_USE;
bool uid_set_is_empty(const struct uid_set *set) MUST_USE;
/* How many UIDs are in it. */
uint64_t uid_set_count(const struct uid_set *set) MUST_USE;
/* `out` becomes a copy; what it held is freed. */
void uid_set_copy(struct uid_set *out, const struct uid_set *set);
/* `out`, which is empty, becomes what is in `set` and not in `other`. */
void uid_set_subtract(struct uid_set *out, const struct uid_set *set, const struct uid_set *other);
/* Move the content; `from` is empty afterwards. */
void uid_set_take(struct uid_set *out, struct uid_set *from);
/* "1:3,7" in IMAP's form; nothing for an empty set. */
void uid_set_print(struct buf *out, const struct uid_set *set);

/* Walk: start with a {0} walk; false at the end. */
struct uid_set_walk {
    size_t range;
    uint64_t next; /* 0: at the range's start */
};
bool uid_set_next(const struct uid_set *set, struct uid_set_walk *walk, uint32_t *out_uid) MUST_USE;

#endif
