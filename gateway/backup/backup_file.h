// SPDX-License-Identifier: MIT
/* The files in HOME/gateway/backups: making one of mail.db as it is at that moment, and letting the
 * oldest go. All of it blocks: for a worker, or before the loop runs. */
#ifndef BITTERN_GATEWAY_BACKUP_BACKUP_FILE_H
#define BITTERN_GATEWAY_BACKUP_BACKUP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/backup/seal.h"

struct arena;
struct pool_token;

#define BACKUP_FOLDER "backups"
#define BACKUP_ENDING ".backup"

enum { BACKUP_NAME_BYTES = 64, BACKUPS_MAX = 1000 };

/* A row of the folder. */
struct backup_file {
    const char *name;
    int64_t made_sec;
    uint64_t bytes;
    bool is_automatic;
};

/* "auto-20261122-213000.backup", or "asked-..." for one that a user asked for. */
void backup_file_name(char out[BACKUP_NAME_BYTES], bool is_automatic, int64_t now_sec);

/* Make FOLDER/backups/NAME of FOLDER/mail.db, sealed. While others go on reading and writing; the
 * copy is of one moment. On return it is on the disk, whole, or not there at all. FAULT_NO_SPACE
 * before anything is written when there is not room for two copies; FAULT_CANCELLED. */
bool backup_file_make(const char *folder, const char *name,
                      const uint8_t public_key[SEAL_PUBLIC_BYTES], const struct pool_token *token,
                      uint64_t *out_bytes, struct fault *fault) MUST_USE;

/* All, the newest first; the first BACKUPS_MAX that the folder gives. None where there is no
 * folder. */
bool backup_file_list(const char *folder, struct backup_file **out, size_t *out_n,
                      struct arena *arena, struct fault *fault) MUST_USE;
/* Delete the automatic ones but the newest `keep`, and those asked for but never fetched that are
 * more than a day old. */
void backup_file_rotate(const char *folder, size_t keep, int64_t now_sec);
/* Delete what an interrupted one left. */
void backup_file_tidy(const char *folder);

#endif
