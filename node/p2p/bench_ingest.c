// SPDX-License-Identifier: MIT
/* The full node is the parent, the empty one its child, which dials and reports through a pipe. */
#include "node/p2p/bench_ingest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/listener.h"
#include "base/log.h"
#include "crypto/random.h"
#include "node/p2p/node_internal.h"

enum {
    DEFAULT_OBJECTS = 20000,
    DEFAULT_LEN = 300,
    LIFE_SEC = 3600,
    GIVE_UP_MS = 120 * 1000,
    WATCH_MS = 5
};

struct world {
    char folder[64];
    struct settings settings;
    struct loop *loop;
    struct node *node;
    struct timer timer;
    size_t n_objects;
    int report_fd;
    int64_t first_us;
    int64_t give_up_ms;
    int64_t cpu_before_us;
};

static void on_broken(void *context)
{
    struct world *world = context;
    loop_stop(world->loop);
}

static int64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* ---- a node in a folder of its own */

static bool set(struct world *world, const char *line, struct fault *fault)
{
    return settings_set_line(&world->settings, line, fault);
}

static bool open_world(struct world *world, const struct bench_ingest_options *options,
                       uint16_t connect, struct fault *fault)
{
    char line[64] = "network.connect=";
    if (connect != 0) {
        snprintf(line, sizeof line, "network.connect=127.0.0.1:%u", connect);
    }
    snprintf(world->folder, sizeof world->folder, "/tmp/bittern-bench-XXXXXX");
    if (mkdtemp(world->folder) == NULL) {
        return fault_set_errno(fault, errno, "make a folder in /tmp");
    }
    settings_init(&world->settings);
    if (!set(world, line, fault) || !set(world, "network.bootstrap=no", fault) ||
        !set(world, "network.allow_loopback=yes", fault) ||
        !set(world, "network.least_trials_per_byte=1", fault) ||
        !set(world, "network.least_extra_bytes=1", fault) ||
        !set(world, "network.magic=0a0b0c0d", fault) ||
        !set(world, "network.anti_intersection=no", fault) ||
        !set(world, options->no_tls ? "network.tls=no" : "network.tls=yes", fault)) {
        return false;
    }
    world->loop = loop_new();
    struct node_options node_options = {.folder = world->folder,
                                        .node = &world->settings.node,
                                        .network = &world->settings.network,
                                        .on_broken = on_broken,
                                        .context = world};
    world->node = node_new(world->loop, &node_options, fault);
    return world->node != NULL;
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    rmdir(path);
}

static void close_world(struct world *world)
{
    timer_cancel(&world->timer);
    node_free(&world->node);
    loop_free(&world->loop);
    settings_clear(&world->settings);
    remove_folder(world->folder);
}

/* ---- objects */

static void make_object(struct buf *out, size_t len, int64_t now_sec, struct pow_demand demand)
{
    struct object_head head = {.expires_sec = (uint64_t)(now_sec + LIFE_SEC),
                               .type = OBJECT_MSG,
                               .version = 1,
                               .stream = 1};
    buf_reset(out);
    object_write_header(out, &head);
    size_t header_len = out->len;
    if (len < header_len + sizeof(uint64_t)) {
        len = header_len + sizeof(uint64_t);
    }
    buf_append_zeros(out, len - header_len);
    random_bytes(out->data + header_len, len - header_len);
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
    pow_initial_hash(initial_hash, bytes_slice(buf_view(out), OBJECT_NONCE_BYTES, out->len));
    uint64_t target = pow_target_to_send(out->len, LIFE_SEC + POW_SEND_SLACK_SEC, demand);
    uint64_t nonce = 0;
    while (!pow_is_met(initial_hash, nonce, target)) {
        nonce++;
    }
    object_set_nonce(out, nonce);
}

static bool fill(struct world *world, size_t n_objects, size_t len, struct fault *fault)
{
    struct buf object = {0};
    int64_t now_sec = clock_now_sec();
    bool ok = true;
    for (size_t i = 0; ok && i < n_objects; i++) {
        make_object(&object, len, now_sec, world->node->rules.least);
        struct accepted accepted = accept_object(world->node->inventory, &world->node->rules,
                                                 buf_view(&object), false, now_sec);
        ok = accepted.verdict == ACCEPT_NEW ||
             fault_set(fault, FAULT_INTERNAL, "an object was not taken: %s",
                       accepted.reason == NULL ? "no room" : accepted.reason);
        if (i % 1000 == 0) {
            loop_turn(world->loop, 0);
        }
    }
    buf_clear(&object);
    return ok;
}

/* Objects a second if hashing were all: checksum, inventory hash, proof of work. */
static double measure_bound(size_t len, struct pow_demand demand)
{
    enum { ROUNDS = 20000 };
    struct buf object = {0};
    uint8_t digest[SHA512_BYTES];
    uint8_t hash[OBJECT_HASH_BYTES];
    int64_t now_sec = clock_now_sec();
    make_object(&object, len, now_sec, demand);
    int64_t start_ns = clock_thread_cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        hash_sha512(digest, buf_view(&object));
        object_hash(hash, buf_view(&object));
        if (!pow_check(buf_view(&object), now_sec, demand, demand)) {
            abort();
        }
    }
    int64_t spent_ns = clock_thread_cpu_ns() - start_ns;
    buf_clear(&object);
    return ROUNDS * 1e9 / (double)spent_ns;
}

