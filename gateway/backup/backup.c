// SPDX-License-Identifier: MIT
#include "gateway/backup/backup.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/timer.h"
#include "gateway/backup/backup_file.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"

enum { LOOK_EVERY_MS = 60 * 1000, RETRY_SEC = 3600 };

struct backup {
    struct backup_config config;
    struct timer timer;
    int64_t not_before_sec; /* after one that failed */
    struct task *task;      /* on a worker; NULL: none */
};

/* What a worker does for us: a backup, or the preparing of a restore. */
struct task {
    struct backup *owner; /* NULL: it was freed */
    char *folder;
    bool ok;
    struct fault fault;

    char name[BACKUP_NAME_BYTES];
    uint8_t public_key[SEAL_PUBLIC_BYTES];
    bool is_automatic;
    uint32_t keep;
    uint64_t bytes;
    struct backup_done done; /* .call NULL: nobody asked */

    struct seal_key key;
    struct restore_summary summary;
    struct restore_done restored;

    uint64_t job_id;
};

static struct task *task_new(struct backup *backup)
{
    struct task *task = xcalloc(1, sizeof *task);
    task->owner = backup;
    task->folder = xstrdup(backup->config.folder);
    return task;
}

static void task_free(struct task *task)
{
    mem_wipe(&task->key, sizeof task->key);
    free(task->folder);
    free(task);
}

/* Give it to a worker; its `done` is called whatever happens. */
static void task_start(struct backup *backup, struct task *task,
                       void (*run)(void *job, const struct pool_token *token),
                       void (*done)(void *job, bool was_cancelled))
{
    if (backup->task != NULL) {
        fault_set(&task->fault, FAULT_BUSY, "a backup or a restore is under way");
        task->owner = NULL;
        done(task, false);
        return;
    }
    backup->task = task;
    task->job_id = pool_submit(backup->config.pool, POOL_BACKGROUND, run, done, task, &task->fault);
    if (task->job_id == 0) {
        done(task, false);
    }
}

/* The task's end: its owner is free for the next. */
static void task_leave(struct task *task)
{
    if (task->owner != NULL) {
        task->owner->task = NULL;
    }
}

/* ---- the recovery key's public half ---- */

static bool read_public_key(struct backup *backup, uint8_t out[SEAL_PUBLIC_BYTES])
{
    struct db_stmt *stmt =
        db_prepare(store_reader(backup->config.store),
                   "SELECT value FROM agent_note WHERE name = 'recovery key'", NULL);
    if (stmt == NULL || db_step(stmt, NULL) != DB_ROW) {
        return false;
    }
    struct bytes value = db_column_bytes(stmt, 0);
    bool ok = value.len == SEAL_PUBLIC_BYTES;
    if (ok) {
        memcpy(out, value.data, SEAL_PUBLIC_BYTES);
    }
    db_reset(stmt);
    return ok;
}

bool backup_has_key(struct backup *backup)
{
    uint8_t key[SEAL_PUBLIC_BYTES];
    return read_public_key(backup, key);
}

struct new_key {
    struct seal_key key;
    struct backup_done done;
};

