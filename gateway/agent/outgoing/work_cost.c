// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/work_cost.h"

#include <math.h>

#include "base/buf.h"
#include "node/objects/ack.h"
#include "node/objects/msg.h"

void work_cost_add_object(struct work_cost *cost, size_t object_len, int64_t ttl_sec,
                          struct pow_demand demand)
{
    double mean = pow_estimate(pow_target_to_send(object_len, ttl_sec, demand), 0).mean_trials;
    cost->mean_trials += mean;
    cost->variance += mean * mean; /* a search has no memory: its length is exponential */
}

void work_cost_add(struct work_cost *cost, const struct work_cost *other)
{
    cost->mean_trials += other->mean_trials;
    cost->variance += other->variance;
    cost->is_least = cost->is_least || other->is_least;
}

void work_cost_add_message(struct work_cost *cost, const struct work_message *message,
                           struct pow_demand least)
{
    enum { NONCE_AND_TIME_BYTES = POW_NONCE_BYTES + 8, PACKET_HEADER_BYTES = 24 };
    bool is_acked = message->ackdata_len > 0;
    size_t ack_len = is_acked ? NONCE_AND_TIME_BYTES + message->ackdata_len : 0;
    size_t packet_len = is_acked ? PACKET_HEADER_BYTES + ack_len : 0;
    work_cost_add_object(cost, msg_len_estimate(message->content_len, packet_len), message->ttl_sec,
                         pow_demand_raise(message->demand, least));
    if (is_acked && !message->has_ack) {
        work_cost_add_object(cost, ack_len, ack_ttl_sec(message->ttl_sec), least);
    }
}

/* The sum of searches is held for a gamma distribution of the same mean and variance, and that
 * one's 95th percentile for Wilson and Hilferty's: of one search, where it is worst, it is 1% too
 * low. */
static double p95_trials(const struct work_cost *cost)
{
    const double normal_p95 = 1.6448536269514722;
    double shape = cost->mean_trials * cost->mean_trials / cost->variance;
    double root = 1 - 1 / (9 * shape) + normal_p95 / (3 * sqrt(shape));
    return cost->mean_trials * root * root * root;
}

struct pow_estimate work_cost_estimate(const struct work_cost *cost, double trials_per_sec)
{
    struct pow_estimate estimate = {.mean_trials = cost->mean_trials};
    if (cost->mean_trials > 0) {
        estimate.mean_sec = trials_per_sec > 0 ? cost->mean_trials / trials_per_sec : INFINITY;
        estimate.p95_sec = trials_per_sec > 0 ? p95_trials(cost) / trials_per_sec : INFINITY;
    }
    return estimate;
}

/* ---- in words ---- */

struct scale {
    double below;
    double unit;
    int digits;
    const char *name;
};

static void write_scaled(struct buf *out, double value, const struct scale *scale)
{
    while (isfinite(scale->below) && value >= scale->below) {
        scale++;
    }
    buf_printf(out, "%.*f %s", scale->digits, value / scale->unit, scale->name);
}

void work_cost_write_time(struct buf *out, double sec)
{
    static const struct scale scales[] = {{120, 1, 0, "seconds"},
                                          {7200, 60, 0, "minutes"},
                                          {172800, 3600, 0, "hours"},
                                          {INFINITY, 86400, 0, "days"}};
    write_scaled(out, sec, scales);
}

void work_cost_write(struct buf *out, const struct work_cost *cost, double trials_per_sec)
{
    static const struct scale scales[] = {{1e4, 1, 0, "trials"},
                                          {1e6, 1e3, 0, "thousand trials"},
                                          {1e9, 1e6, 1, "million trials"},
                                          {1e12, 1e9, 1, "billion trials"},
                                          {INFINITY, 1e12, 0, "trillion trials"}};
    struct pow_estimate estimate = work_cost_estimate(cost, trials_per_sec);
    buf_append_str(out, cost->is_least ? "at least " : "about ");
    write_scaled(out, estimate.mean_trials, scales);
    buf_append_str(out, " of work");
    if (isfinite(estimate.mean_sec)) {
        buf_append_str(out, ": ");
        work_cost_write_time(out, estimate.mean_sec);
        buf_append_str(out, " here on average, in 19 of 20 cases less than ");
        work_cost_write_time(out, estimate.p95_sec);
    }
}
