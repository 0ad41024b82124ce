// SPDX-License-Identifier: MIT
/* What is served over HTTP on `[http] listen`: a table of pages (web.c). There are figures for
 * Prometheus under /metrics, where `[http] metrics` allows it: they hold no address and no text,
 * but whoever can connect can read them. */
#ifndef BITTERN_GATEWAY_CONTROL_WEB_H
#define BITTERN_GATEWAY_CONTROL_WEB_H

#include <stdint.h>

#include "base/compiler.h"
#include "config/settings.h"

struct agent;
struct loop;
struct web;

/* All are borrowed, and outlive it. */
struct web *web_new(struct loop *loop, struct agent *agent,
                    const struct http_settings *settings) MUST_USE;
void web_free(struct web **web);
/* Serve a listening socket, which is taken. */
void web_listen_take(struct web *web, int fd);
/* Of the first of them; 0: none. */
uint16_t web_port(const struct web *web) MUST_USE;

#endif
