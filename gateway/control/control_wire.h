// SPDX-License-Identifier: MIT
/* What both ends of the control socket agree on. */
#ifndef BITTERN_GATEWAY_CONTROL_CONTROL_WIRE_H
#define BITTERN_GATEWAY_CONTROL_CONTROL_WIRE_H

#include "base/fault.h"

#define CONTROL_SOCKET_NAME "control.sock"

/* The longest line either way: a mail of 64 MiB in base64, and its recipients. */
enum { CONTROL_LINE_MAX_BYTES = 96 * 1024 * 1024 };

/* The code whose fault_code_name is `name`; FAULT_INTERNAL when there is none. */
enum fault_code control_fault_code(const char *name);

#endif
