// SPDX-License-Identifier: MIT
/* Rows of the table of mailboxes, and the levels above a name: for gateway/store alone. */
#ifndef BITTERN_GATEWAY_STORE_FOLDER_ROWS_H
#define BITTERN_GATEWAY_STORE_FOLDER_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/db.h"
#include "gateway/store/folders.h"

struct fault;
struct mail_txn;

struct folder {
    int64_t id;
    enum folder_kind kind;
    bool is_container;
};

enum db_step folder_find_row(struct db *db, struct folder *out, int64_t account_id,
                             const char *name, struct fault *fault) MUST_USE;
/* As folder_find_row; FAULT_NOT_FOUND when there is none. */
bool folder_get_row(struct db *db, struct folder *out, int64_t account_id, const char *name,
                    struct fault *fault) MUST_USE;
/* The number that `sql` gives for an account and, unless it is NULL, a name. */
bool folder_count_rows(struct db *db, int64_t *out, const char *sql, int64_t account_id,
                       const char *name, struct fault *fault) MUST_USE;
/* How many mailboxes and containers stand below a name, at any depth. */
bool folder_count_below(struct db *db, int64_t *out, int64_t account_id, const char *name,
                        struct fault *fault) MUST_USE;
/* The UIDVALIDITY that no mailbox ever had. */
bool folder_next_uid_validity(struct mail_txn *txn, int64_t *out, struct fault *fault) MUST_USE;
/* A new row; FAULT_LIMIT when the account has FOLDERS_MAX_PER_ACCOUNT. */
bool folder_insert_row(struct mail_txn *txn, int64_t *out_id, int64_t account_id, const char *name,
                       unsigned use, bool is_container, struct fault *fault) MUST_USE;
/* Take the row out, with messages and all. */
bool folder_delete_row(struct mail_txn *txn, int64_t id, struct fault *fault) MUST_USE;

/* Make the levels above `name` that are missing. */
bool folder_ensure_parents(struct mail_txn *txn, int64_t account_id, const char *name,
                           struct fault *fault) MUST_USE;
/* Containers above `name` with nothing below them any more go, too; but for the roots. */
bool folder_prune_parents(struct mail_txn *txn, int64_t account_id, const char *name,
                          struct fault *fault) MUST_USE;

#endif
