// SPDX-License-Identifier: MIT
#include "gateway/agent/work/pow_turn.h"

#include <stdbool.h>

/* Does job `a` go before job `b`? */
static bool is_before(const double *mean_trials, size_t a, size_t b)
{
    return mean_trials[a] < mean_trials[b] || (mean_trials[a] == mean_trials[b] && a < b);
}

size_t pow_turn_next(struct pow_turn *turn, const double *mean_trials, size_t n_jobs)
{
    size_t next = 0;
    turn->n++;
    if (turn->n >= POW_TURN_OLDEST) {
        turn->n = 0;
        return 0;
    }
    for (size_t i = 1; i < n_jobs; i++) {
        if (is_before(mean_trials, i, next)) {
            next = i;
        }
    }
    return next;
}

double pow_turn_trials_until(const double *mean_trials, size_t n_jobs, size_t index)
{
    double sum = mean_trials[index];
    for (size_t i = 0; i < n_jobs; i++) {
        if (is_before(mean_trials, i, index)) {
            sum += mean_trials[i];
        }
    }
    return sum;
}
