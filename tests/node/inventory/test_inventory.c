// SPDX-License-Identifier: MIT
/* The store in a folder of its own, with the clock moved as needed. */
#include "node/inventory/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/loop.h"
#include "base/mem.h"
#include "tests/support/vectors.h"

enum { HOUR = 3600 };

struct world {
    char dir[64];
    char path[96];
    struct loop *loop;
    struct inventory *inventory;
    size_t n_expired;
    size_t n_evicted;
    uint64_t last_written;
    size_t n_room;
    bool broken;
};

static void on_removed(void *context, uint32_t slot, const uint8_t hash[OBJECT_HASH_BYTES],
                       enum inventory_removal why)
{
    struct world *world = context;
    (void)slot;
    (void)hash;
    world->n_expired += why == INVENTORY_EXPIRED;
    world->n_evicted += why == INVENTORY_EVICTED;
}

static void on_written(void *context, uint64_t number)
{
    struct world *world = context;
    world->last_written = number;
}

static void on_room(void *context)
{
    struct world *world = context;
    world->n_room++;
}

static void on_broken(void *context)
{
    struct world *world = context;
    world->broken = true;
}

static const struct inventory_handler handler = {on_written, on_removed, on_room, on_broken};

static void open_world(struct world *world, uint32_t max_objects, uint64_t max_bytes)
{
    struct inventory_options options = {world->path, max_objects, max_bytes};
    struct fault fault;
    world->loop = loop_new();
    world->inventory = inventory_open(world->loop, &options, &handler, world, &fault);
    if (world->inventory == NULL) {
        fail_msg("%s", fault.text);
    }
}

static void close_world(struct world *world)
{
    inventory_free(&world->inventory);
    loop_free(&world->loop);
}

