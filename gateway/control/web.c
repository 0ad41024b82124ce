// SPDX-License-Identifier: MIT
#include "gateway/control/web.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gateway/agent/agent.h"
#include "gateway/control/web_internal.h"

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
    append_gauge(out, "keys_locked", "1 while private keys are locked",
                 status->lock.is_locked ? 1 : 0);
    append_gauge(out, "kept_objects", "messages that wait for locked keys",
                 (double)status->lock.n_kept);
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
    if (!web->parts.settings->metrics) {
        http_answer_text(exchange, HTTP_NOT_FOUND, "[http] metrics is off");
        return;
    }
    agent_status(web->parts.api->agent, &status);
    node_figures_metrics(&text, &status.node);
    append_gateway(&text, &status);
    http_answer(exchange, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", buf_view(&text));
    buf_clear(&text);
}

/* ---- the table */

static const struct http_route routes[] = {
    {HTTP_GET, "/", 0, web_serve_page},
    {HTTP_GET, "/page/*", 0, web_serve_page},
    {HTTP_GET, "/metrics", 0, serve_metrics},
    {HTTP_POST, "/api/login", HTTP_SMALL_BODY_BYTES, web_serve_login},
    {HTTP_POST, "/api/logout", HTTP_SMALL_BODY_BYTES, web_serve_logout},
    {HTTP_POST, "/api/*", WEB_MAX_BODY_BYTES, web_serve_call},
};

struct web *web_new(const struct web_parts *parts)
{
    struct web *web = xcalloc(1, sizeof *web);
    web->parts = *parts;
    web->options = (struct http_options){
        .routes = routes,
        .n_routes = ARRAY_LEN(routes),
        .context = web,
        .hosts = parts->settings->hosts,
        .may_send_large = web_may_send_large,
    };
    list_init(&web->questions);
    web->sessions = web_sessions_new();
    web->server = http_server_new(parts->loop, &web->options);
    return web;
}

void web_close(struct web *web)
{
    http_server_free(&web->server);
}

void web_free(struct web **web)
{
    if (*web == NULL) {
        return;
    }
    web_close(*web);
    list_for_each(node, &(*web)->questions)
    {
        web_question_free(list_entry(node, struct web_question, node));
    }
    web_sessions_free(&(*web)->sessions);
    free(*web);
    *web = NULL;
}

void web_listen_take(struct web *web, int fd)
{
    http_server_listen_take(web->server, fd);
}

uint16_t web_port(const struct web *web)
{
    return http_server_port(web->server);
}
