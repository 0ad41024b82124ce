// SPDX-License-Identifier: MIT
/* What every process of ours does first: private files, no core dump, no foreign eyes. */
#ifndef BITTERN_BASE_PROCESS_H
#define BITTERN_BASE_PROCESS_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"

/* umask 077, core size 0, PR_SET_DUMPABLE 0, SIGPIPE ignored, as many descriptors as the hard limit
 * gives (at most 65536), descriptors 0 to 2 open. Takes the test clock if one was handed down. */
void process_init(void);

/* Be killed when the parent dies; at once if it has died already (`parent_pid` is not our parent
 * any more). */
void process_die_with(int parent_pid);

/* Close-on-exec pair of connected Unix stream sockets. */
bool process_socket_pair(int out_ends[2], struct fault *fault) MUST_USE;

/* Close unless it is -1, and set it to -1. */
void process_close_fd(int *fd);

#endif
