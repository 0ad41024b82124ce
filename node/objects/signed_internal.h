// SPDX-License-Identifier: MIT
/* Signatures of objects. What is signed is the object as it goes out, from its expiry time on, with
 * the plaintext in the place of what is encrypted: the header (and the tag, where there is one),
 * then the content up to the signature. */
#ifndef BITTERN_NODE_OBJECTS_SIGNED_INTERNAL_H
#define BITTERN_NODE_OBJECTS_SIGNED_INTERNAL_H

#include "base/bytes.h"
#include "crypto/key.h"
#include "node/objects/object.h"

/* The signed bytes of an object from its expiry time to `payload_len` bytes into its payload.
 * var_ints are in their shortest form, so these are the bytes that any signer saw. */
struct bytes signed_header(const struct object *object, size_t payload_len) MUST_USE;
bool signed_verify(const struct public_key *key, struct bytes header, struct bytes content,
                   struct bytes signature) MUST_USE;
/* Sign header and content, and append the signature to the content. `unfinished` is the object so
 * far, from its nonce on. */
void signed_finish(struct buf *content, const struct buf *unfinished,
                   const struct private_key *key);

#endif
