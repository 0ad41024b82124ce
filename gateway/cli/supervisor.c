// SPDX-License-Identifier: MIT
/* The supervisor's loop: what children say and how they end, how all of it stops, the control
 * socket, the router, and the way from start to end. */
#include "gateway/cli/supervisor_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/child.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/timer.h"
#include "gateway/cli/supervisor_home.h"
#include "gateway/cli/supervisor_sockets.h"
#include "gateway/cli/supervisor_spawn.h"

/* ---- Stopping. ---- */

static void send_stop(struct kid *kid)
{
    if (!kid->stop_sent) {
        kid->stop_sent = true;
        kid_send(kid, CHILD_STOP, (struct bytes){0}, -1);
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
        supervisor_tell_gateway(supervisor, "sandbox", kid->kind->name, value);
    } else if (strcmp(name, CHILD_REPORT_NODE) == 0 && kid == &supervisor->kids[NODE]) {
        if (node_report_is_plain(value)) {
            free(supervisor->node_report);
            supervisor->node_report = xstrdup(value);
        }
    } else if (strcmp(name, CHILD_REPORT_RESTART) == 0 && kid == &supervisor->kids[GATEWAY]) {
        restart_hanging(supervisor, value);
    } else if (strcmp(name, CHILD_REPORT_REJOIN) == 0 && kid == &supervisor->kids[GATEWAY]) {
        kids_plan_rejoin(supervisor, value);
    } else if (strcmp(name, CHILD_REPORT_RETIRE) == 0 && kid->kind->optional) {
        kid_retire(kid, value);
    } else if (strcmp(name, CHILD_REPORT_SHUTDOWN) == 0 && kid == &supervisor->kids[GATEWAY]) {
        log_info("supervisor", "ending as the gateway's user asked");
        stop(supervisor);
    } else if (strcmp(name, CHILD_REPORT_PROBLEM) == 0) {
        log_error("supervisor", "process=%s %s", kid->kind->name, value);
        fprintf(stderr, "bittern: %s\n", value);
        supervisor->exit_code = SUPERVISOR_EXIT_FAILED;
        stop(supervisor);
    } else if (strcmp(name, CHILD_REPORT_RESULT) == 0 && supervisor->options->salvage != NULL) {
        free(*supervisor->options->salvage);
        *supervisor->options->salvage = xstrdup(value);
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

void kid_on_message(void *context, struct channel_message *message)
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
    int64_t delay_ms = kid_plan_restart(kid);
    log_warn("supervisor", "ended process=%s by %s; started again in %d ms", kid->kind->name, how,
             (int)delay_ms);
}

/* A child without its door can't be led any more. Usually it is dying already. */
void kid_on_closed(void *context, const struct fault *fault)
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
    supervisor_tell_pid(kid->supervisor, kid->kind->name, 0);
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
    if (kid_is_alive(gateway)) {
        kid_send_socket(gateway, CHILD_SOCKET_CONTROL, fd);
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
    supervisor_tell_external_port(context, external);
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
            kid_retire(kid, why.text);
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
                                             .ended = supervisor_tell_program_ended,
                                             .context = supervisor};
    supervisor->loop = loop_new();
    programs_init(&supervisor->programs, supervisor->loop);
    askers_init(&supervisor->askers, supervisor->loop, view_status, supervisor);
    for (size_t i = 0; i < N_KIDS; i++) {
        struct kid *kid = &supervisor->kids[i];
        kid->supervisor = supervisor;
        kid->kind = &kid_kinds[i];
        kid->enabled = i == NODE ? options->with_node && !options->one_shot : options->with_gateway;
        if (i == GPU && options->no_gpu != NULL) {
            kid->enabled = false;
            kid->retired = xstrdup(options->no_gpu);
        }
        timer_init(&kid->restart, supervisor->loop, kid_restart, kid);
    }
    timer_init(&supervisor->rejoin_timer, supervisor->loop, kids_rejoin, supervisor);
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
    timer_cancel(&supervisor->rejoin_timer);
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
         open_control(&supervisor, fault) && kids_start_all(&supervisor, fault);
    if (ok) {
        begin_upnp(&supervisor);
        loop_run(supervisor.loop);
    }
    int code = ok ? supervisor.exit_code : -1;
    clear(&supervisor);
    return code;
}
