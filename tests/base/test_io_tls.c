// SPDX-License-Identifier: MIT
/* TLS over an io: of peers, of mail clients, and what is no TLS. */
#include "tests/support/vectors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/io_bench.h"

static void start_peer_tls(struct io_bench *bench, struct tls_context *context)
{
    assert_true(io_start_tls(bench->a.io, context, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_FEED_INPUT, NULL));
}

static void peers_speak_anonymous_tls_both_ways(void **state)
{
    struct io_bench *bench = *state;
    enum { LEN = 1024 * 1024 };
    char *data = io_bench_pattern(LEN);
    struct tls_context *context = tls_context_new_peer(NULL);
    assert_non_null(context);

    start_peer_tls(bench, context);
    io_write(bench->a.io, (struct bytes){(uint8_t *)data, LEN}); /* waits for the handshake */
    io_write(bench->b.io, (struct bytes){(uint8_t *)data, LEN});
    io_bench_wait_for_bytes(bench, &bench->b, LEN);
    io_bench_wait_for_bytes(bench, &bench->a, LEN);

    assert_int_equal(bench->a.events[0], 'S');
    assert_string_equal(io_describe_tls(bench->a.io), "TLSv1.2 AECDH-AES256-SHA");
    assert_memory_equal(bench->a.got.data, data, LEN);
    assert_memory_equal(bench->b.got.data, data, LEN);
    assert_true(io_bytes_sent(bench->a.io) > LEN);

    io_bench_write(&bench->a, "the end");
    io_close(&bench->a.io);
    io_bench_wait_until(bench, &bench->b, IO_EOF);
    assert_int_equal(bench->b.got.len, LEN + 7);
    tls_context_free(&context);
    free(data);
}

static void clear_text_before_tls_keeps_its_place(void **state)
{
    struct io_bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    bench->b.keep_input = true;

    /* The client's verack and its first TLS bytes arrive together. */
    io_bench_write(&bench->a, "verack");
    assert_true(io_start_tls(bench->a.io, context, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    io_bench_turn_for(bench, 20);
    assert_true(io_input(bench->b.io).len > 6);
    assert_memory_equal(io_input(bench->b.io).data, "verack", 6);

    io_consume(bench->b.io, 6);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_FEED_INPUT, NULL));
    bench->b.keep_input = false;
    io_bench_write(&bench->a, "inside");
    io_bench_wait_for_bytes(bench, &bench->b, 6);
    assert_string_equal(buf_str(&bench->b.got), "inside");
    tls_context_free(&context);
}

static void input_left_before_starttls_is_refused_until_discarded(void **state)
{
    struct io_bench *bench = *state;
    struct fault fault = {0};
    struct tls_context *context = tls_context_new_peer(NULL);
    bench->b.keep_input = true;
    io_bench_write(&bench->a, "STARTTLS\r\nINJECTED\r\n");
    io_bench_wait_until(bench, &bench->b, IO_DATA);
    io_consume(bench->b.io, 10);

    assert_false(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, &fault));
    assert_int_equal(fault.code, FAULT_INVALID);
    assert_int_equal(io_discard_input(bench->b.io), 10);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, &fault));
    assert_false(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, &fault));

    bench->b.keep_input = false;
    assert_true(io_start_tls(bench->a.io, context, TLS_CLIENT, IO_TLS_NO_INPUT, &fault));
    io_bench_write(&bench->a, "clean");
    io_bench_wait_for_bytes(bench, &bench->b, 5);
    assert_string_equal(buf_str(&bench->b.got), "clean");
    tls_context_free(&context);
}

static void garbage_instead_of_a_handshake_is_an_error(void **state)
{
    struct io_bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, NULL));

    io_bench_write(&bench->a, "GET / HTTP/1.1\r\n\r\n");
    io_bench_wait_until(bench, &bench->b, IO_ERROR);

    assert_string_equal(bench->b.events, "X");
    assert_int_equal(io_fault(bench->b.io)->code, FAULT_INVALID);
    tls_context_free(&context);
}

static void a_peer_that_closes_without_goodbye_is_an_end_not_an_error(void **state)
{
    struct io_bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    start_peer_tls(bench, context);
    io_bench_write(&bench->a, "words");
    io_bench_wait_for_bytes(bench, &bench->b, 5);

    io_free(&bench->a.io);
    io_bench_wait_until(bench, &bench->b, IO_EOF);

    assert_false(io_bench_heard(&bench->b, IO_ERROR));
    tls_context_free(&context);
}

static void a_peer_that_closes_in_the_handshake_is_an_error(void **state)
{
    struct io_bench *bench = *state;
    struct tls_context *context = tls_context_new_peer(NULL);
    assert_true(io_start_tls(bench->b.io, context, TLS_SERVER, IO_TLS_NO_INPUT, NULL));

    io_free(&bench->a.io);
    io_bench_wait_until(bench, &bench->b, IO_ERROR);

    assert_int_equal(io_fault(bench->b.io)->code, FAULT_CLOSED);
    tls_context_free(&context);
}

static void mail_clients_verify_the_certificate_that_was_made(void **state)
{
    struct io_bench *bench = *state;
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
    io_bench_write(&bench->a, "secret");
    io_bench_wait_for_bytes(bench, &bench->b, 6);
    assert_non_null(strstr(io_describe_tls(bench->a.io), "TLSv1.3"));

    int fds[2];
    struct io_bench_end a = {0};
    struct io_bench_end b = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    a.io = io_new_take(bench->loop, fds[0], io_bench_on_event, &a);
    b.io = io_new_take(bench->loop, fds[1], io_bench_on_event, &b);
    assert_true(io_start_tls(a.io, stranger, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    assert_true(io_start_tls(b.io, server, TLS_SERVER, IO_TLS_NO_INPUT, NULL));
    io_bench_wait_until(bench, &a, IO_ERROR);
    io_bench_wait_until(bench, &b, IO_ERROR); /* the alert arrived */

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
    struct io_bench *bench = *state;
    char *path = xasprintf("%s/tls.pem", bench->folder);
    assert_true(tls_certificate_make(path, NULL));
    struct tls_context *mail = tls_context_new_server(path, NULL);
    struct tls_context *peer = tls_context_new_peer(NULL);

    assert_true(io_start_tls(bench->a.io, peer, TLS_CLIENT, IO_TLS_NO_INPUT, NULL));
    assert_true(io_start_tls(bench->b.io, mail, TLS_SERVER, IO_TLS_NO_INPUT, NULL));
    io_bench_wait_until(bench, &bench->b, IO_ERROR);

    tls_context_free(&mail);
    tls_context_free(&peer);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
