// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "base/netaddr.h"

static struct netaddr parsed(const char *text)
{
    struct netaddr address;
    struct fault fault = {0};
    if (!netaddr_parse(&address, text, 8444, &fault)) {
        fail_msg("%s", fault.text);
    }
    return address;
}

static void addresses_are_parsed_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed; /* NULL: refused */
    } cases[] = {
        {"1.2.3.4:5", "1.2.3.4:5"},
        {"1.2.3.4", "1.2.3.4:8444"},
        {"1.2.3.4:0", "1.2.3.4:0"},
        {"1.2.3.4:65535", "1.2.3.4:65535"},
        {"1.2.3.4:65536", NULL},
        {"1.2.3.4:", NULL},
        {"1.2.3.4:-1", NULL},
        {"1.2.3:5", NULL},
        {"01.2.3.4:5", NULL},
        {"[::1]:5", "[::1]:5"},
        {"[::1]", "[::1]:8444"},
        {"::1", "[::1]:8444"},
        {"[::1]5", NULL},
        {"[::1]:", NULL},
        {"[::1", NULL},
        {"[]:5", "[::]:5"},
        {"2001:DB8::2", "[2001:db8::2]:8444"},
        {"::ffff:1.2.3.4", "1.2.3.4:8444"},
        {"*:25", "[::]:25"},
        {":25", "[::]:25"},
        {"localhost:25", "127.0.0.1:25"},
        {"example.org:25", NULL},
        {"fe80::1%eth0", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct netaddr address;
        bool ok = netaddr_parse(&address, cases[i].text, 8444, NULL);
        if (ok != (cases[i].printed != NULL)) {
            fail_msg("\"%s\"", cases[i].text);
        }
        if (ok) {
            assert_string_equal(netaddr_format(&address).text, cases[i].printed);
        }
    }
}

static void a_host_is_split_from_its_port_without_a_look_up(void **state)
{
    (void)state;
    char host[NETADDR_HOST_BYTES];
    uint16_t port;

    assert_true(netaddr_split_host(host, &port, "quzwelsuziwqgpt2.onion:8444", 1, NULL));
    assert_string_equal(host, "quzwelsuziwqgpt2.onion");
    assert_int_equal(port, 8444);
    assert_true(netaddr_split_host(host, &port, "[::1]", 7, NULL));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 7);
    assert_false(netaddr_split_host(host, &port, "a b:1", 1, NULL));
    assert_false(netaddr_split_host(host, &port, ":1", 1, NULL));

    char longest[NETADDR_HOST_BYTES + 1];
    memset(longest, 'a', sizeof longest);
    longest[NETADDR_HOST_BYTES - 1] = '\0';
    assert_true(netaddr_split_host(host, &port, longest, 1, NULL));
    longest[NETADDR_HOST_BYTES - 1] = 'a';
    longest[NETADDR_HOST_BYTES] = '\0';
    assert_false(netaddr_split_host(host, &port, longest, 1, NULL));
}

static void only_routed_addresses_are_global(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool global;
    } cases[] = {
        {"8.8.8.8", true},
        {"0.0.0.0", false},
        {"0.255.255.255", false},
        {"1.0.0.0", true},
        {"9.255.255.255", true},
        {"10.0.0.1", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"127.0.0.1", false},
        {"169.254.1.1", false},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"192.0.0.9", false},
        {"192.0.2.1", false},
        {"192.88.99.1", false},
        {"192.168.0.1", false},
        {"192.169.0.1", true},
        {"198.17.255.255", true},
        {"198.18.0.0", false},
        {"198.19.255.255", false},
        {"198.20.0.0", true},
        {"198.51.100.1", false},
        {"203.0.113.1", false},
        {"223.255.255.255", true},
        {"224.0.0.1", false},
        {"240.0.0.1", false},
        {"255.255.255.255", false},
        {"::", false},
        {"::1", false},
        {"::7f00:1", false},
        {"::ffff:10.0.0.1", false},
        {"64:ff9b::808:808", false},
        {"2001::1", false},
        {"2001:1ff::1", false},
        {"2001:200::1", true},
        {"2001:db8::1", false},
        {"2001:db9::1", true},
        {"2002:808:808::1", false},
        {"2606:4700::1", true},
        {"3fff::1", false},
        {"3fff:1000::1", true},
        {"4000::1", false},
        {"fc00::1", false},
        {"fd87:d87e:eb43::1", false},
        {"fe80::1", false},
        {"ff02::1", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct netaddr address = parsed(cases[i].text);
        if (netaddr_is_global(&address) != cases[i].global) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void groups_join_what_one_hand_may_hold(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {
        {"1.2.3.4:1", "1.2.200.9:2", true},
        {"1.2.3.4", "1.3.3.4", false},
        {"2606:4700:1::", "2606:4700:2::", true},
        {"2606:4700::", "2606:4701::", false},
        {"127.0.0.1", "::1", true},
        {"127.0.0.1", "127.9.9.9", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct netaddr a = parsed(cases[i].a);
        struct netaddr b = parsed(cases[i].b);
        uint8_t group_a[NETADDR_GROUP_BYTES];
        uint8_t group_b[NETADDR_GROUP_BYTES];
        netaddr_group(group_a, &a);
        netaddr_group(group_b, &b);
        if ((memcmp(group_a, group_b, sizeof group_a) == 0) != cases[i].same) {
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        }
    }
}

static void the_systems_form_goes_both_ways(void **state)
{
    (void)state;
    static const char *const cases[] = {"1.2.3.4:5", "[2606:4700::1]:65535", "[::]:0"};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct netaddr address = parsed(cases[i]);
        struct netaddr again = {0};
        struct sockaddr_storage storage;
        socklen_t len;
        netaddr_to_sockaddr(&storage, &len, &address);
        assert_true(netaddr_from_sockaddr(&again, &storage));
        assert_true(netaddr_equal(&address, &again));
    }
    struct sockaddr_storage unix_socket = {.ss_family = AF_UNIX};
    struct netaddr none = {0};
    assert_false(netaddr_from_sockaddr(&none, &unix_socket));
    assert_true(netaddr_is_none(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed_and_printed),
        cmocka_unit_test(a_host_is_split_from_its_port_without_a_look_up),
        cmocka_unit_test(only_routed_addresses_are_global),
        cmocka_unit_test(groups_join_what_one_hand_may_hold),
        cmocka_unit_test(the_systems_form_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
