// SPDX-License-Identifier: MIT
/* What the two halves of the supervisor share: a child's life (supervisor_kids.c), and the loop
 * that hears of it (supervisor.c). */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_INTERNAL_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_INTERNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/timer.h"
#include "gateway/cli/supervisor.h"
#include "gateway/cli/supervisor_programs.h"
#include "gateway/cli/supervisor_status.h"
#include "gateway/cli/supervisor_upnp.h"

struct channel;
struct channel_message;
struct listener;
struct loop;

enum kid_name { NODE, DECODER_NETWORK, DECODER_OWNER, GPU, GATEWAY, N_KIDS };
enum { N_JOINTS = 4 }; /* the gateway's, to each of the others */

/* What differs between the children. */
struct kid_kind {
    const char *name; /* as the values "pid.NAME" and "sandbox.NAME" have it */
    const char *program;
    const char *folder;      /* in the home, or NULL */
    const char *instance;    /* or NULL */
    const char *sections[4]; /* of the settings it gets; none: all */
    const char *sockets;     /* listening sockets: those whose names begin so; NULL: the rest */
    bool optional;           /* the rest does without it */
};
extern const struct kid_kind kid_kinds[N_KIDS];

struct kid {
    struct supervisor *supervisor;
    const struct kid_kind *kind;
    bool enabled;
    char *path;
    pid_t pid; /* 0: does not run */
    int end_status;
    struct channel *channel;
    bool stop_sent;
    bool ready;
    int64_t launched_ms;
    int64_t backoff_ms;
    struct timer restart;
    char *sandbox; /* what it reported */
    char *retired; /* why it is not started any more; NULL: it is */
};

struct supervisor {
    const struct supervisor_options *options;
    struct loop *loop;
    struct kid kids[N_KIDS];
    int lock_fd;
    int *listener_fds; /* as options->listeners */
    struct listener *control;
    char *control_path;
    struct askers askers;
    char *node_report; /* plain; NULL: none yet */
    struct programs programs;
    struct upnp_keeper upnp;
    struct timer kill_timer;
    struct timer rejoin_timer;
    bool is_lost[N_JOINTS]; /* to be joined anew */
    bool stopping;
    int exit_code;
};

/* ---- Telling; a child that does not run is passed over. ---- */

bool kid_is_alive(const struct kid *kid) MUST_USE;
void kid_send(struct kid *kid, uint16_t type, struct bytes payload, int fd);
void kid_send_socket(struct kid *kid, const char *name, int fd);
void kid_send_value(struct kid *kid, const char *name, const char *value);
/* The value "WHAT.NAME": the gateway answers `status` for all. */
void supervisor_tell_gateway(struct supervisor *supervisor, const char *what, const char *name,
                             const char *value);
void supervisor_tell_pid(struct supervisor *supervisor, const char *name, pid_t pid);
/* For struct programs. */
void supervisor_tell_program_ended(void *context, const char *name, int64_t id, int exit_code);
void supervisor_tell_external_port(struct supervisor *supervisor, uint16_t port);

/* ---- Starting. ---- */

bool kids_start_all(struct supervisor *supervisor, struct fault *fault) MUST_USE;
/* After a while, longer each time; the milliseconds until then. */
int64_t kid_plan_restart(struct kid *kid);
/* Now: a timer's function, of a struct kid. */
void kid_restart(void *context);
/* The socket that the gateway calls so has ended at its end. */
void kids_plan_rejoin(struct supervisor *supervisor, const char *name);
/* A timer's function, of the supervisor. */
void kids_rejoin(void *context);
/* An optional one that there is nothing to do for. */
void kid_retire(struct kid *kid, const char *why);

/* ---- What comes from a child, for its channel (supervisor.c). ---- */

void kid_on_message(void *context, struct channel_message *message);
void kid_on_closed(void *context, const struct fault *fault);

#endif
