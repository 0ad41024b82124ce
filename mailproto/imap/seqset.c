// SPDX-License-Identifier: MIT
#include "mailproto/imap/seqset.h"

#include <stdint.h>

#include "base/str.h"
#include "mailproto/imap/mailbox_view.h"
#include "mailproto/imap/uid_set.h"

/* One number of a set, or "*" which is `star` (0: not allowed). */
static bool parse_one(struct bytes text, uint32_t star, uint32_t *out)
{
    uint64_t number = 0;
    if (text.len == 1 && text.data[0] == '*') {
        *out = star;
        return star != 0;
    }
    if (!parse_u64(text, UINT32_MAX, &number) || number == 0 || text.data[0] == '0') {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

/* The next part of the set up to a comma, as an ascending range. */
static bool take_range(struct bytes *rest, uint32_t star, struct uid_range *out)
{
    size_t end = bytes_find(*rest, ',');
    struct bytes part = bytes_slice(*rest, 0, end);
    bool more = end < rest->len;
    *rest = bytes_slice(*rest, end + 1, SIZE_MAX);
    if (more && rest->len == 0) {
        return false; /* a comma at the end */
    }
    size_t colon = bytes_find(part, ':');
    uint32_t a = 0;
    uint32_t b = 0;
    if (!parse_one(bytes_slice(part, 0, colon), star, &a)) {
        return false;
    }
    b = a;
    if (colon < part.len && !parse_one(bytes_slice(part, colon + 1, SIZE_MAX), star, &b)) {
        return false;
    }
    *out = a <= b ? (struct uid_range){a, b} : (struct uid_range){b, a};
    return true;
}

void seqset_add_numbers(struct uid_set *out, const struct mailbox_view *view, unsigned first,
                        unsigned last)
{
    for (uint32_t seq = first; seq <= last; seq++) {
        uid_set_add(out, mailbox_view_at(view, seq)->uid);
    }
}

enum seqset_result seqset_of_numbers(struct uid_set *out, struct bytes text,
                                     const struct mailbox_view *view)
{
    struct uid_set numbers = {0};
    struct uid_range range;
    enum seqset_result result = SEQSET_OK;
    /* In an empty mailbox "*" is a number like any other: one that is not there. */
    uint32_t star = view->n_messages > 0 ? view->n_messages : 1;
    do {
        if (!take_range(&text, star, &range)) {
            result = SEQSET_BAD_SYNTAX;
        } else if (range.last > view->n_messages) {
            result = SEQSET_OUT_OF_RANGE;
        } else {
            uid_set_add_range(&numbers, range.first, range.last);
        }
    } while (text.len > 0 && result == SEQSET_OK);
    for (size_t i = 0; i < numbers.n_ranges && result == SEQSET_OK; i++) {
        seqset_add_numbers(out, view, numbers.ranges[i].first, numbers.ranges[i].last);
    }
    uid_set_clear(&numbers);
    return result;
}

/* Cut ranges of UIDs down to the messages that are there. */
static void add_existing(struct uid_set *out, const struct uid_set *asked,
                         const struct mailbox_view *view)
{
    for (size_t i = 0; i < asked->n_ranges; i++) {
        uint32_t seq = mailbox_view_lower_bound(view, asked->ranges[i].first);
        while (seq <= view->n_messages) {
            uint32_t uid = mailbox_view_at(view, seq++)->uid;
            if (uid > asked->ranges[i].last) {
                break;
            }
            uid_set_add(out, uid);
        }
    }
}

enum seqset_result seqset_plain(struct uid_set *out, struct bytes text, uint32_t star)
{
    struct uid_range range;
    do {
        if (!take_range(&text, star, &range)) {
            return SEQSET_BAD_SYNTAX;
        }
        uid_set_add_range(out, range.first, range.last);
    } while (text.len > 0);
    return SEQSET_OK;
}

enum seqset_result seqset_of_uids(struct uid_set *out, struct bytes text,
                                  const struct mailbox_view *view)
{
    struct uid_set asked = {0};
    uint32_t highest = view->n_messages > 0 ? mailbox_view_at(view, view->n_messages)->uid : 1;
    enum seqset_result result = seqset_plain(&asked, text, highest);
    if (result == SEQSET_OK) {
        add_existing(out, &asked, view);
    }
    uid_set_clear(&asked);
    return result;
}
