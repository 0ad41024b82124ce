// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"

struct desk {
    struct loop *loop;
    struct pool *pool;
    char order[32]; /* the letters of the jobs that were run, in that order */
    atomic_size_t n_run;
    size_t n_done;
    size_t n_cancelled;
    atomic_bool gate; /* gate jobs wait for it, or for being cancelled */
    atomic_bool gate_entered;
};

struct job {
    struct desk *desk;
    char letter;
};

static void run_job(void *context, const struct pool_token *token)
{
    struct job *job = context;
    (void)token;
    size_t place = atomic_fetch_add(&job->desk->n_run, 1);
    if (place < sizeof job->desk->order - 1) {
        job->desk->order[place] = job->letter;
    }
}

static void run_gate(void *context, const struct pool_token *token)
{
    struct job *job = context;
    atomic_store(&job->desk->gate_entered, true);
    while (!atomic_load(&job->desk->gate) && !pool_is_cancelled(token)) {
        usleep(1000);
    }
}

static void on_done(void *context, bool was_cancelled)
{
    struct job *job = context;
    job->desk->n_done++;
    job->desk->n_cancelled += was_cancelled;
    free(job);
}

static uint64_t submit(struct desk *desk, enum pool_class job_class, char letter,
                       void (*run)(void *, const struct pool_token *))
{
    struct job *job = xcalloc(1, sizeof *job);
    job->desk = desk;
    job->letter = letter;
    struct fault fault = {0};
    uint64_t id = pool_submit(desk->pool, job_class, run, on_done, job, &fault);
    if (id == 0) {
        assert_int_equal(fault.code, FAULT_BUSY);
        free(job);
    }
    return id;
}

static void wait_for_done(struct desk *desk, size_t n_done)
{
    int64_t end_ms = clock_mono_ms() + 20000;
    while (desk->n_done < n_done && clock_mono_ms() < end_ms) {
        loop_turn(desk->loop, 100);
    }
    assert_int_equal(desk->n_done, n_done);
}

static void open_desk(struct desk *desk, unsigned n_threads, size_t max_queued)
{
    struct pool_config config = {.name = "test",
                                 .n_threads = n_threads,
                                 .max_queued = max_queued,
                                 .nice = 5,
                                 .schedule = POOL_SCHEDULE_BATCH};
    *desk = (struct desk){.loop = loop_new()};
    desk->pool = pool_new(desk->loop, &config, NULL);
    assert_non_null(desk->pool);
}

static void close_desk(struct desk *desk)
{
    pool_free(&desk->pool);
    loop_free(&desk->loop);
}

/* Occupy the one worker, so that what is submitted next waits. */
static uint64_t block_worker(struct desk *desk)
{
    uint64_t id = submit(desk, POOL_NORMAL, '-', run_gate);
    while (!atomic_load(&desk->gate_entered)) {
        usleep(1000);
    }
    return id;
}

static void every_job_runs_once_and_is_done_once(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct desk desk;
    open_desk(&desk, 4, N);
    assert_int_equal(pool_n_threads(desk.pool), 4);

    for (size_t i = 0; i < N; i++) {
        assert_int_not_equal(submit(&desk, POOL_NORMAL, 'x', run_job), 0);
    }
    wait_for_done(&desk, N);

    assert_int_equal(desk.n_run, N);
    assert_int_equal(desk.n_cancelled, 0);
    assert_int_equal(pool_n_jobs(desk.pool), 0);
    close_desk(&desk);
}

static void urgent_jobs_go_first_and_each_class_keeps_its_order(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, 1, 0);
    block_worker(&desk);

    submit(&desk, POOL_BACKGROUND, 'e', run_job);
    submit(&desk, POOL_NORMAL, 'c', run_job);
    submit(&desk, POOL_URGENT, 'a', run_job);
    submit(&desk, POOL_BACKGROUND, 'f', run_job);
    submit(&desk, POOL_URGENT, 'b', run_job);
    submit(&desk, POOL_NORMAL, 'd', run_job);
    atomic_store(&desk.gate, true);
    wait_for_done(&desk, 7);

    assert_string_equal(desk.order, "abcdef");
    close_desk(&desk);
}

static void a_waiting_job_that_is_cancelled_is_not_run(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, 1, 0);
    block_worker(&desk);

    submit(&desk, POOL_NORMAL, 'a', run_job);
    pool_cancel(desk.pool, submit(&desk, POOL_NORMAL, 'b', run_job));
    pool_cancel(desk.pool, 12345);
    atomic_store(&desk.gate, true);
    wait_for_done(&desk, 3);

    assert_string_equal(desk.order, "a");
    assert_int_equal(desk.n_cancelled, 1);
    close_desk(&desk);
}

static void a_running_job_sees_that_it_is_cancelled(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, 1, 0);

    pool_cancel(desk.pool, block_worker(&desk));
    wait_for_done(&desk, 1);

    assert_int_equal(desk.n_cancelled, 1);
    close_desk(&desk);
}

static void a_full_queue_refuses_at_its_bound(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, 1, 3);
    block_worker(&desk);

    for (size_t i = 0; i < 3; i++) {
        assert_int_not_equal(submit(&desk, POOL_NORMAL, 'x', run_job), 0);
    }
    assert_int_equal(submit(&desk, POOL_URGENT, 'y', run_job), 0);
    assert_int_equal(pool_n_jobs(desk.pool), 4);
    atomic_store(&desk.gate, true);
    wait_for_done(&desk, 4);

    assert_int_not_equal(submit(&desk, POOL_NORMAL, 'z', run_job), 0);
    wait_for_done(&desk, 5);
    close_desk(&desk);
}

static void freeing_the_pool_ends_running_and_waiting_jobs(void **state)
{
    (void)state;
    struct desk desk;
    open_desk(&desk, 1, 0);
    block_worker(&desk);
    for (size_t i = 0; i < 10; i++) {
        submit(&desk, POOL_NORMAL, 'x', run_job);
    }

    pool_free(&desk.pool);

    assert_int_equal(desk.n_done, 11);
    assert_int_equal(desk.n_cancelled, 11);
    assert_int_equal(desk.n_run, 0);
    loop_free(&desk.loop);
}

static void two_pools_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct desk slow;
    open_desk(&slow, 1, 0);
    struct desk quick = {.loop = slow.loop};
    quick.pool = pool_new(slow.loop, &(struct pool_config){.name = "quick", .n_threads = 1}, NULL);
    block_worker(&slow);

    submit(&quick, POOL_NORMAL, 'q', run_job);
    wait_for_done(&quick, 1);

    assert_int_equal(slow.n_done, 0);
    pool_free(&quick.pool);
    close_desk(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once_and_is_done_once),
        cmocka_unit_test(urgent_jobs_go_first_and_each_class_keeps_its_order),
        cmocka_unit_test(a_waiting_job_that_is_cancelled_is_not_run),
        cmocka_unit_test(a_running_job_sees_that_it_is_cancelled),
        cmocka_unit_test(a_full_queue_refuses_at_its_bound),
        cmocka_unit_test(freeing_the_pool_ends_running_and_waiting_jobs),
        cmocka_unit_test(two_pools_do_not_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
