// SPDX-License-Identifier: MIT
#ifndef BITTERN_GATEWAY_SANDBOX_GATEWAY_H
#define BITTERN_GATEWAY_SANDBOX_GATEWAY_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/sandbox.h"

/* Lock the gateway in: its own folder and what libraries read late. Before any thread. It may
 * connect only where a Namecoin server is set up. */
bool sandbox_gateway_enter(struct sandbox_status *out, const char *folder, bool may_connect,
                           struct fault *fault) MUST_USE;

#endif
