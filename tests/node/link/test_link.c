// SPDX-License-Identifier: MIT
/* Both ends joined in memory: what one says, the other hears. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "node/link/link_gateway.h"
#include "node/link/link_node.h"

static const struct link_epoch this_epoch = {"this epoch......"};
static const struct link_epoch other_epoch = {"another epoch..."};
static const uint8_t some_hash[LINK_HASH_BYTES] = {1, 2, 3};

struct both {
    struct link_gateway *gateway;
    struct link_node *node;
};

/* Hand over what one end has to say, in pieces of `step` bytes. */
static void to_node(struct both *both, size_t step)
{
    struct buf *out = link_gateway_output(both->gateway);
    struct fault fault = {0};
    size_t n = out->len < step ? out->len : step;
    assert_true(link_node_feed(both->node, bytes_slice(buf_view(out), 0, n), &fault));
    buf_consume(out, n);
}

static void to_gateway(struct both *both, size_t step)
{
    struct buf *out = link_node_output(both->node);
    struct fault fault = {0};
    size_t n = out->len < step ? out->len : step;
    assert_true(link_gateway_feed(both->gateway, bytes_slice(buf_view(out), 0, n), &fault));
    buf_consume(out, n);
}

/* The node's next event, fetching input as long as there is some. */
static struct link_node_event node_hears(struct both *both)
{
    struct link_node_event event = {0};
    struct fault fault;
    while (!link_node_next_event(both->node, &event, &fault)) {
        assert_int_equal(fault.code, FAULT_NONE);
        assert_true(link_gateway_output(both->gateway)->len > 0);
        to_node(both, LINK_MAX_FEED_BYTES);
    }
    return event;
}

static struct link_gateway_event gateway_hears(struct both *both)
{
    struct link_gateway_event event = {0};
    struct fault fault;
    while (!link_gateway_next_event(both->gateway, &event, &fault)) {
        assert_int_equal(fault.code, FAULT_NONE);
        assert_true(link_node_output(both->node)->len > 0);
        to_gateway(both, LINK_MAX_FEED_BYTES);
    }
    return event;
}

static void assert_silence(struct both *both)
{
    struct link_gateway_event gateway_event;
    struct link_node_event node_event;
    struct fault fault;
    while (link_node_output(both->node)->len > 0) {
        to_gateway(both, LINK_MAX_FEED_BYTES);
        assert_false(link_gateway_next_event(both->gateway, &gateway_event, &fault));
        assert_int_equal(fault.code, FAULT_NONE);
    }
    while (link_gateway_output(both->gateway)->len > 0) {
        to_node(both, LINK_MAX_FEED_BYTES);
        assert_false(link_node_next_event(both->node, &node_event, &fault));
        assert_int_equal(fault.code, FAULT_NONE);
    }
}

static int join(void **state)
{
    struct both *both = xcalloc(1, sizeof *both);
    both->gateway = link_gateway_new();
    both->node = link_node_new(&this_epoch, 7);
    *state = both;
    return 0;
}

static int join_and_greet(void **state)
{
    (void)join(state);
    struct both *both = *state;
    assert_int_equal(node_hears(both).kind, LINK_NODE_HELLO);
    assert_int_equal(gateway_hears(both).kind, LINK_GATEWAY_HELLO);
    return 0;
}

static int part(void **state)
{
    struct both *both = *state;
    link_gateway_free(&both->gateway);
    link_node_free(&both->node);
    free(both);
    return 0;
}

static void the_node_says_which_store_it_has(void **state)
{
    struct both *both = *state;
    assert_int_equal(node_hears(both).kind, LINK_NODE_HELLO);
    struct link_gateway_event hello = gateway_hears(both);
    assert_int_equal(hello.kind, LINK_GATEWAY_HELLO);
    assert_true(link_epoch_equal(&hello.epoch, &this_epoch));
    assert_int_equal(hello.number, 7);
    assert_silence(both);
}

static void an_object_is_published_and_answered(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    assert_true(link_gateway_publish(both->gateway, 42, bytes_of_str("an object"), &fault));

    struct link_node_event publish = node_hears(both);
    assert_int_equal(publish.kind, LINK_NODE_PUBLISH);
    assert_int_equal(publish.request, 42);
    assert_bytes_equal(publish.object, bytes_of_str("an object"));
    link_node_send_published(both->node, 42, LINK_STORED, 8, (struct bytes){0});

    struct link_gateway_event published = gateway_hears(both);
    assert_int_equal(published.kind, LINK_GATEWAY_PUBLISHED);
    assert_int_equal(published.request, 42);
    assert_int_equal(published.verdict, LINK_STORED);
    assert_int_equal(published.number, 8);
    assert_true(link_epoch_equal(&published.epoch, &this_epoch));
}

