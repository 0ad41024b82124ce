// SPDX-License-Identifier: MIT
#include "base/io_rate.h"

#include <assert.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/timer.h"

enum { IO_RATE_TICKS_PER_SEC = 10, IO_RATE_TICK_MS = 1000 / IO_RATE_TICKS_PER_SEC };

struct io_rate {
    struct timer tick; /* runs while somebody waits */
    struct list_node waiting;
    size_t per_tick[IO_N_DIRECTIONS]; /* 0: unbounded */
    size_t tokens[IO_N_DIRECTIONS];
};

static bool has_tokens(const struct io_rate *rate, enum io_direction direction)
{
    return rate->per_tick[direction] == 0 || rate->tokens[direction] > 0;
}

static void on_tick(void *context)
{
    struct io_rate *rate = context;
    struct list_node batch;
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        rate->tokens[i] = rate->per_tick[i];
    }
    list_insert_before(rate->waiting.next, &batch);
    list_remove(&rate->waiting);
    while (!list_is_empty(&batch) &&
           (has_tokens(rate, IO_RATE_IN) || has_tokens(rate, IO_RATE_OUT))) {
        struct io_rate_member *member = list_entry(batch.next, struct io_rate_member, waiting);
        list_remove(&member->waiting);
        member->wake(member->context);
    }
    /* Who was not reached stays in front of those that wait again. */
    while (!list_is_empty(&batch)) {
        struct list_node *last = batch.prev;
        list_remove(last);
        list_prepend(&rate->waiting, last);
    }
    if (list_is_empty(&rate->waiting)) {
        timer_cancel(&rate->tick);
    }
}

struct io_rate *io_rate_new(struct loop *loop, uint64_t in_bytes_per_sec,
                            uint64_t out_bytes_per_sec)
{
    struct io_rate *rate = xcalloc(1, sizeof *rate);
    const uint64_t per_sec[IO_N_DIRECTIONS] = {in_bytes_per_sec, out_bytes_per_sec};
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        size_t per_tick = (size_t)(per_sec[i] / IO_RATE_TICKS_PER_SEC);
        rate->per_tick[i] = per_sec[i] != 0 && per_tick == 0 ? 1 : per_tick;
        rate->tokens[i] = rate->per_tick[i];
    }
    list_init(&rate->waiting);
    timer_init(&rate->tick, loop, on_tick, rate);
    return rate;
}

void io_rate_free(struct io_rate **rate)
{
    if (*rate == NULL) {
        return;
    }
    assert(list_is_empty(&(*rate)->waiting));
    timer_cancel(&(*rate)->tick);
    free(*rate);
    *rate = NULL;
}

size_t io_rate_ask(struct io_rate *rate, struct io_rate_member *member, enum io_direction direction,
                   size_t wanted)
{
    if (rate == NULL || rate->per_tick[direction] == 0) {
        return wanted;
    }
    if (rate->tokens[direction] == 0) {
        if (list_is_empty(&member->waiting)) {
            list_append(&rate->waiting, &member->waiting);
        }
        if (!timer_is_armed(&rate->tick)) {
            timer_arm_periodic(&rate->tick, IO_RATE_TICK_MS);
        }
        return 0;
    }
    return wanted < rate->tokens[direction] ? wanted : rate->tokens[direction];
}

void io_rate_spend(struct io_rate *rate, enum io_direction direction, size_t spent)
{
    if (rate != NULL && rate->per_tick[direction] != 0) {
        assert(spent <= rate->tokens[direction]);
        rate->tokens[direction] -= spent;
    }
}
