// SPDX-License-Identifier: MIT
/* The caller's end of the control socket: one question, one answer, blocking. For the command line.
 *
 * The protocol is a JSON object a line, both ways (docs/control.md):
 *   {"call": "identity.new", "params": {"label": "me"}}
 *   {"result": {...}}   or   {"error": {"code": "not found", "message": "..."}} */
#ifndef BITTERN_GATEWAY_CONTROL_CONTROL_CLIENT_H
#define BITTERN_GATEWAY_CONTROL_CONTROL_CLIENT_H

#include <jansson.h>

#include "base/compiler.h"
#include "base/fault.h"

struct control_client;

/* Connect to the control socket of a home. NULL with FAULT_NOT_FOUND when nothing runs there. */
struct control_client *control_client_connect(const char *home, struct fault *fault) MUST_USE;
void control_client_free(struct control_client **client);

/* Ask and wait. `params` (NULL for none) is taken. Returns a new reference, or NULL: the fault
 * holds the answer's code and words, or FAULT_CLOSED when the other side went away. */
json_t *control_client_call(struct control_client *client, const char *call, json_t *params,
                            struct fault *fault) MUST_USE;

#endif
