// SPDX-License-Identifier: MIT
/* serve over real sockets, with a little protocol of its own: "echo N" answers with N bytes, "tls"
 * asks for TLS, "quit" ends, "wait" is answered by a wake. */
#include "mailproto/serve/serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/netaddr.h"
#include "base/str.h"
#include "base/tls.h"
#include "mailproto/serve/protocol.h"

/* ---- The protocol ---- */

struct talk {
    const struct serve_client *client;
    struct serve_waker waker;
    struct buf line;
    size_t left; /* of the bytes to be sent */
    struct buf out;
    bool wants_tls;
    bool closing;
    bool waiting;
};

static struct talk *last_talk;
static size_t n_freed;

static void *talk_new(void *server, const struct serve_client *client, struct serve_waker waker,
                      const struct serve_time *now)
{
    (void)server;
    (void)now;
    struct talk *talk = xcalloc(1, sizeof(*talk));
    talk->client = client;
    talk->waker = waker;
    buf_append_str(&talk->out, "hello\r\n");
    last_talk = talk;
    return talk;
}

static void talk_free(void *session)
{
    struct talk *talk = session;
    buf_clear(&talk->line);
    buf_clear(&talk->out);
    free(talk);
    n_freed++;
}

static void obey(struct talk *talk, const char *line)
{
    if (strncmp(line, "echo ", 5) == 0) {
        talk->left = strtoul(line + 5, NULL, 10);
    } else if (strcmp(line, "tls") == 0) {
        talk->wants_tls = true;
        buf_append_str(&talk->out, "go\r\n");
    } else if (strcmp(line, "wait") == 0) {
        talk->waiting = true;
    } else if (strcmp(line, "quit") == 0) {
        talk->closing = true;
        buf_append_str(&talk->out, "bye\r\n");
    } else {
        buf_printf(&talk->out, "what is %s\r\n", line);
    }
}

static bool is_busy(const struct talk *talk)
{
    return talk->left > 0 || talk->waiting || talk->wants_tls || talk->closing;
}

static size_t talk_feed(void *session, struct bytes input, const struct serve_time *now)
{
    (void)now;
    struct talk *talk = session;
    size_t used = 0;
    while (used < input.len && !is_busy(talk)) {
        uint8_t byte = input.data[used++];
        if (byte == '\n') {
            obey(talk, buf_str(&talk->line));
            buf_reset(&talk->line);
        } else if (byte != '\r') {
            buf_append_byte(&talk->line, byte);
        }
    }
    return used;
}

static void talk_tls_up(void *session, const struct serve_time *now)
{
    (void)now;
    struct talk *talk = session;
    talk->wants_tls = false;
}

static void talk_tick(void *session, const struct serve_time *now)
{
    (void)session;
    (void)now;
}

static void talk_output(void *session, struct buf *out, const struct serve_time *now)
{
    (void)now;
    struct talk *talk = session;
    buf_append_bytes(out, buf_view(&talk->out));
    buf_reset(&talk->out);
    size_t len = talk->left < SERVE_OUTPUT_MARK_BYTES ? talk->left : SERVE_OUTPUT_MARK_BYTES;
    for (size_t i = 0; i < len; i++) {
        buf_append_byte(out, 'x');
    }
    talk->left -= len;
}

static bool talks_are_of_strangers;

static struct serve_poll talk_poll(void *session)
{
    struct talk *talk = session;
    struct serve_poll poll = {.is_stranger = talks_are_of_strangers};
    if (!is_busy(talk)) {
        poll.wants |= SERVE_WANT_INPUT;
    }
    if (talk->out.len > 0 || talk->left > 0) {
        poll.wants |= SERVE_WANT_OUTPUT;
    } else if (talk->closing) {
        poll.wants |= SERVE_WANT_CLOSE;
    } else if (talk->wants_tls) {
        poll.wants |= SERVE_WANT_START_TLS;
    }
    return poll;
}

static void talk_shut_down(void *session)
{
    struct talk *talk = session;
    buf_append_str(&talk->out, "stopping\r\n");
    talk->closing = true;
}

static const struct serve_protocol protocol = {.name = "talk",
                                               .session_new = talk_new,
                                               .session_free = talk_free,
                                               .feed = talk_feed,
                                               .tls_up = talk_tls_up,
                                               .tick = talk_tick,
                                               .output = talk_output,
                                               .poll = talk_poll,
                                               .shut_down = talk_shut_down};

/* ---- The stage: a server, and clients in the same loop ---- */

