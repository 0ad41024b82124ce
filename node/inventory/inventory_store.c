// SPDX-License-Identifier: MIT
/* The file: one table by number, the payload last in the row so that reading all else skips it. No
 * index on the hash: random keys would dirty a page an insert, and memory answers that question. */
#include "node/inventory/inventory_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/random.h"

enum { WRITER_CACHE_KIB = 8000, READER_CACHE_KIB = 2000 };

/* More trials than this are all the same. */
#define MAX_WORK 4e18

static const struct db_migration migrations[] = {
    {"CREATE TABLE object (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, expires INTEGER NOT "
     "NULL,"
     " type INTEGER NOT NULL, stream INTEGER NOT NULL, size INTEGER NOT NULL, own INTEGER NOT NULL,"
     " work INTEGER NOT NULL, tag BLOB, payload BLOB NOT NULL);"
     "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), epoch BLOB NOT NULL,"
     " end_number INTEGER NOT NULL);",
     NULL},
};

/* ---- opening */

void store_set_aside(const char *path)
{
    char *new_path = db_set_aside(path, "broken");
    log_warn("inventory", "the object store is broken and was set aside file=%s", new_path);
    free(new_path);
}

/* Read the epoch and where numbers go on, or draw and set them in a new file; then reserve a block.
 * A file without its row is as good as broken. */
static bool reserve_first_block(struct store *store, struct db *db, struct fault *fault)
{
    if (!db_begin(db, fault)) {
        return false;
    }
    struct db_stmt *select =
        db_prepare(db,
                   "SELECT epoch, end_number, (SELECT coalesce(max(number), 0) + 1 FROM object)"
                   " FROM store",
                   fault);
    if (select == NULL) {
        goto failed;
    }
    enum db_step step = db_step(select, fault);
    if (step == DB_FAILED) {
        goto failed;
    }
    if (step == DB_ROW && db_column_bytes(select, 0).len == INVENTORY_EPOCH_BYTES) {
        memcpy(store->epoch, db_column_bytes(select, 0).data, INVENTORY_EPOCH_BYTES);
        store->next_number = (uint64_t)db_column_i64(select, 1);
        uint64_t behind_last = (uint64_t)db_column_i64(select, 2);
        if (store->next_number < behind_last) {
            store->next_number = behind_last;
        }
    } else {
        random_bytes(store->epoch, sizeof store->epoch);
        store->next_number = 1;
    }
    db_reset(select);
    store->end_number = store->next_number + INVENTORY_NUMBERS_A_BLOCK;
    struct db_stmt *insert = db_prepare(
        db, "INSERT OR REPLACE INTO store (one, epoch, end_number) VALUES (1, ?1, ?2)", fault);
    if (insert == NULL) {
        goto failed;
    }
    db_bind_bytes(insert, 1, (struct bytes){store->epoch, sizeof store->epoch});
    db_bind_i64(insert, 2, (int64_t)store->end_number);
    if (!db_run(insert, fault)) {
        goto failed;
    }
    return db_commit(db, fault);
failed:
    db_rollback(db);
    return false;
}

static bool load_rows(struct db *db, void (*row)(void *context, const struct loaded *loaded),
                      void *context, struct fault *fault)
{
    struct db_stmt *select =
        db_prepare(db,
                   "SELECT number, hash, expires, type, stream, size, own, work, tag FROM object"
                   " ORDER BY number",
                   fault);
    if (select == NULL) {
        return false;
    }
    enum db_step step;
    while ((step = db_step(select, fault)) == DB_ROW) {
        struct bytes hash = db_column_bytes(select, 1);
        struct bytes tag = db_column_bytes(select, 8);
        int64_t size = db_column_i64(select, 5);
        if (hash.len != OBJECT_HASH_BYTES || size < 0 || size > OBJECT_MAX_BYTES) {
            db_reset(select);
            return fault_set(fault, FAULT_CORRUPT, "an object without its hash");
        }
        struct loaded loaded = {
            .number = (uint64_t)db_column_i64(select, 0),
            .hash = hash.data,
            .tag = tag.len == OBJECT_TAG_BYTES ? tag.data : NULL,
            .expires_sec = db_column_i64(select, 2),
            .type = (uint32_t)db_column_i64(select, 3),
            .stream = (uint64_t)db_column_i64(select, 4),
            .size = (uint32_t)size,
            .own = db_column_i64(select, 6) != 0,
            .work = (double)db_column_i64(select, 7),
        };
        row(context, &loaded);
    }
    return step == DB_DONE;
}

