// SPDX-License-Identifier: MIT
/* A message that arrived becomes a mail (RFC 5322, 2045).
 *
 * All that the sender chose (subject, body, files and their names) goes through mail_write.h, so it
 * can neither break a header nor a boundary: boundaries begin with "=_", which neither base64 nor
 * quoted-printable can produce at a line's start behind "--" (RFC 2045 section 6.7). The body is
 * delivered as text, whatever it looks like. */
#ifndef BITTERN_GATEWAY_TRANSLATE_TO_MAIL_H
#define BITTERN_GATEWAY_TRANSLATE_TO_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/address.h"
#include "crypto/hash.h"

struct buf;
struct content;

enum arrived_kind { ARRIVED_MESSAGE, ARRIVED_CHAN, ARRIVED_BROADCAST };

/* All borrowed. Labels may be "". */
struct arrived_message {
    enum arrived_kind kind;
    struct address from;
    const char *from_label;
    struct address to; /* the identity or chan; of a broadcast: the sender */
    const char *to_label;
    int64_t arrived_sec;
    int64_t expires_sec;
    const uint8_t *hash; /* the object's: INVENTORY_HASH_BYTES */
    uint64_t encoding;

    const struct content *content; /* NULL: could not be taken apart */
    const char *notice;            /* then: why, a sentence */
    struct bytes raw;              /* then: its bytes, which go along as a file */

    const char *const *parents; /* Message-IDs without brackets, the farthest first */
    size_t n_parents;
};

enum { MESSAGE_ID_BYTES = 2 * INVENTORY_HASH_BYTES + 8, TO_MAIL_MAX_PARENTS = 64 };
/* "<hash>@bm.alt" without brackets. */
void to_mail_message_id(char out[MESSAGE_ID_BYTES], const uint8_t hash[INVENTORY_HASH_BYTES]);
/* The hash in such a Message-ID, with or without brackets. False for any other. */
bool to_mail_hash_of_message_id(uint8_t out[INVENTORY_HASH_BYTES], struct bytes id) MUST_USE;

/* Append the mail. */
void to_mail_write(struct buf *out, const struct arrived_message *message);

#endif