struct client {
    struct io *io;
    bool is_over;
    bool tls_is_up;
};

struct stage {
    struct loop *loop;
    struct serve *serve;
    struct netaddr address;
    char certificate[64];
    struct tls_context *server_tls;
    struct tls_context *client_tls;
    bool is_down;
};

static void on_client(struct io *io, enum io_event event, void *context)
{
    struct client *client = context;
    (void)io;
    if (event == IO_EOF || event == IO_ERROR) {
        client->is_over = true;
    } else if (event == IO_TLS_READY) {
        client->tls_is_up = true;
    }
}

static void join(struct stage *stage, struct client *client)
{
    *client = (struct client){0};
    client->io = io_connect(stage->loop, &stage->address, 5000, on_client, client, NULL);
    assert_non_null(client->io);
}

static void turn(struct stage *stage, unsigned n_turns)
{
    for (unsigned i = 0; i < n_turns; i++) {
        loop_turn(stage->loop, 5);
    }
}

static void say(struct client *client, const char *text)
{
    io_write(client->io, bytes_of_str(text));
}

/* Wait for exactly this text and take it. */
static void hear(struct stage *stage, struct client *client, const char *text)
{
    struct bytes expected = bytes_of_str(text);
    for (unsigned i = 0; i < 400 && io_input(client->io).len < expected.len; i++) {
        loop_turn(stage->loop, 5);
    }
    struct bytes heard = io_input(client->io);
    assert_true(heard.len >= expected.len);
    assert_memory_equal(heard.data, text, expected.len);
    io_consume(client->io, expected.len);
}

static void raise_stage(struct stage *stage, struct serve_limits limits)
{
    struct fault fault = {0};
    *stage = (struct stage){.loop = loop_new()};
    log_init(STDERR_FILENO, LOG_LEVEL_ERROR, "test");
    snprintf(stage->certificate, sizeof(stage->certificate), "/tmp/test_serve_%d.pem",
             (int)getpid());
    assert_true(tls_certificate_make(stage->certificate, &fault));
    stage->server_tls = tls_context_new_server(stage->certificate, &fault);
    stage->client_tls = tls_context_new_client(stage->certificate, &fault);
    assert_non_null(stage->server_tls);
    assert_non_null(stage->client_tls);
    assert_true(netaddr_parse(&stage->address, "127.0.0.1", 0, &fault));
    int fd = listener_bind(&stage->address, &fault);
    assert_true(fd >= 0);
    stage->address.port = listener_port(fd);
    stage->serve = serve_new(stage->loop, &protocol, NULL, stage->server_tls, limits);
    assert_true(serve_listen_take(stage->serve, fd, SERVE_SOCKET_TCP, &fault));
    n_freed = 0;
}

static void clear_stage(struct stage *stage)
{
    serve_free(&stage->serve);
    tls_context_free(&stage->server_tls);
    tls_context_free(&stage->client_tls);
    turn(stage, 2);
    loop_free(&stage->loop);
    unlink(stage->certificate);
}

/* ---- Tests ---- */

static void a_session_speaks_and_is_answered(void **state)
{
    (void)state;
    struct stage stage;
    struct client client;
    raise_stage(&stage, (struct serve_limits){0});
    join(&stage, &client);

    hear(&stage, &client, "hello\r\n");
    assert_true(last_talk->client->is_loopback);
    assert_string_equal(last_talk->client->address, "127.0.0.1");
    say(&client, "a\r\nb\r\nquit\r\nnever\r\n");
    hear(&stage, &client, "what is a\r\nwhat is b\r\nbye\r\n");
    turn(&stage, 20);

    assert_true(client.is_over);
    assert_int_equal(serve_count_sessions(stage.serve), 0);
    assert_int_equal(n_freed, 1);
    io_free(&client.io);
    clear_stage(&stage);
}

static void a_busy_session_is_read_when_it_wakes(void **state)
{
    (void)state;
    struct stage stage;
    struct client client;
    raise_stage(&stage, (struct serve_limits){0});
    join(&stage, &client);
    hear(&stage, &client, "hello\r\n");

    say(&client, "wait\r\nx\r\n");
    turn(&stage, 20);
    assert_int_equal(io_input(client.io).len, 0);
    last_talk->waiting = false;
    last_talk->waker.wake(last_talk->waker.context);

    hear(&stage, &client, "what is x\r\n");
    io_free(&client.io);
    clear_stage(&stage);
}

