// SPDX-License-Identifier: MIT
/* The home folder as the supervisor needs it: private, ours, locked. */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_HOME_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_HOME_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"

/* FAULT_DENIED unless `home` is a folder of ours that nobody else may enter. */
bool home_check(const char *home, struct fault *fault) MUST_USE;

/* Make HOME/name, 0700, if it is not there. */
bool home_make_folder(const char *home, const char *name, struct fault *fault) MUST_USE;

/* Lock the home for as long as the descriptor, or a copy of it in a child, is open. -1 with
 * FAULT_BUSY, which names the process, when another Bittern has it. */
int home_lock(const char *home, struct fault *fault) MUST_USE;

#endif
