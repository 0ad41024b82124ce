// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/io_bench.h"

static void what_is_written_arrives(void **state)
{
    struct io_bench *bench = *state;

    io_bench_write(&bench->a, "hello ");
    io_bench_write(&bench->a, "there");
    io_bench_wait_for_bytes(bench, &bench->b, 11);

    assert_string_equal(buf_str(&bench->b.got), "hello there");
    assert_int_equal(io_bytes_sent(bench->a.io), 11);
    assert_int_equal(io_bytes_received(bench->b.io), 11);
    assert_true(io_is_unix(bench->b.io));
    uid_t uid;
    assert_true(io_peer_uid(bench->b.io, &uid));
    assert_int_equal(uid, getuid());
}

static void input_that_is_not_consumed_stays_and_grows_to_its_limit(void **state)
{
    struct io_bench *bench = *state;
    bench->b.keep_input = true;
    io_set_input_limit(bench->b.io, 8);

    io_bench_write(&bench->a, "0123456789abcdef");
    io_bench_turn_for(bench, 20);
    assert_int_equal(io_input(bench->b.io).len, 8);

    io_consume(bench->b.io, 3);
    io_bench_turn_for(bench, 20);
    assert_bytes_equal(io_input(bench->b.io), bytes_of_str("3456789a"));
    bench->b.keep_input = false;
    io_consume(bench->b.io, 8);
    io_bench_wait_for_bytes(bench, &bench->b, 5);
    assert_string_equal(buf_str(&bench->b.got), "bcdef");
}

static void a_paused_reader_hears_nothing_until_it_resumes(void **state)
{
    struct io_bench *bench = *state;

    io_pause(bench->b.io);
    io_bench_write(&bench->a, "later");
    io_finish_output(bench->a.io);
    io_bench_turn_for(bench, 20);
    assert_string_equal(bench->b.events, "");

    io_resume(bench->b.io);
    io_bench_wait_until(bench, &bench->b, IO_EOF);
    assert_string_equal(bench->b.events, "DE");
    assert_string_equal(buf_str(&bench->b.got), "later");
}

static void a_slow_reader_stops_the_writer_at_the_high_mark(void **state)
{
    struct io_bench *bench = *state;
    enum { LEN = 3 * 1024 * 1024 };
    char *data = io_bench_pattern(LEN);
    io_pause(bench->b.io);
    io_set_output_marks(bench->a.io, 1000, 100000);

    size_t sent = 0;
    while (!io_output_is_full(bench->a.io)) {
        io_write(bench->a.io, (struct bytes){(uint8_t *)data + sent, 10000});
        sent += 10000;
        loop_turn(bench->loop, 0);
        assert_true(sent < LEN);
    }
    assert_true(io_output_len(bench->a.io) > 100000);
    assert_true(io_output_len(bench->a.io) <= 110000);
    io_bench_turn_for(bench, 20);
    assert_false(io_bench_heard(&bench->a, IO_LOWAT));

    io_resume(bench->b.io);
    io_bench_wait_until(bench, &bench->a, IO_LOWAT);
    assert_true(io_output_len(bench->a.io) <= 1000);
    assert_false(io_output_is_full(bench->a.io));
    io_bench_wait_for_bytes(bench, &bench->b, sent);
    assert_memory_equal(bench->b.got.data, data, sent);
    free(data);
}

static void each_flush_is_told_with_marks_at_zero(void **state)
{
    struct io_bench *bench = *state;
    io_set_output_marks(bench->a.io, 0, 0);

    io_bench_write(&bench->a, "one");
    io_bench_wait_for_bytes(bench, &bench->b, 3);
    io_bench_write(&bench->a, "two");
    io_bench_wait_for_bytes(bench, &bench->b, 6);

    assert_string_equal(bench->a.events, "LL");
}

static void after_half_close_the_other_direction_goes_on(void **state)
{
    struct io_bench *bench = *state;

    io_bench_write(&bench->a, "last words");
    io_finish_output(bench->a.io);
    io_bench_write(&bench->a, "dropped");
    io_bench_wait_until(bench, &bench->b, IO_EOF);
    io_bench_write(&bench->b, "answer");
    io_bench_wait_for_bytes(bench, &bench->a, 6);

    assert_string_equal(buf_str(&bench->b.got), "last words");
    assert_string_equal(buf_str(&bench->a.got), "answer");
}

