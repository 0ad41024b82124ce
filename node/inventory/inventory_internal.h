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

/* ---- inventory.c */

/* Set the file aside and say so, once. */
void inventory_found_broken(struct inventory *inventory);

struct inventory {
    struct inventory_options options;
    const struct inventory_handler *handler;
    void *context;
    struct store store;
    bool closing;
    bool is_set_aside; /* the file was found to be broken: another process begins anew */

    struct record *records;
    size_t n_records; /* slots ever used */
    size_t records_capacity;
    uint32_t free_first;
    struct slot_index by_hash;
    struct slot_index by_tag;
    struct arrival *arrivals;
    size_t n_arrivals;
    size_t arrivals_capacity;
    size_t n_holes;
    uint32_t *by_expiry;
    size_t n_live; /* also the heap's length */
    size_t by_expiry_capacity;

    struct recent *recent;
    size_t n_recent;
    size_t recent_capacity;
    size_t n_written;   /* of `recent`, from its front */
    size_t n_in_flight; /* the next ones, in the batch under way */
    uint64_t recent_bytes;
    uint64_t unwritten_bytes;
    uint64_t written_number;
    uint64_t *deleted; /* numbers to be deleted by the next batch */
    size_t n_deleted;
    size_t deleted_capacity;
    bool writing;
    bool write_failed; /* said so in the log */
    bool was_busy;
    bool own_waits; /* the gateway waits for it: do not dally */
    struct timer write_timer;
    struct timer expire_timer;
    int64_t last_wall_sec;
    int64_t last_mono_ms;
    int64_t grace_until_ms;
    struct inventory_figures figures;
};

/* ---- inventory_order.c */

void expiry_add(struct inventory *inventory, uint32_t slot);
void expiry_remove(struct inventory *inventory, uint32_t slot);
/* When the object at `place` of the heap expires; place 0 is the first to. */
int64_t expiry_at(const struct inventory *inventory, size_t place);
void arrival_add(struct inventory *inventory, uint64_t number, uint32_t slot);
void arrival_remove(struct inventory *inventory, uint64_t number);

/* ---- inventory_write.c */

/* Keep the payload in memory, to be written. */
void keep_recent(struct inventory *inventory, const struct inventory_new *object, uint64_t number);
/* The payload in memory, or NULL. */
const struct recent *find_recent(const struct inventory *inventory, uint64_t number);
void write_soon(struct inventory *inventory);
/* All that waits, in as many batches as it takes: before the store closes. */
void write_all(struct inventory *inventory);
void on_write_timer(void *context);

#endif
