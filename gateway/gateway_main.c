// SPDX-License-Identifier: MIT
/* bittern-gateway: keys, mailboxes, queue, mail servers, control. A child of the supervisor, which
 * hands it its settings, its listening sockets, and its ends of the link and the decoders.
 *
 * This file only puts the rooms together and takes them apart again, in order:
 *
 *     settings -> sandbox -> a restore or salvage that waits -> mail.db -> loop, pools, writer
 *     -> decoders -> store -> agent -> control -> servers -> first run -> ready
 *
 * Started for a salvage, it does that after the sandbox, reports, and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "base/str.h"
#include "base/timer.h"
#include "config/paths.h"
#include "config/settings.h"
#include "gateway/agent/agent.h"
#include "gateway/agent/work/pow_gpu.h"
#include "gateway/backup/backup.h"
#include "gateway/backup/salvage.h"
#include "gateway/compat/compat.h"
#include "gateway/control/control.h"
#include "gateway/control/web.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/gateway_bench.h"
#include "gateway/mail_servers.h"
#include "gateway/sandbox_gateway.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store.h"
#include "mailproto/sasl/guard.h"

enum {
    READY_POLL_MS = 50,
    RESTART_DELAY_MS = 100,  /* for the answer that announces it */
    POOL_MAX_QUEUED = 16384, /* more objects than the link's window holds */
    POW_NICE = 19
};

struct app {
    struct child *child;
    struct settings settings;
    const char *folder; /* HOME/gateway */
    char *home;
    struct sandbox_status sandbox;

    struct loop *loop;
    struct pool *pool;
    struct pool *pow_pool;
    struct sasl_guard *guard; /* of all logins */
    struct pow_gpu *gpu;
    struct db_writer *writer;
    struct decoder_client *network_decoder;
    struct decoder_client *owner_decoder;
    struct mail_store *store;
    struct agent *agent;
    struct backup *backup;
    struct control *control;
    struct web *web;
    struct compat *compat; /* NULL: [api] is off */
    struct control_facts facts;

    struct mail_servers *mail_servers;
    struct timer ready_timer;
    struct timer restart_timer;
    struct timer shutdown_timer;
    bool stopping;
    bool is_broken; /* mail.db is, and the supervisor knows */
};

static void on_stop(void *context);

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

static void open_decoders(struct app *app)
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

static void open_gpu(struct app *app)
{
    const struct pow_gpu_hooks hooks = {kill_gpu, app};
    app->gpu = pow_gpu_new(app->loop, &hooks);
    int fd = child_take_socket(app->child, CHILD_SOCKET_GPU);
    if (fd >= 0) {
        pow_gpu_attach_take(app->gpu, fd);
    }
}

static bool open_pools(struct app *app, struct fault *fault)
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

static bool open_store(struct app *app, struct fault *fault)
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

static bool has_mode(const struct app *app, const char *name)
{
    const char *mode = child_value(app->child, CHILD_VALUE_MODE);
    return mode != NULL && strcmp(mode, name) == 0;
}

static bool is_one_shot(const struct app *app)
{
    return has_mode(app, "one-shot");
}

static void run_program(void *context, const char *name, int64_t id, const char *environment,
                        int stdin_fd)
{
    struct app *app = context;
    child_run_watched(app->child, name, id, environment, stdin_fd);
}

static void on_program_ended(void *context, const char *name, int64_t id, int exit_code)
{
    struct app *app = context;
    if (!compat_program_ended(app->compat, name)) {
        agent_program_ended(app->agent, id, exit_code);
    }
}

static bool open_agent(struct app *app, struct fault *fault)
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
        .programs = {is_one_shot(app) ? NULL : run_program, app},
        .joiner = {lose_link, app},
        .folder = is_one_shot(app) ? NULL : app->folder,
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

static bool open_control(struct app *app)
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
    timer_init(&app->restart_timer, app->loop, on_stop, app);
    const struct control_parts parts = {
        .loop = app->loop,
        .agent = app->agent,
        .backup = app->backup,
        .facts = &app->facts,
        .restart = restart,
        .restart_context = app,
    };
    app->control = control_new(&parts);
    return true;
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

static bool open_servers(struct app *app, struct fault *fault)
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

