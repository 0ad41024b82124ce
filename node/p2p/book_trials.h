// SPDX-License-Identifier: MIT
/* Test before evict: when the tried peers fill their part of the book, a newcomer does not push an
 * older one out. The older is dialled first; only if it does not answer does the newcomer get its
 * place. So nobody replaces peers that work by connecting often (an eclipse).
 *
 * The pairs under test, a handful, in the book's storage. {0} is a valid empty list. */
#ifndef BITTERN_NODE_P2P_BOOK_TRIALS_H
#define BITTERN_NODE_P2P_BOOK_TRIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/wire/peer_addr.h"

enum {
    BOOK_TRIALS_MAX = 10,
    BOOK_TRIALS_GIVE_UP_SEC = 40 * 60 /* an old one that could not even be dialled has lost */
};

struct book_trial {
    struct peer_addr old;
    struct peer_addr newcomer;
    int64_t since_sec;
};

struct book_trials {
    struct book_trial items[BOOK_TRIALS_MAX];
    size_t n_items;
};

/* False when the list is full, or one of the two is in a trial already. */
bool book_trials_add(struct book_trials *trials, const struct peer_addr *old,
                     const struct peer_addr *newcomer, int64_t now_sec) MUST_USE;
/* Take the trial of that old peer off the list. False when there is none. */
bool book_trials_end(struct book_trials *trials, const struct peer_addr *old,
                     struct book_trial *out) MUST_USE;
/* Take one off that was not decided in time. */
bool book_trials_overdue(struct book_trials *trials, struct book_trial *out,
                         int64_t now_sec) MUST_USE;
bool book_trials_has(const struct book_trials *trials, const struct peer_addr *addr) MUST_USE;

#endif
