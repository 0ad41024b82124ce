// SPDX-License-Identifier: MIT
#include "mailproto/imap/mailbox_tree.h"

#include <string.h>

#include "mailproto/imap/mailbox_list.h"

/* Where `name` goes on behind the levels that `before`, the name in front of it, has or is. */
static size_t behind_shared_levels(const char *before, const char *name)
{
    size_t from = 0;
    size_t i = 0;
    while (before[i] != '\0' && before[i] == name[i]) {
        i++;
        from = name[i - 1] == '/' ? i : from;
    }
    return before[i] == '\0' && name[i] == '/' ? i + 1 : from;
}

bool mailbox_walk_next(struct mailbox_walk *walk, struct mailbox_node *out)
{
    if (walk->at == walk->list->n_entries) {
        return false;
    }
    const struct mailbox_entry *entry = &walk->list->entries[walk->at];
    const char *slash = strchr(entry->name + walk->from, '/');
    if (slash != NULL) {
        size_t len = (size_t)(slash - entry->name);
        *out = (struct mailbox_node){entry->name, len, NULL};
        walk->from = len + 1;
        return true;
    }
    *out = (struct mailbox_node){entry->name, strlen(entry->name), entry};
    walk->at++;
    walk->from = walk->at < walk->list->n_entries
                     ? behind_shared_levels(entry->name, walk->list->entries[walk->at].name)
                     : 0;
    return true;
}

bool mailbox_walk_is_above(const struct mailbox_walk *walk, const struct mailbox_node *node,
                           struct mailbox_ahead *ahead)
{
    if (ahead->at < walk->at) {
        ahead->at = walk->at;
    }
    while (ahead->at < walk->list->n_entries && !ahead->holds(ahead->context, ahead->at)) {
        ahead->at++;
    }
    return ahead->at < walk->list->n_entries &&
           mailbox_name_is_below(walk->list->entries[ahead->at].name, node->name, node->len);
}
