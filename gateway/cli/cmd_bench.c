// SPDX-License-Identifier: MIT
/* bittern bench: our code beside an anchor, in one process. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/pool.h"
#include "base/str.h"
#include "crypto/bench.h"
#include "gateway/cli/bench_gpu.h"
#include "gateway/cli/bench_program.h"

static json_t *result_to_json(const struct bench_result *result)
{
    return json_pack("{s:s, s:f, s:f, s:s, s:f, s:s, s:s}", "name", result->name, "ours",
                     result->ours, "anchor", result->anchor, "anchor_name", result->anchor_name,
                     "ratio", result->ratio, "unit", result->unit, "detail", result->detail);
}

/* One object, the headline; all results stand in its member "all". */
static int print_results_json(const struct bench_result *results, size_t n_results)
{
    json_t *headline = result_to_json(&results[0]);
    json_t *all = json_array();
    for (size_t i = 0; i < n_results; i++) {
        json_array_append_new(all, result_to_json(&results[i]));
    }
    json_object_set_new(headline, "all", all);
    return cli_print_json(headline);
}

static void print_results(const struct bench_result *results, size_t n_results)
{
    char cpu[128];
    bench_cpu_name(cpu, sizeof cpu);
    printf("%s; one thread and CPU time, where nothing else is said\n", cpu);
    for (size_t i = 0; i < n_results; i++) {
        const struct bench_result *one = &results[i];
        printf("%-8s %14.0f %s; %s: %.0f; ratio %.2f; %s\n", one->name, one->ours, one->unit,
               one->anchor_name, one->anchor, one->ratio, one->detail);
    }
}

/* Seconds and threads from their words; NULL words leave what is there. */
static bool take_numbers(struct bench_options *out, const char *seconds, const char *threads)
{
    char *end;
    uint64_t number = out->threads;
    if (seconds != NULL) {
        out->seconds = strtod(seconds, &end);
        if (*end != '\0' || !(out->seconds > 0)) {
            return false;
        }
    }
    if (threads != NULL && !parse_u64(bytes_of_str(threads), BENCH_MAX_THREADS, &number)) {
        return false;
    }
    out->threads = (unsigned)number;
    return true;
}

static void print_one(const json_t *result)
{
    printf("%-8s %14.3f %s; %s: %.3f; ratio %.3f; %s\n",
           json_string_value(json_object_get(result, "name")),
           json_number_value(json_object_get(result, "ours")),
           json_string_value(json_object_get(result, "unit")),
           json_string_value(json_object_get(result, "anchor_name")),
           json_number_value(json_object_get(result, "anchor")),
           json_number_value(json_object_get(result, "ratio")),
           json_string_value(json_object_get(result, "detail")));
}

/* What another program holds, by that. */
static int measure_program(const struct cli *cli, const char *name, const char *n_objects,
                           const char *n_bytes)
{
    struct fault fault = {0};
    json_t *result = bench_program(cli->program, name, n_objects, n_bytes, &fault);
    if (result == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(result);
    }
    const json_t *all = json_object_get(result, "all");
    for (size_t i = 0; i < json_array_size(all); i++) {
        print_one(json_array_get(all, i));
    }
    if (all == NULL) {
        print_one(result);
    }
    json_decref(result);
    return CLI_DONE;
}

static bool measure(const struct cli *cli, struct bench_result out[BENCH_MAX_RESULTS],
                    size_t *out_n, const char *name, const struct bench_options *options,
                    struct fault *fault)
{
    if (strcmp(name, "pow") == 0 && options->kernel != NULL &&
        strcmp(options->kernel, "opencl") == 0) {
        *out_n = 1;
        return bench_gpu(&out[0], cli->program, options->seconds, fault);
    }
    return bench_run(out, out_n, name, options, fault);
}

int cmd_bench(struct cli *cli, int argc, char **argv)
{
    enum { DEFAULT_SEC = 4 };
    const char *seconds = NULL;
    const char *kernel = NULL;
    const char *threads = NULL;
    const char *n_objects = NULL;
    const char *n_bytes = NULL;
    const struct cli_option options[] = {{"--seconds", .value = &seconds},
                                         {"--kernel", .value = &kernel},
                                         {"--threads", .value = &threads},
                                         {"--objects", .value = &n_objects},
                                         {"--bytes", .value = &n_bytes}};
    if (!cli_options("bench", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc == 2 && bench_program_of(argv[1]) != NULL) {
        return measure_program(cli, argv[1], n_objects, n_bytes);
    }
    unsigned n_cores = pool_n_cores();
    struct bench_options bench = {.seconds = DEFAULT_SEC,
                                  .kernel = kernel,
                                  .threads =
                                      n_cores < BENCH_MAX_THREADS ? n_cores : BENCH_MAX_THREADS};
    if (argc != 2 || !take_numbers(&bench, seconds, threads)) {
        return cli_usage("bench", "which one, for how many seconds, on how many threads?");
    }
    struct bench_result results[BENCH_MAX_RESULTS];
    size_t n_results;
    struct fault fault = {0};
    if (!measure(cli, results, &n_results, argv[1], &bench, &fault)) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return print_results_json(results, n_results);
    }
    print_results(results, n_results);
    return CLI_DONE;
}
