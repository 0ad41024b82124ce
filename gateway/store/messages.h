// SPDX-License-Identifier: MIT
/* Messages in mailboxes: what can be done to them inside a transaction.
 *
 * A message has a place (mailbox, uid) and an email_id, which all its copies share: the number of
 * the row that holds its content. UIDs grow and are never used twice.
 *
 * Keywords that begin with "$bm-" are the server's: they tell how far an outgoing mail has come.
 * messages_set_state writes them; what a client asks about them is passed over. */
#ifndef BITTERN_GATEWAY_STORE_MESSAGES_H
#define BITTERN_GATEWAY_STORE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;
struct db;
struct fault;
struct mail_txn;
struct mail_analysis;

enum {
    MESSAGE_MAX_BYTES = 67108864,  /* 64 MiB: MAILBOX_APPEND_MAX_BYTES */
    MESSAGE_SENT_MERGE_SEC = 3600, /* how long a client's own copy is recognised */
    MESSAGE_MESSAGE_ID_MAX_BYTES = 998
};

#define MESSAGE_STATE_PREFIX "$bm-"

/* How a message came into its mailbox. Written on disk: never renumbered. */
enum message_origin {
    MESSAGE_BY_CLIENT = 0, /* IMAP APPEND */
    MESSAGE_BY_NETWORK = 1,
    MESSAGE_BY_SUBMISSION = 2, /* the copy in Sent or Outbox of a mail taken by SMTP */
    MESSAGE_BY_SERVER = 3,     /* a report, an answer, the welcome */
    /* As MESSAGE_BY_SUBMISSION, but its text is not kept; a client's own copy with the same
     * Message-ID is taken for it, whatever it says. */
    MESSAGE_WITHOUT_TEXT = 4
};

struct message_new {
    struct bytes content;                 /* the mail, CRLF line ends, at most MESSAGE_MAX_BYTES */
    const struct mail_analysis *analysis; /* of decoder_client_analyse */
    uint8_t flags;                        /* enum mailbox_flag */
    const char *const *keywords;          /* may be server-owned */
    size_t n_keywords;
    int64_t internal_sec; /* 0: now */
    int16_t internal_zone_min;
    enum message_origin origin;
};

struct message_place {
    int64_t mailbox_id;
    uint32_t uid;
    uint64_t email_id;
};

/* Put a new message into a mailbox of any kind. FAULT_NO_SPACE when the account's quota is full,
 * but never for MESSAGE_BY_NETWORK and MESSAGE_BY_SERVER: what arrived is kept. */
bool messages_add(struct mail_txn *txn, struct message_place *out, int64_t mailbox_id,
                  const struct message_new *message, struct fault *fault) MUST_USE;
/* One more copy of a message that is in a mailbox, with flags and keywords, into another: Sent and
 * Outbox share one content. */
bool messages_add_copy(struct mail_txn *txn, struct message_place *out, int64_t mailbox_id,
                       const struct message_place *from, struct fault *fault) MUST_USE;
/* Set the server's keyword of a message and of all its copies: `state` such as "$bm-working" takes
 * the place of the one that was there; NULL: none. Nothing happens when no copy is left. */
bool messages_set_state(struct mail_txn *txn, uint64_t email_id, const char *state,
                        struct fault *fault) MUST_USE;
/* As messages_set_state for the message at one place alone, if it is still there. */
bool messages_set_state_at(struct mail_txn *txn, int64_t mailbox_id, uint32_t uid,
                           const char *state, struct fault *fault) MUST_USE;
/* Take it out of a mailbox, without hooks. Nothing happens when it is not there any more. */
bool messages_take_out(struct mail_txn *txn, int64_t mailbox_id, uint32_t uid,
                       struct fault *fault) MUST_USE;

/* A message of the account with that Message-ID (with or without angle brackets); the newest when
 * there are several. mailbox_id 0: in any mailbox. FAULT_NOT_FOUND. */
bool messages_find(struct db *db, struct message_place *out, int64_t account_id, int64_t mailbox_id,
                   const char *message_id, struct fault *fault) MUST_USE;
/* Append the content to `out`. FAULT_NOT_FOUND. */
bool messages_read_content(struct db *db, struct buf *out, uint64_t email_id,
                           struct fault *fault) MUST_USE;

#endif
