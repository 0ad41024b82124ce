// SPDX-License-Identifier: MIT
#include "gateway/cli/bench_program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "gateway/cli/supervisor_spawn.h"

enum { MAX_ANSWER_BYTES = 4096 };

const char *bench_program_of(const char *name)
{
    static const struct {
        const char *name;
        const char *program;
    } rows[] = {{"ingest", "bittern-node"},
                {"relay", "bittern-node"},
                {"start", "bittern-node"},
                {"imap", "bittern-gateway"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].program;
        }
    }
    return NULL;
}

/* Until its end, cut to what fits. */
static void read_answer(char out[MAX_ANSWER_BYTES], int fd)
{
    size_t len = 0;
    ssize_t n;
    while (len < MAX_ANSWER_BYTES - 1 &&
           (n = read(fd, out + len, MAX_ANSWER_BYTES - 1 - len)) > 0) {
        len += (size_t)n;
    }
    out[len] = '\0';
}

static json_t *take_answer(const char *answer, int status, struct fault *fault)
{
    json_error_t error;
    json_t *result = NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        result = json_loads(answer, 0, &error);
    }
    if (result == NULL) {
        fault_set(fault, FAULT_IO, "%.*s (%s)", (int)strcspn(answer, "\n"), answer,
                  spawn_describe_end(status));
    }
    return result;
}

json_t *bench_program(const char *program, const char *name, const char *n_objects,
                      const char *n_bytes, struct fault *fault)
{
    char answer[MAX_ANSWER_BYTES];
    int pipes[2];
    int status = -1;
    const char *measuring = bench_program_of(name);
    char *path = spawn_find(program, measuring, fault);
    if (path == NULL) {
        return NULL;
    }
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        fault_set_errno(fault, errno, "make a pipe");
        free(path);
        return NULL;
    }
    char *words[] = {xstrdup(measuring),
                     xstrdup("bench"),
                     xstrdup(name),
                     xstrdup(n_objects != NULL ? n_objects : "0"),
                     xstrdup(n_bytes != NULL ? n_bytes : "0"),
                     NULL};
    const struct spawn spawn = {.path = path,
                                .argv = words,
                                .stdin_fd = -1,
                                .log_fd = pipes[1],
                                .door_fd = -1,
                                .die_with_us = true};
    pid_t pid = spawn_process(&spawn, fault);
    close(pipes[1]);
    json_t *result = NULL;
    if (pid > 0) {
        read_answer(answer, pipes[0]);
        waitpid(pid, &status, 0);
        result = take_answer(answer, status, fault);
    }
    close(pipes[0]);
    for (size_t i = 0; words[i] != NULL; i++) {
        free(words[i]);
    }
    free(path);
    return result;
}
