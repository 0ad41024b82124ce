// SPDX-License-Identifier: MIT
/* A small HTTP/1.1 server: a table of routes, one request at a time on each connection.
 *
 * It serves people and programs on the same machine (the web page, Prometheus, an API), so it is
 * built for few connections and for hostile web pages in the user's browser rather than for speed:
 *
 *     421   Host is no address of ours and no name of `hosts` (DNS rebinding)
 *     403   a POST whose Origin is another site
 *     405   a method that the path does not have; there is nothing but GET, HEAD and POST
 *     413   a body above the route's bound, told before it is read
 *     431   a head above HTTP_MAX_HEAD_BYTES or HTTP_MAX_FIELDS
 *     400   anything that is not strictly HTTP; 501 and 505 for what is not spoken here
 *
 * A request must be complete within HTTP_REQUEST_TIMEOUT_MS. Each refusal is one short answer,
 * after which the connection is closed. A handler may answer at once or later.
 *
 * Where all connections are taken, the one that has gone longest without a whole request makes room
 * for a new one: who opens many and says nothing keeps nobody out. */
#ifndef BITTERN_BASE_HTTP_SERVER_H
#define BITTERN_BASE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/http_request.h"

struct loop;
struct http_server;
struct http_exchange;

enum {
    HTTP_MAX_CONNECTIONS = 64, /* of one server; one more is answered 503 while all are at work */
    HTTP_MAX_LISTENERS = 16,
    HTTP_REQUEST_TIMEOUT_MS = 15 * 1000, /* from its first byte to its last */
    HTTP_IDLE_TIMEOUT_MS = 60 * 1000,    /* between requests, and for a reader that stalls */
    HTTP_MAX_BODY_BYTES = 64 << 20,      /* no route may take more */
    HTTP_SMALL_BODY_BYTES = 64 << 10     /* is read of anybody */
};

struct http_route {
    enum http_method method; /* HTTP_GET serves HEAD too; or HTTP_POST */
    const char *path;        /* exactly, or, ending in a slash and '*', all that begins with it */
    size_t max_body_bytes;   /* of a POST; 0: none is taken */
    /* The request borrows until the return. Call http_answer once, now or later. */
    void (*handle)(void *context, struct http_exchange *exchange,
                   const struct http_request *request);
};

struct http_options {
    const struct http_route *routes; /* the first that fits is taken */
    size_t n_routes;
    void *context;     /* of the handlers */
    const char *hosts; /* names that Host may have besides addresses and "localhost"; or NULL */
    int64_t request_timeout_ms; /* 0: HTTP_REQUEST_TIMEOUT_MS */
    /* NULL, or: may whoever asks send a body above HTTP_SMALL_BODY_BYTES? Asked of the head alone,
     * before the body is read; no: 413. */
    bool (*may_send_large)(void *context, const struct http_request *request);
};

/* The options are borrowed and outlive the server. */
struct http_server *http_server_new(struct loop *loop, const struct http_options *options) MUST_USE;
/* Drops all connections; exchanges under way hear of it by their on_gone. */
void http_server_free(struct http_server **server);
/* Serve a listening socket (TCP or Unix), which is taken. */
void http_server_listen_take(struct http_server *server, int fd);
/* Of the first TCP listener; 0: none. */
uint16_t http_server_port(const struct http_server *server) MUST_USE;

/* Does the other side sit on this machine (loopback or a Unix socket)? */
bool http_is_local(const struct http_exchange *exchange) MUST_USE;

/* ---- answering */

/* A header field of the answer, before http_answer; the value is printable text (others are
 * dropped). Content-Security-Policy, Cache-Control, Referrer-Policy and X-Content-Type-Options have
 * strict defaults, which a field of that name here replaces. */
void http_set_field(struct http_exchange *exchange, const char *name, const char *value);
/* The connection is closed behind this answer, whatever the other side would like. */
void http_close_after_answer(struct http_exchange *exchange);
/* Answer and end the exchange: it must not be touched afterwards. All is copied. `content_type` may
 * be NULL when there is no body. */
void http_answer(struct http_exchange *exchange, enum http_status status, const char *content_type,
                 struct bytes body);
/* The same with one line of text. */
void http_answer_text(struct http_exchange *exchange, enum http_status status, const char *text);
/* For a handler that answers later: called when the connection ends before the answer, after which
 * the exchange must not be touched. */
void http_on_gone(struct http_exchange *exchange, void (*on_gone)(void *context), void *context);

#endif
