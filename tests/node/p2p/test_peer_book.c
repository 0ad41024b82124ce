// SPDX-License-Identifier: MIT
#include "node/p2p/peer_book.h"

#include <string.h>

#include "node/p2p/book_trials.h"
#include "tests/support/vectors.h"

enum { NOW = 1700000000 };

static struct peer_addr ipv4(uint32_t address)
{
    struct peer_addr addr = {.kind = PEER_ADDR_IPV4, .port = 8444};
    store_be32(addr.host, address);
    return addr;
}

/* One address in each of many groups. */
static struct peer_addr spread(uint32_t i)
{
    return ipv4(0x10000000 + (i << 16 & 0x1fff0000) + (i >> 13) + 1);
}

static bool any(void *context, const struct peer_addr *addr)
{
    (void)context;
    (void)addr;
    return true;
}

static bool all_but(void *context, const struct peer_addr *addr)
{
    return !peer_addr_equal(context, addr);
}

static void an_entry_only_moves_forward_in_time(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr a = ipv4(0x01020304);
    assert_true(peer_book_add(book, &a, NOW - 100, NOW));
    assert_true(peer_book_add(book, &a, NOW - 200, NOW));
    assert_int_equal(peer_book_find(book, &a)->last_seen_sec, NOW - 100);
    assert_true(peer_book_add(book, &a, NOW + 5000, NOW));
    assert_int_equal(peer_book_find(book, &a)->last_seen_sec, NOW);
    assert_int_equal(peer_book_n_peers(book), 1);
    peer_book_free(&book);
}

static void ratings_rise_and_fall_within_their_bounds(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr a = ipv4(0x01020304);
    assert_true(peer_book_add(book, &a, NOW, NOW));
    const struct known_peer *peer = peer_book_find(book, &a);
    assert_int_equal(peer->rating, 0);
    for (int tenths = 1; tenths <= 10; tenths++) {
        peer_book_connected(book, &a, NOW);
        assert_int_equal(peer->rating, tenths);
    }
    peer_book_connected(book, &a, NOW);
    assert_int_equal(peer->rating, 10);
    assert_true(peer->tried);
    for (int tenths = 9; tenths >= -10; tenths--) {
        peer_book_failed(book, &a, NOW);
        assert_int_equal(peer->rating, tenths);
    }
    for (int i = 0; i < 300; i++) { /* more than the count of failures holds */
        peer_book_failed(book, &a, NOW);
    }
    assert_int_equal(peer->rating, -10);
    peer_book_connected(book, &a, NOW);
    assert_int_equal(peer->rating, -9);
    peer_book_free(&book);
}

static void one_group_cannot_fill_the_book(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 1; i <= PEER_BOOK_MAX_NEW_OF_GROUP + 10; i++) {
        struct peer_addr addr = ipv4(0x08080000 + i);
        assert_int_equal(peer_book_add(book, &addr, NOW, NOW), i <= PEER_BOOK_MAX_NEW_OF_GROUP);
    }
    struct peer_addr other = ipv4(0x09090101);
    assert_true(peer_book_add(book, &other, NOW, NOW));
    peer_book_free(&book);
}

static void heard_of_peers_are_bounded_and_push_no_tried_one_out(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr friend = ipv4(0x05060708);
    peer_book_connected(book, &friend, NOW - 1000);
    for (uint32_t i = 0; i < PEER_BOOK_MAX_NEW + 500; i++) {
        struct peer_addr addr = spread(i);
        assert_true(peer_book_add(book, &addr, NOW, NOW));
    }
    assert_int_equal(peer_book_n_peers(book), PEER_BOOK_MAX_NEW + 1);
    assert_non_null(peer_book_find(book, &friend));
    peer_book_free(&book);
}

static void tried_peers_are_bounded(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 0; i < PEER_BOOK_MAX_TRIED + 100; i++) {
        struct peer_addr addr = spread(i);
        peer_book_connected(book, &addr, NOW);
    }
    assert_int_equal(peer_book_n_tried(book), PEER_BOOK_MAX_TRIED);
    peer_book_free(&book);
}

