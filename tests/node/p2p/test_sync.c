// SPDX-License-Identifier: MIT
/* What to ask of whom. Times are given, so hours pass in a moment. */
#include "node/p2p/sync.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/vectors.h"

enum { SEC = 1000, BATCH = 4096 };

static uint8_t batch[BATCH][WIRE_HASH_BYTES];

struct name {
    uint8_t hash[WIRE_HASH_BYTES];
};

static struct name name_of(uint32_t i)
{
    struct name name = {{0}};
    store_be32(name.hash, i);
    store_be32(name.hash + 28, i);
    return name;
}

static enum sync_want_result want(struct sync *sync, uint32_t id, uint32_t i, int64_t now_ms)
{
    return sync_want(sync, id, name_of(i).hash, now_ms);
}

static bool arrive(struct sync *sync, uint32_t id, uint32_t i, int64_t now_ms)
{
    struct sync_announcers announcers;
    return sync_arrived(sync, id, name_of(i).hash, &announcers, now_ms);
}

static size_t take(struct sync *sync, uint32_t id, int64_t now_ms)
{
    return sync_take_requests(sync, id, batch, BATCH, now_ms);
}

static void what_is_announced_is_asked_for_once(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    sync_add_peer(sync, 2, 0);
    assert_int_equal(want(sync, 1, 7, 0), SYNC_WANTED_NEW);
    assert_int_equal(want(sync, 2, 7, 0), SYNC_WANTED_BEFORE);

    assert_int_equal(take(sync, 1, 0), 1);
    assert_memory_equal(batch[0], name_of(7).hash, WIRE_HASH_BYTES);
    assert_int_equal(take(sync, 2, 0), 0);
    assert_int_equal(take(sync, 1, 0), 0);

    assert_true(arrive(sync, 1, 7, 10));
    assert_false(arrive(sync, 1, 7, 10));
    assert_int_equal(sync_n_wanted(sync), 0);
    sync_free(&sync);
}

static void an_arrival_names_those_who_announced_it(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    struct sync_announcers announcers;
    for (uint32_t id = 1; id <= SYNC_ANNOUNCERS + 1; id++) {
        sync_add_peer(sync, id, 0);
        want(sync, id, 7, 0);
        want(sync, id, 7, 0); /* twice changes nothing */
    }

    assert_true(sync_arrived(sync, 0, name_of(7).hash, &announcers, 0));

    assert_int_equal(announcers.n_ids, SYNC_ANNOUNCERS);
    sync_free(&sync);
}

static void those_who_came_first_do_not_keep_the_others_out(void **state)
{
    (void)state;
    enum { N_OBJECTS = 1000 };
    struct sync *sync = sync_new();
    struct sync_announcers announcers;
    size_t n_late = 0;
    for (uint32_t id = 1; id <= 2 * SYNC_ANNOUNCERS; id++) {
        sync_add_peer(sync, id, 0);
        for (uint32_t i = 0; i < N_OBJECTS; i++) {
            want(sync, id, i, 0);
        }
    }

    for (uint32_t i = 0; i < N_OBJECTS; i++) {
        assert_true(sync_arrived(sync, 0, name_of(i).hash, &announcers, 0));
        for (size_t k = 0; k < announcers.n_ids; k++) {
            n_late += announcers.ids[k] > SYNC_ANNOUNCERS;
        }
    }

    /* Half of the places, give or take far more than chance would. */
    assert_in_range(n_late, N_OBJECTS * SYNC_ANNOUNCERS * 4 / 10,
                    N_OBJECTS * SYNC_ANNOUNCERS * 6 / 10);
    sync_free(&sync);
}

static void the_same_announced_without_end_is_kept_in_bounds(void **state)
{
    (void)state;
    enum { N_ROUNDS = 200000 };
    struct sync *sync = sync_new();
    for (uint32_t id = 1; id <= SYNC_ANNOUNCERS + 1; id++) {
        sync_add_peer(sync, id, 0);
        want(sync, id, 7, 0);
    }
    for (uint32_t i = 0; i < N_ROUNDS; i++) {
        assert_int_equal(want(sync, 1 + i % (SYNC_ANNOUNCERS + 1), 7, 0), SYNC_WANTED_BEFORE);
    }

    assert_int_equal(sync_n_wanted(sync), 1);
    assert_int_equal(take(sync, 1, 0) + take(sync, 2, 0), 1);
    sync_free(&sync);
}

