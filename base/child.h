// SPDX-License-Identifier: MIT
/* The child's side of the door to the supervisor: what bittern-node, bittern-gateway and
 * bittern-decoder do first and last.
 *
 * The supervisor starts a child with a Unix socket as descriptor CHILD_FD and the log as standard
 * error, and sends what the child needs: values, sockets, then CHILD_START. So a main reads:
 *
 *     process_init();
 *     struct child *child = child_join("node", &fault);         waits for all of it
 *     settings_from_lines(&settings, child_settings(child), &fault);
 *     int link = child_take_socket(child, CHILD_SOCKET_LINK);
 *     sandbox_enter(&status, &profile, &fault);
 *     child_attach(child, loop, &handler, app);
 *     child_report(child, CHILD_REPORT_SANDBOX, status.text);
 *     child_ready(child);
 *     loop_run(loop);
 *
 * Later the supervisor may send further sockets under a name: the other end was started again, so
 * the old one is dead (link, decoders), or a control connection came. When the supervisor ends, the
 * child does. */
#ifndef BITTERN_BASE_CHILD_H
#define BITTERN_BASE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct buf;
struct loop;
struct child;

enum { CHILD_FD = 3, CHILD_MAX_SOCKETS = 64, CHILD_JOIN_TIMEOUT_MS = 30 * 1000 };

/* Messages on the channel. A pair is NAME, a zero byte, VALUE. */
enum child_message {
    /* supervisor to child */
    CHILD_SETTINGS = 1,      /* payload: section.key=value lines */
    CHILD_VALUE = 2,         /* pair: "home", "instance" ...; also after the start */
    CHILD_SOCKET = 3,        /* payload: its name; one descriptor. Also after the start */
    CHILD_START = 4,         /* all that is needed was sent */
    CHILD_STOP = 5,          /* end cleanly, within CHILD_STOP_TIMEOUT_MS */
    CHILD_PROGRAM_ENDED = 6, /* gateway: pair of the name and "ID EXIT-CODE" */
    /* child to supervisor */
    CHILD_READY = 64,   /* serving; a second one is harmless */
    CHILD_REPORT = 65,  /* pair: a line about itself for `status` */
    CHILD_PROGRAM = 66, /* gateway: run the program under this name of the settings. Pair: the
                          name, the arguments one a line; one descriptor: its standard input */
    CHILD_PROGRAM_WATCHED = 67 /* the same, answered by CHILD_PROGRAM_ENDED. Pair: the name, and in
                                  lines the request's ID and NAME=VALUE for its environment */
};

enum { CHILD_STOP_TIMEOUT_MS = 4000 };

/* Values. */
#define CHILD_VALUE_HOME "home"         /* the child's own folder: HOME/node, HOME/gateway */
#define CHILD_VALUE_INSTANCE "instance" /* decoder: "network" or "owner" */
/* "run"; "one-shot": one command, no servers, no node; "salvage": read out a broken mail.db */
#define CHILD_VALUE_MODE "mode"
/* To the node: the router forwards this port to ours. */
#define CHILD_VALUE_EXTERNAL_PORT "external_port"
/* To the gateway, whenever they change, for `status`: "pid.supervisor", "pid.node", "pid.gateway",
 * "pid.decoder.network", "pid.decoder.owner", "pid.gpu" (0: not running now), and the sandbox
 * reports of the others: "sandbox.node", "sandbox.decoder.network", "sandbox.decoder.owner",
 * "sandbox.gpu". */
#define CHILD_VALUE_NO_GPU "no-gpu" /* to the gateway: why there will be none */

/* Sockets. */
#define CHILD_SOCKET_LINK "link"                       /* node <-> gateway */
#define CHILD_SOCKET_GATEWAY "gateway"                 /* decoder's and GPU's end */
#define CHILD_SOCKET_DECODER_NETWORK "decoder.network" /* gateway's ends */
#define CHILD_SOCKET_DECODER_OWNER "decoder.owner"
#define CHILD_SOCKET_GPU "gpu"
#define CHILD_SOCKET_CONTROL "control" /* one control connection, after the start */
#define CHILD_SOCKET_LOCK "lock"       /* holds the home's lock while it is open */
/* To the gateway: an open file, whose first line is the passphrase of its keys. Handed as such, so
 * that the passphrase itself goes through nobody else's memory. */