/* A book whose tried part is full, last seen long ago, but for `n_free` places. */
static struct peer_book *full_book(size_t n_free)
{
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 0; i < PEER_BOOK_MAX_TRIED - n_free; i++) {
        struct peer_addr addr = spread(i);
        peer_book_connected(book, &addr, NOW - PEER_BOOK_SURE_SEC - 1);
    }
    return book;
}

static bool is_tried(const struct peer_book *book, const struct peer_addr *addr)
{
    const struct known_peer *peer = peer_book_find(book, addr);
    return peer != NULL && peer->tried;
}

static void a_newcomer_takes_no_place_before_the_older_one_was_tested(void **state)
{
    (void)state;
    struct peer_book *book = full_book(1);
    struct peer_addr last = ipv4(0x50000001);
    struct peer_addr newcomer = ipv4(0x51000001);
    struct peer_addr old;
    peer_book_connected(book, &last, NOW);
    assert_true(is_tried(book, &last));
    assert_false(peer_book_to_test(book, &old, NOW));

    peer_book_connected(book, &newcomer, NOW);
    assert_false(is_tried(book, &newcomer));
    assert_true(peer_book_to_test(book, &old, NOW));

    /* It answers: it stays. */
    peer_book_tried(book, &old, NOW);
    peer_book_connected(book, &old, NOW);
    assert_true(is_tried(book, &old));
    assert_false(is_tried(book, &newcomer));
    assert_non_null(peer_book_find(book, &newcomer));
    assert_false(peer_book_to_test(book, &old, NOW));

    /* It does not: they change places. */
    peer_book_connected(book, &newcomer, NOW);
    assert_true(peer_book_to_test(book, &old, NOW));
    peer_book_tried(book, &old, NOW);
    peer_book_failed(book, &old, NOW);
    assert_false(is_tried(book, &old));
    assert_true(is_tried(book, &newcomer));
    assert_int_equal(peer_book_n_tried(book), PEER_BOOK_MAX_TRIED);
    peer_book_free(&book);
}

static void those_seen_lately_need_no_test(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 0; i < PEER_BOOK_MAX_TRIED; i++) {
        struct peer_addr addr = spread(i);
        peer_book_connected(book, &addr, NOW - PEER_BOOK_SURE_SEC);
    }
    struct peer_addr newcomer = ipv4(0x51000001);
    struct peer_addr old;
    peer_book_connected(book, &newcomer, NOW);
    assert_false(is_tried(book, &newcomer));
    assert_false(peer_book_to_test(book, &old, NOW));
    peer_book_free(&book);
}

static void tests_are_bounded_and_what_can_t_be_dialled_loses_in_time(void **state)
{
    (void)state;
    struct peer_book *book = full_book(0);
    struct peer_addr newcomers[BOOK_TRIALS_MAX + 5];
    struct peer_addr old;
    for (uint32_t i = 0; i < ARRAY_LEN(newcomers); i++) {
        newcomers[i] = ipv4(0x51000001 + (i << 16));
        peer_book_connected(book, &newcomers[i], NOW);
    }
    assert_true(peer_book_to_test(book, &old, NOW + BOOK_TRIALS_GIVE_UP_SEC - 1));
    assert_false(peer_book_to_test(book, &old, NOW + BOOK_TRIALS_GIVE_UP_SEC));
    size_t n_in = 0;
    for (size_t i = 0; i < ARRAY_LEN(newcomers); i++) {
        n_in += is_tried(book, &newcomers[i]);
    }
    assert_true(n_in > 0 && n_in <= BOOK_TRIALS_MAX);
    assert_int_equal(peer_book_n_tried(book), PEER_BOOK_MAX_TRIED);
    peer_book_free(&book);
}

static void peers_are_told_of_in_their_own_stream(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr one = ipv4(0x08080808);
    struct peer_addr two = ipv4(0x09090909);
    struct addr_entry out[4];
    peer_book_add(book, &one, NOW, NOW);
    peer_book_add_in(book, &two, 2, NOW, NOW);
    assert_int_equal(peer_book_sample(book, 1, out, 4, NOW), 1);
    assert_int_equal(out[0].stream, 1);
    assert_int_equal(peer_book_sample(book, 2, out, 4, NOW), 1);
    assert_int_equal(out[0].stream, 2);
    assert_int_equal(out[0].ip[12], 9);
    assert_int_equal(peer_book_sample(book, 3, out, 4, NOW), 0);
    peer_book_free(&book);
}

