// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/io_rate.h"
#include "base/loop.h"
#include "base/mem.h"

/* One end of a connection, and what was heard there. */
struct end {
    struct io *io;
    char events[128]; /* a letter each */
    size_t n_events;
    struct buf got;
    bool keep_input;       /* do not consume */
    enum io_event free_at; /* free the io inside this event */
    bool frees;
};

struct bench {
    struct loop *loop;
    struct end a;
    struct end b;
    int fds[2];
    char folder[64];
};

static char letter_of(enum io_event event)
{
    return "CSDLETX"[event];
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    struct end *end = context;
    assert_ptr_equal(io, end->io);
    if (end->n_events < sizeof end->events - 1) {
        end->events[end->n_events++] = letter_of(event);
    }
    if (event == IO_DATA && !end->keep_input) {
        struct bytes input = io_input(io);
        buf_append_bytes(&end->got, input);
        io_consume(io, input.len);
    }
    if (end->frees && event == end->free_at) {
        io_free(&end->io);
    }
}

static bool heard(const struct end *end, enum io_event event)
{
    return strchr(end->events, letter_of(event)) != NULL;
}

static void turn_for(struct bench *bench, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    do {
        loop_turn(bench->loop, end_ms - clock_mono_ms());
    } while (clock_mono_ms() < end_ms);
}

static void wait_until(struct bench *bench, const struct end *end, enum io_event event)
{
    int64_t end_ms = clock_mono_ms() + 10000;
    while (!heard(end, event) && clock_mono_ms() < end_ms) {
        loop_turn(bench->loop, 100);
    }
    assert_true(heard(end, event));
}

static void wait_for_bytes(struct bench *bench, const struct end *end, size_t len)
{
    int64_t end_ms = clock_mono_ms() + 20000;
    while (end->got.len < len && clock_mono_ms() < end_ms) {
        loop_turn(bench->loop, 100);
    }
    assert_int_equal(end->got.len, len);
}