/* ---- the empty node */

static void report(struct world *world, const struct node_figures *figures)
{
    const uint64_t *values = figures->values;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    struct bench_ingest_result result = {
        .n_objects = values[FIGURE_OBJECTS],
        .objects_per_sec =
            (double)values[FIGURE_OBJECTS] * 1e6 / (double)(clock_mono_us() - world->first_us),
        .cpu_us_an_object =
            (double)(cpu_us() - world->cpu_before_us) / (double)values[FIGURE_OBJECTS],
        .verify_us_an_object = (double)values[FIGURE_VERIFY_US] / (double)values[FIGURE_OBJECTS],
        .rss_kib = (uint64_t)usage.ru_maxrss,
    };
    if (write(world->report_fd, &result, sizeof result) != (ssize_t)sizeof result) {
        log_error("bench", "cannot report");
    }
}

static void on_watch(void *context)
{
    struct world *world = context;
    struct node_figures status = node_status(world->node);
    if (world->first_us == 0 && status.values[FIGURE_PEERS_OUT] > 0) {
        world->first_us = clock_mono_us();
        world->cpu_before_us = cpu_us();
    }
    bool all_here = status.values[FIGURE_OBJECTS] >= world->n_objects;
    if (all_here) {
        report(world, &status);
    }
    if (all_here || clock_mono_ms() > world->give_up_ms) {
        loop_stop(world->loop);
    }
}

static void watch(struct world *world, size_t n_objects, int report_fd)
{
    world->n_objects = n_objects;
    world->report_fd = report_fd;
    world->give_up_ms = clock_mono_ms() + GIVE_UP_MS;
    timer_init(&world->timer, world->loop, on_watch, world);
    timer_arm_periodic(&world->timer, WATCH_MS);
}

static NORETURN void run_receiver(const struct bench_ingest_options *options, size_t n_objects,
                                  uint16_t port, int report_fd)
{
    struct world world = {0};
    struct fault fault;
    if (!open_world(&world, options, port, &fault)) {
        fprintf(stderr, "bench: %s\n", fault.text);
        _exit(EXIT_FAILURE);
    }
    watch(&world, n_objects, report_fd);
    node_start(world.node);
    loop_run(world.loop);
    close_world(&world);
    _exit(EXIT_SUCCESS);
}

/* ---- the full node */

struct serving {
    struct loop *loop;
    int fd;
    struct bench_ingest_result result;
    bool got;
};

static void on_report(void *context, unsigned ready)
{
    struct serving *serving = context;
    (void)ready;
    serving->got = read(serving->fd, &serving->result, sizeof serving->result) ==
                   (ssize_t)sizeof serving->result;
    loop_stop(serving->loop);
}

static bool serve(struct world *world, int report_fd, struct bench_ingest_result *out,
                  struct fault *fault)
{
    struct serving serving = {.loop = world->loop, .fd = report_fd};
    struct watch *report_watch = watch_new(world->loop, report_fd, on_report, &serving);
    watch_want(report_watch, WATCH_READ);
    node_start(world->node);
    loop_run(world->loop);
    watch_free(&report_watch);
    if (!serving.got) {
        return fault_set(fault, FAULT_TIMEOUT, "the other node did not get all objects");
    }
    *out = serving.result;
    return true;
}

bool bench_ingest_run(struct bench_ingest_result *out, const struct bench_ingest_options *options,
                      struct fault *fault)
{
    size_t n_objects = options->n_objects == 0 ? DEFAULT_OBJECTS : options->n_objects;
    size_t len = options->object_len == 0 ? DEFAULT_LEN : options->object_len;
    struct netaddr address;
    int pipes[2];
    struct world world = {0};
    if (!netaddr_parse(&address, "127.0.0.1:0", 0, fault)) {
        return false;
    }
    int listening = listener_bind(&address, fault);
    if (listening < 0) {
        return false;
    }
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        close(listening);
        return fault_set_errno(fault, errno, "make a pipe");
    }
    /* The child is made before this process has threads, and waits for a peer by dialling. */
    pid_t pid = fork();
    if (pid == 0) {
        uint16_t port = listener_port(listening);
        close(listening);
        close(pipes[0]);
        run_receiver(options, n_objects, port, pipes[1]);
    }
    close(pipes[1]);
    bool ok = open_world(&world, options, 0, fault) && fill(&world, n_objects, len, fault);
    if (ok) {
        node_listen_take(world.node, listening);
        ok = serve(&world, pipes[0], out, fault);
        out->bound_per_sec = measure_bound(len, world.node->rules.least);
    } else {
        close(listening);
        kill(pid, SIGTERM);
    }
    close(pipes[0]);
    close_world(&world);
    waitpid(pid, NULL, 0);
    return ok;
}
