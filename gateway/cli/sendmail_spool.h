// SPDX-License-Identifier: MIT
/* Leaving a mail in HOME/gateway/spool for the gateway to find (config/spool_file.h). */
#ifndef BITTERN_GATEWAY_CLI_SENDMAIL_SPOOL_H
#define BITTERN_GATEWAY_CLI_SENDMAIL_SPOOL_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "config/spool_file.h"

/* A new random name. */
bool sendmail_spool_name(char out[SPOOL_NAME_BYTES], struct fault *fault) MUST_USE;
/* True when the mail is on disk, file and folder synced. The home must be there; its spool is made.
 * FAULT_NOT_FOUND: there is no home. */
bool sendmail_spool_put(const char *home, const char *name, const struct spool_file *file,
                        struct fault *fault) MUST_USE;

#endif