static int setup(void **state)
{
    struct bench *bench = xcalloc(1, sizeof *bench);
    bench->loop = loop_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, bench->fds), 0);
    bench->a.io = io_new_take(bench->loop, bench->fds[0], on_event, &bench->a);
    bench->b.io = io_new_take(bench->loop, bench->fds[1], on_event, &bench->b);
    strcpy(bench->folder, "/tmp/bittern-test-io-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    io_free(&bench->a.io);
    io_free(&bench->b.io);
    loop_free(&bench->loop);
    buf_clear(&bench->a.got);
    buf_clear(&bench->b.got);
    char *command = xasprintf("rm -rf %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(bench);
    return 0;
}

static void write_str(struct end *end, const char *text)
{
    io_write(end->io, bytes_of_str(text));
}

static char *pattern(size_t len)
{
    char *data = xmalloc(len);
    for (size_t i = 0; i < len; i++) {
        data[i] = (char)(i * 31 + i / 251);
    }
    return data;
}

static void what_is_written_arrives(void **state)
{
    struct bench *bench = *state;

    write_str(&bench->a, "hello ");
    write_str(&bench->a, "there");
    wait_for_bytes(bench, &bench->b, 11);

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
    struct bench *bench = *state;
    bench->b.keep_input = true;
    io_set_input_limit(bench->b.io, 8);

    write_str(&bench->a, "0123456789abcdef");
    turn_for(bench, 20);
    assert_int_equal(io_input(bench->b.io).len, 8);

    io_consume(bench->b.io, 3);
    turn_for(bench, 20);
    assert_bytes_equal(io_input(bench->b.io), bytes_of_str("3456789a"));
    bench->b.keep_input = false;
    io_consume(bench->b.io, 8);
    wait_for_bytes(bench, &bench->b, 5);
    assert_string_equal(buf_str(&bench->b.got), "bcdef");
}

static void a_paused_reader_hears_nothing_until_it_resumes(void **state)
{
    struct bench *bench = *state;

    io_pause(bench->b.io);
    write_str(&bench->a, "later");
    io_finish_output(bench->a.io);
    turn_for(bench, 20);
    assert_string_equal(bench->b.events, "");

    io_resume(bench->b.io);
    wait_until(bench, &bench->b, IO_EOF);
    assert_string_equal(bench->b.events, "DE");
    assert_string_equal(buf_str(&bench->b.got), "later");
}

static void a_slow_reader_stops_the_writer_at_the_high_mark(void **state)
{
    struct bench *bench = *state;
    enum { LEN = 3 * 1024 * 1024 };
    char *data = pattern(LEN);
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
    turn_for(bench, 20);
    assert_false(heard(&bench->a, IO_LOWAT));

    io_resume(bench->b.io);
    wait_until(bench, &bench->a, IO_LOWAT);
    assert_true(io_output_len(bench->a.io) <= 1000);
    assert_false(io_output_is_full(bench->a.io));
    wait_for_bytes(bench, &bench->b, sent);
    assert_memory_equal(bench->b.got.data, data, sent);
    free(data);
}

static void each_flush_is_told_with_marks_at_zero(void **state)
{
    struct bench *bench = *state;
    io_set_output_marks(bench->a.io, 0, 0);

    write_str(&bench->a, "one");
    wait_for_bytes(bench, &bench->b, 3);
    write_str(&bench->a, "two");
    wait_for_bytes(bench, &bench->b, 6);

    assert_string_equal(bench->a.events, "LL");
}

static void after_half_close_the_other_direction_goes_on(void **state)
{
    struct bench *bench = *state;

    write_str(&bench->a, "last words");
    io_finish_output(bench->a.io);
    write_str(&bench->a, "dropped");
    wait_until(bench, &bench->b, IO_EOF);
    write_str(&bench->b, "answer");
    wait_for_bytes(bench, &bench->a, 6);

    assert_string_equal(buf_str(&bench->b.got), "last words");
    assert_string_equal(buf_str(&bench->a.got), "answer");
}

static void closing_sends_what_is_queued_first(void **state)
{
    struct bench *bench = *state;
    enum { LEN = 2 * 1024 * 1024 };
    char *data = pattern(LEN);

    io_write(bench->a.io, (struct bytes){(uint8_t *)data, LEN});
    write_str(&bench->b, "input that nobody will read");
    io_close(&bench->a.io);
    assert_null(bench->a.io);
    wait_until(bench, &bench->b, IO_EOF);

    assert_int_equal(bench->b.got.len, LEN);
    assert_memory_equal(bench->b.got.data, data, LEN);
    assert_string_equal(bench->a.events, "");
    free(data);
}

static void a_closing_io_ends_with_the_loop(void **state)
{
    struct bench *bench = *state;

    io_pause(bench->b.io);
    write_str(&bench->a, "goodbye");
    io_close(&bench->a.io);
    io_free(&bench->b.io);
    loop_free(&bench->loop); /* leaks and live timers would be seen here */

    assert_string_equal(bench->a.events, "");
}

static void an_io_may_be_freed_inside_each_of_its_events(void **state)
{
    struct bench *bench = *state;
    static const enum io_event cases[] = {IO_DATA, IO_LOWAT, IO_EOF, IO_TIMEOUT};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fds[2];
        struct end here = {.frees = true, .free_at = cases[i]};
        struct end there = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        here.io = io_new_take(bench->loop, fds[0], on_event, &here);
        there.io = io_new_take(bench->loop, fds[1], on_event, &there);

        io_set_output_marks(here.io, 0, 0);
        io_set_timeout(here.io, 10);
        if (cases[i] != IO_TIMEOUT) {
            write_str(&here, "x");
            write_str(&there, "data");
            io_finish_output(there.io);
        }
        wait_until(bench, &here, cases[i]);
        turn_for(bench, 5);

        assert_null(here.io);
        assert_int_equal(here.events[here.n_events - 1], letter_of(cases[i]));
        io_free(&there.io);
        buf_clear(&here.got);
        buf_clear(&there.got);
    }
}

