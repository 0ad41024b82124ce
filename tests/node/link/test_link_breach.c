// SPDX-License-Identifier: MIT
/* What one end must not take from the other: frames made by hand. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "node/link/link_gateway.h"
#include "node/link/link_node.h"

static const struct link_epoch this_epoch = {"this epoch......"};

/* ---- frames */

static void frames_keep_their_bounds(void **state)
{
    (void)state;
    static const struct {
        uint32_t len;
        uint8_t type;
        enum parse_result expected;
    } cases[] = {
        {0, LINK_HELLO, PARSE_BAD},
        {1, LINK_HELLO, PARSE_DONE},
        {2, LINK_HELLO, PARSE_MORE},
        {1, 0, PARSE_BAD},
        {1, LINK_LAST_TYPE, PARSE_DONE},
        {1, LINK_LAST_TYPE + 1, PARSE_BAD},
        {1, 255, PARSE_BAD},
        {LINK_MAX_FRAME_BYTES - 1, LINK_OBJECT, PARSE_MORE},
        {LINK_MAX_FRAME_BYTES, LINK_OBJECT, PARSE_MORE},
        {LINK_MAX_FRAME_BYTES + 1, LINK_OBJECT, PARSE_BAD},
        {UINT32_MAX, LINK_OBJECT, PARSE_BAD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t *in = xmalloc(LINK_FRAME_HEADER_BYTES);
        struct link_frame frame;
        struct fault fault = {0};
        size_t used;
        store_be32(in, cases[i].len);
        in[4] = cases[i].type;
        assert_int_equal(
            link_frame_parse(&frame, &used, (struct bytes){in, LINK_FRAME_HEADER_BYTES}, &fault),
            cases[i].expected);
        assert_int_equal(fault.code != FAULT_NONE, cases[i].expected == PARSE_BAD);
        free(in);
    }
}

static void a_body_above_the_limit_is_not_written(void **state)
{
    (void)state;
    for (size_t len = LINK_MAX_FRAME_BYTES - 2; len <= LINK_MAX_FRAME_BYTES; len++) {
        struct buf out = {0};
        size_t start = link_frame_begin(&out, LINK_OBJECT);
        buf_append_zeros(&out, len);
        link_frame_end(&out, start);
        assert_int_equal(buf_ok(&out), len <= LINK_MAX_FRAME_BYTES - 1);
        buf_clear(&out);
    }
}

/* ---- what the gateway refuses */

/* A gateway that has heard the node's hello, asked for everything with request 1, and runs the live
 * scan (run 1) behind number 5. */
static struct link_gateway *busy_gateway(struct buf *out_hello)
{
    struct link_gateway *gateway = link_gateway_new();
    struct link_node *node = link_node_new(&this_epoch, 7);
    struct link_gateway_event event;
    struct fault fault = {0};
    write_bytes(out_hello, buf_view(link_node_output(node)));
    assert_true(link_gateway_feed(gateway, buf_view(out_hello), &fault));
    assert_true(link_gateway_next_event(gateway, &event, &fault));
    assert_true(link_gateway_publish(gateway, 1, bytes_of_str("x"), &fault));
    assert_true(link_gateway_find_tag(gateway, 1, 1, (uint8_t[LINK_TAG_BYTES]){0}, &fault));
    assert_true(link_gateway_ask_status(gateway, 1, &fault));
    assert_true(link_gateway_ask_peers(gateway, 1, &fault));
    assert_true(link_gateway_objects_since(gateway, LINK_LIVE_SCAN, &this_epoch, 5, &fault));
    link_node_free(&node);
    return gateway;
}

enum { FIGURES_BYTES = 8 * NODE_N_FIGURES };

struct piece {
    enum { END, U8, U16, U32, U64, ZEROS } kind;
    uint64_t value;
};

struct breach {
    const char *name;
    uint8_t type;
    bool is_fine; /* the control beside the breaches */
    struct piece pieces[14];
};

static void write_breach(struct buf *out, const struct breach *breach)
{
    size_t start = link_frame_begin(out, (enum link_type)breach->type);
    for (const struct piece *piece = breach->pieces; piece->kind != END; piece++) {
        switch (piece->kind) {
        case U8:
            write_u8(out, (uint8_t)piece->value);
            break;
        case U16:
            write_u16(out, (uint16_t)piece->value);
            break;
        case U32:
            write_u32(out, (uint32_t)piece->value);
            break;
        case U64:
            write_u64(out, piece->value);
            break;
        case ZEROS:
            buf_append_zeros(out, (size_t)piece->value);
            break;
        case END:
            break;
        }
    }
    link_frame_end(out, start);
}

#define HASH                                                                                       \
    {                                                                                              \
        ZEROS, LINK_HASH_BYTES                                                                     \
    }

static const struct breach breaches_of_the_node[] = {
    {"a second hello", LINK_HELLO, false, {{U32, LINK_VERSION}, {ZEROS, 16}, {U64, 7}}},
    {"an object", LINK_OBJECT, true, {{U32, 0}, {U32, 1}, {U64, 6}, HASH, {ZEROS, 22}}},
    {"an object of another run, swallowed",
     LINK_OBJECT,
     true,
     {{U32, 0}, {U32, 2}, {U64, 6}, HASH, {ZEROS, 22}}},
    {"an object of a number seen", LINK_OBJECT, false, {{U32, 0}, {U32, 1}, {U64, 5}, HASH}},
    {"an object with half a hash", LINK_OBJECT, false, {{U32, 0}, {U32, 1}, {U64, 6}, {ZEROS, 31}}},
    {"the longest object",
     LINK_OBJECT,
     true,
     {{U32, 0}, {U32, 1}, {U64, 6}, HASH, {ZEROS, LINK_MAX_OBJECT_BYTES}}},
    {"caught up", LINK_CAUGHT_UP, true, {{U32, 0}, {U32, 1}, {U64, 5}}},
    {"caught up before its start", LINK_CAUGHT_UP, false, {{U32, 0}, {U32, 1}, {U64, 4}}},
    {"caught up, cut", LINK_CAUGHT_UP, false, {{U32, 0}, {U32, 1}, {U32, 4}}},
    {"caught up, too long", LINK_CAUGHT_UP, false, {{U32, 0}, {U32, 1}, {U64, 5}, {U8, 0}}},
    {"a finding", LINK_FOUND, true, {{U64, 1}, HASH, {ZEROS, 22}}},
    {"a finding for nobody", LINK_FOUND, false, {{U64, 2}, HASH, {ZEROS, 22}}},
    {"a finding too long", LINK_FOUND, false, {{U64, 1}, HASH, {ZEROS, LINK_MAX_OBJECT_BYTES + 1}}},
    {"the end of findings", LINK_FOUND_END, true, {{U64, 1}}},
    {"the end of findings for nobody", LINK_FOUND_END, false, {{U64, 2}}},
    {"the end of findings, cut", LINK_FOUND_END, false, {{U32, 1}}},
    {"published", LINK_PUBLISHED, true, {{U64, 1}, {U8, LINK_STORED}, {U64, 8}}},
    {"published for nobody", LINK_PUBLISHED, false, {{U64, 2}, {U8, LINK_STORED}, {U64, 8}}},
    {"an unknown verdict", LINK_PUBLISHED, false, {{U64, 1}, {U8, 3}, {U64, 8}}},
    {"a reason",
     LINK_PUBLISHED,
     true,
     {{U64, 1}, {U8, LINK_REFUSED}, {U64, 0}, {ZEROS, LINK_MAX_REASON_BYTES}}},
    {"a reason too long",
     LINK_PUBLISHED,
     false,
     {{U64, 1}, {U8, LINK_REFUSED}, {U64, 0}, {ZEROS, LINK_MAX_REASON_BYTES + 1}}},
    {"published, cut", LINK_PUBLISHED, false, {{U64, 1}, {U8, LINK_STORED}, {U32, 8}}},
    {"a status", LINK_STATUS, true, {{U64, 1}, {U16, NODE_N_FIGURES}, {ZEROS, FIGURES_BYTES}}},
    {"a status for nobody",
     LINK_STATUS,
     false,
     {{U64, 2}, {U16, NODE_N_FIGURES}, {ZEROS, FIGURES_BYTES}}},
    {"a status of one figure more",
     LINK_STATUS,
     false,
     {{U64, 1}, {U16, NODE_N_FIGURES + 1}, {ZEROS, FIGURES_BYTES + 8}}},
    {"a status of one figure less",
     LINK_STATUS,
     false,
     {{U64, 1}, {U16, NODE_N_FIGURES - 1}, {ZEROS, FIGURES_BYTES - 8}}},
    {"a status, cut",
     LINK_STATUS,
     false,
     {{U64, 1}, {U16, NODE_N_FIGURES}, {ZEROS, FIGURES_BYTES - 1}}},
    {"no peers", LINK_PEERS, true, {{U64, 1}, {U16, 0}}},
    {"a peer",
     LINK_PEERS,
     true,
     {{U64, 1}, {U16, 1}, {U8, 3}, {U16, 8444}, {U8, 1}, {U8, 'h'}, {U8, 0}}},
    {"as many peers as may be",
     LINK_PEERS,
     true,
     {{U64, 1}, {U16, LINK_MAX_PEERS}, {ZEROS, LINK_MAX_PEERS * 5}}},
    {"one peer more",
     LINK_PEERS,
     false,
     {{U64, 1}, {U16, LINK_MAX_PEERS + 1}, {ZEROS, (LINK_MAX_PEERS + 1) * 5}}},
    {"peers for nobody", LINK_PEERS, false, {{U64, 2}, {U16, 0}}},
    {"a peer whose name is cut",
     LINK_PEERS,
     false,
     {{U64, 1}, {U16, 1}, {U8, 0}, {U16, 8444}, {U8, 2}, {U8, 'h'}}},
    {"peers, and something behind", LINK_PEERS, false, {{U64, 1}, {U16, 0}, {U8, 0}}},
    {"a publish", LINK_PUBLISH, false, {{U64, 1}, {ZEROS, 22}}},
    {"credit", LINK_CREDIT, false, {{U64, 1}}},
};

static void the_gateway_ends_the_link_at_a_breach(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(breaches_of_the_node); i++) {
        const struct breach *breach = &breaches_of_the_node[i];
        struct buf frame = {0};
        struct buf hello = {0};
        struct link_gateway *gateway = busy_gateway(&hello);
        struct link_gateway_event event;
        struct fault fault = {0};
        write_breach(&frame, breach);

        struct bytes rest = buf_view(&frame);
        while (rest.len > 0 && fault.code == FAULT_NONE) {
            struct bytes piece = bytes_slice(rest, 0, LINK_MAX_FEED_BYTES);
            assert_true(link_gateway_feed(gateway, piece, &fault));
            while (link_gateway_next_event(gateway, &event, &fault)) {
            }
            rest = bytes_slice(rest, piece.len, SIZE_MAX);
        }
        if ((fault.code == FAULT_NONE) != breach->is_fine) {
            fail_msg("%s: %s", breach->name, breach->is_fine ? fault.text : "taken");
        }
        if (!breach->is_fine) {
            /* Dead for good. */
            assert_false(link_gateway_feed(gateway, bytes_of_str("x"), &fault));
            assert_false(link_gateway_next_event(gateway, &event, &fault));
            assert_int_not_equal(fault.code, FAULT_NONE);
        }
        link_gateway_free(&gateway);
        buf_clear(&hello);
        buf_clear(&frame);
    }
}

