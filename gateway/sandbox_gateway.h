// SPDX-License-Identifier: MIT
#ifndef BITTERN_GATEWAY_SANDBOX_GATEWAY_H
#define BITTERN_GATEWAY_SANDBOX_GATEWAY_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/sandbox.h"

/* Lock the gateway in: its own folder and what libraries read late. Before any thread. */
bool sandbox_gateway_enter(struct sandbox_status *out, const char *folder,
                           struct fault *fault) MUST_USE;

#endif
