// SPDX-License-Identifier: MIT
/* Accounts: a login each, with a tree of mailboxes.
 *
 * All functions take a database and run either in a transaction of the writer (those that change
 * something) or on a connection for reading. An account is entered under its name or under one of
 * its aliases, which are the addresses of its identities; names compare without regard to ASCII
 * case, and one name never leads to two accounts. */
#ifndef BITTERN_GATEWAY_STORE_ACCOUNTS_H
#define BITTERN_GATEWAY_STORE_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct arena;
struct db;
struct fault;
struct mail_txn;
struct sasl_credential;

enum { ACCOUNT_NAME_MAX_BYTES = 100, ACCOUNTS_MAX = 10000 };

struct account {
    int64_t id;
    const char *name;
    int64_t created_sec;
    bool has_password;
    uint64_t quota_bytes; /* 0: none; likewise below */
    uint64_t quota_messages;
    uint64_t used_bytes;
    uint64_t used_messages;
};

/* A name of 1 to ACCOUNT_NAME_MAX_BYTES letters, digits, and . _ - + @ that does not begin with a
 * dot or a dash. */
bool account_name_is_valid(const char *name) MUST_USE;

/* Make an account without a password, with its first folders (folders_create_defaults).
 * FAULT_EXISTS when the name is an account's or an alias. */
bool accounts_create(struct mail_txn *txn, int64_t *out_id, const char *name,
                     struct fault *fault) MUST_USE;
/* Remove it with its aliases, mailboxes and messages. What other rooms keep for it is theirs to
 * remove in the same transaction. FAULT_NOT_FOUND. */
bool accounts_delete(struct mail_txn *txn, int64_t id, struct fault *fault) MUST_USE;
/* NULL `credential`: nobody can log in any more. */
bool accounts_set_credential(struct db *db, int64_t id, const struct sasl_credential *credential,
                             struct fault *fault) MUST_USE;
/* 0: no bound. What is stored above a new bound stays. */
bool accounts_set_quota(struct db *db, int64_t id, uint64_t bytes, uint64_t messages,
                        struct fault *fault) MUST_USE;
/* `name` also enters this account from now on. Nothing happens when it does already; FAULT_EXISTS
 * when it enters another. */
bool accounts_add_alias(struct db *db, int64_t id, const char *name, struct fault *fault) MUST_USE;
/* Nothing happens when it is not there. */
bool accounts_remove_alias(struct db *db, const char *name, struct fault *fault) MUST_USE;

/* FAULT_NOT_FOUND. The texts are in `arena`. */
bool accounts_get(struct db *db, struct account *out, int64_t id, struct arena *arena,
                  struct fault *fault) MUST_USE;
/* By its own name, not by an alias. FAULT_NOT_FOUND. */
bool accounts_find(struct db *db, int64_t *out_id, const char *name, struct fault *fault) MUST_USE;
/* All, by name. */
bool accounts_list(struct db *db, struct account **out, size_t *out_n, struct arena *arena,
                   struct fault *fault) MUST_USE;
/* For a login: by name or alias. FAULT_NOT_FOUND when there is none or it has no password. */
bool accounts_find_credential(struct db *db, int64_t *out_id, struct sasl_credential *out,
                              const char *login, struct fault *fault) MUST_USE;

#endif
