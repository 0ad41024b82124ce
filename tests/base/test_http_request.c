// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/http_request.h"
#include "base/mem.h"

#define HOST "Host: localhost\r\n"

static enum parse_result parse(struct http_request *out, size_t *out_used, const char *text,
                               enum http_status *out_status)
{
    return http_request_parse(out, out_used, bytes_of_str(text), out_status);
}

static void assert_text(struct bytes bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.len);
}

static void a_request_comes_apart(void **state)
{
    static const char head[] =
        "POST /a/b?c=d&e=/ HTTP/1.1\r\nHost: [::1]:80\r\ncontent-length: 5\r\n"
        "X-Empty:\r\nX-Spaces: \t two words \r\nConnection: Close\r\n\r\n";
    struct http_request request;
    size_t used;
    enum http_status status;
    (void)state;

    char *text = xasprintf("%shello", head);
    assert_int_equal(parse(&request, &used, text, &status), PARSE_DONE);

    assert_int_equal(used, sizeof head - 1);
    assert_int_equal(request.method, HTTP_POST);
    assert_text(request.path, "/a/b");
    assert_text(request.query, "c=d&e=/");
    assert_text(request.host, "[::1]:80");
    assert_int_equal(request.content_len, 5);
    assert_false(request.keep_alive);
    assert_text(http_field(&request, "x-spaces"), "two words");
    assert_true(http_has_field(&request, "X-EMPTY"));
    assert_int_equal(http_field(&request, "X-Empty").len, 0);
    assert_false(http_has_field(&request, "X-Other"));
    free(text);
}

static void a_head_that_is_cut_anywhere_waits_for_more(void **state)
{
    static const char head[] = "GET / HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n";
    struct http_request request;
    size_t used;
    enum http_status status;
    (void)state;

    for (size_t len = 0; len < sizeof head - 1; len++) {
        uint8_t *cut = xmemdup(head, len + 1);
        cut = xreallocarray(cut, len == 0 ? 1 : len, 1);
        assert_int_equal(http_request_parse(&request, &used, (struct bytes){cut, len}, &status),
                         PARSE_MORE);
        free(cut);
    }
    assert_int_equal(parse(&request, &used, head, &status), PARSE_DONE);
}

static const struct refusal {
    const char *what;
    const char *head;
    enum http_status status;
} refusals[] = {
    {"no version", "GET /\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n" HOST "\r\n", HTTP_BAD_VERSION},
    {"HTTP/2", "PRI / HTTP/2.0\r\n" HOST "\r\n", HTTP_BAD_VERSION},
    {"words behind the version", "GET / HTTP/1.1 x\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"a space in front", " GET / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"an empty line in front", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"an absolute target", "GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"CONNECT", "CONNECT localhost:25 HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"an asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"a control character in the target", "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"a byte above ASCII in the target", "GET /\xc3 HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"a method that is no token", "G(T / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"a bare LF", "GET / HTTP/1.1\nHost: localhost\r\n\r\n", HTTP_BAD_REQUEST},
    {"a bare LF later", "GET / HTTP/1.1\r\n" HOST "A: b\nC: d\r\n\r\n", HTTP_BAD_REQUEST},
    {"a bare CR", "GET / HTTP/1.1\r\n" HOST "A: b\rC: d\r\n\r\n", HTTP_BAD_REQUEST},
    {"a folded line", "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", HTTP_BAD_REQUEST},
    {"a space before the colon", "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", HTTP_BAD_REQUEST},
    {"a line without a colon", "GET / HTTP/1.1\r\n" HOST "A\r\n\r\n", HTTP_BAD_REQUEST},
    {"a field without a name", "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", HTTP_BAD_REQUEST},
    {"a control character in a value", "GET / HTTP/1.1\r\n" HOST "A: \x08\r\n\r\n",
     HTTP_BAD_REQUEST},
    {"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", HTTP_BAD_REQUEST},
    {"two Hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", HTTP_BAD_REQUEST},
    {"two lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
     HTTP_BAD_REQUEST},
    {"a length with a sign", "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n",
     HTTP_BAD_REQUEST},
    {"a list of lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n",
     HTTP_BAD_REQUEST},
    {"no length", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", HTTP_BAD_REQUEST},
    {"a length above 63 bits",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n", HTTP_BAD_REQUEST},
    {"a transfer coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
     HTTP_NOT_IMPLEMENTED},
    {"a coding beside a length",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: identity\r\n\r\n",
     HTTP_NOT_IMPLEMENTED},
};

static void what_is_not_strictly_http_is_refused(void **state)
{
    struct http_request request;
    size_t used;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        enum http_status status = HTTP_OK;
        enum parse_result result = parse(&request, &used, refusals[i].head, &status);
        if (result != PARSE_BAD || status != refusals[i].status) {
            fail_msg("%s: result %d, status %d", refusals[i].what, (int)result, (int)status);
        }
    }
}

/* A head of exactly `len` bytes. */
static enum parse_result parse_of_len(size_t len, enum http_status *out_status)
{
    static const char front[] = "GET / HTTP/1.1\r\n" HOST "A: ";
    struct buf head = {0};
    struct http_request request;
    size_t used;
    buf_append_str(&head, front);
    while (head.len < len - 4) {
        buf_append_byte(&head, 'a');
    }
    buf_append_str(&head, "\r\n\r\n");
    assert_int_equal(head.len, len);
    enum parse_result result = http_request_parse(&request, &used, buf_view(&head), out_status);
    buf_clear(&head);
    return result;
}

static void a_head_has_a_longest_length(void **state)
{
    enum http_status status = HTTP_OK;
    (void)state;

    assert_int_equal(parse_of_len(HTTP_MAX_HEAD_BYTES - 1, &status), PARSE_DONE);
    assert_int_equal(parse_of_len(HTTP_MAX_HEAD_BYTES, &status), PARSE_DONE);
    assert_int_equal(parse_of_len(HTTP_MAX_HEAD_BYTES + 1, &status), PARSE_BAD);
    assert_int_equal(status, HTTP_HEAD_TOO_LARGE);
}

static enum parse_result parse_n_fields(size_t n, enum http_status *out_status)
{
    struct buf head = {0};
    struct http_request request;
    size_t used;
    buf_append_str(&head, "GET / HTTP/1.1\r\n" HOST);
    for (size_t i = 1; i < n; i++) {
        buf_append_str(&head, "A: b\r\n");
    }
    buf_append_str(&head, "\r\n");
    enum parse_result result = http_request_parse(&request, &used, buf_view(&head), out_status);
    buf_clear(&head);
    return result;
}

static void a_head_has_a_greatest_number_of_fields(void **state)
{
    enum http_status status = HTTP_OK;
    (void)state;

    assert_int_equal(parse_n_fields(HTTP_MAX_FIELDS - 1, &status), PARSE_DONE);
    assert_int_equal(parse_n_fields(HTTP_MAX_FIELDS, &status), PARSE_DONE);
    assert_int_equal(parse_n_fields(HTTP_MAX_FIELDS + 1, &status), PARSE_BAD);
    assert_int_equal(status, HTTP_HEAD_TOO_LARGE);
}

static const struct host_case {
    const char *host;
    const char *names;
    bool is_ours;
} host_cases[] = {
    {"localhost", NULL, true},
    {"LocalHost:8445", "", true},
    {"127.0.0.1", NULL, true},
    {"127.0.0.1:8445", NULL, true},
    {"192.168.1.2:80", NULL, true},
    {"[::1]", NULL, true},
    {"[::1]:8445", NULL, true},
    {"", NULL, false},
    {":80", NULL, false},
    {"localhost:", NULL, false},
    {"localhost:http", NULL, false},
    {"localhost:65536", NULL, false},
    {"localhost:65535", NULL, true},
    {"[::1", NULL, false},
    {"[::1]8445", NULL, false},
    {"[]", NULL, false},
    {"127.0.0.1.example.org", NULL, false},
    {"localhost.example.org", NULL, false},
    {"evil.example", NULL, false},
    {"evil.example", "good.example", false},
    {"good.example:1", "other, Good.Example ", true},
    {"good", "good.example", false},
    {"a,b", "a,b", false},
    {"", ",,", false},
};

static void only_our_own_names_are_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(host_cases); i++) {
        const struct host_case *row = &host_cases[i];
        if (http_host_is_ours(bytes_of_str(row->host), row->names) != row->is_ours) {
            fail_msg("Host: %s", row->host);
        }
    }
}

