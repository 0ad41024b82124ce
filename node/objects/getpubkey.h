// SPDX-License-Identifier: MIT
/* getpubkey: somebody asks for the keys of an address. Payload: the ripe (address version 2, 3) or
 * the tag (4). Nobody signs it. */
#ifndef BITTERN_NODE_OBJECTS_GETPUBKEY_H
#define BITTERN_NODE_OBJECTS_GETPUBKEY_H

#include "crypto/address.h"
#include "node/objects/object.h"

struct getpubkey {
    uint64_t version; /* of the address: 2 to 4 */
    uint64_t stream;
    /* By version: the first RIPE_BYTES, or all of it. */
    struct bytes wanted;
};

/* False for other types and versions, and sizes out of bounds. Bytes after the ripe or tag are
 * ignored. */
bool getpubkey_parse(struct getpubkey *out, const struct object *object,
                     struct fault *fault) MUST_USE;
/* Whether `address` (of version 2 to 4) is the one that is asked for. */
bool getpubkey_asks_for(const struct getpubkey *request, const struct address *address) MUST_USE;
/* Append the object that asks for an address of version 2 to 4. */
void getpubkey_write(struct buf *out, uint64_t expires_sec, const struct address *address);

#endif
