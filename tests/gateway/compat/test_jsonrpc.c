// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/compat/jsonrpc.h"

static json_t *reads(bool *is_batch, const char *text)
{
    struct fault fault = {0};
    json_t *batch = jsonrpc_read(is_batch, bytes_of_str(text), &fault);
    assert_int_equal(batch == NULL, fault.code != FAULT_NONE);
    return batch;
}

static void one_call_and_a_batch_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n_calls; /* 0: refused */
        bool is_batch;
    } rows[] = {
        {"{\"method\": \"a\"}", 1, false},
        {"[{\"method\": \"a\"}]", 1, true},
        {"[1, {}]", 2, true},
        {"[]", 0, false},
        {"", 0, false},
        {"{", 0, false},
        {"{\"a\": 1, \"a\": 2}", 0, false},
        {"\"text\"", 0, false},
        {"{\"a\": \"\xff\"}", 0, false},
        {"{\"a\": \"\\u0000\"}", 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool is_batch = false;
        json_t *batch = reads(&is_batch, rows[i].text);
        if (json_array_size(batch) != rows[i].n_calls ||
            (batch != NULL && is_batch != rows[i].is_batch)) {
            fail_msg("%s: %zu calls", rows[i].text, json_array_size(batch));
        }
        json_decref(batch);
    }
}

static void depth_and_batches_are_bounded(void **state)
{
    (void)state;
    bool is_batch;
    for (size_t n = RPC_MAX_DEPTH; n <= RPC_MAX_DEPTH + 1; n++) {
        struct buf text = {0};
        for (size_t i = 0; i < n; i++) {
            buf_append_str(&text, "[");
        }
        buf_append_str(&text, "1");
        for (size_t i = 0; i < n; i++) {
            buf_append_str(&text, "]");
        }
        json_t *batch = reads(&is_batch, buf_str(&text));
        assert_int_equal(batch != NULL, n == RPC_MAX_DEPTH);
        json_decref(batch);
        buf_clear(&text);
    }
    for (size_t n = JSONRPC_MAX_BATCH; n <= JSONRPC_MAX_BATCH + 1; n++) {
        struct buf text = {0};
        buf_append_str(&text, "[1");
        for (size_t i = 1; i < n; i++) {
            buf_append_str(&text, ",1");
        }
        buf_append_str(&text, "]");
        json_t *batch = reads(&is_batch, buf_str(&text));
        assert_int_equal(batch != NULL, n == JSONRPC_MAX_BATCH);
        json_decref(batch);
        buf_clear(&text);
    }
}

static void a_request_has_a_method(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *params; /* NULL: refused */
    } rows[] = {
        {"{\"method\": \"a\"}", "[]"},
        {"{\"method\": \"a\", \"params\": null}", "[]"},
        {"{\"method\": \"a\", \"params\": [1]}", "[1]"},
        {"{\"method\": \"a\", \"params\": {\"x\": 1}}", "{\"x\": 1}"},
        {"{\"method\": \"a\", \"params\": 1}", NULL},
        {"{\"method\": 1}", NULL},
        {"{}", NULL},
        {"7", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rpc_call call = {0};
        struct fault fault = {0};
        json_t *request = json_loads(rows[i].text, JSON_DECODE_ANY, NULL);
        bool ok = jsonrpc_take(&call, request, &fault);
        char *params = ok ? json_dumps(call.params, 0) : NULL;
        if (ok != (rows[i].params != NULL) || (ok && strcmp(params, rows[i].params) != 0)) {
            fail_msg("%s: %s", rows[i].text, ok ? params : fault.text);
        }
        free(params);
        rpc_call_clear(&call);
        json_decref(request);
    }
}

static void answers_have_the_form_of_their_version(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        const char *result;
        const char *error;
        bool is_notification;
    } rows[] = {
        {"{\"jsonrpc\": \"2.0\", \"id\": 3}", "{\"id\":3,\"jsonrpc\":\"2.0\",\"result\":1}",
         "{\"error\":{\"code\":20,\"message\":\"x\"},\"id\":3,\"jsonrpc\":\"2.0\"}", false},
        {"{\"id\": \"s\"}", "{\"error\":null,\"id\":\"s\",\"result\":1}",
         "{\"error\":{\"code\":20,\"message\":\"x\"},\"id\":\"s\",\"result\":null}", false},
        {"{\"jsonrpc\": \"2.0\"}", "{\"id\":null,\"jsonrpc\":\"2.0\",\"result\":1}",
         "{\"error\":{\"code\":20,\"message\":\"x\"},\"id\":null,\"jsonrpc\":\"2.0\"}", true},
        {"{\"jsonrpc\": \"2.0\", \"id\": null}", "{\"id\":null,\"jsonrpc\":\"2.0\",\"result\":1}",
         "{\"error\":{\"code\":20,\"message\":\"x\"},\"id\":null,\"jsonrpc\":\"2.0\"}", false},
        {"{\"jsonrpc\": \"2.0\", \"id\": [1]}", "{\"id\":null,\"jsonrpc\":\"2.0\",\"result\":1}",
         "{\"error\":{\"code\":20,\"message\":\"x\"},\"id\":null,\"jsonrpc\":\"2.0\"}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *request = json_loads(rows[i].request, 0, NULL);
        json_t *one = json_integer(1);
        json_t *result = jsonrpc_result(request, one);
        json_t *error = jsonrpc_error(request, 20, "x");
        char *result_text = json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS);
        char *error_text = json_dumps(error, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(result_text, rows[i].result);
        assert_string_equal(error_text, rows[i].error);
        assert_int_equal(jsonrpc_is_notification(request), rows[i].is_notification);
        free(result_text);
        free(error_text);
        json_decref(request);
        json_decref(one);
        json_decref(result);
        json_decref(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_and_a_batch_are_read),
        cmocka_unit_test(depth_and_batches_are_bounded),
        cmocka_unit_test(a_request_has_a_method),
        cmocka_unit_test(answers_have_the_form_of_their_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
