// SPDX-License-Identifier: MIT
/* The listening sockets of the settings: bound before a child starts, kept while children restart.
 */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_SOCKETS_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/fault.h"

struct supervisor_listener;

/* *out_fds: a descriptor for each, to be given to sockets_close also on failure. The fault names
 * the setting and the address. */
bool sockets_bind(int **out_fds, const struct supervisor_listener *listeners, size_t n_listeners,
                  struct fault *fault) MUST_USE;

/* Closes them and removes the files of Unix sockets. NULL is allowed. */
void sockets_close(int **fds, const struct supervisor_listener *listeners, size_t n_listeners);

#endif
