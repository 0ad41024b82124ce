// SPDX-License-Identifier: MIT
/* What the gateway and the supervisor say to each other while it runs: ready, sockets, values, the
 * end of a program, stop. */
#include "gateway/gateway_app.h"

#include <string.h>

#include "base/child.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"
#include "gateway/agent/agent.h"
#include "gateway/agent/work/pow_gpu.h"
#include "gateway/compat/compat.h"
#include "gateway/control/web.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/mail_servers.h"

enum { READY_POLL_MS = 50 };

/* ---- ready ---- */

/* With the node there, and its port known if it has one. */
static void poll_ready(void *context)
{
    struct app *app = context;
    struct agent_status status;
    agent_status(app->agent, &status);
    bool listens = app->settings.node.listen[0] != '\0';
    if (status.link_is_up && (!listens || status.node.values[FIGURE_PORT] != 0)) {
        timer_cancel(&app->ready_timer);
        app->facts.ready = true;
        child_ready(app->child);
        if (app->compat != NULL) {
            compat_started(app->compat);
        }
        log_info("gateway", "ready imap=%u smtp=%u", app->facts.imap_port, app->facts.smtp_port);
    }
}

static void first_run_done(void *context, const struct fault *fault, const char *text, int64_t id)
{
    (void)text;
    (void)id;
    struct app *app = context;
    if (fault != NULL) {
        log_error("gateway", "first run reason=\"%s\"", fault->text);
    }
    timer_arm_periodic(&app->ready_timer, READY_POLL_MS);
}

void app_begin_serving(struct app *app)
{
    timer_init(&app->ready_timer, app->loop, poll_ready, app);
    if (app_is_one_shot(app)) {
        app->facts.ready = true;
        child_ready(app->child);
    } else {
        agent_first_run(app->agent, (struct agent_done){first_run_done, app});
    }
}

/* ---- the supervisor's words ---- */

static void on_socket(void *context, const char *name, int fd)
{
    struct app *app = context;
    if (app->stopping) {
        process_close_fd(&fd);
    } else if (strcmp(name, CHILD_SOCKET_CONTROL) == 0) {
        control_attach_take(app->control, fd);
    } else if (strcmp(name, CHILD_SOCKET_LINK) == 0) {
        agent_attach_link(app->agent, fd);
    } else if (strcmp(name, CHILD_SOCKET_DECODER_NETWORK) == 0) {
        decoder_client_attach(app->network_decoder, fd);
    } else if (strcmp(name, CHILD_SOCKET_DECODER_OWNER) == 0) {
        decoder_client_attach(app->owner_decoder, fd);
    } else if (strcmp(name, CHILD_SOCKET_GPU) == 0) {
        pow_gpu_attach_take(app->gpu, fd);
    } else {
        log_warn("gateway", "a socket nobody asked for name=%s", name);
        process_close_fd(&fd);
    }
}

static void take_pid(pid_t *out, const char *value)
{
    uint64_t pid = 0;
    if (parse_u64(bytes_of_str(value), INT32_MAX, &pid)) {
        *out = (pid_t)pid;
    }
}

static void on_value(void *context, const char *name, const char *value)
{
    struct app *app = context;
    struct control_facts *facts = &app->facts;
    const struct {
        const char *name;
        pid_t *pid;
    } pids[] = {
        {"pid.supervisor", &facts->pid_supervisor},
        {"pid.node", &facts->pid_node},
        {"pid.decoder.network", &facts->pid_decoder_network},
        {"pid.decoder.owner", &facts->pid_decoder_owner},
        {"pid.gpu", &facts->pid_gpu},
    };
    for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
        if (strcmp(name, pids[i].name) == 0) {
            take_pid(pids[i].pid, value);
        }
    }
    if (strcmp(name, CHILD_VALUE_NO_GPU) == 0) {
        pow_gpu_set_absent(app->gpu, value);
    }
    /* The child keeps values: these live until they are set anew, which calls us again. */
    facts->sandbox_node = child_value(app->child, "sandbox.node");
    facts->sandbox_decoder = child_value(app->child, "sandbox.decoder.network");
}

static void take_first_values(struct app *app)
{
    static const char *const names[] = {"pid.supervisor",    "pid.node", "pid.decoder.network",
                                        "pid.decoder.owner", "pid.gpu",  CHILD_VALUE_NO_GPU};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = child_value(app->child, names[i]);
        if (value != NULL) {
            on_value(app, names[i], value);
        }
    }
}

static void on_program_ended(void *context, const char *name, int64_t id, int exit_code)
{
    struct app *app = context;
    if (!compat_program_ended(app->compat, name)) {
        agent_program_ended(app->agent, id, exit_code);
    }
}

static void all_down(void *context)
{
    struct app *app = context;
    loop_stop(app->loop);
}

void app_stop(void *context)
{
    struct app *app = context;
    if (app->stopping) {
        return;
    }
    app->stopping = true;
    app->facts.ready = false;
    timer_cancel(&app->ready_timer);
    if (app->web != NULL) {
        web_close(app->web);
    }
    web_free(&app->web);
    compat_free(&app->compat);
    if (app->mail_servers != NULL) {
        mail_servers_shut_down(app->mail_servers, all_down, app);
    } else {
        loop_stop(app->loop);
    }
}

static const struct child_handler handler = {
    .on_socket = on_socket,
    .on_value = on_value,
    .on_program_ended = on_program_ended,
    .on_stop = app_stop,
};

void app_listen(struct app *app)
{
    child_attach(app->child, app->loop, &handler, app);
    take_first_values(app);
}
