// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/listener.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"

struct door {
    struct loop *loop;
    struct listener *listener;
    int accepted[64];
    size_t n_accepted;
    struct netaddr peer;
    bool free_on_accept;
    char folder[64];
};

static void on_accept(void *context, int fd, const struct netaddr *peer)
{
    struct door *door = context;
    door->accepted[door->n_accepted++] = fd;
    door->peer = *peer;
    if (door->free_on_accept) {
        listener_free(&door->listener);
    }
}

static int setup(void **state)
{
    struct door *door = xcalloc(1, sizeof *door);
    door->loop = loop_new();
    strcpy(door->folder, "/tmp/bittern-test-listener-XXXXXX");
    assert_non_null(mkdtemp(door->folder));
    *state = door;
    return 0;
}

static int teardown(void **state)
{
    struct door *door = *state;
    listener_free(&door->listener);
    loop_free(&door->loop);
    for (size_t i = 0; i < door->n_accepted; i++) {
        close(door->accepted[i]);
    }
    char *command = xasprintf("rm -rf %s", door->folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(door);
    return 0;
}

static int bind_text(const char *text, struct fault *fault)
{
    struct netaddr address;
    assert_true(netaddr_parse(&address, text, 0, fault));
    return listener_bind(&address, fault);
}

static int connect_to(uint16_t port)
{
    struct netaddr address;
    struct sockaddr_storage storage;
    socklen_t len;
    assert_true(netaddr_parse(&address, "127.0.0.1", port, NULL));
    netaddr_to_sockaddr(&storage, &len, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&storage, len), 0);
    return fd;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        process_close_fd(&fd);
    }
    return fd;
}

static void wait_for(struct door *door, size_t n)
{
    int64_t end_ms = clock_mono_ms() + 5000;
    while (door->n_accepted < n && clock_mono_ms() < end_ms) {
        loop_turn(door->loop, 10);
    }
    assert_int_equal(door->n_accepted, n);
}

static void a_free_port_is_picked_and_clients_are_accepted(void **state)
{
    struct door *door = *state;
    int fd = bind_text("127.0.0.1:0", NULL);
    uint16_t port = listener_port(fd);
    assert_int_not_equal(port, 0);
    door->listener = listener_new_take(door->loop, fd, on_accept, door);

    int first = connect_to(port);
    int second = connect_to(port);
    wait_for(door, 2);

    assert_true(netaddr_is_loopback(&door->peer));
    assert_int_not_equal(door->peer.port, 0);
    assert_true(fcntl(door->accepted[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(fcntl(door->accepted[0], F_GETFD), FD_CLOEXEC);
    close(first);
    close(second);
}

static void a_taken_port_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct fault fault = {0};
    int fd = bind_text("127.0.0.1:0", NULL);
    char *where = xasprintf("127.0.0.1:%u", (unsigned)listener_port(fd));

    assert_int_equal(bind_text(where, &fault), -1);

    assert_int_equal(fault.code, FAULT_EXISTS);
    assert_non_null(strstr(fault.text, where));
    assert_int_equal(bind_text("192.0.2.1:0", &fault), -1);
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    close(fd);
    free(where);
}

static void a_unix_socket_has_its_mode_and_a_dead_one_is_replaced(void **state)
{
    struct door *door = *state;
    struct fault fault = {0};
    struct stat info;
    char *path = xasprintf("%s/imap.sock", door->folder);

    int fd = listener_bind_unix(path, 0660, NULL, &fault);
    assert_true(fd >= 0);
    assert_int_equal(listener_port(fd), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0660);
    assert_int_equal(listener_bind_unix(path, 0600, NULL, &fault), -1); /* it answers */
    assert_int_equal(fault.code, FAULT_EXISTS);

    close(fd);
    fd = listener_bind_unix(path, 0600, "", &fault);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    door->listener = listener_new_take(door->loop, fd, on_accept, door);
    int client = connect_unix(path);
    wait_for(door, 1);
    assert_true(netaddr_is_none(&door->peer));
    close(client);
    free(path);
}

static void a_file_in_the_way_of_a_socket_is_left_alone(void **state)
{
    struct door *door = *state;
    struct fault fault = {0};
    char *path = xasprintf("%s/file", door->folder);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(file, "precious", 8), 8);
    close(file);

    assert_int_equal(listener_bind_unix(path, 0600, NULL, &fault), -1);
    assert_int_equal(fault.code, FAULT_EXISTS);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 8);

    char *absent = xasprintf("%s/a.sock", door->folder);
    assert_int_equal(listener_bind_unix(absent, 0600, "no-such-group-here", &fault), -1);
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    assert_int_equal(access(absent, F_OK), -1);
    free(absent);
    free(path);
}

