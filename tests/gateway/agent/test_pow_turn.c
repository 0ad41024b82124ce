// SPDX-License-Identifier: MIT
/* The queue's fairness, by simulation: a turn does one unit of work. */
#include "gateway/agent/work/pow_turn.h"

#include "tests/support/vectors.h"

#include <string.h>

enum { MAX_JOBS = 512, SHARE = POW_TURN_OLDEST };

static void the_shortest_goes_first(void **state)
{
    (void)state;
    static const double means[] = {50, 7, 90, 7, 8};
    struct pow_turn turn = {0};
    for (int i = 0; i < SHARE - 1; i++) {
        assert_int_equal(pow_turn_next(&turn, means, 5), 1); /* of equal ones the older */
    }
}

static void every_so_often_it_is_the_oldests_turn(void **state)
{
    (void)state;
    static const double means[] = {50, 7};
    struct pow_turn turn = {0};
    unsigned n_oldest = 0;
    for (int i = 0; i < 100 * SHARE; i++) {
        n_oldest += pow_turn_next(&turn, means, 2) == 0;
    }
    assert_int_equal(n_oldest, 100);
}

static void one_job_has_all_turns(void **state)
{
    (void)state;
    static const double mean = 3;
    struct pow_turn turn = {0};
    for (int i = 0; i < 3 * SHARE; i++) {
        assert_int_equal(pow_turn_next(&turn, &mean, 1), 0);
    }
}

/* Jobs that take exactly what is expected. The work of one that arrives behind a long one is done
 * before it, but never so that the long one waits for ever. */
struct queue {
    double means[MAX_JOBS];
    double left[MAX_JOBS];
    int names[MAX_JOBS];
    size_t n;
    struct pow_turn turn;
};

static void add(struct queue *queue, int name, double mean)
{
    assert_true(queue->n < MAX_JOBS);
    queue->means[queue->n] = mean;
    queue->left[queue->n] = mean;
    queue->names[queue->n++] = name;
}

/* The name of the job that this turn ended, or -1. */
static int step(struct queue *queue)
{
    size_t i = pow_turn_next(&queue->turn, queue->means, queue->n);
    queue->left[i] -= 1;
    if (queue->left[i] > 0) {
        return -1;
    }
    int name = queue->names[i];
    size_t n_after = queue->n - i - 1;
    memmove(&queue->means[i], &queue->means[i + 1], n_after * sizeof queue->means[0]);
    memmove(&queue->left[i], &queue->left[i + 1], n_after * sizeof queue->left[0]);
    memmove(&queue->names[i], &queue->names[i + 1], n_after * sizeof queue->names[0]);
    queue->n--;
    return name;
}

/* More short work arrives than the machine can do, for ever: the long job is done nevertheless, in
 * SHARE times its own length. */
static void a_long_job_is_not_starved_by_short_ones(void **state)
{
    (void)state;
    enum { LONG = 100 };
    struct queue queue = {0};
    add(&queue, 0, LONG);
    int turns = 0;
    int ended = -1;
    while (ended != 0) {
        add(&queue, 1, 2);
        turns++;
        assert_true(turns <= SHARE * LONG);
        ended = step(&queue);
    }
}

/* Likewise each of many: whatever stands before a job in age is done in bounded time, and then it
 * is the oldest itself. */
static void all_of_many_are_done(void **state)
{
    (void)state;
    enum { N_LONG = 8, LONG = 40 };
    struct queue queue = {0};
    int n_done = 0;
    for (int i = 0; i < N_LONG; i++) {
        add(&queue, i, LONG + i);
    }
    for (int turns = 0; n_done < N_LONG; turns++) {
        assert_true(turns <= SHARE * N_LONG * (LONG + N_LONG));
        if (turns % 2 == 0 && queue.n < MAX_JOBS) {
            add(&queue, N_LONG, 2); /* as much short work as there is time */
        }
        int ended = step(&queue);
        n_done += ended >= 0 && ended < N_LONG;
    }
}

/* The price of fairness: a short job behind a long one takes at most a third longer than if it were
 * alone. */
static void a_short_job_hardly_waits_for_a_long_one(void **state)
{
    (void)state;
    struct queue queue = {0};
    add(&queue, 0, 1e9);
    add(&queue, 1, 30);
    int turns = 1;
    while (step(&queue) != 1) {
        turns++;
    }
    assert_true(turns <= 30 * SHARE / (SHARE - 1) + 1);
}

static void what_is_done_before_a_job_is_counted(void **state)
{
    (void)state;
    static const double means[] = {50, 7, 90, 7};
    assert_true(pow_turn_trials_until(means, 4, 1) == 7);
    assert_true(pow_turn_trials_until(means, 4, 3) == 14);
    assert_true(pow_turn_trials_until(means, 4, 0) == 64);
    assert_true(pow_turn_trials_until(means, 4, 2) == 154);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_goes_first),
        cmocka_unit_test(every_so_often_it_is_the_oldests_turn),
        cmocka_unit_test(one_job_has_all_turns),
        cmocka_unit_test(a_long_job_is_not_starved_by_short_ones),
        cmocka_unit_test(all_of_many_are_done),
        cmocka_unit_test(a_short_job_hardly_waits_for_a_long_one),
        cmocka_unit_test(what_is_done_before_a_job_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
