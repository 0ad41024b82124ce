// SPDX-License-Identifier: MIT
/* What inventory.c (memory) and inventory_store.c (disk) share. For this room alone. */
#ifndef BITTERN_NODE_INVENTORY_INVENTORY_INTERNAL_H
#define BITTERN_NODE_INVENTORY_INVENTORY_INTERNAL_H

#include "base/buf.h"
#include "base/timer.h"
#include "node/inventory/inventory.h"

struct db;
struct db_writer;

/* An object in memory, without its payload. */
struct record {
    uint8_t hash[OBJECT_HASH_BYTES];
    uint64_t number; /* 0: the slot is free */
    int64_t expires_sec;
    uint32_t type;
    uint32_t size;
    uint32_t stream;
    uint32_t tag_fingerprint; /* meaningful when has_tag */
    uint32_t heap_place;      /* in `by_expiry`; the next free slot when free */
    float rank;               /* work per byte and second */
    bool has_tag;
    bool own;
};

/* Arrival order; slot SLOT_NONE: gone since. */
struct arrival {
    uint64_t number;
    uint32_t slot;
};

/* A payload in memory: not written yet, or a recent one. */
struct recent {
    uint64_t number;
    uint8_t *payload;
    uint8_t hash[OBJECT_HASH_BYTES];
    uint8_t tag[OBJECT_TAG_BYTES];
    uint32_t len;
    uint32_t type;
    uint32_t stream;
    int64_t expires_sec;
    double work;
    bool has_tag;
    bool own;
};

/* A row as it is read at start. */
struct loaded {
    uint64_t number;
    const uint8_t *hash;
    const uint8_t *tag; /* or NULL */
    int64_t expires_sec;
    uint32_t type;
    uint32_t size;
    uint64_t stream;
    double work;
    bool own;
};

/* ---- inventory_store.c */

struct store {
    char *path;
    struct db_writer *writer;
    struct db *reader;
    struct buf payload; /* the last one that was read from disk */
    uint8_t epoch[INVENTORY_EPOCH_BYTES];
    uint64_t next_number; /* the next to be given away */
    uint64_t end_number;  /* numbers below it are reserved on disk */
};

/* Open or make the file, reserve a block, call `row` for each object in order of number. On failure
 * `row` may have been called. */
bool store_open(struct store *store, struct loop *loop, const char *path,
                void (*row)(void *context, const struct loaded *loaded), void *context,
                struct fault *fault) MUST_USE;
/* Waits for the writer. */
void store_close(struct store *store);
/* Move the file out of the way, as PATH.broken-TIME. */
void store_set_aside(const char *path);

/* One write: objects, then deletions, then perhaps a longer reservation. Given to the writer by
 * store_write; `done` frees it by store_batch_free. */
struct store_batch {
    struct recent *objects; /* payloads borrowed: they stay until done */
    size_t n_objects;
    uint64_t *deleted;
    size_t n_deleted;
    uint64_t new_end; /* 0: unchanged */
    void *context;
    void (*done)(struct store_batch *batch, const struct fault *fault);
};
void store_batch_free(struct store_batch **batch);
/* False: the writer takes no more now; the batch is still the caller's. */
bool store_write(struct store *store, struct store_batch *batch, struct fault *fault) MUST_USE;
/* The payload of a number; borrowed until the next call. */
bool store_read(struct store *store, uint64_t number, struct bytes *out,
                struct fault *fault) MUST_USE;

#endif