#define CHILD_SOCKET_PASSPHRASE "passphrase"
/* Listening sockets are called as their settings: "node.listen", "node.lan" (datagrams),
 * "imap.listen", "imap.tls", "imap.socket", "smtp.listen", "smtp.tls", "smtp.socket", "smtp.lmtp",
 * "smtp.lmtp_listen", "http.listen", "api.listen"; several of one kind share the name. */

/* Reports. */
#define CHILD_REPORT_SANDBOX "sandbox" /* sandbox_status.text */
/* From the node, about once a second: its figures, a flat JSON object with numbers and truths; for
 * `status` where no gateway runs. */
#define CHILD_REPORT_NODE "node"
/* From the gateway: kill the decoder of that name ("decoder.network", "decoder.owner"), which
 * hangs; it is started again and joined anew, without counting as a failure. "gpu" likewise, but
 * there it counts. */
#define CHILD_REPORT_RESTART "restart"
/* From the gateway: its end of the socket of that name ("link", "decoder.network", "decoder.owner")
 * has ended. A second later, unless one of the two was started again meanwhile, they are joined
 * anew: either may have let go of the other, for want of memory or room, and live on. */
#define CHILD_REPORT_REJOIN "rejoin"
/* From the GPU's process: there is nothing for it to do on this machine, and why; it ends and is
 * not started again. */
#define CHILD_REPORT_RETIRE "retire"
/* From the gateway: its user wants all of Bittern to end, as by SIGTERM. */
#define CHILD_REPORT_SHUTDOWN "shutdown"
/* Why it can't work until a person acts: the supervisor prints it and ends with exit code 1. */
#define CHILD_REPORT_PROBLEM "problem"
/* It did what it was started for, and this came of it: the supervisor ends. */
#define CHILD_REPORT_RESULT "result"

struct child_handler {
    /* A further socket; `fd` is the callee's. */
    void (*on_socket)(void *context, const char *name, int fd);
    /* A value that was set or changed; child_value answers with it from now on. May be NULL. */
    void (*on_value)(void *context, const char *name, const char *value);
    /* A program asked for by child_run_watched has ended. May be NULL. */
    void (*on_program_ended)(void *context, const char *name, int64_t id, int exit_code);
    /* End cleanly: stop serving, flush, loop_stop. Called once, also when the supervisor died. */
    void (*on_stop)(void *context);
};

/* Take descriptor CHILD_FD and wait for everything up to CHILD_START. Log lines get `name`. NULL
 * when there is no supervisor: the program was started by hand. */
struct child *child_join(const char *name, struct fault *fault) MUST_USE;
/* The same over another descriptor, which is taken: for tests. */
struct child *child_join_fd_take(int fd, const char *name, struct fault *fault) MUST_USE;
void child_free(struct child **child);

/* The lines for settings_from_lines. */
struct bytes child_settings(const struct child *child) MUST_USE;
/* NULL when it was not sent. */
const char *child_value(const struct child *child, const char *name) MUST_USE;
/* The next socket of that name, the caller's from now on; -1 when there is none (left). Those that
 * nobody took are closed by child_free. */
int child_take_socket(struct child *child, const char *name) MUST_USE;

/* From now on in the loop. `handler` must outlive the child. */
void child_attach(struct child *child, struct loop *loop, const struct child_handler *handler,
                  void *context);
void child_ready(struct child *child);
void child_report(struct child *child, const char *name, const char *value);
/* Ask for a program of the settings, such as `[mail] deliver`, with `stdin_fd` (kept by the caller)
 * as its standard input; -1: none. */
void child_run_program(struct child *child, const char *name, const char *arguments, int stdin_fd);

/* The same, told how it ends: on_program_ended gets `id` and its exit code, or EX_TEMPFAIL (75)
 * where it could not be run, was killed, or ran too long. `environment`: NAME=VALUE, one a line. */
void child_run_watched(struct child *child, const char *name, int64_t id, const char *environment,
                       int stdin_fd);

/* ---- For both sides: a NAME and its VALUE as one payload. ---- */

enum { CHILD_MAX_NAME_BYTES = 64 };

void child_pair_write(struct buf *out, const char *name, const char *value);
/* Copies of the parts, the caller's to free. False (and nothing to free) for anything but a short
 * name of printable characters, a zero byte and text without one. */
bool child_pair_read(struct bytes payload, char **out_name, char **out_value) MUST_USE;

#endif
