// SPDX-License-Identifier: MIT
/* bittern account ...: mail logins and their passwords. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { PASSWORD_MAX_BYTES = 256 };

/* The first line of standard input, without its end. */
static bool read_password(char out[PASSWORD_MAX_BYTES + 2], struct fault *fault)
{
    if (fgets(out, PASSWORD_MAX_BYTES + 2, stdin) == NULL) {
        return fault_set(fault, FAULT_INVALID, "there is no password on standard input");
    }
    size_t len = strcspn(out, "\r\n");
    if (out[len] == '\0' && len > PASSWORD_MAX_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a password has at most %d bytes", PASSWORD_MAX_BYTES);
    }
    out[len] = '\0';
    if (len == 0) {
        return fault_set(fault, FAULT_INVALID, "an empty password is not possible");
    }
    return true;
}

/* account.new and account.passwd take and answer the same. */
static int set_password(struct cli *cli, const char *command, const char *call, int argc,
                        char **argv)
{
    bool from_stdin = false;
    const struct cli_option options[] = {{"--stdin", .flag = &from_stdin}};
    if (!cli_options(command, options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage(command, "which account?");
    }
    struct fault fault = {0};
    json_t *params = json_pack("{s:s}", "name", argv[1]);
    if (from_stdin) {
        char password[PASSWORD_MAX_BYTES + 2] = "";
        bool ok = read_password(password, &fault);
        json_object_set_new(params, "password", json_string(password));
        mem_wipe(password, sizeof password);
        if (!ok) {
            json_decref(params);
            return cli_fail(&fault);
        }
    }
    json_t *account = cli_call(cli, call, params, &fault);
    if (account == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(account);
    }
    if (!from_stdin) {
        puts(cli_text(account, "password"));
    }
    json_decref(account);
    return CLI_DONE;
}

int cmd_account_new(struct cli *cli, int argc, char **argv)
{
    return set_password(cli, "account new", "account.new", argc, argv);
}

int cmd_account_passwd(struct cli *cli, int argc, char **argv)
{
    return set_password(cli, "account passwd", "account.passwd", argc, argv);
}
