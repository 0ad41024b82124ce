// SPDX-License-Identifier: MIT
/* The tree of mailboxes, and which changes to it are allowed.
 *
 *     INBOX  Drafts  Sent  Archive  Junk  Trash     with their special uses
 *     Outbox          what is on its way; nothing goes in but by the agent
 *     Chans/LABEL     creating one joins a chan, deleting or moving it out leaves
 *     Subscriptions/LABEL  likewise
 *
 * What joining and leaving mean is the agent's business: it fills struct folder_hooks, whose
 * functions run inside the same transaction and may refuse.
 *
 * folder_... functions with a `struct mail_txn` run on the writer thread. Those that a client asks
 * for (folders_create, _delete, _rename) hold to the rules; folders_ensure is the agent's own way
 * in. */
#ifndef BITTERN_GATEWAY_STORE_FOLDERS_H
#define BITTERN_GATEWAY_STORE_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct db;
struct fault;
struct mail_txn;

/* Written on disk: never renumbered. */
enum folder_kind {
    FOLDER_NORMAL = 0,
    FOLDER_INBOX = 1,
    FOLDER_OUTBOX = 2,
    FOLDER_CHANS = 3, /* the root; holds no messages */
    FOLDER_CHAN = 4,
    FOLDER_SUBSCRIPTIONS = 5, /* the root; holds no messages */
    FOLDER_SUBSCRIPTION = 6
};

enum { FOLDERS_MAX_PER_ACCOUNT = 10000 };

#define FOLDER_NAME_INBOX "INBOX"
#define FOLDER_NAME_DRAFTS "Drafts"
#define FOLDER_NAME_SENT "Sent"
#define FOLDER_NAME_ARCHIVE "Archive"
#define FOLDER_NAME_JUNK "Junk"
#define FOLDER_NAME_TRASH "Trash"
#define FOLDER_NAME_OUTBOX "Outbox"
#define FOLDER_NAME_CHANS "Chans"
#define FOLDER_NAME_SUBSCRIPTIONS "Subscriptions"

/* What the agent makes of a client's changes. Each function runs inside the client's transaction,
 * on the writer thread; false (with a fault whose text the client shows) undoes the whole change.
 * `label` is the last level of the name. Any may be NULL. */
struct folder_hooks {
    /* A folder came to stand under Chans/ or Subscriptions/: join, make, or subscribe. */
    bool (*joined)(void *context, struct mail_txn *txn, int64_t account_id, enum folder_kind kind,
                   int64_t mailbox_id, const char *label, struct fault *fault);
    /* It got another label and stays where it is. */
    bool (*relabelled)(void *context, struct mail_txn *txn, int64_t account_id,
                       enum folder_kind kind, int64_t mailbox_id, const char *label,
                       struct fault *fault);
    /* It was deleted or moved elsewhere. */
    bool (*left)(void *context, struct mail_txn *txn, int64_t account_id, enum folder_kind kind,
                 int64_t mailbox_id, const char *label, struct fault *fault);
    /* A client took a mail out of Outbox, by expunging or moving it: cancel what has not left. Not
     * called for messages_take_out. */
    bool (*outbox_removed)(void *context, struct mail_txn *txn, int64_t account_id,
                           int64_t mailbox_id, uint32_t uid, uint64_t email_id,
                           struct fault *fault);
    /* A client put a mail (its content's id) into the folder for junk, or took it out. */
    bool (*junk_moved)(void *context, struct mail_txn *txn, int64_t account_id, uint64_t email_id,
                       bool into_junk, struct fault *fault);
    /* In the loop, after the commit of a transaction in which one of the above ran. */
    void (*committed)(void *context);
    void *context;
};

/* The first folders of an account, all subscribed. */
bool folders_create_defaults(struct mail_txn *txn, int64_t account_id,
                             struct fault *fault) MUST_USE;

/* The agent's way: the mailbox of that name, made (and subscribed) when it is not there, without
 * hooks. The kind follows from the name. */
bool folders_ensure(struct mail_txn *txn, int64_t *out_mailbox_id, int64_t account_id,
                    const char *name, struct fault *fault) MUST_USE;
/* The agent's way to let a chan or subscription go: as folders_delete, without hooks. Nothing
 * happens when it is not there. */
bool folders_drop(struct mail_txn *txn, int64_t account_id, const char *name,
                  struct fault *fault) MUST_USE;
/* All mailboxes of an account that is being deleted, without hooks. */
bool folders_delete_all(struct mail_txn *txn, int64_t account_id, struct fault *fault) MUST_USE;
/* The mailbox that has a special use (MAILBOX_USE_SENT ... of mailbox.h), wherever the client moved
 * it; else the one of the default name, made when it is not there. */
bool folders_ensure_use(struct mail_txn *txn, int64_t *out_mailbox_id, int64_t account_id,
                        unsigned use, struct fault *fault) MUST_USE;
/* Give every mailbox of every account a new UIDVALIDITY, and see that no id of the time since is
 * given out again: what was restored from a backup is another mailbox than the one clients knew. */
bool folders_renew_all(struct mail_txn *txn, struct fault *fault) MUST_USE;
/* By name. FAULT_NOT_FOUND also for a name that holds no messages. */
bool folders_find(struct db *db, int64_t *out_mailbox_id, int64_t account_id, const char *name,
                  struct fault *fault) MUST_USE;

/* What clients ask for (RFC 3501 sections 6.3.3 to 6.3.7); faults as mailbox.h has them. `use`:
 * MAILBOX_USE_... bits or 0. */
bool folders_create(struct mail_txn *txn, int64_t account_id, const char *name, unsigned use,
                    struct fault *fault) MUST_USE;
bool folders_delete(struct mail_txn *txn, int64_t account_id, const char *name,
                    struct fault *fault) MUST_USE;
bool folders_rename(struct mail_txn *txn, int64_t account_id, const char *from, const char *to,
                    struct fault *fault) MUST_USE;
bool folders_subscribe(struct mail_txn *txn, int64_t account_id, const char *name, bool subscribed,
                       struct fault *fault) MUST_USE;

#endif
