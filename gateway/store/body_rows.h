// SPDX-License-Identifier: MIT
/* The rows of several bodies, read by one statement: walking on costs a fraction of asking anew.
 * For gateway/store alone. */
#ifndef BITTERN_GATEWAY_STORE_BODY_ROWS_H
#define BITTERN_GATEWAY_STORE_BODY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"

struct db;
struct fault;

enum {
    BODY_ROWS_MAX = 32,         /* at once */
    BODY_ROWS_MAX_BYTES = 65536 /* after the row that reaches it no other is taken in */
};

struct body_span {
    size_t offset; /* in body_rows.bytes */
    size_t len;
};

struct body_row {
    uint64_t id;
    uint64_t size;
    uint64_t header_len;
    uint64_t thread_id;
    struct body_span info; /* of these, those that were asked for */
    struct body_span preview;
    struct body_span text;  /* the folded fields of the header */
    struct body_span piece; /* the first one; of HEADER alone, cut behind the header */
};

/* {0} is empty. */
struct body_rows {
    struct body_row rows[BODY_ROWS_MAX]; /* by id, ascending */
    size_t n;
    size_t next; /* body_rows_find goes on from here */
    struct buf bytes;
};

void body_rows_clear(struct body_rows *rows);
/* Read bodies from `first` to `last`, as many as the bounds allow, but the first that is there.
 * `items`: of enum mailbox_item. */
bool body_rows_read(struct db *db, struct body_rows *out, uint64_t first, uint64_t last,
                    unsigned items, struct fault *fault) MUST_USE;
/* The row of that body, or NULL. Ids are asked for in ascending order. */
const struct body_row *body_rows_find(struct body_rows *rows, uint64_t id) MUST_USE;
struct bytes body_rows_bytes(const struct body_rows *rows, struct body_span span) MUST_USE;

#endif
