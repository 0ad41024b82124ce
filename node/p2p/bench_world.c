// SPDX-License-Identifier: MIT
#include "node/p2p/bench_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/listener.h"
#include "base/log.h"
#include "crypto/pow_kernel.h"
#include "crypto/random.h"

enum { LIFE_SEC = 3600, GIVE_UP_MS = 300 * 1000, WATCH_MS = 2, TRIALS_A_SLICE = 1 << 16 };

/* ---- figures */

static int64_t cpu_of(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

int64_t bench_cpu_us(void)
{
    return cpu_of(RUSAGE_SELF);
}

int64_t bench_thread_cpu_us(void)
{
    return cpu_of(RUSAGE_THREAD);
}

uint64_t bench_rss_kib(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %llu", &kib) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

/* ---- processes */

pid_t bench_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    return pid;
}

/* ---- a node in a folder of its own */

static void on_broken(void *context)
{
    struct bench_world *world = context;
    loop_stop(world->loop);
}

bool bench_world_open_node(struct bench_world *world, struct fault *fault)
{
    struct node_options options = {.folder = world->folder,
                                   .node = &world->settings.node,
                                   .network = &world->settings.network,
                                   .on_broken = on_broken,
                                   .context = world};
    world->node = node_new(world->loop, &options, fault);
    return world->node != NULL;
}

void bench_world_close_node(struct bench_world *world)
{
    node_free(&world->node);
}

bool bench_world_prepare(struct bench_world *world, uint16_t connect, bool tls, struct fault *fault)
{
    static const char *const lines[] = {
        "network.bootstrap=no",        "network.allow_loopback=yes",
        "network.magic=0a0b0c0d",      "network.least_trials_per_byte=1",
        "network.least_extra_bytes=1", "network.anti_intersection=no",
        "network.announce_delay=0",    "network.dandelion=0",
    };
    char line[64] = "network.connect=";
    if (connect != 0) {
        snprintf(line, sizeof line, "network.connect=127.0.0.1:%u", connect);
    }
    snprintf(world->folder, sizeof world->folder, "/tmp/bittern-bench-XXXXXX");
    if (mkdtemp(world->folder) == NULL) {
        return fault_set_errno(fault, errno, "make a folder in /tmp");
    }
    settings_init(&world->settings);
    world->settings.network.tls = tls;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (!settings_set_line(&world->settings, lines[i], fault)) {
            return false;
        }
    }
    return settings_set_line(&world->settings, line, fault);
}

bool bench_world_open(struct bench_world *world, uint16_t connect, bool tls, struct fault *fault)
{
    if (!bench_world_prepare(world, connect, tls, fault)) {
        return false;
    }
    world->loop = loop_new();
    return bench_world_open_node(world, fault);
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

void bench_world_close(struct bench_world *world)
{
    node_free(&world->node);
    if (world->loop != NULL) {
        loop_free(&world->loop);
    }
    settings_clear(&world->settings);
    remove_folder(world->folder);
}

int bench_listen(struct fault *fault)
{
    struct netaddr address;
    return netaddr_parse(&address, "127.0.0.1:0", 0, fault) ? listener_bind(&address, fault) : -1;
}

/* ---- objects */

static void make_object(struct buf *out, size_t len, int64_t now_sec, struct pow_demand demand,
                        const struct pow_kernel *kernel)
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
    struct pow_slice slice = {.n_trials = TRIALS_A_SLICE};
    pow_initial_hash(slice.initial_hash, bytes_slice(buf_view(out), OBJECT_NONCE_BYTES, out->len));
    slice.target = pow_target_to_send(out->len, LIFE_SEC + POW_SEND_SLACK_SEC, demand);
    uint64_t nonce = 0;
    while (!kernel->search(&nonce, &slice)) {
        slice.first_nonce += slice.n_trials;
    }
    object_set_nonce(out, nonce);
}

bool bench_world_fill(struct bench_world *world, size_t n_objects, size_t len, struct fault *fault)
{
    const struct pow_kernel *kernel = pow_kernel_best();
    struct buf object = {0};
    int64_t now_sec = clock_now_sec();
    bool ok = true;
    for (size_t i = 0; ok && i < n_objects; i++) {
        make_object(&object, len, now_sec, world->node->rules.least, kernel);
        struct accepted accepted = {.verdict = ACCEPT_BUSY};
        while (accepted.verdict == ACCEPT_BUSY) {
            accepted = accept_object(world->node->inventory, &world->node->rules, buf_view(&object),
                                     false, now_sec);
            loop_turn(world->loop, accepted.verdict == ACCEPT_BUSY ? 10 : 0);
        }
        ok = accepted.verdict == ACCEPT_NEW ||
             fault_set(fault, FAULT_INTERNAL, "an object was not taken: %s", accepted.reason);
    }
    buf_clear(&object);
    return ok;
}

