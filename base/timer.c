// SPDX-License-Identifier: MIT
/* The timers' heap. Each timer knows its place, so that cancelling needs no search. */
#include "base/timer.h"

#include <assert.h>

#include "base/clock.h"
#include "base/loop_internal.h"
#include "base/mem.h"

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->sequence < b->sequence;
}

static void put(struct timer_heap *heap, size_t index, struct timer *timer)
{
    heap->items[index] = timer;
    timer->place = index + 1;
}

static void sift_up(struct timer_heap *heap, size_t index, struct timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!is_before(timer, heap->items[parent])) {
            break;
        }
        put(heap, index, heap->items[parent]);
        index = parent;
    }
    put(heap, index, timer);
}

static void sift_down(struct timer_heap *heap, size_t index, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->n_items) {
            break;
        }
        if (child + 1 < heap->n_items && is_before(heap->items[child + 1], heap->items[child])) {
            child++;
        }
        if (!is_before(heap->items[child], timer)) {
            break;
        }
        put(heap, index, heap->items[child]);
        index = child;
    }
    put(heap, index, timer);
}

static void heap_insert(struct timer_heap *heap, struct timer *timer)
{
    heap->items = array_grow(heap->items, heap->n_items, &heap->capacity, sizeof *heap->items);
    timer->sequence = heap->next_sequence++;
    sift_up(heap, heap->n_items++, timer);
}

static void heap_remove(struct timer_heap *heap, struct timer *timer)
{
    size_t index = timer->place - 1;
    assert(heap->items[index] == timer);
    timer->place = 0;
    struct timer *last = heap->items[--heap->n_items];
    if (last == timer) {
        return;
    }
    if (index > 0 && is_before(last, heap->items[(index - 1) / 2])) {
        sift_up(heap, index, last);
    } else {
        sift_down(heap, index, last);
    }
}

int64_t timer_heap_wait_ms(const struct timer_heap *heap, int64_t now_ms)
{
    if (heap->n_items == 0) {
        return -1;
    }
    int64_t due_ms = heap->items[0]->due_ms;
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

void timer_heap_run(struct timer_heap *heap, int64_t now_ms)
{
    /* What is armed from here on belongs to a later turn, else a timer that arms itself with no
     * delay would hold the loop. */
    uint64_t end = heap->next_sequence;
    while (heap->n_items > 0) {
        struct timer *timer = heap->items[0];
        if (timer->due_ms > now_ms || timer->sequence >= end) {
            return;
        }
        heap_remove(heap, timer);
        if (timer->period_ms > 0) {
            int64_t next_ms = timer->due_ms + timer->period_ms;
            timer->due_ms = next_ms > now_ms ? next_ms : now_ms + timer->period_ms;
            heap_insert(heap, timer);
        }
        timer->run(timer->context); /* may free the timer */
    }
}

void timer_init(struct timer *timer, struct loop *loop, void (*run)(void *context), void *context)
{
    *timer = (struct timer){.loop = loop, .run = run, .context = context};
}

static void arm(struct timer *timer, int64_t delay_ms, int64_t period_ms)
{
    timer_cancel(timer);
    timer->due_ms = clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
    timer->period_ms = period_ms;
    heap_insert(loop_timers(timer->loop), timer);
}

void timer_arm(struct timer *timer, int64_t delay_ms)
{
    arm(timer, delay_ms, 0);
}

void timer_arm_periodic(struct timer *timer, int64_t period_ms)
{
    assert(period_ms >= 1);
    arm(timer, period_ms, period_ms);
}

void timer_cancel(struct timer *timer)
{
    if (timer->place != 0) {
        heap_remove(loop_timers(timer->loop), timer);
    }
}

bool timer_is_armed(const struct timer *timer)
{
    return timer->place != 0;
}

int64_t timer_left_ms(const struct timer *timer)
{
    if (timer->place == 0) {
        return -1;
    }
    int64_t left_ms = timer->due_ms - clock_mono_ms();
    return left_ms > 0 ? left_ms : 0;
}
