// SPDX-License-Identifier: MIT
/* What is served over HTTP on `[http] listen`: a table of routes (web.c).
 *
 *     GET  /, /page/...     the web page, files that were compiled in (web_page.c)
 *     POST /api/login       a session for an account's password (web_sessions.h)
 *     POST /api/CALL        a call of the table (api.h, web_calls.h), within the asker's account
 *     GET  /metrics         figures for Prometheus, where `[http] metrics` allows it: they hold no
 *                           address and no text, but whoever can connect can read them
 *
 * All but the last is for whoever sits at this machine: passwords go in clear text over loopback
 * and Unix sockets alone. Nothing is changed by a GET. */
#ifndef BITTERN_GATEWAY_CONTROL_WEB_H
#define BITTERN_GATEWAY_CONTROL_WEB_H

#include <stdint.h>

#include "base/compiler.h"
#include "config/settings.h"

struct api;
struct loop;
struct sasl_judge;
struct sasl_lookup;
struct web;

/* All are borrowed, and outlive it. */
struct web_parts {
    struct loop *loop;
    const struct api *api;          /* as the home's owner asks */
    const struct sasl_judge *judge; /* of passwords, as for mail programs */
    const struct sasl_lookup *credentials;
    const struct http_settings *settings;
};

struct web *web_new(const struct web_parts *parts) MUST_USE;
/* Drop all connections, and take no more. Calls that were begun go on. */
void web_close(struct web *web);
/* Their answers are dropped. */
void web_free(struct web **web);
/* Serve a listening socket, which is taken. */
void web_listen_take(struct web *web, int fd);
/* Of the first of them; 0: none. */
uint16_t web_port(const struct web *web) MUST_USE;

#endif
