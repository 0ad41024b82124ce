// SPDX-License-Identifier: MIT
/* How far each object's lifetime strays, and when an acknowledgement leaves: at both ends of what
 * may be drawn. All that is drawn in a range is the least or the most of it (--wrap). */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/work/lifetime.h"
#include "node/objects/object.h"
#include "tests/gateway/agent/pair.h"

enum { HOUR = 3600, DAY = 24 * HOUR, JITTER = 600, SLOWNESS = 60, ACK_DELAY = 1000 };

static enum { DRAW_LEAST, DRAW_MOST } draws;

int64_t __wrap_random_between(int64_t first, int64_t last);
int64_t __wrap_random_between(int64_t first, int64_t last)
{
    return draws == DRAW_LEAST ? first : last;
}

static int64_t drawn(int64_t most)
{
    return draws == DRAW_LEAST ? -most : most;
}

static void open_home(struct rig *rig, struct network *network)
{
    rig_open(rig, network);
    rig->settings.agent.ttl_jitter_sec = JITTER;
    rig->settings.agent.ack_delay_sec = ACK_DELAY;
    rig->settings.agent.ttl_sec = 2 * HOUR;
    rig->settings.agent.resend_after_sec = HOUR;
}

static bool pubkeys_are_out(struct rig *rig, void *context)
{
    (void)context;
    return network_count(rig->network, OBJECT_PUBKEY) >= 2;
}

static int set_up(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    clock_set_offset(0);
    network_init(&pair->network);
    open_home(&pair->alice, &pair->network);
    open_home(&pair->bob, &pair->network);
    rig_identity(&pair->alice, "alice", pair->alice_address);
    rig_identity(&pair->bob, "bob", pair->bob_address);
    rig_until(&pair->alice, pubkeys_are_out, NULL, "both pubkeys");
    rig_idle(&pair->alice, 100);
    *state = pair;
    return 0;
}

static int set_up_least(void **state)
{
    draws = DRAW_LEAST;
    return set_up(state);
}

static int set_up_most(void **state)
{
    draws = DRAW_MOST;
    return set_up(state);
}

/* The newest of its type, made within the last minute. */
static void expect_lifetime(struct pair *pair, uint32_t type, int64_t wanted_sec)
{
    struct object object;
    assert_true(object_parse(&object, network_newest(&pair->network, type), NULL));
    int64_t left_sec = (int64_t)object.expires_sec - clock_now_sec();
    if (left_sec > wanted_sec || left_sec < wanted_sec - SLOWNESS) {
        fail_msg("%lld s are left, not %lld", (long long)left_sec, (long long)wanted_sec);
    }
}

static bool has_more(struct rig *rig, void *context)
{
    const size_t *n = context;
    return network_count(rig->network, OBJECT_MSG) > *n;
}

/* ---- in the order of a life; each leaves the clock so far ahead */

/* Others take the newer of two pubkeys by its end, and beyond 28 days the network takes none. */
static void a_pubkey_lives_28_days_or_less(struct pair *pair)
{
    expect_lifetime(pair, OBJECT_PUBKEY, PUBKEY_TTL_SEC - JITTER);
}

/* Its sender made it, with a lifetime of its own; its recipient keeps it for a while. */
static int64_t an_acknowledgement_strays_and_tarries(struct pair *pair)
{
    int64_t wait_sec = draws == DRAW_LEAST ? 0 : ACK_DELAY;
    int64_t passed_sec = draws == DRAW_LEAST ? 0 : ACK_DELAY + SLOWNESS;
    int64_t start_sec = clock_now_sec();
    size_t n = 1;
    pair_send_to_bob(pair);
    rig_until_count(&pair->bob, "INBOX", 1);
    if (draws == DRAW_MOST) {
        int64_t due_sec = rig_sql(&pair->bob, "SELECT due_sec FROM object_job WHERE kind = 5");
        assert_in_range(due_sec, start_sec + wait_sec, start_sec + wait_sec + SLOWNESS);
        pair_pass(pair, wait_sec - SLOWNESS - 1);
        rig_idle(&pair->bob, 300);
        assert_int_equal(network_count(&pair->network, OBJECT_MSG), 1);
        pair_pass(pair, passed_sec);
    }
    rig_until(&pair->alice, has_more, &n, "the acknowledgement");
    expect_lifetime(pair, OBJECT_MSG, DAY + drawn(JITTER) - passed_sec);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    return passed_sec;
}

static void a_request_for_a_key_strays(struct pair *pair)
{
    rig_send(&pair->alice, pair->alice_address, "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK", "Subject",
             "Text.");
    rig_until_state(&pair->alice, 2, OUTGOING_AWAITING_KEY);
    for (int i = 0; i < 100 && network_count(&pair->network, OBJECT_GETPUBKEY) == 0; i++) {
        rig_idle(&pair->alice, 50);
    }
    expect_lifetime(pair, OBJECT_GETPUBKEY, GETPUBKEY_TTL_SEC + drawn(JITTER));
}

/* Bob is away from here on. */
static void a_message_and_its_resend_stray(struct pair *pair, int64_t passed_sec)
{
    size_t n = network_count(&pair->network, OBJECT_MSG);
    pair_send_to_bob(pair);
    rig_until(&pair->alice, has_more, &n, "the message");
    expect_lifetime(pair, OBJECT_MSG, 2 * HOUR + drawn(JITTER));
    rig_until_state(&pair->alice, 3, OUTGOING_SENT);

    n++;
    pair_pass(pair, passed_sec + HOUR + 10);
    rig_until(&pair->alice, has_more, &n, "its resend");
    expect_lifetime(pair, OBJECT_MSG, 4 * HOUR + drawn(JITTER));
}

static void a_lifetime_is_cut_at_the_ends_of_what_the_network_takes(struct pair *pair)
{
    size_t n = network_count(&pair->network, OBJECT_MSG);
    pair->alice.settings.agent.ttl_sec =
        draws == DRAW_LEAST ? LIFETIME_LEAST_SEC + JITTER / 2 : LIFETIME_MOST_SEC - JITTER / 2;
    pair_send_to_bob(pair);
    rig_until(&pair->alice, has_more, &n, "the message");
    expect_lifetime(pair, OBJECT_MSG, draws == DRAW_LEAST ? LIFETIME_LEAST_SEC : LIFETIME_MOST_SEC);
}

static void each_lifetime_strays_as_far_as_it_may(void **state)
{
    struct pair *pair = *state;
    a_pubkey_lives_28_days_or_less(pair);
    int64_t passed_sec = an_acknowledgement_strays_and_tarries(pair);
    a_request_for_a_key_strays(pair);
    rig_unlink(&pair->bob);
    a_message_and_its_resend_stray(pair, passed_sec);
    a_lifetime_is_cut_at_the_ends_of_what_the_network_takes(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"each_lifetime_strays_as_far_as_it_may: least", each_lifetime_strays_as_far_as_it_may,
         set_up_least, pair_tear_down, NULL},
        {"each_lifetime_strays_as_far_as_it_may: most", each_lifetime_strays_as_far_as_it_may,
         set_up_most, pair_tear_down, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