static int set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof *world);
    snprintf(world->dir, sizeof world->dir, "/tmp/bittern-inventory-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->path, sizeof world->path, "%s/objects.db", world->dir);
    clock_set_offset(0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    DIR *dir = opendir(world->dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    rmdir(world->dir);
    clock_set_offset(0);
    free(world);
    return 0;
}

/* An object with a header, so that its tag can be found; its content follows from `i`. */
static struct buf object_of(uint32_t i, uint32_t type, int64_t expires_sec, const uint8_t *tag,
                            size_t len)
{
    struct buf out = {0};
    struct object_head head = {
        .expires_sec = (uint64_t)expires_sec, .type = type, .version = 4, .stream = 1};
    object_write_header(&out, &head);
    if (tag != NULL) {
        buf_append(&out, tag, OBJECT_TAG_BYTES);
    }
    write_u32(&out, i);
    while (out.len < len) {
        buf_append_byte(&out, (uint8_t)i);
    }
    return out;
}

struct adding {
    uint32_t type;
    int64_t life_sec;
    const uint8_t *tag;
    double work;
    size_t len;
    bool own;
};

static enum inventory_add_result add(struct world *world, uint32_t i, const struct adding *how)
{
    uint8_t hash[OBJECT_HASH_BYTES];
    int64_t expires_sec = clock_now_sec() + (how->life_sec == 0 ? HOUR : how->life_sec);
    struct buf payload = object_of(i, how->type, expires_sec, how->tag, how->len);
    uint32_t slot;
    store_be32(hash, i);
    memset(hash + 4, 0x5a, sizeof hash - 4);
    struct inventory_new object = {
        .hash = hash,
        .payload = buf_view(&payload),
        .expires_sec = expires_sec,
        .type = how->type,
        .stream = 1,
        .tag = how->tag,
        .work = how->work,
        .own = how->own,
    };
    enum inventory_add_result result = inventory_add(world->inventory, &object, &slot);
    buf_clear(&payload);
    return result;
}

static const struct adding plain = {.type = OBJECT_MSG, .work = 1e6, .len = 100};

static uint32_t find(struct world *world, uint32_t i)
{
    uint8_t hash[OBJECT_HASH_BYTES];
    store_be32(hash, i);
    memset(hash + 4, 0x5a, sizeof hash - 4);
    return inventory_find(world->inventory, hash);
}

static void assert_readable(struct world *world, uint32_t i)
{
    struct bytes payload;
    struct fault fault;
    uint32_t slot = find(world, i);
    assert_int_not_equal(slot, SLOT_NONE);
    if (!inventory_read(world->inventory, slot, &payload, &fault)) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(load_be32(payload.data + OBJECT_MIN_HEADER_BYTES), i);
}

static uint64_t number_of(struct world *world, uint32_t i)
{
    struct inventory_entry entry;
    assert_true(inventory_at(world->inventory, find(world, i), &entry));
    return entry.number;
}

static void turn_until_written(struct world *world)
{
    inventory_flush(world->inventory);
    for (int i = 0; i < 500 && inventory_figures(world->inventory).n_unwritten > 0; i++) {
        loop_turn(world->loop, 10);
        inventory_flush(world->inventory);
    }
    assert_int_equal(inventory_figures(world->inventory).n_unwritten, 0);
}

static void objects_are_found_read_and_numbered_in_order(void **state)
{
    struct world *world = *state;
    open_world(world, 1000, 1 << 20);
    for (uint32_t i = 1; i <= 100; i++) {
        assert_int_equal(add(world, i, &plain), INVENTORY_ADDED);
    }
    assert_int_equal(add(world, 50, &plain), INVENTORY_KNOWN);
    assert_int_equal(inventory_newest(world->inventory), 100);

    for (uint32_t i = 1; i <= 100; i++) {
        assert_readable(world, i);
        assert_int_equal(number_of(world, i), i);
    }
    assert_int_equal(find(world, 101), SLOT_NONE);
    uint64_t number = 0;
    for (uint32_t i = 1; i <= 100; i++) {
        struct inventory_entry entry;
        assert_true(
            inventory_at(world->inventory, inventory_after(world->inventory, number), &entry));
        number = entry.number;
        assert_int_equal(number, i);
    }
    assert_int_equal(inventory_after(world->inventory, number), SLOT_NONE);
    close_world(world);
}

static void a_restart_finds_all_and_repeats_no_number(void **state)
{
    struct world *world = *state;
    uint8_t epoch[INVENTORY_EPOCH_BYTES];
    open_world(world, 10000, 1 << 24);
    memcpy(epoch, inventory_epoch(world->inventory), sizeof epoch);
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(add(world, i, &plain), INVENTORY_ADDED);
    }
    close_world(world);

    open_world(world, 10000, 1 << 24);
    assert_memory_equal(inventory_epoch(world->inventory), epoch, sizeof epoch);
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(number_of(world, i), i);
    }
    assert_readable(world, 1);
    assert_readable(world, 5000);
    assert_int_equal(add(world, 6000, &plain), INVENTORY_ADDED);
    assert_true(number_of(world, 6000) > 5000);
    close_world(world);
}

/* The process is killed before a batch was written: what it had given away is not given again. */
static void a_kill_skips_numbers_and_repeats_none(void **state)
{
    struct world *world = *state;
    open_world(world, 1000, 1 << 20);
    close_world(world);
    for (int round = 0; round < 3; round++) {
        int pipes[2];
        uint64_t newest = 0;
        assert_int_equal(pipe(pipes), 0);
        pid_t pid = fork();
        if (pid == 0) {
            open_world(world, 1000, 1 << 20);
            for (uint32_t i = 1; i <= 10; i++) {
                (void)!add(world, i, &plain);
            }
            newest = inventory_newest(world->inventory);
            (void)!write(pipes[1], &newest, sizeof newest);
            _exit(0); /* nothing was flushed */
        }
        assert_int_equal(read(pipes[0], &newest, sizeof newest), sizeof newest);
        waitpid(pid, NULL, 0);
        close(pipes[0]);
        close(pipes[1]);

        open_world(world, 1000, 1 << 20);
        assert_true(inventory_newest(world->inventory) >= newest);
        assert_int_equal(find(world, 1), SLOT_NONE);
        close_world(world);
    }
}

