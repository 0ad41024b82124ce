// SPDX-License-Identifier: MIT
#include "gateway/cli/call_command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/secret_line.h"

static bool take_secret(json_t *params, const struct call_option *option, struct fault *fault)
{
    char secret[SECRET_LINE_BYTES] = "";
    char name[64];
    call_param_name(name, sizeof(name), option);
    bool ok = secret_line_read(secret, sizeof(secret), option->name + 2, fault);
    ok = ok && json_object_set_new(params, name, json_string(secret)) == 0;
    mem_wipe(secret, sizeof(secret));
    return ok;
}

/* "y" or "yes" on a terminal; elsewhere nobody can be asked. */
static bool is_wanted(const char *question)
{
    char answer[16] = "";
    if (!isatty(STDIN_FILENO)) {
        fputs("bittern: this can't be undone: give --yes to do it\n", stderr);
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof(answer), stdin) != NULL && ascii_lower(answer[0]) == 'y';
}

static int print_answer(const struct cli *cli, const struct call_row *row, json_t *answer)
{
    if (cli->json) {
        return cli_print_json(answer);
    }
    struct buf out = {0};
    call_write_answer(&out, row, answer);
    fputs(buf_str(&out), stdout);
    buf_clear_secret(&out);
    json_decref(answer);
    return CLI_DONE;
}

int call_command_run(struct cli *cli, const struct call_row *row, int argc, char **argv)
{
    struct fault fault = {0};
    const struct call_option *secret = NULL;
    bool yes = false;
    json_t *params = call_take_params(row, argc, argv, &secret, &yes, &fault);
    if (params == NULL) {
        return cli_usage(row->name, "%s", fault.text);
    }
    if (secret != NULL && !take_secret(params, secret, &fault)) {
        json_decref(params);
        return cli_fail(&fault);
    }
    if (row->asks != NULL && !yes && !is_wanted(row->asks)) {
        json_decref(params);
        return CLI_FAILED;
    }
    json_t *answer = cli_call(cli, row->call, params, &fault);
    return answer != NULL ? print_answer(cli, row, answer) : cli_fail(&fault);
}