static struct db *open_file(struct store *store, struct fault *fault)
{
    struct db_options options = {.sync = DB_SYNC_FULL, .cache_kib = WRITER_CACHE_KIB};
    struct db *db = db_open(store->path, &options, fault);
    if (db == NULL) {
        return NULL;
    }
    if (!db_migrate(db, migrations, ARRAY_LEN(migrations), fault) ||
        !reserve_first_block(store, db, fault)) {
        db_close(&db);
    }
    return db;
}

bool store_open(struct store *store, struct loop *loop, const char *path,
                void (*row)(void *context, const struct loaded *loaded), void *context,
                struct fault *fault)
{
    *store = (struct store){.path = xstrdup(path)};
    buf_init(&store->payload, OBJECT_MAX_BYTES);
    struct db_options options = {.read_only = true, .cache_kib = READER_CACHE_KIB};
    struct db *db = open_file(store, fault);
    if (db != NULL && load_rows(db, row, context, fault)) {
        store->reader = db_open(path, &options, fault);
    }
    if (store->reader == NULL) {
        db_close(&db);
        store_close(store);
        return fault_wrap(fault, "open the object store");
    }
    store->writer = db_writer_new_take(loop, db, NULL);
    return true;
}

void store_close(struct store *store)
{
    db_close(&store->reader);
    db_writer_free(&store->writer);
    buf_clear(&store->payload);
    free(store->path);
    *store = (struct store){0};
}

/* ---- writing, on the writer's thread */

static bool insert_object(struct db_stmt *insert, const struct recent *object, struct fault *fault)
{
    db_bind_i64(insert, 1, (int64_t)object->number);
    db_bind_bytes(insert, 2, (struct bytes){object->hash, sizeof object->hash});
    db_bind_i64(insert, 3, object->expires_sec);
    db_bind_i64(insert, 4, object->type);
    db_bind_i64(insert, 5, object->stream);
    db_bind_i64(insert, 6, object->len);
    db_bind_i64(insert, 7, object->own);
    db_bind_i64(insert, 8, object->work < MAX_WORK ? (int64_t)object->work : (int64_t)MAX_WORK);
    if (object->has_tag) {
        db_bind_bytes(insert, 9, (struct bytes){object->tag, sizeof object->tag});
    } else {
        db_bind_null(insert, 9);
    }
    db_bind_bytes(insert, 10, (struct bytes){object->payload, object->len});
    return db_run(insert, fault);
}

static bool run_batch(struct db *db, void *job, struct fault *fault)
{
    const struct store_batch *batch = job;
    for (size_t i = 0; i < batch->n_objects; i++) {
        struct db_stmt *insert =
            db_prepare(db,
                       "INSERT INTO object (number, hash, expires, type, stream, size, own, work,"
                       " tag, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                       fault);
        if (insert == NULL || !insert_object(insert, &batch->objects[i], fault)) {
            return false;
        }
    }
    for (size_t i = 0; i < batch->n_deleted; i++) {
        struct db_stmt *delete = db_prepare(db, "DELETE FROM object WHERE number = ?1", fault);
        if (delete == NULL) {
            return false;
        }
        db_bind_i64(delete, 1, (int64_t)batch->deleted[i]);
        if (!db_run(delete, fault)) {
            return false;
        }
    }
    if (batch->new_end == 0) {
        return true;
    }
    struct db_stmt *update = db_prepare(db, "UPDATE store SET end_number = ?1", fault);
    if (update == NULL) {
        return false;
    }
    db_bind_i64(update, 1, (int64_t)batch->new_end);
    return db_run(update, fault);
}

/* ---- in the loop */

static void batch_done(void *job, const struct fault *fault)
{
    struct store_batch *batch = job;
    batch->done(batch, fault);
}

bool store_write(struct store *store, struct store_batch *batch, struct fault *fault)
{
    return db_writer_submit(store->writer, run_batch, batch_done, batch, fault);
}

void store_batch_free(struct store_batch **batch)
{
    if (*batch != NULL) {
        free((*batch)->objects);
        free((*batch)->deleted);
        free(*batch);
        *batch = NULL;
    }
}

bool store_read(struct store *store, uint64_t number, struct bytes *out, struct fault *fault)
{
    struct db_stmt *select =
        db_prepare(store->reader, "SELECT payload FROM object WHERE number = ?1", fault);
    if (select == NULL) {
        return false;
    }
    db_bind_i64(select, 1, (int64_t)number);
    enum db_step step = db_step(select, fault);
    if (step != DB_ROW) {
        return step == DB_FAILED ? false
                                 : fault_set(fault, FAULT_NOT_FOUND, "the object is not on disk");
    }
    buf_reset(&store->payload);
    bool ok = buf_append_bytes(&store->payload, db_column_bytes(select, 0));
    db_reset(select);
    *out = buf_view(&store->payload);
    return ok || fault_set(fault, FAULT_CORRUPT, "an object longer than any");
}
