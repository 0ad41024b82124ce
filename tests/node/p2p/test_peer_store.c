// SPDX-License-Identifier: MIT
#include "node/p2p/peer_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/p2p/month_cap.h"
#include "node/p2p/peer_book.h"
#include "tests/support/damage.h"
#include "tests/support/vectors.h"

enum { NOW = 1700000000, MAGIC = 0x0a0b0c0d };

struct place {
    char folder[64];
    char path[96];
    struct loop *loop;
    struct peer_book *book;
    struct month_cap month;
    struct peer_store *store;
    bool was_other_network;
};

static struct peer_addr ipv4(uint32_t address)
{
    struct peer_addr addr = {.kind = PEER_ADDR_IPV4, .port = 8444};
    store_be32(addr.host, address);
    return addr;
}

static void open_place(struct place *place, uint32_t magic)
{
    struct fault fault = {0};
    place->book = peer_book_new();
    place->month = (struct month_cap){.cap_bytes = 1000};
    struct peer_store_contents contents = {
        .book = place->book, .month = &place->month, .magic = magic};
    place->store = peer_store_open(place->loop, place->path, &contents, NOW, &fault);
    if (place->store == NULL) {
        fail_msg("%s", fault.text);
    }
    place->was_other_network = contents.was_other_network;
}

static void close_place(struct place *place)
{
    peer_store_save(place->store, place->book, &place->month);
    peer_store_close(&place->store);
    loop_turn(place->loop, 0);
    peer_book_free(&place->book);
}

static int setup(void **state)
{
    struct place *place = xcalloc(1, sizeof *place);
    strcpy(place->folder, "/tmp/bittern-test-peers-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/peers.db", place->folder);
    place->loop = loop_new();
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    loop_free(&place->loop);
    char *command = xasprintf("rm -rf %s", place->folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(place);
    return 0;
}

static void what_is_known_comes_back(void **state)
{
    struct place *place = *state;
    struct peer_addr one = ipv4(0x01020304);
    struct peer_addr two = ipv4(0x05060708);
    open_place(place, MAGIC);
    assert_false(place->was_other_network);
    peer_book_connected(place->book, &one, NOW);
    peer_book_add_in(place->book, &two, 7, NOW - 50, NOW);
    month_cap_count(&place->month, 900, NOW);
    close_place(place);

    open_place(place, MAGIC);
    assert_int_equal(peer_book_n_peers(place->book), 2);
    assert_true(peer_book_find(place->book, &one)->tried);
    assert_int_equal(peer_book_find(place->book, &one)->rating, 1);
    assert_int_equal(peer_book_find(place->book, &two)->stream, 7);
    assert_int_equal(peer_book_find(place->book, &two)->last_seen_sec, NOW - 50);
    assert_int_equal(month_cap_stage(&place->month, NOW), MONTH_NO_RELAY);
    close_place(place);
}

static void another_network_keeps_the_bytes_of_the_month_alone(void **state)
{
    struct place *place = *state;
    struct peer_addr one = ipv4(0x01020304);
    open_place(place, MAGIC);
    peer_book_add(place->book, &one, NOW, NOW);
    month_cap_count(&place->month, 900, NOW);
    close_place(place);

    open_place(place, MAGIC + 1);
    assert_true(place->was_other_network);
    assert_int_equal(peer_book_n_peers(place->book), 0);
    assert_int_equal(month_cap_used(&place->month, NOW), 900);
    close_place(place);
    /* Written at once, so that the next start finds its own. */
    open_place(place, MAGIC + 1);
    assert_false(place->was_other_network);
    close_place(place);
}

static void a_file_of_the_first_version_is_brought_forward(void **state)
{
    struct place *place = *state;
    static const struct db_options options;
    struct fault fault = {0};
    struct db *db = db_open(place->path, &options, &fault);
    assert_non_null(db);
    assert_true(db_exec(
        db,
        "CREATE TABLE peer (kind INTEGER NOT NULL, host BLOB NOT NULL, port INTEGER NOT NULL,"
        " last_seen INTEGER NOT NULL, last_try INTEGER NOT NULL, rating INTEGER NOT NULL,"
        " failures INTEGER NOT NULL, tried INTEGER NOT NULL, built_in INTEGER NOT NULL,"
        " PRIMARY KEY (kind, host, port)) WITHOUT ROWID;"
        "INSERT INTO peer VALUES (1, x'01020304' || zeroblob(31), 8444, 1699999999, 0, 3, 0, 1, 0);"
        "PRAGMA user_version = 1",
        &fault));
    db_close(&db);

    open_place(place, MAGIC);
    struct peer_addr one = ipv4(0x01020304);
    const struct known_peer *peer = peer_book_find(place->book, &one);
    assert_non_null(peer);
    assert_int_equal(peer->stream, 1);
    assert_int_equal(peer->rating, 3);
    assert_true(peer->tried);
    assert_false(place->was_other_network);
    close_place(place);
}

static void a_broken_file_is_set_aside(void **state)
{
    struct place *place = *state;
    FILE *file = fopen(place->path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("no database ", file);
    }
    fclose(file);
    open_place(place, MAGIC);
    assert_int_equal(peer_book_n_peers(place->book), 0);
    close_place(place);
}

static bool has_broken_file(const struct place *place)
{
    char *command = xasprintf("ls %s/peers.db.broken-* > /dev/null 2>&1", place->folder);
    bool has_one = system(command) == 0;
    free(command);
    return has_one;
}

static void whatever_befell_the_file_it_is_set_aside_and_filled_anew(void **state)
{
    struct place *place = *state;
    for (enum damage damage = 0; damage < N_DAMAGES; damage++) {
        print_message("%s\n", damage_name(damage));
        open_place(place, MAGIC);
        for (uint32_t i = 0; i < 2000; i++) {
            struct peer_addr addr = ipv4((20 + i / 250) << 24 | (i % 250) << 16 | 0x0101);
            assert_true(peer_book_add(place->book, &addr, NOW, NOW));
        }
        close_place(place);
        damage_file(place->path, damage);

        open_place(place, MAGIC);
        assert_true(has_broken_file(place));
        size_t n_read = peer_book_n_peers(place->book); /* before the broken place */
        assert_in_range(n_read, 0, 1999);
        struct peer_addr one = ipv4(0x01020304);
        assert_true(peer_book_add(place->book, &one, NOW, NOW));
        close_place(place);
        open_place(place, MAGIC);
        assert_int_equal(peer_book_n_peers(place->book), n_read + 1);
        close_place(place);
        char *command = xasprintf("rm %s/peers.db*", place->folder);
        assert_int_equal(system(command), 0);
        free(command);
    }
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_known_comes_back),
        STORE_TEST(another_network_keeps_the_bytes_of_the_month_alone),
        STORE_TEST(a_file_of_the_first_version_is_brought_forward),
        STORE_TEST(a_broken_file_is_set_aside),
        STORE_TEST(whatever_befell_the_file_it_is_set_aside_and_filled_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
