// SPDX-License-Identifier: MIT
/* What is put into the store is found, read and numbered, in this run and the next. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/db.h"
#include "tests/support/inventory_world.h"
#include "tests/support/vectors.h"

static void objects_are_found_read_and_numbered_in_order(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 1000, 1 << 20);
    for (uint32_t i = 1; i <= 100; i++) {
        assert_int_equal(inventory_world_add(world, i, &inventory_plain), INVENTORY_ADDED);
    }
    assert_int_equal(inventory_world_add(world, 50, &inventory_plain), INVENTORY_KNOWN);
    assert_int_equal(inventory_newest(world->inventory), 100);

    for (uint32_t i = 1; i <= 100; i++) {
        inventory_world_expect_readable(world, i);
        assert_int_equal(inventory_world_number_of(world, i), i);
    }
    assert_int_equal(inventory_world_find(world, 101), SLOT_NONE);
    uint64_t number = 0;
    for (uint32_t i = 1; i <= 100; i++) {
        struct inventory_entry entry;
        assert_true(
            inventory_at(world->inventory, inventory_after(world->inventory, number), &entry));
        number = entry.number;
        assert_int_equal(number, i);
    }
    assert_int_equal(inventory_after(world->inventory, number), SLOT_NONE);
    inventory_world_close(world);
}

static void a_restart_finds_all_and_repeats_no_number(void **state)
{
    struct inventory_world *world = *state;
    uint8_t epoch[INVENTORY_EPOCH_BYTES];
    inventory_world_open(world, 10000, 1 << 24);
    memcpy(epoch, inventory_epoch(world->inventory), sizeof epoch);
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(inventory_world_add(world, i, &inventory_plain), INVENTORY_ADDED);
    }
    inventory_world_close(world);

    inventory_world_open(world, 10000, 1 << 24);
    assert_memory_equal(inventory_epoch(world->inventory), epoch, sizeof epoch);
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(inventory_world_number_of(world, i), i);
    }
    inventory_world_expect_readable(world, 1);
    inventory_world_expect_readable(world, 5000);
    assert_int_equal(inventory_world_add(world, 6000, &inventory_plain), INVENTORY_ADDED);
    assert_true(inventory_world_number_of(world, 6000) > 5000);
    inventory_world_close(world);
}

/* The process is killed before a batch was written: what it had given away is not given again. */
static void a_kill_skips_numbers_and_repeats_none(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 1000, 1 << 20);
    inventory_world_close(world);
    for (int round = 0; round < 3; round++) {
        int pipes[2];
        uint64_t newest = 0;
        assert_int_equal(pipe(pipes), 0);
        pid_t pid = fork();
        if (pid == 0) {
            inventory_world_open(world, 1000, 1 << 20);
            for (uint32_t i = 1; i <= 10; i++) {
                (void)!inventory_world_add(world, i, &inventory_plain);
            }
            newest = inventory_newest(world->inventory);
            (void)!write(pipes[1], &newest, sizeof newest);
            _exit(0); /* nothing was flushed */
        }
        assert_int_equal(read(pipes[0], &newest, sizeof newest), sizeof newest);
        waitpid(pid, NULL, 0);
        close(pipes[0]);
        close(pipes[1]);

        inventory_world_open(world, 1000, 1 << 20);
        assert_true(inventory_newest(world->inventory) >= newest);
        assert_int_equal(inventory_world_find(world, 1), SLOT_NONE);
        inventory_world_close(world);
    }
}

static void a_new_file_has_another_epoch(void **state)
{
    struct inventory_world *world = *state;
    uint8_t epoch[INVENTORY_EPOCH_BYTES];
    inventory_world_open(world, 1000, 1 << 20);
    memcpy(epoch, inventory_epoch(world->inventory), sizeof epoch);
    inventory_world_close(world);
    unlink(world->path);

    inventory_world_open(world, 1000, 1 << 20);
    assert_memory_not_equal(inventory_epoch(world->inventory), epoch, sizeof epoch);
    inventory_world_close(world);
}

static void own_objects_are_reported_once_on_disk(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_adding own = inventory_plain;
    own.own = true;
    inventory_world_open(world, 1000, 1 << 20);
    assert_int_equal(inventory_world_add(world, 1, &own), INVENTORY_ADDED);
    assert_int_equal(inventory_written(world->inventory), 0);

    for (int i = 0; i < 500 && world->last_written == 0; i++) {
        loop_turn(world->loop, 10);
    }

    assert_int_equal(world->last_written, 1);
    assert_int_equal(inventory_written(world->inventory), 1);
    /* Another connection sees it: it is committed. */
    struct db_options options = {.read_only = true};
    struct fault fault;
    struct db *db = db_open(world->path, &options, &fault);
    struct db_stmt *stmt = db_prepare(db, "SELECT count(*) FROM object WHERE own = 1", &fault);
    assert_int_equal(db_step(stmt, &fault), DB_ROW);
    assert_int_equal(db_column_i64(stmt, 0), 1);
    db_reset(stmt);
    db_close(&db);
    inventory_world_close(world);
}

