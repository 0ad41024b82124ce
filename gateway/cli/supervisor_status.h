// SPDX-License-Identifier: MIT
/* What the supervisor answers on control.sock when there is no gateway to answer: `status`, of what
 * it knows itself and what the node reports; to all else, that the gateway is not there.
 *
 * The form is that of the control socket (docs/control.md): a JSON object a line. What the
 * node reports is shown only when it is plain names and numbers, so that nothing else of its making
 * gets into the answer. */
#ifndef BITTERN_GATEWAY_CLI_SUPERVISOR_STATUS_H
#define BITTERN_GATEWAY_CLI_SUPERVISOR_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/list.h"

struct buf;
struct loop;

enum { STATUS_MAX_REQUEST_BYTES = 4096, STATUS_IDLE_MS = 5 * 1000 };

/* What is taken of the node's report. */
struct node_facts {
    uint64_t peers_in;
    uint64_t peers_out;
    uint64_t was_reached; /* 0 or 1 */
};

/* Read them from the node's report, a flat JSON object. What is not there, or is neither a number
 * nor true, is 0. */
struct node_facts node_facts_read(const char *report) MUST_USE;
/* Whether the report is a flat JSON object of nothing but plain names, numbers, truths and colours,
 * so that it may be shown as it is. */
bool node_report_is_plain(const char *report) MUST_USE;

struct status_view {
    const char *node_report; /* plain; NULL: none yet */
    bool has_gateway;        /* there should be one, but it is down */
    bool ready;
    pid_t pid_node;
    pid_t pid_decoder_network;
    pid_t pid_decoder_owner;
    const char *sandbox_node; /* NULL: not told yet */
};

/* The answer to one request line. */
void status_answer(struct buf *out, struct bytes request, const struct status_view *view);

/* The connections of those who ask. */
struct askers {
    struct loop *loop;
    struct list_node list;
    void (*view)(void *context, struct status_view *out);
    void *context;
};

/* `view` tells the state at the time of each question. */
void askers_init(struct askers *askers, struct loop *loop,
                 void (*view)(void *context, struct status_view *out), void *context);
/* Answer on this connection, which is taken, until it ends, idles, or asks too long a question. */
void askers_take(struct askers *askers, int fd);
void askers_clear(struct askers *askers);

#endif