double bench_hash_us(size_t len, bool with_work)
{
    enum { ROUNDS = 20000 };
    const struct pow_demand demand = {1, 1};
    struct buf object = {0};
    uint8_t digest[SHA512_BYTES];
    uint8_t hash[OBJECT_HASH_BYTES];
    int64_t now_sec = clock_now_sec();
    make_object(&object, len, now_sec, demand, pow_kernel_best());
    int64_t start_ns = clock_thread_cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        hash_sha512(digest, buf_view(&object));
        if (with_work) {
            object_hash(hash, buf_view(&object));
            if (!pow_check(buf_view(&object), now_sec, demand, demand)) {
                abort();
            }
        }
    }
    int64_t spent_ns = clock_thread_cpu_ns() - start_ns;
    buf_clear(&object);
    return (double)spent_ns / 1e3 / ROUNDS;
}

/* ---- the empty node, in a process of its own */

struct receiver {
    struct bench_world world;
    struct timer timer;
    size_t n_objects;
    int report_fd;
    int64_t first_us;
    int64_t cpu_us;
    int64_t loop_us;
    int64_t give_up_ms;
};

static void report(struct receiver *receiver, const struct node_figures *figures)
{
    double n = (double)figures->values[FIGURE_OBJECTS];
    struct bench_receiver_report report = {
        .wall_sec = (double)(clock_mono_us() - receiver->first_us) / 1e6,
        .cpu_us = (double)(bench_cpu_us() - receiver->cpu_us) / n,
        .loop_us = (double)(bench_thread_cpu_us() - receiver->loop_us) / n,
        .rss_kib = bench_rss_kib(),
        .checks_us = figures->values[FIGURE_VERIFY_US],
    };
    if (write(receiver->report_fd, &report, sizeof report) != (ssize_t)sizeof report) {
        log_error("bench", "cannot report");
    }
}

static void on_watch(void *context)
{
    struct receiver *receiver = context;
    struct node_figures figures = node_status(receiver->world.node);
    if (receiver->first_us == 0 &&
        figures.values[FIGURE_PEERS_OUT] + figures.values[FIGURE_PEERS_IN] > 0) {
        receiver->first_us = clock_mono_us();
        receiver->cpu_us = bench_cpu_us();
        receiver->loop_us = bench_thread_cpu_us();
    }
    bool all_here = figures.values[FIGURE_OBJECTS] >= receiver->n_objects;
    if (all_here) {
        report(receiver, &figures);
    }
    if (all_here || clock_mono_ms() > receiver->give_up_ms) {
        loop_stop(receiver->world.loop);
    }
}

static NORETURN void run_receiver(struct receiver *receiver, uint16_t port, bool tls)
{
    struct fault fault;
    if (!bench_world_open(&receiver->world, port, tls, &fault)) {
        fprintf(stderr, "bench: %s\n", fault.text);
        _exit(EXIT_FAILURE);
    }
    receiver->give_up_ms = clock_mono_ms() + GIVE_UP_MS;
    timer_init(&receiver->timer, receiver->world.loop, on_watch, receiver);
    timer_arm_periodic(&receiver->timer, WATCH_MS);
    node_start(receiver->world.node);
    loop_run(receiver->world.loop);
    timer_cancel(&receiver->timer);
    bench_world_close(&receiver->world);
    _exit(EXIT_SUCCESS);
}

pid_t bench_receiver_start(int *out_fd, uint16_t port, bool tls, size_t n_objects,
                           struct fault *fault)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        fault_set_errno(fault, errno, "make a pipe");
        return -1;
    }
    pid_t pid = bench_fork();
    if (pid == 0) {
        close(pipes[0]);
        struct receiver receiver = {.n_objects = n_objects, .report_fd = pipes[1]};
        run_receiver(&receiver, port, tls);
    }
    close(pipes[1]);
    *out_fd = pipes[0];
    if (pid < 0) {
        close(pipes[0]);
        fault_set_errno(fault, errno, "fork");
    }
    return pid;
}

/* ---- the full node, here */

struct serving {
    struct bench_world *world;
    size_t n_left;
    bool failed;
};

struct report_watch {
    struct serving *serving;
    struct bench_receiver_report *out;
    struct watch *watch;
    int fd;
};

static void on_report(void *context, unsigned ready)
{
    struct report_watch *one = context;
    (void)ready;
    if (read(one->fd, one->out, sizeof *one->out) != (ssize_t)sizeof *one->out) {
        one->serving->failed = true;
    }
    watch_want(one->watch, 0);
    if (--one->serving->n_left == 0 || one->serving->failed) {
        loop_stop(one->serving->world->loop);
    }
}

bool bench_serve(struct bench_world *world, const int *fds, size_t n_fds,
                 struct bench_receiver_report *out, struct fault *fault)
{
    struct serving serving = {.world = world, .n_left = n_fds};
    struct report_watch *watches = xcalloc(n_fds, sizeof *watches);
    for (size_t i = 0; i < n_fds; i++) {
        watches[i] = (struct report_watch){.serving = &serving, .out = &out[i], .fd = fds[i]};
        watches[i].watch = watch_new(world->loop, fds[i], on_report, &watches[i]);
        watch_want(watches[i].watch, WATCH_READ);
    }
    node_start(world->node);
    loop_run(world->loop);
    for (size_t i = 0; i < n_fds; i++) {
        watch_free(&watches[i].watch);
    }
    free(watches);
    return !serving.failed ||
           fault_set(fault, FAULT_TIMEOUT, "an empty node did not get all objects");
}
