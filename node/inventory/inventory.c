// SPDX-License-Identifier: MIT
/* The memory side. Records lie in an array of slots; a free slot holds the next free one. Three
 * tables point into it: by hash and by tag (slot_index), by arrival (an array in order of number,
 * holes closed when they are half of it), by expiry (a binary heap of slots). */
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
    EVICT_SAMPLE = 4096,
    EVICT_PERCENT = 2,
    MIN_LIFE_SEC = 300,
    MS_PER_SEC = 1000
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
    expiry_add(inventory, slot);
    count(inventory, record, 1);
    return slot;
}

static void remove_record(struct inventory *inventory, uint32_t slot, enum inventory_removal why)
{
    struct record *record = &inventory->records[slot];
    expiry_remove(inventory, slot);
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

/* True when that much may still wait for the disk. */
static bool may_wait(const struct inventory *inventory, size_t len, bool own)
{
    uint64_t numbers_left = inventory->store.end_number - inventory->store.next_number;
    uint64_t kept_numbers = own ? 0 : INVENTORY_OWN_RESERVE_NUMBERS;
    uint64_t kept_bytes = own ? 0 : INVENTORY_OWN_RESERVE_BYTES;
    return numbers_left > kept_numbers &&
           inventory->unwritten_bytes + len <= INVENTORY_MAX_UNWRITTEN_BYTES - kept_bytes;
}

enum inventory_add_result inventory_add(struct inventory *inventory,
                                        const struct inventory_new *object, uint32_t *out_slot)
{
    assert(object->payload.len <= OBJECT_MAX_BYTES);
    *out_slot = inventory_find(inventory, object->hash);
    if (*out_slot != SLOT_NONE) {
        return INVENTORY_KNOWN;
    }
    if (!may_wait(inventory, object->payload.len, object->own)) {
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

void inventory_found_broken(struct inventory *inventory)
{
    if (!inventory->closing && !inventory->is_set_aside) {
        inventory->is_set_aside = true;
        store_set_aside(inventory->store.path);
        inventory->handler->on_broken(inventory->context);
    }
}

/* Where a page was overwritten SQLite may notice nothing: the hash does. */
static bool read_from_disk(struct inventory *inventory, const struct record *record,
                           struct bytes *out, struct fault *fault)
{
    uint8_t hash[OBJECT_HASH_BYTES];
    struct fault why = {0};
    bool ok = store_read(&inventory->store, record->number, out, &why);
    if (ok) {
        object_hash(hash, *out);
        ok = memcmp(hash, record->hash, sizeof hash) == 0 ||
             fault_set(&why, FAULT_CORRUPT, "the object on the disk is another");
    }
    if (ok) {
        return true;
    }
    if (why.code == FAULT_CORRUPT) {
        inventory_found_broken(inventory);
    }
    return fault_set(fault, why.code, "%s", why.text);
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
    return read_from_disk(inventory, &inventory->records[slot], out, fault);
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
    while (inventory->n_live > 0 && expiry_at(inventory, 0) < now_sec - OBJECT_KEEP_EXPIRED_SEC) {
        remove_record(inventory, inventory->by_expiry[0], INVENTORY_EXPIRED);
        inventory->figures.n_expired++;
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
    figures.write_failed = inventory->write_failed;
    return figures;
}
