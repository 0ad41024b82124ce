// SPDX-License-Identifier: MIT
/* JSON-RPC: version 2.0 (jsonrpc.org) and 1.0, one call or a batch. */
#ifndef BITTERN_GATEWAY_COMPAT_JSONRPC_H
#define BITTERN_GATEWAY_COMPAT_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/compat/rpc.h"

enum { JSONRPC_MAX_BATCH = 50 };

/* Codes of its own; a command's error keeps its own code. */
enum { JSONRPC_PARSE_ERROR = -32700, JSONRPC_INVALID_REQUEST = -32600 };

/* The body as an array of requests (one of one for a single call, *out_is_batch false), a new
 * reference; NULL: not JSON, empty, too deep, with too many values, or more than JSONRPC_MAX_BATCH.
 */
json_t *jsonrpc_read(bool *out_is_batch, struct bytes body, struct fault *fault) MUST_USE;
/* One request of it. False: it is none. */
bool jsonrpc_take(struct rpc_call *out, const json_t *request, struct fault *fault) MUST_USE;
/* Whether nobody wants its answer (2.0 without an id). */
bool jsonrpc_is_notification(const json_t *request) MUST_USE;
/* Its answer, a new reference; `request` NULL: it could not be read. */
json_t *jsonrpc_result(const json_t *request, json_t *result) MUST_USE;
json_t *jsonrpc_error(const json_t *request, int code, const char *text) MUST_USE;

#endif
