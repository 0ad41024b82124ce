// SPDX-License-Identifier: MIT
/* The supervisor: `bittern run`, `bittern node`, and the gateway of a single command.
 *
 * It checks and locks the home folder, binds the listening sockets, starts the children and joins
 * them by socket pairs, restarts one that dies (and gives the others a fresh end), keeps the log
 * and control.sock, and ends them all. It reads nothing that a stranger wrote: what it knows of the
 * settings comes from its caller as strings. */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

/* A listening socket; bound before any child starts and kept while they restart. */
struct supervisor_listener {
    const char *name;      /* as base/child.h lists them: "node.listen", "imap.tls" ... */
    const char *address;   /* "127.0.0.1:1143"; or NULL and unix_path */
    bool datagrams;        /* UDP, for broadcasts: not listened on */
    const char *unix_path; /* its folder is made (0700) if it is not there */
    mode_t mode;
    const char *group; /* NULL or "": unchanged */
};

/* A program that the settings name, such as `[mail] deliver`; run on a child's request. */
struct supervisor_program {
    const char *name;
    const char *const *argv; /* its path, absolute, and its fixed arguments; NULL behind the last */
};

struct supervisor_options {
    const char *home;
    const char *program;   /* argv[0]: the children lie beside it or in ../libexec/bittern */
    struct bytes settings; /* section.key=value lines, handed on as they are */
    const struct supervisor_listener *listeners;
    size_t n_listeners;
    const struct supervisor_program *programs;
    size_t n_programs;
    bool with_gateway; /* the gateway and its two decoders */
    bool with_node;
    bool upnp;              /* have the router forward the node's port */
    bool one_shot;          /* the gateway serves one command: no listeners, no node */
    char **salvage;         /* the gateway reads out a broken mail.db, and this gets its report, the
                             * caller's; NULL: as always */
    const char *passphrase; /* the file with that of the gateway's keys; NULL: none */
    const char *no_gpu;     /* why no graphics processor is to be used; NULL: start its process */
    int log_fd; /* the children's standard error; the caller's own, STDERR_FILENO will do */
};

enum {
    SUPERVISOR_EXIT_OK = 0,
    SUPERVISOR_EXIT_FAILED = 1 /* a child reported that a person must act; it is in the log */
};

/* Runs until SIGTERM or SIGINT and returns an exit code. -1, with the fault, when nothing was
 * started: a bad home, another Bittern on it (FAULT_BUSY), a taken port, a missing program. */
int supervisor_run(const struct supervisor_options *options, struct fault *fault) MUST_USE;

#endif
