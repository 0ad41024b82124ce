// SPDX-License-Identifier: MIT
/* Prints the figures of crypto/bench.h as a table.
 *
 *     bench_crypto [--seconds S] [--kernel K] [--threads N] [pow|decrypt|sign|hash ...]
 */
#include "crypto/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fault.h"

enum { EXIT_USAGE = 2 };

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

int main(int argc, char **argv)
{
    static const char *const all[] = {"pow", "decrypt", "sign", "hash"};
    struct bench_options options = {0};
    bool done = true;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0) {
            options.seconds = atof(argv[i + 1]);
        } else if (strcmp(argv[i], "--kernel") == 0) {
            options.kernel = argv[i + 1];
        } else if (strcmp(argv[i], "--threads") == 0) {
            options.threads = (unsigned)atoi(argv[i + 1]);
        } else {
            fprintf(stderr, "bench_crypto: what is %s?\n", argv[i]);
            return EXIT_USAGE;
        }
    }
    if (i == argc) {
        for (size_t j = 0; j < ARRAY_LEN(all); j++) {
            done = print_results(all[j], &options) && done;
        }
    }
    for (; i < argc; i++) {
        done = print_results(argv[i], &options) && done;
    }
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