static void objects_without_credit_end_the_link(void **state)
{
    (void)state;
    struct buf hello = {0};
    struct link_gateway *gateway = busy_gateway(&hello);
    struct link_gateway_event event;
    struct fault fault = {0};
    uint64_t n_taken = 0;
    for (uint64_t number = 6; fault.code == FAULT_NONE; number++) {
        struct breach object = {
            .type = LINK_OBJECT,
            .pieces = {{U32, 0}, {U32, 1}, {U64, number}, HASH, {ZEROS, 50000}}};
        struct buf frame = {0};
        write_breach(&frame, &object);
        assert_true(link_gateway_feed(gateway, buf_view(&frame), &fault));
        n_taken += link_gateway_next_event(gateway, &event, &fault);
        buf_clear(&frame);
    }
    assert_int_equal(n_taken, LINK_WINDOW_BYTES / (50000 + LINK_OBJECT_COST_BYTES) + 1);
    link_gateway_free(&gateway);
    buf_clear(&hello);
}

/* ---- what the node refuses */

static const struct breach breaches_of_the_gateway[] = {
    {"a second hello", LINK_HELLO, false, {{U32, LINK_VERSION}}},
    {"a publish", LINK_PUBLISH, true, {{U64, 1}, {ZEROS, 22}}},
    {"a publish without an object", LINK_PUBLISH, false, {{U64, 1}}},
    {"a publish, cut", LINK_PUBLISH, false, {{U32, 1}}},
    {"the longest publish", LINK_PUBLISH, true, {{U64, 1}, {ZEROS, LINK_MAX_OBJECT_BYTES}}},
    {"a publish too long", LINK_PUBLISH, false, {{U64, 1}, {ZEROS, LINK_MAX_OBJECT_BYTES + 1}}},
    {"a scan", LINK_OBJECTS_SINCE, true, {{U32, 0}, {U32, 1}, {ZEROS, 16}, {U64, 0}}},
    {"a scan, cut", LINK_OBJECTS_SINCE, false, {{U32, 0}, {U32, 1}, {ZEROS, 16}, {U32, 0}}},
    {"a scan, too long",
     LINK_OBJECTS_SINCE,
     false,
     {{U32, 0}, {U32, 1}, {ZEROS, 16}, {U64, 0}, {U8, 0}}},
    {"the end of no scan, swallowed", LINK_STOP_SCAN, true, {{U32, 0}, {U32, 1}}},
    {"the end of a scan, cut", LINK_STOP_SCAN, false, {{U32, 0}}},
    {"a search", LINK_FIND_TAG, true, {{U64, 1}, {U32, 1}, {ZEROS, 32}}},
    {"a search, cut", LINK_FIND_TAG, false, {{U64, 1}, {U32, 1}, {ZEROS, 31}}},
    {"a search, too long", LINK_FIND_TAG, false, {{U64, 1}, {U32, 1}, {ZEROS, 33}}},
    {"a status request", LINK_STATUS_REQUEST, true, {{U64, 1}}},
    {"a status request, cut", LINK_STATUS_REQUEST, false, {{U32, 1}}},
    {"credit for nothing sent", LINK_CREDIT, false, {{U64, 1}}},
    {"no credit", LINK_CREDIT, false, {{U64, 0}}},
    {"an object", LINK_OBJECT, false, {{U32, 0}, {U32, 1}, {U64, 6}, HASH, {ZEROS, 22}}},
    {"a status", LINK_STATUS, false, {{U64, 1}, {U16, NODE_N_FIGURES}, {ZEROS, FIGURES_BYTES}}},
};

