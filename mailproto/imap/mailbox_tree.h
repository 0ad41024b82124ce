// SPDX-License-Identifier: MIT
/* The tree that a list of names is, walked from the top: each node once, before what is below it,
 * also the levels that are in some name and have no entry of their own.
 *
 * Questions about what is below a node look forward from where they stopped the last time, so that
 * a walk with all its questions costs as much as the list is long, whatever the tree's shape. */
#ifndef BITTERN_MAILPROTO_IMAP_MAILBOX_TREE_H
#define BITTERN_MAILPROTO_IMAP_MAILBOX_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct mailbox_entry;
struct mailbox_list;

struct mailbox_node {
    const char *name; /* the list's; `len` bytes of it */
    size_t len;
    const struct mailbox_entry *entry; /* NULL: only a level */
};

/* {.list = a list, which has to stay} is the beginning. */
struct mailbox_walk {
    const struct mailbox_list *list;
    size_t at;   /* the first entry that was not given yet */
    size_t from; /* where in its name the next level begins */
};

/* False at the end. */
bool mailbox_walk_next(struct mailbox_walk *walk, struct mailbox_node *out) MUST_USE;

/* A question about entries; {.holds = ...} is the beginning. */
struct mailbox_ahead {
    bool (*holds)(const void *context, size_t index);
    const void *context;
    size_t at; /* no entry before it that is still to come holds */
};

/* Is there an entry below the node that the walk gave last for which `ahead` holds? To be asked of
 * one walk alone. */
bool mailbox_walk_is_above(const struct mailbox_walk *walk, const struct mailbox_node *node,
                           struct mailbox_ahead *ahead) MUST_USE;

#endif
