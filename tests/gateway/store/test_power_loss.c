// SPDX-License-Identifier: MIT
/* The power goes: what was written behind the last fsync may be on the disk or not, in any choice.
 *
 * A SQLite VFS of our own writes down every write, cut and fsync of mail.db and its log while a
 * store works, and the place in that record at which each answer was given. Then disks are made of
 * it: every prefix of the record, and prefixes from which unsynced writes are dropped at random.
 * Each must open, hold together, and have each message whose answer stands in the prefix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_check.h"
#include "tests/gateway/store/fixture.h"

enum { N_MESSAGES = 40, N_FILES = 2, MAX_STATES = 220, REPLAY_MAX_BYTES = 16 * 1024 * 1024 };

/* ---- The record ---- */

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_SYNC };

struct op {
    enum op_kind kind;
    int file; /* 0: the database, 1: its log */
    sqlite3_int64 offset;
    size_t len;
    uint8_t *data;
};

static struct {
    pthread_mutex_t lock;
    bool is_on;
    struct op *ops;
    size_t n;
    size_t capacity;
} record = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(enum op_kind kind, int file, sqlite3_int64 offset, const void *data, size_t len)
{
    pthread_mutex_lock(&record.lock);
    if (record.is_on) {
        record.ops = array_grow(record.ops, record.n, &record.capacity, sizeof(*record.ops));
        record.ops[record.n++] = (struct op){kind, file, offset, len,
                                             data != NULL ? xmemdup(data, len) : NULL};
    }
    pthread_mutex_unlock(&record.lock);
}

static size_t record_len(void)
{
    pthread_mutex_lock(&record.lock);
    size_t n = record.n;
    pthread_mutex_unlock(&record.lock);
    return n;
}

/* ---- The VFS ---- */

struct recorded_file {
    sqlite3_file base;
    int file; /* -1: not recorded */
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct recorded_file *)file)->real;
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *out, int n, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), out, n, offset);
}

static int file_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset)
{
    int which = ((struct recorded_file *)file)->file;
    if (which >= 0) {
        note(OP_WRITE, which, offset, data, (size_t)n);
    }
    return real_of(file)->pMethods->xWrite(real_of(file), data, n, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int which = ((struct recorded_file *)file)->file;
    if (which >= 0) {
        note(OP_TRUNCATE, which, size, NULL, 0);
    }
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    int which = ((struct recorded_file *)file)->file;
    int result = real_of(file)->pMethods->xSync(real_of(file), flags);
    if (which >= 0) {
        note(OP_SYNC, which, 0, NULL, 0);
    }
    return result;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int file_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    sqlite3_vfs *real_vfs = vfs->pAppData;
    struct recorded_file *recorded = (struct recorded_file *)file;
    recorded->base.pMethods = NULL;
    recorded->file = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? 0 : (flags & SQLITE_OPEN_WAL) != 0 ? 1 : -1;
    recorded->real = (sqlite3_file *)(recorded + 1);
    int result = real_vfs->xOpen(real_vfs, name, recorded->real, flags, out_flags);
    if (recorded->real->pMethods != NULL) {
        recorded->base.pMethods = &methods;
    }
    return result;
}

static void install_vfs(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "recording";
    vfs.pAppData = real_vfs;
    vfs.szOsFile = (int)sizeof(struct recorded_file) + real_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* ---- Disks made of it ---- */

struct image {
    uint8_t *data;
    size_t len;
};

static void apply(struct image *image, const struct op *op)
{
    size_t end = (size_t)op->offset + op->len;
    if (op->kind == OP_TRUNCATE) {
        image->len = (size_t)op->offset < image->len ? (size_t)op->offset : image->len;
    } else if (op->kind == OP_WRITE) {
        assert_true(end <= REPLAY_MAX_BYTES);
        if ((size_t)op->offset > image->len) {
            memset(image->data + image->len, 0, (size_t)op->offset - image->len);
        }
        memcpy(image->data + op->offset, op->data, op->len);
        image->len = end > image->len ? end : image->len;
    }
}

/* Is the op followed, within the prefix, by an fsync of its file? */
static bool is_synced(size_t at, const size_t last_sync[N_FILES])
{
    return at < last_sync[record.ops[at].file];
}

static void build(struct image images[N_FILES], size_t n_ops, bool drops)
{
    size_t last_sync[N_FILES] = {0};
    for (size_t i = 0; i < n_ops; i++) {
        if (record.ops[i].kind == OP_SYNC) {
            last_sync[record.ops[i].file] = i;
        }
    }
    for (size_t i = 0; i < N_FILES; i++) {
        images[i].len = 0;
    }
    for (size_t i = 0; i < n_ops; i++) {
        bool dropped = drops && !is_synced(i, last_sync) && random() % 2 == 0;
        if (!dropped) {
            apply(&images[record.ops[i].file], &record.ops[i]);
        }
    }
}

static void write_file(const char *path, const struct image *image)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image->data, 1, image->len, file), image->len);
    fclose(file);
}

