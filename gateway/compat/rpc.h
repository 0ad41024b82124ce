// SPDX-License-Identifier: MIT
/* A remote procedure call, whatever form it came in. */
#ifndef BITTERN_GATEWAY_COMPAT_RPC_H
#define BITTERN_GATEWAY_COMPAT_RPC_H

#include <jansson.h>

enum {
    RPC_MAX_METHOD_BYTES = 128,
    RPC_MAX_VALUES = 4096, /* in one call, containers counted */
    RPC_MAX_DEPTH = 16     /* of containers within each other */
};

/* Zero is a valid empty one. */
struct rpc_call {
    char *method;
    json_t *params; /* an array; or, from JSON alone, an object by name */
};

void rpc_call_clear(struct rpc_call *call);

#endif