static void a_refusal_comes_with_its_reason_cut_to_size(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    uint8_t words[LINK_MAX_REASON_BYTES + 1];
    memset(words, 'x', sizeof words);
    assert_true(link_gateway_publish(both->gateway, 1, bytes_of_str("x"), &fault));
    (void)node_hears(both);
    link_node_send_published(both->node, 1, LINK_REFUSED, 0, (struct bytes){words, sizeof words});

    struct link_gateway_event published = gateway_hears(both);
    assert_int_equal(published.verdict, LINK_REFUSED);
    assert_bytes_equal(published.reason, ((struct bytes){words, LINK_MAX_REASON_BYTES}));
}

static void an_answer_is_sent_once(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    assert_true(link_gateway_publish(both->gateway, 1, bytes_of_str("x"), &fault));
    (void)node_hears(both);
    link_node_send_published(both->node, 1, LINK_STORED, 8, (struct bytes){0});
    (void)gateway_hears(both);
    link_node_send_published(both->node, 1, LINK_STORED, 8, (struct bytes){0});
    link_node_send_status(both->node, 1, &(struct node_figures){{0}});
    link_node_send_found_end(both->node, 1);
    assert_int_equal(link_node_output(both->node)->len, 0);
}

static void only_so_many_publishes_wait(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    for (uint64_t i = 0; i < LINK_MAX_PENDING; i++) {
        assert_true(link_gateway_publish(both->gateway, i, bytes_of_str("x"), &fault));
        assert_false(link_gateway_publish(both->gateway, i, bytes_of_str("x"), &fault));
        assert_int_equal(fault.code, FAULT_BUSY);
    }
    assert_false(link_gateway_publish(both->gateway, 1000, bytes_of_str("x"), &fault));
    assert_int_equal(fault.code, FAULT_BUSY);

    for (uint64_t i = 0; i < LINK_MAX_PENDING; i++) {
        assert_int_equal(node_hears(both).request, i);
    }
    link_node_send_published(both->node, 5, LINK_DUPLICATE, 3, (struct bytes){0});
    assert_int_equal(gateway_hears(both).verdict, LINK_DUPLICATE);
    assert_true(link_gateway_publish(both->gateway, 1000, bytes_of_str("x"), &fault));
    assert_int_equal(node_hears(both).request, 1000);
}

