// SPDX-License-Identifier: MIT
#include "node/p2p/own_address.h"

#include <stdio.h>

#include "tests/support/vectors.h"

static struct peer_addr host(const char *text)
{
    struct peer_addr addr;
    assert_true(peer_addr_of_host(&addr, bytes_of_str(text), 8444));
    return addr;
}

/* A teller in a group of its own. */
static struct peer_addr teller(unsigned i)
{
    char text[24];
    snprintf(text, sizeof text, "20.%u.0.1", i);
    return host(text);
}

static void tell(struct own_address *own, struct peer_addr from, const char *seen, int64_t now_ms)
{
    struct peer_addr addr = host(seen);
    own_address_tell(own, &from, &addr, now_ms);
}

static bool agreed_on(const struct own_address *own, const char *seen, int64_t now_ms)
{
    struct peer_addr addr = host(seen);
    struct peer_addr out;
    return own_address_agreed(own, addr.kind, &out, now_ms) && peer_addr_same_host(&out, &addr);
}

static void fewer_than_a_quorum_are_not_believed(void **state)
{
    (void)state;
    struct own_address own = {0};
    for (unsigned i = 0; i < OWN_ADDRESS_QUORUM; i++) {
        assert_false(agreed_on(&own, "8.8.4.4", 0));
        tell(&own, teller(i), "8.8.4.4", 0);
    }
    assert_true(agreed_on(&own, "8.8.4.4", 0));
}

static void one_network_has_one_vote(void **state)
{
    (void)state;
    struct own_address own = {0};
    for (unsigned i = 1; i < 200; i++) {
        char text[24];
        snprintf(text, sizeof text, "20.1.%u.1", i);
        tell(&own, host(text), "8.8.4.4", 0);
    }
    assert_int_equal(own.n_votes, 1);
    assert_false(agreed_on(&own, "8.8.4.4", 0));
}

static void a_liar_minority_changes_nothing_and_a_split_gives_none(void **state)
{
    (void)state;
    struct own_address own = {0};
    for (unsigned i = 0; i < 7; i++) {
        tell(&own, teller(i), i < 3 ? "9.9.9.9" : "8.8.4.4", 0);
    }
    assert_true(agreed_on(&own, "8.8.4.4", 0));
    tell(&own, teller(7), "9.9.9.9", 0);
    struct peer_addr out;
    assert_false(own_address_agreed(&own, PEER_ADDR_IPV4, &out, 0));
}

static void the_latest_word_of_a_group_counts_and_fades_in_a_day(void **state)
{
    (void)state;
    struct own_address own = {0};
    int64_t day_ms = (int64_t)OWN_ADDRESS_VOTE_SEC * 1000;
    for (unsigned i = 0; i < 3; i++) {
        tell(&own, teller(i), "8.8.4.4", 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        tell(&own, teller(i), "9.9.9.9", 5);
    }
    assert_true(agreed_on(&own, "9.9.9.9", 5));
    assert_true(agreed_on(&own, "9.9.9.9", day_ms + 4));
    assert_false(agreed_on(&own, "9.9.9.9", day_ms + 5));
}

static void private_addresses_are_no_votes_and_families_vote_apart(void **state)
{
    (void)state;
    struct own_address own = {0};
    for (unsigned i = 0; i < 5; i++) {
        tell(&own, teller(i), "192.168.1.2", 0);
        tell(&own, teller(i), "127.0.0.1", 0);
    }
    assert_int_equal(own.n_votes, 0);
    for (unsigned i = 0; i < 3; i++) {
        tell(&own, teller(i), "8.8.4.4", 0);
        tell(&own, teller(i), "2a01:4f8::1", 0);
    }
    assert_true(agreed_on(&own, "8.8.4.4", 0));
    assert_true(agreed_on(&own, "2a01:4f8::1", 0));
}

static void votes_are_bounded(void **state)
{
    (void)state;
    struct own_address own = {0};
    for (unsigned i = 0; i < 200; i++) {
        tell(&own, teller(i), "8.8.4.4", i);
        assert_true(own.n_votes <= OWN_ADDRESS_MAX_VOTES);
    }
    assert_int_equal(own.n_votes, OWN_ADDRESS_MAX_VOTES);
    assert_true(agreed_on(&own, "8.8.4.4", 200));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(fewer_than_a_quorum_are_not_believed),
        cmocka_unit_test(one_network_has_one_vote),
        cmocka_unit_test(a_liar_minority_changes_nothing_and_a_split_gives_none),
        cmocka_unit_test(the_latest_word_of_a_group_counts_and_fades_in_a_day),
        cmocka_unit_test(private_addresses_are_no_votes_and_families_vote_apart),
        cmocka_unit_test(votes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
