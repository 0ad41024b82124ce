// SPDX-License-Identifier: MIT
/* A node and its gateway's end of the link, in one loop: publish, scans that resume, look-ups, a
 * link that is replaced, epochs, credit. */
#include "node/p2p/node.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "node/link/link_gateway.h"
#include "node/objects/object.h"
#include "tests/support/vectors.h"

enum { MAX_SEEN = 4096 };

struct world {
    char dir[64];
    struct settings settings;
    struct loop *loop;
    struct node *node;
    struct io *io;
    struct link_gateway *link;
    bool paused; /* credit is held back */
    bool hello;
    bool closed;
    struct link_epoch epoch;
    uint64_t newest;
    uint64_t numbers[MAX_SEEN];
    size_t n_seen;
    size_t n_caught_up;
    size_t n_found;
    size_t n_found_end;
    enum link_verdict verdicts[8];
    uint64_t published[8];
    size_t n_published;
    char reason[256];
    struct node_figures status;
    size_t n_status;
    size_t unpaid[MAX_SEEN];
    size_t n_unpaid;
};

static void flush(struct world *world)
{
    struct buf *out = link_gateway_output(world->link);
    io_write(world->io, buf_view(out));
    buf_reset(out);
}

static void pay(struct world *world, size_t len)
{
    if (world->paused) {
        world->unpaid[world->n_unpaid++] = len;
    } else {
        link_gateway_done(world->link, len);
    }
}

static void take_published(struct world *world, const struct link_gateway_event *event)
{
    world->verdicts[world->n_published] = event->verdict;
    world->published[world->n_published++] = event->number;
    snprintf(world->reason, sizeof world->reason, "%.*s", (int)event->reason.len,
             event->reason.len == 0 ? "" : (const char *)event->reason.data);
}

static void act(struct world *world, const struct link_gateway_event *event)
{
    switch (event->kind) {
    case LINK_GATEWAY_HELLO:
        world->hello = true;
        world->epoch = event->epoch;
        world->newest = event->number;
        break;
    case LINK_GATEWAY_OBJECT:
        assert_true(world->n_seen < MAX_SEEN);
        world->numbers[world->n_seen++] = event->number;
        pay(world, event->object.len);
        break;
    case LINK_GATEWAY_CAUGHT_UP:
        world->n_caught_up++;
        break;
    case LINK_GATEWAY_FOUND:
        world->n_found++;
        pay(world, event->object.len);
        break;
    case LINK_GATEWAY_FOUND_END:
        world->n_found_end++;
        break;
    case LINK_GATEWAY_PUBLISHED:
        take_published(world, event);
        break;
    case LINK_GATEWAY_PEERS:
        break;
    case LINK_GATEWAY_STATUS:
        world->status = event->figures;
        world->n_status++;
        break;
    }
}

static void on_io(struct io *io, enum io_event event, void *context)
{
    struct world *world = context;
    struct link_gateway_event link_event;
    struct fault fault;
    if (event != IO_DATA) {
        world->closed = world->closed || event == IO_EOF || event == IO_ERROR;
        return;
    }
    while (io_input(io).len > 0) {
        struct bytes in = bytes_slice(io_input(io), 0, LINK_MAX_FEED_BYTES);
        assert_true(link_gateway_feed(world->link, in, &fault));
        io_consume(io, in.len);
        while (link_gateway_next_event(world->link, &link_event, &fault)) {
            act(world, &link_event);
        }
    }
    flush(world);
}

static void connect_link(struct world *world)
{
    int ends[2];
    io_free(&world->io);
    link_gateway_free(&world->link);
    world->hello = false;
    world->closed = false;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    world->link = link_gateway_new();
    world->io = io_new_take(world->loop, ends[0], on_io, world);
    flush(world);
    node_link_take(world->node, ends[1]);
}

