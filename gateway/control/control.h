// SPDX-License-Identifier: MIT
/* The control server: answers the command line (and, later in the same table, whoever else asks)
 * over connections that the supervisor took and handed on. Who can open the control socket is the
 * home's owner: there is no password.
 *
 * A connection asks one question at a time, a JSON object a line; see control_client.h for the form
 * and api.c for the table of calls. */
#ifndef BITTERN_GATEWAY_CONTROL_CONTROL_H
#define BITTERN_GATEWAY_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

struct agent;
struct api;
struct backup;
struct control;
struct loop;

enum { CONTROL_MAX_CONNECTIONS = 64, CONTROL_IDLE_TIMEOUT_MS = 10 * 60 * 1000 };

/* What the gateway's main knows and `status` and `setup.info` tell. It may change at any time;
 * texts may be NULL while they are not known. */
struct control_facts {
    bool ready;
    const char *home;
    const char *host; /* that mail programs connect to */
    uint16_t imap_port;
    uint16_t imap_tls_port;
    uint16_t smtp_port;
    uint16_t smtp_tls_port;
    uint16_t lmtp_port;
    uint16_t http_port;
    bool has_page;           /* the web page is served on it */
    uint16_t api_port;       /* 0: off */
    const char *fingerprint; /* of the mail servers' certificate, SHA-256 */
    const char *sandbox;     /* the gateway's own */
    const char *sandbox_node;
    const char *sandbox_decoder;
    pid_t pid_supervisor;
    pid_t pid_node;
    pid_t pid_decoder_network;
    pid_t pid_decoder_owner;
    pid_t pid_gpu;
};

/* What the calls work on. All are borrowed, and outlive it. */
struct control_parts {
    struct loop *loop;
    struct agent *agent;
    struct backup *backup;
    const struct control_facts *facts;
    /* End the gateway, soon, so that it is started again: after a restore. */
    void (*restart)(void *context);
    void *restart_context;
};

struct control *control_new(const struct control_parts *parts) MUST_USE;
void control_free(struct control **control);

/* The table, as the home's owner asks it. */
const struct api *control_api(const struct control *control) MUST_USE;
/* Serve a connection, which is taken. */
void control_attach_take(struct control *control, int fd);

#endif
