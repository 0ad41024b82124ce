// SPDX-License-Identifier: MIT
#include "node/p2p/limits.h"

#include <stdio.h>

#include "tests/support/vectors.h"

enum { SEC = 1000 };

static struct peer_addr host(const char *text)
{
    struct peer_addr addr;
    assert_true(peer_addr_of_host(&addr, bytes_of_str(text), 1));
    return addr;
}

static struct limits *limits_of(uint32_t max_inbound, uint32_t max_per_address, bool exempt)
{
    struct limits_options options = {max_inbound, max_per_address, 10000, exempt};
    return limits_new(&options);
}

static void an_address_opens_no_more_than_its_share(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 2, false);
    struct peer_addr a = host("1.2.3.4");
    struct peer_addr a_too = host("1.2.3.4");
    struct peer_addr b = host("1.2.3.5");
    a_too.port = 77;

    assert_int_equal(limits_enter(limits, &a, 0), LIMITS_WELCOME);
    assert_int_equal(limits_enter(limits, &a_too, 0), LIMITS_WELCOME);
    assert_int_equal(limits_enter(limits, &a, 0), LIMITS_ADDRESS_FULL);
    assert_int_equal(limits_enter(limits, &b, 0), LIMITS_WELCOME);
    limits_leave(limits, &a_too);
    assert_int_equal(limits_enter(limits, &a, 0), LIMITS_WELCOME);
    limits_free(&limits);
}

static void a_network_opens_no_more_than_its_share(void **state)
{
    (void)state;
    struct limits_options options = {
        .max_inbound = 100, .max_per_address = 1, .max_per_network = 3};
    struct limits *limits = limits_new(&options);
    struct peer_addr addrs[4];
    for (int i = 0; i < 4; i++) {
        char text[32];
        snprintf(text, sizeof text, "8.8.%d.1", i);
        addrs[i] = host(text);
        assert_int_equal(limits_enter(limits, &addrs[i], 0),
                         i < 3 ? LIMITS_WELCOME : LIMITS_NETWORK_FULL);
    }
    struct peer_addr elsewhere = host("8.9.0.1");
    struct peer_addr v6 = host("2a01:4f8:1::1");
    assert_int_equal(limits_enter(limits, &elsewhere, 0), LIMITS_WELCOME);
    assert_int_equal(limits_enter(limits, &v6, 0), LIMITS_WELCOME);
    limits_leave(limits, &addrs[0]);
    assert_int_equal(limits_enter(limits, &addrs[3], 0), LIMITS_WELCOME);
    assert_int_equal(limits_enter(limits, &addrs[0], 0), LIMITS_NETWORK_FULL);
    limits_free(&limits);
}

static void what_is_left_of_a_ban_is_told(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 1, false);
    struct peer_addr a = host("1.2.3.4");
    assert_int_equal(limits_ban_left_sec(limits, &a, 0), 0);
    limits_ban(limits, &a, 100, 0);
    assert_int_equal(limits_ban_left_sec(limits, &a, 0), 100);
    assert_int_equal(limits_ban_left_sec(limits, &a, 100 * SEC - 1), 1);
    assert_int_equal(limits_ban_left_sec(limits, &a, 100 * SEC), 0);
    limits_free(&limits);
}

static void all_together_open_no_more_than_the_bound(void **state)
{
    (void)state;
    struct limits *limits = limits_of(3, 1, false);
    for (int i = 1; i <= 4; i++) {
        char text[32];
        snprintf(text, sizeof text, "8.8.8.%d", i);
        struct peer_addr addr = host(text);
        assert_int_equal(limits_enter(limits, &addr, 0), i <= 3 ? LIMITS_WELCOME : LIMITS_FULL);
    }
    assert_int_equal(limits_n_inbound(limits), 3);
    limits_free(&limits);
}

static void loopback_is_exempt_where_the_settings_say_so(void **state)
{
    (void)state;
    struct limits *strict = limits_of(100, 1, false);
    struct limits *lax = limits_of(100, 1, true);
    struct peer_addr self = host("127.0.0.1");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(limits_enter(lax, &self, 0), LIMITS_WELCOME);
        assert_false(limits_misdeed(lax, &self, MISDEED_BROKEN_STREAM, 0));
    }
    assert_int_equal(limits_enter(strict, &self, 0), LIMITS_WELCOME);
    assert_int_equal(limits_enter(strict, &self, 0), LIMITS_ADDRESS_FULL);
    limits_free(&strict);
    limits_free(&lax);
}

