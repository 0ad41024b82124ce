// SPDX-License-Identifier: MIT
/* pubkey: an address's public keys.
 *
 *     version 2: keys alone: nobody signs it, the ripe binds the keys but not the behaviour bits
 *     version 3: keys | demand | signature
 *     version 4: tag | ECIES(keys | demand | signature), to the key that follows from the address
 *
 * A pubkey of version 4 can only be read by who knows the address; those of 2 and 3 by anybody. */
#ifndef BITTERN_NODE_OBJECTS_PUBKEY_H
#define BITTERN_NODE_OBJECTS_PUBKEY_H

#include "crypto/sign.h"
#include "node/objects/object.h"
#include "node/objects/sender.h"

/* Read and verify a pubkey of version 2 or 3: form, both keys on the curve, signature (3).
 * The address is the one that the keys make. */
bool pubkey_open_plain(struct sender *out, const struct object *object,
                       struct fault *fault) MUST_USE;
/* Read and verify the pubkey that was asked for, of any version: version and stream must be the
 * address's, the tag must fit (4), it must decrypt, the signature must be good, and the keys must
 * make the address's ripe. FAULT_NOT_FOUND: it is another address's. */
bool pubkey_open_for(struct sender *out, const struct object *object, const struct address *address,
                     struct fault *fault) MUST_USE;

/* Append the signed object of an identity's address (version 3 or 4; 2 is unsigned), with behaviour
 * and demand as `sender` says; `keys` are the private ones that belong to it. False (FAULT_LIMIT)
 * when `out` is too small. */
bool pubkey_write(struct buf *out, uint64_t expires_sec, const struct sender *sender,
                  const struct identity_keys *keys, struct fault *fault) MUST_USE;

#endif
