// SPDX-License-Identifier: MIT
/* Where letters stand in mail.db: for letters.c and letter_writes.c. */
#ifndef BITTERN_GATEWAY_AGENT_LETTERS_LETTER_ROWS_H
#define BITTERN_GATEWAY_AGENT_LETTERS_LETTER_ROWS_H

#include "crypto/hash.h"
#include "gateway/agent/letters/letters.h"

struct arena;
struct db;

enum {
    LETTER_IDS_A_STEP = 1000, /* of the table that is walked */
    LETTER_MAX_ID_BYTES = INVENTORY_HASH_BYTES
};

/* What is collected first. */
struct letter_row {
    int64_t row; /* arrived: the body's; sent: the queue's */
    int64_t sec;
    bool is_seen;
    uint8_t id_len;
    uint8_t id[LETTER_MAX_ID_BYTES];
};
struct letter_rows {
    struct letter_row *items;
    size_t n_items;
    size_t capacity;
};

/* Append those of the table's rows behind *after, LETTER_IDS_A_STEP of them at most; *after moves
 * on. *out_done: there are no more. With an id or a ticket in the query all is found at once. */
bool letter_rows_collect(struct db *db, struct letter_rows *out, bool *out_done, int64_t *after,
                         const struct letter_query *query, struct fault *fault) MUST_USE;
/* In order of time, then of rows. */
void letter_rows_sort(struct letter_rows *rows);

/* The bodies that a letter's mail has: at most one of each list. 0: none. In a transaction or on a
 * reader. */
bool letter_find_bodies(struct db *db, uint64_t *out_arrived, uint64_t *out_sent,
                        const struct letter_choice *choice, struct fault *fault) MUST_USE;
/* Is the key of that address being asked for, and the question's work not done? */
bool letter_is_asking(struct db *db, const char *address) MUST_USE;

#endif
