// SPDX-License-Identifier: MIT
#include "gateway/control/web.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/http_server.h"
#include "base/mem.h"
#include "gateway/agent/agent.h"

struct web {
    struct http_server *server;
    struct http_options options;
    struct agent *agent;
    const struct http_settings *settings;
};

/* ---- /metrics */

static void append_gauge(struct buf *out, const char *name, const char *help, double value)
{
    buf_printf(out, "# HELP bittern_%s %s\n# TYPE bittern_%s gauge\nbittern_%s %.17g\n", name, help,
               name, name, value);
}

static void append_gateway(struct buf *out, const struct agent_status *status)
{
    append_gauge(out, "identities", "own identities", (double)status->n_identities);
    append_gauge(out, "incoming", "objects not yet looked through", (double)status->n_incoming);
    append_gauge(out, "received", "messages stored since the start", (double)status->n_received);
    append_gauge(out, "pow_jobs", "proofs of work running and waiting", (double)status->pow.n_jobs);
    append_gauge(out, "pow_trials_per_second", "at the last proof of work",
                 status->pow.trials_per_sec);
    append_gauge(out, "node_up", "1 while the node answers", status->link_is_up ? 1 : 0);
    buf_append_str(out, "# HELP bittern_queue recipients of outgoing mails, by state\n"
                        "# TYPE bittern_queue gauge\n");
    for (size_t i = 0; i < OUTGOING_N_STATES; i++) {
        buf_printf(out, "bittern_queue{state=\"%s\"} %zu\n",
                   outgoing_state_name((enum outgoing_state)i), status->queue[i]);
    }
}

static void serve_metrics(void *context, struct http_exchange *exchange,
                          const struct http_request *request)
{
    struct web *web = context;
    struct agent_status status;
    struct buf text = {0};
    (void)request;
    if (!web->settings->metrics) {
        http_answer_text(exchange, HTTP_NOT_FOUND, "[http] metrics is off");
        return;
    }
    agent_status(web->agent, &status);
    node_figures_metrics(&text, &status.node);
    append_gateway(&text, &status);
    http_answer(exchange, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", buf_view(&text));
    buf_clear(&text);
}

/* ---- the table */

static const struct http_route routes[] = {
    {HTTP_GET, "/metrics", 0, serve_metrics},
};

struct web *web_new(struct loop *loop, struct agent *agent, const struct http_settings *settings)
{
    struct web *web = xcalloc(1, sizeof *web);
    web->agent = agent;
    web->settings = settings;
    web->options = (struct http_options){
        .routes = routes, .n_routes = ARRAY_LEN(routes), .context = web, .hosts = settings->hosts};
    web->server = http_server_new(loop, &web->options);
    return web;
}

void web_free(struct web **web)
{
    if (*web != NULL) {
        http_server_free(&(*web)->server);
        free(*web);
        *web = NULL;
    }
}

void web_listen_take(struct web *web, int fd)
{
    http_server_listen_take(web->server, fd);
}

uint16_t web_port(const struct web *web)
{
    return http_server_port(web->server);
}
