// SPDX-License-Identifier: MIT
/* Whose turn is it at the proof of work?
 *
 * A search has no memory: however long it has run, as much is still to be expected. So the sum of
 * all waiting is least when the job that is expected to be the shortest goes first, always. Alone
 * that would starve a long one under a stream of short ones. Therefore every POW_TURN_OLDEST-th
 * turn is the oldest job's: it gets at least that share of the machine, so it is done in
 * POW_TURN_OLDEST times the time that it would take alone, on average, whatever else arrives; and
 * then the next one is the oldest. */
#ifndef BITTERN_GATEWAY_AGENT_WORK_POW_TURN_H
#define BITTERN_GATEWAY_AGENT_WORK_POW_TURN_H

#include <stddef.h>

#include "base/compiler.h"

enum { POW_TURN_OLDEST = 4 };

/* {0} is a valid start. */
struct pow_turn {
    unsigned n; /* turns since the oldest one's */
};

/* The index of the job whose turn it is, of `n_jobs` (> 0) in order of arrival; `mean_trials` has
 * how long each is expected to take. Of equal ones the older. */
size_t pow_turn_next(struct pow_turn *turn, const double *mean_trials, size_t n_jobs) MUST_USE;

/* How much work is expected to be done before the job at `index` is, on average: that of the
 * shorter ones and its own. */
double pow_turn_trials_until(const double *mean_trials, size_t n_jobs, size_t index) MUST_USE;

#endif
