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
    uint64_t n_ticks;
    struct list_node waiting[IO_N_DIRECTIONS];
    size_t n_waiting[IO_N_DIRECTIONS]; /* at least so many; counted anew by each tick */
    size_t per_tick[IO_N_DIRECTIONS];  /* 0: unbounded */
    size_t tokens[IO_N_DIRECTIONS];
    size_t share[IO_N_DIRECTIONS]; /* of a member in this tick */
};

void io_rate_member_init(struct io_rate_member *member, void (*wake)(void *context), void *context)
{
    *member = (struct io_rate_member){.wake = wake, .context = context};
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        list_init(&member->waiting[i]);
    }
}

void io_rate_leave(struct io_rate_member *member)
{
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        list_remove(&member->waiting[i]);
    }
}

/* Those in line, each once: who waits again goes to the end. */
static void wake_waiting(struct io_rate *rate, enum io_direction direction)
{
    struct list_node batch;
    struct list_node *line = &rate->waiting[direction];
    list_insert_before(line->next, &batch);
    list_remove(line);
    while (!list_is_empty(&batch) && rate->tokens[direction] > 0) {
        struct list_node *first = batch.next;
        struct io_rate_member *member =
            list_entry(first - direction, struct io_rate_member, waiting);
        list_remove(first);
        member->wake(member->context);
    }
    /* Who was not reached stays in front of those that wait again. */
    while (!list_is_empty(&batch)) {
        struct list_node *last = batch.prev;
        list_remove(last);
        list_prepend(line, last);
    }
}

static void on_tick(void *context)
{
    struct io_rate *rate = context;
    bool somebody_waits = false;
    rate->n_ticks++;
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        size_t n = rate->n_waiting[i] > 0 ? rate->n_waiting[i] : 1;
        rate->tokens[i] = rate->per_tick[i];
        rate->share[i] = (rate->per_tick[i] + n - 1) / n;
        rate->n_waiting[i] = 0;
    }
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        wake_waiting(rate, (enum io_direction)i);
    }
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        size_t n = 0;
        list_for_each(place, &rate->waiting[i])
        {
            n++;
        }
        rate->n_waiting[i] = n;
        somebody_waits = somebody_waits || n > 0;
    }
    if (!somebody_waits) {
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
        rate->share[i] = rate->per_tick[i];
        list_init(&rate->waiting[i]);
    }
    rate->n_ticks = 1;
    timer_init(&rate->tick, loop, on_tick, rate);
    return rate;
}

void io_rate_free(struct io_rate **rate)
{
    if (*rate == NULL) {
        return;
    }
    for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
        assert(list_is_empty(&(*rate)->waiting[i]));
    }
    timer_cancel(&(*rate)->tick);
    free(*rate);
    *rate = NULL;
}

/* What is left of its share in this tick. */
static size_t left_of(const struct io_rate *rate, struct io_rate_member *member,
                      enum io_direction direction)
{
    if (member->tick != rate->n_ticks) {
        member->tick = rate->n_ticks;
        for (size_t i = 0; i < IO_N_DIRECTIONS; i++) {
            member->spent[i] = 0;
        }
    }
    size_t share = rate->share[direction] > member->spent[direction]
                       ? rate->share[direction] - member->spent[direction]
                       : 0;
    return share < rate->tokens[direction] ? share : rate->tokens[direction];
}

size_t io_rate_ask(struct io_rate *rate, struct io_rate_member *member, enum io_direction direction,
                   size_t wanted)
{
    if (rate == NULL || rate->per_tick[direction] == 0) {
        return wanted;
    }
    size_t left = left_of(rate, member, direction);
    if (left > 0) {
        return wanted < left ? wanted : left;
    }
    if (list_is_empty(&member->waiting[direction])) {
        list_append(&rate->waiting[direction], &member->waiting[direction]);
        rate->n_waiting[direction]++;
    }
    if (!timer_is_armed(&rate->tick)) {
        timer_arm_periodic(&rate->tick, IO_RATE_TICK_MS);
    }
    return 0;
}

void io_rate_spend(struct io_rate *rate, struct io_rate_member *member, enum io_direction direction,
                   size_t spent)
{
    if (rate != NULL && rate->per_tick[direction] != 0) {
        assert(spent <= rate->tokens[direction]);
        rate->tokens[direction] -= spent;
        member->spent[direction] += spent;
    }
}
