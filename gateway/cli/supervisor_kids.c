// SPDX-License-Identifier: MIT
/* The supervisor's children in one table, the sockets that join them in another.
 *
 * A child is launched (forked, given its settings, values and listening sockets), joined (a fresh
 * socket pair for each neighbour that lives) and only then started, so that at its first breath all
 * is there. When one dies, the same is done for it alone; its neighbours get their new ends as
 * sockets that arrive late, and everything else of theirs, mail clients above all, stays. */
#include "gateway/cli/supervisor_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"
#include "base/timer.h"
#include "gateway/cli/supervisor_spawn.h"

enum {
    BACKOFF_FIRST_MS = 200,
    BACKOFF_MAX_MS = 30 * 1000,
    BACKOFF_FORGET_MS = 60 * 1000, /* who lived so long starts again at the first */
    REJOIN_DELAY_MS = 1000
};

const struct kid_kind kid_kinds[N_KIDS] = {
    [NODE] =
        {"node", "bittern-node", "node", NULL, {"node.", "network.", "log.", "http."}, "node."},
    [DECODER_NETWORK] =
        {"decoder.network", "bittern-decoder", NULL, "network", {"log.", "mail."}, "-"},
    [DECODER_OWNER] = {"decoder.owner", "bittern-decoder", NULL, "owner", {"log.", "mail."}, "-"},
    [GPU] = {"gpu", "bittern-gpu", NULL, NULL, {"log.", "pow."}, "-", .optional = true},
    [GATEWAY] = {"gateway", "bittern-gateway", "gateway", NULL, {NULL}, NULL},
};

/* Who is joined to whom, and what each calls the socket. */
static const struct joint {
    enum kid_name kids[2];
    const char *names[2];
} joints[N_JOINTS] = {
    {{NODE, GATEWAY}, {CHILD_SOCKET_LINK, CHILD_SOCKET_LINK}},
    {{DECODER_NETWORK, GATEWAY}, {CHILD_SOCKET_GATEWAY, CHILD_SOCKET_DECODER_NETWORK}},
    {{DECODER_OWNER, GATEWAY}, {CHILD_SOCKET_GATEWAY, CHILD_SOCKET_DECODER_OWNER}},
    {{GPU, GATEWAY}, {CHILD_SOCKET_GATEWAY, CHILD_SOCKET_GPU}},
};

/* ---- Telling a child. ---- */

bool kid_is_alive(const struct kid *kid)
{
    return kid->channel != NULL;
}

void kid_send(struct kid *kid, uint16_t type, struct bytes payload, int fd)
{
    struct fault fault = {0};
    if (kid_is_alive(kid) && !channel_send(kid->channel, type, payload, &fd, fd >= 0, &fault)) {
        log_warn("supervisor", "process=%s %s", kid->kind->name, fault.text);
    }
}

void kid_send_socket(struct kid *kid, const char *name, int fd)
{
    kid_send(kid, CHILD_SOCKET, bytes_of_str(name), fd);
}

void kid_send_value(struct kid *kid, const char *name, const char *value)
{
    struct buf pair = {0};
    child_pair_write(&pair, name, value);
    kid_send(kid, CHILD_VALUE, buf_view(&pair), -1);
    buf_clear(&pair);
}

/* The gateway answers `status` for all: it hears who runs and how they are locked in. */
void supervisor_tell_gateway(struct supervisor *supervisor, const char *what, const char *name,
                             const char *value)
{
    char *key = xasprintf("%s.%s", what, name);
    kid_send_value(&supervisor->kids[GATEWAY], key, value);
    free(key);
}

void supervisor_tell_pid(struct supervisor *supervisor, const char *name, pid_t pid)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    supervisor_tell_gateway(supervisor, "pid", name, text);
}

void supervisor_tell_program_ended(void *context, const char *name, int64_t id, int exit_code)
{
    struct supervisor *supervisor = context;
    struct buf pair = {0};
    char *value = xasprintf("%lld %d", (long long)id, exit_code);
    child_pair_write(&pair, name, value);
    kid_send(&supervisor->kids[GATEWAY], CHILD_PROGRAM_ENDED, buf_view(&pair), -1);
    buf_clear(&pair);
    free(value);
}

