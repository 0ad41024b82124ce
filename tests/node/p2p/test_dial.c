// SPDX-License-Identifier: MIT
#include "node/p2p/dial.h"

#include <stdio.h>
#include <string.h>

#include "node/p2p/peer_book.h"
#include "tests/support/vectors.h"

enum { NOW = 1700000000 };

static bool nobody(void *context, const struct peer_addr *addr)
{
    (void)context;
    (void)addr;
    return false;
}

static struct peer_addr ipv4(uint32_t address)
{
    struct peer_addr addr = {.kind = PEER_ADDR_IPV4, .port = 8444};
    store_be32(addr.host, address);
    return addr;
}

static struct dial *dial_of(const char *connect, uint32_t max_outbound, struct peer_book *book)
{
    struct dial_options options = {.connect = connect,
                                   .default_port = 8444,
                                   .others = max_outbound > 0,
                                   .max_outbound = max_outbound,
                                   .is_connected = nobody};
    struct fault fault;
    struct dial *dial = dial_new(&options, book, &fault);
    if (dial == NULL) {
        fail_msg("%s", fault.text);
    }
    return dial;
}

static void named_peers_are_dialled_again_after_a_growing_wait(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct dial *dial = dial_of("1.2.3.4:8445, example.org", 0, book);
    struct dial_target target;
    int64_t now_ms = 1000;
    assert_true(dial_next(dial, &target, now_ms, NOW));
    assert_string_equal(target.host, "1.2.3.4");
    assert_int_equal(target.port, 8445);
    assert_int_equal(target.addr.kind, PEER_ADDR_IPV4);
    uint32_t first = target.ticket;
    assert_true(dial_next(dial, &target, now_ms, NOW));
    assert_string_equal(target.host, "example.org");
    assert_int_equal(target.port, 8444);
    assert_int_equal(target.addr.kind, PEER_ADDR_NONE);
    assert_false(dial_next(dial, &target, now_ms, NOW));

    int64_t wait_ms = DIAL_FIRST_RETRY_MS;
    for (int i = 0; i < 10; i++) {
        dial_ended(dial, first, now_ms, NOW);
        assert_false(dial_next(dial, &target, now_ms + wait_ms - 1, NOW));
        now_ms += wait_ms;
        assert_true(dial_next(dial, &target, now_ms, NOW));
        first = target.ticket;
        wait_ms = wait_ms * 2 < DIAL_MAX_RETRY_MS ? wait_ms * 2 : DIAL_MAX_RETRY_MS;
    }
    dial_established(dial, first, NOW);
    dial_ended(dial, first, now_ms, NOW);
    assert_true(dial_next(dial, &target, now_ms + DIAL_FIRST_RETRY_MS, NOW));
    dial_free(&dial);
    peer_book_free(&book);
}

static void a_named_peer_that_does_not_want_us_is_left_alone_for_as_long(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct dial *dial = dial_of("example.org, example.net", 0, book);
    struct dial_target unwilling;
    struct dial_target other;
    struct dial_target target;
    assert_true(dial_next(dial, &unwilling, 0, NOW));
    assert_true(dial_next(dial, &other, 0, NOW));

    dial_postpone(dial, unwilling.ticket, 100 * DIAL_FIRST_RETRY_MS);
    dial_ended(dial, unwilling.ticket, 0, NOW);
    dial_ended(dial, other.ticket, 0, NOW);

    assert_true(dial_next(dial, &target, 100 * DIAL_FIRST_RETRY_MS - 1, NOW));
    assert_string_equal(target.host, other.host);
    assert_false(dial_next(dial, &target, 100 * DIAL_FIRST_RETRY_MS - 1, NOW));
    assert_true(dial_next(dial, &target, 100 * DIAL_FIRST_RETRY_MS, NOW));
    assert_string_equal(target.host, unwilling.host);
    dial_free(&dial);
    peer_book_free(&book);
}