static void a_silent_peer_loses_its_requests_to_another(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    sync_add_peer(sync, 2, 0);
    want(sync, 1, 7, 0);
    want(sync, 2, 7, 0);
    assert_int_equal(take(sync, 1, 0), 1);

    sync_tick(sync, SYNC_PROBE_STALL_SEC * SEC - 1);
    assert_int_equal(take(sync, 2, SYNC_PROBE_STALL_SEC * SEC - 1), 0);
    sync_tick(sync, SYNC_PROBE_STALL_SEC * SEC);

    assert_int_equal(sync_n_stalls(sync, 1), 1);
    assert_int_equal(take(sync, 2, SYNC_PROBE_STALL_SEC * SEC), 1);
    assert_int_equal(take(sync, 1, SYNC_PROBE_STALL_SEC * SEC), 0);
    sync_free(&sync);
}

static void a_peer_that_delivered_before_gets_a_minute(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    want(sync, 1, 7, 0);
    assert_int_equal(take(sync, 1, 0), 1);
    arrive(sync, 1, 7, 0);
    want(sync, 1, 8, 0);
    assert_int_equal(take(sync, 1, 0), 1);

    sync_tick(sync, SYNC_STALL_SEC * SEC - 1);
    assert_int_equal(sync_n_asked(sync, 1), 1);
    sync_tick(sync, SYNC_STALL_SEC * SEC);

    assert_int_equal(sync_n_asked(sync, 1), 0);
    assert_int_equal(take(sync, 1, (SYNC_STALL_SEC + 1) * SEC), 1);
    sync_free(&sync);
}

static void a_peer_that_stalled_is_on_probation_until_it_delivers(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    want(sync, 1, 7, 0);
    assert_int_equal(take(sync, 1, 0), 1);
    arrive(sync, 1, 7, 0);
    want(sync, 1, 8, 0);
    assert_int_equal(take(sync, 1, 0), 1);
    int64_t now_ms = SYNC_STALL_SEC * SEC;
    sync_tick(sync, now_ms);
    assert_int_equal(sync_n_asked(sync, 1), 0);

    now_ms += 10 * SEC;
    assert_int_equal(take(sync, 1, now_ms), 1);
    sync_tick(sync, now_ms + SYNC_PROBE_STALL_SEC * SEC - 1);
    assert_int_equal(sync_n_asked(sync, 1), 1);
    sync_tick(sync, now_ms + SYNC_PROBE_STALL_SEC * SEC);
    assert_int_equal(sync_n_asked(sync, 1), 0);

    now_ms += 30 * SEC;
    assert_int_equal(take(sync, 1, now_ms), 1);
    arrive(sync, 1, 8, now_ms);
    want(sync, 1, 9, now_ms);
    assert_int_equal(take(sync, 1, now_ms), 1);
    sync_tick(sync, now_ms + SYNC_STALL_SEC * SEC - 1);
    assert_int_equal(sync_n_asked(sync, 1), 1);
    sync_free(&sync);
}

