// SPDX-License-Identifier: MIT
/* bittern setup PROGRAM: a configuration that can be pasted. The gateway is asked for the ports and
 * the address, so that what is printed is what is there. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "gateway/cli/setup_text.h"

static int list_programs(void)
{
    fputs("usage: bittern setup PROGRAM\n\nprograms:", stderr);
    for (size_t i = 0; i < setup_programs_len; i++) {
        fprintf(stderr, " %s", setup_programs[i].name);
    }
    fputc('\n', stderr);
    return CLI_USAGE;
}

int cmd_setup(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("setup", NULL, 0, &argc, argv) || argc != 2) {
        return list_programs();
    }
    const struct setup_program *program = setup_program_find(argv[1]);
    if (program == NULL) {
        fprintf(stderr, "bittern: there is nothing for '%s'\n", argv[1]);
        return list_programs();
    }
    struct fault fault = {0};
    json_t *info = cli_call_running(cli, "setup.info", NULL, &fault);
    if (info == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(info);
    }
    struct buf out = {0};
    setup_text(&out, program, info);
    fputs(buf_str(&out), stdout);
    buf_clear(&out);
    json_decref(info);
    return CLI_DONE;
}
