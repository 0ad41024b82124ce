// SPDX-License-Identifier: MIT
/* bittern-node: the process that speaks with strangers. Started by the supervisor, with a link to
 * the gateway (`bittern run`) or alone as a relay (`bittern node`). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/dns.h"
#include "base/http_server.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/netaddr.h"
#include "base/process.h"
#include "base/str.h"
#include "base/timer.h"
#include "config/settings.h"
#include "node/p2p/bench_node.h"
#include "node/p2p/node.h"
#include "node/sandbox_node.h"

enum { REPORT_PERIOD_MS = 1000 };

struct app {
    struct loop *loop;
    struct child *child;
    struct settings settings;
    struct node *node;
    struct http_options http_options;
    struct http_server *http; /* NULL: no metrics here */
    struct timer report_timer;
    bool broken;
};

static void on_socket(void *context, const char *name, int fd)
{
    struct app *app = context;
    if (strcmp(name, CHILD_SOCKET_LINK) == 0) {
        node_link_take(app->node, fd);
    } else {
        close(fd);
    }
}

static void on_value(void *context, const char *name, const char *value)
{
    struct app *app = context;
    uint64_t port;
    if (strcmp(name, CHILD_VALUE_EXTERNAL_PORT) == 0 &&
        parse_u64(bytes_of_str(value), UINT16_MAX, &port)) {
        node_set_external_port(app->node, (uint16_t)port);
    }
}

static void on_stop(void *context)
{
    struct app *app = context;
    loop_stop(app->loop);
}

static const struct child_handler child_handler = {
    .on_socket = on_socket, .on_value = on_value, .on_stop = on_stop};

/* The supervisor starts us again, and the store is begun anew. */
static void on_broken(void *context)
{
    struct app *app = context;
    app->broken = true;
    loop_stop(app->loop);
}

static void on_report(void *context)
{
    struct app *app = context;
    struct buf text = {0};
    struct node_figures figures = node_status(app->node);
    node_figures_json(&text, &figures);
    child_report(app->child, CHILD_REPORT_NODE, buf_str(&text));
    buf_clear(&text);
}

static bool read_settings(struct app *app, struct fault *fault)
{
    settings_init(&app->settings);
    if (!settings_from_lines(&app->settings, child_settings(app->child), fault)) {
        return false;
    }
    log_init(STDERR_FILENO, (enum log_level)app->settings.log.level, "node");
    log_show_addresses(app->settings.log.addresses);
    return true;
}

static bool start(struct app *app, struct fault *fault)
{
    const char *folder = child_value(app->child, CHILD_VALUE_HOME);
    bool with_dns = app->settings.node.tor == TOR_OFF;
    struct sandbox_status sandbox;
    struct fault ignored;
    if (folder == NULL) {
        return fault_set(fault, FAULT_INVALID, "the supervisor named no folder");
    }
    struct node_options options = {
        .folder = folder,
        .node = &app->settings.node,
        .network = &app->settings.network,
        .dns = with_dns ? dns_new(app->loop, &ignored) : NULL,
        .on_broken = on_broken,
        .context = app,
    };
    if (!sandbox_node_enter(&sandbox, folder, with_dns, fault)) {
        dns_free(&options.dns);
        return false;
    }
    child_report(app->child, CHILD_REPORT_SANDBOX, sandbox.text);
    app->node = node_new(app->loop, &options, fault);
    return app->node != NULL;
}

/* ---- listening */

static bool is_loopback(int fd)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof storage;
    struct netaddr address;
    return getsockname(fd, (struct sockaddr *)&storage, &len) == 0 &&
           netaddr_from_sockaddr(&address, &storage) && netaddr_is_loopback(&address);
}

/* ---- figures for Prometheus, where no gateway shows them */