static void closing_sends_what_is_queued_first(void **state)
{
    struct io_bench *bench = *state;
    enum { LEN = 2 * 1024 * 1024 };
    char *data = io_bench_pattern(LEN);

    io_write(bench->a.io, (struct bytes){(uint8_t *)data, LEN});
    io_bench_write(&bench->b, "input that nobody will read");
    io_close(&bench->a.io);
    assert_null(bench->a.io);
    io_bench_wait_until(bench, &bench->b, IO_EOF);

    assert_int_equal(bench->b.got.len, LEN);
    assert_memory_equal(bench->b.got.data, data, LEN);
    assert_string_equal(bench->a.events, "");
    free(data);
}

static void a_closing_io_ends_with_the_loop(void **state)
{
    struct io_bench *bench = *state;

    io_pause(bench->b.io);
    io_bench_write(&bench->a, "goodbye");
    io_close(&bench->a.io);
    io_free(&bench->b.io);
    loop_free(&bench->loop); /* leaks and live timers would be seen here */

    assert_string_equal(bench->a.events, "");
}

static void an_io_may_be_freed_inside_each_of_its_events(void **state)
{
    struct io_bench *bench = *state;
    static const enum io_event cases[] = {IO_DATA, IO_LOWAT, IO_EOF, IO_TIMEOUT};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fds[2];
        struct io_bench_end here = {.frees = true, .free_at = cases[i]};
        struct io_bench_end there = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        here.io = io_new_take(bench->loop, fds[0], io_bench_on_event, &here);
        there.io = io_new_take(bench->loop, fds[1], io_bench_on_event, &there);

        io_set_output_marks(here.io, 0, 0);
        io_set_timeout(here.io, 10);
        if (cases[i] != IO_TIMEOUT) {
            io_bench_write(&here, "x");
            io_bench_write(&there, "data");
            io_finish_output(there.io);
        }
        io_bench_wait_until(bench, &here, cases[i]);
        io_bench_turn_for(bench, 5);

        assert_null(here.io);
        assert_int_equal(here.events[here.n_events - 1], io_bench_letter_of(cases[i]));
        io_free(&there.io);
        buf_clear(&here.got);
        buf_clear(&there.got);
    }
}

static void a_reset_is_an_error_after_the_data(void **state)
{
    struct io_bench *bench = *state;
    io_free(&bench->a.io);
    io_write(bench->b.io, bytes_of_str("into the void"));

    io_bench_wait_until(bench, &bench->b, IO_ERROR);

    assert_int_equal(io_fault(bench->b.io)->code, FAULT_CLOSED);
    io_bench_turn_for(bench, 10);
    assert_int_equal(strlen(strchr(bench->b.events, 'X')), 1);
}

static void idle_connections_time_out_and_busy_ones_do_not(void **state)
{
    struct io_bench *bench = *state;
    io_set_timeout(bench->b.io, 60);

    for (int i = 0; i < 6; i++) {
        io_bench_write(&bench->a, "x");
        io_bench_turn_for(bench, 20);
    }
    assert_false(io_bench_heard(&bench->b, IO_TIMEOUT));
    int64_t start_ms = clock_mono_ms();
    io_bench_wait_until(bench, &bench->b, IO_TIMEOUT);

    assert_in_range(clock_mono_ms() - start_ms, 20, 2000);
}