static void marks_add_up_to_a_ban_that_ends(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 1, false);
    struct peer_addr a = host("1.2.3.4");
    assert_false(limits_misdeed(limits, &a, MISDEED_BROKEN_STREAM, 0));
    assert_false(limits_misdeed(limits, &a, MISDEED_BROKEN_STREAM, 0));
    assert_false(limits_misdeed(limits, &a, MISDEED_BROKEN_STREAM, 0));
    assert_int_equal(limits_enter(limits, &a, 0), LIMITS_WELCOME);
    limits_leave(limits, &a);

    assert_true(limits_misdeed(limits, &a, MISDEED_BROKEN_STREAM, 0));

    assert_int_equal(limits_enter(limits, &a, 0), LIMITS_BANNED);
    assert_int_equal(limits_n_banned(limits, 0), 1);
    assert_true(limits_is_banned(limits, &a, LIMITS_BAN_SEC * SEC - 1));
    assert_false(limits_is_banned(limits, &a, LIMITS_BAN_SEC * SEC));
    limits_free(&limits);
}

static void marks_fade(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 1, false);
    struct peer_addr a = host("1.2.3.4");
    for (int64_t i = 0; i < 100; i++) {
        int64_t now_ms = i * LIMITS_FADE_SEC * SEC;
        assert_false(limits_misdeed(limits, &a, MISDEED_MALFORMED, now_ms));
    }
    limits_free(&limits);
}

static void a_ban_that_is_asked_for_is_cut(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 1, false);
    struct peer_addr a = host("1.2.3.4");
    limits_ban(limits, &a, UINT64_MAX, 0);
    assert_true(limits_is_banned(limits, &a, (int64_t)LIMITS_MAX_OBEYED_BAN_SEC * SEC - 1));
    assert_false(limits_is_banned(limits, &a, (int64_t)LIMITS_MAX_OBEYED_BAN_SEC * SEC));
    limits_free(&limits);
}

static void the_table_of_hosts_is_bounded(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 1, false);
    struct peer_addr banned = host("1.2.3.4");
    limits_ban(limits, &banned, 3600, 0);
    struct peer_addr addr = host("2.0.0.0");
    for (uint32_t i = 0; i < LIMITS_MAX_HOSTS + 100; i++) {
        store_be32(addr.host, 0x02000000 + i);
        limits_misdeed(limits, &addr, MISDEED_FLOOD, 0);
    }
    assert_true(limits_is_banned(limits, &banned, 1));
    assert_int_equal(limits_enter(limits, &addr, 0), LIMITS_WELCOME);
    limits_free(&limits);
}

static void as_many_hosts_are_banned_as_the_table_holds(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 1, false);
    struct peer_addr addr = host("2.0.0.0");
    for (uint32_t i = 0; i < LIMITS_MAX_HOSTS - 1; i++) {
        store_be32(addr.host, 0x02000000 + i);
        limits_ban(limits, &addr, 3600, 0);
    }
    struct peer_addr last = host("1.2.3.4");
    struct peer_addr one_more = host("1.2.3.5");
    assert_int_equal(limits_enter(limits, &last, 0), LIMITS_WELCOME);
    assert_int_equal(limits_enter(limits, &one_more, 0), LIMITS_FULL);
    limits_ban(limits, &one_more, 3600, 0);
    assert_false(limits_is_banned(limits, &one_more, 0));
    assert_int_equal(limits_n_banned(limits, 0), LIMITS_MAX_HOSTS - 1);
    /* When the bans are over there is room. */
    assert_int_equal(limits_enter(limits, &one_more, 3600 * SEC), LIMITS_WELCOME);
    limits_free(&limits);
}

static void those_known_by_name_alone_do_not_answer_for_each_other(void **state)
{
    (void)state;
    struct limits *limits = limits_of(100, 1, false);
    struct peer_addr nowhere = {.kind = PEER_ADDR_NONE};
    for (int i = 0; i < 10; i++) {
        assert_false(limits_misdeed(limits, &nowhere, MISDEED_BROKEN_STREAM, 0));
    }
    limits_ban(limits, &nowhere, 3600, 0);
    assert_false(limits_is_banned(limits, &nowhere, 0));
    limits_free(&limits);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_opens_no_more_than_its_share),
        cmocka_unit_test(a_network_opens_no_more_than_its_share),
        cmocka_unit_test(what_is_left_of_a_ban_is_told),
        cmocka_unit_test(all_together_open_no_more_than_the_bound),
        cmocka_unit_test(loopback_is_exempt_where_the_settings_say_so),
        cmocka_unit_test(marks_add_up_to_a_ban_that_ends),
        cmocka_unit_test(marks_fade),
        cmocka_unit_test(a_ban_that_is_asked_for_is_cut),
        cmocka_unit_test(the_table_of_hosts_is_bounded),
        cmocka_unit_test(as_many_hosts_are_banned_as_the_table_holds),
        cmocka_unit_test(those_known_by_name_alone_do_not_answer_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
