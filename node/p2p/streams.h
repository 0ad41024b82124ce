// SPDX-License-Identifier: MIT
/* The streams that a node takes part in: a short list of numbers. Objects belong to one of them,
 * and are told to peers that take part in it. */
#ifndef BITTERN_NODE_P2P_STREAMS_H
#define BITTERN_NODE_P2P_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

enum { STREAMS_MAX = 8 };

struct streams {
    uint64_t numbers[STREAMS_MAX]; /* ascending */
    size_t n_numbers;
};

/* "1, 2" of the settings: 1 to STREAMS_MAX different numbers from 1 to 2^32 - 1 (an addr entry has
 * room for no more). */
bool streams_parse(struct streams *out, const char *text, struct fault *fault) MUST_USE;
bool streams_has(const struct streams *streams, uint64_t stream) MUST_USE;

#endif