static void check_disk(const char *path, const struct image images[N_FILES], uint32_t n_promised,
                       size_t n_ops, bool drops)
{
    char log[4200];
    char shm[4200];
    struct fault fault = {0};
    snprintf(log, sizeof(log), "%s-wal", path);
    snprintf(shm, sizeof(shm), "%s-shm", path);
    unlink(shm);
    write_file(path, &images[0]);
    write_file(log, &images[1]);
    struct db *db = mail_db_open(path, &fault);
    if (!db || !store_check(db, &fault)) {
        fail_msg("a disk of %zu writes%s: %s", n_ops, drops ? ", some dropped" : "", fault.text);
    }
    struct db_stmt *stmt = db_prepare(db, "SELECT count(*) FROM message WHERE uid <= ?1 AND"
                                      " mailbox_id = (SELECT id FROM mailbox WHERE name = 'INBOX')", &fault);
    assert_non_null(stmt);
    db_bind_i64(stmt, 1, n_promised);
    assert_int_equal(db_step(stmt, &fault), DB_ROW);
    if (db_column_i64(stmt, 0) != n_promised) {
        fail_msg("a disk of %zu writes has %lld of %u messages", n_ops,
                 (long long)db_column_i64(stmt, 0), n_promised);
    }
    db_reset(stmt);
    db_close(&db);
}

static void what_was_answered_survives_a_power_loss(void **state)
{
    struct fixture *fixture = *state;
    size_t answered_at[N_MESSAGES + 1] = {0};
    size_t begin = record_len();
    struct mailbox *inbox = fixture_open(fixture, "INBOX", NULL);
    for (uint32_t i = 1; i <= N_MESSAGES; i++) {
        char mail[4000];
        size_t len = (size_t)snprintf(mail, sizeof(mail), "Subject: %u\r\n\r\n", i);
        memset(mail + len, 'x', i * 50);
        mail[len + i * 50] = '\0';
        assert_int_equal(fixture_append(fixture, "INBOX", mail, 0, i % 5 == 0 ? "tag" : NULL), i);
        answered_at[i] = record_len();
        if (i % 7 == 0) {
            assert_true(fixture_flags(fixture, inbox, i, MAILBOX_STORE_ADD, MAILBOX_FLAG_SEEN, NULL));
            assert_true(fixture_copy(fixture, inbox, i, i, "Archive", false));
        }
    }
    fixture->ops->close(&inbox);
    fixture_stop(fixture); /* with a checkpoint: the database itself is written, too */
    record.is_on = false;
    assert_true(record.n > begin + N_MESSAGES);

    char path[4096];
    snprintf(path, sizeof(path), "%s.replay", fixture->path);
    struct image images[N_FILES];
    for (size_t i = 0; i < N_FILES; i++) {
        images[i] = (struct image){xcalloc(1, REPLAY_MAX_BYTES), 0};
    }
    size_t stride = (record.n - begin) / MAX_STATES + 1;
    srandom(7);
    for (size_t n = begin; n <= record.n; n += stride) {
        uint32_t n_promised = 0;
        while (n_promised < N_MESSAGES && answered_at[n_promised + 1] <= n) {
            n_promised++;
        }
        for (int drops = 0; drops < 2; drops++) {
            build(images, n, drops != 0);
            check_disk(path, images, n_promised, n, drops != 0);
        }
    }
    for (size_t i = 0; i < N_FILES; i++) {
        free(images[i].data);
    }
    for (size_t i = 0; i < record.n; i++) {
        free(record.ops[i].data);
    }
    free(record.ops);
    fixture_start(fixture);
}

static int setup(void **state)
{
    install_vfs();
    record.is_on = true;
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_answered_survives_a_power_loss, setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
