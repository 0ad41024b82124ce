// SPDX-License-Identifier: MIT
/* Finding and starting processes. */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_SPAWN_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/fault.h"

/* The path of our executable `name`: beside `program` (if that has a path), beside the running
 * executable, or in ../libexec/bittern of either. The caller's; NULL with FAULT_NOT_FOUND. */
char *spawn_find(const char *program, const char *name, struct fault *fault) MUST_USE;

struct spawn {
    const char *path;
    char *const *argv; /* NULL-terminated, with the name first */
    char *const *envp; /* NULL: our own environment */
    int stdin_fd;      /* -1: nothing to read */
    int log_fd;        /* standard output and error */
    int door_fd;       /* becomes CHILD_FD; -1: none */
    bool die_with_us;  /* killed when we die */
};

/* Start it with these descriptors and no others. -1 on failure. A program that can't be executed
 * ends with status 127. */
pid_t spawn_process(const struct spawn *spawn, struct fault *fault) MUST_USE;

/* "status 3", "signal 9 (Killed)"; a forbidden system call is said as such. Borrowed until the next
 * call. */
const char *spawn_describe_end(int wait_status);

#endif
