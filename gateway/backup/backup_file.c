// SPDX-License-Identifier: MIT
#include "gateway/backup/backup_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/db.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "base/str.h"
#include "gateway/store/mail_db.h"

#define COPY_NAME "copy.tmp"
#define SEALED_NAME "sealed.tmp"
#define AUTOMATIC "auto-"
#define ASKED_FOR "asked-"

enum {
    PAGES_A_STEP = 256,
    MAX_ASKED_FOR_SEC = 86400,
    SPARE_BYTES = 64 * 1024 * 1024 /* that mail needs while a backup is made */
};

static char *path_in(const char *folder, const char *name)
{
    return xasprintf("%s/" BACKUP_FOLDER "/%s", folder, name);
}

void backup_file_name(char out[BACKUP_NAME_BYTES], bool is_automatic, int64_t now_sec)
{
    time_t now = (time_t)now_sec;
    struct tm tm;
    char stamp[32] = "";
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    }
    (void)snprintf(out, BACKUP_NAME_BYTES, "%s%s" BACKUP_ENDING,
                   is_automatic ? AUTOMATIC : ASKED_FOR, stamp);
}

/* ---- making ---- */

static bool check_space(const char *folder, const char *mail_db, struct fault *fault)
{
    struct stat database;
    struct statvfs disk;
    if (stat(mail_db, &database) != 0 || statvfs(folder, &disk) != 0) {
        return fault_set_errno(fault, errno, "look at %s", mail_db);
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t needed = 2 * (uint64_t)database.st_size + SPARE_BYTES;
    return free_bytes >= needed ||
           fault_set(fault, FAULT_NO_SPACE,
                     "a backup needs %llu MiB for a while, and the disk has %llu MiB left",
                     (unsigned long long)(needed >> 20), (unsigned long long)(free_bytes >> 20));
}

/* One read transaction around all steps: without it each commit of the writer would make the copy
 * begin again. */
static bool copy_database(const char *mail_db, const char *copy, const struct pool_token *token,
                          struct fault *fault)
{
    struct db *db = mail_db_open_reader(mail_db, fault);
    if (db == NULL) {
        return false;
    }
    bool ok = db_begin_read(db, fault) && db_version(db, fault) >= 0;
    struct db_backup *backup = ok ? db_backup_start(db, copy, fault) : NULL;
    enum db_step step = backup != NULL ? DB_ROW : DB_FAILED;
    while (step == DB_ROW) {
        if (pool_is_cancelled(token)) {
            fault_set(fault, FAULT_CANCELLED, "the backup was stopped");
            break;
        }
        step = db_backup_step(backup, PAGES_A_STEP, fault);
    }
    db_backup_free(&backup);
    if (db_in_transaction(db)) {
        db_rollback(db);
    }
    db_close(&db);
    return step == DB_DONE;
}

static bool seal_bytes(int from, struct seal_writer *writer, const struct pool_token *token,
                       struct fault *fault)
{
    uint8_t *piece = xmalloc(SEAL_CHUNK_BYTES);
    bool ok = true;
    ssize_t n = 1;
    while (ok && n > 0) {
        n = read(from, piece, SEAL_CHUNK_BYTES);
        ok = n >= 0 || fault_set_errno(fault, errno, "read the copy");
        ok = ok && (n == 0 || seal_writer_add(writer, (struct bytes){piece, (size_t)n}, fault));
        ok = ok && (!pool_is_cancelled(token) ||
                    fault_set(fault, FAULT_CANCELLED, "the backup was stopped"));
    }
    mem_wipe(piece, SEAL_CHUNK_BYTES);
    free(piece);
    return ok && seal_writer_end(writer, fault);
}

static bool seal_file(int from, int to, const uint8_t public_key[SEAL_PUBLIC_BYTES],
                      const struct pool_token *token, struct fault *fault)
{
    struct seal_writer *writer = seal_writer_new(to, public_key, fault);
    bool ok = writer != NULL && seal_bytes(from, writer, token, fault);
    seal_writer_free(&writer);
    return ok && (fsync(to) == 0 || fault_set_errno(fault, errno, "write the backup"));
}

/* The clear copy loses its name as soon as it is open: nothing is left of it whatever happens. */
static bool seal_copy(const char *copy, const char *sealed,
                      const uint8_t public_key[SEAL_PUBLIC_BYTES], const struct pool_token *token,
                      uint64_t *out_bytes, struct fault *fault)
{
    struct stat status;
    int from = open(copy, O_RDONLY | O_CLOEXEC);
    unlink(copy);
    int to = open(sealed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = (from >= 0 && to >= 0) || fault_set_errno(fault, errno, "write %s", sealed);
    ok = ok && seal_file(from, to, public_key, token, fault) &&
         (fstat(to, &status) == 0 || fault_set_errno(fault, errno, "look at %s", sealed));
    if (ok) {
        *out_bytes = (uint64_t)status.st_size;
    }
    process_close_fd(&from);
    process_close_fd(&to);
    return ok;
}

bool backup_file_make(const char *folder, const char *name,
                      const uint8_t public_key[SEAL_PUBLIC_BYTES], const struct pool_token *token,
                      uint64_t *out_bytes, struct fault *fault)
{
    char *backups = path_in(folder, "");
    char *mail_db = xasprintf("%s/mail.db", folder);
    char *copy = path_in(folder, COPY_NAME);
    char *sealed = path_in(folder, SEALED_NAME);
    char *path = path_in(folder, name);
    bool ok = mkdir(backups, 0700) == 0 || errno == EEXIST ||
              fault_set_errno(fault, errno, "make %s", backups);
    backup_file_tidy(folder);
    ok = ok && check_space(folder, mail_db, fault) && copy_database(mail_db, copy, token, fault) &&
         seal_copy(copy, sealed, public_key, token, out_bytes, fault);
    ok = ok && (rename(sealed, path) == 0 || fault_set_errno(fault, errno, "make %s", path));
    ok = ok && file_sync_folder(backups, fault);
    if (!ok) {
        backup_file_tidy(folder);
    }
    free(path);
    free(sealed);
    free(copy);
    free(mail_db);
    free(backups);
    return ok;
}

/* ---- the folder ---- */

static int newest_first(const void *a, const void *b)
{
    const struct backup_file *left = a;
    const struct backup_file *right = b;
    if (left->made_sec != right->made_sec) {
        return left->made_sec > right->made_sec ? -1 : 1;
    }
    return -strcmp(left->name, right->name);
}

static bool look_at(struct backup_file *out, const char *folder, const char *name,
                    struct arena *arena)
{
    bool is_automatic = str_starts_with(name, AUTOMATIC);
    if ((!is_automatic && !str_starts_with(name, ASKED_FOR)) ||
        !str_ends_with_ci(name, BACKUP_ENDING)) {
        return false;
    }
    struct stat status;
    char *path = path_in(folder, name);
    bool ok = lstat(path, &status) == 0 && S_ISREG(status.st_mode);
    free(path);
    if (ok) {
        *out = (struct backup_file){
            .name = arena_strdup(arena, name),
            .made_sec = status.st_mtime,
            .bytes = (uint64_t)status.st_size,
            .is_automatic = is_automatic,
        };
    }
    return ok;
}

bool backup_file_list(const char *folder, struct backup_file **out, size_t *out_n,
                      struct arena *arena, struct fault *fault)
{
    *out = NULL;
    *out_n = 0;
    char *path = path_in(folder, "");
    DIR *dir = opendir(path);
    bool ok = dir != NULL || errno == ENOENT || fault_set_errno(fault, errno, "read %s", path);
    free(path);
    if (dir == NULL) {
        return ok;
    }
    *out = arena_alloc(arena, BACKUPS_MAX * sizeof **out);
    const struct dirent *entry;
    while (*out_n < BACKUPS_MAX && (entry = readdir(dir)) != NULL) {
        *out_n += look_at(&(*out)[*out_n], folder, entry->d_name, arena);
    }
    closedir(dir);
    qsort(*out, *out_n, sizeof **out, newest_first);
    return true;
}

static void delete_file(const char *folder, const char *name)
{
    char *path = path_in(folder, name);
    unlink(path);
    free(path);
}

void backup_file_rotate(const char *folder, size_t keep, int64_t now_sec)
{
    struct arena arena = {0};
    struct backup_file *files;
    size_t n_files;
    size_t n_automatic = 0;
    if (backup_file_list(folder, &files, &n_files, &arena, NULL)) {
        for (size_t i = 0; i < n_files; i++) {
            n_automatic += files[i].is_automatic;
            if (files[i].is_automatic ? n_automatic > keep
                                      : now_sec - files[i].made_sec > MAX_ASKED_FOR_SEC) {
                delete_file(folder, files[i].name);
            }
        }
    }
    arena_clear(&arena);
}

void backup_file_tidy(const char *folder)
{
    static const char *const left_over[] = {COPY_NAME, COPY_NAME "-wal", COPY_NAME "-shm",
                                            COPY_NAME "-journal", SEALED_NAME};
    for (size_t i = 0; i < ARRAY_LEN(left_over); i++) {
        delete_file(folder, left_over[i]);
    }
}
