// SPDX-License-Identifier: MIT
/* An object on its way in, and the one transaction that its arrival ends in: the mails stored, what
 * was seen, the sender's key, the acknowledgement to be released, the cursor. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_ARRIVAL_H
#define BITTERN_GATEWAY_AGENT_INCOMING_ARRIVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/list.h"
#include "gateway/agent/incoming/trial.h"
#include "gateway/agent/incoming/walk_db.h"
#include "gateway/translate/to_mail.h"
#include "node/objects/object.h"

struct db;
struct decoder_answer;
struct incoming;
struct mail_settings;
struct mail_txn;
struct walk;

enum seen_kind { SEEN_SIGNATURE = 0, SEEN_RESEND = 1, SEEN_HANDED_IN = 2 }; /* on disk */
enum { SEEN_MARK_BYTES = 32, ARRIVAL_MAX_TRIES = 3, SEEN_KEEP_SEC = 400 * 86400 };

/* A mail made of it for one account. */
struct delivery {
    int64_t account_id;
    char *folder; /* owned; NULL: known from now on, and not shown */
    struct buf mail;
    struct decoder_answer *analysis;
    uint8_t signature_mark[SEEN_MARK_BYTES];
    uint8_t resend_mark[SEEN_MARK_BYTES];
    bool has_resend_mark;
    bool is_stored; /* out: it is new */
};

struct arrival {
    struct list_node node; /* of its walk's, in order of their numbers */
    struct incoming *incoming;
    struct walk *walk; /* NULL: the link that brought it is gone */
    uint64_t number;
    uint64_t generation; /* of the link that brought it */
    uint8_t hash[OBJECT_HASH_BYTES];
    uint8_t *bytes; /* the whole object; freed when done */
    size_t bytes_len;
    struct object object;
    struct trial trial;
    bool has_all_keys; /* all that there are were there to be tried */
    int64_t kept_id;   /* it waited for locked keys (kept_objects.h); 0: it comes from the node */
    bool is_done;
    int64_t outgoing_id; /* of the mail that it acknowledges */
    void (*retry)(
        struct arrival *arrival); /* what mail.db refused, to be done again; NULL: nothing */

    /* Once opened. */
    enum arrived_kind kind;
    struct address to; /* the identity, chan or (broadcast) sender */
    bool is_blocked;
    int64_t list_id;                /* the mailing list (an identity) that passes it on; 0: none */
    struct decoder_answer *content; /* what the decoder said; its content borrows from it */
    struct delivery *deliveries;
    size_t n_deliveries;
    size_t n_analysed;
    struct buf ack_object; /* checked, to be released; empty: none */
    int64_t arrived_sec;
};

void arrival_free(struct arrival *arrival);
/* Frees all but what the cursor needs. */
void arrival_clear(struct arrival *arrival);

/* By what is known of a message that came before: for one account. */
void arrival_signature_mark(uint8_t out[SEEN_MARK_BYTES], int64_t account_id,
                            const uint8_t sighash[SIGHASH_BYTES]);
/* Alike for all sendings of one message: same sender, recipient, ackdata and content. */
void arrival_resend_mark(uint8_t out[SEEN_MARK_BYTES], int64_t account_id,
                         const struct address *from, const struct address *to, struct bytes ackdata,
                         struct bytes message);
/* Of a mail that is to be taken once only, under this name. */
void arrival_name_mark(uint8_t out[SEEN_MARK_BYTES], const char *name);
/* Write a mark; *out_is_new tells whether it was not there. */
bool arrival_remember(struct mail_txn *txn, bool *out_is_new, const uint8_t mark[SEEN_MARK_BYTES],
                      enum seen_kind kind, struct fault *fault) MUST_USE;
/* Is the mark there? */
bool arrival_was_seen(struct db *db, const uint8_t mark[SEEN_MARK_BYTES]) MUST_USE;

/* What is written at the end, by value to the writer. */
struct arrival_commit {
    struct arrival *arrival;
    const struct mail_settings *settings; /* whether mail is handed out */
    bool has_mark;
    struct walk_mark mark; /* how far its walk is with this one */
    int64_t ack_due_sec;
    size_t n_stored; /* out: how many mails are new */
};
bool arrival_write(struct mail_txn *txn, struct arrival_commit *commit,
                   struct fault *fault) MUST_USE;

/* How often this object was begun, this time included. */
bool arrival_count_try(struct db *db, uint32_t *out_tries, const uint8_t hash[OBJECT_HASH_BYTES],
                       struct fault *fault) MUST_USE;

#endif