static void tell_gateway_of_all(struct supervisor *supervisor)
{
    supervisor_tell_pid(supervisor, "supervisor", getpid());
    for (size_t i = 0; i < N_KIDS; i++) {
        const struct kid *kid = &supervisor->kids[i];
        supervisor_tell_pid(supervisor, kid->kind->name, kid->pid);
        if (kid->sandbox != NULL) {
            supervisor_tell_gateway(supervisor, "sandbox", kid->kind->name, kid->sandbox);
        }
    }
    if (supervisor->kids[GPU].retired != NULL) {
        kid_send_value(&supervisor->kids[GATEWAY], CHILD_VALUE_NO_GPU,
                       supervisor->kids[GPU].retired);
    }
}

/* An optional child that there is nothing to do for. */
void kid_retire(struct kid *kid, const char *why)
{
    free(kid->retired);
    kid->retired = xstrdup(why);
    kid_send_value(&kid->supervisor->kids[GATEWAY], CHILD_VALUE_NO_GPU, why);
    log_info("supervisor", "process=%s is not needed: %s", kid->kind->name, why);
}

/* ---- Launching. ---- */

static bool is_for(const struct kid_kind *kind, struct bytes line)
{
    if (kind->sections[0] == NULL) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(kind->sections) && kind->sections[i] != NULL; i++) {
        if (bytes_starts_with(line, bytes_of_str(kind->sections[i]))) {
            return true;
        }
    }
    return false;
}

/* Each its part: the node need not know the gateway's passwords. */
static void send_settings(struct kid *kid)
{
    struct buf part = {0};
    struct bytes rest = kid->supervisor->options->settings;
    while (rest.len > 0) {
        size_t end = bytes_find(rest, '\n');
        struct bytes line = bytes_slice(rest, 0, end);
        rest = bytes_slice(rest, end + 1, rest.len);
        if (is_for(kid->kind, line)) {
            buf_append_bytes(&part, line);
            buf_append_byte(&part, '\n');
        }
    }
    kid_send(kid, CHILD_SETTINGS, buf_view(&part), -1);
    buf_clear_secret(&part);
}

static bool gets_listener(const struct kid_kind *kind, const char *name)
{
    const char *node_prefix = kid_kinds[NODE].sockets;
    return kind->sockets != NULL ? str_starts_with(name, kind->sockets)
                                 : !str_starts_with(name, node_prefix);
}

void supervisor_tell_external_port(struct supervisor *supervisor, uint16_t port)
{
    char text[16];
    snprintf(text, sizeof text, "%u", (unsigned)port);
    kid_send_value(&supervisor->kids[NODE], CHILD_VALUE_EXTERNAL_PORT, text);
}

/* Opened anew for each start: it may have been put there since. Where it can't be read, the gateway
 * runs with locked keys, and the log says so. */
static void send_passphrase(struct kid *kid)
{
    const char *path = kid->supervisor->options->passphrase;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        log_error("supervisor", "no passphrase can be read from %s: keys stay locked", path);
    } else {
        if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
            log_warn("supervisor", "others may read the passphrase in %s", path);
        }
        kid_send_socket(kid, CHILD_SOCKET_PASSPHRASE, fd);
    }
    process_close_fd(&fd);
}

static void send_basics(struct kid *kid)
{
    struct supervisor *supervisor = kid->supervisor;
    const struct supervisor_options *options = supervisor->options;
    send_settings(kid);
    kid_send_value(kid, CHILD_VALUE_MODE,
                   options->salvage != NULL ? "salvage"
                   : options->one_shot      ? "one-shot"
                                            : "run");
    if (kid->kind->folder != NULL) {
        char *folder = xasprintf("%s/%s", options->home, kid->kind->folder);
        kid_send_value(kid, CHILD_VALUE_HOME, folder);
        free(folder);
    }
    if (kid->kind->instance != NULL) {
        kid_send_value(kid, CHILD_VALUE_INSTANCE, kid->kind->instance);
    }
    if (kid->kind == &kid_kinds[NODE] && supervisor->upnp.is_mapped) {
        supervisor_tell_external_port(supervisor, supervisor->upnp.external);
    }
    if (kid->kind == &kid_kinds[GATEWAY] && options->passphrase != NULL) {
        send_passphrase(kid);
    }
    kid_send_socket(kid, CHILD_SOCKET_LOCK, supervisor->lock_fd);
    for (size_t i = 0; i < options->n_listeners; i++) {
        if (gets_listener(kid->kind, options->listeners[i].name)) {
            kid_send_socket(kid, options->listeners[i].name, supervisor->listener_fds[i]);
        }
    }
}

