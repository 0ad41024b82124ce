// SPDX-License-Identifier: MIT
/* The names of an account's mailboxes: an immutable list, in the order of their tree.
 *
 * Sorted by name, with '/' before all other characters and INBOX with what is below it in front. So
 * all that is below a name stands in one run right behind it: a name is found by halving, and the
 * tree is walked by going through the list once (mailbox_tree.h).
 *
 * A list is shared by those who hold a reference. A change of names makes a new list; who goes
 * through the old one over many turns of the loop sees one picture to its end. References are not
 * counted atomically. */
#ifndef BITTERN_MAILPROTO_IMAP_MAILBOX_LIST_H
#define BITTERN_MAILPROTO_IMAP_MAILBOX_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/mem.h"

enum mailbox_attribute {
    MAILBOX_NOSELECT = 1 << 0,    /* only a level of the hierarchy */
    MAILBOX_NOINFERIORS = 1 << 1, /* can have no children */
    MAILBOX_NONEXISTENT = 1 << 2, /* only a subscription is left of it */
    MAILBOX_SUBSCRIBED = 1 << 3,
    MAILBOX_NOT_APPENDABLE = 1 << 4, /* nothing can be appended or copied into it */
    /* Special uses (RFC 6154), at most one each. */
    MAILBOX_USE_ALL = 1 << 8,
    MAILBOX_USE_ARCHIVE = 1 << 9,
    MAILBOX_USE_DRAFTS = 1 << 10,
    MAILBOX_USE_FLAGGED = 1 << 11,
    MAILBOX_USE_JUNK = 1 << 12,
    MAILBOX_USE_SENT = 1 << 13,
    MAILBOX_USE_TRASH = 1 << 14,
    MAILBOX_USE_MASK = 0x7f << 8
};

struct mailbox_entry {
    uint64_t id; /* never used twice, survives a rename: MAILBOXID. 0 when MAILBOX_NONEXISTENT */
    const char *name;
    unsigned attributes;
};

struct mailbox_list {
    struct mailbox_entry *entries;
    size_t n_entries;
    /* Its own. */
    size_t capacity;
    struct arena names;
    unsigned n_refs;
};

/* Empty, with one reference, the caller's; then add all names in any order, each once, and sort. */
struct mailbox_list *mailbox_list_new(void) MUST_USE;
/* The name is copied. */
void mailbox_list_add(struct mailbox_list *list, const struct mailbox_entry *entry);
void mailbox_list_sort(struct mailbox_list *list);
struct mailbox_list *mailbox_list_ref(struct mailbox_list *list) MUST_USE;
void mailbox_list_unref(struct mailbox_list **list);

/* <0, 0, >0: which of two names comes first. */
int mailbox_name_compare(const char *a, const char *b) MUST_USE;
/* Is `name` below the first `parent_len` bytes of `parent`, at whatever depth? */
bool mailbox_name_is_below(const char *name, const char *parent, size_t parent_len) MUST_USE;
/* NULL when it is not there. */
const struct mailbox_entry *mailbox_list_find(const struct mailbox_list *list,
                                              const char *name) MUST_USE;

#endif