static void cookies_are_found_by_their_whole_name(void **state)
{
    static const struct {
        const char *cookies;
        const char *value;
    } cases[] = {{"a=1", "1"},      {"b=2; a=1", "1"},   {"b=2;a=1;c=3", "1"}, {"aa=2; a=1", "1"},
                 {"a=1; a=2", "1"}, {" a=1 ; b=2", "1"}, {"a==1=", "=1="},     {"a=", ""},
                 {"aa=1", ""},      {"A=1", ""},         {"ba=1", ""},         {"a", ""},
                 {"", ""},          {";;;", ""},         {"=1", ""},           {"b=a=1", ""}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = xasprintf("GET / HTTP/1.1\r\n" HOST "Cookie: %s\r\n\r\n", cases[i].cookies);
        struct http_request request;
        size_t used;
        enum http_status status;
        assert_int_equal(parse(&request, &used, text, &status), PARSE_DONE);
        assert_text(http_cookie(&request, "a"), cases[i].value);
        free(text);
    }
}

static void a_basic_login_has_a_name_and_a_password(void **state)
{
    static const struct {
        const char *field;
        const char *user; /* NULL: it is none */
        const char *password;
    } cases[] = {{"Basic bWU6c2VjcmV0", "me", "secret"},
                 {"bAsIc bWU6YTpi", "me", "a:b"},
                 {"Basic Og==", "", ""},
                 {"Basic bWU6", "me", ""},
                 {"Basic bWU=", NULL, NULL},
                 {"Basic", NULL, NULL},
                 {"Basic bWU6c2VjcmV", NULL, NULL},
                 {"Basic !", NULL, NULL},
                 {"Bearer bWU6c2VjcmV0", NULL, NULL},
                 {"BasicbWU6c2VjcmV0", NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text =
            xasprintf("GET / HTTP/1.1\r\n" HOST "Authorization: %s\r\n\r\n", cases[i].field);
        struct http_request request;
        size_t used;
        enum http_status status;
        struct buf pair = {0};
        struct bytes user;
        struct bytes password;
        assert_int_equal(parse(&request, &used, text, &status), PARSE_DONE);
        bool found = http_basic_login(&request, &pair, &user, &password);
        assert_int_equal(found, cases[i].user != NULL);
        if (found) {
            assert_text(user, cases[i].user);
            assert_text(password, cases[i].password);
        }
        buf_clear_secret(&pair);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_apart),
        cmocka_unit_test(cookies_are_found_by_their_whole_name),
        cmocka_unit_test(a_basic_login_has_a_name_and_a_password),
        cmocka_unit_test(a_head_that_is_cut_anywhere_waits_for_more),
        cmocka_unit_test(what_is_not_strictly_http_is_refused),
        cmocka_unit_test(a_head_has_a_longest_length),
        cmocka_unit_test(a_head_has_a_greatest_number_of_fields),
        cmocka_unit_test(only_our_own_names_are_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