static void a_new_file_has_another_epoch(void **state)
{
    struct world *world = *state;
    uint8_t epoch[INVENTORY_EPOCH_BYTES];
    open_world(world, 1000, 1 << 20);
    memcpy(epoch, inventory_epoch(world->inventory), sizeof epoch);
    close_world(world);
    unlink(world->path);

    open_world(world, 1000, 1 << 20);
    assert_memory_not_equal(inventory_epoch(world->inventory), epoch, sizeof epoch);
    close_world(world);
}

static void own_objects_are_reported_once_on_disk(void **state)
{
    struct world *world = *state;
    struct adding own = plain;
    own.own = true;
    open_world(world, 1000, 1 << 20);
    assert_int_equal(add(world, 1, &own), INVENTORY_ADDED);
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
    close_world(world);
}

static void a_report_comes_even_when_the_store_closes(void **state)
{
    struct world *world = *state;
    open_world(world, 1000, 1 << 20);
    assert_int_equal(add(world, 1, &plain), INVENTORY_ADDED);
    close_world(world);
    assert_int_equal(world->last_written, 1);
}

static void expired_objects_stay_three_hours_and_go(void **state)
{
    struct world *world = *state;
    open_world(world, 1000, 1 << 20);
    struct adding short_lived = plain;
    short_lived.life_sec = 500;
    add(world, 1, &short_lived);
    add(world, 2, &plain);
    turn_until_written(world);
    close_world(world);

    /* Opened anew, so that the step of the clock is none for it. The test itself may take seconds.
     */
    clock_set_offset(500 + OBJECT_KEEP_EXPIRED_SEC - 100);
    open_world(world, 1000, 1 << 20);
    inventory_expire(world->inventory);
    assert_int_not_equal(find(world, 1), SLOT_NONE);
    close_world(world);

    clock_set_offset(500 + OBJECT_KEEP_EXPIRED_SEC + 2);
    open_world(world, 1000, 1 << 20);
    inventory_expire(world->inventory);
    assert_int_equal(find(world, 1), SLOT_NONE);
    assert_int_not_equal(find(world, 2), SLOT_NONE);
    assert_int_equal(world->n_expired, 1);
    close_world(world);

    open_world(world, 1000, 1 << 20); /* and stays away */
    assert_int_equal(find(world, 1), SLOT_NONE);
    assert_int_equal(inventory_figures(world->inventory).n_objects, 1);
    close_world(world);
}

static void a_jump_of_the_clock_expires_nothing(void **state)
{
    struct world *world = *state;
    open_world(world, 1000, 1 << 20);
    add(world, 1, &plain);

    clock_set_offset(INT64_C(75) * 365 * 86400);
    inventory_expire(world->inventory);
    inventory_expire(world->inventory);

    assert_int_not_equal(find(world, 1), SLOT_NONE);
    close_world(world);
}

static void at_the_bound_the_least_worked_for_go_but_own_ones_never(void **state)
{
    struct world *world = *state;
    open_world(world, 1000, 1 << 24);
    struct adding own = plain;
    own.own = true;
    own.work = 1;
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(add(world, 100000 + i, &own), INVENTORY_ADDED);
    }
    for (uint32_t i = 1; i <= 3000; i++) {
        struct adding worked = plain;
        worked.work = i % 2 == 0 ? 1e9 : 1e3;
        assert_int_equal(add(world, i, &worked), INVENTORY_ADDED);
        assert_true(inventory_figures(world->inventory).n_objects <= 1000);
    }
    assert_true(world->n_evicted >= 2000);
    size_t n_well_worked = 0;
    for (uint32_t i = 2; i <= 3000; i += 2) {
        n_well_worked += find(world, i) != SLOT_NONE;
    }
    assert_true(n_well_worked > 900); /* chance alone would leave half */
    for (uint32_t i = 0; i < 10; i++) {
        assert_readable(world, 100000 + i);
    }
    close_world(world);
}

