// SPDX-License-Identifier: MIT
/* bittern queue ...: outgoing mails, one row a recipient. */
#include "gateway/cli/cli.h"

#include <stdio.h>

#include "base/str.h"

int cmd_queue_list(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("queue list", NULL, 0, &argc, argv) || argc > 1) {
        return cli_usage("queue list", "it takes no argument");
    }
    struct fault fault = {0};
    json_t *queue = cli_call(cli, "queue.list", NULL, &fault);
    if (queue == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(queue);
    }
    static const struct cli_column columns[] = {
        {"id", "ID"}, {"state", "STATE"},       {"from", "FROM"},
        {"to", "TO"}, {"progress", "PROGRESS"}, {"reason", "REASON"}};
    cli_print_table(queue, columns, ARRAY_LEN(columns));
    json_decref(queue);
    return CLI_DONE;
}

/* The parameters of a call about one mail, or NULL after printing the usage. */
static json_t *params_of_id(const char *command, int argc, char **argv)
{
    uint64_t id;
    if (argc != 2 || !parse_u64(bytes_of_str(argv[1]), INT64_MAX, &id)) {
        cli_usage(command, "which mail? `bittern queue list` has the numbers");
        return NULL;
    }
    return json_pack("{s:I}", "id", (json_int_t)id);
}

static int print_row(struct cli *cli, const char *call, json_t *params)
{
    struct fault fault = {0};
    json_t *row = cli_call(cli, call, params, &fault);
    if (row == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(row);
    }
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value)
    {
        printf("%-16s %s\n", key, cli_text(row, key));
    }
    json_decref(row);
    return CLI_DONE;
}

int cmd_queue_show(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("queue show", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    json_t *params = params_of_id("queue show", argc, argv);
    return params != NULL ? print_row(cli, "queue.show", params) : CLI_USAGE;
}

int cmd_queue_retry(struct cli *cli, int argc, char **argv)
{
    bool force = false;
    const struct cli_option options[] = {{"--force", .flag = &force}};
    if (!cli_options("queue retry", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    json_t *params = params_of_id("queue retry", argc, argv);
    if (params == NULL) {
        return CLI_USAGE;
    }
    json_object_set_new(params, "force", json_boolean(force));
    return print_row(cli, "queue.retry", params);
}

int cmd_queue_cancel(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("queue cancel", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    json_t *params = params_of_id("queue cancel", argc, argv);
    return params != NULL ? print_row(cli, "queue.cancel", params) : CLI_USAGE;
}
