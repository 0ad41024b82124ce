// SPDX-License-Identifier: MIT
/* A call in either form: what is read keeps its bounds, and can be written as an answer that
 * XML-RPC reads again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "gateway/compat/jsonrpc.h"
#include "gateway/compat/xmlrpc_read.h"
#include "gateway/compat/xmlrpc_write.h"

static size_t depth_of(const json_t *value)
{
    size_t deepest = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        size_t depth = depth_of(json_array_get(value, i));
        deepest = depth > deepest ? depth : deepest;
    }
    if (json_is_object(value)) {
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            size_t depth = depth_of(member);
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return deepest + (json_is_array(value) || json_is_object(value) ? 1 : 0);
}

/* An answer is a call but for its outermost elements. */
static void read_again(const json_t *params)
{
    static const char prefix[] = "<?xml version='1.0'?>\n<methodResponse>\n";
    static const char suffix[] = "</methodResponse>\n";
    struct buf answer = {0};
    struct buf call = {0};
    struct rpc_call again = {0};
    struct fault fault = {0};
    xmlrpc_write_result(&answer, params);
    FUZZ_CHECK(answer.len > sizeof(prefix) + sizeof(suffix));
    buf_append_str(&call, "<methodCall><methodName>m</methodName>");
    buf_append_bytes(&call, bytes_slice(buf_view(&answer), sizeof(prefix) - 1,
                                        answer.len - sizeof(prefix) - sizeof(suffix) + 2));
    buf_append_str(&call, "</methodCall>");
    bool ok = xmlrpc_read(&again, buf_view(&call), &fault);
    FUZZ_CHECK(ok || fault.code == FAULT_LIMIT); /* one deeper than it was */
    rpc_call_clear(&again);
    buf_clear(&answer);
    buf_clear(&call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_call call = {0};
    struct fault fault = {0};
    bool is_batch;
    if (xmlrpc_read(&call, (struct bytes){data, size}, &fault)) {
        FUZZ_CHECK(strlen(call.method) <= RPC_MAX_METHOD_BYTES && call.method[0] != '\0');
        FUZZ_CHECK(json_array_size(call.params) <= RPC_MAX_VALUES);
        FUZZ_CHECK(depth_of(call.params) <= RPC_MAX_DEPTH + 1);
        read_again(call.params);
    } else {
        FUZZ_CHECK(call.method == NULL && call.params == NULL && fault.code != FAULT_NONE);
    }
    rpc_call_clear(&call);
    json_t *batch = jsonrpc_read(&is_batch, (struct bytes){data, size}, &fault);
    for (size_t i = 0; i < json_array_size(batch); i++) {
        if (jsonrpc_take(&call, json_array_get(batch, i), &fault)) {
            FUZZ_CHECK(strlen(call.method) <= RPC_MAX_METHOD_BYTES);
        }
        rpc_call_clear(&call);
    }
    json_decref(batch);
    return 0;
}