static void bytes_are_bounded_too(void **state)
{
    struct world *world = *state;
    struct adding big = plain;
    big.len = 10000;
    open_world(world, 1000000, 1000000);
    for (uint32_t i = 1; i <= 300; i++) {
        assert_int_equal(add(world, i, &big), INVENTORY_ADDED);
        assert_true(inventory_figures(world->inventory).n_bytes <= 1000000);
    }
    close_world(world);
    open_world(world, 1000000, 1000000);
    assert_true(inventory_figures(world->inventory).n_bytes <= 1000000);
    assert_readable(world, 300);
    close_world(world);
}

static void exactly_as_many_as_the_bound_says_are_kept(void **state)
{
    struct world *world = *state;
    open_world(world, 1000, 1 << 24);
    for (uint32_t i = 1; i <= 1000; i++) {
        assert_int_equal(add(world, i, &plain), INVENTORY_ADDED);
        assert_int_equal(inventory_figures(world->inventory).n_objects, i);
    }
    assert_int_equal(world->n_evicted, 0);
    assert_int_equal(add(world, 1001, &plain), INVENTORY_ADDED);
    assert_true(world->n_evicted > 0 && inventory_figures(world->inventory).n_objects <= 1000);
    close_world(world);
}

static void exactly_as_many_bytes_as_the_bound_says_are_kept(void **state)
{
    struct world *world = *state;
    struct adding big = plain;
    big.len = 10000;
    open_world(world, 100000, 1000000);
    for (uint32_t i = 1; i <= 100; i++) {
        assert_int_equal(add(world, i, &big), INVENTORY_ADDED);
    }
    assert_int_equal(inventory_figures(world->inventory).n_bytes, 1000000);
    assert_int_equal(world->n_evicted, 0);
    struct adding last = plain;
    last.len = 1;
    assert_int_equal(add(world, 101, &last), INVENTORY_ADDED);
    assert_true(world->n_evicted > 0);
    assert_true(inventory_figures(world->inventory).n_bytes <= 1000000);
    close_world(world);
}

static void own_objects_alone_may_go_above_the_bound(void **state)
{
    struct world *world = *state;
    struct adding own = plain;
    own.own = true;
    open_world(world, 1000, 1 << 24);
    for (uint32_t i = 1; i <= 1001; i++) {
        assert_int_equal(add(world, i, &own), INVENTORY_ADDED);
    }
    assert_int_equal(world->n_evicted, 0);
    assert_int_equal(inventory_figures(world->inventory).n_objects, 1001);
    close_world(world);
}

/* ---- a full disk */

/* A small file system over the world's folder, seen by this process alone. */
static bool mount_small(struct world *world, const char *size)
{
    bool may =
        unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return may && mount("small", world->dir, "tmpfs", 0, size) == 0;
}

static void turn_for(struct world *world, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < end_ms) {
        loop_turn(world->loop, 20);
    }
}

/* Add objects from number `first` on until the store is busy; returns how many were taken. */
static uint32_t add_until_busy(struct world *world, uint32_t first, const struct adding *how)
{
    enum { NEVER = 2000 };
    uint32_t n = 0;
    while (add(world, first + n, how) == INVENTORY_ADDED) {
        n++;
        assert_true(n < NEVER);
        loop_turn(world->loop, 0);
    }
    return n;
}

