// SPDX-License-Identifier: MIT
/* How each room of the gateway is opened: what it is handed, and whom it asks. */
#include "gateway/gateway_app.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "config/paths.h"
#include "gateway/agent/agent.h"
#include "gateway/agent/work/pow_gpu.h"
#include "gateway/backup/backup.h"
#include "gateway/backup/salvage.h"
#include "gateway/compat/compat.h"
#include "gateway/control/web.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/mail_servers.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store.h"
#include "mailproto/sasl/guard.h"

enum {
    RESTART_DELAY_MS = 100,  /* for the answer that announces it */
    POOL_MAX_QUEUED = 16384, /* more objects than the link's window holds */
    POW_NICE = 19
};

/* ---- the rooms below the servers ---- */

static void kill_network_decoder(void *context)
{
    struct app *app = context;
    child_report(app->child, CHILD_REPORT_RESTART, CHILD_SOCKET_DECODER_NETWORK);
}

static void kill_owner_decoder(void *context)
{
    struct app *app = context;
    child_report(app->child, CHILD_REPORT_RESTART, CHILD_SOCKET_DECODER_OWNER);
}

static void lose_network_decoder(void *context)
{
    struct app *app = context;
    child_report(app->child, CHILD_REPORT_REJOIN, CHILD_SOCKET_DECODER_NETWORK);
}

static void lose_owner_decoder(void *context)
{
    struct app *app = context;
    child_report(app->child, CHILD_REPORT_REJOIN, CHILD_SOCKET_DECODER_OWNER);
}

static void lose_link(void *context)
{
    struct app *app = context;
    child_report(app->child, CHILD_REPORT_REJOIN, CHILD_SOCKET_LINK);
}

void app_open_decoders(struct app *app)
{
    const struct decoder_hooks network = {kill_network_decoder, lose_network_decoder, app};
    const struct decoder_hooks owner = {kill_owner_decoder, lose_owner_decoder, app};
    app->network_decoder = decoder_client_new(app->loop, "network", &network);
    app->owner_decoder = decoder_client_new(app->loop, "owner", &owner);
    int fd = child_take_socket(app->child, CHILD_SOCKET_DECODER_NETWORK);
    if (fd >= 0) {
        decoder_client_attach(app->network_decoder, fd);
    }
    fd = child_take_socket(app->child, CHILD_SOCKET_DECODER_OWNER);
    if (fd >= 0) {
        decoder_client_attach(app->owner_decoder, fd);
    }
}

static void kill_gpu(void *context)
{
    struct app *app = context;
    child_report(app->child, CHILD_REPORT_RESTART, CHILD_SOCKET_GPU);
}

void app_open_gpu(struct app *app)
{
    const struct pow_gpu_hooks hooks = {kill_gpu, app};
    app->gpu = pow_gpu_new(app->loop, &hooks);
    int fd = child_take_socket(app->child, CHILD_SOCKET_GPU);
    if (fd >= 0) {
        pow_gpu_attach_take(app->gpu, fd);
    }
}

bool app_open_pools(struct app *app, struct fault *fault)
{
    static const enum pool_schedule schedules[] = {
        [POW_PRIORITY_LOW] = POOL_SCHEDULE_BATCH,
        [POW_PRIORITY_IDLE] = POOL_SCHEDULE_IDLE,
        [POW_PRIORITY_NORMAL] = POOL_SCHEDULE_NORMAL,
    };
    enum pow_priority priority = app->settings.pow.priority;
    const struct pool_config work = {.name = "worker", .max_queued = POOL_MAX_QUEUED};
    const struct pool_config pow = {
        .name = "pow",
        .n_threads = app->settings.pow.threads,
        .nice = priority == POW_PRIORITY_NORMAL ? 0 : POW_NICE,
        .schedule = schedules[priority],
    };
    app->pool = pool_new(app->loop, &work, fault);
    app->pow_pool = app->pool == NULL ? NULL : pool_new(app->loop, &pow, fault);
    return app->pow_pool != NULL;
}

/* Once: the supervisor prints it and stops all of us. */
static void on_broken(void *context, const struct fault *fault)
{
    struct app *app = context;
    if (!app->is_broken) {
        struct fault advice = *fault;
        app->is_broken = true;
        salvage_advise(app->folder, &advice);
        child_report(app->child, CHILD_REPORT_PROBLEM, advice.text);
    }
}

bool app_open_store(struct app *app, struct fault *fault)
{
    char *path = paths_in(app->folder, "mail.db");
    struct db *db = mail_db_open(path, fault);
    if (db != NULL) {
        app->writer = db_writer_new_take(app->loop, db, NULL);
        const struct store_config config = {
            .path = path,
            .loop = app->loop,
            .pool = app->pool,
            .writer = app->writer,
            .decoder = app->owner_decoder,
            .on_broken = on_broken,
            .context = app,
        };
        app->store = store_new(&config, fault);
    }
    if (app->store != NULL) {
        app->guard = sasl_guard_new(&(struct sasl_guard_config){
            .loop = app->loop, .pool = app->pool, .lookup = store_sasl_lookup(app->store)});
    }
    free(path);
    return app->store != NULL;
}

