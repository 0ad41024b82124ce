// SPDX-License-Identifier: MIT
/* By references: the steps are those of RFC 5256 section 3, "REFERENCES".
 *
 * A node is a message or a dummy for one that is only referred to. All walks are loops, and no
 * chain of parents grows beyond THREAD_MAX_DEPTH: what strangers write into References costs
 * bounded time. */
#include "mailproto/imap/thread.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

struct thread_node {
    struct thread_node *parent;
    struct thread_node *first;
    struct thread_node *last;
    struct thread_node *next;             /* sibling */
    struct thread_node *next_all;         /* in the order of making */
    const struct thread_message *message; /* NULL: a dummy */
};

/* ---- The tree ---- */

static void attach(struct thread_node *parent, struct thread_node *child)
{
    child->parent = parent;
    child->next = NULL;
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
}

static void detach(struct thread_node *child)
{
    struct thread_node *parent = child->parent;
    struct thread_node *before = NULL;
    for (struct thread_node *node = parent->first; node != child; node = node->next) {
        before = node;
    }
    if (before != NULL) {
        before->next = child->next;
    } else {
        parent->first = child->next;
    }
    if (parent->last == child) {
        parent->last = before;
    }
    child->parent = NULL;
    child->next = NULL;
}

/* May `child` stand below `parent`: no loop, not too deep? */
static bool may_attach(const struct thread_node *parent, const struct thread_node *child)
{
    unsigned depth = 0;
    for (const struct thread_node *node = parent; node != NULL; node = node->parent) {
        if (node == child || ++depth >= THREAD_MAX_DEPTH) {
            return false;
        }
    }
    return true;
}

static int64_t date_of(const struct thread_node *node)
{
    if (node->message != NULL) {
        return node->message->date;
    }
    return node->first != NULL && node->first->message != NULL ? node->first->message->date : 0;
}

static uint32_t number_of(const struct thread_node *node)
{
    const struct thread_node *shown = node->message != NULL ? node : node->first;
    return shown != NULL && shown->message != NULL ? shown->message->number : 0;
}

static int compare_nodes(const void *left, const void *right)
{
    const struct thread_node *a = *(struct thread_node *const *)left;
    const struct thread_node *b = *(struct thread_node *const *)right;
    if (date_of(a) != date_of(b)) {
        return date_of(a) > date_of(b) ? 1 : -1;
    }
    return (number_of(a) > number_of(b)) - (number_of(a) < number_of(b));
}

static void sort_children(struct thread_node *parent)
{
    size_t n_children = 0;
    for (struct thread_node *node = parent->first; node != NULL; node = node->next) {
        n_children++;
    }
    if (n_children < 2) {
        return;
    }
    struct thread_node **children = xcalloc(n_children, sizeof(*children));
    size_t i = 0;
    for (struct thread_node *node = parent->first; node != NULL; node = node->next) {
        children[i++] = node;
    }
    qsort(children, n_children, sizeof(*children), compare_nodes);
    parent->first = NULL;
    parent->last = NULL;
    for (i = 0; i < n_children; i++) {
        attach(parent, children[i]);
    }
    free(children);
}

/* ---- Step 1: who answers whom ---- */

struct forest {
    struct arena *arena;
    struct map by_id;
    struct thread_node *all; /* the last made first */
    struct thread_node root; /* above all threads */
};

static struct thread_node *node_new(struct forest *forest, const struct thread_message *message)
{
    struct thread_node *node = arena_alloc(forest->arena, sizeof(*node));
    node->message = message;
    node->next_all = forest->all;
    forest->all = node;
    return node;
}

static struct thread_node *node_of_id(struct forest *forest, struct bytes id)
{
    struct thread_node *node = map_get(&forest->by_id, id);
    if (node == NULL) {
        node = node_new(forest, NULL);
        (void)map_put(&forest->by_id, id, node);
    }
    return node;
}

/* The next "<...>" off the text. */
static bool take_id(struct bytes *text, struct bytes *out_id)
{
    size_t start = bytes_find(*text, '<');
    struct bytes rest = bytes_slice(*text, start, SIZE_MAX);
    size_t end = bytes_find(rest, '>');
    if (rest.len == 0 || end == rest.len) {
        return false;
    }
    *out_id = bytes_slice(rest, 0, end + 1);
    *text = bytes_slice(rest, end + 1, SIZE_MAX);
    return end > 1;
}

/* A message's own node: that of its Message-ID, unless another message has it already. */
static struct thread_node *own_node(struct forest *forest, const struct thread_message *message)
{
    struct bytes text = message->message_id;
    struct bytes id = {0};
    if (!take_id(&text, &id)) {
        return node_new(forest, message);
    }
    struct thread_node *node = node_of_id(forest, id);
    if (node->message != NULL) {
        return node_new(forest, message);
    }
    node->message = message;
    return node;
}