static void the_longest_object_passes_and_a_longer_one_does_not(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    uint8_t *object = xcalloc(LINK_MAX_OBJECT_BYTES + 1, 1);
    assert_false(link_gateway_publish(both->gateway, 1,
                                      (struct bytes){object, LINK_MAX_OBJECT_BYTES + 1}, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    assert_false(link_gateway_publish(both->gateway, 1, (struct bytes){0}, &fault));
    assert_int_equal(link_gateway_output(both->gateway)->len, 0);

    struct bytes longest = {object, LINK_MAX_OBJECT_BYTES};
    assert_true(link_gateway_publish(both->gateway, 1, longest, &fault));
    assert_bytes_equal(node_hears(both).object, longest);

    assert_true(link_gateway_objects_since(both->gateway, LINK_LIVE_SCAN, &this_epoch, 0, &fault));
    (void)node_hears(both);
    assert_true(link_node_send_object(both->node, LINK_LIVE_SCAN, 1, some_hash, longest));
    assert_bytes_equal(gateway_hears(both).object, longest);
    free(object);
}

static void the_live_scan_goes_on_after_having_caught_up(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    assert_true(link_gateway_objects_since(both->gateway, LINK_LIVE_SCAN, &this_epoch, 5, &fault));
    struct link_node_event since = node_hears(both);
    assert_int_equal(since.kind, LINK_NODE_OBJECTS_SINCE);
    assert_int_equal(since.number, 5);
    assert_true(link_epoch_equal(&since.epoch, &this_epoch));

    assert_true(
        link_node_send_object(both->node, LINK_LIVE_SCAN, 6, some_hash, bytes_of_str("six")));
    link_node_send_caught_up(both->node, LINK_LIVE_SCAN, 7);
    assert_true(
        link_node_send_object(both->node, LINK_LIVE_SCAN, 8, some_hash, bytes_of_str("eight")));

    struct link_gateway_event event = gateway_hears(both);
    assert_int_equal(event.kind, LINK_GATEWAY_OBJECT);
    assert_int_equal(event.scan, LINK_LIVE_SCAN);
    assert_int_equal(event.number, 6);
    assert_memory_equal(event.hash, some_hash, sizeof some_hash);
    assert_bytes_equal(event.object, bytes_of_str("six"));
    event = gateway_hears(both);
    assert_int_equal(event.kind, LINK_GATEWAY_CAUGHT_UP);
    assert_int_equal(event.number, 7);
    event = gateway_hears(both);
    assert_int_equal(event.number, 8);
    assert_silence(both);
}

static void other_scans_end_with_having_caught_up(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    assert_true(link_gateway_objects_since(both->gateway, 9, &this_epoch, 0, &fault));
    (void)node_hears(both);
    assert_true(link_node_send_object(both->node, 9, 1, some_hash, bytes_of_str("one")));
    link_node_send_caught_up(both->node, 9, 7);
    assert_false(link_node_send_object(both->node, 9, 8, some_hash, bytes_of_str("eight")));

    assert_int_equal(gateway_hears(both).scan, 9);
    assert_int_equal(gateway_hears(both).kind, LINK_GATEWAY_CAUGHT_UP);
    link_node_send_caught_up(both->node, 9, 8);
    assert_silence(both);
}

static void a_scan_behind_another_epoch_begins_with_the_first_object(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    assert_true(
        link_gateway_objects_since(both->gateway, LINK_LIVE_SCAN, &other_epoch, 1000, &fault));
    struct link_node_event since = node_hears(both);
    assert_true(link_epoch_equal(&since.epoch, &other_epoch));
    assert_true(
        link_node_send_object(both->node, LINK_LIVE_SCAN, 1, some_hash, bytes_of_str("one")));
    assert_int_equal(gateway_hears(both).number, 1);
}

static void only_so_many_scans_run(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    for (uint32_t i = 0; i <= LINK_MAX_SCANS; i++) {
        assert_true(link_gateway_objects_since(both->gateway, i, &this_epoch, 0, &fault));
        assert_int_equal(node_hears(both).scan, i);
    }
    assert_false(link_gateway_objects_since(both->gateway, 100, &this_epoch, 0, &fault));
    assert_int_equal(fault.code, FAULT_BUSY);
    /* A running one may start again, and an ended one makes room. */
    assert_true(link_gateway_objects_since(both->gateway, 3, &this_epoch, 4, &fault));
    assert_int_equal(node_hears(both).number, 4);
    link_gateway_stop_scan(both->gateway, 5);
    assert_int_equal(node_hears(both).kind, LINK_NODE_STOP_SCAN);
    assert_true(link_gateway_objects_since(both->gateway, 100, &this_epoch, 0, &fault));
    assert_int_equal(node_hears(both).scan, 100);
}

static void what_was_under_way_when_a_scan_stopped_or_restarted_is_swallowed(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    assert_true(link_gateway_objects_since(both->gateway, 9, &this_epoch, 0, &fault));
    (void)node_hears(both);
    assert_true(link_node_send_object(both->node, 9, 500, some_hash, bytes_of_str("late")));
    link_node_send_caught_up(both->node, 9, 500);

    link_gateway_stop_scan(both->gateway, 9);
    assert_silence(both);

    assert_true(link_gateway_objects_since(both->gateway, 9, &this_epoch, 0, &fault));
    (void)node_hears(both);
    assert_true(link_node_send_object(both->node, 9, 500, some_hash, bytes_of_str("late")));
    assert_true(link_gateway_objects_since(both->gateway, 9, &this_epoch, 0, &fault));
    (void)node_hears(both);
    assert_true(link_node_send_object(both->node, 9, 1, some_hash, bytes_of_str("again")));
    struct link_gateway_event event = gateway_hears(both);
    assert_int_equal(event.number, 1);
    assert_bytes_equal(event.object, bytes_of_str("again"));
}

static void findings_come_to_who_asked(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    uint8_t tag[LINK_TAG_BYTES];
    memset(tag, 0x55, sizeof tag);
    assert_true(link_gateway_find_tag(both->gateway, 3, 1, tag, &fault));
    struct link_node_event find = node_hears(both);
    assert_int_equal(find.kind, LINK_NODE_FIND_TAG);
    assert_int_equal(find.request, 3);
    assert_int_equal(find.object_type, 1);
    assert_memory_equal(find.tag, tag, sizeof tag);

    assert_false(link_node_send_found(both->node, 4, some_hash, bytes_of_str("no")));
    assert_true(link_node_send_found(both->node, 3, some_hash, bytes_of_str("one")));
    assert_true(link_node_send_found(both->node, 3, some_hash, bytes_of_str("two")));
    link_node_send_found_end(both->node, 3);
    assert_false(link_node_send_found(both->node, 3, some_hash, bytes_of_str("three")));

    assert_bytes_equal(gateway_hears(both).object, bytes_of_str("one"));
    struct link_gateway_event second = gateway_hears(both);
    assert_int_equal(second.kind, LINK_GATEWAY_FOUND);
    assert_int_equal(second.request, 3);
    assert_bytes_equal(second.object, bytes_of_str("two"));
    assert_int_equal(gateway_hears(both).kind, LINK_GATEWAY_FOUND_END);
    assert_silence(both);
}

static void the_status_arrives_whole(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    struct node_figures said;
    for (size_t i = 0; i < NODE_N_FIGURES; i++) {
        said.values[i] = UINT64_MAX - i * i;
    }
    assert_true(link_gateway_ask_status(both->gateway, 77, &fault));
    assert_int_equal(node_hears(both).kind, LINK_NODE_STATUS);
    link_node_send_status(both->node, 77, &said);

    struct link_gateway_event event = gateway_hears(both);
    assert_int_equal(event.kind, LINK_GATEWAY_STATUS);
    assert_int_equal(event.request, 77);
    assert_memory_equal(&event.figures, &said, sizeof said);
}

static void the_peers_arrive_as_they_were_told(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    char long_name[LINK_MAX_PEER_TEXT_BYTES + 2];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const struct link_peer peers[] = {
        {true, false, 1, bytes_of_str("10.0.0.1"), {0}},
        {false, true, 8444, bytes_of_str(long_name), bytes_of_str("/Bittern:1/")},
    };
    assert_true(link_gateway_ask_peers(both->gateway, 5, &fault));
    assert_int_equal(node_hears(both).kind, LINK_NODE_PEERS);
    link_node_send_peers(both->node, 5, peers, 2);
    link_node_send_peers(both->node, 5, peers, 2); /* once is enough */

    struct link_gateway_event event = gateway_hears(both);
    assert_int_equal(event.kind, LINK_GATEWAY_PEERS);
    assert_int_equal(event.request, 5);
    assert_int_equal(event.n_peers, 2);
    assert_true(event.peers[0].is_inbound && !event.peers[0].is_established);
    assert_int_equal(event.peers[0].port, 1);
    assert_bytes_equal(event.peers[0].host, peers[0].host);
    assert_int_equal(event.peers[0].user_agent.len, 0);
    assert_true(!event.peers[1].is_inbound && event.peers[1].is_established);
    assert_int_equal(event.peers[1].host.len, LINK_MAX_PEER_TEXT_BYTES);
    assert_bytes_equal(event.peers[1].user_agent, peers[1].user_agent);
    assert_silence(both);
}

static void the_node_stops_when_credit_is_spent_and_goes_on_when_it_is_back(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    enum { OBJECT_BYTES = 100000, COST = OBJECT_BYTES + LINK_OBJECT_COST_BYTES };
    uint8_t *object = xcalloc(OBJECT_BYTES, 1);
    struct bytes body = {object, OBJECT_BYTES};
    assert_true(link_gateway_objects_since(both->gateway, LINK_LIVE_SCAN, &this_epoch, 0, &fault));
    (void)node_hears(both);

    uint64_t n_sent = 0;
    while (link_node_send_object(both->node, LINK_LIVE_SCAN, n_sent + 1, some_hash, body)) {
        n_sent++;
        assert_in_range(n_sent, 1, LINK_WINDOW_BYTES / COST + 1);
    }
    assert_int_equal(n_sent, LINK_WINDOW_BYTES / COST + 1);
    assert_false(link_node_may_send(both->node));

    for (uint64_t i = 1; i <= n_sent; i++) {
        assert_int_equal(gateway_hears(both).number, i);
    }
    assert_silence(both);
    for (uint64_t i = 1; i <= n_sent; i++) {
        link_gateway_done(both->gateway, OBJECT_BYTES);
    }
    assert_int_equal(node_hears(both).kind, LINK_NODE_CREDIT);
    assert_true(link_node_may_send(both->node));
    assert_silence(both);
    free(object);
}

/* Small and large objects, done with late and in pieces: never stuck for good. */
static void a_long_scan_never_gets_stuck(void **state)
{
    struct both *both = *state;
    struct fault fault = {0};
    uint8_t *object = xcalloc(LINK_MAX_OBJECT_BYTES, 1);
    static const size_t sizes[] = {22, 500, LINK_MAX_OBJECT_BYTES, 3000, 200000};
    enum { N_OBJECTS = 3000 };
    size_t held[N_OBJECTS];
    size_t n_held = 0;
    uint64_t n_sent = 0;
    uint64_t n_heard = 0;
    assert_true(link_gateway_objects_since(both->gateway, LINK_LIVE_SCAN, &this_epoch, 0, &fault));
    (void)node_hears(both);

    while (n_heard < N_OBJECTS) {
        while (n_sent < N_OBJECTS && link_node_may_send(both->node)) {
            size_t len = sizes[n_sent % ARRAY_LEN(sizes)];
            n_sent++;
            assert_true(link_node_send_object(both->node, LINK_LIVE_SCAN, n_sent, some_hash,
                                              (struct bytes){object, len}));
        }
        while (n_heard < n_sent) {
            struct link_gateway_event event = gateway_hears(both);
            assert_int_equal(event.number, ++n_heard);
            held[n_held++] = event.object.len;
        }
        while (n_held > 0) {
            link_gateway_done(both->gateway, held[--n_held]);
        }
        while (link_gateway_output(both->gateway)->len > 0) {
            struct link_node_event event;
            to_node(both, LINK_MAX_FEED_BYTES);
            while (link_node_next_event(both->node, &event, &fault)) {
                assert_int_equal(event.kind, LINK_NODE_CREDIT);
            }
            assert_int_equal(fault.code, FAULT_NONE);
        }
        assert_true(n_heard == N_OBJECTS || link_node_may_send(both->node));
    }
    free(object);
}

static void frames_can_be_split_at_any_byte(void **state)
{
    (void)state;
    for (size_t step = 1; step < 12; step++) {
        void *own = NULL;
        (void)join(&own);
        struct both *both = own;
        struct fault fault = {0};
        struct link_node_event node_event;
        struct link_gateway_event gateway_event;
        unsigned n_node_events = 0;
        unsigned n_gateway_events = 0;
        assert_true(link_gateway_publish(both->gateway, 1, bytes_of_str("an object"), &fault));
        assert_true(link_gateway_objects_since(both->gateway, 0, &this_epoch, 0, &fault));
        while (link_gateway_output(both->gateway)->len > 0) {
            to_node(both, step);
            while (link_node_next_event(both->node, &node_event, &fault)) {
                n_node_events++;
            }
            assert_int_equal(fault.code, FAULT_NONE);
        }
        assert_int_equal(n_node_events, 3);
        assert_true(link_node_send_object(both->node, 0, 1, some_hash, bytes_of_str("x")));
        link_node_send_published(both->node, 1, LINK_STORED, 2, (struct bytes){0});
        while (link_node_output(both->node)->len > 0) {
            to_gateway(both, step);
            while (link_gateway_next_event(both->gateway, &gateway_event, &fault)) {
                n_gateway_events++;
            }
            assert_int_equal(fault.code, FAULT_NONE);
        }
        assert_int_equal(n_gateway_events, 3);
        (void)part(&own);
    }
}

int main(void)
{
#define GREETED(test) cmocka_unit_test_setup_teardown(test, join_and_greet, part)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_node_says_which_store_it_has, join, part),
        GREETED(an_object_is_published_and_answered),
        GREETED(a_refusal_comes_with_its_reason_cut_to_size),
        GREETED(an_answer_is_sent_once),
        GREETED(only_so_many_publishes_wait),
        GREETED(the_longest_object_passes_and_a_longer_one_does_not),
        GREETED(the_live_scan_goes_on_after_having_caught_up),
        GREETED(other_scans_end_with_having_caught_up),
        GREETED(a_scan_behind_another_epoch_begins_with_the_first_object),
        GREETED(only_so_many_scans_run),
        GREETED(what_was_under_way_when_a_scan_stopped_or_restarted_is_swallowed),
        GREETED(findings_come_to_who_asked),
        GREETED(the_status_arrives_whole),
        GREETED(the_peers_arrive_as_they_were_told),
        GREETED(the_node_stops_when_credit_is_spent_and_goes_on_when_it_is_back),
        GREETED(a_long_scan_never_gets_stuck),
        cmocka_unit_test(frames_can_be_split_at_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
