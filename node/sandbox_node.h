// SPDX-License-Identifier: MIT
/* What bittern-node may still do once it speaks with strangers. */
#ifndef BITTERN_NODE_SANDBOX_NODE_H
#define BITTERN_NODE_SANDBOX_NODE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/sandbox.h"

/* Lock the process in. `folder` is the only place it writes to; `with_dns`: it looks names up. */
bool sandbox_node_enter(struct sandbox_status *out, const char *folder, bool with_dns,
                        struct fault *fault) MUST_USE;

#endif
