// SPDX-License-Identifier: MIT
/* broadcast: a message to all who know the sender's address.
 *
 *     version 4 (sender's address 2, 3): ECIES(plaintext), no tag: every subscription is tried
 *     version 5 (sender's address 4):    tag | ECIES(plaintext)
 *     plaintext: sender's version | stream | keys | demand | encoding | message | signature */
#ifndef BITTERN_NODE_OBJECTS_BROADCAST_H
#define BITTERN_NODE_OBJECTS_BROADCAST_H

#include "crypto/sign.h"
#include "node/objects/object.h"
#include "node/objects/sender.h"

enum { BROADCAST_V4 = 4, BROADCAST_V5 = 5 };

/* Borrows from the plaintext. */
struct broadcast {
    struct sender sender;
    uint64_t encoding;
    struct bytes message;
    struct bytes signature;
    struct bytes signed_part;
};

/* The encrypted part; for version 5 also the tag (32 bytes, else empty). False for other types and
 * versions. */
bool broadcast_encrypted_part(struct bytes *out, struct bytes *out_tag, const struct object *object,
                              struct fault *fault) MUST_USE;
bool broadcast_parse(struct broadcast *out, struct bytes plaintext, struct fault *fault) MUST_USE;
/* Validate what the key of the subscription `from` decrypted: its keys make that address, the
 * address's version goes with the object's, streams agree, and the signature is good. */
bool broadcast_verify(const struct broadcast *broadcast, const struct object *object,
                      const struct address *from, struct fault *fault) MUST_USE;

struct broadcast_draft {
    uint64_t expires_sec;
    struct sender sender;
    uint64_t encoding;
    struct bytes message;
};

/* Append the signed and encrypted object, of the version that goes with the sender's address. False
 * (FAULT_LIMIT) when it would be above OBJECT_SEND_MAX_BYTES; `out` is then as it was. */
bool broadcast_write(struct buf *out, const struct broadcast_draft *draft,
                     const struct identity_keys *keys, struct fault *fault) MUST_USE;

#endif
