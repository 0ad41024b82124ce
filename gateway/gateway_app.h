// SPDX-License-Identifier: MIT
/* The gateway's process: all its rooms, and what its files share. gateway_main.c opens and closes
 * them in order, gateway_rooms.c has how each is opened, gateway_words.c what the supervisor says
 * meanwhile. */
#ifndef BITTERN_GATEWAY_GATEWAY_APP_H
#define BITTERN_GATEWAY_GATEWAY_APP_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/timer.h"
#include "config/settings.h"
#include "gateway/control/control.h"
#include "gateway/sandbox_gateway.h"

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

/* The supervisor started it for one command, without servers. */
bool app_is_one_shot(const struct app *app) MUST_USE;
/* The value "mode" of the supervisor is that. */
bool app_has_mode(const struct app *app, const char *name) MUST_USE;

/* ---- gateway_rooms.c, in the order in which they are opened */
void app_open_decoders(struct app *app);
void app_open_gpu(struct app *app);
bool app_open_pools(struct app *app, struct fault *fault) MUST_USE;
bool app_open_store(struct app *app, struct fault *fault) MUST_USE;
bool app_open_agent(struct app *app, struct fault *fault) MUST_USE;
void app_open_control(struct app *app);
bool app_open_servers(struct app *app, struct fault *fault) MUST_USE;

/* ---- gateway_words.c */

/* Listen to the supervisor, and take what it told before. */
void app_listen(struct app *app);
/* The first run, where it is one; then ready is told. */
void app_begin_serving(struct app *app);
/* Stop serving, and then the loop; once. A timer's call. */
void app_stop(void *context);

#endif