static bool write_key(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct new_key *new_key = job;
    uint8_t public_key[SEAL_PUBLIC_BYTES];
    struct db_stmt *stmt = db_prepare(mail_txn_db(txn),
                                      "INSERT INTO agent_note (name, value)"
                                      " VALUES ('recovery key', ?1)"
                                      " ON CONFLICT (name) DO UPDATE SET value = ?1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    seal_key_public(public_key, &new_key->key);
    db_bind_bytes(stmt, 1, (struct bytes){public_key, sizeof public_key});
    return db_run(stmt, fault);
}

static void key_written(void *job, const struct fault *fault)
{
    struct new_key *new_key = job;
    char text[SEAL_KEY_TEXT_BYTES];
    seal_key_print(text, &new_key->key);
    new_key->done.call(new_key->done.context, fault, fault == NULL ? text : NULL, 0);
    mem_wipe(text, sizeof text);
    mem_wipe(new_key, sizeof *new_key);
    free(new_key);
}

void backup_new_key(struct backup *backup, struct backup_done done)
{
    struct new_key *new_key = xcalloc(1, sizeof *new_key);
    struct fault fault = {0};
    new_key->done = done;
    seal_key_new(&new_key->key);
    if (!store_write(backup->config.store, write_key, key_written, new_key, &fault)) {
        key_written(new_key, &fault);
    }
}

/* ---- making one ---- */

static void run_make(void *job, const struct pool_token *token)
{
    struct task *task = job;
    task->ok = backup_file_make(task->folder, task->name, task->public_key, token, &task->bytes,
                                &task->fault);
    if (task->ok) {
        backup_file_rotate(task->folder, task->keep, clock_now_sec());
    }
}

static void make_done(void *job, bool was_cancelled)
{
    struct task *task = job;
    (void)was_cancelled;
    task_leave(task);
    if (task->ok) {
        log_info("backup", "made name=%s bytes=%llu", task->name, (unsigned long long)task->bytes);
    } else if (task->owner != NULL && task->is_automatic) {
        log_warn("backup", "no backup could be made reason=\"%s\"", task->fault.text);
        task->owner->not_before_sec = clock_now_sec() + RETRY_SEC;
    }
    if (task->done.call != NULL) {
        char *path = xasprintf("gateway/" BACKUP_FOLDER "/%s", task->name);
        task->done.call(task->done.context, task->ok ? NULL : &task->fault, task->ok ? path : NULL,
                        task->bytes);
        free(path);
    }
    task_free(task);
}

static void make(struct backup *backup, bool is_automatic, struct backup_done done)
{
    struct task *task = task_new(backup);
    task->is_automatic = is_automatic;
    task->keep = backup->config.keep;
    task->done = done;
    backup_file_name(task->name, is_automatic, clock_now_sec());
    if (!read_public_key(backup, task->public_key)) {
        fault_set(&task->fault, FAULT_NOT_FOUND,
                  "there is no recovery key yet: make one with 'bittern recovery-key --new'");
        task->owner = NULL;
        make_done(task, false);
        return;
    }
    task_start(backup, task, run_make, make_done);
}

void backup_make(struct backup *backup, struct backup_done done)
{
    make(backup, false, done);
}

/* ---- by itself ---- */

static int64_t newest_automatic_sec(const char *folder)
{
    struct arena arena = {0};
    struct backup_file *files;
    size_t n_files;
    int64_t newest = 0;
    if (backup_file_list(folder, &files, &n_files, &arena, NULL)) {
        for (size_t i = 0; i < n_files && newest == 0; i++) {
            newest = files[i].is_automatic ? files[i].made_sec : 0;
        }
    }
    arena_clear(&arena);
    return newest;
}

/* Looked at by the wall clock every minute, not by a timer of a day: a machine that sleeps at night
 * makes its backup when it wakes. */
static void on_timer(void *context)
{
    struct backup *backup = context;
    int64_t now_sec = clock_now_sec();
    if (backup->task != NULL || now_sec < backup->not_before_sec || !backup_has_key(backup)) {
        return;
    }
    int64_t newest_sec = newest_automatic_sec(backup->config.folder);
    if (now_sec - newest_sec >= backup->config.every_sec || newest_sec > now_sec) {
        make(backup, true, (struct backup_done){0});
    }
}

/* ---- restoring ---- */

static void run_restore(void *job, const struct pool_token *token)
{
    struct task *task = job;
    task->ok = restore_prepare(task->folder, &task->key, token, &task->summary, &task->fault);
}

static void restore_done(void *job, bool was_cancelled)
{
    struct task *task = job;
    (void)was_cancelled;
    task_leave(task);
    task->restored.call(task->restored.context, task->ok ? NULL : &task->fault, &task->summary);
    task_free(task);
}

void backup_restore(struct backup *backup, const struct seal_key *key, struct restore_done done)
{
    struct task *task = task_new(backup);
    task->key = *key;
    task->restored = done;
    task_start(backup, task, run_restore, restore_done);
}

/* ---- life ---- */

struct backup *backup_new(const struct backup_config *config)
{
    struct backup *backup = xcalloc(1, sizeof *backup);
    backup->config = *config;
    backup_file_tidy(config->folder);
    timer_init(&backup->timer, config->loop, on_timer, backup);
    if (config->every_sec > 0) {
        timer_arm_periodic(&backup->timer, LOOK_EVERY_MS);
    }
    return backup;
}

static void nobody_made(void *context, const struct fault *fault, const char *text, uint64_t bytes)
{
    (void)context;
    (void)fault;
    (void)text;
    (void)bytes;
}

static void nobody_restored(void *context, const struct fault *fault,
                            const struct restore_summary *summary)
{
    (void)context;
    (void)fault;
    (void)summary;
}

void backup_free(struct backup **backup)
{
    if (*backup == NULL) {
        return;
    }
    timer_cancel(&(*backup)->timer);
    struct task *task = (*backup)->task;
    if (task != NULL) {
        task->owner = NULL;
        task->done = (struct backup_done){nobody_made, NULL};
        task->restored = (struct restore_done){nobody_restored, NULL};
        pool_cancel((*backup)->config.pool, task->job_id);
    }
    free(*backup);
    *backup = NULL;
}
