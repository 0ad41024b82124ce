// SPDX-License-Identifier: MIT
/* The table of wanted objects: slots found by hash, and lists that run through them.
 *
 * A slot keeps its number until it is freed; with its generation a pair (slot, generation) that is
 * kept elsewhere is known to be old. Which peers are asked, and when, is sync.h's. */
#ifndef BITTERN_NODE_P2P_WANTED_H
#define BITTERN_NODE_P2P_WANTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/inventory/slot_index.h"
#include "node/p2p/sync.h"
#include "node/wire/messages.h"

/* A slot stands in one list of each kind at most. */
enum wanted_list_kind {
    WANTED_BY_AGE, /* all that are wanted, the oldest first */
    WANTED_ASKED,  /* what is asked of one peer, the oldest request first */
    WANTED_N_LIST_KINDS
};

struct wanted_link {
    uint32_t prev;
    uint32_t next;
};

/* Both SLOT_NONE when empty. */
struct wanted_list {
    uint32_t first;
    uint32_t last;
};

struct wanted {
    uint8_t hash[WIRE_HASH_BYTES];
    uint32_t generation; /* moves on whenever the slot is freed */
    uint32_t asked_of;   /* peer id, or 0 */
    struct wanted_link links[WANTED_N_LIST_KINDS];
    int64_t first_ms;
    int64_t asked_ms;
    uint32_t owner; /* the first announcer: it is charged for the slot */
    uint32_t announcers[SYNC_ANNOUNCERS];
    uint8_t n_announcers;
    uint8_t n_others; /* announcements since the places were taken, up to UINT8_MAX */
    uint8_t n_attempts;
};

struct wanted_table {
    struct wanted *slots;
    size_t n_slots; /* used at least once */
    size_t capacity;
    size_t n_wanted;
    uint32_t free_first; /* the free slots, by the next of WANTED_BY_AGE */
    struct wanted_list ages;
    struct slot_index index;
};

void wanted_init(struct wanted_table *table);
void wanted_clear(struct wanted_table *table);

/* The slot, or SLOT_NONE. */
uint32_t wanted_find(const struct wanted_table *table,
                     const uint8_t hash[WIRE_HASH_BYTES]) MUST_USE;
/* `hash` is not there yet; `owner` is its one announcer. Moves the slots. */
uint32_t wanted_add(struct wanted_table *table, const uint8_t hash[WIRE_HASH_BYTES], uint32_t owner,
                    int64_t now_ms) MUST_USE;
/* The slot stands in no list but that by age. True when a big table gave its memory back, since
 * nothing is wanted any more: generations begin anew, and no pair kept elsewhere is valid. */
bool wanted_free(struct wanted_table *table, uint32_t slot) MUST_USE;

struct wanted_list wanted_list_none(void);
void wanted_list_append(struct wanted_table *table, struct wanted_list *list,
                        enum wanted_list_kind kind, uint32_t slot);
void wanted_list_remove(struct wanted_table *table, struct wanted_list *list,
                        enum wanted_list_kind kind, uint32_t slot);
/* The one behind, or SLOT_NONE. */
uint32_t wanted_list_next(const struct wanted_table *table, enum wanted_list_kind kind,
                          uint32_t slot) MUST_USE;

#endif
