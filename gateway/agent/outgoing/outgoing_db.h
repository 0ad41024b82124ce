// SPDX-License-Identifier: MIT
/* The outgoing queue on disk: what happens to its rows inside a transaction.
 *
 * outgoing_change is the one function that changes a state. It holds each change to the table of
 * legal transitions, logs it, and brings what the user sees of it up to date in the same
 * transaction: the keyword on the mail's copies, the copy in Outbox, the report that is due.
 *
 * All functions run on the writer thread. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_DB_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/outgoing/outgoing_row.h"
#include "gateway/store/messages.h"
#include "gateway/translate/report.h"

struct mail_txn;

struct outgoing_new_mail {
    int64_t account_id;
    const char *sender; /* "BM-..." */
    const char *message_id;
    const char *subject;
    struct bytes content_plain;
    struct bytes content_extended; /* empty: none */
    enum outgoing_form form;
    int64_t ttl_sec;
    int64_t accepted_sec;
    struct message_place sent;
    struct message_place outbox;
    const char *envelope_id;
    bool return_full;
};
bool outgoing_add_mail(struct mail_txn *txn, int64_t *out_mail_id,
                       const struct outgoing_new_mail *mail, struct fault *fault) MUST_USE;

struct outgoing_new_recipient {
    int64_t mail_id;
    const char *recipient; /* "BM-..."; of a broadcast: the sender */
    enum outgoing_kind kind;
    struct bytes ackdata;
    struct bytes ticket; /* what programs know it by: the ackdata where there is one */
    int64_t ttl_sec;     /* of this recipient; 0: the mail's */
    unsigned notify;     /* SMTP_NOTIFY_* */
    const char *original;
};
bool outgoing_add_recipient(struct mail_txn *txn, int64_t *out_id,
                            const struct outgoing_new_recipient *recipient,
                            struct fault *fault) MUST_USE;

struct outgoing_change {
    enum outgoing_state to;
    enum report_why why;
    const char *reason; /* NULL: none */
    int64_t next_sec;   /* when to look again; 0: at an event */
    int tries;          /* < 0: as it is */
};
/* FAULT_INVALID when the table does not allow it, FAULT_NOT_FOUND. */
bool outgoing_change(struct mail_txn *txn, int64_t id, const struct outgoing_change *change,
                     struct fault *fault) MUST_USE;

/* Take back what has not left: cancelled, and from this commit on it never leaves. One that left
 * before and was to be sent once more becomes sent, and isn't. FAULT_INVALID when it has left, or
 * leaves this very moment. */
bool outgoing_cancel(struct mail_txn *txn, int64_t id, struct fault *fault) MUST_USE;
/* A client took the copy out of Outbox: cancel all of that mail that has not left. */
bool outgoing_cancel_mail(struct mail_txn *txn, uint64_t email_id, struct fault *fault) MUST_USE;

/* After a restore: all that had not left waits, held, for its user's word. What was built for it is
 * dropped, and built anew when it goes on; the acknowledgement's data stays, by which its recipient
 * knows a second one. */
bool outgoing_hold_all(struct mail_txn *txn, const char *reason, struct fault *fault) MUST_USE;

/* The acknowledgement's work is done. */
bool outgoing_keep_ack(struct mail_txn *txn, int64_t id, struct bytes packet,
                       struct fault *fault) MUST_USE;
/* Its object is in the network. */
struct outgoing_departure {
    const uint8_t *hash;
    int64_t ttl_sec;
    int64_t resend_after_sec; /* the setting; 0: 1.1 times the lifetime */
    int64_t now_sec;
};
bool outgoing_left(struct mail_txn *txn, int64_t id, const struct outgoing_departure *departure,
                   struct fault *fault) MUST_USE;
/* The node does not take its object: failed. */
bool outgoing_refused(struct mail_txn *txn, int64_t id, const char *reason,
                      struct fault *fault) MUST_USE;
/* Acknowledged: delivered, whatever it was about to do. Nothing happens when it never went out or
 * is final. */
bool outgoing_acknowledged(struct mail_txn *txn, int64_t id, struct fault *fault) MUST_USE;
/* A message of ours came back to ourselves: if it was for an own identity, that is its
 * acknowledgement. */
bool outgoing_came_home(struct mail_txn *txn, const uint8_t *hash, struct fault *fault) MUST_USE;
/* Its sender is told that it is late, if that is still so and he wants to know. */
bool outgoing_tell_late(struct mail_txn *txn, int64_t id, struct fault *fault) MUST_USE;
/* Clear the reports that were written. */
bool outgoing_reported(struct mail_txn *txn, int64_t id, unsigned kinds,
                       struct fault *fault) MUST_USE;

#endif
