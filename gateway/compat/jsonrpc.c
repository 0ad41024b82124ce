// SPDX-License-Identifier: MIT
#include "gateway/compat/jsonrpc.h"

#include <string.h>

#include "base/mem.h"

/* Count values as deep as may be; false above a bound of rpc.h. */
static bool is_within_bounds(const json_t *value, size_t depth, size_t *n_values)
{
    bool ok = ++*n_values <= RPC_MAX_VALUES * (size_t)JSONRPC_MAX_BATCH && depth <= RPC_MAX_DEPTH;
    for (size_t i = 0; ok && i < json_array_size(value); i++) {
        ok = is_within_bounds(json_array_get(value, i), depth + 1, n_values);
    }
    if (ok && json_is_object(value)) {
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            ok = ok && is_within_bounds(member, depth + 1, n_values);
        }
    }
    return ok;
}

json_t *jsonrpc_read(bool *out_is_batch, struct bytes body, struct fault *fault)
{
    json_error_t error;
    size_t n_values = 0;
    json_t *root = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        (void)fault_set(fault, FAULT_INVALID, "not JSON: %.120s", error.text);
        return NULL;
    }
    *out_is_batch = json_is_array(root);
    if (!is_within_bounds(root, 0, &n_values) || json_array_size(root) > JSONRPC_MAX_BATCH ||
        (*out_is_batch && json_array_size(root) == 0)) {
        (void)fault_set(fault, FAULT_LIMIT, "an empty batch, or more or deeper than is taken");
        json_decref(root);
        return NULL;
    }
    return *out_is_batch ? root : json_pack("[o]", root);
}

bool jsonrpc_take(struct rpc_call *out, const json_t *request, struct fault *fault)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    json_t *params = json_object_get(request, "params");
    bool has_params = json_is_array(params) || json_is_object(params);
    if (method == NULL || strlen(method) > RPC_MAX_METHOD_BYTES ||
        (params != NULL && !has_params && !json_is_null(params))) {
        return fault_set(fault, FAULT_INVALID, "a request has a method and a list of parameters");
    }
    out->method = xstrdup(method);
    out->params = has_params ? json_incref(params) : json_array();
    return true;
}

static bool is_version_2(const json_t *request)
{
    const char *version = json_string_value(json_object_get(request, "jsonrpc"));
    return request == NULL || (version != NULL && strcmp(version, "2.0") == 0);
}

bool jsonrpc_is_notification(const json_t *request)
{
    return is_version_2(request) && json_is_object(request) &&
           json_object_get(request, "id") == NULL;
}

/* What a request's answer has beside the result; an id that is none is told as null. */
static json_t *answer_to(const json_t *request)
{
    json_t *id = json_object_get(request, "id");
    bool is_id = json_is_string(id) || json_is_number(id);
    json_t *answer = json_object();
    if (is_version_2(request)) {
        json_object_set_new(answer, "jsonrpc", json_string("2.0"));
    }
    json_object_set_new(answer, "id", is_id ? json_incref(id) : json_null());
    return answer;
}

json_t *jsonrpc_result(const json_t *request, json_t *result)
{
    json_t *answer = answer_to(request);
    json_object_set(answer, "result", result);
    if (!is_version_2(request)) {
        json_object_set_new(answer, "error", json_null());
    }
    return answer;
}

json_t *jsonrpc_error(const json_t *request, int code, const char *text)
{
    json_t *answer = answer_to(request);
    json_object_set_new(answer, "error", json_pack("{s:i, s:s}", "code", code, "message", text));
    if (!is_version_2(request)) {
        json_object_set_new(answer, "result", json_null());
    }
    return answer;
}
