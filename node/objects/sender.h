// SPDX-License-Identifier: MIT
/* The keys and demands that pubkeys, msgs and broadcasts all carry:
 *
 *     behaviour u32 | signing key 64 | encryption key 64 | [trials per byte | extra bytes] from
 * version 3 on
 */
#ifndef BITTERN_NODE_OBJECTS_SENDER_H
#define BITTERN_NODE_OBJECTS_SENDER_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "crypto/address.h"
#include "crypto/key.h"
#include "crypto/pow.h"

enum {
    SENDER_MIN_VERSION = 2,
    SENDER_MAX_VERSION = 4,
    SENDER_FIRST_WITH_DEMAND = 3,

    BEHAVIOUR_DOES_ACK = 1,            /* sends acknowledgements */
    BEHAVIOUR_INCLUDE_DESTINATION = 2, /* a proposal that nobody carries out */
    BEHAVIOUR_EXTENDED_ENCODING = 4    /* reads encoding 3 with files */
};

/* What one learns of somebody from what he sent. A sender_parse that succeeded has checked that
 * both keys are points on the curve. */
struct sender {
    struct address address; /* version, stream, and the ripe of both keys */
    uint32_t behaviour;     /* unknown bits are kept */
    struct public_key signing;
    struct public_key encryption;
    struct pow_demand demand; /* of version 2: the network's default */
};

/* Read version and stream (as in msgs and broadcasts) and what sender_read reads. */
bool sender_read_with_address(struct sender *out, struct reader *reader,
                              struct fault *fault) MUST_USE;
/* Read keys and demand of an address of that version (2 to 4) and stream. */
bool sender_read(struct sender *out, struct reader *reader, uint64_t version, uint64_t stream,
                 struct fault *fault) MUST_USE;

void sender_write_with_address(struct buf *out, const struct sender *sender);
void sender_write(struct buf *out, const struct sender *sender);

/* Of own keys: what others shall learn. */
struct sender sender_of_keys(const struct identity_keys *keys, uint64_t version, uint64_t stream,
                             uint32_t behaviour, struct pow_demand demand) MUST_USE;

#endif
