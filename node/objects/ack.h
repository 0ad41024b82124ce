// SPDX-License-Identifier: MIT
/* Acknowledgements. A message carries a packet whose object, nonce and all, the recipient puts into
 * the network when he has it; the sender knows it by its ackdata, which is the object without nonce
 * and expiry time. The sender does its work, so that recipients have none.
 *
 * Three forms of ackdata, by what they look like to everybody else:
 *
 *     plain      a msg of 32 random bytes (default)
 *     getpubkey  a request for a version 4 pubkey
 *     message    a msg that is encrypted to a key nobody has */
#ifndef BITTERN_NODE_OBJECTS_ACK_H
#define BITTERN_NODE_OBJECTS_ACK_H

#include "node/objects/object.h"

enum ack_level { ACK_PLAIN = 0, ACK_AS_GETPUBKEY = 1, ACK_AS_MESSAGE = 2 };

enum {
    ACK_RANDOM_BYTES = 32,
    ACK_MESSAGE_MIN_BYTES = 234, /* of the random text in ACK_AS_MESSAGE */
    ACK_MESSAGE_MAX_BYTES = 800,
    ACK_MIN_DATA_BYTES = 38, /* of ackdata: type, version, stream and 32 bytes */
    ACK_TTL_JITTER_SEC = 300 /* what senders add to or take from its life, at most */
};

/* Append fresh ackdata for a recipient in that stream. */
void ack_make_data(struct buf *out, enum ack_level level, uint64_t stream);
/* How long the ack of a message with that time to live shall live: 1, 7 or 28 days, so that the two
 * can't be told to belong together by their ends. Without jitter. */
int64_t ack_ttl_sec(int64_t message_ttl_sec) MUST_USE;

/* Append the ack object (nonce 0) of ackdata: its work is done as for any object. */
void ack_write_object(struct buf *out, uint64_t expires_sec, struct bytes ackdata);
/* Append the packet for a msg's ack field from the finished object, on a network with that magic.
 */
void ack_write_packet(struct buf *out, uint32_t magic, struct bytes object);

/* The ackdata that an object would answer to: everything from its type on. False for objects
 * without one (fewer bytes than the shortest ackdata). To be looked up for each object received, of
 * any type. */
bool ack_data_of(struct bytes *out, const struct object *object) MUST_USE;

/* What the recipient does with a msg's ack field: a whole packet with the right magic and checksum,
 * nothing behind it, of command `object`, holding an object that passes all of object_check (the
 * sender may have put anything there). Then *out is the object to publish. */
bool ack_open_packet(struct object *out, struct bytes packet, uint32_t magic,
                     const struct object_rules *rules, int64_t now_sec,
                     struct fault *fault) MUST_USE;

#endif
