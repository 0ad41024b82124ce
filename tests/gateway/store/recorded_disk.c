// SPDX-License-Identifier: MIT
#include "tests/gateway/store/recorded_disk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/mem.h"

enum { N_FILES = 2, REPLAY_MAX_BYTES = 16 * 1024 * 1024 };

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
        record.ops[record.n++] =
            (struct op){kind, file, offset, len, data != NULL ? xmemdup(data, len) : NULL};
    }
    pthread_mutex_unlock(&record.lock);
}

size_t recorded_disk_len(void)
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
    recorded->file = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? 0
                     : (flags & SQLITE_OPEN_WAL) != 0   ? 1
                                                        : -1;
    recorded->real = (sqlite3_file *)(recorded + 1);
    int result = real_vfs->xOpen(real_vfs, name, recorded->real, flags, out_flags);
    if (recorded->real->pMethods != NULL) {
        recorded->base.pMethods = &methods;
    }
    return result;
}

void recorded_disk_install(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "recording";
    vfs.pAppData = real_vfs;
    vfs.szOsFile = (int)sizeof(struct recorded_file) + real_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
    record.is_on = true;
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

void recorded_disk_stop(void)
{
    pthread_mutex_lock(&record.lock);
    record.is_on = false;
    pthread_mutex_unlock(&record.lock);
}

void recorded_disk_make(const char *path, size_t n_ops, bool drops)
{
    struct image images[N_FILES];
    char *paths[N_FILES] = {xstrdup(path), xasprintf("%s-wal", path)};
    char *shm = xasprintf("%s-shm", path);
    unlink(shm);
    free(shm);
    for (size_t i = 0; i < N_FILES; i++) {
        images[i] = (struct image){xcalloc(1, REPLAY_MAX_BYTES), 0};
    }
    build(images, n_ops, drops);
    for (size_t i = 0; i < N_FILES; i++) {
        write_file(paths[i], &images[i]);
        free(images[i].data);
        free(paths[i]);
    }
}

void recorded_disk_clear(void)
{
    for (size_t i = 0; i < record.n; i++) {
        free(record.ops[i].data);
    }
    free(record.ops);
    record.ops = NULL;
    record.n = 0;
}