static void a_reset_is_an_error_after_the_data(void **state)
{
    struct bench *bench = *state;
    io_free(&bench->a.io);
    io_write(bench->b.io, bytes_of_str("into the void"));

    wait_until(bench, &bench->b, IO_ERROR);

    assert_int_equal(io_fault(bench->b.io)->code, FAULT_CLOSED);
    turn_for(bench, 10);
    assert_int_equal(strlen(strchr(bench->b.events, 'X')), 1);
}

static void idle_connections_time_out_and_busy_ones_do_not(void **state)
{
    struct bench *bench = *state;
    io_set_timeout(bench->b.io, 60);

    for (int i = 0; i < 6; i++) {
        write_str(&bench->a, "x");
        turn_for(bench, 20);
    }
    assert_false(heard(&bench->b, IO_TIMEOUT));
    int64_t start_ms = clock_mono_ms();
    wait_until(bench, &bench->b, IO_TIMEOUT);

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
    struct bench *bench = *state;
    struct netaddr address;
    struct end client = {0};
    struct end refused = {0};
    uint16_t port;
    int listener = listen_tcp(&port);
    assert_true(netaddr_parse(&address, "127.0.0.1", port, NULL));

    client.io = io_connect(bench->loop, &address, 5000, on_event, &client, NULL);
    assert_string_equal(client.events, "");
    write_str(&client, "early");
    wait_until(bench, &client, IO_CONNECTED);
    int accepted = accept(listener, NULL, NULL);
    struct end server = {0};
    server.io = io_new_take(bench->loop, accepted, on_event, &server);
    wait_for_bytes(bench, &server, 5);
    struct netaddr local = io_local(server.io);
    assert_true(netaddr_equal(&local, &address));
    struct netaddr peer = io_peer(server.io);
    assert_true(netaddr_is_loopback(&peer));

    close(listener);
    refused.io = io_connect(bench->loop, &address, 5000, on_event, &refused, NULL);
    wait_until(bench, &refused, IO_ERROR);
    assert_string_equal(refused.events, "X");

    io_free(&client.io);
    io_free(&server.io);
    io_free(&refused.io);
    buf_clear(&server.got);
}

