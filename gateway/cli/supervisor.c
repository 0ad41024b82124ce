// SPDX-License-Identifier: MIT
/* The supervisor's loop: five children in one table, the sockets that join them in another.
 *
 * A child is launched (forked, given its settings, values and listening sockets), joined (a fresh
 * socket pair for each neighbour that lives) and only then started, so that at its first breath all
 * is there. When one dies, the same is done for it alone; its neighbours get their new ends as
 * sockets that arrive late, and everything else of theirs, mail clients above all, stays. */
#include "gateway/cli/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"
#include "base/timer.h"
#include "gateway/cli/supervisor_home.h"
#include "gateway/cli/supervisor_programs.h"
#include "gateway/cli/supervisor_sockets.h"
#include "gateway/cli/supervisor_spawn.h"
#include "gateway/cli/supervisor_status.h"
#include "gateway/cli/supervisor_upnp.h"

enum {
    BACKOFF_FIRST_MS = 200,
    BACKOFF_MAX_MS = 30 * 1000,
    BACKOFF_FORGET_MS = 60 * 1000 /* who lived so long starts again at the first */
};

enum kid_name { NODE, DECODER_NETWORK, DECODER_OWNER, GPU, GATEWAY, N_KIDS };

/* What differs between the children. */
static const struct kid_kind {
    const char *name; /* as the values "pid.NAME" and "sandbox.NAME" have it */
    const char *program;
    const char *folder;      /* in the home, or NULL */
    const char *instance;    /* or NULL */
    const char *sections[4]; /* of the settings it gets; none: all */
    const char *sockets;     /* listening sockets: those whose names begin so; NULL: the rest */
    bool optional;           /* the rest does without it */
} kinds[N_KIDS] = {
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
} joints[] = {
    {{NODE, GATEWAY}, {CHILD_SOCKET_LINK, CHILD_SOCKET_LINK}},
    {{DECODER_NETWORK, GATEWAY}, {CHILD_SOCKET_GATEWAY, CHILD_SOCKET_DECODER_NETWORK}},
    {{DECODER_OWNER, GATEWAY}, {CHILD_SOCKET_GATEWAY, CHILD_SOCKET_DECODER_OWNER}},
    {{GPU, GATEWAY}, {CHILD_SOCKET_GATEWAY, CHILD_SOCKET_GPU}},
};

struct kid {
    struct supervisor *supervisor;
    const struct kid_kind *kind;
    bool enabled;
    char *path;
    pid_t pid; /* 0: does not run */
    int end_status;
    struct channel *channel;
    bool stop_sent;
    bool ready;
    int64_t launched_ms;
    int64_t backoff_ms;
    struct timer restart;
    char *sandbox; /* what it reported */
    char *retired; /* why it is not started any more; NULL: it is */
};

struct supervisor {
    const struct supervisor_options *options;
    struct loop *loop;
    struct kid kids[N_KIDS];
    int lock_fd;
    int *listener_fds; /* as options->listeners */
    struct listener *control;
    char *control_path;
    struct askers askers;
    char *node_report; /* plain; NULL: none yet */
    struct programs programs;
    struct upnp_keeper upnp;
    struct timer kill_timer;
    bool stopping;
    int exit_code;
};

/* ---- Telling a child. ---- */

static bool is_alive(const struct kid *kid)
{
    return kid->channel != NULL;
}

static void send_to(struct kid *kid, uint16_t type, struct bytes payload, int fd)
{
    struct fault fault = {0};
    if (is_alive(kid) && !channel_send(kid->channel, type, payload, &fd, fd >= 0, &fault)) {
        log_warn("supervisor", "process=%s %s", kid->kind->name, fault.text);
    }
}

static void send_socket(struct kid *kid, const char *name, int fd)
{
    send_to(kid, CHILD_SOCKET, bytes_of_str(name), fd);
}

static void send_value(struct kid *kid, const char *name, const char *value)
{
    struct buf pair = {0};
    child_pair_write(&pair, name, value);
    send_to(kid, CHILD_VALUE, buf_view(&pair), -1);
    buf_clear(&pair);
}

