// SPDX-License-Identifier: MIT
#include "gateway/cli/supervisor_programs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "gateway/cli/supervisor.h"
#include "gateway/cli/supervisor_spawn.h"

static const struct supervisor_program *find(const struct programs *programs, const char *name)
{
    for (size_t i = 0; i < programs->n_table; i++) {
        if (strcmp(programs->table[i].name, name) == 0) {
            return &programs->table[i];
        }
    }
    return NULL;
}

static pid_t *free_place(struct programs *programs)
{
    for (size_t i = 0; i < PROGRAMS_MAX_RUNNING; i++) {
        if (programs->running[i] == 0) {
            return &programs->running[i];
        }
    }
    return NULL;
}

/* Cut `text` in place at `separator` and append its parts. */
static size_t add_parts(char **argv, size_t n_args, char *text, const char *separator)
{
    char *rest = text;
    char *part;
    while (n_args < PROGRAMS_MAX_ARGUMENTS && (part = strsep(&rest, separator)) != NULL) {
        if (part[0] != '\0') {
            argv[n_args++] = part;
        }
    }
    return n_args;
}

static pid_t start(const struct programs *programs, const struct supervisor_program *program,
                   const char *arguments, int stdin_fd)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    static char *const envp[] = {path, NULL};
    char *argv[PROGRAMS_MAX_ARGUMENTS + 1] = {NULL};
    char *fixed = xstrdup(program->path);
    char *added = xstrdup(arguments);
    size_t n_args = add_parts(argv, 0, fixed, " ");
    n_args = add_parts(argv, n_args, added, "\n");
    pid_t pid = -1;
    struct fault fault = {0};
    if (n_args > 0) {
        struct spawn spawn = {.path = argv[0],
                              .argv = argv,
                              .envp = envp,
                              .stdin_fd = stdin_fd,
                              .log_fd = programs->log_fd,
                              .door_fd = -1};
        pid = spawn_process(&spawn, &fault);
        if (pid < 0) {
            log_warn("supervisor", "%s", fault.text);
        }
    }
    free(fixed);
    free(added);
    return pid;
}

void programs_run(struct programs *programs, const char *name, const char *arguments, int stdin_fd)
{
    const struct supervisor_program *program = find(programs, name);
    pid_t *place = free_place(programs);
    if (program == NULL || place == NULL) {
        log_warn("supervisor", "program not run name=%s reason=%s",
                 log_escape(bytes_of_str(name)).text,
                 program == NULL ? "not-in-settings" : "too-many-run");
        return;
    }
    pid_t pid = start(programs, program, arguments, stdin_fd);
    if (pid > 0) {
        *place = pid;
    }
}

void programs_reap(struct programs *programs)
{
    for (size_t i = 0; i < PROGRAMS_MAX_RUNNING; i++) {
        int status;
        if (programs->running[i] != 0 &&
            waitpid(programs->running[i], &status, WNOHANG) == programs->running[i]) {
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                log_warn("supervisor", "program ended pid=%d by %s", (int)programs->running[i],
                         spawn_describe_end(status));
            }
            programs->running[i] = 0;
        }
    }
}
