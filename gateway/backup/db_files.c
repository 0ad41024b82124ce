// SPDX-License-Identifier: MIT
#include "gateway/backup/db_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"

/* What SQLite keeps beside a database; the log before the file that it belongs to. */
static const char *const companions[] = {"-wal", "-shm", ""};

char *db_files_path(const char *folder, const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

void db_files_delete(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(companions); i++) {
        char *companion = xasprintf("%s%s", path, companions[i]);
        unlink(companion);
        free(companion);
    }
}

bool db_files_rename(const char *folder, const char *from, const char *to, struct fault *fault)
{
    char *old_path = db_files_path(folder, from);
    char *new_path = db_files_path(folder, to);
    bool ok = rename(old_path, new_path) == 0 ||
              fault_set_errno(fault, errno, "rename %s to %s", old_path, to);
    free(old_path);
    free(new_path);
    return ok;
}

bool db_files_set_aside(const char *folder, const char *name, const char *why, int64_t now_sec,
                        char out[DB_FILES_NAME_BYTES], struct fault *fault)
{
    time_t now = (time_t)now_sec;
    struct tm tm;
    char date[32] = "unknown";
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(date, sizeof date, "%Y%m%d-%H%M%S", &tm);
    }
    (void)snprintf(out, DB_FILES_NAME_BYTES, "%s.%s-%s", name, why, date);
    for (size_t i = 0; i < ARRAY_LEN(companions); i++) {
        char from[DB_FILES_NAME_BYTES];
        char to[DB_FILES_NAME_BYTES + 8];
        struct fault cause = {0};
        (void)snprintf(from, sizeof from, "%s%s", name, companions[i]);
        (void)snprintf(to, sizeof to, "%s%s", out, companions[i]);
        if (!db_files_rename(folder, from, to, &cause) && cause.code != FAULT_NOT_FOUND) {
            return fault_set(fault, cause.code, "%s", cause.text);
        }
    }
    return true;
}