static void a_list_that_does_not_parse_is_a_fault(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct fault fault;
    static const char *const bad[] = {"1.2.3.4:99999", "a b/c:1", "!!"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct dial_options options = {.connect = bad[i], .is_connected = nobody};
        assert_null(dial_new(&options, book, &fault));
    }
    char many[DIAL_MAX_NAMED * 10 + 10] = "";
    for (int i = 0; i < DIAL_MAX_NAMED; i++) {
        strcat(many, "1.1.1.1:1,");
    }
    struct dial *dial = dial_of(many, 0, book);
    dial_free(&dial);
    strcat(many, "1.1.1.1:1");
    struct dial_options options = {.connect = many, .is_connected = nobody};
    assert_null(dial_new(&options, book, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    peer_book_free(&book);
}

static void others_are_dialled_one_a_group_up_to_the_bound(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 0; i < 20; i++) {
        struct peer_addr one = ipv4(0x10000001 + (i << 16));
        struct peer_addr two = ipv4(0x10000002 + (i << 16));
        peer_book_add(book, &one, NOW, NOW);
        peer_book_add(book, &two, NOW, NOW);
    }
    struct dial *dial = dial_of("", 8, book);
    struct dial_target target;
    bool seen[20] = {false};
    size_t n = 0;
    for (int tries = 0; tries < 100; tries++) {
        if (dial_next(dial, &target, 0, NOW)) {
            uint8_t group = target.addr.host[1];
            assert_false(seen[group]);
            seen[group] = true;
            dial_established(dial, target.ticket, NOW);
            n++;
        }
    }
    assert_int_equal(n, 8);
    assert_int_equal(dial_n_established(dial), 8);
    assert_int_equal(peer_book_n_tried(book), 8);
    dial_ended(dial, target.ticket, 0, NOW);
    dial_free(&dial);
    peer_book_free(&book);
}

static void our_own_address_and_private_ones_are_never_dialled(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr own = ipv4(0x05060708);
    struct peer_addr home = ipv4(0xc0a80001);
    struct peer_addr self = ipv4(0x7f000001);
    peer_book_add(book, &own, NOW, NOW);
    peer_book_add(book, &home, NOW, NOW);
    peer_book_add(book, &self, NOW, NOW);
    struct dial *dial = dial_of("", 8, book);
    struct dial_target target;
    assert_true(dial_next(dial, &target, 0, NOW));
    assert_true(peer_addr_equal(&target.addr, &own));
    dial_forbid(dial, &own);
    dial_ended(dial, target.ticket, 0, NOW);
    peer_book_add(book, &own, NOW, NOW);
    assert_false(dial_next(dial, &target, 0, NOW + 100000));
    dial_free(&dial);
    peer_book_free(&book);
}

static void the_last_of_our_addresses_are_remembered(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct dial *dial = dial_of("", 8, book);
    struct dial_target target;
    for (uint32_t i = 0; i <= DIAL_MAX_OWN_ADDRESSES; i++) {
        struct peer_addr own = ipv4(0x10000001 + (i << 16));
        dial_forbid(dial, &own);
        dial_forbid(dial, &own);
    }
    struct peer_addr second = ipv4(0x10000001 + (1 << 16));
    struct peer_addr last = ipv4(0x10000001 + (DIAL_MAX_OWN_ADDRESSES << 16));
    peer_book_add(book, &second, NOW, NOW);
    peer_book_add(book, &last, NOW, NOW);
    assert_false(dial_next(dial, &target, 0, NOW));
    struct peer_addr first = ipv4(0x10000001);
    peer_book_add(book, &first, NOW, NOW);
    assert_true(dial_next(dial, &target, 0, NOW));
    assert_true(peer_addr_equal(&target.addr, &first));
    dial_free(&dial);
    peer_book_free(&book);
}

static void introductions_are_asked_for_once_in_a_while_by_the_lonely(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct dial *dial = dial_of("", 8, book);
    assert_true(dial_wants_bootstrap(dial, NOW));
    assert_false(dial_wants_bootstrap(dial, NOW + DIAL_BOOTSTRAP_AGAIN_SEC - 1));
    assert_true(dial_wants_bootstrap(dial, NOW + DIAL_BOOTSTRAP_AGAIN_SEC));
    struct peer_addr real = ipv4(0x05060708);
    peer_book_add(book, &real, NOW, NOW);
    assert_false(dial_wants_bootstrap(dial, NOW + 10 * DIAL_BOOTSTRAP_AGAIN_SEC));
    dial_free(&dial);

    struct dial *alone = dial_of("1.2.3.4:5", 0, book);
    assert_false(dial_wants_bootstrap(alone, NOW));
    dial_free(&alone);
    peer_book_free(&book);
}

static void a_tried_peer_under_test_is_dialled_above_the_bound(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 0; i < PEER_BOOK_MAX_TRIED; i++) {
        struct peer_addr addr = ipv4(0x10000001 + (i << 14));
        peer_book_connected(book, &addr, NOW - PEER_BOOK_SURE_SEC - 1);
    }
    struct dial *dial = dial_of("", 1, book);
    struct dial_target target;
    assert_true(dial_next(dial, &target, 1, NOW));
    assert_false(target.is_test);
    dial_established(dial, target.ticket, NOW);
    assert_false(dial_next(dial, &target, 1, NOW));

    struct peer_addr newcomer = ipv4(0x70000001);
    peer_book_connected(book, &newcomer, NOW);
    assert_true(dial_next(dial, &target, 1, NOW));
    assert_true(target.is_test);
    assert_false(dial_next(dial, &target, 1 + DIAL_TEST_PERIOD_MS, NOW));
    dial_established(dial, target.ticket, NOW);
    assert_int_equal(dial_n_established(dial), 1);
    dial_ended(dial, target.ticket, 2, NOW);
    assert_false(peer_book_find(book, &newcomer)->tried);

    peer_book_connected(book, &newcomer, NOW);
    assert_false(dial_next(dial, &target, DIAL_TEST_PERIOD_MS, NOW));
    assert_true(dial_next(dial, &target, 1 + DIAL_TEST_PERIOD_MS, NOW));
    dial_ended(dial, target.ticket, 2, NOW);
    assert_true(peer_book_find(book, &newcomer)->tried);
    dial_free(&dial);
    peer_book_free(&book);
}

