// SPDX-License-Identifier: MIT
/* An object store in a folder of its own, and objects that are known by a number. */
#ifndef BITTERN_TESTS_SUPPORT_INVENTORY_WORLD_H
#define BITTERN_TESTS_SUPPORT_INVENTORY_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "node/inventory/inventory.h"

struct inventory_known;

struct inventory_world {
    char dir[64];
    char path[96];
    struct loop *loop;
    struct inventory *inventory;
    struct inventory_known *known; /* what was ever added, also by child processes */
    size_t n_expired;
    size_t n_evicted;
    uint64_t last_written;
    size_t n_room;
    bool broken;
};

/* cmocka's; the state is a struct inventory_world. The wall clock is right before and after. */
int inventory_world_set_up(void **state);
int inventory_world_tear_down(void **state);
#define INVENTORY_TEST(name)                                                                       \
    cmocka_unit_test_setup_teardown(name, inventory_world_set_up, inventory_world_tear_down)

extern const struct inventory_handler inventory_world_handler;

void inventory_world_open(struct inventory_world *world, uint32_t max_objects, uint64_t max_bytes);
void inventory_world_close(struct inventory_world *world);
void inventory_world_turn(struct inventory_world *world, int64_t ms);
/* Until all is on the disk. */
void inventory_world_write(struct inventory_world *world);
void inventory_world_remove_files(const struct inventory_world *world);
/* Whether a file whose name has `part` lies in the folder. */
bool inventory_world_has_file(const struct inventory_world *world, const char *part);

struct inventory_adding {
    uint32_t type;
    int64_t life_sec; /* 0: an hour */
    const uint8_t *tag;
    double work;
    size_t len;
    bool own;
};
extern const struct inventory_adding inventory_plain;

/* Add object `i`, at the second time the same as at the first. */
enum inventory_add_result inventory_world_add(struct inventory_world *world, uint32_t i,
                                              const struct inventory_adding *how);
/* SLOT_NONE: it is not here. */
uint32_t inventory_world_find(const struct inventory_world *world, uint32_t i);
void inventory_world_expect_readable(struct inventory_world *world, uint32_t i);
uint64_t inventory_world_number_of(struct inventory_world *world, uint32_t i);

#endif
