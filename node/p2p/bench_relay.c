// SPDX-License-Identifier: MIT
/* One full node serves ten empty ones. They share the machine's cores with it, so what counts is
 * the CPU that serving an object costs, not how long all of it takes. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/listener.h"
#include "node/p2p/bench_world.h"

enum { DEFAULT_OBJECTS = 20000, DEFAULT_LEN = 300, N_PEERS = 10 };

static double slowest(const struct bench_receiver_report *reports)
{
    double wall_sec = 0;
    for (size_t i = 0; i < N_PEERS; i++) {
        wall_sec = reports[i].wall_sec > wall_sec ? reports[i].wall_sec : wall_sec;
    }
    return wall_sec;
}

bool bench_relay(struct bench_node_result *out, const struct bench_node_options *options,
                 struct fault *fault)
{
    size_t n_objects = options->n_objects == 0 ? DEFAULT_OBJECTS : options->n_objects;
    size_t len = options->object_len == 0 ? DEFAULT_LEN : options->object_len;
    struct bench_receiver_report reports[N_PEERS];
    struct bench_world world = {0};
    int fds[N_PEERS];
    pid_t pids[N_PEERS];
    size_t n_started = 0;
    int listening = bench_listen(fault);
    bool ok = listening >= 0;
    for (; ok && n_started < N_PEERS; n_started++) {
        pids[n_started] =
            bench_receiver_start(&fds[n_started], listener_port(listening), true, n_objects, fault);
        ok = pids[n_started] > 0;
        if (!ok) {
            break;
        }
    }
    ok = ok && bench_world_open(&world, 0, true, fault) &&
         bench_world_fill(&world, n_objects, len, fault);
    if (ok) {
        int64_t cpu_us = bench_cpu_us();
        node_listen_take(world.node, listening);
        ok = bench_serve(&world, fds, N_PEERS, reports, fault);
        double us = (double)(bench_cpu_us() - cpu_us) / ((double)n_objects * N_PEERS);
        double hash_us = bench_hash_us(len, false);
        *out = (struct bench_node_result){.name = "relay",
                                          .ours = 1e6 / us,
                                          .anchor = 1e6 / hash_us,
                                          .anchor_name = "the frames' checksums alone",
                                          .unit = "objects/s and core"};
        (void)snprintf(out->detail, sizeof out->detail,
                       "%zu objects of %zu bytes to %d peers over TLS: %.1f us of CPU each; all "
                       "had all after %.1f s on a machine that they share; memory %llu KiB",
                       n_objects, len, (int)N_PEERS, us, slowest(reports),
                       (unsigned long long)bench_rss_kib());
    } else if (listening >= 0) {
        close(listening);
    }
    bench_world_close(&world);
    for (size_t i = 0; i < n_started; i++) {
        kill(pids[i], SIGTERM);
        close(fds[i]);
        waitpid(pids[i], NULL, 0);
    }
    return ok;
}
