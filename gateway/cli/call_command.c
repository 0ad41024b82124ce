// SPDX-License-Identifier: MIT
#include "gateway/cli/call_command.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/str.h"

static bool set_param(json_t *params, const char *name, const char *argument)
{
    if (*name != '#') {
        return json_object_set_new(params, name, json_string(argument)) == 0;
    }
    uint64_t number;
    return parse_u64(bytes_of_str(argument), INT64_MAX, &number) &&
           json_object_set_new(params, name + 1, json_integer((json_int_t)number)) == 0;
}

/* Parameters from the arguments that are left; NULL after printing the usage. */
static json_t *take_params(const char *command_name, const struct call_command *call, int argc,
                           char **argv)
{
    size_t n_given = (size_t)argc - 1;
    size_t n_possible = 0;
    while (n_possible < CALL_MAX_PARAMS && call->params[n_possible] != NULL) {
        n_possible++;
    }
    if (n_given < call->n_required || n_given > n_possible) {
        cli_usage(command_name,
                  n_given > n_possible ? "too many arguments" : "an argument is missing");
        return NULL;
    }
    json_t *params = json_object();
    for (size_t i = 0; i < n_given; i++) {
        if (!set_param(params, call->params[i], argv[i + 1])) {
            cli_usage(command_name, "'%s' is not possible here", argv[i + 1]);
            json_decref(params);
            return NULL;
        }
    }
    return params;
}

static int print_answer(struct cli *cli, const struct call_command *call, json_t *answer)
{
    if (cli->json) {
        return cli_print_json(answer);
    }
    const char *key;
    json_t *value;
    size_t n_columns = 0;
    switch (call->form) {
    case CALL_PRINTS_MEMBER:
        puts(cli_text(answer, call->member));
        break;
    case CALL_PRINTS_OBJECT:
        json_object_foreach(answer, key, value)
        {
            printf("%-16s %s\n", key, cli_text(answer, key));
        }
        break;
    case CALL_PRINTS_TABLE:
        while (n_columns < CALL_MAX_COLUMNS && call->columns[n_columns].key != NULL) {
            n_columns++;
        }
        cli_print_table(answer, call->columns, n_columns);
        break;
    case CALL_PRINTS_NOTHING:
        break;
    }
    json_decref(answer);
    return CLI_DONE;
}

int call_command_run(struct cli *cli, const char *command_name, const struct call_command *call,
                     int argc, char **argv)
{
    bool flag = false;
    const char *value = NULL;
    struct cli_option options[2];
    size_t n_options = 0;
    if (call->flag != NULL) {
        options[n_options++] = (struct cli_option){call->flag, &flag, NULL};
    }
    if (call->option != NULL) {
        options[n_options++] = (struct cli_option){call->option, NULL, &value};
    }
    if (!cli_options(command_name, options, n_options, &argc, argv)) {
        return CLI_USAGE;
    }
    json_t *params = take_params(command_name, call, argc, argv);
    if (params == NULL) {
        return CLI_USAGE;
    }
    if (flag) {
        json_object_set_new(params, call->flag + 2, json_true());
    }
    if (value != NULL) {
        json_object_set_new(params, call->option + 2, json_string(value));
    }
    struct fault fault = {0};
    json_t *answer = cli_call(cli, call->call, params, &fault);
    return answer != NULL ? print_answer(cli, call, answer) : cli_fail(&fault);
}
