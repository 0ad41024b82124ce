// SPDX-License-Identifier: MIT
/* Backups of mail.db: keys, mail and queue in one file that only the recovery key opens
 * (docs/storage.md, "Backups"). One at a time is made on a worker while all goes on; by itself at
 * the interval of the settings, or when somebody asks.
 *
 * The recovery key is shown once, when it is made; what is kept is its public half, which is enough
 * for making backups. A new key leaves older backups to the old one. */
#ifndef BITTERN_GATEWAY_BACKUP_BACKUP_H
#define BITTERN_GATEWAY_BACKUP_BACKUP_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/backup/restore.h"
#include "gateway/backup/seal.h"

struct backup;
struct loop;
struct mail_store;
struct pool;

struct backup_config {
    struct loop *loop;
    struct pool *pool;
    struct mail_store *store;
    const char *folder; /* HOME/gateway */
    int64_t every_sec;  /* 0: none by itself */
    uint32_t keep;      /* of those made by itself */
};

/* All are borrowed, and outlive it. */
struct backup *backup_new(const struct backup_config *config) MUST_USE;
/* What runs on a worker is stopped; nobody is answered any more. */
void backup_free(struct backup **backup);

/* `text` is the answer, to be wiped by who keeps it; NULL when `fault` says why there is none. */
struct backup_done {
    void (*call)(void *context, const struct fault *fault, const char *text, uint64_t bytes);
    void *context;
};

/* Make one. The text is its path in the home: it stays there until somebody fetches it, a day at
 * the most. FAULT_NOT_FOUND when there is no recovery key yet; FAULT_BUSY; those of
 * backup_file_make. */
void backup_make(struct backup *backup, struct backup_done done);

/* Make a recovery key and keep its public half. The text is the key. */
void backup_new_key(struct backup *backup, struct backup_done done);
/* Is there one? */
bool backup_has_key(struct backup *backup) MUST_USE;

struct restore_done {
    void (*call)(void *context, const struct fault *fault, const struct restore_summary *summary);
    void *context;
};
/* restore_prepare on a worker. It is finished at the next start of the gateway. */
void backup_restore(struct backup *backup, const struct seal_key *key, struct restore_done done);

#endif