static void link_message(struct forest *forest, const struct thread_message *message)
{
    struct bytes ids[THREAD_MAX_REFERENCES];
    struct bytes text = message->references;
    size_t n_ids = 0;
    struct thread_node *node = own_node(forest, message);
    while (text.len > 0) {
        struct bytes id = {0};
        if (!take_id(&text, &id)) {
            break;
        }
        if (n_ids == THREAD_MAX_REFERENCES) {
            memmove(ids, ids + 1, (n_ids - 1) * sizeof(*ids));
            n_ids--;
        }
        ids[n_ids++] = id;
    }
    struct thread_node *parent = NULL;
    for (size_t i = 0; i < n_ids; i++) {
        struct thread_node *referred = node_of_id(forest, ids[i]);
        if (parent != NULL && referred->parent == NULL && may_attach(parent, referred)) {
            attach(parent, referred);
        }
        parent = referred;
    }
    /* What others said of its parent counts no more, even if its own word can't be followed. */
    if (node->parent != NULL) {
        detach(node);
    }
    if (parent != NULL && may_attach(parent, node)) {
        attach(parent, node);
    }
}

/* ---- Steps 2 to 4 ---- */

/* Take a dummy out; its children stand in its place. */
static void dissolve(struct thread_node *dummy)
{
    struct thread_node *parent = dummy->parent;
    detach(dummy);
    while (dummy->first != NULL) {
        struct thread_node *child = dummy->first;
        detach(child);
        attach(parent, child);
    }
}

static void gather_roots(struct forest *forest)
{
    for (struct thread_node *node = forest->all; node != NULL; node = node->next_all) {
        if (node->parent == NULL) {
            attach(&forest->root, node);
        }
    }
}

/* Dummies go, but for one above all that holds several together. Nodes are passed in the order of
 * making, the latest first; a dummy that loses its last child thereby is met again. */
static void prune(struct forest *forest)
{
    bool again = true;
    while (again) {
        again = false;
        for (struct thread_node *node = forest->all; node != NULL; node = node->next_all) {
            bool is_dummy = node->message == NULL && node->parent != NULL;
            bool holds_roots = node->parent == &forest->root && node->first != node->last;
            if (is_dummy && !holds_roots) {
                dissolve(node);
                again = true;
            }
        }
    }
}

static void sort_all(struct forest *forest)
{
    for (struct thread_node *node = forest->all; node != NULL; node = node->next_all) {
        sort_children(node);
    }
    sort_children(&forest->root);
}

/* ---- Step 5: threads of one subject ---- */

static const struct thread_message *speaker_of(const struct thread_node *node)
{
    return node->message != NULL ? node->message
           : node->first != NULL ? node->first->message
                                 : NULL;
}

static bool is_reply(const struct thread_node *node)
{
    const struct thread_message *speaker = speaker_of(node);
    return speaker != NULL && speaker->is_reply;
}

static struct bytes subject_of(const struct thread_node *node)
{
    const struct thread_message *speaker = speaker_of(node);
    return speaker != NULL ? speaker->subject : (struct bytes){0};
}

static void name_subjects(struct forest *forest, struct map *subjects)
{
    for (struct thread_node *node = forest->root.first; node != NULL; node = node->next) {
        struct bytes subject = subject_of(node);
        struct thread_node *known = subject.len > 0 ? map_get(subjects, subject) : NULL;
        bool better = known != NULL && ((node->message == NULL && known->message != NULL) ||
                                        (is_reply(known) && !is_reply(node)));
        if (subject.len > 0 && (known == NULL || better)) {
            (void)map_put(subjects, subject, node);
        }
    }
}

static void merge_into(struct forest *forest, struct map *subjects, struct thread_node *known,
                       struct thread_node *node)
{
    detach(node);
    if (known->message == NULL && node->message == NULL) {
        while (node->first != NULL) {
            struct thread_node *child = node->first;
            detach(child);
            attach(known, child);
        }
    } else if (known->message == NULL || (is_reply(node) && !is_reply(known))) {
        attach(known, node);
    } else {
        struct thread_node *dummy = node_new(forest, NULL);
        struct bytes subject = subject_of(known);
        detach(known);
        attach(&forest->root, dummy);
        attach(dummy, known);
        attach(dummy, node);
        (void)map_put(subjects, subject, dummy);
    }
}

