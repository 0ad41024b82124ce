// SPDX-License-Identifier: MIT
/* msg: a message to one address, encrypted to its key. The plaintext:
 *
 *     sender's version | stream | keys | demand | destination ripe 20 | encoding | message | ack |
 * signature
 *
 * Receiving goes in steps, so that each can be done where it belongs: decrypt with all keys at hand
 * (crypto/ecies.h, in the worker pool), parse the plaintext, verify. Verified means: signed by the
 * keys it names over this object's expiry time, and meant for the key that decrypted it. */
#ifndef BITTERN_NODE_OBJECTS_MSG_H
#define BITTERN_NODE_OBJECTS_MSG_H

#include "crypto/sign.h"
#include "node/objects/object.h"
#include "node/objects/sender.h"

enum { MSG_VERSION = 1, MSG_MIN_PLAINTEXT_BYTES = 170 };

/* Borrows from the plaintext it was parsed from. */
struct msg {
    struct sender sender;
    uint8_t destination_ripe[RIPE_BYTES];
    uint64_t encoding;
    struct bytes message;
    struct bytes ack;         /* empty, or a packet: see ack.h */
    struct bytes signature;   /* DER */
    struct bytes signed_part; /* of the plaintext */
};

/* The encrypted part of a msg object that may be ours: to be tried with ecies_try_keys. False for
 * other types and versions, and what no key can decrypt. Such an object may still be an ack
 * (ack.h). */
bool msg_encrypted_part(struct bytes *out, const struct object *object,
                        struct fault *fault) MUST_USE;

/* Take the plaintext apart. Bytes after the signature are ignored. Judges the sender's version (2
 * to 4) and stream (not 0) and that both keys are on the curve. */
bool msg_parse(struct msg *out, struct bytes plaintext, struct fault *fault) MUST_USE;
/* Validate: the destination is the ripe whose key decrypted it (else FAULT_DENIED: forwarded to us
 * by the true recipient), the signature is the sender's over this object (else FAULT_INVALID). */
bool msg_verify(const struct msg *msg, const struct object *object,
                const uint8_t own_ripe[RIPE_BYTES], struct fault *fault) MUST_USE;

/* What is to be sent. */
struct msg_draft {
    uint64_t expires_sec;
    struct sender sender;
    struct address to;
    struct public_key to_key; /* the recipient's encryption key */
    uint64_t encoding;
    struct bytes message;
    struct bytes ack; /* a whole packet with its work done, or empty */
};

/* Append the signed and encrypted object. False (FAULT_LIMIT) when the whole object would be above
 * OBJECT_SEND_MAX_BYTES; `out` is then as it was. */
bool msg_write(struct buf *out, const struct msg_draft *draft, const struct identity_keys *keys,
               struct fault *fault) MUST_USE;
/* An upper bound of the whole object's length for a message and an ack of that many bytes. */
size_t msg_len_estimate(size_t message_len, size_t ack_len) MUST_USE;

#endif