static void serve_metrics(void *context, struct http_exchange *exchange,
                          const struct http_request *request)
{
    struct app *app = context;
    struct buf text = {0};
    struct node_figures figures = node_status(app->node);
    (void)request;
    node_figures_metrics(&text, &figures);
    http_answer(exchange, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", buf_view(&text));
    buf_clear(&text);
}

static const struct http_route http_routes[] = {{HTTP_GET, "/metrics", 0, serve_metrics}};

static void serve_http(struct app *app)
{
    int fd;
    app->http_options = (struct http_options){.routes = http_routes,
                                              .n_routes = ARRAY_LEN(http_routes),
                                              .context = app,
                                              .hosts = app->settings.http.hosts};
    app->http = http_server_new(app->loop, &app->http_options);
    while ((fd = child_take_socket(app->child, "node.metrics")) >= 0) {
        if (app->settings.node.tor == TOR_STRICT && !is_loopback(fd)) {
            close(fd);
        } else {
            http_server_listen_take(app->http, fd);
        }
    }
    if (http_server_port(app->http) != 0) {
        log_info("node", "metrics are served port=%u", http_server_port(app->http));
    }
}

/* ---- serving */

/* In strict Tor mode nothing is listened to, whatever was handed over, but for Tor itself. */
static void take_sockets(struct app *app)
{
    const struct node_settings *settings = &app->settings.node;
    int fd;
    while ((fd = child_take_socket(app->child, "node.listen")) >= 0) {
        if (settings->tor == TOR_STRICT && (settings->onion[0] == '\0' || !is_loopback(fd))) {
            close(fd);
        } else {
            node_listen_take(app->node, fd);
        }
    }
    fd = child_take_socket(app->child, "node.lan");
    if (fd >= 0) {
        node_lan_take(app->node, fd);
    }
    fd = child_take_socket(app->child, CHILD_SOCKET_LINK);
    if (fd >= 0) {
        node_link_take(app->node, fd);
    }
}

static void serve(struct app *app)
{
    const char *port = child_value(app->child, CHILD_VALUE_EXTERNAL_PORT);
    child_attach(app->child, app->loop, &child_handler, app);
    if (port != NULL) {
        on_value(app, CHILD_VALUE_EXTERNAL_PORT, port);
    }
    take_sockets(app);
    serve_http(app);
    node_start(app->node);
    timer_init(&app->report_timer, app->loop, on_report, app);
    timer_arm_periodic(&app->report_timer, REPORT_PERIOD_MS);
    on_report(app); /* whoever asks once it is ready is told figures */
    child_ready(app->child);
    loop_run(app->loop);
    timer_cancel(&app->report_timer);
    http_server_free(&app->http);
}

/* `bittern-node bench NAME [OBJECTS [BYTES]]`: one line of JSON, for `bittern bench NAME`. */
static int bench(int argc, char **argv)
{
    struct bench_node_options options = {0};
    struct bench_node_result result;
    struct fault fault;
    uint64_t n_objects = 0;
    uint64_t len = 0;
    log_init(STDERR_FILENO, LOG_LEVEL_WARN, "bench");
    if (argc < 3 ||
        (argc > 3 && !parse_u64(bytes_of_str(argv[3]), BENCH_NODE_MAX_OBJECTS, &n_objects)) ||
        (argc > 4 && !parse_u64(bytes_of_str(argv[4]), BENCH_NODE_MAX_OBJECT_BYTES, &len))) {
        fprintf(stderr, "bittern-node: bench NAME [OBJECTS [BYTES]]\n");
        return 2;
    }
    options.n_objects = (size_t)n_objects;
    options.object_len = (size_t)len;
    if (!bench_node_run(&result, argv[2], &options, &fault)) {
        fprintf(stderr, "bittern-node: %s\n", fault.text);
        return EXIT_FAILURE;
    }
    printf("{\"name\":\"%s\",\"ours\":%.6g,\"anchor\":%.6g,\"anchor_name\":\"%s\",\"ratio\":%.3f,"
           "\"unit\":\"%s\",\"detail\":\"%s\"}\n",
           result.name, result.ours, result.anchor, result.anchor_name, result.ours / result.anchor,
           result.unit, result.detail);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        return bench(argc, argv);
    }
    struct app app = {0};
    struct fault fault;
    int code = EXIT_FAILURE;
    process_init();
    app.child = child_join("node", &fault);
    if (app.child == NULL) {
        fprintf(stderr, "bittern-node: %s; start it by `bittern run` or `bittern node`\n",
                fault.text);
        return 2;
    }
    app.loop = loop_new();
    if (read_settings(&app, &fault) && start(&app, &fault)) {
        serve(&app);
        code = app.broken ? EXIT_FAILURE : EXIT_SUCCESS;
    } else {
        log_error("node", "cannot start fault=\"%s\"", fault.text);
        child_report(app.child, CHILD_REPORT_PROBLEM, fault.text);
    }
    node_free(&app.node);
    child_free(&app.child);
    loop_free(&app.loop);
    settings_clear(&app.settings);
    return code;
}
