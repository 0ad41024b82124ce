// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"

enum { MAX_HEARD = 64, WAIT_MS = 5000 };

/* What the receiving end heard. */
struct ear {
    struct loop *loop;
    struct channel *channel;
    int fds[2]; /* [1]: the sending end */
    uint16_t types[MAX_HEARD];
    size_t lens[MAX_HEARD];
    size_t n_heard;
    struct buf last;
    int taken_fd;
    bool take_fds;
    bool free_on_message;
    bool closed;
    enum fault_code closed_code;
};

static size_t n_open_fds(void)
{
    size_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL) {
        n++;
    }
    closedir(folder);
    return n;
}

static void on_message(void *context, struct channel_message *message)
{
    struct ear *ear = context;
    ear->types[ear->n_heard] = message->type;
    ear->lens[ear->n_heard++] = message->payload.len;
    buf_reset(&ear->last);
    buf_append_bytes(&ear->last, message->payload);
    if (ear->take_fds) {
        ear->taken_fd = channel_take_fd(message, 0);
    }
    if (ear->free_on_message) {
        channel_free(&ear->channel);
    }
}

static void on_closed(void *context, const struct fault *fault)
{
    struct ear *ear = context;
    assert_false(ear->closed);
    ear->closed = true;
    ear->closed_code = fault != NULL ? fault->code : FAULT_NONE;
}

static const struct channel_handler handler = {on_message, on_closed};

static int setup(void **state)
{
    struct ear *ear = xcalloc(1, sizeof *ear);
    ear->taken_fd = -1;
    ear->loop = loop_new();
    assert_true(process_socket_pair(ear->fds, NULL));
    ear->channel = channel_new_take(ear->loop, ear->fds[0], &handler, ear);
    *state = ear;
    return 0;
}

static int teardown(void **state)
{
    struct ear *ear = *state;
    channel_free(&ear->channel);
    loop_free(&ear->loop);
    process_close_fd(&ear->fds[1]);
    process_close_fd(&ear->taken_fd);
    buf_clear(&ear->last);
    free(ear);
    return 0;
}

static void turns(struct ear *ear)
{
    for (int i = 0; i < 50; i++) {
        loop_turn(ear->loop, 1);
    }
}

static void wait_heard(struct ear *ear, size_t n)
{
    int64_t end_ms = clock_mono_ms() + WAIT_MS;
    while (ear->n_heard < n && clock_mono_ms() < end_ms) {
        loop_turn(ear->loop, 10);
    }
    assert_int_equal(ear->n_heard, n);
}