/* Returns the milliseconds until then. */
int64_t kid_plan_restart(struct kid *kid)
{
    if (clock_mono_ms() - kid->launched_ms > BACKOFF_FORGET_MS || kid->backoff_ms == 0) {
        kid->backoff_ms = BACKOFF_FIRST_MS;
    }
    int64_t delay_ms = kid->backoff_ms;
    timer_arm(&kid->restart, delay_ms);
    kid->backoff_ms = delay_ms * 2 < BACKOFF_MAX_MS ? delay_ms * 2 : BACKOFF_MAX_MS;
    return delay_ms;
}

static bool launch(struct kid *kid, struct fault *fault)
{
    static const struct channel_handler handler = {kid_on_message, kid_on_closed};
    int ends[2];
    char *argv[] = {(char *)(uintptr_t)kid->kind->program, NULL};
    kid->launched_ms = clock_mono_ms();
    kid->stop_sent = false;
    kid->ready = false;
    if (!process_socket_pair(ends, fault)) {
        return false;
    }
    struct spawn spawn = {.path = kid->path,
                          .argv = argv,
                          .stdin_fd = -1,
                          .log_fd = kid->supervisor->options->log_fd,
                          .door_fd = ends[1],
                          .die_with_us = true};
    pid_t pid = spawn_process(&spawn, fault);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    kid->pid = pid;
    kid->channel = channel_new_take(kid->supervisor->loop, ends[0], &handler, kid);
    log_info("supervisor", "started process=%s pid=%d", kid->kind->name, (int)pid);
    send_basics(kid);
    return true;
}

/* ---- Joining. ---- */

static void join(struct supervisor *supervisor, const struct joint *joint)
{
    supervisor->is_lost[joint - joints] = false;
    struct kid *first = &supervisor->kids[joint->kids[0]];
    struct kid *second = &supervisor->kids[joint->kids[1]];
    int ends[2];
    struct fault fault = {0};
    if (!kid_is_alive(first) || !kid_is_alive(second)) {
        return;
    }
    if (!process_socket_pair(ends, &fault)) {
        log_error("supervisor", "join process=%s process=%s: %s", first->kind->name,
                  second->kind->name, fault.text);
        return;
    }
    kid_send_socket(first, joint->names[0], ends[0]);
    kid_send_socket(second, joint->names[1], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void start(struct kid *kid)
{
    kid_send(kid, CHILD_START, (struct bytes){0}, -1);
    if (kid == &kid->supervisor->kids[GATEWAY]) {
        tell_gateway_of_all(kid->supervisor);
    } else {
        supervisor_tell_pid(kid->supervisor, kid->kind->name, kid->pid);
    }
}

void kid_restart(void *context)
{
    struct kid *kid = context;
    struct supervisor *supervisor = kid->supervisor;
    struct fault fault = {0};
    if (!launch(kid, &fault)) {
        log_error("supervisor", "%s", fault.text);
        (void)kid_plan_restart(kid);
        return;
    }
    for (size_t i = 0; i < N_JOINTS; i++) {
        if (kid == &supervisor->kids[joints[i].kids[0]] ||
            kid == &supervisor->kids[joints[i].kids[1]]) {
            join(supervisor, &joints[i]);
        }
    }
    start(kid);
}

void kids_plan_rejoin(struct supervisor *supervisor, const char *name)
{
    for (size_t i = 0; i < N_JOINTS; i++) {
        supervisor->is_lost[i] = supervisor->is_lost[i] || strcmp(name, joints[i].names[1]) == 0;
    }
    timer_arm(&supervisor->rejoin_timer, REJOIN_DELAY_MS);
}

void kids_rejoin(void *context)
{
    struct supervisor *supervisor = context;
    for (size_t i = 0; i < N_JOINTS; i++) {
        if (supervisor->is_lost[i]) {
            log_info("supervisor", "joined anew socket=%s", joints[i].names[1]);
            join(supervisor, &joints[i]);
        }
    }
}

bool kids_start_all(struct supervisor *supervisor, struct fault *fault)
{
    for (size_t i = 0; i < N_KIDS; i++) {
        if (supervisor->kids[i].enabled && !launch(&supervisor->kids[i], fault)) {
            return false;
        }
    }
    for (size_t i = 0; i < N_JOINTS; i++) {
        join(supervisor, &joints[i]);
    }
    for (size_t i = 0; i < N_KIDS; i++) {
        if (supervisor->kids[i].enabled) {
            start(&supervisor->kids[i]);
        }
    }
    return true;
}
