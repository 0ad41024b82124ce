// SPDX-License-Identifier: MIT
/* bittern status: the state of all three processes, as the gateway and the supervisor tell it. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cli/status_text.h"

static int print_status(const struct cli *cli, json_t *status, bool watching)
{
    if (cli->json) {
        json_dumpf(status, stdout, watching ? JSON_COMPACT : JSON_INDENT(2));
        putchar('\n');
    } else {
        if (watching && isatty(STDOUT_FILENO)) {
            fputs("\033[H\033[J", stdout);
        }
        struct buf text = {0};
        status_text_page(&text, status);
        fputs(buf_str(&text), stdout);
        buf_clear(&text);
    }
    fflush(stdout);
    json_decref(status);
    return CLI_DONE;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
    bool watch = false;
    const struct cli_option options[] = {{"--watch", .flag = &watch}};
    if (!cli_options("status", options, ARRAY_LEN(options), &argc, argv) || argc > 1) {
        return cli_usage("status", "it takes no argument");
    }
    for (;;) {
        struct fault fault = {0};
        json_t *status = cli_call_running(cli, "status", NULL, &fault);
        if (status == NULL) {
            return cli_fail(&fault);
        }
        print_status(cli, status, watch);
        if (!watch) {
            return CLI_DONE;
        }
        sleep(1);
    }
}
