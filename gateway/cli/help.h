// SPDX-License-Identifier: MIT
/* What `bittern --help` and a half-typed command show, from both tables of commands: commands.c and
 * gateway/control/call_table.c. */
#ifndef BITTERN_GATEWAY_CLI_HELP_H
#define BITTERN_GATEWAY_CLI_HELP_H

#include <stdbool.h>

#include "base/compiler.h"

struct buf;

/* The heading of commands whose first word no group has: none should. */
#define HELP_UNGROUPED "Others"

/* Append all commands in groups, a line or more of at most HELP_COLUMNS characters each, between
 * the usage and the global options. */
enum { HELP_COLUMNS = 80 };
void help_write(struct buf *out);

/* Append a line of usage for each command whose first word is `word`, and is not its last. False
 * when there is none. */
bool help_write_usages(struct buf *out, const char *word) MUST_USE;

#endif
