// SPDX-License-Identifier: MIT
/* Inside of a transaction: for gateway/store alone.
 *
 * The rows of the mailboxes and accounts that a transaction touches are read once, changed in
 * memory, and written back once, when it finishes. What it did to messages is kept as a delta for
 * the views: new states by UID, and the UIDs that are gone. */
#ifndef BITTERN_GATEWAY_STORE_MAIL_TXN_INTERNAL_H
#define BITTERN_GATEWAY_STORE_MAIL_TXN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "mailproto/imap/mailbox_view.h"
#include "mailproto/imap/uid_set.h"

struct fault;

struct touched_mailbox {
    int64_t id;
    int64_t account_id;
    char *name;
    enum folder_kind kind;
    bool is_container;
    uint32_t uid_validity;
    uint32_t uid_next;
    uint64_t modseq; /* the highest */
    int64_t n_messages;
    int64_t n_unseen;
    int64_t n_deleted;
    int64_t size_bytes;

    bool is_changed;      /* something of it is to be written back, and `modseq` is a new one */
    bool is_deleted;      /* the mailbox itself */
    bool keywords_loaded; /* below is read */
    bool keywords_changed;
    size_t n_keywords;
    char *keywords[MAILBOX_MAX_KEYWORDS];

    struct mailbox_message *puts; /* in the order of change; the last of a UID counts */
    size_t n_puts;
    size_t puts_capacity;
    struct uid_set expunged;
};

struct touched_account {
    int64_t id;
    uint64_t quota_bytes;
    uint64_t quota_messages;
    uint64_t used_bytes;
    uint64_t used_messages;
    bool is_loaded;
    bool usage_changed;
    bool list_changed; /* names, attributes or subscriptions */
    bool metadata_changed;
    int64_t metadata_mailbox_id; /* of this mailbox; 0: of the account */
};

struct mail_txn {
    struct db *db;
    int64_t now_sec;
    const struct folder_hooks *hooks; /* never NULL; its functions may be */
    bool hooks_ran;
    bool released; /* bodies were let go: there may be some to clear away */
    struct touched_mailbox **mailboxes;
    size_t n_mailboxes;
    size_t mailboxes_capacity;
    struct touched_account *accounts;
    size_t n_accounts;
    size_t accounts_capacity;
};

/* `hooks` NULL: none. */
void mail_txn_init(struct mail_txn *txn, struct db *db, const struct folder_hooks *hooks);
/* Write back what is kept in memory. The last step inside the transaction. */
bool mail_txn_finish(struct mail_txn *txn, struct fault *fault) MUST_USE;
void mail_txn_clear(struct mail_txn *txn);

/* The mailbox as this transaction sees it, or NULL (FAULT_NOT_FOUND). Borrowed from the txn. */
struct touched_mailbox *mail_txn_mailbox(struct mail_txn *txn, int64_t mailbox_id,
                                         struct fault *fault) MUST_USE;
/* The account likewise. Valid until the next call. */
struct touched_account *mail_txn_account(struct mail_txn *txn, int64_t account_id,
                                         struct fault *fault) MUST_USE;
/* Its list of names is another one after the commit. */
void mail_txn_list_changed(struct mail_txn *txn, int64_t account_id);
/* The annotations of a mailbox of it (0: its own) are others after the commit. */
void mail_txn_metadata_changed(struct mail_txn *txn, int64_t account_id, int64_t mailbox_id);
/* A change to the mailbox begins: gives it its new modseq, once. Returns it. */
uint64_t mailbox_change(struct touched_mailbox *mailbox);
/* Note the new state of a message. */
void mailbox_put(struct touched_mailbox *mailbox, const struct mailbox_message *message);
/* The notes as a delta asks for them: ascending, one a UID, none that is gone again. */
void mailbox_sort_puts(struct touched_mailbox *mailbox);
/* The next number of that name, one above the last, and at least `least`. */
bool mail_txn_count_up(struct mail_txn *txn, int64_t *out, const char *counter, int64_t least,
                       struct fault *fault) MUST_USE;

#endif
