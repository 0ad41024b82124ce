// SPDX-License-Identifier: MIT
/* bittern bench: our code beside an anchor, in one process. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/bench.h"

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
    printf("%s, one thread, CPU time\n", cpu);
    for (size_t i = 0; i < n_results; i++) {
        const struct bench_result *one = &results[i];
        printf("%-8s %14.0f %s; %s: %.0f; ratio %.2f; %s\n", one->name, one->ours, one->unit,
               one->anchor_name, one->anchor, one->ratio, one->detail);
    }
}

int cmd_bench(struct cli *cli, int argc, char **argv)
{
    const char *seconds = NULL;
    const char *kernel = NULL;
    const struct cli_option options[] = {{"--seconds", .value = &seconds},
                                         {"--kernel", .value = &kernel}};
    if (!cli_options("bench", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    char *end = NULL;
    struct bench_options bench = {.seconds = seconds != NULL ? strtod(seconds, &end) : 0,
                                  .kernel = kernel};
    if (argc != 2 || (seconds != NULL && (*end != '\0' || bench.seconds <= 0))) {
        return cli_usage("bench", "which one, and for how many seconds?");
    }
    struct bench_result results[BENCH_MAX_RESULTS];
    size_t n_results;
    struct fault fault = {0};
    if (!bench_run(results, &n_results, argv[1], &bench, &fault)) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return print_results_json(results, n_results);
    }
    print_results(results, n_results);
    return CLI_DONE;
}
