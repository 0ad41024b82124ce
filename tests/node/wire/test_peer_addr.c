// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "node/wire/peer_addr.h"

#define ONION_V3 "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

static struct peer_addr addr_of(const char *host)
{
    struct peer_addr addr;
    if (!peer_addr_of_host(&addr, bytes_of_str(host), 8444)) {
        fail_msg("\"%s\" is refused", host);
    }
    return addr;
}

static void hosts_have_the_wire_form_of_the_reference(void **state)
{
    (void)state;
    json_t *root = vectors_load("network_messages.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "addresses"), i, entry)
    {
        const char *host = vectors_str(entry, "host");
        struct peer_addr addr = addr_of(host);
        struct peer_addr again;
        size_t len;
        uint8_t *encoded = vectors_hex(entry, "encoded", &len);
        char text[PEER_ADDR_TEXT_BYTES];
        uint8_t ip[16];

        peer_addr_host_text(text, &addr);
        assert_string_equal(text, host);
        if (peer_addr_is_onion(&addr)) {
            struct buf out = {0};
            peer_addr_write_onion(&out, &addr);
            assert_bytes_equal(buf_view(&out), ((struct bytes){encoded, len}));
            assert_true(peer_addr_of_onion(&again, buf_view(&out), 8444));
            assert_true(peer_addr_equal(&addr, &again));
            buf_clear(&out);
        }
        assert_int_equal(peer_addr_to_wire(ip, &addr), addr.kind != PEER_ADDR_ONION_V3);
        if (addr.kind != PEER_ADDR_ONION_V3) {
            assert_bytes_equal(((struct bytes){ip, sizeof ip}), ((struct bytes){encoded, len}));
            again = peer_addr_of_wire(encoded, 8444);
            assert_true(peer_addr_equal(&addr, &again));
        }
        free(encoded);
    }
    json_decref(root);
}

/* Both ends of each range, and their neighbours outside. */
static const struct place {
    const char *host;
    enum { NOWHERE_SPECIAL, GLOBAL, PRIVATE, LOOPBACK } reach;
} places[] = {
    {"0.0.0.0", NOWHERE_SPECIAL},
    {"0.255.255.255", NOWHERE_SPECIAL},
    {"1.0.0.0", GLOBAL},
    {"9.255.255.255", GLOBAL},
    {"10.0.0.0", PRIVATE},
    {"10.255.255.255", PRIVATE},
    {"11.0.0.0", GLOBAL},
    {"100.63.255.255", GLOBAL},
    {"100.64.0.0", NOWHERE_SPECIAL},
    {"100.127.255.255", NOWHERE_SPECIAL},
    {"100.128.0.0", GLOBAL},
    {"126.255.255.255", GLOBAL},
    {"127.0.0.1", LOOPBACK},
    {"127.255.255.255", LOOPBACK},
    {"128.0.0.0", GLOBAL},
    {"169.253.255.255", GLOBAL},
    {"169.254.0.0", PRIVATE},
    {"169.255.0.0", GLOBAL},
    {"172.15.255.255", GLOBAL},
    {"172.16.0.0", PRIVATE},
    {"172.31.255.255", PRIVATE},
    {"172.32.0.0", GLOBAL},
    {"192.0.0.255", NOWHERE_SPECIAL},
    {"192.0.1.0", GLOBAL},
    {"192.0.2.1", NOWHERE_SPECIAL},
    {"192.0.3.0", GLOBAL},
    {"192.88.99.1", NOWHERE_SPECIAL},
    {"192.88.100.0", GLOBAL},
    {"192.167.255.255", GLOBAL},
    {"192.168.0.0", PRIVATE},
    {"192.168.255.255", PRIVATE},
    {"192.169.0.0", GLOBAL},
    {"198.17.255.255", GLOBAL},
    {"198.18.0.0", NOWHERE_SPECIAL},
    {"198.19.255.255", NOWHERE_SPECIAL},
    {"198.20.0.0", GLOBAL},
    {"198.51.100.7", NOWHERE_SPECIAL},
    {"203.0.113.7", NOWHERE_SPECIAL},
    {"203.0.114.0", GLOBAL},
    {"223.255.255.255", GLOBAL},
    {"224.0.0.0", NOWHERE_SPECIAL},
    {"239.255.255.255", NOWHERE_SPECIAL},
    {"240.0.0.0", NOWHERE_SPECIAL},
    {"255.255.255.255", NOWHERE_SPECIAL},
    {"::", NOWHERE_SPECIAL},
    {"::1", LOOPBACK},
    {"::2", NOWHERE_SPECIAL},
    {"64:ff9b::1", NOWHERE_SPECIAL},
    {"1fff:ffff::", NOWHERE_SPECIAL},
    {"2000::", GLOBAL},
    {"2001::1", NOWHERE_SPECIAL},
    {"2001:1ff::1", NOWHERE_SPECIAL},
    {"2001:200::1", GLOBAL},
    {"2001:db7::1", GLOBAL},
    {"2001:db8::1", NOWHERE_SPECIAL},
    {"2001:db9::1", GLOBAL},
    {"2002::1", NOWHERE_SPECIAL},
    {"2003::1", GLOBAL},
    {"3fff::1", NOWHERE_SPECIAL},
    {"3fff:1000::1", GLOBAL},
    {"4000::", NOWHERE_SPECIAL},
    {"fbff::1", NOWHERE_SPECIAL},
    {"fc00::1", PRIVATE},
    {"fdff::1", PRIVATE},
    {"fe80::1", PRIVATE},
    {"febf::1", PRIVATE},
    {"fec0::1", NOWHERE_SPECIAL},
    {"ff02::1", NOWHERE_SPECIAL},
    {"quzwelsuziwqgpt2.onion", GLOBAL},
    {ONION_V3, GLOBAL},
};

static void places_that_not_all_can_reach_are_not_global(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct peer_addr addr = addr_of(places[i].host);
        if (peer_addr_is_global(&addr) != (places[i].reach == GLOBAL) ||
            peer_addr_is_private(&addr) != (places[i].reach == PRIVATE) ||
            peer_addr_is_loopback(&addr) != (places[i].reach == LOOPBACK)) {
            fail_msg("%s is judged wrongly", places[i].host);
        }
    }
}