static void a_slow_reader_costs_bounded_memory(void **state)
{
    (void)state;
    struct stage stage;
    struct client client;
    enum { MANY_BYTES = 64 * 1024 * 1024 };
    raise_stage(&stage, (struct serve_limits){0});
    join(&stage, &client);
    hear(&stage, &client, "hello\r\n");
    io_pause(client.io);

    say(&client, "echo 67108864\r\n");
    turn(&stage, 100);

    /* What has left the session is what the kernel and two buffers hold, not the whole. */
    assert_true(last_talk->left > MANY_BYTES / 2);
    size_t heard = 0;
    io_resume(client.io);
    for (unsigned i = 0; i < 20000 && heard < MANY_BYTES; i++) {
        loop_turn(stage.loop, 5);
        size_t len = io_input(client.io).len;
        io_consume(client.io, len);
        heard += len;
    }
    assert_int_equal(heard, MANY_BYTES);
    io_free(&client.io);
    clear_stage(&stage);
}

static void what_was_pipelined_behind_starttls_is_dropped(void **state)
{
    (void)state;
    struct stage stage;
    struct client client;
    struct fault fault = {0};
    raise_stage(&stage, (struct serve_limits){0});
    join(&stage, &client);
    hear(&stage, &client, "hello\r\n");
    assert_true(last_talk->client->can_start_tls);

    say(&client, "tls\r\ninjected\r\n");
    hear(&stage, &client, "go\r\n");
    assert_true(io_start_tls(client.io, stage.client_tls, TLS_CLIENT, IO_TLS_NO_INPUT, &fault));
    say(&client, "x\r\n");

    hear(&stage, &client, "what is x\r\n");
    assert_true(client.tls_is_up);
    turn(&stage, 5);
    assert_int_equal(io_input(client.io).len, 0);
    io_free(&client.io);
    clear_stage(&stage);
}

static void connections_are_limited(void **state)
{
    (void)state;
    struct stage stage;
    struct client clients[4];
    raise_stage(&stage, (struct serve_limits){.max_sessions = 3});

    for (size_t i = 0; i < 4; i++) {
        join(&stage, &clients[i]);
        turn(&stage, 5);
    }
    turn(&stage, 20);

    assert_int_equal(serve_count_sessions(stage.serve), 3);
    assert_false(clients[2].is_over);
    assert_true(clients[3].is_over);
    for (size_t i = 0; i < 4; i++) {
        io_free(&clients[i].io);
    }
    turn(&stage, 20);
    assert_int_equal(serve_count_sessions(stage.serve), 0);
    clear_stage(&stage);
}

static void the_oldest_stranger_makes_room(void **state)
{
    (void)state;
    struct stage stage;
    struct client clients[4];
    raise_stage(&stage, (struct serve_limits){.max_sessions = 3});
    talks_are_of_strangers = true;

    for (size_t i = 0; i < 4; i++) {
        join(&stage, &clients[i]);
        turn(&stage, 5);
    }
    turn(&stage, 20);

    assert_int_equal(serve_count_sessions(stage.serve), 3);
    assert_true(clients[0].is_over);
    assert_false(clients[1].is_over);
    assert_false(clients[3].is_over);
    for (size_t i = 0; i < 4; i++) {
        io_free(&clients[i].io);
    }
    turn(&stage, 20);
    talks_are_of_strangers = false;
    clear_stage(&stage);
}

static void stage_is_down(void *context)
{
    struct stage *stage = context;
    stage->is_down = true;
}

static void shutting_down_lets_sessions_say_good_bye(void **state)
{
    (void)state;
    struct stage stage;
    struct client client;
    raise_stage(&stage, (struct serve_limits){0});
    join(&stage, &client);
    hear(&stage, &client, "hello\r\n");

    serve_shut_down(stage.serve, stage_is_down, &stage);
    hear(&stage, &client, "stopping\r\n");
    turn(&stage, 20);

    assert_true(stage.is_down);
    assert_true(client.is_over);
    assert_int_equal(n_freed, 1);
    io_free(&client.io);
    clear_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_speaks_and_is_answered),
        cmocka_unit_test(a_busy_session_is_read_when_it_wakes),
        cmocka_unit_test(a_slow_reader_costs_bounded_memory),
        cmocka_unit_test(what_was_pipelined_behind_starttls_is_dropped),
        cmocka_unit_test(connections_are_limited),
        cmocka_unit_test(the_oldest_stranger_makes_room),
        cmocka_unit_test(shutting_down_lets_sessions_say_good_bye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
