// SPDX-License-Identifier: MIT
#include "gateway/cli/call_command.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

bool call_command_read_secret(char out[CALL_COMMAND_SECRET_BYTES], const char *prompt)
{
    struct termios old;
    bool typed = tcgetattr(STDIN_FILENO, &old) == 0;
    if (typed) {
        struct termios quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "%s: ", prompt);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    bool ok = fgets(out, CALL_COMMAND_SECRET_BYTES, stdin) != NULL;
    if (typed) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        fputc('\n', stderr);
    }
    size_t len = ok ? strcspn(out, "\r\n") : 0;
    ok = ok && len > 0 && len <= CALL_COMMAND_SECRET_BYTES - 2;
    if (ok) {
        out[len] = '\0';
    }
    return ok;
}

static bool take_secret(json_t *params, const struct call_option *option, struct fault *fault)
{
    char secret[CALL_COMMAND_SECRET_BYTES] = "";
    char name[64];
    call_param_name(name, sizeof(name), option);
    bool ok = call_command_read_secret(secret, option->name + 2) ||
              fault_set(fault, FAULT_INVALID, "standard input has no line for %s", option->name);
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
