// SPDX-License-Identifier: MIT
/* Commands that are one call of the gateway (gateway/control/call_table.h), on the command line:
 * what a row asks before it acts is asked on the terminal, a secret is read from standard input. */
#ifndef BITTERN_GATEWAY_CLI_CALL_COMMAND_H
#define BITTERN_GATEWAY_CLI_CALL_COMMAND_H

#include "gateway/cli/cli.h"
#include "gateway/control/call_table.h"

/* argv: the words behind the command's name. */
int call_command_run(struct cli *cli, const struct call_row *row, int argc, char **argv);

#endif
