// SPDX-License-Identifier: MIT
/* The token bucket behind io_set_rate. For this room alone.
 *
 * Who finds the bucket empty waits in its list; each tick wakes those at the front as long as there
 * are tokens, and who waits again goes to the end. So a rate is shared in turn. */
#ifndef BITTERN_BASE_IO_RATE_H
#define BITTERN_BASE_IO_RATE_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/list.h"

struct io_rate;

enum io_direction { IO_RATE_IN, IO_RATE_OUT, IO_N_DIRECTIONS };

struct io_rate_member {
    struct list_node waiting;
    void (*wake)(void *context); /* may wait again, and must not free the member */
    void *context;
};

/* How many of `wanted` bytes may go now. 0: the member is put on the waiting list. A NULL rate
 * grants all. */
size_t io_rate_ask(struct io_rate *rate, struct io_rate_member *member, enum io_direction direction,
                   size_t wanted) MUST_USE;
/* So many went. */
void io_rate_spend(struct io_rate *rate, enum io_direction direction, size_t spent);

#endif
