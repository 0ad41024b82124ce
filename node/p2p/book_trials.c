// SPDX-License-Identifier: MIT
#include "node/p2p/book_trials.h"

bool book_trials_has(const struct book_trials *trials, const struct peer_addr *addr)
{
    for (size_t i = 0; i < trials->n_items; i++) {
        if (peer_addr_equal(&trials->items[i].old, addr) ||
            peer_addr_equal(&trials->items[i].newcomer, addr)) {
            return true;
        }
    }
    return false;
}

bool book_trials_add(struct book_trials *trials, const struct peer_addr *old,
                     const struct peer_addr *newcomer, int64_t now_sec)
{
    if (trials->n_items == BOOK_TRIALS_MAX || book_trials_has(trials, old) ||
        book_trials_has(trials, newcomer)) {
        return false;
    }
    trials->items[trials->n_items++] = (struct book_trial){*old, *newcomer, now_sec};
    return true;
}

/* The order stays: the oldest is tested first. */
static void take(struct book_trials *trials, size_t index, struct book_trial *out)
{
    *out = trials->items[index];
    trials->n_items--;
    for (size_t i = index; i < trials->n_items; i++) {
        trials->items[i] = trials->items[i + 1];
    }
}

bool book_trials_end(struct book_trials *trials, const struct peer_addr *old,
                     struct book_trial *out)
{
    for (size_t i = 0; i < trials->n_items; i++) {
        if (peer_addr_equal(&trials->items[i].old, old)) {
            take(trials, i, out);
            return true;
        }
    }
    return false;
}

bool book_trials_overdue(struct book_trials *trials, struct book_trial *out, int64_t now_sec)
{
    for (size_t i = 0; i < trials->n_items; i++) {
        int64_t age_sec = now_sec - trials->items[i].since_sec;
        if (age_sec < 0 || age_sec >= BOOK_TRIALS_GIVE_UP_SEC) {
            take(trials, i, out);
            return true;
        }
    }
    return false;
}