static void a_full_disk_stops_relaying_first_and_recovers(void **state)
{
    enum { FIRST = 1, FIRST_OWN = 1000000, LEN = 100000 };
    struct world *world = *state;
    struct adding big = plain;
    struct adding own = plain;
    big.len = LEN;
    own.len = LEN;
    own.own = true;
    if (!mount_small(world, "size=4m")) {
        print_message("no mount namespace here: %s\n", strerror(errno));
        skip();
    }

    /* The disk takes some, memory the rest up to its bound, and no more is taken of others. */
    open_world(world, 100000, (uint64_t)1 << 30);
    uint32_t n = add_until_busy(world, FIRST, &big);
    turn_for(world, 1500);
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
    uint64_t own_number = number_of(world, FIRST_OWN);
    turn_for(world, 1500);
    assert_true(world->last_written < own_number);
    assert_readable(world, FIRST);
    assert_readable(world, FIRST + n - 1);
    assert_int_equal(world->n_room, 0);

    /* Space comes back: all is written, and the network's are taken again. */
    assert_int_equal(mount("small", world->dir, "tmpfs", MS_REMOUNT, "size=400m"), 0);
    for (int i = 0; i < 100 && inventory_figures(world->inventory).n_unwritten > 0; i++) {
        turn_for(world, 100);
    }
    figures = inventory_figures(world->inventory);
    assert_int_equal(figures.n_unwritten, 0);
    assert_false(figures.write_failed);
    assert_true(world->n_room >= 1);
    assert_true(world->last_written >= own_number);
    assert_int_equal(add(world, FIRST + n, &big), INVENTORY_ADDED);
    close_world(world);

    open_world(world, 100000, (uint64_t)1 << 30);
    assert_int_equal(inventory_figures(world->inventory).n_objects, n + 1 + n_own);
    assert_readable(world, FIRST);
    assert_readable(world, FIRST + n);
    assert_readable(world, FIRST_OWN);
    close_world(world);
    assert_int_equal(umount2(world->dir, MNT_DETACH), 0);
}

static void tags_find_unexpired_objects_of_their_type(void **state)
{
    struct world *world = *state;
    static const uint8_t tag[OBJECT_TAG_BYTES] = {1, 2, 3};
    static const uint8_t other[OBJECT_TAG_BYTES] = {9};
    struct adding pubkey = {.type = OBJECT_PUBKEY, .tag = tag, .work = 1, .len = 100};
    struct adding old = pubkey;
    struct adding broadcast = pubkey;
    struct adding foreign = pubkey;
    uint32_t slots[8];
    old.life_sec = -5;
    broadcast.type = OBJECT_BROADCAST;
    foreign.tag = other;
    open_world(world, 1000, 1 << 20);
    add(world, 1, &pubkey);
    add(world, 2, &old);
    add(world, 3, &broadcast);
    add(world, 4, &foreign);
    add(world, 5, &pubkey);

    for (int round = 0; round < 2; round++) {
        size_t n =
            inventory_find_tag(world->inventory, OBJECT_PUBKEY, tag, slots, ARRAY_LEN(slots));
        assert_int_equal(n, 2);
        assert_int_equal(slots[0], find(world, 1));
        assert_int_equal(slots[1], find(world, 5));
        assert_int_equal(inventory_find_tag(world->inventory, OBJECT_PUBKEY, tag, slots, 1), 1);
        close_world(world); /* the same from disk */
        open_world(world, 1000, 1 << 20);
    }
    close_world(world);
}

static void recent_payloads_and_those_on_disk_read_alike(void **state)
{
    struct world *world = *state;
    struct adding big = plain;
    big.len = 200000;
    open_world(world, 1000, 1 << 26);
    for (uint32_t i = 1; i <= 60; i++) {
        add(world, i, &big); /* 12 MB: most leave memory once written */
    }
    turn_until_written(world);
    for (uint32_t i = 1; i <= 60; i++) {
        assert_readable(world, i);
    }
    close_world(world);
}

static void slots_are_used_again(void **state)
{
    struct world *world = *state;
    open_world(world, 100, 1 << 20);
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(add(world, i, &plain), INVENTORY_ADDED);
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
    close_world(world);
}

static void a_broken_file_is_set_aside(void **state)
{
    struct world *world = *state;
    FILE *file = fopen(world->path, "w");
    for (int i = 0; i < 5000; i++) {
        fputs("this is no database ", file);
    }
    fclose(file);

    open_world(world, 1000, 1 << 20);
    assert_int_equal(add(world, 1, &plain), INVENTORY_ADDED);
    close_world(world);

    bool found = false;
    DIR *dir = opendir(world->dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        found = found || strstr(entry->d_name, "objects.db.broken-") != NULL;
    }
    closedir(dir);
    assert_true(found);
}