static struct link_node *greeted_node(void)
{
    struct link_node *node = link_node_new(&this_epoch, 7);
    struct link_gateway *gateway = link_gateway_new();
    struct link_node_event event;
    struct fault fault = {0};
    assert_true(link_node_feed(node, buf_view(link_gateway_output(gateway)), &fault));
    assert_true(link_node_next_event(node, &event, &fault));
    link_gateway_free(&gateway);
    return node;
}

/* Feeds one frame and takes its events; returns how many there were. */
static unsigned node_takes(struct link_node *node, const struct breach *breach, struct fault *fault)
{
    struct buf frame = {0};
    struct link_node_event event;
    unsigned n_events = 0;
    write_breach(&frame, breach);
    struct bytes rest = buf_view(&frame);
    *fault = (struct fault){0};
    while (rest.len > 0 && fault->code == FAULT_NONE) {
        struct bytes piece = bytes_slice(rest, 0, LINK_MAX_FEED_BYTES);
        assert_true(link_node_feed(node, piece, fault));
        while (link_node_next_event(node, &event, fault)) {
            n_events++;
        }
        rest = bytes_slice(rest, piece.len, SIZE_MAX);
    }
    buf_clear(&frame);
    return n_events;
}

static void the_node_ends_the_link_at_a_breach(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(breaches_of_the_gateway); i++) {
        const struct breach *breach = &breaches_of_the_gateway[i];
        struct link_node *node = greeted_node();
        struct link_node_event event;
        struct fault fault;
        (void)node_takes(node, breach, &fault);
        if ((fault.code == FAULT_NONE) != breach->is_fine) {
            fail_msg("%s: %s", breach->name, breach->is_fine ? fault.text : "taken");
        }
        if (!breach->is_fine) {
            assert_false(link_node_feed(node, bytes_of_str("x"), &fault));
            assert_false(link_node_next_event(node, &event, &fault));
            assert_int_not_equal(fault.code, FAULT_NONE);
        }
        link_node_free(&node);
    }
}

