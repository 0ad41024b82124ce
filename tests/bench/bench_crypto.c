// SPDX-License-Identifier: MIT
/* Prints the figures of crypto/bench.h as a table, and those that need threads.
 *
 *     bench_crypto [--seconds S] [--kernel K] [--threads N] [pow|decrypt|sign|hash ...]
 */
#include "crypto/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/pow_search.h"

enum { MAX_THREADS = 64, EXIT_USAGE = 2 };

static bool print_results(const char *name, const struct bench_options *options)
{
    struct bench_result results[BENCH_MAX_RESULTS];
    size_t n_results = 0;
    struct fault fault = {0};
    if (!bench_run(results, &n_results, name, options, &fault)) {
        fprintf(stderr, "bench_crypto: %s\n", fault.text);
        return false;
    }
    for (size_t i = 0; i < n_results; i++) {
        printf("%-8s %12.0f %-12s %5.2f x %-46s (%s)\n", results[i].name, results[i].ours,
               results[i].unit, results[i].ratio, results[i].anchor_name, results[i].detail);
    }
    return true;
}

static void *work(void *search)
{
    (void)pow_search_work(search, UINT64_MAX, NULL);
    return NULL;
}

/* Trials a second of `n_threads` on a search that finds nothing. */
static double search_rate(const struct pow_kernel *kernel, unsigned n_threads, double seconds)
{
    static const uint8_t initial_hash[POW_INITIAL_HASH_BYTES] = {1};
    struct pow_search *search = pow_search_new(initial_hash, 0, kernel);
    pthread_t threads[MAX_THREADS];
    int64_t start_us = clock_mono_us();
    for (unsigned i = 0; i < n_threads; i++) {
        if (pthread_create(&threads[i], NULL, work, search) != 0) {
            perror("pthread_create");
            exit(EXIT_FAILURE);
        }
    }
    while (clock_mono_us() - start_us < (int64_t)(seconds * 1e6)) {
        struct timespec pause = {0, 5000000};
        nanosleep(&pause, NULL);
    }
    pow_search_cancel(search);
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(threads[i], NULL);
    }
    double rate = (double)pow_search_trials(search) * 1e6 / (double)(clock_mono_us() - start_us);
    pow_search_unref(&search);
    return rate;
}

static void print_scaling(unsigned n_threads, double seconds)
{
    const struct pow_kernel *kernel = pow_kernel_best();
    double one = 0;
    double many = 0;
    for (int round = 0; round < 5; round++) {
        double rate = search_rate(kernel, 1, seconds / 10);
        one = rate > one ? rate : one;
        rate = search_rate(kernel, n_threads, seconds / 10);
        many = rate > many ? rate : many;
    }
    printf("search   %12.0f trials/s     %5.2f x one thread (%u threads, kernel %s, wall time)\n",
           many, many / one, n_threads, kernel->name);
}

int main(int argc, char **argv)
{
    static const char *const all[] = {"pow", "decrypt", "sign", "hash"};
    struct bench_options options = {0};
    unsigned n_threads = 0;
    bool done = true;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0) {
            options.seconds = atof(argv[i + 1]);
        } else if (strcmp(argv[i], "--kernel") == 0) {
            options.kernel = argv[i + 1];
        } else if (strcmp(argv[i], "--threads") == 0) {
            n_threads = (unsigned)atoi(argv[i + 1]);
        } else {
            fprintf(stderr, "bench_crypto: what is %s?\n", argv[i]);
            return EXIT_USAGE;
        }
    }
    if (n_threads > MAX_THREADS) {
        fprintf(stderr, "bench_crypto: at most %d threads\n", MAX_THREADS);
        return EXIT_USAGE;
    }
    if (i == argc) {
        for (size_t j = 0; j < ARRAY_LEN(all); j++) {
            done = print_results(all[j], &options) && done;
        }
    }
    for (; i < argc; i++) {
        done = print_results(argv[i], &options) && done;
    }
    if (n_threads > 0) {
        print_scaling(n_threads, options.seconds > 0 ? options.seconds : 2);
    }
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