/* The gateway answers `status` for all: it hears who runs and how they are locked in. */
static void tell_gateway_of(struct supervisor *supervisor, const char *what, const char *name,
                            const char *value)
{
    char *key = xasprintf("%s.%s", what, name);
    send_value(&supervisor->kids[GATEWAY], key, value);
    free(key);
}

static void tell_pid(struct supervisor *supervisor, const char *name, pid_t pid)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    tell_gateway_of(supervisor, "pid", name, text);
}

static void tell_program_ended(void *context, const char *name, int64_t id, int exit_code)
{
    struct supervisor *supervisor = context;
    struct buf pair = {0};
    char *value = xasprintf("%lld %d", (long long)id, exit_code);
    child_pair_write(&pair, name, value);
    send_to(&supervisor->kids[GATEWAY], CHILD_PROGRAM_ENDED, buf_view(&pair), -1);
    buf_clear(&pair);
    free(value);
}

static void tell_gateway_of_all(struct supervisor *supervisor)
{
    tell_pid(supervisor, "supervisor", getpid());
    for (size_t i = 0; i < N_KIDS; i++) {
        const struct kid *kid = &supervisor->kids[i];
        tell_pid(supervisor, kid->kind->name, kid->pid);
        if (kid->sandbox != NULL) {
            tell_gateway_of(supervisor, "sandbox", kid->kind->name, kid->sandbox);
        }
    }
    if (supervisor->kids[GPU].retired != NULL) {
        send_value(&supervisor->kids[GATEWAY], CHILD_VALUE_NO_GPU, supervisor->kids[GPU].retired);
    }
}

/* An optional child that there is nothing to do for. */
static void retire(struct kid *kid, const char *why)
{
    free(kid->retired);
    kid->retired = xstrdup(why);
    send_value(&kid->supervisor->kids[GATEWAY], CHILD_VALUE_NO_GPU, why);
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
    send_to(kid, CHILD_SETTINGS, buf_view(&part), -1);
    buf_clear_secret(&part);
}

static bool gets_listener(const struct kid_kind *kind, const char *name)
{
    const char *node_prefix = kinds[NODE].sockets;
    return kind->sockets != NULL ? str_starts_with(name, kind->sockets)
                                 : !str_starts_with(name, node_prefix);
}

static void send_external_port(struct supervisor *supervisor, uint16_t port)
{
    char text[16];
    snprintf(text, sizeof text, "%u", (unsigned)port);
    send_value(&supervisor->kids[NODE], CHILD_VALUE_EXTERNAL_PORT, text);
}

static void send_basics(struct kid *kid)
{
    struct supervisor *supervisor = kid->supervisor;
    const struct supervisor_options *options = supervisor->options;
    send_settings(kid);
    send_value(kid, CHILD_VALUE_MODE, options->one_shot ? "one-shot" : "run");
    if (kid->kind->folder != NULL) {
        char *folder = xasprintf("%s/%s", options->home, kid->kind->folder);
        send_value(kid, CHILD_VALUE_HOME, folder);
        free(folder);
    }
    if (kid->kind->instance != NULL) {
        send_value(kid, CHILD_VALUE_INSTANCE, kid->kind->instance);
    }
    if (kid->kind == &kinds[NODE] && supervisor->upnp.is_mapped) {
        send_external_port(supervisor, supervisor->upnp.external);
    }
    send_socket(kid, CHILD_SOCKET_LOCK, supervisor->lock_fd);
    for (size_t i = 0; i < options->n_listeners; i++) {
        if (gets_listener(kid->kind, options->listeners[i].name)) {
            send_socket(kid, options->listeners[i].name, supervisor->listener_fds[i]);
        }
    }
}

static void on_message(void *context, struct channel_message *message);
static void on_closed(void *context, const struct fault *fault);

