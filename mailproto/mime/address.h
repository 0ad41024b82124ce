// SPDX-License-Identifier: MIT
/* Address lists (RFC 5322 section 3.4), as IMAP's ENVELOPE has them: groups with begin and end.
 *
 * Written by hand: the parser at hand drops the space in "a b"@example.org and joins words that
 * were apart, and an address that is not quite the one written must never come out. What is broken
 * is kept as a mailbox without a host. */
#ifndef BITTERN_MAILPROTO_MIME_ADDRESS_H
#define BITTERN_MAILPROTO_MIME_ADDRESS_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/imap/message_info.h"

struct arena;

/* Of an unfolded value. At most `max` entries, the rest is left out; all in `arena` or borrowed. */
struct mail_addresses address_parse_list(struct bytes value, size_t max,
                                         struct arena *arena) MUST_USE;

/* Ids in angle brackets, such as References has them; at most `max`, the last ones. With their
 * brackets, borrowed. */
size_t address_parse_ids(struct bytes *out, size_t max, struct bytes value) MUST_USE;

#endif
