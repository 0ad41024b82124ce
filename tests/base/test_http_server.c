// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/http_server.h"
#include "base/listener.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/netaddr.h"

enum { MAX_BODY = 100 * 1000 };

struct world {
    struct loop *loop;
    struct http_server *server;
    struct http_exchange *waiting;
    bool gone;
    unsigned n_handled;
};

static void say_hello(void *context, struct http_exchange *exchange,
                      const struct http_request *request)
{
    struct world *world = context;
    (void)request;
    world->n_handled++;
    http_set_field(exchange, "X-Test", "yes");
    http_set_field(exchange, "Cache-Control", "max-age=1");
    http_set_field(exchange, "X-Split", "a\r\nX-Injected: b");
    http_answer(exchange, HTTP_OK, "text/plain", bytes_of_str("hello"));
}

static void echo(void *context, struct http_exchange *exchange, const struct http_request *request)
{
    struct world *world = context;
    world->n_handled++;
    http_answer(exchange, HTTP_OK, "application/octet-stream", request->body);
}

static void on_gone(void *context)
{
    struct world *world = context;
    world->gone = true;
}

static void wait_long(void *context, struct http_exchange *exchange,
                      const struct http_request *request)
{
    struct world *world = context;
    (void)request;
    world->waiting = exchange;
    http_on_gone(exchange, on_gone, world);
}

static bool is_known(void *context, const struct http_request *request)
{
    (void)context;
    return http_has_field(request, "X-Known");
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", 0, say_hello},     {HTTP_POST, "/echo", MAX_BODY, echo},
    {HTTP_GET, "/files/*", 0, say_hello},   {HTTP_GET, "/later", 0, wait_long},
    {HTTP_POST, "/bodiless", 0, say_hello},
};

enum { TIMEOUT_MS = 300 };

static struct http_options options = {.routes = routes,
                                      .n_routes = ARRAY_LEN(routes),
                                      .hosts = "bittern.example",
                                      .request_timeout_ms = TIMEOUT_MS,
                                      .may_send_large = is_known};

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof *world);
    struct netaddr address;
    world->loop = loop_new();
    options.context = world;
    world->server = http_server_new(world->loop, &options);
    assert_true(netaddr_parse(&address, "127.0.0.1:0", 0, NULL));
    int fd = listener_bind(&address, NULL);
    assert_true(fd >= 0);
    http_server_listen_take(world->server, fd);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    http_server_free(&world->server);
    loop_free(&world->loop);
    free(world);
    return 0;
}

static int dial(struct world *world)
{
    struct netaddr address;
    struct sockaddr_storage storage;
    socklen_t len;
    assert_true(netaddr_parse(&address, "127.0.0.1", http_server_port(world->server), NULL));
    netaddr_to_sockaddr(&storage, &len, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&storage, len), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void send_all(struct world *world, int fd, struct bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (n > 0) {
            bytes = bytes_slice(bytes, (size_t)n, bytes.len);
        } else {
            assert_int_equal(errno, EAGAIN);
        }
        loop_turn(world->loop, 1);
    }
}

/* What comes until `end` stands in it or the other side closes; *out_closed tells which. */
static char *read_until(struct world *world, int fd, const char *end, bool *out_closed)
{
    struct buf got = {0};
    char piece[65536];
    int64_t give_up_ms = clock_mono_ms() + 10000;
    *out_closed = false;
    while (clock_mono_ms() < give_up_ms) {
        loop_turn(world->loop, 5);
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n > 0) {
            buf_append(&got, piece, (size_t)n);
        } else if (n == 0 || errno != EAGAIN) {
            *out_closed = true;
            break;
        }
        if (end != NULL && strstr(buf_str(&got), end) != NULL) {
            break;
        }
    }
    char *text = xstrdup(buf_str(&got));
    buf_clear(&got);
    return text;
}

static char *ask(struct world *world, const char *request, bool *out_closed)
{
    int fd = dial(world);
    send_all(world, fd, bytes_of_str(request));
    char *answer = read_until(world, fd, NULL, out_closed);
    close(fd);
    return answer;
}

