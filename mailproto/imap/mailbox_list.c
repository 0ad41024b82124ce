// SPDX-License-Identifier: MIT
#include "mailproto/imap/mailbox_list.h"

#include <stdlib.h>
#include <string.h>

struct mailbox_list *mailbox_list_new(void)
{
    struct mailbox_list *list = xcalloc(1, sizeof(*list));
    list->n_refs = 1;
    return list;
}

void mailbox_list_add(struct mailbox_list *list, const struct mailbox_entry *entry)
{
    if (list->n_entries == list->capacity) {
        list->entries =
            array_grow(list->entries, list->n_entries, &list->capacity, sizeof(*list->entries));
    }
    struct mailbox_entry *own = &list->entries[list->n_entries++];
    *own = *entry;
    own->name = arena_strdup(&list->names, entry->name);
}

static int compare_entries(const void *a, const void *b)
{
    return mailbox_name_compare(((const struct mailbox_entry *)a)->name,
                                ((const struct mailbox_entry *)b)->name);
}

void mailbox_list_sort(struct mailbox_list *list)
{
    if (list->n_entries > 1) {
        qsort(list->entries, list->n_entries, sizeof(*list->entries), compare_entries);
    }
}

struct mailbox_list *mailbox_list_ref(struct mailbox_list *list)
{
    list->n_refs++;
    return list;
}

void mailbox_list_unref(struct mailbox_list **pointer)
{
    struct mailbox_list *list = *pointer;
    *pointer = NULL;
    if (list == NULL || --list->n_refs > 0) {
        return;
    }
    arena_clear(&list->names);
    free(list->entries);
    free(list);
}

/* ---- Names ---- */

bool mailbox_name_is_below(const char *name, const char *parent, size_t parent_len)
{
    return strncmp(name, parent, parent_len) == 0 && name[parent_len] == '/';
}

static bool is_inbox_or_below(const char *name)
{
    return strcmp(name, "INBOX") == 0 || mailbox_name_is_below(name, "INBOX", strlen("INBOX"));
}

int mailbox_name_compare(const char *a, const char *b)
{
    int order = (int)is_inbox_or_below(b) - (int)is_inbox_or_below(a);
    if (order != 0) {
        return order;
    }
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    /* No name has a character below the space. */
    int key_a = *a == '/' ? 1 : (unsigned char)*a;
    int key_b = *b == '/' ? 1 : (unsigned char)*b;
    return key_a - key_b;
}

const struct mailbox_entry *mailbox_list_find(const struct mailbox_list *list, const char *name)
{
    const struct mailbox_entry wanted = {.name = name};
    return list->n_entries == 0 ? NULL
                                : bsearch(&wanted, list->entries, list->n_entries,
                                          sizeof(*list->entries), compare_entries);
}
