// SPDX-License-Identifier: MIT
/* PyBitmessage's settings that mean something here, written behind those in bittern.conf. What the
 * owner has set there already is left as it is. */
#ifndef BITTERN_GATEWAY_CLI_IMPORT_SETTINGS_H
#define BITTERN_GATEWAY_CLI_IMPORT_SETTINGS_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/cli/cli.h"

struct keys_file;

/* One setting lives in the database, and goes by the session: who may write (blackwhitelist). */
bool import_settings(struct cli *cli, struct cli_session *session, const char *account,
                     const struct keys_file *keys, struct fault *fault) MUST_USE;

#endif
