// SPDX-License-Identifier: MIT
/* What the benchmarks of the node share: a node in a folder of its own, full of objects, and
 * children that report through a pipe. For bench_*.c alone. */
#ifndef BITTERN_NODE_P2P_BENCH_WORLD_H
#define BITTERN_NODE_P2P_BENCH_WORLD_H

#include "base/loop.h"
#include "base/timer.h"
#include "config/settings.h"
#include "node/p2p/bench_node.h"
#include "node/p2p/node_internal.h"

struct bench_world {
    char folder[64];
    struct settings settings;
    struct loop *loop;
    struct node *node;
};

/* Folder and settings alone. `connect`: the port to dial on loopback; 0: none. */
bool bench_world_prepare(struct bench_world *world, uint16_t connect, bool tls,
                         struct fault *fault) MUST_USE;
/* The same with a loop and a node. */
bool bench_world_open(struct bench_world *world, uint16_t connect, bool tls,
                      struct fault *fault) MUST_USE;
/* A node in the folder; the world has its loop. */
bool bench_world_open_node(struct bench_world *world, struct fault *fault) MUST_USE;
void bench_world_close_node(struct bench_world *world);
/* Removes the folder as well. */
void bench_world_close(struct bench_world *world);
/* Put that many random objects into its store. */
bool bench_world_fill(struct bench_world *world, size_t n_objects, size_t len,
                      struct fault *fault) MUST_USE;

/* A child that ends when we do. */
pid_t bench_fork(void);

/* CPU of this process, all threads, and of the calling thread. */
int64_t bench_cpu_us(void) MUST_USE;
int64_t bench_thread_cpu_us(void) MUST_USE;
uint64_t bench_rss_kib(void) MUST_USE;
/* CPU of checksum, inventory hash and proof of work of one such object. */
double bench_hash_us(size_t len, bool with_work) MUST_USE;

/* An empty node that dials `port` in a child of ours, until it has `n_objects`. */
struct bench_receiver_report {
    double wall_sec;  /* from the connection to the last object */
    double cpu_us;    /* an object: all threads ... */
    double loop_us;   /* ... the loop's alone, the rest is the disk's */
    uint64_t rss_kib; /* at the end */
    uint64_t checks_us;
};
/* The child; *out_fd gives one struct bench_receiver_report. -1 on failure. */
pid_t bench_receiver_start(int *out_fd, uint16_t port, bool tls, size_t n_objects,
                           struct fault *fault) MUST_USE;
/* Serve in this process until all of the children reported. */
bool bench_serve(struct bench_world *world, const int *fds, size_t n_fds,
                 struct bench_receiver_report *out, struct fault *fault) MUST_USE;
/* A listening socket on loopback, before there are threads. -1 on failure. */
int bench_listen(struct fault *fault) MUST_USE;

bool bench_ingest(struct bench_node_result *out, const struct bench_node_options *options,
                  struct fault *fault) MUST_USE;
bool bench_relay(struct bench_node_result *out, const struct bench_node_options *options,
                 struct fault *fault) MUST_USE;
bool bench_start(struct bench_node_result *out, const struct bench_node_options *options,
                 struct fault *fault) MUST_USE;

#endif