static void what_stalled_ones_owe_goes_to_those_who_deliver(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    for (uint32_t id = 1; id <= 3; id++) {
        sync_add_peer(sync, id, 0);
        for (uint32_t i = 0; i < SYNC_FIRST_WINDOW; i++) {
            want(sync, id, i, 0);
        }
    }
    /* The first two let what they are asked for lapse, one after the other. */
    int64_t now_ms = 0;
    for (uint32_t id = 1; id <= 2; id++) {
        assert_int_equal(take(sync, id, now_ms), SYNC_FIRST_WINDOW);
        now_ms += SYNC_PROBE_STALL_SEC * SEC;
        sync_tick(sync, now_ms);
    }
    now_ms += 10 * SEC;

    /* They may show themselves with one each; all else is the third's. */
    assert_int_equal(take(sync, 1, now_ms), 1);
    assert_int_equal(take(sync, 2, now_ms), 1);
    size_t n = take(sync, 3, now_ms);
    assert_int_equal(n, SYNC_FIRST_WINDOW - 2);
    for (size_t i = 0; i < n; i++) {
        arrive(sync, 3, load_be32(batch[i]), now_ms);
    }
    /* They let these lapse, too: asked for three times, an object is no probe any more. */
    now_ms += SYNC_PROBE_STALL_SEC * SEC;
    sync_tick(sync, now_ms);
    now_ms += 10 * SEC;
    assert_int_equal(take(sync, 1, now_ms), 0);
    /* When nobody better is left, it is asked. */
    sync_remove_peer(sync, 3);
    assert_int_equal(take(sync, 1, now_ms), 1);
    sync_free(&sync);
}

static void one_that_is_passed_over_is_asked_elsewhere(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    want(sync, 1, 0, 0);
    assert_int_equal(take(sync, 1, 0), 1);
    /* Others keep coming, this one does not. */
    int64_t now_ms = 0;
    for (uint32_t i = 1; now_ms < SYNC_LOST_SEC * SEC; i++, now_ms += SEC) {
        assert_int_equal(sync_n_stalls(sync, 1), 0);
        want(sync, 1, i, now_ms);
        (void)!take(sync, 1, now_ms);
        arrive(sync, 1, i, now_ms);
        sync_tick(sync, now_ms);
    }

    sync_tick(sync, SYNC_LOST_SEC * SEC);

    assert_int_equal(sync_n_stalls(sync, 1), 1);
    sync_free(&sync);
}

static void the_window_starts_small_and_doubles(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    for (uint32_t i = 0; i < 20000; i++) {
        want(sync, 1, i, 0);
    }
    size_t expected = SYNC_FIRST_WINDOW;
    for (int round = 0; round < 10; round++) {
        size_t n = take(sync, 1, 0);
        assert_int_equal(n, expected);
        for (size_t i = 0; i < n; i++) {
            struct sync_announcers announcers;
            assert_true(sync_arrived(sync, 1, batch[i], &announcers, 0));
        }
        expected = expected * 2 < SYNC_MAX_WINDOW ? expected * 2 : SYNC_MAX_WINDOW;
    }
    sync_free(&sync);
}

static void requests_come_in_batches(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    for (uint32_t i = 0; i < 100; i++) {
        want(sync, 1, i, 0);
    }
    size_t n = take(sync, 1, 0);
    struct sync_announcers announcers;

    sync_arrived(sync, 1, batch[0], &announcers, 0);
    assert_int_equal(sync_take_requests(sync, 1, batch + n, BATCH - n, 0), 0);
    for (size_t i = 1; i < n / 2; i++) {
        sync_arrived(sync, 1, batch[i], &announcers, 0);
    }

    assert_int_equal(sync_take_requests(sync, 1, batch + n, BATCH - n, 0), n / 2);
    sync_free(&sync);
}

static void a_peer_that_goes_leaves_its_requests_to_the_others(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    sync_add_peer(sync, 2, 0);
    for (uint32_t i = 0; i < 10; i++) {
        want(sync, 1, i, 0);
        want(sync, 2, i, 0);
    }
    want(sync, 1, 100, 0); /* which only the first has */
    assert_int_equal(take(sync, 1, 0), 11);

    sync_remove_peer(sync, 1);

    assert_int_equal(sync_n_wanted(sync), 10);
    assert_int_equal(take(sync, 2, 0), 10);
    sync_free(&sync);
}

static void what_only_a_lost_peer_had_is_forgotten(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    for (uint32_t id = 1; id <= 100; id++) {
        sync_add_peer(sync, id, 0);
        for (uint32_t i = 0; i < 1000; i++) {
            want(sync, id, id * 1000 + i, 0);
        }
        (void)!take(sync, id, 0);
        sync_remove_peer(sync, id);
    }
    assert_int_equal(sync_n_wanted(sync), 0);
    sync_free(&sync);
}