static void a_command_in_two_segments_is_not_held_up_by_late_acknowledgements(void **state)
{
    struct bench *bench = *state;
    enum { N_ROUNDS = 20, DELAYED_ACK_MS = 40 };
    struct netaddr address;
    struct end server = {0};
    struct sockaddr_storage storage;
    socklen_t len;
    uint16_t port;
    int listener = listen_tcp(&port);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(netaddr_parse(&address, "127.0.0.1", port, NULL));
    netaddr_to_sockaddr(&storage, &len, &address);
    assert_int_equal(connect(client, (struct sockaddr *)&storage, len), 0);
    server.io = io_new_take(bench->loop, accept(listener, NULL, NULL), on_event, &server);

    int64_t start_ms = clock_mono_ms();
    for (size_t i = 1; i <= N_ROUNDS; i++) {
        assert_int_equal(write(client, "{1}", 3), 3);
        assert_int_equal(write(client, "\r\n", 2), 2);
        wait_for_bytes(bench, &server, i * 5);
        write_str(&server, "OK");
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
    struct bench *bench = *state;
    enum { LEN = 512 * 1024 };
    struct netaddr address;
    struct end server = {0};
    struct end client = {0};
    uint16_t port;
    char *data = pattern(LEN);
    int listener = listen_tcp(&port);
    assert_true(netaddr_parse(&address, "127.0.0.1", port, NULL));
    client.io = io_connect(bench->loop, &address, 5000, on_event, &client, NULL);
    wait_until(bench, &client, IO_CONNECTED);
    int fd = accept(listener, NULL, NULL);
    server.io = io_new_take(bench->loop, fd, on_event, &server);

    /* The server hangs up with words of its own while the client is still talking. */
    io_pause(server.io);
    io_write(client.io, (struct bytes){(uint8_t *)data, LEN});
    turn_for(bench, 10);
    io_write(server.io, (struct bytes){(uint8_t *)data, LEN});
    io_close(&server.io);
    wait_until(bench, &client, IO_EOF);
    assert_int_equal(client.got.len, LEN);
    assert_false(heard(&client, IO_ERROR));

    io_free(&client.io);
    turn_for(bench, 20);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* no waiting for the time-out */
    buf_clear(&client.got);
    close(listener);
    free(data);
}

static void a_unix_socket_that_is_not_there_is_an_error_not_a_crash(void **state)
{
    struct bench *bench = *state;
    struct end client = {0};
    char *path = xasprintf("%s/absent.sock", bench->folder);
    char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct fault fault = {0};

    client.io = io_connect_unix(bench->loop, path, 1000, on_event, &client, &fault);
    wait_until(bench, &client, IO_ERROR);
    assert_int_equal(io_fault(client.io)->code, FAULT_NOT_FOUND);
    assert_null(io_connect_unix(bench->loop, longest, 1000, on_event, &client, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);

    io_free(&client.io);
    free(path);
}

static void nothing(void *context)
{
    (void)context;
}

static void a_rate_bounds_what_goes_and_is_shared(void **state)
{
    struct bench *bench = *state;
    struct io_rate *rate = io_rate_new(bench->loop, 0, 20000);
    char *data = pattern(6000);
    io_set_rate(bench->a.io, rate);

    int64_t start_ms = clock_mono_ms();
    io_write(bench->a.io, (struct bytes){(uint8_t *)data, 6000});
    wait_for_bytes(bench, &bench->b, 6000);
    assert_in_range(clock_mono_ms() - start_ms, 150, 3000); /* 2000 at once, 4000 in 2 ticks */
    assert_memory_equal(bench->b.got.data, data, 6000);

    io_free(&bench->a.io);
    loop_turn(bench->loop, 0);
    io_rate_free(&rate);
    free(data);
}

/* Three who always have more to send, through one rate: whatever the order in which they began,
 * each gets a third. */
static void a_rate_is_shared_by_those_who_want_more(void **state)
{
    enum { N = 3, BYTES = 200000, PER_SEC = 60000, MS = 1000 };
    struct bench *bench = *state;
    struct io_rate *rate = io_rate_new(bench->loop, 0, PER_SEC);
    struct io_rate_member members[N];
    size_t sent[N] = {0};
    uint64_t n_ticks = MS / 100;
    for (size_t i = 0; i < N; i++) {
        io_rate_member_init(&members[i], nothing, NULL);
    }
    int64_t end_ms = clock_mono_ms() + MS;
    while (clock_mono_ms() < end_ms) {
        for (size_t i = 0; i < N; i++) {
            size_t n;
            while ((n = io_rate_ask(rate, &members[i], IO_RATE_OUT, BYTES)) > 0) {
                io_rate_spend(rate, &members[i], IO_RATE_OUT, n);
                sent[i] += n;
            }
        }
        loop_turn(bench->loop, 20);
    }
    size_t all = sent[0] + sent[1] + sent[2];
    assert_in_range(all, PER_SEC / 10 * (n_ticks / 2), PER_SEC / 10 * (n_ticks + 2));
    for (size_t i = 0; i < N; i++) {
        assert_in_range(sent[i], all / N - PER_SEC / 10, all / N + PER_SEC / 10);
        io_rate_leave(&members[i]);
    }
    io_rate_free(&rate);
}

static void a_reading_rate_does_not_hold_up_writing(void **state)
{
    struct bench *bench = *state;
    struct io_rate *rate = io_rate_new(bench->loop, 10000, 0);
    char *data = pattern(4000);
    io_set_rate(bench->b.io, rate);

    io_write(bench->a.io, (struct bytes){(uint8_t *)data, 4000});
    turn_for(bench, 20);
    assert_int_equal(bench->b.got.len, 1000);
    write_str(&bench->b, "quick");
    turn_for(bench, 20);
    assert_int_equal(bench->a.got.len, 5);
    wait_for_bytes(bench, &bench->b, 4000);

    io_free(&bench->b.io);
    loop_turn(bench->loop, 0);
    io_rate_free(&rate);
    free(data);
}

/* ---- TLS. ---- */

static void start_peer_tls(struct bench *bench, struct tls_context *context)
{
    assert_true(io_start_tls(bench->a.io, context, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_FEED_INPUT, NULL));
}

static void peers_speak_anonymous_tls_both_ways(void **state)
{
    struct bench *bench = *state;
    enum { LEN = 1024 * 1024 };
    char *data = pattern(LEN);
    struct tls_context *context = tls_context_new_peer(NULL);
    assert_non_null(context);

    start_peer_tls(bench, context);
    io_write(bench->a.io, (struct bytes){(uint8_t *)data, LEN}); /* waits for the handshake */
    io_write(bench->b.io, (struct bytes){(uint8_t *)data, LEN});
    wait_for_bytes(bench, &bench->b, LEN);
    wait_for_bytes(bench, &bench->a, LEN);

    assert_int_equal(bench->a.events[0], 'S');
    assert_string_equal(io_describe_tls(bench->a.io), "TLSv1.2 AECDH-AES256-SHA");
    assert_memory_equal(bench->a.got.data, data, LEN);
    assert_memory_equal(bench->b.got.data, data, LEN);
    assert_true(io_bytes_sent(bench->a.io) > LEN);

    write_str(&bench->a, "the end");
    io_close(&bench->a.io);
    wait_until(bench, &bench->b, IO_EOF);
    assert_int_equal(bench->b.got.len, LEN + 7);
    tls_context_free(&context);
    free(data);
}

static void clear_text_before_tls_keeps_its_place(void **state)
{
    struct bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    bench->b.keep_input = true;

    /* The client's verack and its first TLS bytes arrive together. */
    write_str(&bench->a, "verack");
    assert_true(io_start_tls(bench->a.io, context, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    turn_for(bench, 20);
    assert_true(io_input(bench->b.io).len > 6);
    assert_memory_equal(io_input(bench->b.io).data, "verack", 6);

    io_consume(bench->b.io, 6);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_FEED_INPUT, NULL));
    bench->b.keep_input = false;
    write_str(&bench->a, "inside");
    wait_for_bytes(bench, &bench->b, 6);
    assert_string_equal(buf_str(&bench->b.got), "inside");
    tls_context_free(&context);
}

static void input_left_before_starttls_is_refused_until_discarded(void **state)
{
    struct bench *bench = *state;
    struct fault fault = {0};
    struct tls_context *context = tls_context_new_peer(NULL);
    bench->b.keep_input = true;
    write_str(&bench->a, "STARTTLS\r\nINJECTED\r\n");
    wait_until(bench, &bench->b, IO_DATA);
    io_consume(bench->b.io, 10);

    assert_false(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, &fault));
    assert_int_equal(fault.code, FAULT_INVALID);
    assert_int_equal(io_discard_input(bench->b.io), 10);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, &fault));
    assert_false(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, &fault));

    bench->b.keep_input = false;
    assert_true(io_start_tls(bench->a.io, context, TLS_CLIENT, IO_TLS_NO_INPUT, &fault));
    write_str(&bench->a, "clean");
    wait_for_bytes(bench, &bench->b, 5);
    assert_string_equal(buf_str(&bench->b.got), "clean");
    tls_context_free(&context);
}