static void a_socket_path_is_bounded(void **state)
{
    (void)state;
    struct fault fault = {0};
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';

    assert_int_equal(listener_bind_unix(path, 0600, NULL, &fault), -1);

    assert_int_equal(fault.code, FAULT_LIMIT);
}

static void pausing_leaves_clients_waiting_in_the_kernel(void **state)
{
    struct door *door = *state;
    int fd = bind_text("127.0.0.1:0", NULL);
    uint16_t port = listener_port(fd);
    door->listener = listener_new_take(door->loop, fd, on_accept, door);

    listener_pause(door->listener);
    int client = connect_to(port);
    for (int i = 0; i < 5; i++) {
        loop_turn(door->loop, 5);
    }
    assert_int_equal(door->n_accepted, 0);
    listener_resume(door->listener);
    wait_for(door, 1);
    close(client);
}

static void a_listener_may_be_freed_while_it_accepts(void **state)
{
    struct door *door = *state;
    int fd = bind_text("127.0.0.1:0", NULL);
    uint16_t port = listener_port(fd);
    door->listener = listener_new_take(door->loop, fd, on_accept, door);
    door->free_on_accept = true;

    int first = connect_to(port);
    int second = connect_to(port);
    wait_for(door, 1);
    loop_turn(door->loop, 5);

    assert_int_equal(door->n_accepted, 1);
    close(first);
    close(second);
}

static void without_descriptors_it_waits_and_goes_on(void **state)
{
    struct door *door = *state;
    int fd = bind_text("127.0.0.1:0", NULL);
    uint16_t port = listener_port(fd);
    door->listener = listener_new_take(door->loop, fd, on_accept, door);
    int client = connect_to(port);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(client); /* the lowest free descriptor */
    close(next);
    struct rlimit tight = {(rlim_t)next, before.rlim_max};

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    int64_t start_ms = clock_mono_ms();
    loop_turn(door->loop, 50);
    loop_turn(door->loop, 50); /* would spin, if the listener were still watched */
    assert_true(clock_mono_ms() - start_ms >= 40);
    assert_int_equal(door->n_accepted, 0);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    wait_for(door, 1);
    close(client);
}

/* As PyBitmessage has it: several programs hear the same broadcasts. */
static void a_port_for_datagrams_is_shared_and_may_broadcast(void **state)
{
    (void)state;
    struct fault fault;
    struct netaddr address;
    assert_true(netaddr_parse(&address, "127.0.0.1:0", 0, &fault));
    int first = listener_bind_datagrams(&address, &fault);
    assert_true(first >= 0);
    struct sockaddr_storage storage;
    socklen_t len = sizeof storage;
    assert_int_equal(getsockname(first, (struct sockaddr *)&storage, &len), 0);
    assert_true(netaddr_from_sockaddr(&address, &storage));
    int second = listener_bind_datagrams(&address, &fault);
    assert_true(second >= 0);
    int on = 0;
    len = sizeof on;
    assert_int_equal(getsockopt(first, SOL_SOCKET, SO_BROADCAST, &on, &len), 0);
    assert_int_not_equal(on, 0);
    close(first);
    close(second);
    assert_true(netaddr_parse(&address, "203.0.113.1:5", 0, &fault));
    assert_int_equal(listener_bind_datagrams(&address, &fault), -1);
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
}

int main(void)
{
#define LISTENER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        LISTENER_TEST(a_port_for_datagrams_is_shared_and_may_broadcast),
        LISTENER_TEST(a_free_port_is_picked_and_clients_are_accepted),
        LISTENER_TEST(a_taken_port_is_an_error_that_names_it),
        LISTENER_TEST(a_unix_socket_has_its_mode_and_a_dead_one_is_replaced),
        LISTENER_TEST(a_file_in_the_way_of_a_socket_is_left_alone),
        LISTENER_TEST(a_socket_path_is_bounded),
        LISTENER_TEST(pausing_leaves_clients_waiting_in_the_kernel),
        LISTENER_TEST(a_listener_may_be_freed_while_it_accepts),
        LISTENER_TEST(without_descriptors_it_waits_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
