// SPDX-License-Identifier: MIT
/* The same work on several threads at once. The only threads of this room: they live for a round.
 */
#include "crypto/bench_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

struct crowd {
    void (*work)(void *context);
    void *context;
    pthread_barrier_t start;
    atomic_bool over;
};

struct worker {
    struct crowd *crowd;
    pthread_t thread;
    uint64_t n_done;
    int64_t cpu_ns;
};

static void *run(void *context)
{
    struct worker *worker = context;
    struct crowd *crowd = worker->crowd;
    pthread_barrier_wait(&crowd->start);
    int64_t start_ns = clock_thread_cpu_ns();
    while (!atomic_load_explicit(&crowd->over, memory_order_relaxed)) {
        crowd->work(crowd->context);
        worker->n_done++;
    }
    worker->cpu_ns = clock_thread_cpu_ns() - start_ns;
    return NULL;
}

struct crowd_rate bench_crowd(void (*work)(void *context), void *context, unsigned n_threads,
                              int64_t round_us)
{
    struct crowd crowd = {.work = work, .context = context};
    struct worker workers[BENCH_MAX_THREADS] = {0};
    struct crowd_rate rate = {0};
    uint64_t n_done = 0;

    assert(n_threads >= 1 && n_threads <= BENCH_MAX_THREADS);
    int failed = pthread_barrier_init(&crowd.start, NULL, n_threads + 1);
    for (unsigned i = 0; i < n_threads; i++) {
        workers[i].crowd = &crowd;
        failed |= pthread_create(&workers[i].thread, NULL, run, &workers[i]);
    }
    assert(failed == 0); /* a benchmark on a machine that can't start threads is of no use */
    pthread_barrier_wait(&crowd.start);
    int64_t start_us = clock_mono_us();
    nanosleep(
        &(struct timespec){.tv_sec = round_us / 1000000, .tv_nsec = round_us % 1000000 * 1000},
        NULL);
    atomic_store(&crowd.over, true);
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(workers[i].thread, NULL);
        n_done += workers[i].n_done;
        rate.cpu +=
            workers[i].cpu_ns > 0 ? (double)workers[i].n_done * 1e9 / (double)workers[i].cpu_ns : 0;
    }
    rate.wall = (double)n_done * 1e6 / (double)(clock_mono_us() - start_us);
    pthread_barrier_destroy(&crowd.start);
    return rate;
}
