// SPDX-License-Identifier: MIT
/* Sequence sets (RFC 9051 section 9: sequence-set), of message numbers or of UIDs.
 *
 * "*" is the highest number in use, so a set means something only together with a view; both orders
 * of a range mean the same. */
#ifndef BITTERN_MAILPROTO_IMAP_SEQSET_H
#define BITTERN_MAILPROTO_IMAP_SEQSET_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct mailbox_view;
struct uid_set;

enum seqset_result {
    SEQSET_OK,
    SEQSET_BAD_SYNTAX,
    SEQSET_OUT_OF_RANGE /* a message number that is not there */
};

/* The UIDs, of those in `view`, that the set of message numbers means. */
enum seqset_result seqset_of_numbers(struct uid_set *out, struct bytes text,
                                     const struct mailbox_view *view) MUST_USE;
/* The UIDs, of those in `view`, that the set of UIDs means; numbers that are not there are passed
 * over. */
enum seqset_result seqset_of_uids(struct uid_set *out, struct bytes text,
                                  const struct mailbox_view *view) MUST_USE;
/* A set as it stands; "*" is `star`, or wrong where that is 0. */
enum seqset_result seqset_plain(struct uid_set *out, struct bytes text, uint32_t star) MUST_USE;

/* Put the UIDs of the messages first to last (message numbers) into `out`. */
void seqset_add_numbers(struct uid_set *out, const struct mailbox_view *view, unsigned first,
                        unsigned last);

#endif
