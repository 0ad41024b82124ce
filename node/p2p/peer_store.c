// SPDX-License-Identifier: MIT
#include "node/p2p/peer_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/p2p/month_cap.h"
#include "node/p2p/peer_book.h"

enum { CACHE_KIB = 1000 };

struct peer_store {
    struct db_writer *writer;
    uint32_t magic;
    uint64_t saved_revision;
    struct month_cap saved_month;
    bool is_stale; /* the file is another network's */
    bool saving;
};

/* A copy of the book, for the writer's thread. */
struct saving {
    struct peer_store *store;
    struct known_peer *peers;
    size_t n_peers;
    uint64_t revision;
    struct month_cap month;
};

static const struct db_migration migrations[] = {
    {"CREATE TABLE peer (kind INTEGER NOT NULL, host BLOB NOT NULL, port INTEGER NOT NULL,"
     " last_seen INTEGER NOT NULL, last_try INTEGER NOT NULL, rating INTEGER NOT NULL,"
     " failures INTEGER NOT NULL, tried INTEGER NOT NULL, built_in INTEGER NOT NULL,"
     " PRIMARY KEY (kind, host, port)) WITHOUT ROWID;",
     NULL},
    {"ALTER TABLE peer ADD COLUMN stream INTEGER NOT NULL DEFAULT 1;"
     "CREATE TABLE traffic (month INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);"
     "CREATE TABLE network (magic INTEGER NOT NULL);",
     NULL},
};

/* ---- reading */

static bool read_peer(struct known_peer *out, struct db_stmt *row)
{
    int64_t kind = db_column_i64(row, 0);
    struct bytes host = db_column_bytes(row, 1);
    int64_t port = db_column_i64(row, 2);
    int64_t rating = db_column_i64(row, 5);
    if (kind <= PEER_ADDR_NONE || kind > PEER_ADDR_ONION_V3 ||
        host.len != PEER_ADDR_MAX_HOST_BYTES || port <= 0 || port > UINT16_MAX ||
        rating < PEER_BOOK_MIN_RATING || rating > PEER_BOOK_MAX_RATING) {
        return false;
    }
    *out = (struct known_peer){
        .addr = {.kind = (enum peer_addr_kind)kind, .port = (uint16_t)port},
        .last_seen_sec = db_column_i64(row, 3),
        .last_try_sec = db_column_i64(row, 4),
        .rating = (int8_t)rating,
        .n_failures = (uint8_t)db_column_i64(row, 6),
        .tried = db_column_i64(row, 7) != 0,
        .is_default = db_column_i64(row, 8) != 0,
        .stream = (uint32_t)db_column_i64(row, 9),
    };
    memcpy(out->addr.host, host.data, host.len);
    return true;
}

static bool read_peers(struct db *db, struct peer_book *book, int64_t now_sec, struct fault *fault)
{
    struct db_stmt *select = db_prepare(
        db,
        "SELECT kind, host, port, last_seen, last_try, rating, failures, tried, built_in, stream"
        " FROM peer LIMIT 40000",
        fault);
    if (select == NULL) {
        return false;
    }
    enum db_step step;
    while ((step = db_step(select, fault)) == DB_ROW) {
        struct known_peer peer;
        if (read_peer(&peer, select)) {
            peer_book_restore(book, &peer, now_sec);
        }
    }
    return step == DB_DONE;
}

static bool read_months(struct db *db, struct month_cap *month, struct fault *fault)
{
    struct db_stmt *select =
        db_prepare(db, "SELECT month, bytes FROM traffic ORDER BY month DESC LIMIT 3", fault);
    if (select == NULL) {
        return false;
    }
    enum db_step step;
    while ((step = db_step(select, fault)) == DB_ROW) {
        int64_t bytes = db_column_i64(select, 1);
        month_cap_restore(month, (struct month_count){(int32_t)db_column_i64(select, 0),
                                                      bytes > 0 ? (uint64_t)bytes : 0});
    }
    return step == DB_DONE;
}

/* A home that was moved to another network must not mix the two. */
static bool is_of_network(struct db *db, uint32_t magic, bool *out, struct fault *fault)
{
    struct db_stmt *select = db_prepare(db, "SELECT magic FROM network", fault);
    if (select == NULL) {
        return false;
    }
    enum db_step step = db_step(select, fault);
    *out = step != DB_ROW || db_column_i64(select, 0) == (int64_t)magic;
    db_reset(select);
    return step != DB_FAILED;
}

static bool read_all(struct db *db, struct peer_store_contents *contents, int64_t now_sec,
                     struct fault *fault)
{
    bool is_same = false;
    if (!is_of_network(db, contents->magic, &is_same, fault) ||
        !read_months(db, contents->month, fault)) {
        return false;
    }
    contents->was_other_network = !is_same;
    if (!is_same) {
        log_warn("p2p", "the known peers are of another network and were forgotten");
        return true;
    }
    return read_peers(db, contents->book, now_sec, fault);
}

static struct db *open_file(const char *path, struct peer_store_contents *contents, int64_t now_sec,
                            struct fault *fault)
{
    struct db_options options = {.sync = DB_SYNC_NORMAL, .cache_kib = CACHE_KIB};
    struct db *db = db_open(path, &options, fault);
    if (db != NULL && (!db_migrate(db, migrations, ARRAY_LEN(migrations), fault) ||
                       !read_all(db, contents, now_sec, fault))) {
        db_close(&db);
    }
    return db;
}

