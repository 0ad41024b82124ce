// SPDX-License-Identifier: MIT
/* The object store: every object of the network that has not expired, and where it stands in the
 * order of arrival.
 *
 *     memory   hash -> slot -> {number, expiry, size, type, ...}     all questions but one
 *     disk     number -> payload                                     the payload itself
 *
 * Objects are numbered in the order of their arrival, from 1. A number is used once: numbers are
 * reserved on disk in blocks before the first of a block is given away, so a crash may skip some
 * and repeats none. The store has an epoch, drawn when its file is made.
 *
 * Objects are written in batches, a fraction of a second after they came, by one writer thread; a
 * crash loses the last of them, and the network has them still. on_written tells how far the disk
 * has come, so that an object of our own is answered for only when it is there.
 *
 * Expired objects are kept another three hours, so that they are not fetched again. At its bounds
 * the store drops those with the least work per byte and second, never our own. A file that is
 * broken is set aside and a new one begun. When the clock jumps, nothing is dropped for a while.
 *
 * A slot is a small number that stands for an object while it is here: others keep bit sets over
 * slots. Slots are used again; `on_removed` tells when one becomes free. */
#ifndef BITTERN_NODE_INVENTORY_INVENTORY_H
#define BITTERN_NODE_INVENTORY_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "node/inventory/slot_index.h"
#include "node/objects/object.h"

struct loop;
struct inventory;

enum {
    INVENTORY_EPOCH_BYTES = 16,
    INVENTORY_NUMBERS_A_BLOCK = 20000,
    INVENTORY_WRITE_DELAY_MS = 200,
    INVENTORY_WRITE_MAX_OBJECTS = 2000,
    INVENTORY_WRITE_MAX_BYTES = 8 << 20,
    INVENTORY_MAX_UNWRITTEN_BYTES = 64 << 20, /* above it: INVENTORY_BUSY */
    INVENTORY_OWN_RESERVE_BYTES = 8 << 20,    /* of these, kept for our own objects ... */
    INVENTORY_OWN_RESERVE_NUMBERS = 1000,     /* ... and of the numbers reserved on disk */
    INVENTORY_RECENT_BYTES = 4 << 20,         /* payloads kept in memory after they were written */
    INVENTORY_CLOCK_JUMP_SEC = 600,
    INVENTORY_CLOCK_GRACE_SEC = 10800
};

enum inventory_kind {
    INVENTORY_GETPUBKEY,
    INVENTORY_PUBKEY,
    INVENTORY_MSG,
    INVENTORY_BROADCAST,
    INVENTORY_ONIONPEER,
    INVENTORY_OTHER,
    INVENTORY_N_KINDS
};

struct inventory_options {
    const char *path;
    uint32_t max_objects;
    uint64_t max_bytes; /* of payloads */
};

enum inventory_removal { INVENTORY_EXPIRED, INVENTORY_EVICTED };

struct inventory_handler {
    /* All objects with numbers up to this one are on the disk. */
    void (*on_written)(void *context, uint64_t number);
    /* The object in `slot` is gone, and the slot will be used again. */
    void (*on_removed)(void *context, uint32_t slot, const uint8_t hash[OBJECT_HASH_BYTES],
                       enum inventory_removal why);
    /* After INVENTORY_BUSY: there is room again. */
    void (*on_room)(void *context);
    /* The file broke while in use and was set aside: end the process and start again. */
    void (*on_broken)(void *context);
};

/* Open the store or make it. The handler must outlive it. */
struct inventory *inventory_open(struct loop *loop, const struct inventory_options *options,
                                 const struct inventory_handler *handler, void *context,
                                 struct fault *fault) MUST_USE;
/* Write what is left, wait for it, close. on_written still comes, the others not. */
void inventory_free(struct inventory **inventory);

const uint8_t *inventory_epoch(const struct inventory *inventory) MUST_USE;
/* The greatest number given away so far (0: none). */
uint64_t inventory_newest(const struct inventory *inventory) MUST_USE;
/* All objects with numbers up to this one are on the disk. */
uint64_t inventory_written(const struct inventory *inventory) MUST_USE;

/* ---- putting in */

struct inventory_new {
    const uint8_t *hash; /* OBJECT_HASH_BYTES */
    struct bytes payload;
    int64_t expires_sec;
    uint32_t type;
    uint64_t stream;
    const uint8_t *tag; /* OBJECT_TAG_BYTES that it can be found by, or NULL */
    double work;        /* trials that its proof of work stands for */
    bool own;           /* never dropped before it expires, and written at once */
};

enum inventory_add_result {
    INVENTORY_ADDED,
    INVENTORY_KNOWN, /* it is here already; *out_slot is where */
    INVENTORY_BUSY   /* the disk does not keep up, or is full: not kept; on_room follows. The
                        network's objects meet it first: what is ours has a reserve */
};

/* All is copied. */
enum inventory_add_result inventory_add(struct inventory *inventory,
                                        const struct inventory_new *object,
                                        uint32_t *out_slot) MUST_USE;

/* ---- asking */

struct inventory_entry {
    uint8_t hash[OBJECT_HASH_BYTES];
    uint64_t number;
    int64_t expires_sec;
    uint32_t type;
    uint32_t size;
    uint32_t stream; /* cut to 32 bits */
    bool own;
};

/* The slot of a hash, or SLOT_NONE. */
uint32_t inventory_find(const struct inventory *inventory,
                        const uint8_t hash[OBJECT_HASH_BYTES]) MUST_USE;
/* False when the slot is free. */
bool inventory_at(const struct inventory *inventory, uint32_t slot,
                  struct inventory_entry *out) MUST_USE;
/* All slots are below this. */
size_t inventory_n_slots(const struct inventory *inventory) MUST_USE;

/* The payload; borrowed until the next call here. Reads the disk when it is not a recent one. False
 * when it cannot be read. */
bool inventory_read(struct inventory *inventory, uint32_t slot, struct bytes *out,
                    struct fault *fault) MUST_USE;

/* The first object with a greater number, or SLOT_NONE: a walk in the order of arrival that can be
 * left and taken up at any time. */
uint32_t inventory_after(const struct inventory *inventory, uint64_t number) MUST_USE;

/* Slots of unexpired objects of that type and tag, in order of arrival: at most `max`. Reads the
 * payloads of candidates. */
size_t inventory_find_tag(struct inventory *inventory, uint32_t type,
                          const uint8_t tag[OBJECT_TAG_BYTES], uint32_t *out_slots,
                          size_t max) MUST_USE;

/* ---- care */

/* Drop what expired; the store does so itself every ten seconds. For tests. */
void inventory_expire(struct inventory *inventory);
/* Write what waits, now; on_written follows. For tests. */
void inventory_flush(struct inventory *inventory);
/* True when so much waits for the disk that the network should be read more slowly. */
bool inventory_is_congested(const struct inventory *inventory) MUST_USE;

struct inventory_figures {
    uint64_t n_objects;
    uint64_t n_bytes;
    uint64_t n_of_kind[INVENTORY_N_KINDS];
    uint64_t bytes_of_kind[INVENTORY_N_KINDS];
    uint64_t n_evicted; /* since the start */
    uint64_t n_expired;
    uint64_t n_unwritten;
    bool write_failed; /* the last batch did not reach the disk; it is tried again */
};
struct inventory_figures inventory_figures(const struct inventory *inventory) MUST_USE;
enum inventory_kind inventory_kind_of(uint32_t type) MUST_USE;
/* "getpubkey", "pubkey", ... Static storage. */
const char *inventory_kind_name(enum inventory_kind kind) MUST_USE;

#endif