/* Returns the milliseconds until then. */
static int64_t plan_restart(struct kid *kid)
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
    static const struct channel_handler handler = {on_message, on_closed};
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
    struct kid *first = &supervisor->kids[joint->kids[0]];
    struct kid *second = &supervisor->kids[joint->kids[1]];
    int ends[2];
    struct fault fault = {0};
    if (!is_alive(first) || !is_alive(second)) {
        return;
    }
    if (!process_socket_pair(ends, &fault)) {
        log_error("supervisor", "join process=%s process=%s: %s", first->kind->name,
                  second->kind->name, fault.text);
        return;
    }
    send_socket(first, joint->names[0], ends[0]);
    send_socket(second, joint->names[1], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void start(struct kid *kid)
{
    send_to(kid, CHILD_START, (struct bytes){0}, -1);
    if (kid == &kid->supervisor->kids[GATEWAY]) {
        tell_gateway_of_all(kid->supervisor);
    } else {
        tell_pid(kid->supervisor, kid->kind->name, kid->pid);
    }
}

static void on_restart(void *context)
{
    struct kid *kid = context;
    struct supervisor *supervisor = kid->supervisor;
    struct fault fault = {0};
    if (!launch(kid, &fault)) {
        log_error("supervisor", "%s", fault.text);
        (void)plan_restart(kid);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(joints); i++) {
        if (kid == &supervisor->kids[joints[i].kids[0]] ||
            kid == &supervisor->kids[joints[i].kids[1]]) {
            join(supervisor, &joints[i]);
        }
    }
    start(kid);
}

static bool start_all(struct supervisor *supervisor, struct fault *fault)
{
    for (size_t i = 0; i < N_KIDS; i++) {
        if (supervisor->kids[i].enabled && !launch(&supervisor->kids[i], fault)) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(joints); i++) {
        join(supervisor, &joints[i]);
    }
    for (size_t i = 0; i < N_KIDS; i++) {
        if (supervisor->kids[i].enabled) {
            start(&supervisor->kids[i]);
        }
    }
    return true;
}

/* ---- Stopping. ---- */

static void send_stop(struct kid *kid)
{
    if (!kid->stop_sent) {
        kid->stop_sent = true;
        send_to(kid, CHILD_STOP, (struct bytes){0}, -1);
    }
}

static void kill_all(void *context)
{
    struct supervisor *supervisor = context;
    for (size_t i = 0; i < N_KIDS; i++) {
        struct kid *kid = &supervisor->kids[i];
        if (kid->pid != 0) {
            log_warn("supervisor", "killed process=%s: it did not stop in time", kid->kind->name);
            kill(kid->pid, SIGKILL);
        }
    }
}

/* The gateway may need its decoders for what it finishes: they are told when it is gone. */
static void stop_next(struct supervisor *supervisor)
{
    bool gateway_runs = supervisor->kids[GATEWAY].pid != 0;
    bool any_runs = false;
    for (size_t i = 0; i < N_KIDS; i++) {
        struct kid *kid = &supervisor->kids[i];
        bool waits = gateway_runs && (i == DECODER_NETWORK || i == DECODER_OWNER);
        timer_cancel(&kid->restart);
        if (kid->pid != 0 && !waits) {
            send_stop(kid);
        }
        any_runs = any_runs || kid->pid != 0 || kid->channel != NULL;
    }
    if (!any_runs) {
        loop_stop(supervisor->loop);
    }
}

static void stop(struct supervisor *supervisor)
{
    if (supervisor->stopping) {
        return;
    }
    supervisor->stopping = true;
    listener_free(&supervisor->control);
    timer_arm(&supervisor->kill_timer, CHILD_STOP_TIMEOUT_MS);
    stop_next(supervisor);
}

static void on_stop_signal(void *context)
{
    struct supervisor *supervisor = context;
    log_info("supervisor", "stopping");
    stop(supervisor);
}

/* ---- What comes from a child. ---- */

/* One that hangs can't be asked to stop. With a decoder it is the mail that is to blame, with a
 * graphics processor itself. */
static void restart_hanging(struct supervisor *supervisor, const char *name)
{
    for (size_t i = DECODER_NETWORK; i <= GPU; i++) {
        struct kid *kid = &supervisor->kids[i];
        if (strcmp(name, kid->kind->name) == 0 && kid->pid != 0) {
            log_warn("supervisor", "killed process=%s: it hangs", name);
            kill(kid->pid, SIGKILL);
            if (i != GPU) {
                kid->backoff_ms = 0;
            }
        }
    }
}

static void on_report(struct kid *kid, const char *name, const char *value)
{
    struct supervisor *supervisor = kid->supervisor;
    if (strcmp(name, CHILD_REPORT_SANDBOX) == 0) {
        free(kid->sandbox);
        kid->sandbox = xstrdup(value);
        tell_gateway_of(supervisor, "sandbox", kid->kind->name, value);
    } else if (strcmp(name, CHILD_REPORT_NODE) == 0 && kid == &supervisor->kids[NODE]) {
        if (node_report_is_plain(value)) {
            free(supervisor->node_report);
            supervisor->node_report = xstrdup(value);
        }
    } else if (strcmp(name, CHILD_REPORT_RESTART) == 0 && kid == &supervisor->kids[GATEWAY]) {
        restart_hanging(supervisor, value);
    } else if (strcmp(name, CHILD_REPORT_RETIRE) == 0 && kid->kind->optional) {
        retire(kid, value);
    } else if (strcmp(name, CHILD_REPORT_PROBLEM) == 0) {
        log_error("supervisor", "process=%s %s", kid->kind->name, value);
        fprintf(stderr, "bittern: %s\n", value);
        supervisor->exit_code = SUPERVISOR_EXIT_FAILED;
        stop(supervisor);
    }
}

static void on_pair(struct kid *kid, struct channel_message *message)
{
    char *name;
    char *value;
    if (!child_pair_read(message->payload, &name, &value)) {
        log_warn("supervisor", "process=%s sent a malformed message", kid->kind->name);
        return;
    }
    if (message->type == CHILD_REPORT) {
        on_report(kid, name, value);
    } else if (kid == &kid->supervisor->kids[GATEWAY]) {
        int stdin_fd = channel_take_fd(message, 0);
        if (message->type == CHILD_PROGRAM) {
            programs_run(&kid->supervisor->programs, name, value, stdin_fd);
        } else {
            programs_run_watched(&kid->supervisor->programs, name, value, stdin_fd);
        }
        process_close_fd(&stdin_fd);
    }
    free(name);
    free(value);
}

static void on_message(void *context, struct channel_message *message)
{
    struct kid *kid = context;
    switch (message->type) {
    case CHILD_READY:
        kid->ready = true;
        log_info("supervisor", "ready process=%s", kid->kind->name);
        break;
    case CHILD_REPORT:
    case CHILD_PROGRAM:
    case CHILD_PROGRAM_WATCHED:
        on_pair(kid, message);
        break;
    default:
        log_warn("supervisor", "process=%s sent a message of type %u", kid->kind->name,
                 (unsigned)message->type);
        break;
    }
}

/* Both its process and its door are gone: what it said last was heard. */
static void on_kid_end(struct kid *kid)
{
    struct supervisor *supervisor = kid->supervisor;
    const char *how = spawn_describe_end(kid->end_status);
    if (supervisor->stopping) {
        log_info("supervisor", "ended process=%s by %s", kid->kind->name, how);
        stop_next(supervisor);
        return;
    }
    if (kid->retired != NULL) {
        log_info("supervisor", "ended process=%s by %s", kid->kind->name, how);
        return;
    }
    int64_t delay_ms = plan_restart(kid);
    log_warn("supervisor", "ended process=%s by %s; started again in %d ms", kid->kind->name, how,
             (int)delay_ms);
}

/* A child without its door can't be led any more. Usually it is dying already. */
static void on_closed(void *context, const struct fault *fault)
{
    struct kid *kid = context;
    if (fault != NULL) {
        log_warn("supervisor", "process=%s %s", kid->kind->name, fault->text);
    }
    channel_free(&kid->channel);
    if (kid->pid == 0) {
        on_kid_end(kid);
    } else if (!kid->supervisor->stopping) {
        kill(kid->pid, SIGKILL);
    }
}

static void reap(struct kid *kid)
{
    if (kid->pid == 0 || waitpid(kid->pid, &kid->end_status, WNOHANG) != kid->pid) {
        return;
    }
    kid->pid = 0;
    kid->ready = false;
    if (kid == &kid->supervisor->kids[NODE]) {
        free(kid->supervisor->node_report);
        kid->supervisor->node_report = NULL;
    }
    tell_pid(kid->supervisor, kid->kind->name, 0);
    if (kid->channel == NULL) {
        on_kid_end(kid);
    }
}

static void on_child_signal(void *context)
{
    struct supervisor *supervisor = context;
    for (size_t i = 0; i < N_KIDS; i++) {
        reap(&supervisor->kids[i]);
    }
    programs_reap(&supervisor->programs);
    upnp_reap(&supervisor->upnp);
}

/* ---- The control socket. ---- */

static void view_status(void *context, struct status_view *out)
{
    const struct supervisor *supervisor = context;
    const struct kid *node = &supervisor->kids[NODE];
    *out = (struct status_view){.node_report = supervisor->node_report,
                                .has_gateway = supervisor->options->with_gateway,
                                .ready = node->ready,
                                .pid_node = node->pid,
                                .pid_decoder_network = supervisor->kids[DECODER_NETWORK].pid,
                                .pid_decoder_owner = supervisor->kids[DECODER_OWNER].pid,
                                .sandbox_node = node->sandbox};
}

static void on_control(void *context, int fd, const struct netaddr *peer)
{
    struct supervisor *supervisor = context;
    (void)peer;
    struct kid *gateway = &supervisor->kids[GATEWAY];
    if (is_alive(gateway)) {
        send_socket(gateway, CHILD_SOCKET_CONTROL, fd);
        close(fd);
    } else {
        askers_take(&supervisor->askers, fd);
    }
}

static bool open_control(struct supervisor *supervisor, struct fault *fault)
{
    char *path = xasprintf("%s/control.sock", supervisor->options->home);
    int fd = listener_bind_unix(path, 0600, NULL, fault);
    if (fd < 0) {
        free(path);
        return false;
    }
    supervisor->control_path = path;
    supervisor->control = listener_new_take(supervisor->loop, fd, on_control, supervisor);
    return true;
}

/* ---- The router. ---- */

static void on_mapped(void *context, uint16_t external)
{
    send_external_port(context, external);
}

static bool prepare_upnp(struct supervisor *supervisor, struct fault *fault)
{
    const struct supervisor_options *options = supervisor->options;
    char *path = NULL;
    if (options->upnp) {
        path = spawn_find(options->program, "bittern-upnp", fault);
    }
    upnp_init_take(&supervisor->upnp, supervisor->loop, path, options->log_fd, on_mapped,
                   supervisor);
    return path != NULL || !options->upnp;
}

/* For the first port on which other nodes may connect. */
static void begin_upnp(struct supervisor *supervisor)
{
    const struct supervisor_options *options = supervisor->options;
    for (size_t i = 0; i < options->n_listeners; i++) {
        if (strcmp(options->listeners[i].name, "node.listen") == 0) {
            upnp_begin(&supervisor->upnp, listener_port(supervisor->listener_fds[i]));
            return;
        }
    }
}

/* ---- From start to end. ---- */

static bool prepare_kids(struct supervisor *supervisor, struct fault *fault)
{
    const struct supervisor_options *options = supervisor->options;
    for (size_t i = 0; i < N_KIDS; i++) {
        struct kid *kid = &supervisor->kids[i];
        if (!kid->enabled) {
            continue;
        }
        struct fault why = {0};
        kid->path = spawn_find(options->program, kid->kind->program, &why);
        if (kid->path == NULL && kid->kind->optional) {
            kid->enabled = false;
            retire(kid, why.text);
            continue;
        }
        if (kid->path == NULL) {
            return fault_set(fault, why.code, "%s", why.text);
        }
        if (kid->kind->folder != NULL &&
            !home_make_folder(options->home, kid->kind->folder, fault)) {
            return false;
        }
    }
    return true;
}

static void init(struct supervisor *supervisor, const struct supervisor_options *options)
{
    *supervisor = (struct supervisor){.options = options, .lock_fd = -1};
    supervisor->programs = (struct programs){.table = options->programs,
                                             .n_table = options->n_programs,
                                             .log_fd = options->log_fd,
                                             .ended = tell_program_ended,
                                             .context = supervisor};
    supervisor->loop = loop_new();
    programs_init(&supervisor->programs, supervisor->loop);
    askers_init(&supervisor->askers, supervisor->loop, view_status, supervisor);
    for (size_t i = 0; i < N_KIDS; i++) {
        struct kid *kid = &supervisor->kids[i];
        kid->supervisor = supervisor;
        kid->kind = &kinds[i];
        kid->enabled = i == NODE ? options->with_node && !options->one_shot : options->with_gateway;
        if (i == GPU && options->no_gpu != NULL) {
            kid->enabled = false;
            kid->retired = xstrdup(options->no_gpu);
        }
        timer_init(&kid->restart, supervisor->loop, on_restart, kid);
    }
    timer_init(&supervisor->kill_timer, supervisor->loop, kill_all, supervisor);
    loop_on_signal(supervisor->loop, SIGTERM, on_stop_signal, supervisor);
    loop_on_signal(supervisor->loop, SIGINT, on_stop_signal, supervisor);
    loop_on_signal(supervisor->loop, SIGHUP, on_stop_signal, supervisor);
    loop_on_signal(supervisor->loop, SIGCHLD, on_child_signal, supervisor);
}

/* Children that are left (after a failed start) are killed and waited for. */
static void clear(struct supervisor *supervisor)
{
    for (size_t i = 0; i < N_KIDS; i++) {
        struct kid *kid = &supervisor->kids[i];
        if (kid->pid != 0) {
            kill(kid->pid, SIGKILL);
            waitpid(kid->pid, NULL, 0);
        }
        timer_cancel(&kid->restart);
        channel_free(&kid->channel);
        free(kid->path);
        free(kid->sandbox);
        free(kid->retired);
    }
    listener_free(&supervisor->control);
    askers_clear(&supervisor->askers);
    free(supervisor->node_report);
    if (supervisor->control_path != NULL) {
        unlink(supervisor->control_path);
        free(supervisor->control_path);
    }
    timer_cancel(&supervisor->kill_timer);
    upnp_end(&supervisor->upnp);
    programs_clear(&supervisor->programs);
    sockets_close(&supervisor->listener_fds, supervisor->options->listeners,
                  supervisor->options->n_listeners);
    process_close_fd(&supervisor->lock_fd);
    loop_free(&supervisor->loop);
}

int supervisor_run(const struct supervisor_options *options, struct fault *fault)
{
    struct supervisor supervisor;
    process_init(); /* the settings hold passwords: no core, no foreign eyes */
    init(&supervisor, options);
    bool ok = home_check(options->home, fault);
    if (ok) {
        supervisor.lock_fd = home_lock(options->home, fault);
        ok = supervisor.lock_fd >= 0;
    }
    ok = ok && prepare_kids(&supervisor, fault) && prepare_upnp(&supervisor, fault) &&
         sockets_bind(&supervisor.listener_fds, options->listeners, options->n_listeners, fault) &&
         open_control(&supervisor, fault) && start_all(&supervisor, fault);
    if (ok) {
        begin_upnp(&supervisor);
        loop_run(supervisor.loop);
    }
    int code = ok ? supervisor.exit_code : -1;
    clear(&supervisor);
    return code;
}