static void merge_subjects(struct forest *forest)
{
    struct map subjects = {0};
    name_subjects(forest, &subjects);
    struct thread_node *node = forest->root.first;
    struct thread_node *end = forest->root.last; /* dummies made meanwhile come behind it */
    while (node != NULL) {
        struct thread_node *next = node == end ? NULL : node->next;
        struct bytes subject = subject_of(node);
        struct thread_node *known = subject.len > 0 ? map_get(&subjects, subject) : NULL;
        /* The one that is known may be next: then it must not be taken out under the walk. */
        if (known != NULL && known != node) {
            struct thread_node *after = next == known && known != end ? known->next : next;
            bool next_moves = next == known;
            merge_into(forest, &subjects, known, node);
            if (next_moves && known->parent != &forest->root) {
                next = known == end ? NULL : after;
            }
        }
        node = next;
    }
    map_clear(&subjects);
}

/* ---- Printing ---- */

/* A chain of only children stands in one pair of parentheses; several children get one each. */
static void print_thread(struct buf *out, const struct thread_node *top)
{
    const struct thread_node *node = top;
    buf_append_byte(out, '(');
    for (;;) {
        if (node->message != NULL) {
            bool first = out->data[out->len - 1] == '(';
            buf_printf(out, first ? "%u" : " %u", node->message->number);
        }
        if (node->first != NULL) {
            bool several = node->first != node->last;
            node = node->first;
            if (several) {
                bool first = out->data[out->len - 1] == '(';
                buf_append_str(out, first ? "(" : " (");
            }
            continue;
        }
        /* Up to where there is a brother, closing what was opened. */
        while (node != top && node->next == NULL) {
            bool several = node->parent->first != node->parent->last;
            if (several) {
                buf_append_byte(out, ')');
            }
            node = node->parent;
        }
        if (node == top) {
            break;
        }
        buf_append_str(out, ")(");
        node = node->next;
    }
    buf_append_byte(out, ')');
}

void thread_by_references(struct buf *out, const struct thread_message *messages, size_t n_messages,
                          struct arena *arena)
{
    struct forest forest = {.arena = arena};
    for (size_t i = 0; i < n_messages; i++) {
        link_message(&forest, &messages[i]);
    }
    gather_roots(&forest);
    prune(&forest);
    sort_all(&forest);
    merge_subjects(&forest);
    sort_all(&forest);
    for (const struct thread_node *node = forest.root.first; node != NULL; node = node->next) {
        print_thread(out, node);
    }
    map_clear(&forest.by_id);
}

/* ---- By subject ---- */

static int compare_subjects(const void *left, const void *right)
{
    const struct thread_message *a = left;
    const struct thread_message *b = right;
    size_t len = a->subject.len < b->subject.len ? a->subject.len : b->subject.len;
    int order = len > 0 ? memcmp(a->subject.data, b->subject.data, len) : 0;
    if (order != 0) {
        return order;
    }
    if (a->subject.len != b->subject.len) {
        return a->subject.len > b->subject.len ? 1 : -1;
    }
    if (a->date != b->date) {
        return a->date > b->date ? 1 : -1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

struct subject_group {
    const struct thread_message *first;
    size_t n_messages;
};

static int compare_groups(const void *left, const void *right)
{
    const struct thread_message *a = ((const struct subject_group *)left)->first;
    const struct thread_message *b = ((const struct subject_group *)right)->first;
    if (a->date != b->date) {
        return a->date > b->date ? 1 : -1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

static void print_group(struct buf *out, const struct subject_group *group)
{
    buf_printf(out, "(%u", group->first->number);
    if (group->n_messages == 2) {
        buf_printf(out, " %u", group->first[1].number);
    }
    for (size_t i = 1; i < group->n_messages && group->n_messages > 2; i++) {
        buf_printf(out, i == 1 ? " (%u)" : "(%u)", group->first[i].number);
    }
    buf_append_byte(out, ')');
}

void thread_by_subject(struct buf *out, struct thread_message *messages, size_t n_messages)
{
    struct subject_group *groups = xcalloc(n_messages + 1, sizeof(*groups));
    size_t n_groups = 0;
    qsort(messages, n_messages, sizeof(*messages), compare_subjects);
    for (size_t i = 0; i < n_messages; i++) {
        struct subject_group *last = n_groups > 0 ? &groups[n_groups - 1] : NULL;
        if (last != NULL && bytes_equal(last->first->subject, messages[i].subject)) {
            last->n_messages++;
        } else {
            groups[n_groups++] = (struct subject_group){&messages[i], 1};
        }
    }
    qsort(groups, n_groups, sizeof(*groups), compare_groups);
    for (size_t i = 0; i < n_groups; i++) {
        print_group(out, &groups[i]);
    }
    free(groups);
}
