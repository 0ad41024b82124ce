// SPDX-License-Identifier: MIT
/* The programs that the settings name (`[mail] deliver`, notifications), run when the gateway asks.
 *
 * The gateway chooses among the names that it was given, never a path. The fixed arguments come
 * from the settings, those of the request follow; the mail is standard input; the environment is
 * ours. */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_PROGRAMS_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_PROGRAMS_H

#include <stddef.h>
#include <sys/types.h>

struct supervisor_program;

enum { PROGRAMS_MAX_RUNNING = 16, PROGRAMS_MAX_ARGUMENTS = 32 };

/* {0} with the table set is a valid start. */
struct programs {
    const struct supervisor_program *table;
    size_t n_table;
    int log_fd;
    pid_t running[PROGRAMS_MAX_RUNNING]; /* 0: free */
};

/* `arguments`: one a line. What can't be run is told in the log. */
void programs_run(struct programs *programs, const char *name, const char *arguments, int stdin_fd);
/* After SIGCHLD: see which have ended. */
void programs_reap(struct programs *programs);

#endif
