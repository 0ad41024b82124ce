// SPDX-License-Identifier: MIT
/* Payloads on their way to the disk. They wait in `recent`, oldest first: those from n_written on
 * are not on disk yet, those before are kept as long as they fit, since a new object is soon asked
 * for by many. One batch is under way at a time; a batch that failed (disk full) is tried again
 * with the next. */
#include "node/inventory/inventory_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { RETRY_MS = 1000 };

/* ---- in memory */

void keep_recent(struct inventory *inventory, const struct inventory_new *object, uint64_t number)
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

const struct recent *find_recent(const struct inventory *inventory, uint64_t number)
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

/* ---- batches */

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

void write_soon(struct inventory *inventory)
{
    bool waits_for_retry = inventory->write_failed && timer_is_armed(&inventory->write_timer);
    if (inventory->writing || inventory->closing || waits_for_retry) {
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
    if (fault->code == FAULT_CORRUPT) {
        inventory_found_broken(inventory);
    } else if (!inventory->closing) {
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
void write_all(struct inventory *inventory)
{
    inventory->store.end_number += INVENTORY_NUMBERS_A_BLOCK; /* no more are needed */
    while (!nothing_waits(inventory) && !inventory->write_failed) {
        submit_batch(inventory);
    }
}

void on_write_timer(void *context)
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
