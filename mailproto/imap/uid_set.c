// SPDX-License-Identifier: MIT
/* Sets of UIDs as sorted ranges. Additions in ascending order touch the last range only; others
 * search for their place and melt what they touch. */
#include "mailproto/imap/uid_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void uid_set_clear(struct uid_set *set)
{
    free(set->ranges);
    *set = (struct uid_set){0};
}

/* Index of the first range whose last >= uid, or n_ranges. */
static size_t find_range(const struct uid_set *set, uint32_t uid)
{
    size_t low = 0;
    size_t high = set->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < uid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void insert_range(struct uid_set *set, size_t at, struct uid_range range)
{
    if (set->n_ranges == set->capacity) {
        set->ranges = array_grow(set->ranges, set->n_ranges, &set->capacity, sizeof(*set->ranges));
    }
    memmove(set->ranges + at + 1, set->ranges + at, (set->n_ranges - at) * sizeof(*set->ranges));
    set->ranges[at] = range;
    set->n_ranges++;
}

void uid_set_add_range(struct uid_set *set, uint32_t first, uint32_t last)
{
    /* The first range that ends at or after the number before `first`: it or none is touched. */
    size_t at = find_range(set, first > 0 ? first - 1 : 0);
    if (at == set->n_ranges || (last != UINT32_MAX && set->ranges[at].first > last + 1)) {
        insert_range(set, at, (struct uid_range){first, last});
        return;
    }
    struct uid_range *range = &set->ranges[at];
    if (first < range->first) {
        range->first = first;
    }
    if (last <= range->last) {
        return;
    }
    range->last = last;
    size_t end = at + 1;
    while (end < set->n_ranges && (last == UINT32_MAX || set->ranges[end].first <= last + 1)) {
        if (set->ranges[end].last > range->last) {
            range->last = set->ranges[end].last;
        }
        end++;
    }
    memmove(set->ranges + at + 1, set->ranges + end, (set->n_ranges - end) * sizeof(*set->ranges));
    set->n_ranges -= end - at - 1;
}

void uid_set_add(struct uid_set *set, uint32_t uid)
{
    uid_set_add_range(set, uid, uid);
}

bool uid_set_has(const struct uid_set *set, uint32_t uid)
{
    size_t at = find_range(set, uid);
    return at < set->n_ranges && set->ranges[at].first <= uid;
}

bool uid_set_is_empty(const struct uid_set *set)
{
    return set->n_ranges == 0;
}

uint64_t uid_set_count(const struct uid_set *set)
{
    uint64_t count = 0;
    for (size_t i = 0; i < set->n_ranges; i++) {
        count += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
    }
    return count;
}

void uid_set_copy(struct uid_set *out, const struct uid_set *set)
{
    struct uid_set copy = {0};
    if (set->n_ranges > 0) {
        copy.ranges = xmemdup(set->ranges, set->n_ranges * sizeof(*set->ranges));
        copy.n_ranges = set->n_ranges;
        copy.capacity = set->n_ranges;
    }
    uid_set_clear(out);
    *out = copy;
}

void uid_set_subtract(struct uid_set *out, const struct uid_set *set, const struct uid_set *other)
{
    size_t at = 0;
    for (size_t i = 0; i < set->n_ranges; i++) {
        uint64_t first = set->ranges[i].first;
        while (at < other->n_ranges && other->ranges[at].last < first) {
            at++;
        }
        for (size_t k = at; k < other->n_ranges && other->ranges[k].first <= set->ranges[i].last;
             k++) {
            if (other->ranges[k].first > first) {
                uid_set_add_range(out, (uint32_t)first, other->ranges[k].first - 1);
            }
            first = (uint64_t)other->ranges[k].last + 1;
        }
        if (first <= set->ranges[i].last) {
            uid_set_add_range(out, (uint32_t)first, set->ranges[i].last);
        }
    }
}

void uid_set_take(struct uid_set *out, struct uid_set *from)
{
    uid_set_clear(out);
    *out = *from;
    *from = (struct uid_set){0};
}

void uid_set_print(struct buf *out, const struct uid_set *set)
{
    for (size_t i = 0; i < set->n_ranges; i++) {
        const struct uid_range *range = &set->ranges[i];
        if (i > 0) {
            buf_append_byte(out, (uint8_t)',');
        }
        buf_printf(out, "%u", range->first);
        if (range->last > range->first) {
            buf_printf(out, ":%u", range->last);
        }
    }
}

bool uid_set_next(const struct uid_set *set, struct uid_set_walk *walk, uint32_t *out_uid)
{
    if (walk->range >= set->n_ranges) {
        return false;
    }
    const struct uid_range *range = &set->ranges[walk->range];
    uint32_t uid = walk->next == 0 ? range->first : (uint32_t)walk->next;
    if (uid == range->last) {
        walk->range++;
        walk->next = 0;
    } else {
        walk->next = (uint64_t)uid + 1;
    }
    *out_uid = uid;
    return true;
}
