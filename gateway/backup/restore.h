// SPDX-License-Identifier: MIT
/* Back to a backup, in two steps, so that a crash at any moment leaves the old database or the new
 * one, never half of each:
 *
 *     restore_prepare   unseals and checks it, on a worker, while all goes on      -> restored.db
 *     restore_finish    when the gateway starts, before it opens mail.db: takes over the keys that
 *                       are newer than the backup, gives every mailbox a new UIDVALIDITY, holds the
 *                       queue, and puts restored.db in mail.db's place
 *
 * The old database stays beside it as mail.db.before-DATE. */
#ifndef BITTERN_GATEWAY_BACKUP_RESTORE_H
#define BITTERN_GATEWAY_BACKUP_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct pool_token;
struct seal_key;

/* What is in a backup. */
struct restore_summary {
    int64_t n_accounts;
    int64_t n_identities; /* with chans */
    int64_t n_messages;
};

/* Where the command line puts the backup that is to be restored: in the gateway's folder. */
#define RESTORE_SEALED_NAME "restore.backup"

/* Unseal FOLDER/restore.backup into FOLDER/restored.db. What comes out is a stranger's until it
 * proved to be a whole database with our own tables and no others. FAULT_NOT_FOUND, FAULT_INVALID
 * and FAULT_DENIED (seal.h), FAULT_CORRUPT, FAULT_UNSUPPORTED (of a newer Bittern), FAULT_NO_SPACE,
 * FAULT_CANCELLED. */
bool restore_prepare(const char *folder, const struct seal_key *key, const struct pool_token *token,
                     struct restore_summary *out, struct fault *fault) MUST_USE;

/* Does nothing when nothing is prepared. False: the old database is still in place. */
bool restore_finish(const char *folder, int64_t now_sec, struct fault *fault) MUST_USE;

#endif
