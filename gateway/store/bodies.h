// SPDX-License-Identifier: MIT
/* What messages say: content, form and text, shared by all copies of a message. For gateway/store
 * alone. */
#ifndef BITTERN_GATEWAY_STORE_BODIES_H
#define BITTERN_GATEWAY_STORE_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;
struct db;
struct fault;
struct mail_analysis;

/* Never changed: the rows of body_piece are numbered by them. 1024 pieces of 64 KiB are
 * MESSAGE_MAX_BYTES. */
enum { BODY_PIECE_BYTES = 65536, BODY_MAX_PIECES = 1024 };

bool bodies_add(struct db *db, uint64_t *out_id, int64_t account_id, struct bytes content,
                const struct mail_analysis *analysis, struct fault *fault) MUST_USE;
/* Clear away a body and all that belongs to it. */
bool bodies_remove(struct db *db, uint64_t id, struct fault *fault) MUST_USE;
/* Append piece `number` (from 0) to `out`; FAULT_NOT_FOUND when there is none. */
bool bodies_read_piece(struct db *db, struct buf *out, uint64_t id, uint64_t number,
                       struct fault *fault) MUST_USE;
/* Append the whole content. FAULT_NOT_FOUND. */
bool bodies_read(struct db *db, struct buf *out, uint64_t id, struct fault *fault) MUST_USE;
/* "<id>" or "id" without angle brackets and white space; empty when there is nothing of use. */
struct bytes message_id_trim(struct bytes text) MUST_USE;

#endif