static void well_rated_peers_are_chosen_more_often(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr good = ipv4(0x01010101);
    size_t n_good = 0;
    for (int i = 0; i < 20; i++) {
        peer_book_connected(book, &good, NOW);
    }
    for (uint32_t i = 0; i < 19; i++) {
        struct peer_addr addr = spread(i);
        peer_book_add(book, &addr, NOW, NOW);
    }
    for (int i = 0; i < 1000; i++) {
        struct peer_addr chosen;
        assert_true(peer_book_choose(book, &chosen, NOW, any, NULL));
        n_good += peer_addr_equal(&chosen, &good);
    }
    assert_true(n_good > 300); /* one in twenty by chance alone */
    assert_true(n_good < 1000);
    peer_book_free(&book);
}

static void those_in_use_or_just_tried_are_not_chosen(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr a = ipv4(0x01010101);
    struct peer_addr chosen;
    assert_false(peer_book_choose(book, &chosen, NOW, any, NULL));
    peer_book_add(book, &a, NOW, NOW);
    assert_false(peer_book_choose(book, &chosen, NOW, all_but, &a));
    assert_true(peer_book_choose(book, &chosen, NOW, any, NULL));

    peer_book_tried(book, &a, NOW);
    assert_false(peer_book_choose(book, &chosen, NOW + PEER_BOOK_RETRY_SEC - 1, any, NULL));
    assert_true(peer_book_choose(book, &chosen, NOW + PEER_BOOK_RETRY_SEC, any, NULL));
    peer_book_failed(book, &a, NOW);
    assert_false(peer_book_choose(book, &chosen, NOW + 2 * PEER_BOOK_RETRY_SEC - 1, any, NULL));
    assert_true(peer_book_choose(book, &chosen, NOW + 2 * PEER_BOOK_RETRY_SEC, any, NULL));
    peer_book_free(&book);
}

static void only_fresh_public_peers_are_told_to_others(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct addr_entry sample[100];
    struct peer_addr fresh = ipv4(0x01010101);
    struct peer_addr stale = ipv4(0x02010101);
    struct peer_addr bad = ipv4(0x03010101);
    struct peer_addr home = ipv4(0xc0a80001);
    peer_book_add(book, &fresh, NOW, NOW);
    peer_book_add(book, &stale, NOW - PEER_BOOK_SHARE_SEC, NOW);
    peer_book_add(book, &bad, NOW, NOW);
    peer_book_failed(book, &bad, NOW);
    peer_book_add(book, &home, NOW, NOW);

    assert_int_equal(peer_book_sample(book, 1, sample, 100, NOW), 1);
    assert_int_equal(load_be32(sample[0].ip + 12), 0x01010101);
    assert_int_equal(sample[0].port, 8444);

    for (uint32_t i = 0; i < 1000; i++) {
        struct peer_addr addr = spread(i);
        peer_book_add(book, &addr, NOW, NOW);
    }
    assert_int_equal(peer_book_sample(book, 1, sample, 100, NOW), 100);
    peer_book_free(&book);
}

static void old_and_bad_peers_are_forgotten_but_the_last_one(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct peer_addr old = ipv4(0x01010101);
    struct peer_addr bad = ipv4(0x02010101);
    struct peer_addr good = ipv4(0x03010101);
    peer_book_add(book, &good, NOW, NOW);
    peer_book_add(book, &old, NOW - PEER_BOOK_FORGET_SEC - 1, NOW);
    peer_book_add(book, &bad, NOW - PEER_BOOK_FORGET_BAD_SEC - 1, NOW);
    for (int i = 0; i < 5; i++) {
        peer_book_failed(book, &bad, NOW);
    }
    peer_book_expire(book, NOW);
    assert_int_equal(peer_book_n_peers(book), 1);
    assert_non_null(peer_book_find(book, &good));

    peer_book_expire(book, NOW + 2 * PEER_BOOK_FORGET_SEC);
    assert_int_equal(peer_book_n_peers(book), 1);
    peer_book_free(&book);
}