struct peer_store *peer_store_open(struct loop *loop, const char *path,
                                   struct peer_store_contents *contents, int64_t now_sec,
                                   struct fault *fault)
{
    struct fault why = {0};
    struct db *db = open_file(path, contents, now_sec, &why);
    if (db == NULL &&
        (why.code == FAULT_CORRUPT || why.code == FAULT_UNSUPPORTED || why.code == FAULT_INVALID)) {
        log_warn("p2p", "the book of peers is broken and was set aside fault=\"%s\"", why.text);
        free(db_set_aside(path, "broken"));
        db = open_file(path, contents, now_sec, &why);
    }
    if (db == NULL) {
        fault_set(fault, why.code, "open the book of peers: %s", why.text);
        return NULL;
    }
    struct peer_store *store = xcalloc(1, sizeof *store);
    store->writer = db_writer_new_take(loop, db, NULL);
    store->magic = contents->magic;
    store->saved_revision = peer_book_revision(contents->book);
    store->saved_month = *contents->month;
    store->is_stale = contents->was_other_network;
    return store;
}

/* ---- writing */

static bool insert_peer(struct db *db, const struct known_peer *peer, struct fault *fault)
{
    struct db_stmt *insert = db_prepare(
        db, "INSERT OR REPLACE INTO peer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", fault);
    if (insert == NULL) {
        return false;
    }
    db_bind_i64(insert, 1, peer->addr.kind);
    db_bind_bytes(insert, 2, (struct bytes){peer->addr.host, sizeof peer->addr.host});
    db_bind_i64(insert, 3, peer->addr.port);
    db_bind_i64(insert, 4, peer->last_seen_sec);
    db_bind_i64(insert, 5, peer->last_try_sec);
    db_bind_i64(insert, 6, peer->rating);
    db_bind_i64(insert, 7, peer->n_failures);
    db_bind_i64(insert, 8, peer->tried);
    db_bind_i64(insert, 9, peer->is_default);
    db_bind_i64(insert, 10, peer->stream);
    return db_run(insert, fault);
}

static bool insert_pair(struct db *db, const char *sql, int64_t first, int64_t second,
                        struct fault *fault)
{
    struct db_stmt *insert = db_prepare(db, sql, fault);
    if (insert == NULL) {
        return false;
    }
    db_bind_i64(insert, 1, first);
    db_bind_i64(insert, 2, second);
    return db_run(insert, fault);
}

static bool write_months(struct db *db, const struct month_cap *month, struct fault *fault)
{
    for (size_t i = 0; i < month->n_months; i++) {
        uint64_t bytes = month->months[i].bytes;
        if (!insert_pair(db, "INSERT INTO traffic (month, bytes) VALUES (?1, ?2)",
                         month->months[i].month, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes,
                         fault)) {
            return false;
        }
    }
    return true;
}

static bool run_saving(struct db *db, void *job, struct fault *fault)
{
    const struct saving *saving = job;
    if (!db_exec(db, "DELETE FROM peer; DELETE FROM traffic; DELETE FROM network", fault) ||
        !insert_pair(db, "INSERT INTO network (magic) SELECT ?1 WHERE ?2",
                     (int64_t)saving->store->magic, 1, fault) ||
        !write_months(db, &saving->month, fault)) {
        return false;
    }
    for (size_t i = 0; i < saving->n_peers; i++) {
        if (!insert_peer(db, &saving->peers[i], fault)) {
            return false;
        }
    }
    return true;
}

static void saving_done(void *job, const struct fault *fault)
{
    struct saving *saving = job;
    saving->store->saving = false;
    if (fault == NULL) {
        saving->store->saved_revision = saving->revision;
        saving->store->saved_month = saving->month;
        saving->store->is_stale = false;
    } else {
        log_warn("p2p", "cannot write the book of peers fault=\"%s\"", fault->text);
    }
    free(saving->peers);
    free(saving);
}

static bool is_saved(const struct peer_store *store, const struct peer_book *book,
                     const struct month_cap *month)
{
    return !store->is_stale && peer_book_revision(book) == store->saved_revision &&
           memcmp(month->months, store->saved_month.months, sizeof month->months) == 0;
}

void peer_store_save(struct peer_store *store, const struct peer_book *book,
                     const struct month_cap *month)
{
    if (store->saving || is_saved(store, book, month)) {
        return;
    }
    struct saving *saving = xcalloc(1, sizeof *saving);
    saving->store = store;
    saving->n_peers = peer_book_n_peers(book);
    saving->revision = peer_book_revision(book);
    saving->month = *month;
    saving->peers = xcalloc(saving->n_peers + 1, sizeof *saving->peers);
    for (size_t i = 0; i < saving->n_peers; i++) {
        saving->peers[i] = *peer_book_at(book, i);
    }
    store->saving = true;
    struct fault fault;
    if (!db_writer_submit(store->writer, run_saving, saving_done, saving, &fault)) {
        saving_done(saving, &fault);
    }
}

void peer_store_close(struct peer_store **store)
{
    if (*store != NULL) {
        db_writer_free(&(*store)->writer);
        free(*store);
        *store = NULL;
    }
}