static void nowhere_is_nothing(void **state)
{
    (void)state;
    struct peer_addr nowhere = {0};
    char text[PEER_ADDR_TEXT_BYTES];
    uint8_t ip[16];
    assert_false(peer_addr_is_global(&nowhere));
    assert_false(peer_addr_is_private(&nowhere));
    assert_false(peer_addr_is_loopback(&nowhere));
    assert_false(peer_addr_is_onion(&nowhere));
    assert_false(peer_addr_to_wire(ip, &nowhere));
    peer_addr_host_text(text, &nowhere);
    assert_string_equal(text, "nowhere");
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    struct peer_addr mapped = addr_of("::ffff:5.45.99.75");
    struct peer_addr plain = addr_of("5.45.99.75");
    assert_true(peer_addr_equal(&mapped, &plain));
    assert_int_equal(mapped.kind, PEER_ADDR_IPV4);
}

static void text_that_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "example.org",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        " 1.2.3.4",
        "1.2.3.4:8444",
        "[1.2.3.4",
        "[]",
        "::g",
        "fe80::1%eth0",
        ".onion",
        "quzwelsuziwqgpt.onion",
        "quzwelsuziwqgpt21.onion",
        "quzwelsuziwqgpt1.onion",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscrye.onion", /* not version 3 */
        "0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    struct peer_addr addr;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (peer_addr_of_host(&addr, bytes_of_str(bad[i]), 1)) {
            fail_msg("\"%s\" is accepted", bad[i]);
        }
    }
    assert_false(peer_addr_of_host(&addr, (struct bytes){(const uint8_t *)"1.2.3.4\0x", 9}, 1));
}

static void names_are_read_without_regard_to_case_and_brackets(void **state)
{
    (void)state;
    struct peer_addr small = addr_of("quzwelsuziwqgpt2.onion");
    struct peer_addr big = addr_of("QUZWELSUZIWQGPT2.Onion");
    assert_true(peer_addr_equal(&small, &big));
    struct peer_addr bare = addr_of("2001:db8::1");
    struct peer_addr bracketed = addr_of("[2001:DB8:0::1]");
    assert_true(peer_addr_equal(&bare, &bracketed));
}