static void refused_ones_are_not_asked_for_again(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    want(sync, 1, 7, 0);
    assert_int_equal(take(sync, 1, 0), 1);

    sync_refused(sync, 1, name_of(7).hash, 0);
    assert_int_equal(want(sync, 1, 7, 0), SYNC_WANT_REFUSED);

    /* The memory of them is bounded: the oldest are forgotten first. */
    for (uint32_t i = 0; i < SYNC_MAX_REFUSED - 1; i++) {
        sync_refused(sync, 0, name_of(1000 + i).hash, 0);
    }
    assert_int_equal(want(sync, 1, 7, 0), SYNC_WANT_REFUSED);
    sync_refused(sync, 0, name_of(999).hash, 0);
    assert_int_equal(want(sync, 1, 7, 0), SYNC_WANTED_NEW);
    assert_int_equal(want(sync, 1, 1000, 0), SYNC_WANT_REFUSED);
    sync_free(&sync);
}

static void a_flood_of_announcements_is_bounded(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    sync_add_peer(sync, 2, 0);
    uint32_t i = 0;
    while (want(sync, 1, i, 0) == SYNC_WANTED_NEW) {
        i++;
    }
    assert_int_equal(i, SYNC_MAX_WANTED_OF_PEER);

    /* There is room for others. */
    for (uint32_t j = 0; j < 50000; j++) {
        assert_int_equal(want(sync, 2, UINT32_MAX - j, 0), SYNC_WANTED_NEW);
    }
    assert_true(sync_n_wanted(sync) <= SYNC_MAX_WANTED);
    sync_free(&sync);
}

static void each_flood_takes_half_of_the_room_and_all_no_more_than_the_bound(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    uint32_t next = 0;
    uint32_t id = 0;
    size_t before;
    do {
        before = sync_n_wanted(sync);
        sync_add_peer(sync, ++id, 0);
        while (want(sync, id, next, 0) == SYNC_WANTED_NEW) {
            next++;
        }
        size_t taken = sync_n_wanted(sync) - before;
        size_t n_free = SYNC_MAX_WANTED - before;
        assert_in_range(taken, n_free / 2, n_free / 2 + 1);
    } while (sync_n_wanted(sync) > before);

    assert_int_equal(sync_n_wanted(sync), SYNC_MAX_WANTED);
    assert_true(arrive(sync, 1, 0, 0));
    assert_int_equal(want(sync, id, next, 0), SYNC_WANTED_NEW);
    assert_int_equal(want(sync, id, next + 1, 0), SYNC_WANT_FULL);
    sync_free(&sync);
}

static void what_nobody_delivers_is_forgotten_after_an_hour(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    want(sync, 1, 7, 0);
    want(sync, 1, 8, SEC);

    sync_tick(sync, SYNC_FORGET_SEC * SEC - 1);
    assert_int_equal(sync_n_wanted(sync), 2);
    sync_tick(sync, SYNC_FORGET_SEC * SEC);
    assert_int_equal(sync_n_wanted(sync), 1);

    sync_free(&sync);
}

static void what_was_asked_for_often_enough_in_vain_is_forgotten(void **state)
{
    (void)state;
    struct sync *sync = sync_new();
    sync_add_peer(sync, 1, 0);
    want(sync, 1, 7, 0);
    int64_t now_ms = 0;
    for (int attempt = 1; attempt <= SYNC_MAX_ATTEMPTS; attempt++) {
        assert_int_equal(sync_n_wanted(sync), 1);
        assert_int_equal(take(sync, 1, now_ms), 1);
        now_ms += SYNC_PROBE_STALL_SEC * SEC;
        sync_tick(sync, now_ms);
        now_ms += 100 * SEC;
    }

    assert_int_equal(sync_n_wanted(sync), 0);
    assert_int_equal(want(sync, 1, 7, now_ms), SYNC_WANTED_NEW);
    sync_free(&sync);
}

