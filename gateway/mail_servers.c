// SPDX-License-Identifier: MIT
#include "gateway/mail_servers.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/listener.h"
#include "base/mem.h"
#include "base/tls.h"
#include "config/paths.h"
#include "config/settings.h"
#include "gateway/agent/agent.h"
#include "gateway/control/control.h"
#include "gateway/store/store.h"
#include "mailproto/imap/imap_session.h"
#include "mailproto/serve/serve.h"
#include "mailproto/smtp/smtp_session.h"

/* A server's kind: how its listening sockets are called, and who speaks behind them. */
enum server_name { SERVER_IMAP, SERVER_SMTP, SERVER_SMTP_TRUSTED, SERVER_LMTP, N_SERVERS };

struct server {
    struct mail_servers *servers;
    struct serve *serve;
    bool is_down;
};

struct mail_servers {
    struct mail_servers_parts parts;
    struct tls_context *tls;
    char fingerprint[3 * TLS_FINGERPRINT_BYTES];
    struct imap_service *imap;
    struct smtp_service *smtp[AGENT_N_DOORS];
    struct server servers[N_SERVERS];
    void (*done)(void *context); /* of shutting down */
    void *context;
};

/* Made once; a client that trusted it does so after every restart. */
static bool open_certificate(struct mail_servers *servers, struct fault *fault)
{
    struct stat status;
    uint8_t digest[TLS_FINGERPRINT_BYTES];
    char *path = paths_in(servers->parts.folder, "tls.pem");
    bool ok = stat(path, &status) == 0 || tls_certificate_make(path, fault);
    servers->tls = ok ? tls_context_new_server(path, fault) : NULL;
    free(path);
    if (servers->tls == NULL) {
        return fault_wrap(fault, "the mail servers' certificate");
    }
    tls_context_fingerprint(servers->tls, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        (void)snprintf(servers->fingerprint + 3 * i, sizeof(servers->fingerprint) - 3 * i, "%02X%s",
                       digest[i], i + 1 < sizeof(digest) ? ":" : "");
    }
    servers->parts.facts->fingerprint = servers->fingerprint;
    return true;
}

static void open_services(struct mail_servers *servers)
{
    const struct mail_servers_parts *parts = &servers->parts;
    const struct imap_config imap = {
        .ops = store_mailbox_ops(),
        .store = parts->store,
        .judge = parts->judge,
        .limits = imap_limits_default(),
    };
    servers->imap = imap_service_new(&imap);
    for (size_t i = 0; i < AGENT_N_DOORS; i++) {
        struct smtp_config config = {
            .host_name = "localhost",
            .is_lmtp = i == AGENT_DOOR_LMTP,
            .trusts_unix = i != AGENT_DOOR_SMTP,
            .limits = smtp_limits_default(),
            .handler = agent_door_handler(parts->agent, (enum agent_door)i),
            .judge = parts->judge,
        };
        config.limits.max_message_bytes = parts->settings->smtp.max_message_bytes;
        servers->smtp[i] = smtp_service_new(&config);
        agent_set_door_service(parts->agent, (enum agent_door)i, servers->smtp[i]);
    }
}

static void open_servers(struct mail_servers *servers)
{
    void *const services[N_SERVERS] = {
        [SERVER_IMAP] = servers->imap,
        [SERVER_SMTP] = servers->smtp[AGENT_DOOR_SMTP],
        [SERVER_SMTP_TRUSTED] = servers->smtp[AGENT_DOOR_SMTP_TRUSTED],
        [SERVER_LMTP] = servers->smtp[AGENT_DOOR_LMTP],
    };
    for (size_t i = 0; i < N_SERVERS; i++) {
        bool is_imap = i == SERVER_IMAP;
        const struct serve_limits limits = {
            .max_sessions = is_imap ? servers->parts.settings->imap.max_sessions : 0};
        servers->servers[i].servers = servers;
        servers->servers[i].serve =
            serve_new(servers->parts.loop, is_imap ? &imap_protocol : &smtp_protocol, services[i],
                      servers->tls, limits);
    }
}

/* Which listening sockets belong to which server; the port is told by `status`. */
static const struct listening {
    const char *name;
    enum server_name server;
    enum serve_socket kind;
    size_t port_offset; /* in struct control_facts; 0: none */
} listenings[] = {
    {"imap.listen", SERVER_IMAP, SERVE_SOCKET_TCP, offsetof(struct control_facts, imap_port)},
    {"imap.tls", SERVER_IMAP, SERVE_SOCKET_TLS, offsetof(struct control_facts, imap_tls_port)},
    {"imap.socket", SERVER_IMAP, SERVE_SOCKET_UNIX, 0},
    {"smtp.listen", SERVER_SMTP, SERVE_SOCKET_TCP, offsetof(struct control_facts, smtp_port)},
    {"smtp.tls", SERVER_SMTP, SERVE_SOCKET_TLS, offsetof(struct control_facts, smtp_tls_port)},
    {"smtp.socket", SERVER_SMTP_TRUSTED, SERVE_SOCKET_UNIX, 0},
    {"smtp.lmtp", SERVER_LMTP, SERVE_SOCKET_UNIX, 0},
    {"smtp.lmtp_listen", SERVER_LMTP, SERVE_SOCKET_TCP, offsetof(struct control_facts, lmtp_port)},
};

static bool listen_all(struct mail_servers *servers, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(listenings); i++) {
        const struct listening *row = &listenings[i];
        int fd;
        while ((fd = child_take_socket(servers->parts.child, row->name)) >= 0) {
            uint16_t *port = (uint16_t *)(void *)((char *)servers->parts.facts + row->port_offset);
            if (row->port_offset != 0 && *port == 0) {
                *port = listener_port(fd);
            }
            if (!serve_listen_take(servers->servers[row->server].serve, fd, row->kind, fault)) {
                return fault_wrap(fault, "%s", row->name);
            }
        }
    }
    return true;
}

struct mail_servers *mail_servers_new(const struct mail_servers_parts *parts, struct fault *fault)
{
    struct mail_servers *servers = xcalloc(1, sizeof(*servers));
    servers->parts = *parts;
    if (open_certificate(servers, fault)) {
        open_services(servers);
        open_servers(servers);
        if (listen_all(servers, fault)) {
            return servers;
        }
    }
    mail_servers_close(servers);
    mail_servers_free(&servers);
    return NULL;
}

static void server_down(void *context)
{
    struct server *server = context;
    struct mail_servers *servers = server->servers;
    server->is_down = true;
    for (size_t i = 0; i < N_SERVERS; i++) {
        if (!servers->servers[i].is_down) {
            return;
        }
    }
    servers->done(servers->context);
}

void mail_servers_shut_down(struct mail_servers *servers, void (*done)(void *context),
                            void *context)
{
    servers->done = done;
    servers->context = context;
    for (size_t i = 0; i < N_SERVERS; i++) {
        serve_shut_down(servers->servers[i].serve, server_down, &servers->servers[i]);
    }
}

void mail_servers_close(struct mail_servers *servers)
{
    for (size_t i = 0; i < N_SERVERS; i++) {
        serve_free(&servers->servers[i].serve);
    }
}

void mail_servers_free(struct mail_servers **servers)
{
    if (*servers == NULL) {
        return;
    }
    imap_service_free(&(*servers)->imap);
    for (size_t i = 0; i < AGENT_N_DOORS; i++) {
        smtp_service_free(&(*servers)->smtp[i]);
    }
    tls_context_free(&(*servers)->tls);
    free(*servers);
    *servers = NULL;
}