static void messages_arrive_whole_and_in_order(void **state)
{
    struct ear *ear = *state;
    struct channel *sender = channel_new_take(ear->loop, ear->fds[1], &handler, ear);
    ear->fds[1] = -1;
    size_t large_len = CHANNEL_MAX_PAYLOAD_BYTES;
    uint8_t *large = xcalloc(1, large_len);
    large[large_len - 1] = 7;

    assert_true(channel_send(sender, 1, bytes_of_str("first"), NULL, 0, NULL));
    assert_true(channel_send(sender, 2, (struct bytes){large, large_len}, NULL, 0, NULL));
    assert_true(channel_send(sender, 3, (struct bytes){0}, NULL, 0, NULL));
    wait_heard(ear, 3);

    static const uint16_t types[] = {1, 2, 3};
    assert_memory_equal(ear->types, types, sizeof types);
    assert_int_equal(ear->lens[1], large_len);
    assert_int_equal(ear->lens[2], 0);
    struct fault fault = {0};
    uint8_t *too_large = xcalloc(1, large_len + 1);
    assert_false(
        channel_send(sender, 4, (struct bytes){too_large, large_len + 1}, NULL, 0, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    channel_free(&sender);
    free(large);
    free(too_large);
}

static void a_descriptor_arrives_with_its_message_and_the_rest_are_closed(void **state)
{
    struct ear *ear = *state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    size_t n_before = n_open_fds();
    ear->take_fds = true;
    int two[] = {pipe_fds[1], pipe_fds[0]};

    assert_true(channel_send_now(ear->fds[1], 9, bytes_of_str("x"), two, 2, WAIT_MS, NULL));
    wait_heard(ear, 1);

    assert_int_equal(n_open_fds(), n_before + 1);
    assert_int_equal(fcntl(ear->taken_fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(ear->taken_fd, "!", 1), 1);
    char c;
    assert_int_equal(read(pipe_fds[0], &c, 1), 1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void a_message_split_at_each_byte_is_still_one(void **state)
{
    struct ear *ear = *state;
    static const uint8_t wire[] = {0, 0, 0, 3, 0, 5, 0, 0, 'a', 'b', 'c'};

    for (size_t cut = 0; cut <= sizeof wire; cut++) {
        assert_int_equal(write(ear->fds[1], wire, cut), cut);
        turns(ear);
        assert_int_equal(ear->n_heard, cut == sizeof wire ? cut + 1 : cut);
        assert_int_equal(write(ear->fds[1], wire + cut, sizeof wire - cut), sizeof wire - cut);
        wait_heard(ear, cut + 1);
        assert_string_equal(buf_str(&ear->last), "abc");
    }
    assert_false(ear->closed);
}

static void breaches_end_the_channel_and_leak_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t wire[12];
        size_t len;
        size_t n_fds; /* sent with the bytes */
        enum fault_code code;
    } cases[] = {
        {"length above the bound", {0, 0x10, 0, 1, 0, 1, 0, 0}, 8, 0, FAULT_LIMIT},
        {"more descriptors than the bound", {0, 0, 0, 0, 0, 1, 0, 9}, 8, 0, FAULT_LIMIT},
        {"announced descriptor is missing", {0, 0, 0, 0, 0, 1, 0, 1}, 8, 0, FAULT_INVALID},
        {"descriptors not announced", {0, 0, 0, 0, 0, 1, 0, 0}, 8, 2, FAULT_INVALID},
        {"too many descriptors", {0, 0, 0, 0, 0, 1, 0, 8}, 8, 9, FAULT_LIMIT},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n_before = n_open_fds();
        void *place;
        setup(&place);
        struct ear *ear = place;
        union {
            char bytes[CMSG_SPACE(sizeof(int) * 9)];
            struct cmsghdr align;
        } control = {0};
        struct iovec piece = {(void *)(uintptr_t)cases[i].wire, cases[i].len};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
        if (cases[i].n_fds > 0) {
            message.msg_control = control.bytes;
            message.msg_controllen = CMSG_SPACE(sizeof(int) * cases[i].n_fds);
            struct cmsghdr *header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int) * cases[i].n_fds);
            memset(CMSG_DATA(header), 0, sizeof(int) * cases[i].n_fds); /* standard input */
        }
        assert_int_equal(sendmsg(ear->fds[1], &message, 0), cases[i].len);
        turns(ear);
        if (!ear->closed || ear->closed_code != cases[i].code) {
            fail_msg("%s: closed %d code %d", cases[i].name, ear->closed, ear->closed_code);
        }
        teardown(&place);
        assert_int_equal(n_open_fds(), n_before);
    }
}

static void the_end_of_the_other_side_is_told_once(void **state)
{
    struct ear *ear = *state;
    assert_true(channel_send_now(ear->fds[1], 4, bytes_of_str("bye"), NULL, 0, WAIT_MS, NULL));
    process_close_fd(&ear->fds[1]);

    turns(ear);

    assert_int_equal(ear->n_heard, 1);
    assert_true(ear->closed);
    assert_int_equal(ear->closed_code, FAULT_NONE);
    assert_false(channel_send(ear->channel, 1, (struct bytes){0}, NULL, 0, NULL));
}

static void a_channel_may_be_freed_inside_a_message(void **state)
{
    struct ear *ear = *state;
    ear->free_on_message = true;
    for (int i = 0; i < 3; i++) {
        assert_true(channel_send_now(ear->fds[1], 4, bytes_of_str("x"), NULL, 0, WAIT_MS, NULL));
    }

    turns(ear);

    assert_int_equal(ear->n_heard, 1);
    assert_false(ear->closed);
}

static void a_reader_that_sleeps_has_a_bounded_queue(void **state)
{
    struct ear *ear = *state;
    struct fault fault = {0};
    uint8_t *block = xcalloc(1, CHANNEL_MAX_PAYLOAD_BYTES);
    size_t n_sent = 0;

    /* The other end is never read. */
    while (channel_send(ear->channel, 1, (struct bytes){block, CHANNEL_MAX_PAYLOAD_BYTES}, NULL, 0,
                        &fault)) {
        n_sent++;
        assert_true(n_sent <= CHANNEL_MAX_QUEUED_BYTES / CHANNEL_MAX_PAYLOAD_BYTES + 1);
    }
    assert_int_equal(fault.code, FAULT_BUSY);
    assert_int_equal(n_sent, CHANNEL_MAX_QUEUED_BYTES / CHANNEL_MAX_PAYLOAD_BYTES);
    free(block);
}

static void waiting_for_a_silent_side_ends(void **state)
{
    struct ear *ear = *state;
    struct channel_message message = {0};
    struct fault fault = {0};

    assert_false(channel_receive_now(ear->fds[1], &message, 20, &fault));
    assert_int_equal(fault.code, FAULT_TIMEOUT);
    channel_free(&ear->channel);
    assert_false(channel_receive_now(ear->fds[1], &message, WAIT_MS, &fault));
    assert_int_equal(fault.code, FAULT_CLOSED);
}

/* ---- The child's side. ---- */

struct app {
    char *socket_name;
    int socket_fd;
    char *value;
    int n_stops;
};

static void on_child_socket(void *context, const char *name, int fd)
{
    struct app *app = context;
    app->socket_name = xstrdup(name);
    app->socket_fd = fd;
}

static void on_child_value(void *context, const char *name, const char *value)
{
    struct app *app = context;
    app->value = xasprintf("%s=%s", name, value);
}

static void on_child_stop(void *context)
{
    struct app *app = context;
    app->n_stops++;
}

static void send_pair(int fd, uint16_t type, const char *name, const char *value)
{
    struct buf pair = {0};
    child_pair_write(&pair, name, value);
    assert_true(channel_send_now(fd, type, buf_view(&pair), NULL, 0, WAIT_MS, NULL));
    buf_clear(&pair);
}

static void send_named_fd(int fd, const char *name)
{
    assert_true(
        channel_send_now(fd, CHILD_SOCKET, bytes_of_str(name), (int[]){0}, 1, WAIT_MS, NULL));
}

static void a_child_gets_settings_values_and_sockets_before_it_starts(void **state)
{
    (void)state;
    static const struct child_handler child_handler = {
        .on_socket = on_child_socket, .on_value = on_child_value, .on_stop = on_child_stop};
    size_t n_before = n_open_fds();
    int ends[2];
    assert_true(process_socket_pair(ends, NULL));
    assert_true(channel_send_now(ends[0], CHILD_SETTINGS, bytes_of_str("imap.port=0\n"), NULL, 0,
                                 WAIT_MS, NULL));
    send_pair(ends[0], CHILD_VALUE, "home", "/tmp/x");
    send_named_fd(ends[0], "imap.listen");
    send_named_fd(ends[0], "imap.listen");
    send_named_fd(ends[0], "nobody.takes");
    assert_true(channel_send_now(ends[0], CHILD_START, (struct bytes){0}, NULL, 0, WAIT_MS, NULL));

    struct fault fault = {0};
    struct child *child = child_join_fd_take(ends[1], "test", &fault);
    assert_non_null(child);
    assert_bytes_equal(child_settings(child), bytes_of_str("imap.port=0\n"));
    assert_string_equal(child_value(child, "home"), "/tmp/x");
    assert_null(child_value(child, "absent"));
    int first = child_take_socket(child, "imap.listen");
    int second = child_take_socket(child, "imap.listen");
    assert_true(first >= 0 && second >= 0 && first != second);
    assert_int_equal(child_take_socket(child, "imap.listen"), -1);
    close(first);
    close(second);

    struct loop *loop = loop_new();
    struct app app = {.socket_fd = -1};
    child_attach(child, loop, &child_handler, &app);
    child_ready(child);
    child_report(child, "sandbox", "none");
    send_named_fd(ends[0], "link");
    send_pair(ends[0], CHILD_VALUE, "pid.node", "17");
    assert_true(channel_send_now(ends[0], CHILD_STOP, (struct bytes){0}, NULL, 0, WAIT_MS, NULL));
    for (int i = 0; i < 50; i++) {
        loop_turn(loop, 1);
    }
    assert_string_equal(app.socket_name, "link");
    assert_string_equal(app.value, "pid.node=17");
    assert_string_equal(child_value(child, "pid.node"), "17");
    assert_int_equal(app.n_stops, 1);

    struct channel_message message = {0};
    assert_true(channel_receive_now(ends[0], &message, WAIT_MS, NULL));
    assert_int_equal(message.type, CHILD_READY);
    channel_message_clear(&message);
    assert_true(channel_receive_now(ends[0], &message, WAIT_MS, NULL));
    assert_int_equal(message.type, CHILD_REPORT);
    char *name;
    char *value;
    assert_true(child_pair_read(message.payload, &name, &value));
    assert_string_equal(name, "sandbox");
    assert_string_equal(value, "none");
    free(name);
    free(value);
    channel_message_clear(&message);

    close(ends[0]);
    for (int i = 0; i < 50; i++) {
        loop_turn(loop, 1);
    }
    assert_int_equal(app.n_stops, 1);
    close(app.socket_fd);
    free(app.socket_name);
    free(app.value);
    child_free(&child);
    loop_free(&loop);
    assert_int_equal(n_open_fds(), n_before);
}

static void a_supervisor_that_dies_stops_the_child(void **state)
{
    (void)state;
    static const struct child_handler child_handler = {.on_socket = on_child_socket,
                                                       .on_stop = on_child_stop};
    int ends[2];
    struct app app = {.socket_fd = -1};
    assert_true(process_socket_pair(ends, NULL));
    assert_true(channel_send_now(ends[0], CHILD_START, (struct bytes){0}, NULL, 0, WAIT_MS, NULL));
    struct child *child = child_join_fd_take(ends[1], "test", NULL);
    struct loop *loop = loop_new();
    child_attach(child, loop, &child_handler, &app);

    close(ends[0]);
    for (int i = 0; i < 50; i++) {
        loop_turn(loop, 1);
    }

    assert_int_equal(app.n_stops, 1);
    child_free(&child);
    loop_free(&loop);
}

static void a_child_without_a_supervisor_does_not_start(void **state)
{
    (void)state;
    struct fault fault = {0};
    int ends[2];
    assert_true(process_socket_pair(ends, NULL));
    send_pair(ends[0], CHILD_VALUE, "home", "/tmp/x");
    close(ends[0]);

    assert_null(child_join_fd_take(ends[1], "test", &fault));
    assert_int_equal(fault.code, FAULT_CLOSED);
}

static void pairs_with_other_shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
        bool ok;
    } cases[] = {
        {"a\0b", 3, true},    {"a\0", 2, true}, {"a", 1, false},      {"\0b", 2, false},
        {"a\0b\0", 4, false}, {"", 0, false},   {"a b\0c", 5, false}, {"a\nb\0c", 5, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *name;
        char *value;
        struct bytes payload = {(const uint8_t *)cases[i].data, cases[i].len};
        bool ok = child_pair_read(payload, &name, &value);
        if (ok != cases[i].ok) {
            fail_msg("case %zu", i);
        }
        if (ok) {
            free(name);
            free(value);
        }
    }
}

int main(void)
{
#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CHANNEL_TEST(messages_arrive_whole_and_in_order),
        CHANNEL_TEST(a_descriptor_arrives_with_its_message_and_the_rest_are_closed),
        CHANNEL_TEST(a_message_split_at_each_byte_is_still_one),
        cmocka_unit_test(breaches_end_the_channel_and_leak_nothing),
        CHANNEL_TEST(the_end_of_the_other_side_is_told_once),
        CHANNEL_TEST(a_channel_may_be_freed_inside_a_message),
        CHANNEL_TEST(a_reader_that_sleeps_has_a_bounded_queue),
        CHANNEL_TEST(waiting_for_a_silent_side_ends),
        cmocka_unit_test(a_child_gets_settings_values_and_sockets_before_it_starts),
        cmocka_unit_test(a_supervisor_that_dies_stops_the_child),
        cmocka_unit_test(a_child_without_a_supervisor_does_not_start),
        cmocka_unit_test(pairs_with_other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
