// SPDX-License-Identifier: MIT
/* The proof of work of our best kernel beside PyBitmessage's C extension, the real one, in one
 * process.
 *
 *     bench_pybitmessage PATH/src/bitmsghash/bitmsghash.so [ROUNDS]
 *
 * The extension knows only whole searches by as many threads as there are processors, and gives
 * these the idle priority. So the process is bound to one processor, and a search counts as many
 * trials as the nonce it finds says (it counts from 1 on). Both sides are measured in CPU time, in
 * turn; the figures are the best rounds'. On a busy processor the idle priority makes each round
 * long, but not its CPU time. */
#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/pow_kernel.h"

enum { DEFAULT_ROUNDS = 20, SHIFT = 18, EXIT_USAGE = 2 };

typedef unsigned long long search_function(unsigned char *initial_hash, unsigned long long target);

static double process_cpu_sec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void bind_to_one_processor(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
        perror("sched_setaffinity");
        exit(EXIT_FAILURE);
    }
}

static double rate_of_extension(search_function *search, unsigned round)
{
    unsigned char initial_hash[POW_INITIAL_HASH_BYTES];
    memset(initial_hash, (int)(round + 1), sizeof initial_hash);
    double start = process_cpu_sec();
    uint64_t nonce = search(initial_hash, UINT64_MAX >> SHIFT);
    double took = process_cpu_sec() - start;
    if (!pow_is_met(initial_hash, nonce, UINT64_MAX >> SHIFT)) {
        fprintf(stderr, "bench_pybitmessage: its nonce does not meet the target\n");
        exit(EXIT_FAILURE);
    }
    return (double)nonce / took;
}

static double rate_of_kernel(const struct pow_kernel *kernel, unsigned round)
{
    struct pow_slice slice = {.n_trials = UINT64_C(1) << SHIFT, .first_nonce = round};
    uint64_t nonce;
    double start = process_cpu_sec();
    if (kernel->search(&nonce, &slice)) {
        exit(EXIT_FAILURE); /* a value of 0: does not happen */
    }
    return (double)slice.n_trials / (process_cpu_sec() - start);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_pybitmessage PATH/bitmsghash.so [ROUNDS]\n");
        return EXIT_USAGE;
    }
    unsigned n_rounds = argc > 2 ? (unsigned)atoi(argv[2]) : DEFAULT_ROUNDS;
    const struct pow_kernel *kernel = pow_kernel_best();
    double theirs = 0;
    double ours = 0;
    search_function *search = NULL;

    bind_to_one_processor();
    void *library = dlopen(argv[1], RTLD_NOW);
    if (library != NULL) {
        *(void **)(void *)&search = dlsym(library, "BitmessagePOW");
    }
    if (search == NULL) {
        fprintf(stderr, "bench_pybitmessage: %s\n", dlerror());
        return EXIT_FAILURE;
    }
    for (unsigned i = 0; i < n_rounds; i++) {
        double rate = rate_of_extension(search, i);
        theirs = rate > theirs ? rate : theirs;
        rate = rate_of_kernel(kernel, i);
        ours = rate > ours ? rate : ours;
    }
    printf("bitmsghash.so %.0f trials/s, kernel %s %.0f trials/s: %.2f x (best of %u rounds)\n",
           theirs, kernel->name, ours, ours / theirs, n_rounds);
    return EXIT_SUCCESS;
}