static void ages_and_ratings_are_bounded_on_both_sides(void **state)
{
    (void)state;
    static const struct {
        int64_t age_sec;
        int n_failures;
        bool stays;
    } cases[] = {
        {PEER_BOOK_FORGET_SEC, 0, true},
        {PEER_BOOK_FORGET_SEC + 1, 0, false},
        {PEER_BOOK_FORGET_BAD_SEC + 1, -PEER_BOOK_BAD_RATING - 1, true},
        {PEER_BOOK_FORGET_BAD_SEC + 1, -PEER_BOOK_BAD_RATING, false},
        {PEER_BOOK_FORGET_BAD_SEC, -PEER_BOOK_BAD_RATING, true},
    };
    struct peer_book *book = peer_book_new();
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer_addr addr = spread(i);
        peer_book_add(book, &addr, NOW - cases[i].age_sec, NOW);
        for (int n = 0; n < cases[i].n_failures; n++) {
            peer_book_failed(book, &addr, NOW);
        }
    }
    peer_book_expire(book, NOW);
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer_addr addr = spread(i);
        assert_int_equal(peer_book_find(book, &addr) != NULL, cases[i].stays);
    }
    peer_book_free(&book);
}

static void built_in_nodes_do_not_make_it_a_real_book(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    peer_book_add_defaults(book, NOW);
    assert_true(peer_book_n_peers(book) >= 9);
    assert_int_equal(peer_book_n_real(book), 0);

    struct peer_addr node = peer_book_at(book, 0)->addr;
    peer_book_connected(book, &node, NOW);
    assert_int_equal(peer_book_n_real(book), 1);

    /* Removing in the middle keeps the map right. */
    while (peer_book_n_peers(book) > 0) {
        struct peer_addr addr = peer_book_at(book, 0)->addr;
        assert_non_null(peer_book_find(book, &addr));
        peer_book_remove(book, &addr);
        assert_null(peer_book_find(book, &addr));
    }
    peer_book_free(&book);
}

static void a_clock_of_another_day_is_corrected_when_restoring(void **state)
{
    (void)state;
    struct peer_book *book = peer_book_new();
    struct known_peer peer = {.addr = ipv4(0x01010101),
                              .last_seen_sec = NOW + 1000000,
                              .last_try_sec = NOW + 1000000,
                              .rating = 3,
                              .tried = true};
    assert_true(peer_book_restore(book, &peer, NOW));
    assert_false(peer_book_restore(book, &peer, NOW));
    assert_int_equal(peer_book_find(book, &peer.addr)->last_seen_sec, NOW);
    assert_int_equal(peer_book_find(book, &peer.addr)->last_try_sec, 0);
    assert_int_equal(peer_book_find(book, &peer.addr)->rating, 3);
    peer_book_free(&book);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_only_moves_forward_in_time),
        cmocka_unit_test(ratings_rise_and_fall_within_their_bounds),
        cmocka_unit_test(one_group_cannot_fill_the_book),
        cmocka_unit_test(heard_of_peers_are_bounded_and_push_no_tried_one_out),
        cmocka_unit_test(tried_peers_are_bounded),
        cmocka_unit_test(a_newcomer_takes_no_place_before_the_older_one_was_tested),
        cmocka_unit_test(those_seen_lately_need_no_test),
        cmocka_unit_test(tests_are_bounded_and_what_can_t_be_dialled_loses_in_time),
        cmocka_unit_test(peers_are_told_of_in_their_own_stream),
        cmocka_unit_test(well_rated_peers_are_chosen_more_often),
        cmocka_unit_test(those_in_use_or_just_tried_are_not_chosen),
        cmocka_unit_test(only_fresh_public_peers_are_told_to_others),
        cmocka_unit_test(old_and_bad_peers_are_forgotten_but_the_last_one),
        cmocka_unit_test(ages_and_ratings_are_bounded_on_both_sides),
        cmocka_unit_test(built_in_nodes_do_not_make_it_a_real_book),
        cmocka_unit_test(a_clock_of_another_day_is_corrected_when_restoring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