static void garbage_instead_of_a_handshake_is_an_error(void **state)
{
    struct bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, NULL));

    write_str(&bench->a, "GET / HTTP/1.1\r\n\r\n");
    wait_until(bench, &bench->b, IO_ERROR);

    assert_string_equal(bench->b.events, "X");
    assert_int_equal(io_fault(bench->b.io)->code, FAULT_INVALID);
    tls_context_free(&context);
}

static void a_peer_that_closes_without_goodbye_is_an_end_not_an_error(void **state)
{
    struct bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    start_peer_tls(bench, context);
    write_str(&bench->a, "words");
    wait_for_bytes(bench, &bench->b, 5);

    io_free(&bench->a.io);
    wait_until(bench, &bench->b, IO_EOF);

    assert_false(heard(&bench->b, IO_ERROR));
    tls_context_free(&context);
}

static void a_peer_that_closes_in_the_handshake_is_an_error(void **state)
{
    struct bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, NULL));

    io_free(&bench->a.io);
    wait_until(bench, &bench->b, IO_ERROR);

    assert_int_equal(io_fault(bench->b.io)->code, FAULT_CLOSED);
    tls_context_free(&context);
}

static void mail_clients_verify_the_certificate_that_was_made(void **state)
{
    struct bench *bench = *state;
    struct fault fault = {0};
    char *path = xasprintf("%s/tls.pem", bench->folder);
    char *other_path = xasprintf("%s/other.pem", bench->folder);
    assert_true(tls_certificate_make(path, &fault));
    assert_true(tls_certificate_make(other_path, &fault));
    assert_false(tls_certificate_make(path, &fault)); /* a key is never overwritten */
    assert_int_equal(fault.code, FAULT_EXISTS);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);

    struct tls_context *server = tls_context_new_server(path, &fault);
    struct tls_context *client = tls_context_new_client(path, &fault);
    struct tls_context *stranger = tls_context_new_client(other_path, &fault);
    assert_true(server != NULL && client != NULL && stranger != NULL);
    int64_t days = (tls_context_expires_sec(server) - clock_now_sec()) / 86400;
    assert_in_range(days, 823, 825);
    uint8_t fingerprint[TLS_FINGERPRINT_BYTES] = {0};
    tls_context_fingerprint(server, fingerprint);
    assert_true(fingerprint[0] != 0 || fingerprint[1] != 0 || fingerprint[2] != 0);

    assert_true(io_start_tls(bench->a.io, client, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    assert_true(io_start_tls(bench->b.io, server, TLS_SERVER, IO_TLS_NO_INPUT, NULL));
    write_str(&bench->a, "secret");
    wait_for_bytes(bench, &bench->b, 6);
    assert_non_null(strstr(io_describe_tls(bench->a.io), "TLSv1.3"));

    int fds[2];
    struct end a = {0};
    struct end b = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    a.io = io_new_take(bench->loop, fds[0], on_event, &a);
    b.io = io_new_take(bench->loop, fds[1], on_event, &b);
    assert_true(io_start_tls(a.io, stranger, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    assert_true(io_start_tls(b.io, server, TLS_SERVER, IO_TLS_NO_INPUT, NULL));
    wait_until(bench, &a, IO_ERROR);
    wait_until(bench, &b, IO_ERROR); /* the alert arrived */

    io_free(&a.io);
    io_free(&b.io);
    tls_context_free(&server);
    tls_context_free(&client);
    tls_context_free(&stranger);
    free(path);
    free(other_path);
}

static void two_worlds_of_tls_do_not_meet(void **state)
{
    struct bench *bench = *state;
    char *path = xasprintf("%s/tls.pem", bench->folder);
    assert_true(tls_certificate_make(path, NULL));
    struct tls_context *mail = tls_context_new_server(path, NULL);
    struct tls_context *peer = tls_context_new_peer(NULL);

    assert_true(io_start_tls(bench->a.io, peer, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    assert_true(io_start_tls(bench->b.io, mail, TLS_SERVER, IO_TLS_NO_INPUT, NULL));
    wait_until(bench, &bench->b, IO_ERROR);

    tls_context_free(&mail);
    tls_context_free(&peer);
    free(path);
}

int main(void)
{
#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        IO_TEST(a_rate_bounds_what_goes_and_is_shared),
        IO_TEST(a_rate_is_shared_by_those_who_want_more),
        IO_TEST(a_reading_rate_does_not_hold_up_writing),
        IO_TEST(peers_speak_anonymous_tls_both_ways),
        IO_TEST(clear_text_before_tls_keeps_its_place),
        IO_TEST(input_left_before_starttls_is_refused_until_discarded),
        IO_TEST(garbage_instead_of_a_handshake_is_an_error),
        IO_TEST(a_peer_that_closes_without_goodbye_is_an_end_not_an_error),
        IO_TEST(a_peer_that_closes_in_the_handshake_is_an_error),
        IO_TEST(mail_clients_verify_the_certificate_that_was_made),
        IO_TEST(two_worlds_of_tls_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
