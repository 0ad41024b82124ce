// SPDX-License-Identifier: MIT
/* The keywords of a mailbox, inside a transaction: names to bits and back. For gateway/store alone.
 *
 * A bit, once given, means its name as long as the mailbox lives. KEYWORDS_FOR_SERVER of the bits
 * are kept for the server's own names, so that a client that uses up the others can't hide how far
 * a mail has come. */
#ifndef BITTERN_GATEWAY_STORE_KEYWORDS_H
#define BITTERN_GATEWAY_STORE_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mailproto/imap/mailbox_view.h"

struct db;
struct fault;
struct mail_txn;
struct touched_mailbox;

enum {
    KEYWORDS_FOR_SERVER = 10,
    KEYWORDS_FOR_CLIENTS = MAILBOX_MAX_KEYWORDS - KEYWORDS_FOR_SERVER
};

/* Begins with "$bm-", in any case. */
bool keyword_is_servers(const char *name) MUST_USE;
/* The names of a mailbox by bit: at most MAILBOX_MAX_KEYWORDS, each to be freed. */
bool keywords_read(struct db *db, int64_t mailbox_id, char *out_names[MAILBOX_MAX_KEYWORDS],
                   size_t *out_n, struct fault *fault) MUST_USE;
/* The set of the server's names among the mailbox's bits. */
bool keywords_servers_mask(struct mail_txn *txn, struct touched_mailbox *mailbox, uint64_t *out,
                           struct fault *fault) MUST_USE;
/* The bit of a name; a new one when it has none. FAULT_LIMIT when none is left. */
bool keywords_bit(struct mail_txn *txn, struct touched_mailbox *mailbox, unsigned *out_bit,
                  const char *name, struct fault *fault) MUST_USE;
/* Which names count, and whether a mailbox learns those that it does not know. */
enum keywords_mode {
    KEYWORDS_OF_CLIENT,       /* the server's are passed over */
    KEYWORDS_OF_CLIENT_KNOWN, /* likewise, and so are unknown ones */
    KEYWORDS_OF_SERVER        /* all count */
};

/* The set for names. */
bool keywords_set(struct mail_txn *txn, struct touched_mailbox *mailbox, uint64_t *out,
                  const char *const *names, size_t n_names, enum keywords_mode mode,
                  struct fault *fault) MUST_USE;
/* What a set of `from`'s keywords is in `to`. */
bool keywords_map(struct mail_txn *txn, struct touched_mailbox *from, struct touched_mailbox *to,
                  uint64_t set, uint64_t *out, struct fault *fault) MUST_USE;

#endif
