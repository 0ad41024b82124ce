// SPDX-License-Identifier: MIT
/* A connection is its own exchange: it has one request under way at most. The bytes of a request
 * stay in the io's buffer until its handler returned; pipelined ones behind it wait there.
 *
 *     reading --complete--> answering --http_answer--> reading, or closed
 *        |                      |
 *        +-- refused: closed    +-- the other side went: on_gone, closed */
#include "base/http_server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/list.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timer.h"

struct http_server {
    struct loop *loop;
    const struct http_options *options;
    struct listener *listeners[HTTP_MAX_LISTENERS];
    size_t n_listeners;
    uint16_t port;
    struct list_node connections; /* who has gone longest without a whole request comes first */
    size_t n_connections;
};

struct http_exchange {
    struct list_node node;
    struct http_server *server;
    struct io *io;
    struct timer deadline; /* of the request that is being read */
    struct deferred go_on; /* look for the next request */
    struct buf fields;     /* of the answer */
    bool is_answering;     /* a handler was called and did not answer yet */
    bool in_handler;       /* the request still borrows from the input */
    bool sent_continue;
    bool wants_head_only;
    bool keep_alive;
    bool is_local;
    void (*on_gone)(void *context);
    void *gone_context;
};

/* ---- life */

static void release(struct http_exchange *exchange)
{
    timer_cancel(&exchange->deadline);
    deferred_cancel(&exchange->go_on);
    buf_clear(&exchange->fields);
    list_remove(&exchange->node);
    exchange->server->n_connections--;
    free(exchange);
}

static void drop(struct http_exchange *exchange)
{
    if (exchange->is_answering && exchange->on_gone != NULL) {
        exchange->on_gone(exchange->gone_context);
    }
    io_free(&exchange->io);
    release(exchange);
}

/* Once all that was answered is sent. */
static void close_after_output(struct http_exchange *exchange)
{
    io_close(&exchange->io);
    release(exchange);
}

/* The other side sends no more: what it asked before is still answered if it can be at once. */
static void leave(struct http_exchange *exchange)
{
    if (exchange->is_answering) {
        drop(exchange);
    } else {
        close_after_output(exchange);
    }
}

bool http_is_local(const struct http_exchange *exchange)
{
    return exchange->is_local;
}

/* ---- answering */