static int listen_tcp(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static void connecting_is_told_and_refusal_is_an_error(void **state)
{
    struct io_bench *bench = *state;
    struct netaddr address;
    struct io_bench_end client = {0};
    struct io_bench_end refused = {0};
    uint16_t port;
    int listener = listen_tcp(&port);
    assert_true(netaddr_parse(&address, "127.0.0.1", port, NULL));

    client.io = io_connect(bench->loop, &address, 5000, io_bench_on_event, &client, NULL);
    assert_string_equal(client.events, "");
    io_bench_write(&client, "early");
    io_bench_wait_until(bench, &client, IO_CONNECTED);
    int accepted = accept(listener, NULL, NULL);
    struct io_bench_end server = {0};
    server.io = io_new_take(bench->loop, accepted, io_bench_on_event, &server);
    io_bench_wait_for_bytes(bench, &server, 5);
    struct netaddr local = io_local(server.io);
    assert_true(netaddr_equal(&local, &address));
    struct netaddr peer = io_peer(server.io);
    assert_true(netaddr_is_loopback(&peer));

    close(listener);
    refused.io = io_connect(bench->loop, &address, 5000, io_bench_on_event, &refused, NULL);
    io_bench_wait_until(bench, &refused, IO_ERROR);
    assert_string_equal(refused.events, "X");

    io_free(&client.io);
    io_free(&server.io);
    io_free(&refused.io);
    buf_clear(&server.got);
}

static void a_command_in_two_segments_is_not_held_up_by_late_acknowledgements(void **state)
{
    struct io_bench *bench = *state;
    enum { N_ROUNDS = 20, DELAYED_ACK_MS = 40 };
    struct netaddr address;
    struct io_bench_end server = {0};
    struct sockaddr_storage storage;
    socklen_t len;
    uint16_t port;
    int listener = listen_tcp(&port);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(netaddr_parse(&address, "127.0.0.1", port, NULL));
    netaddr_to_sockaddr(&storage, &len, &address);
    assert_int_equal(connect(client, (struct sockaddr *)&storage, len), 0);
    server.io = io_new_take(bench->loop, accept(listener, NULL, NULL), io_bench_on_event, &server);

    int64_t start_ms = clock_mono_ms();
    for (size_t i = 1; i <= N_ROUNDS; i++) {
        assert_int_equal(write(client, "{1}", 3), 3);
        assert_int_equal(write(client, "\r\n", 2), 2);
        io_bench_wait_for_bytes(bench, &server, i * 5);
        io_bench_write(&server, "OK");
        loop_turn(bench->loop, 0);
        char answer[2];
        assert_int_equal(recv(client, answer, 2, MSG_WAITALL), 2);
    }

    assert_true(clock_mono_ms() - start_ms < N_ROUNDS * DELAYED_ACK_MS / 2);
    io_free(&server.io);
    buf_clear(&server.got);
    close(client);
    close(listener);
}

static void last_words_are_not_lost_to_input_that_nobody_read(void **state)
{
    struct io_bench *bench = *state;
    enum { LEN = 512 * 1024 };
    struct netaddr address;
    struct io_bench_end server = {0};
    struct io_bench_end client = {0};
    uint16_t port;
    char *data = io_bench_pattern(LEN);
    int listener = listen_tcp(&port);
    assert_true(netaddr_parse(&address, "127.0.0.1", port, NULL));
    client.io = io_connect(bench->loop, &address, 5000, io_bench_on_event, &client, NULL);
    io_bench_wait_until(bench, &client, IO_CONNECTED);
    int fd = accept(listener, NULL, NULL);
    server.io = io_new_take(bench->loop, fd, io_bench_on_event, &server);

    /* The server hangs up with words of its own while the client is still talking. */
    io_pause(server.io);
    io_write(client.io, (struct bytes){(uint8_t *)data, LEN});
    io_bench_turn_for(bench, 10);
    io_write(server.io, (struct bytes){(uint8_t *)data, LEN});
    io_close(&server.io);
    io_bench_wait_until(bench, &client, IO_EOF);
    assert_int_equal(client.got.len, LEN);
    assert_false(io_bench_heard(&client, IO_ERROR));

    io_free(&client.io);
    io_bench_turn_for(bench, 20);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* no waiting for the time-out */
    buf_clear(&client.got);
    close(listener);
    free(data);
}

static void a_unix_socket_that_is_not_there_is_an_error_not_a_crash(void **state)
{
    struct io_bench *bench = *state;
    struct io_bench_end client = {0};
    char *path = xasprintf("%s/absent.sock", bench->folder);
    char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct fault fault = {0};

    client.io = io_connect_unix(bench->loop, path, 1000, io_bench_on_event, &client, &fault);
    io_bench_wait_until(bench, &client, IO_ERROR);
    assert_int_equal(io_fault(client.io)->code, FAULT_NOT_FOUND);
    assert_null(io_connect_unix(bench->loop, longest, 1000, io_bench_on_event, &client, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);

    io_free(&client.io);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IO_TEST(what_is_written_arrives),
        IO_TEST(input_that_is_not_consumed_stays_and_grows_to_its_limit),
        IO_TEST(a_paused_reader_hears_nothing_until_it_resumes),
        IO_TEST(a_slow_reader_stops_the_writer_at_the_high_mark),
        IO_TEST(each_flush_is_told_with_marks_at_zero),
        IO_TEST(after_half_close_the_other_direction_goes_on),
        IO_TEST(closing_sends_what_is_queued_first),
        IO_TEST(a_closing_io_ends_with_the_loop),
        IO_TEST(an_io_may_be_freed_inside_each_of_its_events),
        IO_TEST(a_reset_is_an_error_after_the_data),
        IO_TEST(idle_connections_time_out_and_busy_ones_do_not),
        IO_TEST(connecting_is_told_and_refusal_is_an_error),
        IO_TEST(a_command_in_two_segments_is_not_held_up_by_late_acknowledgements),
        IO_TEST(last_words_are_not_lost_to_input_that_nobody_read),
        IO_TEST(a_unix_socket_that_is_not_there_is_an_error_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