static void offers_of_neighbours_are_dialled_once_and_while_they_are_fresh(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct dial *dial = dial_of("", 8, book);
    struct dial_target target;
    struct peer_addr near = ipv4(0xc0a80102);
    dial_offer(dial, &near, 0);
    dial_offer(dial, &near, 0);
    assert_true(dial_next(dial, &target, 0, NOW));
    assert_true(peer_addr_equal(&target.addr, &near));
    assert_false(dial_next(dial, &target, 0, NOW));
    dial_established(dial, target.ticket, NOW);
    assert_int_equal(peer_book_n_peers(book), 0);

    /* All neighbours are one network group. */
    struct peer_addr other = ipv4(0xc0a80103);
    dial_offer(dial, &other, 0);
    assert_false(dial_next(dial, &target, 0, NOW));
    dial_ended(dial, target.ticket, 0, NOW);
    dial_offer(dial, &other, 0);
    assert_false(dial_next(dial, &target, (int64_t)DIAL_OFFER_SEC * 1000, NOW));
    dial_offer(dial, &other, 0);
    assert_true(dial_next(dial, &target, (int64_t)DIAL_OFFER_SEC * 1000 - 1, NOW));
    dial_ended(dial, target.ticket, 0, NOW);

    for (uint32_t i = 0; i < 10 * DIAL_MAX_OFFERS; i++) {
        struct peer_addr addr = ipv4(0xc0a80200 + i);
        dial_offer(dial, &addr, 0);
    }
    size_t n = 0;
    while (dial_next(dial, &target, 0, NOW)) {
        dial_ended(dial, target.ticket, 0, NOW);
        n++;
    }
    assert_int_equal(n, DIAL_MAX_OFFERS);
    dial_free(&dial);
    peer_book_free(&book);
}

static void half_open_attempts_are_bounded_more_tightly_by_a_proxy(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 0; i < 200; i++) {
        struct peer_addr addr = ipv4(0x10000001 + (i << 16));
        peer_book_add(book, &addr, NOW, NOW);
    }
    for (int by_proxy = 0; by_proxy < 2; by_proxy++) {
        struct dial_options options = {.connect = "",
                                       .others = true,
                                       .max_outbound = 64,
                                       .by_proxy = by_proxy == 1,
                                       .is_connected = nobody};
        struct dial *dial = dial_new(&options, book, NULL);
        struct dial_target target;
        for (int i = 0; i < 300; i++) {
            (void)!dial_next(dial, &target, 0, NOW + 10000 * (by_proxy + 1));
        }
        assert_int_equal(dial_n_half_open(dial),
                         by_proxy ? DIAL_MAX_HALF_OPEN_BY_PROXY : DIAL_MAX_HALF_OPEN);
        dial_free(&dial);
    }
    peer_book_free(&book);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_peers_are_dialled_again_after_a_growing_wait),
        cmocka_unit_test(a_named_peer_that_does_not_want_us_is_left_alone_for_as_long),
        cmocka_unit_test(a_list_that_does_not_parse_is_a_fault),
        cmocka_unit_test(others_are_dialled_one_a_group_up_to_the_bound),
        cmocka_unit_test(our_own_address_and_private_ones_are_never_dialled),
        cmocka_unit_test(the_last_of_our_addresses_are_remembered),
        cmocka_unit_test(introductions_are_asked_for_once_in_a_while_by_the_lonely),
        cmocka_unit_test(a_tried_peer_under_test_is_dialled_above_the_bound),
        cmocka_unit_test(offers_of_neighbours_are_dialled_once_and_while_they_are_fresh),
        cmocka_unit_test(half_open_attempts_are_bounded_more_tightly_by_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