/* Unless the handler set them. */
static const struct default_field {
    const char *name;
    const char *value;
} default_fields[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

static bool is_set(struct http_exchange *exchange, const char *name)
{
    char *line_start = xasprintf("\r\n%s: ", name);
    bool found = strstr(buf_str(&exchange->fields), line_start) != NULL;
    free(line_start);
    return found;
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Kept as "\r\nName: value" each, so that is_set can't be misled by a value. */
void http_set_field(struct http_exchange *exchange, const char *name, const char *value)
{
    if (!is_printable(name) || !is_printable(value)) {
        log_warn("http", "a field of an answer is not printable name=%s",
                 log_escape(bytes_of_str(name)).text);
        return;
    }
    buf_printf(&exchange->fields, "\r\n%s: %s", name, value);
}

static void write_answer(struct http_exchange *exchange, enum http_status status,
                         const char *content_type, struct bytes body)
{
    struct buf head = {0};
    buf_printf(&head, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nConnection: %s", (int)status,
               http_status_text(status), body.len, exchange->keep_alive ? "keep-alive" : "close");
    if (content_type != NULL) {
        buf_printf(&head, "\r\nContent-Type: %s", content_type);
    }
    for (size_t i = 0; i < ARRAY_LEN(default_fields); i++) {
        if (!is_set(exchange, default_fields[i].name)) {
            buf_printf(&head, "\r\n%s: %s", default_fields[i].name, default_fields[i].value);
        }
    }
    buf_append_bytes(&head, buf_view(&exchange->fields));
    buf_append_str(&head, "\r\n\r\n");
    io_write(exchange->io, buf_view(&head));
    if (!exchange->wants_head_only) {
        io_write(exchange->io, body);
    }
    buf_clear(&head);
    buf_clear(&exchange->fields);
}

void http_close_after_answer(struct http_exchange *exchange)
{
    exchange->keep_alive = false;
}

void http_answer(struct http_exchange *exchange, enum http_status status, const char *content_type,
                 struct bytes body)
{
    assert(exchange->is_answering);
    exchange->is_answering = false;
    io_set_timeout(exchange->io, HTTP_IDLE_TIMEOUT_MS);
    exchange->on_gone = NULL;
    write_answer(exchange, status, content_type, body);
    if (exchange->in_handler) {
        return; /* who called the handler goes on */
    }
    if (exchange->keep_alive) {
        deferred_arm(&exchange->go_on);
    } else {
        close_after_output(exchange);
    }
}

void http_answer_text(struct http_exchange *exchange, enum http_status status, const char *text)
{
    char *line = xasprintf("%s\n", text);
    http_answer(exchange, status, "text/plain; charset=utf-8", bytes_of_str(line));
    free(line);
}

void http_on_gone(struct http_exchange *exchange, void (*on_gone)(void *context), void *context)
{
    exchange->on_gone = on_gone;
    exchange->gone_context = context;
}

/* One short answer, and the end. */
static void refuse(struct http_exchange *exchange, enum http_status status)
{
    struct buf body = {0};
    exchange->keep_alive = false;
    buf_printf(&body, "%s\n", http_status_text(status));
    write_answer(exchange, status, "text/plain; charset=utf-8", buf_view(&body));
    buf_clear(&body);
    io_discard_input(exchange->io);
    close_after_output(exchange);
}

/* ---- routes */

static bool path_fits(const char *pattern, struct bytes path)
{
    size_t len = strlen(pattern);
    if (len >= 2 && strcmp(pattern + len - 2, "/*") == 0) {
        return bytes_starts_with(path, (struct bytes){(const uint8_t *)pattern, len - 1});
    }
    return bytes_equal(path, bytes_of_str(pattern));
}

static bool method_fits(enum http_method has, enum http_method asked)
{
    return has == asked || (has == HTTP_GET && asked == HTTP_HEAD);
}

/* The route, or NULL and what to answer. */
static const struct http_route *find_route(const struct http_options *options,
                                           const struct http_request *request,
                                           enum http_status *out_status)
{
    *out_status = HTTP_NOT_FOUND;
    for (size_t i = 0; i < options->n_routes; i++) {
        const struct http_route *route = &options->routes[i];
        if (path_fits(route->path, request->path)) {
            if (method_fits(route->method, request->method)) {
                return route;
            }
            *out_status = HTTP_METHOD_NOT_ALLOWED;
        }
    }
    return NULL;
}

/* A browser says where a form or script comes from. */
static bool is_foreign(const struct http_request *request)
{
    static const char *const schemes[] = {"http://", "https://"};
    if (!http_has_field(request, "Origin")) {
        return false;
    }
    struct bytes origin = http_field(request, "Origin");
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct bytes scheme = bytes_of_str(schemes[i]);
        if (bytes_starts_with(origin, scheme) &&
            bytes_equal_ci(bytes_slice(origin, scheme.len, origin.len), request->host)) {
            return false;
        }
    }
    return true;
}

static bool may_send_body(const struct http_options *options, const struct http_route *route,
                          const struct http_request *request)
{
    size_t max_body = request->method == HTTP_POST ? route->max_body_bytes : 0;
    return request->content_len <= max_body &&
           (request->content_len <= HTTP_SMALL_BODY_BYTES || options->may_send_large == NULL ||
            options->may_send_large(options->context, request));
}

/* Whether the request may be served, before its body is read. */
static const struct http_route *admit(const struct http_server *server,
                                      const struct http_request *request,
                                      enum http_status *out_status)
{
    if (!http_host_is_ours(request->host, server->options->hosts)) {
        *out_status = HTTP_MISDIRECTED;
        return NULL;
    }
    if (request->method == HTTP_OTHER) {
        *out_status = HTTP_METHOD_NOT_ALLOWED;
        return NULL;
    }
    if (request->method == HTTP_POST && is_foreign(request)) {
        *out_status = HTTP_FORBIDDEN;
        return NULL;
    }
    const struct http_route *route = find_route(server->options, request, out_status);
    if (route != NULL && !may_send_body(server->options, route, request)) {
        *out_status = HTTP_TOO_LARGE;
        return NULL;
    }
    return route;
}

/* ---- reading */

static void wait_for_body(struct http_exchange *exchange, const struct http_request *request,
                          size_t head_len)
{
    io_set_input_limit(exchange->io, head_len + (size_t)request->content_len);
    if (request->expects_continue && !exchange->sent_continue) {
        exchange->sent_continue = true;
        io_write(exchange->io, bytes_of_str("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static void handle(struct http_exchange *exchange, const struct http_route *route,
                   const struct http_request *request)
{
    timer_cancel(&exchange->deadline);
    list_remove(&exchange->node);
    list_append(&exchange->server->connections, &exchange->node);
    exchange->is_answering = true;
    exchange->in_handler = true;
    exchange->sent_continue = false;
    exchange->wants_head_only = request->method == HTTP_HEAD;
    exchange->keep_alive = request->keep_alive;
    io_set_timeout(exchange->io, 0); /* a handler takes the time that it takes */
    route->handle(exchange->server->options->context, exchange, request);
    exchange->in_handler = false;
}

/* One request from the input. False: there is none (yet), or the exchange is gone. */
static bool take_request(struct http_exchange *exchange)
{
    struct http_request request;
    size_t head_len;
    enum http_status status = HTTP_OK;
    struct bytes input = io_input(exchange->io);
    switch (http_request_parse(&request, &head_len, input, &status)) {
    case PARSE_MORE:
        return false;
    case PARSE_BAD:
        refuse(exchange, status);
        return false;
    case PARSE_DONE:
        break;
    }
    const struct http_route *route = admit(exchange->server, &request, &status);
    if (route == NULL) {
        refuse(exchange, status);
        return false;
    }
    if (input.len - head_len < request.content_len) {
        wait_for_body(exchange, &request, head_len);
        return false;
    }
    request.body = bytes_slice(input, head_len, (size_t)request.content_len);
    handle(exchange, route, &request);
    io_consume(exchange->io, head_len + request.body.len);
    io_set_input_limit(exchange->io, HTTP_MAX_HEAD_BYTES);
    if (!exchange->is_answering && !exchange->keep_alive) {
        close_after_output(exchange);
        return false;
    }
    return !exchange->is_answering;
}

static void take_requests(struct http_exchange *exchange)
{
    if (exchange->is_answering) {
        return;
    }
    struct bytes input = io_input(exchange->io);
    if (input.len > 0 && !timer_is_armed(&exchange->deadline)) {
        int64_t timeout_ms = exchange->server->options->request_timeout_ms;
        timer_arm(&exchange->deadline, timeout_ms == 0 ? HTTP_REQUEST_TIMEOUT_MS : timeout_ms);
    }
    /* One a turn: a long row of pipelined requests must not hold the loop. */
    if (input.len > 0 && take_request(exchange)) {
        deferred_arm(&exchange->go_on);
    }
}

static void on_go_on(void *context)
{
    take_requests(context);
}

static void on_deadline(void *context)
{
    drop(context);
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    struct http_exchange *exchange = context;
    (void)io;
    switch (event) {
    case IO_DATA:
        take_requests(exchange);
        break;
    case IO_EOF:
        leave(exchange);
        break;
    case IO_TIMEOUT:
    case IO_ERROR:
        drop(exchange);
        break;
    default:
        break;
    }
}

/* ---- listening */

/* Room for one more. */
static void drop_longest_silent(struct http_server *server)
{
    list_for_each(place, &server->connections)
    {
        struct http_exchange *exchange = list_entry(place, struct http_exchange, node);
        if (!exchange->is_answering) {
            drop(exchange);
            return;
        }
    }
}

static void on_accept(void *context, int fd, const struct netaddr *peer)
{
    struct http_server *server = context;
    if (server->n_connections >= HTTP_MAX_CONNECTIONS) {
        drop_longest_silent(server);
    }
    struct http_exchange *exchange = xcalloc(1, sizeof *exchange);
    exchange->server = server;
    exchange->is_local = netaddr_is_none(peer) || netaddr_is_loopback(peer);
    exchange->io = io_new_take(server->loop, fd, on_event, exchange);
    io_set_input_limit(exchange->io, HTTP_MAX_HEAD_BYTES);
    io_set_timeout(exchange->io, HTTP_IDLE_TIMEOUT_MS);
    timer_init(&exchange->deadline, server->loop, on_deadline, exchange);
    deferred_init(&exchange->go_on, server->loop, on_go_on, exchange);
    list_append(&server->connections, &exchange->node);
    if (server->n_connections++ >= HTTP_MAX_CONNECTIONS) {
        refuse(exchange, HTTP_UNAVAILABLE);
    }
}

void http_server_listen_take(struct http_server *server, int fd)
{
    assert(server->n_listeners < HTTP_MAX_LISTENERS);
    if (server->port == 0) {
        server->port = listener_port(fd);
    }
    server->listeners[server->n_listeners++] =
        listener_new_take(server->loop, fd, on_accept, server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

struct http_server *http_server_new(struct loop *loop, const struct http_options *options)
{
    struct http_server *server = xcalloc(1, sizeof *server);
    server->loop = loop;
    server->options = options;
    list_init(&server->connections);
    for (size_t i = 0; i < options->n_routes; i++) {
        assert(options->routes[i].max_body_bytes <= HTTP_MAX_BODY_BYTES);
    }
    return server;
}

void http_server_free(struct http_server **server)
{
    struct http_server *it = *server;
    if (it == NULL) {
        return;
    }
    for (size_t i = 0; i < it->n_listeners; i++) {
        listener_free(&it->listeners[i]);
    }
    list_for_each(place, &it->connections)
    {
        drop(list_entry(place, struct http_exchange, node));
    }
    free(it);
    *server = NULL;
}