static void the_node_bounds_open_questions_and_scans(void **state)
{
    (void)state;
    static const struct {
        struct breach question;
        size_t number_at; /* the piece that is the request or scan */
        uint64_t most;
    } cases[] = {
        {{"publishes", LINK_PUBLISH, true, {{U64, 0}, {ZEROS, 22}}}, 0, LINK_MAX_PENDING},
        {{"searches", LINK_FIND_TAG, true, {{U64, 0}, {U32, 1}, {ZEROS, 32}}}, 0, LINK_MAX_PENDING},
        {{"questions for peers", LINK_PEERS_REQUEST, true, {{U64, 0}}}, 0, LINK_MAX_PENDING},
        {{"status requests", LINK_STATUS_REQUEST, true, {{U64, 0}}}, 0, LINK_MAX_PENDING},
        {{"scans", LINK_OBJECTS_SINCE, true, {{U32, 0}, {U32, 1}, {ZEROS, 16}, {U64, 0}}},
         0,
         LINK_MAX_SCANS + 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct link_node *node = greeted_node();
        struct breach question = cases[i].question;
        struct fault fault;
        for (uint64_t n = 0; n < cases[i].most; n++) {
            question.pieces[cases[i].number_at].value = n;
            assert_int_equal(node_takes(node, &question, &fault), 1);
        }
        question.pieces[cases[i].number_at].value = cases[i].most;
        assert_int_equal(node_takes(node, &question, &fault), 0);
        if (fault.code == FAULT_NONE) {
            fail_msg("too many %s are taken", question.name);
        }
        link_node_free(&node);
    }
}

static void the_node_takes_a_question_once(void **state)
{
    (void)state;
    struct breach question = {"a search", LINK_FIND_TAG, true, {{U64, 5}, {U32, 1}, {ZEROS, 32}}};
    struct link_node *node = greeted_node();
    struct fault fault;
    assert_int_equal(node_takes(node, &question, &fault), 1);
    link_node_send_found_end(node, 5);
    assert_int_equal(node_takes(node, &question, &fault), 1);
    assert_int_equal(node_takes(node, &question, &fault), 0);
    assert_int_not_equal(fault.code, FAULT_NONE);
    link_node_free(&node);
}

static void credit_never_grows_above_the_window(void **state)
{
    (void)state;
    struct breach scan = {
        "a scan", LINK_OBJECTS_SINCE, true, {{U32, 0}, {U32, 1}, {ZEROS, 16}, {U64, 0}}};
    static const uint8_t hash[LINK_HASH_BYTES];
    for (uint64_t extra = 0; extra <= 1; extra++) {
        struct link_node *node = greeted_node();
        struct fault fault;
        (void)node_takes(node, &scan, &fault);
        assert_true(link_node_send_object(node, 0, 1, hash, bytes_of_str("12345")));
        struct breach credit = {"credit", LINK_CREDIT, true, {{U64, link_cost(5) + extra}}};
        (void)node_takes(node, &credit, &fault);
        assert_int_equal(fault.code == FAULT_NONE, extra == 0);
        link_node_free(&node);
    }
}

/* ---- the first frame */

static void both_ends_want_a_hello_of_their_version_first(void **state)
{
    (void)state;
    static const struct breach firsts[] = {
        {"a status request before hello", LINK_STATUS_REQUEST, false, {{U64, 1}}},
        {"a hello of another version", LINK_HELLO, false, {{U32, LINK_VERSION + 1}}},
        {"a hello, cut", LINK_HELLO, false, {{U16, LINK_VERSION}}},
        {"a hello, too long", LINK_HELLO, false, {{U32, LINK_VERSION}, {U8, 0}}},
        {"a hello", LINK_HELLO, true, {{U32, LINK_VERSION}}},
    };
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        struct link_node *node = link_node_new(&this_epoch, 0);
        struct fault fault;
        assert_int_equal(node_takes(node, &firsts[i], &fault), firsts[i].is_fine);
        if ((fault.code == FAULT_NONE) != firsts[i].is_fine) {
            fail_msg("%s", firsts[i].name);
        }
        link_node_free(&node);
    }

    struct link_gateway *gateway = link_gateway_new();
    struct link_gateway_event event;
    struct fault fault = {0};
    struct buf frame = {0};
    write_breach(&frame, &breaches_of_the_node[1]);
    assert_true(link_gateway_feed(gateway, buf_view(&frame), &fault));
    assert_false(link_gateway_next_event(gateway, &event, &fault));
    assert_int_equal(fault.code, FAULT_INVALID);
    buf_clear(&frame);
    link_gateway_free(&gateway);
}