static void a_report_comes_even_when_the_store_closes(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 1000, 1 << 20);
    assert_int_equal(inventory_world_add(world, 1, &inventory_plain), INVENTORY_ADDED);
    inventory_world_close(world);
    assert_int_equal(world->last_written, 1);
}

static void tags_find_unexpired_objects_of_their_type(void **state)
{
    struct inventory_world *world = *state;
    static const uint8_t tag[OBJECT_TAG_BYTES] = {1, 2, 3};
    static const uint8_t other[OBJECT_TAG_BYTES] = {9};
    struct inventory_adding pubkey = {.type = OBJECT_PUBKEY, .tag = tag, .work = 1, .len = 100};
    struct inventory_adding old = pubkey;
    struct inventory_adding broadcast = pubkey;
    struct inventory_adding foreign = pubkey;
    uint32_t slots[8];
    old.life_sec = -5;
    broadcast.type = OBJECT_BROADCAST;
    foreign.tag = other;
    inventory_world_open(world, 1000, 1 << 20);
    inventory_world_add(world, 1, &pubkey);
    inventory_world_add(world, 2, &old);
    inventory_world_add(world, 3, &broadcast);
    inventory_world_add(world, 4, &foreign);
    inventory_world_add(world, 5, &pubkey);

    for (int round = 0; round < 2; round++) {
        size_t n =
            inventory_find_tag(world->inventory, OBJECT_PUBKEY, tag, slots, ARRAY_LEN(slots));
        assert_int_equal(n, 2);
        assert_int_equal(slots[0], inventory_world_find(world, 1));
        assert_int_equal(slots[1], inventory_world_find(world, 5));
        assert_int_equal(inventory_find_tag(world->inventory, OBJECT_PUBKEY, tag, slots, 1), 1);
        inventory_world_close(world); /* the same from disk */
        inventory_world_open(world, 1000, 1 << 20);
    }
    inventory_world_close(world);
}

static void recent_payloads_and_those_on_disk_read_alike(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_adding big = inventory_plain;
    big.len = 200000;
    inventory_world_open(world, 1000, 1 << 26);
    for (uint32_t i = 1; i <= 60; i++) {
        inventory_world_add(world, i, &big); /* 12 MB: most leave memory once written */
    }
    inventory_world_write(world);
    for (uint32_t i = 1; i <= 60; i++) {
        inventory_world_expect_readable(world, i);
    }
    inventory_world_close(world);
}

static void slots_are_used_again(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_open(world, 100, 1 << 20);
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(inventory_world_add(world, i, &inventory_plain), INVENTORY_ADDED);
    }
    assert_true(inventory_n_slots(world->inventory) <= 101);
    uint64_t number = 0;
    size_t n = 0;
    for (uint32_t slot; (slot = inventory_after(world->inventory, number)) != SLOT_NONE; n++) {
        struct inventory_entry entry;
        assert_true(inventory_at(world->inventory, slot, &entry));
        assert_true(entry.number > number);
        number = entry.number;
    }
    assert_int_equal(n, inventory_figures(world->inventory).n_objects);
    inventory_world_close(world);
}

static void figures_tell_kinds_apart(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_adding pubkey = inventory_plain;
    pubkey.type = OBJECT_PUBKEY;
    struct inventory_adding odd = inventory_plain;
    odd.type = 12345;
    inventory_world_open(world, 1000, 1 << 20);
    inventory_world_add(world, 1, &inventory_plain);
    inventory_world_add(world, 2, &pubkey);
    inventory_world_add(world, 3, &odd);
    struct inventory_figures figures = inventory_figures(world->inventory);
    assert_int_equal(figures.n_objects, 3);
    assert_int_equal(figures.n_bytes, 300);
    assert_int_equal(figures.n_of_kind[INVENTORY_MSG], 1);
    assert_int_equal(figures.n_of_kind[INVENTORY_PUBKEY], 1);
    assert_int_equal(figures.bytes_of_kind[INVENTORY_OTHER], 100);
    inventory_world_close(world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        INVENTORY_TEST(objects_are_found_read_and_numbered_in_order),
        INVENTORY_TEST(a_restart_finds_all_and_repeats_no_number),
        INVENTORY_TEST(a_kill_skips_numbers_and_repeats_none),
        INVENTORY_TEST(a_new_file_has_another_epoch),
        INVENTORY_TEST(own_objects_are_reported_once_on_disk),
        INVENTORY_TEST(a_report_comes_even_when_the_store_closes),
        INVENTORY_TEST(tags_find_unexpired_objects_of_their_type),
        INVENTORY_TEST(recent_payloads_and_those_on_disk_read_alike),
        INVENTORY_TEST(slots_are_used_again),
        INVENTORY_TEST(figures_tell_kinds_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