#define TURN_UNTIL(world, condition)                                                               \
    do {                                                                                           \
        for (int turn_ = 0; turn_ < 1000 && !(condition); turn_++) {                               \
            loop_turn((world)->loop, 10);                                                          \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static void ignore_broken(void *context)
{
    (void)context;
}

static void open_node(struct world *world)
{
    struct node_options options = {.folder = world->dir,
                                   .node = &world->settings.node,
                                   .network = &world->settings.network,
                                   .on_broken = ignore_broken};
    struct fault fault;
    world->node = node_new(world->loop, &options, &fault);
    if (world->node == NULL) {
        fail_msg("%s", fault.text);
    }
    node_start(world->node);
    connect_link(world);
    TURN_UNTIL(world, world->hello);
}

static int set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof *world);
    snprintf(world->dir, sizeof world->dir, "/tmp/bittern-link-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    settings_init(&world->settings);
    assert_true(settings_set_line(&world->settings, "network.bootstrap=no", NULL));
    assert_true(settings_set_line(&world->settings, "network.least_trials_per_byte=1", NULL));
    assert_true(settings_set_line(&world->settings, "network.least_extra_bytes=1", NULL));
    world->loop = loop_new();
    open_node(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    io_free(&world->io);
    link_gateway_free(&world->link);
    node_free(&world->node);
    loop_free(&world->loop);
    settings_clear(&world->settings);
    DIR *dir = opendir(world->dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    rmdir(world->dir);
    free(world);
    return 0;
}

static struct buf make_object(uint32_t type, const uint8_t *tag, bool work)
{
    struct buf out = {0};
    struct object_head head = {
        .expires_sec = (uint64_t)clock_now_sec() + 3600, .type = type, .version = 4, .stream = 1};
    uint8_t body[64];
    random_bytes(body, sizeof body);
    if (tag != NULL) {
        memcpy(body, tag, OBJECT_TAG_BYTES);
    }
    object_write_header(&out, &head);
    buf_append(&out, body, sizeof body);
    uint8_t hash[POW_INITIAL_HASH_BYTES];
    pow_initial_hash(hash, bytes_slice(buf_view(&out), OBJECT_NONCE_BYTES, out.len));
    uint64_t target = pow_target_to_send(out.len, 4000, (struct pow_demand){1, 1});
    uint64_t nonce = 0;
    while (pow_is_met(hash, nonce, target) != work) {
        nonce++;
    }
    object_set_nonce(&out, nonce);
    return out;
}

static void publish(struct world *world, uint64_t request, struct bytes object)
{
    assert_true(link_gateway_publish(world->link, request, object, NULL));
    flush(world);
}

static void publish_some(struct world *world, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf object = make_object(OBJECT_MSG, NULL, true);
        world->n_published = 0;
        publish(world, 1, buf_view(&object));
        TURN_UNTIL(world, world->n_published == 1);
        assert_int_equal(world->verdicts[0], LINK_STORED);
        buf_clear(&object);
    }
}

static void scan(struct world *world, uint32_t id, uint64_t number)
{
    assert_true(link_gateway_objects_since(world->link, id, &world->epoch, number, NULL));
    flush(world);
}

static void a_publish_is_answered_with_its_number_or_the_reason(void **state)
{
    struct world *world = *state;
    struct buf good = make_object(OBJECT_MSG, NULL, true);
    struct buf bad = make_object(OBJECT_MSG, NULL, false);

    publish(world, 11, buf_view(&good));
    TURN_UNTIL(world, world->n_published == 1);
    publish(world, 12, buf_view(&good));
    TURN_UNTIL(world, world->n_published == 2);
    publish(world, 13, buf_view(&bad));
    TURN_UNTIL(world, world->n_published == 3);

    assert_int_equal(world->verdicts[0], LINK_STORED);
    assert_int_equal(world->verdicts[1], LINK_DUPLICATE);
    assert_int_equal(world->published[0], world->published[1]);
    assert_int_equal(world->verdicts[2], LINK_REFUSED);
    assert_true(strlen(world->reason) > 0);
    buf_clear(&good);
    buf_clear(&bad);
}

static void what_was_published_is_there_after_a_restart(void **state)
{
    struct world *world = *state;
    publish_some(world, 3);
    struct link_epoch epoch = world->epoch;
    node_free(&world->node);

    open_node(world);

    assert_true(link_epoch_equal(&world->epoch, &epoch));
    scan(world, LINK_LIVE_SCAN, 0);
    TURN_UNTIL(world, world->n_caught_up == 1);
    assert_int_equal(world->n_seen, 3);
}

static void the_live_scan_goes_on_with_what_comes(void **state)
{
    struct world *world = *state;
    publish_some(world, 5);
    scan(world, LINK_LIVE_SCAN, 2);
    TURN_UNTIL(world, world->n_caught_up == 1);
    assert_int_equal(world->n_seen, 3);
    assert_int_equal(world->numbers[0], 3);

    publish_some(world, 2);
    TURN_UNTIL(world, world->n_seen == 5);
    assert_int_equal(world->numbers[4], 7);
    assert_int_equal(world->n_caught_up, 1);
}

static void another_scan_ends_when_it_has_seen_all(void **state)
{
    struct world *world = *state;
    publish_some(world, 4);
    scan(world, LINK_LIVE_SCAN, 4);
    scan(world, 9, 0);
    TURN_UNTIL(world, world->n_caught_up == 2);
    assert_int_equal(world->n_seen, 4);
    publish_some(world, 1);
    TURN_UNTIL(world, world->n_seen == 5);
    for (int i = 0; i < 20; i++) {
        loop_turn(world->loop, 1);
    }
    assert_int_equal(world->n_seen, 5);
}

static void an_unknown_epoch_begins_at_the_first_object(void **state)
{
    struct world *world = *state;
    publish_some(world, 4);
    world->epoch.bytes[0] ^= 1;
    scan(world, LINK_LIVE_SCAN, 3);
    TURN_UNTIL(world, world->n_caught_up == 1);
    assert_int_equal(world->n_seen, 4);
}

static void nothing_is_sent_beyond_the_credit(void **state)
{
    struct world *world = *state;
    enum { N = 40, LEN = 200000 };
    for (int i = 0; i < N; i++) {
        struct buf object = {0};
        struct object_head head = {
            .expires_sec = (uint64_t)clock_now_sec() + 600, .type = 2, .version = 1, .stream = 1};
        object_write_header(&object, &head);
        buf_append_zeros(&object, LEN);
        random_bytes(object.data + 30, 32);
        uint8_t hash[POW_INITIAL_HASH_BYTES];
        pow_initial_hash(hash, bytes_slice(buf_view(&object), OBJECT_NONCE_BYTES, object.len));
        uint64_t target = pow_target_to_send(object.len, 900, (struct pow_demand){1, 1});
        uint64_t nonce = 0;
        while (!pow_is_met(hash, nonce, target)) {
            nonce++;
        }
        object_set_nonce(&object, nonce);
        world->n_published = 0;
        publish(world, 1, buf_view(&object));
        TURN_UNTIL(world, world->n_published == 1);
        buf_clear(&object);
    }
    world->paused = true;
    scan(world, LINK_LIVE_SCAN, 0);
    for (int i = 0; i < 100; i++) {
        loop_turn(world->loop, 1);
    }
    size_t most = LINK_WINDOW_BYTES / LEN + 1;
    assert_in_range(world->n_seen, 10, most);

    world->paused = false;
    for (size_t i = 0; i < world->n_unpaid; i++) {
        link_gateway_done(world->link, world->unpaid[i]);
    }
    flush(world);
    TURN_UNTIL(world, world->n_seen == N);
}

static void tags_are_found(void **state)
{
    struct world *world = *state;
    static const uint8_t tag[OBJECT_TAG_BYTES] = {7, 7, 7};
    struct buf pubkey = make_object(OBJECT_PUBKEY, tag, true);
    publish(world, 1, buf_view(&pubkey));
    TURN_UNTIL(world, world->n_published == 1);

    assert_true(link_gateway_find_tag(world->link, 5, OBJECT_PUBKEY, tag, NULL));
    flush(world);
    TURN_UNTIL(world, world->n_found_end == 1);
    assert_int_equal(world->n_found, 1);
    assert_true(link_gateway_find_tag(world->link, 6, OBJECT_MSG, tag, NULL));
    flush(world);
    TURN_UNTIL(world, world->n_found_end == 2);
    assert_int_equal(world->n_found, 1);
    buf_clear(&pubkey);
}

static void a_new_link_takes_the_place_of_the_old(void **state)
{
    struct world *world = *state;
    struct buf object = make_object(OBJECT_MSG, NULL, true);
    publish(world, 1, buf_view(&object));

    /* The gateway died before the answer, and offers it again. */
    connect_link(world);
    TURN_UNTIL(world, world->hello);
    publish(world, 2, buf_view(&object));
    TURN_UNTIL(world, world->n_published == 1);
    assert_true(world->published[0] > 0);

    assert_true(link_gateway_ask_status(world->link, 3, NULL));
    flush(world);
    TURN_UNTIL(world, world->n_status == 1);
    assert_int_equal(world->status.values[FIGURE_OBJECTS], 1);
    buf_clear(&object);
}

static void garbage_on_the_link_ends_it_and_nothing_else(void **state)
{
    struct world *world = *state;
    io_write(world->io, bytes_of_str("\xff\xff\xff\xff\xff\xff"));
    TURN_UNTIL(world, world->closed);
    connect_link(world);
    TURN_UNTIL(world, world->hello);
    publish_some(world, 1);
}

static void figures_are_printed_as_json_and_as_metrics(void **state)
{
    struct world *world = *state;
    struct buf out = {0};
    publish_some(world, 2);
    struct node_figures status = node_status(world->node);
    node_figures_json(&out, &status);
    json_t *json = json_loads(buf_str(&out), 0, NULL);
    assert_non_null(json);
    assert_int_equal(vectors_u64(json, "objects"), 2);
    assert_int_equal(vectors_u64(json, "objects_of_kind_msg"), 2);
    assert_int_equal(json_object_size(json), NODE_N_FIGURES);
    json_decref(json);
    buf_reset(&out);
    node_figures_metrics(&out, &status);
    assert_non_null(strstr(buf_str(&out), "\nbittern_node_objects 2\n"));
    size_t n_values = 0;
    for (const char *line = buf_str(&out); line != NULL && *line != '\0';
         line = strchr(line, '\n')) {
        line += *line == '\n';
        n_values += strncmp(line, "bittern_node_", strlen("bittern_node_")) == 0;
    }
    assert_int_equal(n_values, NODE_N_FIGURES);
    buf_clear(&out);
}

static void names_to_be_introduced_by_are_bounded(void **state)
{
    enum { MAX_NAMES = 16 };
    struct world *world = *state;
    struct node_options options = {.folder = world->dir,
                                   .node = &world->settings.node,
                                   .network = &world->settings.network,
                                   .on_broken = ignore_broken};
    char line[200] = "network.bootstrap_hosts=";
    node_free(&world->node);
    for (int n = 1; n <= MAX_NAMES + 1; n++) {
        strcat(line, n == 1 ? "a.b:1" : ", a.b:1");
        if (n >= MAX_NAMES) {
            assert_true(settings_set_line(&world->settings, line, NULL));
            struct fault fault = {0};
            struct node *node = node_new(world->loop, &options, &fault);
            assert_int_equal(node != NULL, n <= MAX_NAMES);
            assert_int_equal(fault.code == FAULT_LIMIT, n > MAX_NAMES);
            node_free(&node);
        }
    }
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        WORLD_TEST(a_publish_is_answered_with_its_number_or_the_reason),
        WORLD_TEST(what_was_published_is_there_after_a_restart),
        WORLD_TEST(the_live_scan_goes_on_with_what_comes),
        WORLD_TEST(another_scan_ends_when_it_has_seen_all),
        WORLD_TEST(an_unknown_epoch_begins_at_the_first_object),
        WORLD_TEST(nothing_is_sent_beyond_the_credit),
        WORLD_TEST(tags_are_found),
        WORLD_TEST(a_new_link_takes_the_place_of_the_old),
        WORLD_TEST(garbage_on_the_link_ends_it_and_nothing_else),
        WORLD_TEST(figures_are_printed_as_json_and_as_metrics),
        WORLD_TEST(names_to_be_introduced_by_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