static void feeding_more_than_is_taken_ends_the_link(void **state)
{
    (void)state;
    struct link_node *node = link_node_new(&this_epoch, 0);
    uint8_t *zeros = xcalloc(LINK_MAX_FEED_BYTES, 1);
    struct fault fault = {0};
    size_t n_fed = 0;
    while (link_node_feed(node, (struct bytes){zeros, LINK_MAX_FEED_BYTES}, &fault)) {
        n_fed += LINK_MAX_FEED_BYTES;
        assert_true(n_fed <= 4 + LINK_MAX_FRAME_BYTES + LINK_MAX_FEED_BYTES);
    }
    assert_int_equal(fault.code, FAULT_LIMIT);
    assert_true(n_fed > LINK_MAX_FRAME_BYTES);
    free(zeros);
    link_node_free(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_keep_their_bounds),
        cmocka_unit_test(a_body_above_the_limit_is_not_written),
        cmocka_unit_test(the_gateway_ends_the_link_at_a_breach),
        cmocka_unit_test(objects_without_credit_end_the_link),
        cmocka_unit_test(the_node_ends_the_link_at_a_breach),
        cmocka_unit_test(the_node_bounds_open_questions_and_scans),
        cmocka_unit_test(the_node_takes_a_question_once),
        cmocka_unit_test(credit_never_grows_above_the_window),
        cmocka_unit_test(both_ends_want_a_hello_of_their_version_first),
        cmocka_unit_test(feeding_more_than_is_taken_ends_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
