// SPDX-License-Identifier: MIT
/* A secret that a person gives: typed at the terminal, where it is not shown, or a line of standard
 * input. Never an argument: others could read it there. */
#ifndef BITTERN_GATEWAY_CLI_SECRET_LINE_H
#define BITTERN_GATEWAY_CLI_SECRET_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/fault.h"

enum { SECRET_LINE_BYTES = 4098 }; /* with line end and NUL */

/* `prompt` ("Recovery key") is shown where it is a terminal. FAULT_INVALID: no line, or an empty
 * one; FAULT_LIMIT: longer than `out`. Wipe `out`. */
bool secret_line_read(char *out, size_t out_size, const char *prompt, struct fault *fault) MUST_USE;

#endif
