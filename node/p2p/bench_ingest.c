// SPDX-License-Identifier: MIT
/* The full node is this process, the empty one its child, which dials and reports through a pipe.
 * Done twice, with TLS and without, so that the difference is TLS's share. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/listener.h"
#include "node/p2p/bench_world.h"

enum { DEFAULT_OBJECTS = 20000, DEFAULT_LEN = 300 };

static bool run_once(struct bench_receiver_report *out, size_t n_objects, size_t len, bool tls,
                     struct fault *fault)
{
    struct bench_world world = {0};
    int listening = bench_listen(fault);
    if (listening < 0) {
        return false;
    }
    int fd = -1;
    pid_t pid = bench_receiver_start(&fd, listener_port(listening), tls, n_objects, fault);
    bool ok = pid > 0 && bench_world_open(&world, 0, tls, fault) &&
              bench_world_fill(&world, n_objects, len, fault);
    if (ok) {
        node_listen_take(world.node, listening);
        ok = bench_serve(&world, &fd, 1, out, fault);
    } else {
        close(listening);
    }
    bench_world_close(&world);
    if (pid > 0) {
        kill(pid, SIGTERM);
        close(fd);
        waitpid(pid, NULL, 0);
    }
    return ok;
}

/* In percent of the whole: hashes and proof of work, TLS, the disk's thread, and all the rest. */
static void tell_shares(char *out, size_t size, const struct bench_receiver_report *tls,
                        const struct bench_receiver_report *plain, double hash_us)
{
    double tls_us = fmax(tls->loop_us - plain->loop_us, 0);
    double disk_us = fmax(tls->cpu_us - tls->loop_us, 0);
    double rest_us = tls->loop_us - tls_us - hash_us;
    (void)snprintf(out, size,
                   "checksum, hash and proof of work %.0f %%, TLS %.0f %%, the store's "
                   "writer %.0f %%, all else %.0f %%",
                   100 * hash_us / tls->cpu_us, 100 * tls_us / tls->cpu_us,
                   100 * disk_us / tls->cpu_us, 100 * rest_us / tls->cpu_us);
}

bool bench_ingest(struct bench_node_result *out, const struct bench_node_options *options,
                  struct fault *fault)
{
    size_t n_objects = options->n_objects == 0 ? DEFAULT_OBJECTS : options->n_objects;
    size_t len = options->object_len == 0 ? DEFAULT_LEN : options->object_len;
    struct bench_receiver_report tls;
    struct bench_receiver_report plain;
    char shares[160];
    if (!run_once(&tls, n_objects, len, true, fault) ||
        !run_once(&plain, n_objects, len, false, fault)) {
        return false;
    }
    double hash_us = bench_hash_us(len, true);
    tell_shares(shares, sizeof shares, &tls, &plain, hash_us);
    *out = (struct bench_node_result){.name = "ingest",
                                      .ours = (double)n_objects / tls.wall_sec,
                                      .anchor = 1e6 / hash_us,
                                      .anchor_name = "the hashes alone, one core",
                                      .unit = "objects/s"};
    (void)snprintf(out->detail, sizeof out->detail,
                   "%zu objects of %zu bytes over TLS: %.1f us of CPU each, of it %s; without TLS "
                   "%.0f objects/s; receiver's memory %llu KiB",
                   n_objects, len, tls.cpu_us, shares, (double)n_objects / plain.wall_sec,
                   (unsigned long long)tls.rss_kib);
    return true;
}

/* ---- the table */

static const struct {
    const char *name;
    bool (*run)(struct bench_node_result *out, const struct bench_node_options *options,
                struct fault *fault);
} benches[] = {
    {"ingest", bench_ingest},
    {"relay", bench_relay},
    {"start", bench_start},
};

bool bench_node_run(struct bench_node_result *out, const char *name,
                    const struct bench_node_options *options, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        if (strcmp(benches[i].name, name) == 0) {
            return benches[i].run(out, options, fault);
        }
    }
    return fault_set(fault, FAULT_NOT_FOUND, "there is no benchmark '%s' of the node", name);
}