/* Eight peers with the same 20,000 objects, of which two never answer and one goes away: each
 * object arrives, and none is ever asked of two peers at once. */
static void many_peers_share_the_work(void **state)
{
    (void)state;
    enum { N_PEERS = 8, N_OBJECTS = 20000 };
    static uint8_t asked[N_OBJECTS];
    static struct {
        uint32_t objects[SYNC_MAX_WINDOW];
        size_t n;
    } pipes[N_PEERS + 1];
    memset(asked, 0, sizeof asked);
    memset(pipes, 0, sizeof pipes);
    struct sync *sync = sync_new();
    for (uint32_t id = 1; id <= N_PEERS; id++) {
        sync_add_peer(sync, id, 0);
        for (uint32_t i = 0; i < N_OBJECTS; i++) {
            want(sync, id, i, 0);
        }
    }
    int64_t now_ms = 0;
    size_t n_arrived = 0;
    for (; sync_n_wanted(sync) > 0 && now_ms < 300 * SEC; now_ms += 100) {
        if (now_ms == 500) {
            for (size_t i = 0; i < pipes[3].n; i++) {
                asked[pipes[3].objects[i]] = 0;
            }
            pipes[3].n = 0;
            sync_remove_peer(sync, 3);
        }
        for (uint32_t id = 1; id <= 2; id++) { /* the silent ones: their requests may have lapsed */
            for (size_t i = 0; sync_n_asked(sync, id) == 0 && i < pipes[id].n; i++) {
                asked[pipes[id].objects[i]] = 0;
            }
            pipes[id].n = sync_n_asked(sync, id) == 0 ? 0 : pipes[id].n;
        }
        for (uint32_t id = 1; id <= N_PEERS; id++) {
            for (size_t i = 0; id > 2 && i < pipes[id].n; i++) {
                asked[pipes[id].objects[i]] = 0;
                n_arrived += arrive(sync, id, pipes[id].objects[i], now_ms);
            }
            pipes[id].n = id > 2 ? 0 : pipes[id].n;
            size_t n = take(sync, id, now_ms);
            for (size_t i = 0; i < n; i++) {
                uint32_t object = load_be32(batch[i]);
                assert_int_equal(asked[object], 0);
                asked[object] = 1;
                pipes[id].objects[pipes[id].n++] = object;
            }
        }
        sync_tick(sync, now_ms);
    }
    assert_int_equal(sync_n_wanted(sync), 0);
    assert_int_equal(n_arrived, N_OBJECTS);
    assert_true(now_ms < 60 * SEC);
    sync_free(&sync);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_announced_is_asked_for_once),
        cmocka_unit_test(an_arrival_names_those_who_announced_it),
        cmocka_unit_test(those_who_came_first_do_not_keep_the_others_out),
        cmocka_unit_test(the_same_announced_without_end_is_kept_in_bounds),
        cmocka_unit_test(a_silent_peer_loses_its_requests_to_another),
        cmocka_unit_test(a_peer_that_delivered_before_gets_a_minute),
        cmocka_unit_test(a_peer_that_stalled_is_on_probation_until_it_delivers),
        cmocka_unit_test(what_stalled_ones_owe_goes_to_those_who_deliver),
        cmocka_unit_test(one_that_is_passed_over_is_asked_elsewhere),
        cmocka_unit_test(the_window_starts_small_and_doubles),
        cmocka_unit_test(requests_come_in_batches),
        cmocka_unit_test(a_peer_that_goes_leaves_its_requests_to_the_others),
        cmocka_unit_test(what_only_a_lost_peer_had_is_forgotten),
        cmocka_unit_test(refused_ones_are_not_asked_for_again),
        cmocka_unit_test(a_flood_of_announcements_is_bounded),
        cmocka_unit_test(each_flood_takes_half_of_the_room_and_all_no_more_than_the_bound),
        cmocka_unit_test(what_nobody_delivers_is_forgotten_after_an_hour),
        cmocka_unit_test(what_was_asked_for_often_enough_in_vain_is_forgotten),
        cmocka_unit_test(many_peers_share_the_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
