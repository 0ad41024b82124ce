// SPDX-License-Identifier: MIT
/* A disk that is full, and a file that is broken. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/support/damage.h"
#include "tests/support/inventory_world.h"
#include "tests/support/vectors.h"

/* A small file system over the world's folder, seen by this process alone. */
static bool mount_small(struct inventory_world *world, const char *size)
{
    bool may =
        unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return may && mount("small", world->dir, "tmpfs", 0, size) == 0;
}

/* Add objects from number `first` on until the store is busy; returns how many were taken. */
static uint32_t add_until_busy(struct inventory_world *world, uint32_t first,
                               const struct inventory_adding *how)
{
    enum { NEVER = 2000 };
    uint32_t n = 0;
    while (inventory_world_add(world, first + n, how) == INVENTORY_ADDED) {
        n++;
        assert_true(n < NEVER);
        loop_turn(world->loop, 0);
    }
    return n;
}

static void a_full_disk_stops_relaying_first_and_recovers(void **state)
{
    enum { FIRST = 1, FIRST_OWN = 1000000, LEN = 100000 };
    struct inventory_world *world = *state;
    struct inventory_adding big = inventory_plain;
    struct inventory_adding own = inventory_plain;
    big.len = LEN;
    own.len = LEN;
    own.own = true;
    if (!mount_small(world, "size=4m")) {
        print_message("no mount namespace here: %s\n", strerror(errno));
        skip();
    }

    /* The disk takes some, memory the rest up to its bound, and no more is taken of others. */
    inventory_world_open(world, 100000, (uint64_t)1 << 30);
    uint32_t n = add_until_busy(world, FIRST, &big);
    inventory_world_turn(world, 1500);
    n += add_until_busy(world, FIRST + n, &big);
    struct inventory_figures figures = inventory_figures(world->inventory);
    uint64_t most = INVENTORY_MAX_UNWRITTEN_BYTES - INVENTORY_OWN_RESERVE_BYTES;
    assert_true(figures.write_failed);
    assert_true(figures.n_unwritten * LEN <= most);
    assert_true((figures.n_unwritten + 1) * LEN > most);
    assert_false(world->broken);

    /* Ours still are, up to the reserve, and are not answered for while they are not on disk. */
    uint32_t n_own = add_until_busy(world, FIRST_OWN, &own);
    assert_true(n_own >= INVENTORY_OWN_RESERVE_BYTES / LEN);
    uint64_t own_number = inventory_world_number_of(world, FIRST_OWN);
    inventory_world_turn(world, 1500);
    assert_true(world->last_written < own_number);
    inventory_world_expect_readable(world, FIRST);
    inventory_world_expect_readable(world, FIRST + n - 1);
    assert_int_equal(world->n_room, 0);

    /* Space comes back: all is written, and the network's are taken again. */
    assert_int_equal(mount("small", world->dir, "tmpfs", MS_REMOUNT, "size=400m"), 0);
    for (int i = 0; i < 100 && inventory_figures(world->inventory).n_unwritten > 0; i++) {
        inventory_world_turn(world, 100);
    }
    figures = inventory_figures(world->inventory);
    assert_int_equal(figures.n_unwritten, 0);
    assert_false(figures.write_failed);
    assert_true(world->n_room >= 1);
    assert_true(world->last_written >= own_number);
    assert_int_equal(inventory_world_add(world, FIRST + n, &big), INVENTORY_ADDED);
    inventory_world_close(world);

    inventory_world_open(world, 100000, (uint64_t)1 << 30);
    assert_int_equal(inventory_figures(world->inventory).n_objects, n + 1 + n_own);
    inventory_world_expect_readable(world, FIRST);
    inventory_world_expect_readable(world, FIRST + n);
    inventory_world_expect_readable(world, FIRST_OWN);
    inventory_world_close(world);
    assert_int_equal(umount2(world->dir, MNT_DETACH), 0);
}

static void a_broken_file_is_set_aside(void **state)
{
    struct inventory_world *world = *state;
    FILE *file = fopen(world->path, "w");
    for (int i = 0; i < 5000; i++) {
        fputs("this is no database ", file);
    }
    fclose(file);

    inventory_world_open(world, 1000, 1 << 20);
    assert_int_equal(inventory_world_add(world, 1, &inventory_plain), INVENTORY_ADDED);
    inventory_world_close(world);
    assert_true(inventory_world_has_file(world, "objects.db.broken-"));
}