static void begin_serving(struct app *app)
{
    timer_init(&app->ready_timer, app->loop, poll_ready, app);
    if (is_one_shot(app)) {
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

/* What was told before the start. */
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

static void all_down(void *context)
{
    struct app *app = context;
    loop_stop(app->loop);
}

static void on_stop(void *context)
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
    .on_stop = on_stop,
};

/* ---- life ---- */

static bool enter(struct app *app, struct fault *fault)
{
    app->folder = child_value(app->child, CHILD_VALUE_HOME);
    if (app->folder == NULL) {
        return fault_set(fault, FAULT_INVALID, "the supervisor named no home folder");
    }
    app->home = xstrdup(app->folder);
    char *slash = strrchr(app->home, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    app->facts.home = app->home;
    app->facts.host = "127.0.0.1";
    app->facts.sandbox = app->sandbox.text;
    if (!settings_from_lines(&app->settings, child_settings(app->child), fault)) {
        return false;
    }
    log_init(STDERR_FILENO, (enum log_level)app->settings.log.level, "gateway");
    log_show_addresses(app->settings.log.addresses);
    bool may_connect = app->settings.namecoin.type != NAMECOIN_OFF;
    return sandbox_gateway_enter(&app->sandbox, app->folder, may_connect, fault);
}

static bool open_all(struct app *app, struct fault *fault)
{
    app->loop = loop_new();
    open_decoders(app);
    open_gpu(app);
    bool ok = salvage_finish(app->folder, clock_now_sec(), NULL, fault) &&
              restore_finish(app->folder, clock_now_sec(), fault) && open_pools(app, fault) &&
              open_store(app, fault) && open_agent(app, fault) && open_control(app) &&
              (is_one_shot(app) || open_servers(app, fault));
    if (!ok && fault->code == FAULT_CORRUPT) {
        salvage_advise(app->folder, fault);
    }
    return ok;
}

static void refuse_socket(void *context, const char *name, int fd)
{
    (void)context;
    (void)name;
    process_close_fd(&fd);
}

static void ignore_stop(void *context)
{
    (void)context;
}

/* What the supervisor is told last, before it ends all of us. What it says meanwhile is for rooms
 * that were never opened. */
static void report_last(struct app *app, const char *name, const char *value)
{
    static const struct child_handler deaf = {.on_socket = refuse_socket, .on_stop = ignore_stop};
    if (app->loop == NULL) {
        app->loop = loop_new();
    }
    child_attach(app->child, app->loop, &deaf, app);
    child_report(app->child, name, value);
    loop_turn(app->loop, 0);
}

static bool run_salvage(struct app *app, struct fault *fault)
{
    struct buf report = {0};
    bool ok = salvage_prepare(app->folder, &report, fault) &&
              salvage_finish(app->folder, clock_now_sec(), &report, fault);
    if (ok) {
        report_last(app, CHILD_REPORT_RESULT, buf_str(&report));
    }
    buf_clear(&report);
    return ok;
}

static void serve(struct app *app)
{
    child_attach(app->child, app->loop, &handler, app);
    take_first_values(app);
    child_report(app->child, CHILD_REPORT_SANDBOX, app->sandbox.text);
    begin_serving(app);
    loop_run(app->loop);
}

/* The agent stops first; then whatever still ends (writes, jobs) ends into a closed agent. */
static void close_all(struct app *app)
{
    timer_cancel(&app->ready_timer);
    timer_cancel(&app->restart_timer);
    web_free(&app->web);
    control_free(&app->control);
    backup_free(&app->backup);
    timer_cancel(&app->shutdown_timer);
    control_free(&app->control);
    backup_free(&app->backup);
    web_free(&app->web);
    compat_free(&app->compat);
    if (app->mail_servers != NULL) {
        mail_servers_close(app->mail_servers);
    }
    if (app->agent != NULL) {
        agent_stop(app->agent);
    }
    db_writer_free(&app->writer);
    decoder_client_free(&app->network_decoder);
    decoder_client_free(&app->owner_decoder);
    pow_gpu_free(&app->gpu);
    pool_free(&app->pow_pool);
    pool_free(&app->pool);
    mail_servers_free(&app->mail_servers);
    sasl_guard_free(&app->guard);
    agent_free(&app->agent);
    store_free(&app->store);
    child_free(&app->child);
    loop_free(&app->loop);
    settings_clear(&app->settings);
    free(app->home);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        return gateway_bench(argc, argv);
    }
    struct app app = {0};
    struct fault fault = {0};
    process_init();
    mem_keep_freed(MEM_KEPT_BYTES);
    settings_init(&app.settings);
    app.child = child_join("gateway", &fault);
    if (app.child == NULL) {
        fprintf(stderr, "bittern-gateway: %s\n", fault.text);
        settings_clear(&app.settings);
        return EXIT_FAILURE;
    }
    bool is_salvage = has_mode(&app, "salvage");
    bool ok =
        enter(&app, &fault) && (is_salvage ? run_salvage(&app, &fault) : open_all(&app, &fault));
    if (!ok) {
        log_error("gateway", "can't %s reason=\"%s\"", is_salvage ? "salvage" : "start",
                  fault.text);
        report_last(&app, CHILD_REPORT_PROBLEM, fault.text);
    } else if (!is_salvage) {
        serve(&app);
    }
    close_all(&app);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
