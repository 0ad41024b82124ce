// SPDX-License-Identifier: MIT
/* The mail servers of the gateway: IMAP, submission, LMTP, each on the sockets that the supervisor
 * bound for it, over the store and the agent. */
#ifndef BITTERN_GATEWAY_MAIL_SERVERS_H
#define BITTERN_GATEWAY_MAIL_SERVERS_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"

struct agent;
struct child;
struct control_facts;
struct loop;
struct mail_servers;
struct mail_store;
struct sasl_judge;
struct settings;

/* All are borrowed, and outlive the servers. */
struct mail_servers_parts {
    struct loop *loop;
    struct child *child; /* that has the listening sockets */
    struct agent *agent;
    struct mail_store *store;
    const struct sasl_judge *judge; /* of all logins */
    const struct settings *settings;
    const char *folder;          /* HOME/gateway, where the certificate lies */
    struct control_facts *facts; /* gets ports and fingerprint */
};

/* Open for clients. NULL with the fault: a certificate that can't be read, a socket that can't be
 * served. */
struct mail_servers *mail_servers_new(const struct mail_servers_parts *parts,
                                      struct fault *fault) MUST_USE;
/* No new clients; those that are there are told, and `done` is called when all have gone. */
void mail_servers_shut_down(struct mail_servers *servers, void (*done)(void *context),
                            void *context);
/* Drop all clients. The services go on, for what the agent may still answer. */
void mail_servers_close(struct mail_servers *servers);
/* After the agent has stopped. */
void mail_servers_free(struct mail_servers **servers);

#endif
