// SPDX-License-Identifier: MIT
/* An operation about people: on an account, an identity, a chan, a contact, a subscription, a rule.
 *
 *     begin: read and judge what was asked -> (keys are searched for in the pool)
 *     -> one transaction writes what there is to write -> the keyring is loaded anew -> answered
 *
 * Each kind of operation is a function `write` for the transaction, and where it takes more a
 * function `after` for the loop; the rest of the road is the same for all and stands here. For
 * gateway/agent alone. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_PERSON_OP_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_PERSON_OP_H

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "mailproto/sasl/credential.h"

enum { PERSON_LABEL_MAX_BYTES = 200, PERSON_FOLDER_BYTES = PERSON_LABEL_MAX_BYTES + 128 };

struct key_search;
struct person_op;

/* Keys to be found before the transaction. Wiped with the operation. */
struct person_keys {
    struct key_search *search;
    size_t n_workers;      /* that are at it */
    bool cancelled;        /* one of them was */
    struct buf passphrase; /* empty: random keys */
    unsigned n_zero_bytes;
    size_t n_wanted;
    struct identity_keys *items;
    size_t n_items;
    uint64_t next_nonce;
    /* In the loop, when all are there; goes on with person_op_write or person_op_finish. */
    void (*found)(struct person_op *op);
};

struct person_op {
    struct agent *agent;
    /* On the writer thread, inside the transaction: touches the operation alone. */
    bool (*write)(struct mail_txn *txn, struct person_op *op, struct fault *fault);
    /* In the loop, after the commit, when the keyring is the new one; ends in person_op_finish.
     * NULL: nothing more to do. */
    void (*after)(struct person_op *op);
    struct agent_done done;
    struct deferred answer;
    struct fault fault;
    struct arena arena; /* holds the texts below */

    int64_t account_id;
    const char *account;
    const char *label;
    const char *old_label;

    int64_t own_id; /* the identity or chan that it is about */
    struct address address;
    enum agent_entry_kind entry;
    int64_t number;              /* one value, as `write` understands it */
    void *details;               /* in the arena: what only one kind of operation knows */
    size_t details_secret_bytes; /* so much of it is wiped at the end */

    struct person_keys *keys; /* searched for; NULL: none */

    /* What is given back. */
    struct buf text;
    int64_t id;
};

struct person_op *person_op_new(struct agent *agent,
                                bool (*write)(struct mail_txn *txn, struct person_op *op,
                                              struct fault *fault),
                                struct agent_done done) MUST_USE;
/* Not to be done: answered later, as every call is. */
void person_op_refuse(struct person_op *op, const struct fault *fault);
/* Search for `n_wanted` keys in the pool: of the passphrase, or random ones where it is NULL; then
 * `found`. */
void person_op_search(struct person_op *op, const char *passphrase, unsigned n_zero_bytes,
                      size_t n_wanted, void (*found)(struct person_op *op));
/* Go on with the transaction, then `after`. */
void person_op_write(struct person_op *op);
/* Answer and free; `fault` NULL: done. */
void person_op_finish(struct person_op *op, const struct fault *fault);

/* ---- reading what was asked; false and a fault when it can't be ---- */

/* The account that was named; NULL: the only one. */
bool person_op_take_account(struct person_op *op, const char *name, struct fault *fault) MUST_USE;
/* A label on one line, without what would break a folder's or a header's form. NULL: "". */
bool person_op_take_label(struct person_op *op, const char *label, struct fault *fault) MUST_USE;
/* That may also be a folder's name. */
bool person_op_take_folder_label(struct person_op *op, const char *label,
                                 struct fault *fault) MUST_USE;
/* An address in any form that can be sent to, or a bitmessage: link; not a label. A link's label is
 * given back where `out_label` is not NULL ("": none). */
bool person_op_take_address(struct person_op *op, const char *text, const char **out_label,
                            struct fault *fault) MUST_USE;
/* Somebody whom the account knows, by address or label, or any address. */
bool person_op_take_known(struct person_op *op, const char *who, struct fault *fault) MUST_USE;
/* An identity or chan that is here: fills own_id, account_id, address, label, old_label, text. */
bool person_op_take_own(struct person_op *op, const char *who, struct fault *fault) MUST_USE;

/* Set the answer to the operation's address. */
void person_op_answer_address(struct person_op *op);

/* ---- in the transaction ---- */

/* Run one statement whose parameters are two numbers and, where it is not NULL, a text. */
bool person_run_sql(struct db *db, const char *sql, int64_t a, int64_t b, const char *text,
                    struct fault *fault) MUST_USE;
/* An identity's address logs in, bare and as a mail address; or does so no more. */
bool person_add_aliases(struct db *db, int64_t account_id, const struct address *address,
                        struct fault *fault) MUST_USE;
bool person_remove_aliases(struct db *db, const struct address *address,
                           struct fault *fault) MUST_USE;
/* Make the folder ROOT/LABEL the identity's or the subscription's own: a folder that it had under
 * its old label is renamed, else it is made. FAULT_EXISTS when another's is called so. */
bool person_move_folder(struct mail_txn *txn, int64_t *out_mailbox, int64_t account_id,
                        const char *root, const char *old_label, const char *label,
                        struct fault *fault) MUST_USE;

#endif
