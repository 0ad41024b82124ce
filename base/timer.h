// SPDX-License-Identifier: MIT
/* Timers on monotonic time: a step of the clock does not move them.
 *
 * A timer lives in its owner's storage; {0} is valid and idle. Arming, re-arming and cancelling
 * cost O(log n) in memory and no system call. Callbacks come in the order of their due times and,
 * for equal ones, of arming. */
#ifndef BITTERN_BASE_TIMER_H
#define BITTERN_BASE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct loop;

struct timer {
    struct loop *loop;
    void (*run)(void *context);
    void *context;
    int64_t due_ms;    /* clock_mono_ms */
    int64_t period_ms; /* 0: one shot */
    uint64_t sequence; /* order of arming */
    size_t place;      /* in the heap, plus 1; 0: idle */
};

void timer_init(struct timer *timer, struct loop *loop, void (*run)(void *context), void *context);
/* Once, in `delay_ms` (< 0 counts as 0); an earlier arming is forgotten. */
void timer_arm(struct timer *timer, int64_t delay_ms);
/* Every `period_ms` (>= 1), first after one period. Turns that were missed are not made up for. */
void timer_arm_periodic(struct timer *timer, int64_t period_ms);
/* Allowed at any time, also for {0} and in its own callback. */
void timer_cancel(struct timer *timer);
bool timer_is_armed(const struct timer *timer) MUST_USE;
/* Milliseconds until it is due (0 when overdue), or -1 when idle. */
int64_t timer_left_ms(const struct timer *timer) MUST_USE;

#endif
