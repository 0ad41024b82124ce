// SPDX-License-Identifier: MIT
/* bittern identity ... */
#include "gateway/cli/cli.h"

#include <stdio.h>

int cmd_identity_new(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("identity new", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 2) {
        return cli_usage("identity new", "one label, please; quote it if it has spaces");
    }
    struct fault fault = {0};
    json_t *params = json_pack("{s:s}", "label", argc == 2 ? argv[1] : "");
    json_t *identity = cli_call(cli, "identity.new", params, &fault);
    if (identity == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(identity);
    }
    puts(cli_text(identity, "address"));
    json_decref(identity);
    return CLI_DONE;
}

int cmd_identity_list(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("identity list", NULL, 0, &argc, argv) || argc > 1) {
        return cli_usage("identity list", "it takes no argument");
    }
    struct fault fault = {0};
    json_t *identities = cli_call(cli, "identity.list", NULL, &fault);
    if (identities == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(identities);
    }
    static const struct cli_column columns[] = {
        {"address", "ADDRESS"}, {"label", "LABEL"}, {"account", "ACCOUNT"}, {"enabled", "ENABLED"}};
    cli_print_table(identities, columns, ARRAY_LEN(columns));
    json_decref(identities);
    return CLI_DONE;
}

int cmd_identity_show(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("identity show", NULL, 0, &argc, argv) || argc != 2) {
        return cli_usage("identity show", "which identity?");
    }
    struct fault fault = {0};
    json_t *identity =
        cli_call(cli, "identity.show", json_pack("{s:s}", "address", argv[1]), &fault);
    if (identity == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(identity);
    }
    const char *key;
    json_t *value;
    json_object_foreach(identity, key, value)
    {
        printf("%-24s %s\n", key, cli_text(identity, key));
    }
    json_decref(identity);
    return CLI_DONE;
}
