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
#include "gateway/gateway_app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/db_writer.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "gateway/agent/agent.h"
#include "gateway/agent/work/pow_gpu.h"
#include "gateway/backup/backup.h"
#include "gateway/backup/salvage.h"
#include "gateway/compat/compat.h"
#include "gateway/control/web.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/gateway_bench.h"
#include "gateway/mail_servers.h"
#include "gateway/store/store.h"
#include "mailproto/sasl/guard.h"

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
    app_open_decoders(app);
    app_open_gpu(app);
    bool ok = salvage_finish(app->folder, clock_now_sec(), NULL, fault) &&
              restore_finish(app->folder, clock_now_sec(), fault) && app_open_pools(app, fault) &&
              app_open_store(app, fault) && app_open_agent(app, fault);
    if (ok) {
        app_open_control(app);
        ok = app_is_one_shot(app) || app_open_servers(app, fault);
    }
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
    app_listen(app);
    child_report(app->child, CHILD_REPORT_SANDBOX, app->sandbox.text);
    app_begin_serving(app);
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
    bool is_salvage = app_has_mode(&app, "salvage");
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