static void a_get_is_answered_with_strict_fields(void **state)
{
    struct world *world = *state;
    bool closed;

    char *answer = ask(
        world, "GET /hello?x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", &closed);

    assert_true(closed);
    assert_non_null(
        strstr(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n"));
    assert_non_null(strstr(answer, "\r\nX-Test: yes\r\n"));
    assert_non_null(strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Security-Policy: default-src 'none'"));
    assert_non_null(strstr(answer, "\r\nCache-Control: max-age=1\r\n"));
    assert_null(strstr(answer, "no-store"));
    assert_null(strstr(answer, "Injected"));
    assert_non_null(strstr(answer, "\r\n\r\nhello"));
    free(answer);
}

static void head_is_get_without_the_body(void **state)
{
    struct world *world = *state;
    bool closed;

    char *answer =
        ask(world, "HEAD /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", &closed);

    assert_non_null(strstr(answer, "200 OK\r\nContent-Length: 5\r\n"));
    assert_null(strstr(answer, "hello"));
    free(answer);
}

static const struct refusal {
    const char *what;
    const char *request;
    const char *status;
} refusals[] = {
    {"another name", "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"},
    {"a path nobody has", "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"},
    {"a path cut short", "GET /hell HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"},
    {"a path that goes on", "GET /hello/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"},
    {"the wrong method", "POST /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"},
    {"the other wrong method", "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"},
    {"an unknown method", "DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"},
    {"a foreign form",
     "POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", "403"},
    {"a form from nowhere", "POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
     "403"},
    {"a form from another port",
     "POST /echo HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:2\r\n\r\n", "403"},
    {"a body above the route's bound",
     "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100001\r\n\r\n", "413"},
    {"a body where none is taken",
     "POST /bodiless HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", "413"},
    {"a GET with a body", "GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx",
     "413"},
    {"a mail client", "EHLO localhost\r\n\r\n", "400"},
    {"chunks", "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
     "501"},
};

static void what_is_refused_gets_one_short_answer_and_the_end(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        bool closed;
        char *answer = ask(world, refusals[i].request, &closed);
        char *start = xasprintf("HTTP/1.1 %s ", refusals[i].status);
        if (!closed || strncmp(answer, start, strlen(start)) != 0 || strlen(answer) > 500) {
            fail_msg("%s: closed=%d %s", refusals[i].what, closed, answer);
        }
        free(start);
        free(answer);
    }
    assert_int_equal(world->n_handled, 0);
}

static void one_connection_carries_request_after_request(void **state)
{
    static const char two[] = "GET /files/a HTTP/1.1\r\nHost: bittern.example:80\r\n\r\n"
                              "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                              "Origin: http://localhost\r\nContent-Length: 3\r\n\r\nabc";
    struct world *world = *state;
    bool closed;
    int fd = dial(world);

    for (size_t i = 0; i < sizeof two - 1; i++) {
        send_all(world, fd, (struct bytes){(const uint8_t *)two + i, 1});
    }
    char *answer = read_until(world, fd, "\r\n\r\nabc", &closed);
    assert_non_null(strstr(answer, "\r\n\r\nhello"));
    assert_non_null(strstr(answer, "\r\n\r\nabc"));
    assert_false(closed);
    free(answer);

    send_all(world, fd, bytes_of_str(two));
    answer = read_until(world, fd, "\r\n\r\nabc", &closed);
    assert_non_null(strstr(answer, "\r\n\r\nabc"));
    assert_int_equal(world->n_handled, 4);
    free(answer);
    close(fd);
}

static void a_body_at_its_bound_arrives_whole(void **state)
{
    struct world *world = *state;
    bool closed;
    int fd = dial(world);
    struct buf body = {0};
    buf_append_zeros(&body, MAX_BODY - 3);
    memset(body.data, 'x', body.len);
    buf_append_str(&body, "end");

    send_all(world, fd,
             bytes_of_str("POST /echo HTTP/1.1\r\nHost: localhost\r\nX-Known: yes\r\n"
                          "Content-Length: 100000\r\n"
                          "Expect: 100-continue\r\n\r\n"));
    char *go_on = read_until(world, fd, "100 Continue\r\n\r\n", &closed);
    assert_string_equal(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
    send_all(world, fd, buf_view(&body));
    char *answer = read_until(world, fd, "xend", &closed);

    assert_non_null(strstr(answer, "Content-Length: 100000\r\n"));
    assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), MAX_BODY);
    free(go_on);
    free(answer);
    buf_clear(&body);
    close(fd);
}

static void an_answer_may_come_later(void **state)
{
    struct world *world = *state;
    bool closed;
    int fd = dial(world);

    send_all(world, fd,
             bytes_of_str("GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"
                          "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    for (int i = 0; i < 5; i++) {
        loop_turn(world->loop, 5);
    }
    assert_non_null(world->waiting);
    assert_int_equal(world->n_handled, 0); /* in order */
    http_answer_text(world->waiting, HTTP_NOT_FOUND, "late");
    char *answer = read_until(world, fd, "hello", &closed);

    assert_non_null(strstr(answer, "404 Not Found"));
    assert_non_null(strstr(answer, "late\n"));
    assert_non_null(strstr(answer, "hello"));
    assert_false(world->gone);
    free(answer);
    close(fd);
}

static void who_goes_before_the_answer_is_told_of(void **state)
{
    struct world *world = *state;
    int fd = dial(world);

    send_all(world, fd, bytes_of_str("GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    for (int i = 0; i < 5; i++) {
        loop_turn(world->loop, 5);
    }
    close(fd);
    for (int i = 0; i < 50 && !world->gone; i++) {
        loop_turn(world->loop, 5);
    }

    assert_true(world->gone);
}

static void a_request_that_drips_in_is_cut_off(void **state)
{
    struct world *world = *state;
    bool closed = false;
    char byte;
    int fd = dial(world);
    int64_t start_ms = clock_mono_ms();

    send_all(world, fd, bytes_of_str("GET /hello HTTP/1.1\r\nA: "));
    while (!closed && clock_mono_ms() < start_ms + 20 * TIMEOUT_MS) {
        (void)send(fd, "a", 1, MSG_NOSIGNAL);
        usleep(5000); /* so slowly that the bound on a head does not come first */
        loop_turn(world->loop, 10);
        closed = recv(fd, &byte, 1, 0) == 0 || errno == ECONNRESET;
    }

    assert_true(closed);
    assert_true(clock_mono_ms() - start_ms >= TIMEOUT_MS / 2);
    assert_int_equal(world->n_handled, 0);
    close(fd);
}

static void turn_a_while(struct world *world)
{
    for (int i = 0; i < 10; i++) {
        loop_turn(world->loop, 1);
    }
}

static void hold_all(struct world *world, int fds[HTTP_MAX_CONNECTIONS])
{
    for (size_t i = 0; i < HTTP_MAX_CONNECTIONS; i++) {
        fds[i] = dial(world);
        loop_turn(world->loop, 0);
    }
    turn_a_while(world);
}

static void the_longest_silent_connection_makes_room(void **state)
{
    struct world *world = *state;
    int fds[HTTP_MAX_CONNECTIONS];
    bool closed;
    hold_all(world, fds);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        send_all(world, fds[i], bytes_of_str("GET /hello HTTP/1.1\r\n"));
    }
    /* The first has asked since: the second is the longest without a whole request. */
    send_all(world, fds[0], bytes_of_str("Host: localhost\r\n\r\n"));
    char *answer = read_until(world, fds[0], "hello", &closed);
    assert_non_null(strstr(answer, "200 OK"));
    free(answer);

    int one_more = dial(world);
    send_all(world, one_more, bytes_of_str("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    answer = read_until(world, one_more, "hello", &closed);
    assert_non_null(strstr(answer, "200 OK"));
    free(answer);
    answer = read_until(world, fds[1], NULL, &closed);
    assert_true(closed);
    assert_string_equal(answer, "");
    free(answer);
    send_all(world, fds[2], bytes_of_str("Host: localhost\r\n\r\n"));
    answer = read_until(world, fds[2], "hello", &closed);
    assert_false(closed);
    free(answer);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
    close(one_more);
}

static void one_more_than_are_at_work_is_refused(void **state)
{
    struct world *world = *state;
    int fds[HTTP_MAX_CONNECTIONS];
    bool closed;
    hold_all(world, fds);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        send_all(world, fds[i], bytes_of_str("GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    }
    turn_a_while(world);

    int one_more = dial(world);
    char *answer = read_until(world, one_more, NULL, &closed);

    assert_true(closed);
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    free(answer);
    close(one_more);
    close(fds[0]);
    turn_a_while(world);
    answer =
        ask(world, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", &closed);
    assert_non_null(strstr(answer, "200 OK"));
    free(answer);
    for (size_t i = 1; i < ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
}

static void a_large_body_is_read_of_some_alone(void **state)
{
    struct world *world = *state;
    static const struct {
        size_t len;
        const char *field;
        const char *answer;
    } cases[] = {
        {HTTP_SMALL_BODY_BYTES, "", "HTTP/1.1 200 "},
        {HTTP_SMALL_BODY_BYTES + 1, "", "HTTP/1.1 413 "},
        {HTTP_SMALL_BODY_BYTES + 1, "X-Known: yes\r\n", "HTTP/1.1 200 "},
        {MAX_BODY + 1, "X-Known: yes\r\n", "HTTP/1.1 413 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf request = {0};
        bool closed;
        buf_printf(&request,
                   "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s"
                   "Content-Length: %zu\r\n\r\n",
                   cases[i].field, cases[i].len);
        bool is_taken = strstr(cases[i].answer, "200") != NULL;
        if (is_taken) {
            buf_append_zeros(&request, cases[i].len);
        }
        int fd = dial(world);
        send_all(world, fd, buf_view(&request));
        char *answer = read_until(world, fd, NULL, &closed);
        assert_memory_equal(answer, cases[i].answer, strlen(cases[i].answer));
        free(answer);
        close(fd);
        buf_clear(&request);
    }
}

static void who_comes_over_loopback_is_local(void **state)
{
    struct world *world = *state;
    bool closed;
    int fd = dial(world);
    send_all(world, fd, bytes_of_str("GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    turn_a_while(world);
    assert_non_null(world->waiting);
    assert_true(http_is_local(world->waiting));
    http_answer_text(world->waiting, HTTP_OK, "done");
    char *answer = read_until(world, fd, "done", &closed);
    free(answer);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_get_is_answered_with_strict_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(head_is_get_without_the_body, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_gets_one_short_answer_and_the_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_connection_carries_request_after_request, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_body_at_its_bound_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_may_come_later, setup, teardown),
        cmocka_unit_test_setup_teardown(who_goes_before_the_answer_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_that_drips_in_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(the_longest_silent_connection_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(one_more_than_are_at_work_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_body_is_read_of_some_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_over_loopback_is_local, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