static void a_file_broken_in_the_middle_is_set_aside(void **state)
{
    struct inventory_world *world = *state;
    uint8_t epoch[INVENTORY_EPOCH_BYTES];
    inventory_world_open(world, 10000, 1 << 24);
    memcpy(epoch, inventory_epoch(world->inventory), sizeof epoch);
    for (uint32_t i = 1; i <= 2000; i++) {
        inventory_world_add(world, i, &inventory_plain);
    }
    inventory_world_close(world);
    int fd = open(world->path, O_RDWR);
    static const uint8_t junk[4096] = {0xee};
    for (off_t page = 2; page < 60; page++) {
        assert_int_equal(pwrite(fd, junk, sizeof junk, page * 4096), sizeof junk);
    }
    close(fd);

    inventory_world_open(world, 10000, 1 << 24);
    assert_int_equal(inventory_figures(world->inventory).n_objects, 0);
    assert_memory_not_equal(inventory_epoch(world->inventory), epoch, sizeof epoch);
    assert_int_equal(inventory_world_add(world, 1, &inventory_plain), INVENTORY_ADDED);
    inventory_world_close(world);
}

static void whatever_befell_the_file_it_is_set_aside_and_filled_anew(void **state)
{
    struct inventory_world *world = *state;
    for (enum damage damage = 0; damage < N_DAMAGES; damage++) {
        print_message("%s\n", damage_name(damage));
        uint8_t epoch[INVENTORY_EPOCH_BYTES];
        inventory_world_open(world, 10000, 1 << 24);
        memcpy(epoch, inventory_epoch(world->inventory), sizeof epoch);
        for (uint32_t i = 1; i <= 1000; i++) {
            assert_int_equal(inventory_world_add(world, i, &inventory_plain), INVENTORY_ADDED);
        }
        inventory_world_close(world);
        damage_file(world->path, damage);

        inventory_world_open(world, 10000, 1 << 24);
        assert_int_equal(inventory_figures(world->inventory).n_objects, 0);
        assert_memory_not_equal(inventory_epoch(world->inventory), epoch, sizeof epoch);
        assert_true(inventory_world_has_file(world, "objects.db.broken-"));
        assert_int_equal(inventory_world_add(world, 1, &inventory_plain), INVENTORY_ADDED);
        inventory_world_close(world);
        inventory_world_open(world, 10000, 1 << 24);
        inventory_world_expect_readable(world, 1);
        inventory_world_close(world);
        inventory_world_remove_files(world);
    }
}

/* A page that holds nothing but an object's content, where SQLite notices nothing. */
static void overwrite_content_of(const struct inventory_world *world, uint8_t filling)
{
    enum { PAGE = 4096, LINK_TO_NEXT = 4 };
    uint8_t page[PAGE];
    uint8_t wanted[PAGE];
    int fd = open(world->path, O_RDWR);
    memset(wanted, filling, sizeof wanted);
    for (off_t at = 0;; at += PAGE) {
        assert_int_equal(pread(fd, page, PAGE, at), PAGE);
        if (memcmp(page + LINK_TO_NEXT, wanted, PAGE - LINK_TO_NEXT) == 0) {
            assert_int_equal(pwrite(fd, "?", 1, at + PAGE / 2), 1);
            break;
        }
    }
    close(fd);
}

static void an_object_that_the_disk_changed_is_not_handed_out(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_adding big = inventory_plain;
    struct bytes payload;
    struct fault fault = {0};
    big.len = 20000;
    inventory_world_open(world, 10000, 1 << 24);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(inventory_world_add(world, i, &big), INVENTORY_ADDED);
    }
    inventory_world_close(world);
    overwrite_content_of(world, 2);

    inventory_world_open(world, 10000, 1 << 24);
    inventory_world_expect_readable(world, 1);
    assert_false(world->broken);
    assert_false(
        inventory_read(world->inventory, inventory_world_find(world, 2), &payload, &fault));
    assert_int_equal(fault.code, FAULT_CORRUPT);
    assert_true(world->broken);
    assert_true(inventory_world_has_file(world, "objects.db.broken-"));
    inventory_world_close(world);

    inventory_world_open(world, 10000, 1 << 24);
    assert_int_equal(inventory_figures(world->inventory).n_objects, 0);
    inventory_world_close(world);
}

static void a_folder_that_is_not_there_is_a_fault(void **state)
{
    struct inventory_world *world = *state;
    struct inventory_options options = {"/nonexistent/objects.db", 10, 10};
    struct fault fault;
    struct loop *loop = loop_new();
    assert_null(inventory_open(loop, &options, &inventory_world_handler, world, &fault));
    assert_non_null(strstr(fault.text, "object store"));
    loop_free(&loop);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        INVENTORY_TEST(a_full_disk_stops_relaying_first_and_recovers),
        INVENTORY_TEST(a_broken_file_is_set_aside),
        INVENTORY_TEST(a_file_broken_in_the_middle_is_set_aside),
        INVENTORY_TEST(whatever_befell_the_file_it_is_set_aside_and_filled_anew),
        INVENTORY_TEST(an_object_that_the_disk_changed_is_not_handed_out),
        INVENTORY_TEST(a_folder_that_is_not_there_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
