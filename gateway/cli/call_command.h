// SPDX-License-Identifier: MIT
/* Commands that are one call of the gateway's table: arguments become parameters, the answer is
 * printed in one of a few forms. */
#ifndef BITTERN_GATEWAY_CLI_CALL_COMMAND_H
#define BITTERN_GATEWAY_CLI_CALL_COMMAND_H

#include <stddef.h>

#include "gateway/cli/cli.h"

enum call_form {
    CALL_PRINTS_NOTHING,
    CALL_PRINTS_MEMBER, /* the text of `member`, alone on a line */
    CALL_PRINTS_OBJECT, /* a line for each member */
    CALL_PRINTS_TABLE   /* an array of objects, in `columns` */
};

enum { CALL_MAX_PARAMS = 3, CALL_MAX_COLUMNS = 7 };

struct call_command {
    const char *call;
    /* Names of the parameters for the arguments, in order; '#' in front: a number. */
    const char *params[CALL_MAX_PARAMS];
    size_t n_required;
    const char *flag;   /* an option whose parameter has the same name without dashes; NULL: none */
    const char *option; /* an option with a value, likewise */
    enum call_form form;
    const char *member;
    struct cli_column columns[CALL_MAX_COLUMNS];
};

/* Run it as the command named `command_name`; argv[0] is the command's last word. */
int call_command_run(struct cli *cli, const char *command_name, const struct call_command *call,
                     int argc, char **argv);

#endif
