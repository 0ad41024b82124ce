// SPDX-License-Identifier: MIT
/* PyBitmessage's settings that mean something here: theirs into ours, and ours into theirs. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_PYBITMESSAGE_SETTINGS_H
#define BITTERN_GATEWAY_CLI_MOVING_PYBITMESSAGE_SETTINGS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/cli/cli.h"

struct keys_file;

/* Written behind those in bittern.conf; what the owner has set there already is left as it is. One
 * setting lives in the database, and goes by the session: who may write (blackwhitelist). */
bool pybitmessage_settings_take(struct cli *cli, struct cli_session *session, const char *account,
                                const struct keys_file *keys, struct fault *fault) MUST_USE;

/* The section [bitmessagesettings], and [network] where there is something for it: what was set
 * here to something else than the default. `allowed_only`: only those who are allowed may write.
 * Errors are kept by the stream. */
bool pybitmessage_settings_write(FILE *out, struct cli *cli, bool allowed_only,
                                 struct fault *fault) MUST_USE;

#endif
