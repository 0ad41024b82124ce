// SPDX-License-Identifier: MIT
#include "gateway/cli/bench_gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cli/supervisor_spawn.h"

enum { MAX_TEXT_BYTES = 512 };

bool bench_gpu_parse(double *out_rate, const char **out_device, char *text)
{
    char *end;
    *out_rate = strtod(text, &end);
    if (end == text || *end != '\t' || !(*out_rate > 0)) {
        return false;
    }
    *out_device = end + 1;
    end[1 + strcspn(end + 1, "\n")] = '\0';
    return **out_device != '\0';
}

/* All that it says, cut to what fits; then its exit status. */
static int read_all(char text[MAX_TEXT_BYTES], int fd, pid_t pid)
{
    size_t len = 0;
    ssize_t n;
    int status = -1;
    while (len < MAX_TEXT_BYTES - 1 && (n = read(fd, text + len, MAX_TEXT_BYTES - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    close(fd);
    waitpid(pid, &status, 0);
    return status;
}

static bool run(char text[MAX_TEXT_BYTES], const char *path, double seconds, struct fault *fault)
{
    char number[32];
    char name[] = "bittern-gpu";
    char word[] = "bench";
    char *argv[] = {name, word, number, NULL};
    int ends[2];
    snprintf(number, sizeof number, "%.3f", seconds);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fault_set_errno(fault, errno, "make a pipe");
    }
    const struct spawn spawn = {.path = path,
                                .argv = argv,
                                .stdin_fd = -1,
                                .log_fd = ends[1],
                                .door_fd = -1,
                                .die_with_us = true};
    pid_t pid = spawn_process(&spawn, fault);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    int status = read_all(text, ends[0], pid);
    if (status == 0) {
        return true;
    }
    text[strcspn(text, "\n")] = '\0';
    return fault_set(fault, FAULT_NOT_FOUND, "%.200s",
                     *text != '\0' ? text : spawn_describe_end(status));
}

bool bench_gpu(struct bench_result *out, const char *program, double seconds, struct fault *fault)
{
    const struct bench_options options = {.seconds = seconds / 2, .kernel = "portable"};
    struct bench_result results[BENCH_MAX_RESULTS];
    size_t n_results;
    char text[MAX_TEXT_BYTES];
    double rate;
    const char *device;

    char *path = spawn_find(program, "bittern-gpu", fault);
    bool ok = path != NULL && run(text, path, seconds / 2, fault);
    free(path);
    if (!ok || !bench_run(results, &n_results, "pow", &options, fault)) {
        return false;
    }
    if (!bench_gpu_parse(&rate, &device, text)) {
        return fault_set(fault, FAULT_INVALID, "bittern-gpu gave no figure");
    }
    *out = results[0];
    out->ours = rate;
    out->ratio = rate / out->anchor;
    snprintf(out->detail, sizeof out->detail, "kernel opencl, wall time, %s", device);
    return true;
}