static void a_file_broken_in_the_middle_is_set_aside(void **state)
{
    struct world *world = *state;
    uint8_t epoch[INVENTORY_EPOCH_BYTES];
    open_world(world, 10000, 1 << 24);
    memcpy(epoch, inventory_epoch(world->inventory), sizeof epoch);
    for (uint32_t i = 1; i <= 2000; i++) {
        add(world, i, &plain);
    }
    close_world(world);
    int fd = open(world->path, O_RDWR);
    static const uint8_t junk[4096] = {0xee};
    for (off_t page = 2; page < 60; page++) {
        assert_int_equal(pwrite(fd, junk, sizeof junk, page * 4096), sizeof junk);
    }
    close(fd);

    open_world(world, 10000, 1 << 24);
    assert_int_equal(inventory_figures(world->inventory).n_objects, 0);
    assert_memory_not_equal(inventory_epoch(world->inventory), epoch, sizeof epoch);
    assert_int_equal(add(world, 1, &plain), INVENTORY_ADDED);
    close_world(world);
}

static void a_folder_that_is_not_there_is_a_fault(void **state)
{
    struct world *world = *state;
    struct inventory_options options = {"/nonexistent/objects.db", 10, 10};
    struct fault fault;
    struct loop *loop = loop_new();
    assert_null(inventory_open(loop, &options, &handler, world, &fault));
    assert_non_null(strstr(fault.text, "object store"));
    loop_free(&loop);
}

static void figures_tell_kinds_apart(void **state)
{
    struct world *world = *state;
    struct adding pubkey = plain;
    pubkey.type = OBJECT_PUBKEY;
    struct adding odd = plain;
    odd.type = 12345;
    open_world(world, 1000, 1 << 20);
    add(world, 1, &plain);
    add(world, 2, &pubkey);
    add(world, 3, &odd);
    struct inventory_figures figures = inventory_figures(world->inventory);
    assert_int_equal(figures.n_objects, 3);
    assert_int_equal(figures.n_bytes, 300);
    assert_int_equal(figures.n_of_kind[INVENTORY_MSG], 1);
    assert_int_equal(figures.n_of_kind[INVENTORY_PUBKEY], 1);
    assert_int_equal(figures.bytes_of_kind[INVENTORY_OTHER], 100);
    close_world(world);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        WORLD_TEST(objects_are_found_read_and_numbered_in_order),
        WORLD_TEST(a_restart_finds_all_and_repeats_no_number),
        WORLD_TEST(a_kill_skips_numbers_and_repeats_none),
        WORLD_TEST(a_new_file_has_another_epoch),
        WORLD_TEST(own_objects_are_reported_once_on_disk),
        WORLD_TEST(a_report_comes_even_when_the_store_closes),
        WORLD_TEST(expired_objects_stay_three_hours_and_go),
        WORLD_TEST(a_jump_of_the_clock_expires_nothing),
        WORLD_TEST(at_the_bound_the_least_worked_for_go_but_own_ones_never),
        WORLD_TEST(bytes_are_bounded_too),
        WORLD_TEST(exactly_as_many_as_the_bound_says_are_kept),
        WORLD_TEST(exactly_as_many_bytes_as_the_bound_says_are_kept),
        WORLD_TEST(own_objects_alone_may_go_above_the_bound),
        WORLD_TEST(a_full_disk_stops_relaying_first_and_recovers),
        WORLD_TEST(tags_find_unexpired_objects_of_their_type),
        WORLD_TEST(recent_payloads_and_those_on_disk_read_alike),
        WORLD_TEST(slots_are_used_again),
        WORLD_TEST(a_broken_file_is_set_aside),
        WORLD_TEST(a_file_broken_in_the_middle_is_set_aside),
        WORLD_TEST(a_folder_that_is_not_there_is_a_fault),
        WORLD_TEST(figures_tell_kinds_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
