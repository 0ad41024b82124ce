// SPDX-License-Identifier: MIT
/* What the files of base share about the loop. */
#ifndef BITTERN_BASE_LOOP_INTERNAL_H
#define BITTERN_BASE_LOOP_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct list_node;
struct loop;
struct timer;

/* A binary heap by (due_ms, sequence). {0} is valid and empty. */
struct timer_heap {
    struct timer **items;
    size_t n_items;
    size_t capacity;
    uint64_t next_sequence;
};

struct timer_heap *loop_timers(struct loop *loop);
struct event_base *loop_event_base(struct loop *loop);
/* Run the messages that were posted so far. For whoever ends threads and frees what they post. */
void loop_deliver_posted(struct loop *loop);

/* A list of struct deferred: run by loop_free, for what lives on without an owner until it ends. */
struct list_node *loop_at_free(struct loop *loop);

/* Milliseconds until the first timer is due (0: overdue), or -1 when there is none. */
int64_t timer_heap_wait_ms(const struct timer_heap *heap, int64_t now_ms);
/* Run those that were due at `now_ms`. */
void timer_heap_run(struct timer_heap *heap, int64_t now_ms);

#endif
