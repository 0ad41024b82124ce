// SPDX-License-Identifier: MIT
#include "gateway/cli/supervisor_programs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
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

static struct running_program *free_place(struct programs *programs)
{
    for (size_t i = 0; i < PROGRAMS_MAX_RUNNING; i++) {
        if (programs->running[i].pid == 0) {
            return &programs->running[i];
        }
    }
    return NULL;
}

/* Cut `text` in place at `separator` and append its parts. */
static size_t add_parts(char **argv, size_t n_args, size_t max_args, char *text,
                        const char *separator)
{
    char *rest = text;
    char *part;
    while (n_args < max_args && (part = strsep(&rest, separator)) != NULL) {
        if (part[0] != '\0') {
            argv[n_args++] = part;
        }
    }
    return n_args;
}

static pid_t start(const struct programs *programs, const struct supervisor_program *program,
                   const char *arguments, const char *environment, int stdin_fd)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char *envp[PROGRAMS_MAX_ENVIRONMENT + 1] = {path};
    char *argv[PROGRAMS_MAX_ARGUMENTS + 1] = {NULL};
    char *added = xstrdup(arguments);
    char *values = xstrdup(environment);
    size_t n_args = 0;
    while (n_args < PROGRAMS_MAX_ARGUMENTS && program->argv[n_args] != NULL) {
        argv[n_args] = (char *)(uintptr_t)program->argv[n_args];
        n_args++;
    }
    n_args = add_parts(argv, n_args, PROGRAMS_MAX_ARGUMENTS, added, "\n");
    (void)add_parts(envp, 1, PROGRAMS_MAX_ENVIRONMENT, values, "\n");
    pid_t pid = -1;
    struct fault fault = {0};
    if (n_args > 0) {
        struct spawn spawn = {.path = argv[0],
                              .argv = argv,
                              .envp = envp,
                              .stdin_fd = stdin_fd,
                              .log_fd = programs->log_fd,
                              .door_fd = -1,
                              .die_with_us = environment[0] != '\0'};
        pid = spawn_process(&spawn, &fault);
        if (pid < 0) {
            log_warn("supervisor", "%s", fault.text);
        }
    }
    free(added);
    free(values);
    return pid;
}

/* Where it runs; NULL when it does not. */
static struct running_program *run(struct programs *programs, const char *name,
                                   const char *arguments, const char *environment, int stdin_fd)
{
    const struct supervisor_program *program = find(programs, name);
    struct running_program *place = free_place(programs);
    if (program == NULL || place == NULL) {
        log_warn("supervisor", "program not run name=%s reason=%s",
                 log_escape(bytes_of_str(name)).text,
                 program == NULL ? "not-in-settings" : "too-many-run");
        return NULL;
    }
    pid_t pid = start(programs, program, arguments, environment, stdin_fd);
    if (pid <= 0) {
        return NULL;
    }
    place->pid = pid;
    place->name = program->name;
    place->id = -1;
    return place;
}

void programs_run(struct programs *programs, const char *name, const char *arguments, int stdin_fd)
{
    (void)run(programs, name, arguments, "", stdin_fd);
}

static bool runs_already(const struct programs *programs, const char *name, int64_t id)
{
    for (size_t i = 0; i < PROGRAMS_MAX_RUNNING; i++) {
        const struct running_program *one = &programs->running[i];
        if (one->pid != 0 && one->id == id && strcmp(one->name, name) == 0) {
            return true;
        }
    }
    return false;
}

void programs_run_watched(struct programs *programs, const char *name, const char *request,
                          int stdin_fd)
{
    struct bytes text = bytes_of_str(request);
    size_t line = bytes_find(text, '\n');
    uint64_t id = 0;
    if (line == text.len || !parse_u64(bytes_slice(text, 0, line), INT64_MAX, &id)) {
        log_warn("supervisor", "program not run reason=malformed-request");
        return;
    }
    if (runs_already(programs, name, (int64_t)id)) {
        return;
    }
    struct running_program *place = run(programs, name, "", request + line + 1, stdin_fd);
    if (place == NULL) {
        programs->ended(programs->context, name, (int64_t)id, EX_TEMPFAIL);
        return;
    }
    place->id = (int64_t)id;
    timer_arm(&place->limit, programs->time_limit_sec * 1000);
}

static void over_its_time(void *context)
{
    const struct running_program *one = context;
    log_warn("supervisor", "program killed name=%s reason=runs-too-long", one->name);
    kill(one->pid, SIGKILL);
}

void programs_reap(struct programs *programs)
{
    for (size_t i = 0; i < PROGRAMS_MAX_RUNNING; i++) {
        struct running_program *one = &programs->running[i];
        int status;
        if (one->pid == 0 || waitpid(one->pid, &status, WNOHANG) != one->pid) {
            continue;
        }
        bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!is_done) {
            log_warn("supervisor", "program ended pid=%d by %s", (int)one->pid,
                     spawn_describe_end(status));
        }
        timer_cancel(&one->limit);
        one->pid = 0;
        if (one->id >= 0) {
            programs->ended(programs->context, one->name, one->id,
                            WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL);
        }
    }
}

void programs_init(struct programs *programs, struct loop *loop)
{
    programs->time_limit_sec = PROGRAMS_TIME_LIMIT_SEC;
    for (size_t i = 0; i < PROGRAMS_MAX_RUNNING; i++) {
        timer_init(&programs->running[i].limit, loop, over_its_time, &programs->running[i]);
    }
}

void programs_clear(struct programs *programs)
{
    for (size_t i = 0; i < PROGRAMS_MAX_RUNNING; i++) {
        timer_cancel(&programs->running[i].limit);
    }
}
