// SPDX-License-Identifier: MIT
/* Rows of the table of messages, and the counts that follow them: for gateway/store alone. */
#ifndef BITTERN_GATEWAY_STORE_MESSAGE_ROWS_H
#define BITTERN_GATEWAY_STORE_MESSAGE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/db.h"
#include "gateway/store/messages.h"
#include "mailproto/imap/mailbox_view.h"

struct fault;
struct mail_txn;
struct touched_mailbox;
struct uid_set;

/* The columns that message_read_row reads, in its order. */
#define MESSAGE_COLUMNS                                                                            \
    "uid, body_id, flags, keywords, modseq, size, internal_sec, internal_zone_min, sent_sec,"      \
    " sent_zone_min, saved_sec"
enum { MESSAGE_N_COLUMNS = 11 };

void message_read_row(struct db_stmt *stmt, struct mailbox_message *out);

/* A growing list of messages. */
struct message_list {
    struct mailbox_message *items;
    size_t n;
    size_t capacity;
};
void message_list_clear(struct message_list *list);
/* Append the rows of `uids` (NULL: of all) in ascending order. */
bool messages_collect(struct db *db, struct message_list *out, int64_t mailbox_id,
                      const struct uid_set *uids, struct fault *fault) MUST_USE;
/* The same from memory: false, and nothing, when `view` (NULL: there is none) is not exactly what
 * the mailbox is now. A view never changes, so the writer may look at one that is held for it. */
bool messages_collect_viewed(struct message_list *out, const struct mailbox_view *view,
                             const struct touched_mailbox *mailbox,
                             const struct uid_set *uids) MUST_USE;
/* The row at a place: DB_DONE when it is gone. */
enum db_step message_find_row(struct db *db, struct mailbox_message *out, int64_t mailbox_id,
                              uint32_t uid, enum message_origin *out_origin,
                              struct fault *fault) MUST_USE;

/* Give `message` the mailbox's next UID and modseq, which are set in it, and insert it. */
bool message_insert_row(struct mail_txn *txn, struct touched_mailbox *mailbox,
                        struct mailbox_message *message, enum message_origin origin,
                        struct fault *fault) MUST_USE;
/* Give a message that is there new flags and keywords; nothing is written when it has them. */
bool message_update_row(struct mail_txn *txn, struct touched_mailbox *mailbox,
                        struct mailbox_message *message, uint8_t flags, uint64_t keywords,
                        struct fault *fault) MUST_USE;
/* The two halves of message_update_row, for many messages that get the same: all rows from `first`
 * to `last`, which must each be noted. */
bool message_write_flags(struct mail_txn *txn, struct touched_mailbox *mailbox, uint32_t first,
                         uint32_t last, uint8_t flags, uint64_t keywords,
                         struct fault *fault) MUST_USE;
void message_note_flags(struct touched_mailbox *mailbox, struct mailbox_message *message,
                        uint8_t flags, uint64_t keywords);
/* Delete a row whose body another row goes on referring to. */
bool message_delete_row(struct mail_txn *txn, struct touched_mailbox *mailbox,
                        const struct mailbox_message *message, struct fault *fault) MUST_USE;
/* Delete rows for good: their bodies are let go, the account's usage shrinks. */
bool messages_remove_rows(struct mail_txn *txn, struct touched_mailbox *mailbox,
                          const struct message_list *rows, struct fault *fault) MUST_USE;

/* FAULT_NO_SPACE when `within_quota` and the quota is full. */
bool account_add_usage(struct mail_txn *txn, int64_t account_id, uint64_t bytes, uint64_t messages,
                       bool within_quota, struct fault *fault) MUST_USE;
bool account_drop_usage(struct mail_txn *txn, int64_t account_id, uint64_t bytes, uint64_t messages,
                        struct fault *fault) MUST_USE;

/* All rows of a mailbox that is being deleted. */
bool messages_drop_all(struct mail_txn *txn, struct touched_mailbox *mailbox,
                       struct fault *fault) MUST_USE;
/* Clear away at most `max` bodies that nothing refers to; *out_more when there may be others. */
bool messages_clear_released(struct mail_txn *txn, size_t max, bool *out_more,
                             struct fault *fault) MUST_USE;

/* Forget the oldest expunged UIDs of mailboxes that remember more than `max_runs` runs of them:
 * half as many stay. Whoever asks for older ones is told that they are forgotten. */
bool messages_trim_expunged(struct mail_txn *txn, int64_t max_runs, struct fault *fault) MUST_USE;

#endif
