// SPDX-License-Identifier: MIT
/* Runs a fuzz target without libFuzzer: replay FILE|FOLDER ...
 *
 * Each input goes in as it is, then cut at up to N_CUTS lengths, then N_FLIPS times with a few
 * bytes changed. All of it is the same at each run, since the changes are drawn from a generator
 * that the input seeds. Every input lies in a heap block of exactly its size, so that the sanitizer
 * sees a read one byte too far. Finding no input at all is an error: a replay of nothing proves
 * nothing. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

enum { MAX_INPUT_BYTES = 1 << 21, N_CUTS = 128, N_FLIPS = 128, MAX_PATH_BYTES = 4096 };

/* libFuzzer calls it once before all else, where a target has one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static size_t n_inputs;
static size_t n_runs;

/* xorshift64*: any generator does that is the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t seed_of(const uint8_t *data, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    }
    return hash | 1;
}

static uint8_t *exact_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    if (copy == NULL && size != 0) {
        perror("replay");
        exit(2);
    }
    if (size != 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

static void run_exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    n_runs++;
}

static void run_cut(const uint8_t *data, size_t size)
{
    size_t step = size / N_CUTS + 1;
    for (size_t cut = 0; cut < size; cut += step) {
        run_exact(data, cut);
    }
}

static void run_flipped(const uint8_t *data, size_t size)
{
    uint64_t state = seed_of(data, size);
    for (int i = 0; i < N_FLIPS && size != 0; i++) {
        uint8_t *copy = exact_copy(data, size);
        uint64_t n_changes = 1 + next_random(&state) % 4;
        for (uint64_t j = 0; j < n_changes; j++) {
            copy[next_random(&state) % size] = (uint8_t)(next_random(&state) >> 32);
        }
        (void)LLVMFuzzerTestOneInput(copy, size);
        free(copy);
        n_runs++;
    }
}

static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return false;
    }
    uint8_t *data = malloc(MAX_INPUT_BYTES + 1);
    if (data == NULL) {
        perror("replay");
        exit(2);
    }
    size_t size = fread(data, 1, MAX_INPUT_BYTES + 1, file);
    bool ok = !ferror(file) && size <= MAX_INPUT_BYTES;
    (void)fclose(file);
    if (ok) {
        run_exact(data, size);
        run_cut(data, size);
        run_flipped(data, size);
        n_inputs++;
    } else {
        fprintf(stderr, "replay: %s: unreadable, or above %d bytes\n", path, MAX_INPUT_BYTES);
    }
    free(data);
    return ok;
}

static bool run_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool ok = true;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char file[MAX_PATH_BYTES];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int len = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        ok = len > 0 && (size_t)len < sizeof file && run_file(file) && ok;
    }
    (void)closedir(folder);
    return ok;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize != NULL) {
        (void)LLVMFuzzerInitialize(&argc, &argv);
    }
    bool ok = true;
    run_exact(NULL, 0);
    for (int i = 1; i < argc; i++) {
        struct stat info;
        bool is_folder = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode);
        ok = (is_folder ? run_folder(argv[i]) : run_file(argv[i])) && ok;
    }
    printf("%zu inputs, %zu runs\n", n_inputs, n_runs);
    if (n_inputs == 0) {
        fprintf(stderr, "replay: no inputs\n");
    }
    return ok && n_inputs != 0 ? 0 : 1;
}
