// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dns.h"
#include "base/loop.h"

/* A name server of our own: answers A questions with 192.0.2.7, all else with "no such name". */
struct desk {
    struct loop *loop;
    struct dns *dns;
    int server_fd;
    struct watch *server;
    int n_done;
    size_t n_addresses;
    struct netaddr first;
    enum fault_code code;
    bool silent;
};

static void on_question(void *context, unsigned ready)
{
    struct desk *desk = context;
    (void)ready;
    uint8_t packet[512];
    struct sockaddr_storage asker;
    socklen_t len = sizeof asker;
    ssize_t got =
        recvfrom(desk->server_fd, packet, sizeof packet - 16, 0, (struct sockaddr *)&asker, &len);
    if (got < 17 || desk->silent) {
        return;
    }
    size_t used = (size_t)got;
    bool is_a = packet[used - 3] == 1;
    bool known = (packet[13] | 0x20) == 'k'; /* the resolver mixes upper and lower case */
    packet[2] |= 0x80;
    packet[3] = (uint8_t)(known ? 0x80 : 0x83);
    if (is_a && known) {
        static const uint8_t answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7};
        packet[7] = 1;
        memcpy(packet + used, answer, sizeof answer);
        used += sizeof answer;
    }
    assert_int_equal(sendto(desk->server_fd, packet, used, 0, (struct sockaddr *)&asker, len),
                     used);
}

static void on_done(void *context, const struct netaddr *addresses, size_t n_addresses,
                    const struct fault *fault)
{
    struct desk *desk = context;
    desk->n_done++;
    desk->n_addresses = n_addresses;
    desk->first = n_addresses > 0 ? addresses[0] : (struct netaddr){0};
    desk->code = fault != NULL ? fault->code : FAULT_NONE;
}

static void wait_done(struct desk *desk, int n)
{
    int64_t end_ms = clock_mono_ms() + 5000;
    while (desk->n_done < n && clock_mono_ms() < end_ms) {
        loop_turn(desk->loop, 20);
    }
    assert_int_equal(desk->n_done, n);
}

static int setup(void **state)
{
    static struct desk desk;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct netaddr server;
    desk = (struct desk){.loop = loop_new()};
    desk.server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(desk.server_fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(desk.server_fd, (struct sockaddr *)&address, &len), 0);
    assert_true(netaddr_parse(&server, "127.0.0.1", ntohs(address.sin_port), NULL));
    desk.server = watch_new(desk.loop, desk.server_fd, on_question, &desk);
    watch_want(desk.server, WATCH_READ);
    desk.dns = dns_new_asking(desk.loop, &server, NULL);
    assert_non_null(desk.dns);
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    dns_free(&desk->dns);
    watch_free(&desk->server);
    close(desk->server_fd);
    loop_free(&desk->loop);
    return 0;
}

static void a_name_gives_its_addresses_with_the_port(void **state)
{
    struct desk *desk = *state;

    assert_non_null(dns_resolve(desk->dns, "known.example", 8444, on_done, desk));
    assert_int_equal(desk->n_done, 0);
    wait_done(desk, 1);

    assert_int_equal(desk->n_addresses, 1);
    assert_string_equal(netaddr_format(&desk->first).text, "192.0.2.7:8444");
}

static void a_name_that_is_not_there_is_a_fault(void **state)
{
    struct desk *desk = *state;

    assert_non_null(dns_resolve(desk->dns, "missing.example", 8444, on_done, desk));
    wait_done(desk, 1);

    assert_int_equal(desk->n_addresses, 0);
    assert_int_equal(desk->code, FAULT_NOT_FOUND);
}

static void a_number_is_told_later_too(void **state)
{
    struct desk *desk = *state;

    assert_non_null(dns_resolve(desk->dns, "127.0.0.9", 1, on_done, desk));
    assert_int_equal(desk->n_done, 0);
    wait_done(desk, 1);

    assert_string_equal(netaddr_format(&desk->first).text, "127.0.0.9:1");
}

static void a_cancelled_query_is_not_told(void **state)
{
    struct desk *desk = *state;
    desk->silent = true;

    struct dns_query *query = dns_resolve(desk->dns, "known.example", 1, on_done, desk);
    loop_turn(desk->loop, 20);
    dns_cancel(&query);
    assert_null(query);
    struct dns_query *number = dns_resolve(desk->dns, "127.0.0.9", 1, on_done, desk);
    dns_cancel(&number);
    for (int i = 0; i < 10; i++) {
        loop_turn(desk->loop, 5);
    }

    assert_int_equal(desk->n_done, 0);
}

static void freeing_the_resolver_cancels_all(void **state)
{
    struct desk *desk = *state;
    desk->silent = true;
    assert_non_null(dns_resolve(desk->dns, "known.example", 1, on_done, desk));
    assert_non_null(dns_resolve(desk->dns, "127.0.0.9", 1, on_done, desk));

    dns_free(&desk->dns);
    for (int i = 0; i < 5; i++) {
        loop_turn(desk->loop, 5);
    }

    assert_int_equal(desk->n_done, 0);
}

int main(void)
{
#define DNS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DNS_TEST(a_name_gives_its_addresses_with_the_port),
        DNS_TEST(a_name_that_is_not_there_is_a_fault),
        DNS_TEST(a_number_is_told_later_too),
        DNS_TEST(a_cancelled_query_is_not_told),
        DNS_TEST(freeing_the_resolver_cancels_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