bool app_has_mode(const struct app *app, const char *name)
{
    const char *mode = child_value(app->child, CHILD_VALUE_MODE);
    return mode != NULL && strcmp(mode, name) == 0;
}

bool app_is_one_shot(const struct app *app)
{
    return app_has_mode(app, "one-shot");
}

static void run_program(void *context, const char *name, int64_t id, const char *environment,
                        int stdin_fd)
{
    struct app *app = context;
    child_run_watched(app->child, name, id, environment, stdin_fd);
}

bool app_open_agent(struct app *app, struct fault *fault)
{
    const struct agent_parts parts = {
        .loop = app->loop,
        .pool = app->pool,
        .pow_pool = app->pow_pool,
        .gpu = app->gpu,
        .store = app->store,
        .network_decoder = app->network_decoder,
        .owner_decoder = app->owner_decoder,
        .settings = &app->settings,
        .programs = {app_is_one_shot(app) ? NULL : run_program, app},
        .joiner = {lose_link, app},
        .folder = app_is_one_shot(app) ? NULL : app->folder,
    };
    app->agent = agent_new(&parts, fault);
    if (app->agent == NULL) {
        return false;
    }
    int fd = child_take_socket(app->child, CHILD_SOCKET_LINK);
    if (fd >= 0) {
        agent_attach_link(app->agent, fd);
    }
    fd = child_take_socket(app->child, CHILD_SOCKET_PASSPHRASE);
    if (fd >= 0) {
        agent_lock_open_from_take(app->agent, fd);
    }
    return true;
}

static void restart(void *context)
{
    struct app *app = context;
    timer_arm(&app->restart_timer, RESTART_DELAY_MS);
}

void app_open_control(struct app *app)
{
    const struct backup_config backup = {
        .loop = app->loop,
        .pool = app->pool,
        .store = app->store,
        .folder = app->folder,
        .every_sec = app->settings.agent.backup_every_sec,
        .keep = app->settings.agent.backup_keep,
    };
    app->backup = backup_new(&backup);
    timer_init(&app->restart_timer, app->loop, app_stop, app);
    const struct control_parts parts = {
        .loop = app->loop,
        .agent = app->agent,
        .backup = app->backup,
        .facts = &app->facts,
        .restart = restart,
        .restart_context = app,
    };
    app->control = control_new(&parts);
}

/* ---- the servers ---- */

static void open_web(struct app *app)
{
    int fd;
    const struct web_parts parts = {
        .loop = app->loop,
        .api = control_api(app->control),
        .judge = sasl_guard_judge(app->guard),
        .credentials = store_sasl_lookup(app->store),
        .settings = &app->settings.http,
    };
    app->web = web_new(&parts);
    while ((fd = child_take_socket(app->child, "http.listen")) >= 0) {
        web_listen_take(app->web, fd);
    }
    app->facts.http_port = web_port(app->web);
    app->facts.has_page = app->settings.http.page && app->facts.http_port != 0;
}

static void run_notice(void *context, const char *name, int64_t id)
{
    struct app *app = context;
    child_run_watched(app->child, name, id, "", -1);
}

static void ask_for_the_end(void *context)
{
    struct app *app = context;
    child_report(app->child, CHILD_REPORT_SHUTDOWN, "");
}

static void shut_down_soon(void *context)
{
    struct app *app = context;
    timer_arm(&app->shutdown_timer, RESTART_DELAY_MS);
}

static void open_compat(struct app *app)
{
    const struct compat_parts parts = {
        .loop = app->loop,
        .agent = app->agent,
        .settings = &app->settings.api,
        .run_program = run_notice,
        .shut_down = shut_down_soon,
        .context = app,
    };
    int fd;
    if (!app->settings.api.enabled) {
        return;
    }
    timer_init(&app->shutdown_timer, app->loop, ask_for_the_end, app);
    app->compat = compat_new(&parts);
    while ((fd = child_take_socket(app->child, "api.listen")) >= 0) {
        compat_listen_take(app->compat, fd);
    }
    app->facts.api_port = compat_port(app->compat);
}

bool app_open_servers(struct app *app, struct fault *fault)
{
    const struct mail_servers_parts parts = {
        .loop = app->loop,
        .child = app->child,
        .agent = app->agent,
        .store = app->store,
        .judge = sasl_guard_judge(app->guard),
        .settings = &app->settings,
        .folder = app->folder,
        .facts = &app->facts,
    };
    open_web(app);
    open_compat(app);
    app->mail_servers = mail_servers_new(&parts, fault);
    return app->mail_servers != NULL;
}
