// SPDX-License-Identifier: MIT
#include "tests/support/inventory_world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/vectors.h"

enum { HOUR = 3600, MAX_KNOWN = 8192 };

/* Shared memory, so that what a child process added is known when it has been killed. */
struct inventory_known {
    size_t n_objects;
    struct known_object {
        uint32_t i;
        int64_t expires_sec;
        uint8_t hash[OBJECT_HASH_BYTES];
    } objects[MAX_KNOWN];
};

const struct inventory_adding inventory_plain = {.type = OBJECT_MSG, .work = 1e6, .len = 100};

static void on_removed(void *context, uint32_t slot, const uint8_t hash[OBJECT_HASH_BYTES],
                       enum inventory_removal why)
{
    struct inventory_world *world = context;
    (void)slot;
    (void)hash;
    world->n_expired += why == INVENTORY_EXPIRED;
    world->n_evicted += why == INVENTORY_EVICTED;
}

static void on_written(void *context, uint64_t number)
{
    struct inventory_world *world = context;
    world->last_written = number;
}

static void on_room(void *context)
{
    struct inventory_world *world = context;
    world->n_room++;
}

static void on_broken(void *context)
{
    struct inventory_world *world = context;
    world->broken = true;
}

const struct inventory_handler inventory_world_handler = {on_written, on_removed, on_room,
                                                          on_broken};

void inventory_world_open(struct inventory_world *world, uint32_t max_objects, uint64_t max_bytes)
{
    struct inventory_options options = {world->path, max_objects, max_bytes};
    struct fault fault;
    world->loop = loop_new();
    world->inventory =
        inventory_open(world->loop, &options, &inventory_world_handler, world, &fault);
    if (world->inventory == NULL) {
        fail_msg("%s", fault.text);
    }
}

void inventory_world_close(struct inventory_world *world)
{
    inventory_free(&world->inventory);
    loop_free(&world->loop);
}

int inventory_world_set_up(void **state)
{
    struct inventory_world *world = xcalloc(1, sizeof *world);
    snprintf(world->dir, sizeof world->dir, "/tmp/bittern-inventory-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->path, sizeof world->path, "%s/objects.db", world->dir);
    world->known =
        mmap(NULL, sizeof *world->known, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(world->known != MAP_FAILED);
    clock_set_offset(0);
    *state = world;
    return 0;
}

void inventory_world_remove_files(const struct inventory_world *world)
{
    DIR *dir = opendir(world->dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

int inventory_world_tear_down(void **state)
{
    struct inventory_world *world = *state;
    inventory_world_remove_files(world);
    rmdir(world->dir);
    munmap(world->known, sizeof *world->known);
    clock_set_offset(0);
    free(world);
    return 0;
}

void inventory_world_turn(struct inventory_world *world, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < end_ms) {
        loop_turn(world->loop, 20);
    }
}

void inventory_world_write(struct inventory_world *world)
{
    inventory_flush(world->inventory);
    for (int i = 0; i < 500 && inventory_figures(world->inventory).n_unwritten > 0; i++) {
        loop_turn(world->loop, 10);
        inventory_flush(world->inventory);
    }
    assert_int_equal(inventory_figures(world->inventory).n_unwritten, 0);
}

bool inventory_world_has_file(const struct inventory_world *world, const char *part)
{
    bool found = false;
    DIR *dir = opendir(world->dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        found = found || strstr(entry->d_name, part) != NULL;
    }
    closedir(dir);
    return found;
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

static struct known_object *find_known(const struct inventory_world *world, uint32_t i)
{
    for (size_t k = world->known->n_objects; k > 0; k--) {
        if (world->known->objects[k - 1].i == i) {
            return &world->known->objects[k - 1];
        }
    }
    return NULL;
}

enum inventory_add_result inventory_world_add(struct inventory_world *world, uint32_t i,
                                              const struct inventory_adding *how)
{
    struct known_object *known = find_known(world, i);
    int64_t life_sec = how->life_sec == 0 ? HOUR : how->life_sec;
    int64_t expires_sec = known != NULL ? known->expires_sec : clock_now_sec() + life_sec;
    struct buf payload = object_of(i, how->type, expires_sec, how->tag, how->len);
    uint32_t slot;
    if (known == NULL) {
        assert_true(world->known->n_objects < MAX_KNOWN);
        known = &world->known->objects[world->known->n_objects++];
        known->i = i;
        known->expires_sec = expires_sec;
        object_hash(known->hash, buf_view(&payload));
    }
    struct inventory_new object = {
        .hash = known->hash,
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

uint32_t inventory_world_find(const struct inventory_world *world, uint32_t i)
{
    const struct known_object *known = find_known(world, i);
    return known == NULL ? SLOT_NONE : inventory_find(world->inventory, known->hash);
}

void inventory_world_expect_readable(struct inventory_world *world, uint32_t i)
{
    struct bytes payload;
    struct fault fault;
    uint32_t slot = inventory_world_find(world, i);
    assert_int_not_equal(slot, SLOT_NONE);
    if (!inventory_read(world->inventory, slot, &payload, &fault)) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(load_be32(payload.data + OBJECT_MIN_HEADER_BYTES), i);
}

uint64_t inventory_world_number_of(struct inventory_world *world, uint32_t i)
{
    struct inventory_entry entry;
    assert_true(inventory_at(world->inventory, inventory_world_find(world, i), &entry));
    return entry.number;
}