static void text_has_the_port(void **state)
{
    (void)state;
    static const char *const hosts[][2] = {
        {"5.45.99.75", "5.45.99.75:8444"},
        {"2001:db8::1", "[2001:db8::1]:8444"},
        {"2001:db8:1111:2222:3333:4444:5555:6666", "[2001:db8:1111:2222:3333:4444:5555:6666]:8444"},
        {ONION_V3, ONION_V3 ":8444"},
    };
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct peer_addr addr = addr_of(hosts[i][0]);
        char text[PEER_ADDR_TEXT_BYTES];
        peer_addr_text(text, &addr);
        assert_string_equal(text, hosts[i][1]);
    }
}

static void onions_of_another_length_or_prefix_are_refused(void **state)
{
    (void)state;
    struct peer_addr addr = addr_of(ONION_V3);
    struct peer_addr again;
    struct buf host = {0};
    peer_addr_write_onion(&host, &addr);
    assert_int_equal(host.len, ONION_V3_WIRE_BYTES);
    buf_append_byte(&host, 3);

    for (size_t len = 0; len <= host.len; len++) {
        bool expected = len == ONION_V2_WIRE_BYTES || len == ONION_V3_WIRE_BYTES;
        assert_int_equal(peer_addr_of_onion(&again, bytes_slice(buf_view(&host), 0, len), 1),
                         expected);
    }
    host.data[0] ^= 1;
    assert_false(peer_addr_of_onion(&again, (struct bytes){host.data, ONION_V3_WIRE_BYTES}, 1));
    buf_clear(&host);
}

static void neighbours_are_one_group(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool is_same;
    } pairs[] = {
        {"5.45.99.75", "5.45.1.2", true},
        {"5.45.99.75", "5.46.99.75", false},
        {"2a02:db8::1", "2a02:db8:ffff::1", true},
        {"2a02:db8::1", "2a02:db9::1", false},
        {"10.1.2.3", "192.168.1.1", true},
        {"10.1.2.3", "fc00::1", false},
        {"::1", "fe80::1", true},
        {"quzwelsuziwqgpt2.onion", "quzwelsuziwqgpt2.onion", true},
        {"quzwelsuziwqgpt2.onion", "quzwelsuziwqgpt3.onion", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct peer_addr a = addr_of(pairs[i].a);
        struct peer_addr b = addr_of(pairs[i].b);
        uint8_t group_a[PEER_ADDR_GROUP_BYTES];
        uint8_t group_b[PEER_ADDR_GROUP_BYTES];
        if (bytes_equal(peer_addr_group(group_a, &a), peer_addr_group(group_b, &b)) !=
            pairs[i].is_same) {
            fail_msg("%s and %s", pairs[i].a, pairs[i].b);
        }
    }
}

static void keys_tell_hosts_and_ports_apart(void **state)
{
    (void)state;
    struct peer_addr a = addr_of("5.45.99.75");
    struct peer_addr b = a;
    uint8_t key_a[PEER_ADDR_KEY_BYTES];
    uint8_t key_b[PEER_ADDR_KEY_BYTES];
    assert_bytes_equal(peer_addr_key(key_a, &a), peer_addr_key(key_b, &b));
    b.port++;
    assert_false(bytes_equal(peer_addr_key(key_a, &a), peer_addr_key(key_b, &b)));
    assert_false(peer_addr_equal(&a, &b));
    assert_true(peer_addr_same_host(&a, &b));
    struct peer_addr longest = addr_of(ONION_V3);
    assert_int_equal(peer_addr_key(key_a, &longest).len, PEER_ADDR_KEY_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_have_the_wire_form_of_the_reference),
        cmocka_unit_test(places_that_not_all_can_reach_are_not_global),
        cmocka_unit_test(nowhere_is_nothing),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(text_that_is_no_address_is_refused),
        cmocka_unit_test(names_are_read_without_regard_to_case_and_brackets),
        cmocka_unit_test(text_has_the_port),
        cmocka_unit_test(onions_of_another_length_or_prefix_are_refused),
        cmocka_unit_test(neighbours_are_one_group),
        cmocka_unit_test(keys_tell_hosts_and_ports_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
