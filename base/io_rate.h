// SPDX-License-Identifier: MIT
/* The token bucket behind io_set_rate. For this room alone.
 *
 * A tick deals out a tenth of a second's worth. In each direction those who found nothing left wait
 * in line, and each gets an equal share of the next tick's worth before anybody gets a second one.
 * So a greedy member can't keep the others waiting. */
#ifndef BITTERN_BASE_IO_RATE_H
#define BITTERN_BASE_IO_RATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

struct io_rate;

enum io_direction { IO_RATE_IN, IO_RATE_OUT, IO_N_DIRECTIONS };

struct io_rate_member {
    struct list_node waiting[IO_N_DIRECTIONS];
    uint64_t tick;                 /* in which `spent` was counted */
    size_t spent[IO_N_DIRECTIONS]; /* in that tick */
    void (*wake)(void *context);   /* may wait again, and must not free the member */
    void *context;
};

void io_rate_member_init(struct io_rate_member *member, void (*wake)(void *context), void *context);
/* It waits no more; before it is freed or gets another rate. */
void io_rate_leave(struct io_rate_member *member);

/* How many of `wanted` bytes may go now. 0: the member is put in line. A NULL rate grants all. */
size_t io_rate_ask(struct io_rate *rate, struct io_rate_member *member, enum io_direction direction,
                   size_t wanted) MUST_USE;
/* So many went, no more than were granted. */
void io_rate_spend(struct io_rate *rate, struct io_rate_member *member, enum io_direction direction,
                   size_t spent);

#endif
