// SPDX-License-Identifier: MIT
/* The memory side. Records lie in an array of slots; a free slot holds the next free one. Three
 * tables point into it: by hash and by tag (slot_index), by arrival (an array in order of number,
 * holes closed when they are half of it), by expiry (a binary heap of slots).
 *
 * New payloads wait in `recent`, oldest first: those from n_written on are not on disk yet, those
 * before are kept as long as they fit, since a new object is soon asked for by many. One batch is
 * under way at a time; a batch that failed (disk full) is tried again with the next. */
#include "node/inventory/inventory_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/random.h"

enum {
    EXPIRE_PERIOD_MS = 10 * 1000,
    RETRY_MS = 1000,
    EVICT_SAMPLE = 4096,
    EVICT_PERCENT = 2,
    MIN_LIFE_SEC = 300,
    MS_PER_SEC = 1000
};

struct inventory {
    struct inventory_options options;
    const struct inventory_handler *handler;
    void *context;
    struct store store;
    bool closing;

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

/* ---- kinds */

enum inventory_kind inventory_kind_of(uint32_t type)
{
    switch (type) {
    case OBJECT_GETPUBKEY:
        return INVENTORY_GETPUBKEY;
    case OBJECT_PUBKEY:
        return INVENTORY_PUBKEY;
    case OBJECT_MSG:
        return INVENTORY_MSG;
    case OBJECT_BROADCAST:
        return INVENTORY_BROADCAST;
    case OBJECT_ONIONPEER:
        return INVENTORY_ONIONPEER;
    default:
        return INVENTORY_OTHER;
    }
}

const char *inventory_kind_name(enum inventory_kind kind)
{
    static const char *const names[] = {"getpubkey", "pubkey",    "msg",
                                        "broadcast", "onionpeer", "other"};
    return names[kind];
}

static void count(struct inventory *inventory, const struct record *record, int sign)
{
    enum inventory_kind kind = inventory_kind_of(record->type);
    uint64_t one = sign > 0 ? 1 : UINT64_MAX;
    uint64_t size = sign > 0 ? record->size : (uint64_t)0 - record->size;
    inventory->figures.n_objects += one;
    inventory->figures.n_bytes += size;
    inventory->figures.n_of_kind[kind] += one;
    inventory->figures.bytes_of_kind[kind] += size;
}

/* ---- the heap by expiry */

static void heap_set(struct inventory *inventory, size_t place, uint32_t slot)
{
    inventory->by_expiry[place] = slot;
    inventory->records[slot].heap_place = (uint32_t)place;
}

static int64_t heap_key(const struct inventory *inventory, size_t place)
{
    return inventory->records[inventory->by_expiry[place]].expires_sec;
}

static void heap_up(struct inventory *inventory, size_t place)
{
    uint32_t slot = inventory->by_expiry[place];
    int64_t key = inventory->records[slot].expires_sec;
    while (place > 0 && heap_key(inventory, (place - 1) / 2) > key) {
        heap_set(inventory, place, inventory->by_expiry[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_set(inventory, place, slot);
}

static void heap_down(struct inventory *inventory, size_t place)
{
    uint32_t slot = inventory->by_expiry[place];
    int64_t key = inventory->records[slot].expires_sec;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= inventory->n_live) {
            break;
        }
        if (child + 1 < inventory->n_live &&
            heap_key(inventory, child + 1) < heap_key(inventory, child)) {
            child++;
        }
        if (heap_key(inventory, child) >= key) {
            break;
        }
        heap_set(inventory, place, inventory->by_expiry[child]);
        place = child;
    }
    heap_set(inventory, place, slot);
}

static void heap_add(struct inventory *inventory, uint32_t slot)
{
    if (inventory->n_live == inventory->by_expiry_capacity) {
        inventory->by_expiry =
            array_grow(inventory->by_expiry, inventory->n_live, &inventory->by_expiry_capacity,
                       sizeof *inventory->by_expiry);
    }
    inventory->by_expiry[inventory->n_live] = slot;
    heap_up(inventory, inventory->n_live++);
}

static void heap_remove(struct inventory *inventory, uint32_t slot)
{
    size_t place = inventory->records[slot].heap_place;
    uint32_t last = inventory->by_expiry[--inventory->n_live];
    if (last == slot) {
        return;
    }
    heap_set(inventory, place, last);
    heap_up(inventory, place);
    heap_down(inventory, inventory->records[last].heap_place);
}

/* ---- arrivals */

/* Index of the first arrival with a number above. */
static size_t arrival_above(const struct inventory *inventory, uint64_t number)
{
    size_t low = 0;
    size_t high = inventory->n_arrivals;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inventory->arrivals[middle].number > number) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void arrival_add(struct inventory *inventory, uint64_t number, uint32_t slot)
{
    if (inventory->n_arrivals == inventory->arrivals_capacity) {
        inventory->arrivals =
            array_grow(inventory->arrivals, inventory->n_arrivals, &inventory->arrivals_capacity,
                       sizeof *inventory->arrivals);
    }
    inventory->arrivals[inventory->n_arrivals++] = (struct arrival){number, slot};
}

static void arrival_remove(struct inventory *inventory, uint64_t number)
{
    inventory->arrivals[arrival_above(inventory, number) - 1].slot = SLOT_NONE;
    inventory->n_holes++;
    if (inventory->n_holes * 2 <= inventory->n_arrivals) {
        return;
    }
    size_t n_kept = 0;
    for (size_t i = 0; i < inventory->n_arrivals; i++) {
        if (inventory->arrivals[i].slot != SLOT_NONE) {
            inventory->arrivals[n_kept++] = inventory->arrivals[i];
        }
    }
    inventory->n_arrivals = n_kept;
    inventory->n_holes = 0;
}

uint32_t inventory_after(const struct inventory *inventory, uint64_t number)
{
    for (size_t i = arrival_above(inventory, number); i < inventory->n_arrivals; i++) {
        if (inventory->arrivals[i].slot != SLOT_NONE) {
            return inventory->arrivals[i].slot;
        }
    }
    return SLOT_NONE;
}

/* ---- records */

static uint32_t new_slot(struct inventory *inventory)
{
    uint32_t slot = inventory->free_first;
    if (slot != SLOT_NONE) {
        inventory->free_first = inventory->records[slot].heap_place;
        return slot;
    }
    if (inventory->n_records == inventory->records_capacity) {
        inventory->records = array_grow(inventory->records, inventory->n_records,
                                        &inventory->records_capacity, sizeof *inventory->records);
    }
    return (uint32_t)inventory->n_records++;
}

/* Work per byte and second of what is left of its life: what the network gets for its room. */
static float rank_of(double work, uint32_t size, int64_t expires_sec, int64_t now_sec)
{
    int64_t life_sec = expires_sec - now_sec;
    if (life_sec < MIN_LIFE_SEC) {
        life_sec = MIN_LIFE_SEC;
    }
    return (float)(work / ((double)(size + 1) * (double)life_sec));
}

static uint32_t put_record(struct inventory *inventory, const struct loaded *loaded)
{
    uint32_t slot = new_slot(inventory);
    struct record *record = &inventory->records[slot];
    *record = (struct record){
        .number = loaded->number,
        .expires_sec = loaded->expires_sec,
        .type = loaded->type,
        .size = loaded->size,
        .stream = loaded->stream > UINT32_MAX ? UINT32_MAX : (uint32_t)loaded->stream,
        .rank = rank_of(loaded->work, loaded->size, loaded->expires_sec, clock_now_sec()),
        .has_tag = loaded->tag != NULL,
        .own = loaded->own,
    };
    memcpy(record->hash, loaded->hash, OBJECT_HASH_BYTES);
    slot_index_add(&inventory->by_hash, slot_fingerprint(record->hash), slot);
    if (loaded->tag != NULL) {
        record->tag_fingerprint = slot_fingerprint(loaded->tag);
        slot_index_add(&inventory->by_tag, record->tag_fingerprint, slot);
    }
    arrival_add(inventory, record->number, slot);
    heap_add(inventory, slot);
    count(inventory, record, 1);
    return slot;
}

static void remove_record(struct inventory *inventory, uint32_t slot, enum inventory_removal why)
{
    struct record *record = &inventory->records[slot];
    heap_remove(inventory, slot);
    slot_index_remove(&inventory->by_hash, slot_fingerprint(record->hash), slot);
    if (record->has_tag) {
        slot_index_remove(&inventory->by_tag, record->tag_fingerprint, slot);
    }
    arrival_remove(inventory, record->number);
    count(inventory, record, -1);
    if (inventory->n_deleted == inventory->deleted_capacity) {
        inventory->deleted = array_grow(inventory->deleted, inventory->n_deleted,
                                        &inventory->deleted_capacity, sizeof *inventory->deleted);
    }
    inventory->deleted[inventory->n_deleted++] = record->number;
    record->number = 0;
    record->heap_place = inventory->free_first;
    inventory->free_first = slot;
    inventory->handler->on_removed(inventory->context, slot, record->hash, why);
}

uint32_t inventory_find(const struct inventory *inventory, const uint8_t hash[OBJECT_HASH_BYTES])
{
    struct slot_cursor cursor;
    uint32_t slot = slot_index_first(&inventory->by_hash, slot_fingerprint(hash), &cursor);
    while (slot != SLOT_NONE &&
           memcmp(inventory->records[slot].hash, hash, OBJECT_HASH_BYTES) != 0) {
        slot = slot_index_next(&inventory->by_hash, &cursor);
    }
    return slot;
}

bool inventory_at(const struct inventory *inventory, uint32_t slot, struct inventory_entry *out)
{
    if (slot >= inventory->n_records || inventory->records[slot].number == 0) {
        return false;
    }
    const struct record *record = &inventory->records[slot];
    *out = (struct inventory_entry){.number = record->number,
                                    .expires_sec = record->expires_sec,
                                    .type = record->type,
                                    .size = record->size,
                                    .stream = record->stream,
                                    .own = record->own};
    memcpy(out->hash, record->hash, OBJECT_HASH_BYTES);
    return true;
}

/* ---- writing */

static void drop_recent(struct inventory *inventory)
{
    size_t n = 0;
    while (n < inventory->n_written && inventory->recent_bytes > INVENTORY_RECENT_BYTES) {
        inventory->recent_bytes -= inventory->recent[n].len;
        free(inventory->recent[n].payload);
        n++;
    }
    if (n > 0) {
        memmove(inventory->recent, inventory->recent + n,
                (inventory->n_recent - n) * sizeof *inventory->recent);
        inventory->n_recent -= n;
        inventory->n_written -= n;
    }
}

static void write_soon(struct inventory *inventory)
{
    if (inventory->writing || inventory->closing) {
        return;
    }
    size_t n_waiting = inventory->n_recent - inventory->n_written;
    if (inventory->own_waits || n_waiting >= INVENTORY_WRITE_MAX_OBJECTS) {
        timer_arm(&inventory->write_timer, 0);
    } else if (!timer_is_armed(&inventory->write_timer)) {
        timer_arm(&inventory->write_timer, INVENTORY_WRITE_DELAY_MS);
    }
}

static void report_stored(struct inventory *inventory, size_t n_stored)
{
    size_t first = inventory->n_written;
    for (size_t i = first; i < first + n_stored; i++) {
        inventory->unwritten_bytes -= inventory->recent[i].len;
    }
    inventory->n_written += n_stored;
    inventory->n_in_flight -= n_stored;
    if (n_stored > 0) {
        inventory->written_number = inventory->recent[inventory->n_written - 1].number;
        inventory->handler->on_written(inventory->context, inventory->written_number);
    }
}

static void put_back_deletions(struct inventory *inventory, const struct store_batch *batch)
{
    for (size_t i = 0; i < batch->n_deleted; i++) {
        if (inventory->n_deleted == inventory->deleted_capacity) {
            inventory->deleted =
                array_grow(inventory->deleted, inventory->n_deleted, &inventory->deleted_capacity,
                           sizeof *inventory->deleted);
        }
        inventory->deleted[inventory->n_deleted++] = batch->deleted[i];
    }
}

static void batch_failed(struct inventory *inventory, const struct store_batch *batch,
                         const struct fault *fault)
{
    put_back_deletions(inventory, batch);
    inventory->n_in_flight -= batch->n_objects;
    if (!inventory->write_failed) {
        log_error("inventory", "cannot write objects, trying again fault=\"%s\"", fault->text);
        inventory->write_failed = true;
    }
    if (fault->code == FAULT_CORRUPT && !inventory->closing) {
        store_set_aside(inventory->store.path);
        inventory->handler->on_broken(inventory->context);
        return;
    }
    if (!inventory->closing) {
        timer_arm(&inventory->write_timer, RETRY_MS);
    }
}

static void batch_done(struct store_batch *batch, const struct fault *fault)
{
    struct inventory *inventory = batch->context;
    inventory->writing = false;
    if (fault != NULL) {
        batch_failed(inventory, batch, fault);
        store_batch_free(&batch);
        return;
    }
    inventory->write_failed = false;
    if (batch->new_end != 0) {
        inventory->store.end_number = batch->new_end;
    }
    report_stored(inventory, batch->n_objects);
    store_batch_free(&batch);
    drop_recent(inventory);
    if (inventory->n_recent > inventory->n_written) {
        write_soon(inventory);
    }
    if (inventory->was_busy && !inventory_is_congested(inventory) && !inventory->closing) {
        inventory->was_busy = false;
        inventory->handler->on_room(inventory->context);
    }
}

static bool needs_numbers(const struct inventory *inventory)
{
    return inventory->store.end_number - inventory->store.next_number <
           INVENTORY_NUMBERS_A_BLOCK / 2;
}

/* The front of what waits, as much as one batch may hold. */
static void fill_batch(struct inventory *inventory, struct store_batch *batch)
{
    size_t first = inventory->n_written + inventory->n_in_flight;
    size_t n = 0;
    size_t n_bytes = 0;
    while (first + n < inventory->n_recent && n < INVENTORY_WRITE_MAX_OBJECTS &&
           n_bytes < INVENTORY_WRITE_MAX_BYTES) {
        n_bytes += inventory->recent[first + n].len;
        n++;
    }
    batch->objects = xcalloc(n + 1, sizeof *batch->objects);
    if (n > 0) {
        memcpy(batch->objects, inventory->recent + first, n * sizeof *batch->objects);
    }
    batch->n_objects = n;
    inventory->n_in_flight += n;
    /* Deletions follow the insertions of the same numbers only when all that waits is in. */
    if (first + n == inventory->n_recent) {
        batch->deleted = inventory->deleted;
        batch->n_deleted = inventory->n_deleted;
        inventory->deleted = NULL;
        inventory->n_deleted = 0;
        inventory->deleted_capacity = 0;
    }
    if (needs_numbers(inventory)) {
        batch->new_end = inventory->store.end_number + INVENTORY_NUMBERS_A_BLOCK;
    }
}

static bool nothing_waits(const struct inventory *inventory)
{
    return inventory->n_recent == inventory->n_written + inventory->n_in_flight &&
           inventory->n_deleted == 0 && !needs_numbers(inventory);
}

static void submit_batch(struct inventory *inventory)
{
    struct store_batch *batch = xcalloc(1, sizeof *batch);
    batch->context = inventory;
    batch->done = batch_done;
    fill_batch(inventory, batch);
    inventory->writing = true;
    inventory->own_waits = false;
    struct fault fault;
    if (!store_write(&inventory->store, batch, &fault)) {
        batch_done(batch, &fault);
    }
}

static void write_batch(struct inventory *inventory)
{
    if (!inventory->writing && !nothing_waits(inventory)) {
        submit_batch(inventory);
    }
}

/* All that waits, in as many batches as it takes: before the store closes. */
static void write_all(struct inventory *inventory)
{
    inventory->store.end_number += INVENTORY_NUMBERS_A_BLOCK; /* no more are needed */
    while (!nothing_waits(inventory) && !inventory->write_failed) {
        submit_batch(inventory);
    }
}

static void on_write_timer(void *context)
{
    write_batch(context);
}

void inventory_flush(struct inventory *inventory)
{
    write_batch(inventory);
}

bool inventory_is_congested(const struct inventory *inventory)
{
    return inventory->unwritten_bytes > INVENTORY_MAX_UNWRITTEN_BYTES / 2;
}

/* ---- bounds */

static int compare_ranks(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/* About the EVICT_PERCENT-th percentile of the ranks, from a sample. False when there are none but
 * own objects. */
static bool low_rank(const struct inventory *inventory, float *out)
{
    float sample[EVICT_SAMPLE];
    size_t n = 0;
    size_t n_draws = inventory->n_live < EVICT_SAMPLE ? inventory->n_live : EVICT_SAMPLE;
    for (size_t i = 0; i < n_draws; i++) {
        size_t place = n_draws < EVICT_SAMPLE ? i : (size_t)random_uniform(inventory->n_live);
        const struct record *record = &inventory->records[inventory->by_expiry[place]];
        if (!record->own) {
            sample[n++] = record->rank;
        }
    }
    if (n == 0) {
        return false;
    }
    qsort(sample, n, sizeof *sample, compare_ranks);
    *out = sample[n * EVICT_PERCENT / 100];
    return true;
}

/* True when the store with so much more would be above `percent` of a bound. */
static bool is_above(const struct inventory *inventory, size_t new_bytes, uint64_t percent)
{
    return inventory->n_live + 1 > (uint64_t)inventory->options.max_objects * percent / 100 ||
           inventory->figures.n_bytes + new_bytes > inventory->options.max_bytes / 100 * percent;
}

/* Drop those of a rank not above `rank`, from a slot drawn at random on, until there is some room.
 */
static void evict(struct inventory *inventory, float rank, size_t new_bytes)
{
    size_t start = (size_t)random_uniform(inventory->n_records);
    for (size_t i = 0; i < inventory->n_records; i++) {
        uint32_t slot = (uint32_t)((start + i) % inventory->n_records);
        const struct record *record = &inventory->records[slot];
        if (record->number == 0 || record->own || record->rank > rank) {
            continue;
        }
        remove_record(inventory, slot, INVENTORY_EVICTED);
        inventory->figures.n_evicted++;
        if (!is_above(inventory, new_bytes, 100 - EVICT_PERCENT)) {
            return;
        }
    }
}

/* Drop the least worked for, a few percent at a time. Own ones count for nothing here: there are
 * never so many. */
static void make_room(struct inventory *inventory, size_t new_bytes)
{
    enum { MAX_ROUNDS = 64 };
    float rank;
    for (int round = 0; round < MAX_ROUNDS && is_above(inventory, new_bytes, 100); round++) {
        if (!low_rank(inventory, &rank)) {
            return;
        }
        evict(inventory, rank, new_bytes);
    }
}

/* ---- putting in */

static void keep_recent(struct inventory *inventory, const struct inventory_new *object,
                        uint64_t number)
{
    if (inventory->n_recent == inventory->recent_capacity) {
        inventory->recent = array_grow(inventory->recent, inventory->n_recent,
                                       &inventory->recent_capacity, sizeof *inventory->recent);
    }
    struct recent *recent = &inventory->recent[inventory->n_recent++];
    *recent = (struct recent){
        .number = number,
        .payload = xmemdup(object->payload.data, object->payload.len),
        .len = (uint32_t)object->payload.len,
        .type = object->type,
        .stream = object->stream > UINT32_MAX ? UINT32_MAX : (uint32_t)object->stream,
        .expires_sec = object->expires_sec,
        .work = object->work,
        .has_tag = object->tag != NULL,
        .own = object->own,
    };
    memcpy(recent->hash, object->hash, OBJECT_HASH_BYTES);
    if (object->tag != NULL) {
        memcpy(recent->tag, object->tag, OBJECT_TAG_BYTES);
    }
    inventory->recent_bytes += recent->len;
    inventory->unwritten_bytes += recent->len;
    inventory->own_waits = inventory->own_waits || object->own;
}

enum inventory_add_result inventory_add(struct inventory *inventory,
                                        const struct inventory_new *object, uint32_t *out_slot)
{
    assert(object->payload.len <= OBJECT_MAX_BYTES);
    *out_slot = inventory_find(inventory, object->hash);
    if (*out_slot != SLOT_NONE) {
        return INVENTORY_KNOWN;
    }
    if (inventory->store.next_number == inventory->store.end_number ||
        inventory->unwritten_bytes + object->payload.len > INVENTORY_MAX_UNWRITTEN_BYTES) {
        inventory->was_busy = true;
        write_soon(inventory);
        return INVENTORY_BUSY;
    }
    make_room(inventory, object->payload.len);
    struct loaded loaded = {
        .number = inventory->store.next_number++,
        .hash = object->hash,
        .tag = object->tag,
        .expires_sec = object->expires_sec,
        .type = object->type,
        .size = (uint32_t)object->payload.len,
        .stream = object->stream,
        .work = object->work,
        .own = object->own,
    };
    *out_slot = put_record(inventory, &loaded);
    keep_recent(inventory, object, loaded.number);
    write_soon(inventory);
    return INVENTORY_ADDED;
}

/* ---- reading */

static const struct recent *find_recent(const struct inventory *inventory, uint64_t number)
{
    size_t low = 0;
    size_t high = inventory->n_recent;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inventory->recent[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < inventory->n_recent && inventory->recent[low].number == number
               ? &inventory->recent[low]
               : NULL;
}

bool inventory_read(struct inventory *inventory, uint32_t slot, struct bytes *out,
                    struct fault *fault)
{
    uint64_t number = slot < inventory->n_records ? inventory->records[slot].number : 0;
    if (number == 0) {
        return fault_set(fault, FAULT_NOT_FOUND, "no object in this slot");
    }
    const struct recent *recent = find_recent(inventory, number);
    if (recent != NULL) {
        *out = (struct bytes){recent->payload, recent->len};
        return true;
    }
    return store_read(&inventory->store, number, out, fault);
}

static bool payload_has_tag(struct bytes payload, const uint8_t tag[OBJECT_TAG_BYTES])
{
    struct object object;
    uint8_t found[OBJECT_TAG_BYTES];
    return object_parse(&object, payload, NULL) && object_tag(found, &object) &&
           memcmp(found, tag, OBJECT_TAG_BYTES) == 0;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = ((const struct arrival *)a)->number;
    uint64_t y = ((const struct arrival *)b)->number;
    return (x > y) - (x < y);
}

size_t inventory_find_tag(struct inventory *inventory, uint32_t type,
                          const uint8_t tag[OBJECT_TAG_BYTES], uint32_t *out_slots, size_t max)
{
    enum { MAX_CANDIDATES = 256 };
    struct arrival found[MAX_CANDIDATES];
    size_t n = 0;
    int64_t now_sec = clock_now_sec();
    struct slot_cursor cursor;
    uint32_t slot = slot_index_first(&inventory->by_tag, slot_fingerprint(tag), &cursor);
    for (; slot != SLOT_NONE && n < MAX_CANDIDATES && n < max;
         slot = slot_index_next(&inventory->by_tag, &cursor)) {
        const struct record *record = &inventory->records[slot];
        struct bytes payload;
        if (record->type == type && record->expires_sec > now_sec &&
            inventory_read(inventory, slot, &payload, NULL) && payload_has_tag(payload, tag)) {
            found[n++] = (struct arrival){record->number, slot};
        }
    }
    qsort(found, n, sizeof *found, compare_numbers);
    for (size_t i = 0; i < n; i++) {
        out_slots[i] = found[i].slot;
    }
    return n;
}

/* ---- time */

/* True while the wall clock is not to be believed: it moved other than the monotonic one. */
static bool clock_is_doubtful(struct inventory *inventory, int64_t now_sec)
{
    int64_t mono_ms = clock_mono_ms();
    int64_t expected_sec =
        inventory->last_wall_sec + (mono_ms - inventory->last_mono_ms) / MS_PER_SEC;
    int64_t jump_sec = now_sec - expected_sec;
    inventory->last_wall_sec = now_sec;
    inventory->last_mono_ms = mono_ms;
    if (jump_sec > INVENTORY_CLOCK_JUMP_SEC || jump_sec < -INVENTORY_CLOCK_JUMP_SEC) {
        log_warn("inventory", "the clock jumped, nothing expires for a while seconds=%lld",
                 (long long)jump_sec);
        inventory->grace_until_ms = mono_ms + (int64_t)INVENTORY_CLOCK_GRACE_SEC * MS_PER_SEC;
    }
    return mono_ms < inventory->grace_until_ms;
}

void inventory_expire(struct inventory *inventory)
{
    int64_t now_sec = clock_now_sec();
    if (clock_is_doubtful(inventory, now_sec)) {
        return;
    }
    while (inventory->n_live > 0 && heap_key(inventory, 0) < now_sec - OBJECT_KEEP_EXPIRED_SEC) {
        remove_record(inventory, inventory->by_expiry[0], INVENTORY_EXPIRED);
    }
    if (inventory->n_deleted > 0) {
        write_soon(inventory);
    }
}

static void on_expire_timer(void *context)
{
    inventory_expire(context);
}

/* ---- opening */

static void take_row(void *context, const struct loaded *loaded)
{
    struct inventory *inventory = context;
    if (inventory_find(inventory, loaded->hash) == SLOT_NONE) {
        put_record(inventory, loaded);
        inventory->written_number = loaded->number;
    }
}

static void free_memory(struct inventory *inventory)
{
    for (size_t i = 0; i < inventory->n_recent; i++) {
        free(inventory->recent[i].payload);
    }
    free(inventory->recent);
    free(inventory->deleted);
    free(inventory->records);
    free(inventory->arrivals);
    free(inventory->by_expiry);
    slot_index_clear(&inventory->by_hash);
    slot_index_clear(&inventory->by_tag);
}

/* Broken in a way that a new file cures: everything in it can be had from the network again. */
static bool is_broken(const struct fault *fault)
{
    return fault->code == FAULT_CORRUPT || fault->code == FAULT_UNSUPPORTED ||
           fault->code == FAULT_INVALID;
}

static struct inventory *try_open(struct loop *loop, const struct inventory_options *options,
                                  const struct inventory_handler *handler, void *context,
                                  struct fault *fault)
{
    struct inventory *inventory = xcalloc(1, sizeof *inventory);
    inventory->options = *options;
    inventory->options.path = NULL; /* the caller's */
    inventory->handler = handler;
    inventory->context = context;
    inventory->free_first = SLOT_NONE;
    inventory->last_wall_sec = clock_now_sec();
    inventory->last_mono_ms = clock_mono_ms();
    if (!store_open(&inventory->store, loop, options->path, take_row, inventory, fault)) {
        free_memory(inventory);
        free(inventory);
        return NULL;
    }
    timer_init(&inventory->write_timer, loop, on_write_timer, inventory);
    timer_init(&inventory->expire_timer, loop, on_expire_timer, inventory);
    timer_arm_periodic(&inventory->expire_timer, EXPIRE_PERIOD_MS);
    return inventory;
}

struct inventory *inventory_open(struct loop *loop, const struct inventory_options *options,
                                 const struct inventory_handler *handler, void *context,
                                 struct fault *fault)
{
    struct fault why = {0};
    struct inventory *inventory = try_open(loop, options, handler, context, &why);
    if (inventory == NULL && is_broken(&why)) {
        log_warn("inventory", "cannot use the object store fault=\"%s\"", why.text);
        store_set_aside(options->path);
        inventory = try_open(loop, options, handler, context, &why);
    }
    if (inventory == NULL) {
        fault_set(fault, why.code, "%s", why.text);
    }
    return inventory;
}

void inventory_free(struct inventory **inventory)
{
    struct inventory *it = *inventory;
    if (it == NULL) {
        return;
    }
    it->closing = true;
    timer_cancel(&it->write_timer);
    timer_cancel(&it->expire_timer);
    write_all(it);
    store_close(&it->store);
    free_memory(it);
    free(it);
    *inventory = NULL;
}

const uint8_t *inventory_epoch(const struct inventory *inventory)
{
    return inventory->store.epoch;
}

uint64_t inventory_newest(const struct inventory *inventory)
{
    return inventory->store.next_number - 1;
}

uint64_t inventory_written(const struct inventory *inventory)
{
    return inventory->written_number;
}

size_t inventory_n_slots(const struct inventory *inventory)
{
    return inventory->n_records;
}

struct inventory_figures inventory_figures(const struct inventory *inventory)
{
    struct inventory_figures figures = inventory->figures;
    figures.n_unwritten = inventory->n_recent - inventory->n_written;
    return figures;
}
