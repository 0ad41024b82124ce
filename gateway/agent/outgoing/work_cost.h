// SPDX-License-Identifier: MIT
/* What the proof of work of a mail takes, before it is done: told when the mail is accepted or
 * refused, while it waits in the queue, and when it is late.
 *
 * A mail is a search for each object: for each recipient his message, and in it the
 * acknowledgement. How long a search takes is a matter of luck (crypto/pow.h), so the sum has a
 * mean and a spread. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_WORK_COST_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_WORK_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "crypto/pow.h"

struct buf;

/* {0}: no work. */
struct work_cost {
    double mean_trials;
    double variance; /* of the trials */
    bool is_least;   /* some recipient's key, and so what he demands, is not known yet */
};

/* The work on one object of that length. The demand is raised to the network's least already. */
void work_cost_add_object(struct work_cost *cost, size_t object_len, int64_t ttl_sec,
                          struct pow_demand demand);

/* That of several together. */
void work_cost_add(struct work_cost *cost, const struct work_cost *other);

/* The work on a message (or broadcast), and on its acknowledgement. */
struct work_message {
    size_t content_len; /* in its encoding */
    int64_t ttl_sec;
    struct pow_demand demand; /* its recipient's; zero: the network's least */
    size_t ackdata_len;       /* 0: it carries none */
    bool has_ack;             /* the work on that is done */
};
void work_cost_add_message(struct work_cost *cost, const struct work_message *message,
                           struct pow_demand least);

/* On a machine that does so many trials a second; its times are INFINITY where that is not known
 * (0). */
struct pow_estimate work_cost_estimate(const struct work_cost *cost,
                                       double trials_per_sec) MUST_USE;

/* Append "about 3.1 million trials of work: 12 seconds here on average, in 19 of 20 cases less than
 * 36 seconds"; only the trials while the speed is not known. */
void work_cost_write(struct buf *out, const struct work_cost *cost, double trials_per_sec);
/* Append "40 seconds", "12 minutes", "3 hours", "5 days". */
void work_cost_write_time(struct buf *out, double sec);

#endif
