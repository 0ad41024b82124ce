// SPDX-License-Identifier: MIT
/* An intrusive, circular, doubly linked list. The head is a node of its own; a node that is in no
 * list points to itself. Removing a node twice is harmless. */
#ifndef BITTERN_BASE_LIST_H
#define BITTERN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

static inline void list_init(struct list_node *node)
{
    node->next = node;
    node->prev = node;
}

static inline bool list_is_empty(const struct list_node *head)
{
    return head->next == head;
}

static inline void list_insert_before(struct list_node *position, struct list_node *node)
{
    node->prev = position->prev;
    node->next = position;
    position->prev->next = node;
    position->prev = node;
}

static inline void list_append(struct list_node *head, struct list_node *node)
{
    list_insert_before(head, node);
}

static inline void list_prepend(struct list_node *head, struct list_node *node)
{
    list_insert_before(head->next, node);
}

static inline void list_remove(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The struct that holds `node` as its field `member`. */
#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Visit each node; the body may remove the node it was given, no other. */
#define list_for_each(node, head)                                                                  \
    for (struct list_node *node = (head)->next, *node##_next = node->next; node != (head);         \
         node = node##_next, node##_next = node->next)

#endif
