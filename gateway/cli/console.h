// SPDX-License-Identifier: MIT
/* What `bittern run` shows to the person who started it: first how to set a mail program up, then,
 * on a terminal, a line with the state that is kept up to date.
 *
 * It is a process of its own that asks over the control socket like any other command, so the
 * supervisor never waits for a terminal. */
#ifndef BITTERN_GATEWAY_CLI_CONSOLE_H
#define BITTERN_GATEWAY_CLI_CONSOLE_H

#include <sys/types.h>

#include "base/compiler.h"
#include "gateway/cli/cli.h"

/* Start it; call before any thread. It ends with its parent. -1 when it can't be started: nothing
 * is shown then, and nothing else is lost. */
pid_t console_start(const struct cli *cli) MUST_USE;

#endif
