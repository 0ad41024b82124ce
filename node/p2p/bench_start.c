// SPDX-License-Identifier: MIT
/* A full store is made and closed; then a process of its own opens it, and idles for a while. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/p2p/bench_world.h"

enum { DEFAULT_OBJECTS = 200000, DEFAULT_LEN = 300, IDLE_SEC = 10, SETTLE_MS = 500 };

struct report {
    double wall_sec;
    double cpu_sec;
    double idle_percent;
    uint64_t rss_kib;
    uint64_t n_objects;
};

static void turn_for(struct loop *loop, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < end_ms) {
        loop_turn(loop, end_ms - clock_mono_ms());
    }
}

static NORETURN void run_child(struct bench_world *world, int report_fd)
{
    struct fault fault;
    struct report report = {0};
    world->loop = loop_new();
    int64_t start_us = clock_mono_us();
    int64_t cpu_us = bench_cpu_us();
    if (!bench_world_open_node(world, &fault)) {
        fprintf(stderr, "bench: %s\n", fault.text);
        _exit(EXIT_FAILURE);
    }
    node_start(world->node);
    report.wall_sec = (double)(clock_mono_us() - start_us) / 1e6;
    report.cpu_sec = (double)(bench_cpu_us() - cpu_us) / 1e6;
    turn_for(world->loop, SETTLE_MS);
    cpu_us = bench_cpu_us();
    turn_for(world->loop, (int64_t)IDLE_SEC * 1000);
    report.idle_percent = (double)(bench_cpu_us() - cpu_us) / 1e4 / IDLE_SEC;
    report.rss_kib = bench_rss_kib();
    report.n_objects = node_status(world->node).values[FIGURE_OBJECTS];
    bool sent = write(report_fd, &report, sizeof report) == (ssize_t)sizeof report;
    bench_world_close_node(world);
    loop_free(&world->loop);
    _exit(sent ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Seconds of CPU that reading the file from front to back takes. */
static double read_file_sec(const char *folder, double *out_mib)
{
    enum { PIECE = 1 << 20 };
    char *path = xasprintf("%s/objects.db", folder);
    uint8_t *piece = xmalloc(PIECE);
    int64_t cpu_us = bench_cpu_us();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    double bytes = 0;
    ssize_t n;
    while (fd >= 0 && (n = read(fd, piece, PIECE)) > 0) {
        bytes += (double)n;
    }
    double sec = (double)(bench_cpu_us() - cpu_us) / 1e6;
    if (fd >= 0) {
        close(fd);
    }
    free(piece);
    free(path);
    *out_mib = bytes / (1 << 20);
    return sec;
}

/* Make the store in a child, too: this process must have no threads when it forks again. */
static bool make_store(struct bench_world *world, size_t n_objects, size_t len, struct fault *fault)
{
    int status = 0;
    pid_t pid = bench_fork();
    if (pid == 0) {
        world->loop = loop_new();
        bool ok =
            bench_world_open_node(world, fault) && bench_world_fill(world, n_objects, len, fault);
        bench_world_close_node(world);
        loop_free(&world->loop);
        _exit(ok ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    bool ok = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
              WEXITSTATUS(status) == EXIT_SUCCESS;
    return ok || fault_set(fault, FAULT_IO, "the full store could not be made");
}

static bool run_once(struct bench_world *world, struct report *out, struct fault *fault)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return fault_set_errno(fault, errno, "make a pipe");
    }
    pid_t pid = bench_fork();
    if (pid == 0) {
        close(pipes[0]);
        run_child(world, pipes[1]);
    }
    close(pipes[1]);
    bool ok = read(pipes[0], out, sizeof *out) == (ssize_t)sizeof *out;
    close(pipes[0]);
    waitpid(pid, NULL, 0);
    return ok || fault_set(fault, FAULT_IO, "the node did not start");
}

bool bench_start(struct bench_node_result *out, const struct bench_node_options *options,
                 struct fault *fault)
{
    size_t n_objects = options->n_objects == 0 ? DEFAULT_OBJECTS : options->n_objects;
    size_t len = options->object_len == 0 ? DEFAULT_LEN : options->object_len;
    struct bench_world world = {0};
    struct report report;
    if (!bench_world_prepare(&world, 0, true, fault)) {
        bench_world_close(&world);
        return false;
    }
    bool ok = make_store(&world, n_objects, len, fault) && run_once(&world, &report, fault);
    if (ok) {
        double mib;
        double anchor_sec = read_file_sec(world.folder, &mib);
        *out = (struct bench_node_result){.name = "start",
                                          .ours = report.cpu_sec,
                                          .anchor = anchor_sec,
                                          .anchor_name = "reading the file",
                                          .unit = "s of CPU"};
        (void)snprintf(out->detail, sizeof out->detail,
                       "%llu objects of %zu bytes in %.0f MiB: up after %.3f s; then idle at %.3f "
                       "%% of a core (%d s, no peers); memory %llu KiB",
                       (unsigned long long)report.n_objects, len, mib, report.wall_sec,
                       report.idle_percent, (int)IDLE_SEC, (unsigned long long)report.rss_kib);
    }
    bench_world_close(&world);
    return ok;
}
