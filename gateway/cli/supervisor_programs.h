// SPDX-License-Identifier: MIT
/* The programs that the settings name (`[mail] deliver`, notifications), run when the gateway asks.
 *
 * The gateway chooses among the names that it was given, never a path. The fixed arguments come
 * from the settings, those of the request follow; the mail is standard input; the environment is
 * ours. A watched program gets no arguments of a request, is told to the gateway when it ends, is
 * killed when it runs too long, and dies with us. */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_PROGRAMS_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_PROGRAMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/timer.h"

struct loop;
struct supervisor_program;

enum {
    PROGRAMS_MAX_RUNNING = 16,
    PROGRAMS_MAX_ARGUMENTS = 32,
    PROGRAMS_MAX_ENVIRONMENT = 8,
    PROGRAMS_TIME_LIMIT_SEC = 300 /* of a watched one */
};

struct running_program {
    pid_t pid; /* 0: free */
    const char *name;
    int64_t id; /* of the request; -1: nobody waits for its end */
    struct timer limit;
};

struct programs {
    const struct supervisor_program *table;
    size_t n_table;
    int log_fd;
    int64_t time_limit_sec;
    void (*ended)(void *context, const char *name, int64_t id, int exit_code);
    void *context;
    struct running_program running[PROGRAMS_MAX_RUNNING];
};

/* With table, log_fd, ended and context set. */
void programs_init(struct programs *programs, struct loop *loop);
void programs_clear(struct programs *programs);
/* `arguments`: one a line. What can't be run is told in the log. */
void programs_run(struct programs *programs, const char *name, const char *arguments, int stdin_fd);
/* `request`: its ID, then NAME=VALUE for the environment, one a line. Answered by `ended`, at once
 * when it can't be run. A request whose ID runs already is left to that. */
void programs_run_watched(struct programs *programs, const char *name, const char *request,
                          int stdin_fd);
/* After SIGCHLD: see which have ended. */
void programs_reap(struct programs *programs);

#endif
