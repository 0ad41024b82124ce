// SPDX-License-Identifier: MIT
/* Objects: what the network stores and hands on (Bitmessage protocol, "object").
 *
 *     nonce 8 | expires 8 | type 4 | version var_int | stream var_int | payload
 *
 * This module knows the header and the rules that every object must keep; the modules beside it
 * know a type each. The steps are apart: object_parse says what the bytes are, object_check says
 * whether a node may keep and hand them on, and the types' own functions take the payload apart.
 * None reads a clock: `now_sec` comes from the caller.
 *
 * Making an object goes the other way: an encoder appends it with nonce 0, then the proof of work
 * is searched for and object_set_nonce puts it in. */
#ifndef BITTERN_NODE_OBJECTS_OBJECT_H
#define BITTERN_NODE_OBJECTS_OBJECT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "crypto/hash.h"
#include "crypto/pow.h"

enum object_type {
    OBJECT_GETPUBKEY = 0,
    OBJECT_PUBKEY = 1,
    OBJECT_MSG = 2,
    OBJECT_BROADCAST = 3,
    OBJECT_I2P = 0x493250,
    OBJECT_ONIONPEER = 0x746f72,
    OBJECT_ADDR = 0x61646472
};

enum {
    OBJECT_NONCE_BYTES = 8,
    OBJECT_EXPIRES_OFFSET = 8,
    OBJECT_TYPE_OFFSET = 16,
    OBJECT_MIN_HEADER_BYTES = 22,
    OBJECT_MAX_HEADER_BYTES = 8 + 8 + 4 + 9 + 9,
    OBJECT_HASH_BYTES = INVENTORY_HASH_BYTES,
    OBJECT_TAG_BYTES = 32,

    /* What we take, and what we make: others refuse more than the first after the header, some more
     * than the second altogether. */
    OBJECT_MAX_PAYLOAD_BYTES = 1 << 18,
    OBJECT_SEND_MAX_BYTES = 1 << 18,
    OBJECT_MAX_BYTES = OBJECT_MAX_HEADER_BYTES + OBJECT_MAX_PAYLOAD_BYTES,

    OBJECT_MAX_PAST_SEC = 3600,      /* expired for as long is still taken */
    OBJECT_MAX_FUTURE_SEC = 2430000, /* 28 days and 3 hours */
    OBJECT_KEEP_EXPIRED_SEC = 10800, /* kept after its end, so as not to fetch it again */
    OBJECT_MIN_TTL_SEC = 3600,
    OBJECT_MAX_TTL_SEC = 2419200, /* 28 days */

    /* Whole objects; what breaks these is handed on and not looked into. */
    GETPUBKEY_MIN_BYTES = 42,
    GETPUBKEY_MAX_BYTES = 200,
    PUBKEY_MIN_BYTES = 146,
    PUBKEY_MAX_BYTES = 440,
    PUBKEY_V3_MIN_BYTES = 170,
    PUBKEY_V4_MIN_BYTES = 350,
    BROADCAST_MIN_BYTES = 180
};

/* Streams above are not in the protocol. */
#define OBJECT_MAX_STREAM ((UINT64_C(1) << 63) - 1)

struct object {
    uint64_t nonce;
    uint64_t expires_sec;
    uint32_t type; /* enum object_type, or one that we don't know */
    uint64_t version;
    uint64_t stream;
    struct bytes payload; /* after the stream */
    struct bytes whole;   /* nonce included */
};

/* Take the header apart. Borrows from `whole`. False when it is cut or a var_int is not in its
 * shortest form; nothing is said of its values. */
bool object_parse(struct object *out, struct bytes whole, struct fault *fault) MUST_USE;

/* What a node asks of an object before it keeps it. */
struct object_rules {
    const uint64_t *streams; /* ours */
    size_t n_streams;
    struct pow_demand least; /* the network's least proof of work */
    bool any_stream;         /* objects of streams that are not ours are taken, too */
};

enum object_verdict {
    OBJECT_OK,
    OBJECT_TOO_LONG,
    OBJECT_EXPIRED,      /* ended more than OBJECT_MAX_PAST_SEC ago */
    OBJECT_TOO_FAR,      /* ends more than OBJECT_MAX_FUTURE_SEC from now */
    OBJECT_BAD_STREAM,   /* 0 or above OBJECT_MAX_STREAM */
    OBJECT_OTHER_STREAM, /* one that is not ours */
    OBJECT_NO_WORK       /* proof of work below the network's least */
};

/* The rules in the order of their cost, without the last. */
enum object_verdict object_check_form(const struct object *object, const struct object_rules *rules,
                                      int64_t now_sec) MUST_USE;
/* All rules. Whether the object is known already is to be asked between the two. */
enum object_verdict object_check(const struct object *object, const struct object_rules *rules,
                                 int64_t now_sec) MUST_USE;
/* A few words for the log. Static storage. */
const char *object_verdict_text(enum object_verdict verdict) MUST_USE;

/* Whether its type's bounds on size and version are kept: if not it is handed on all the same, but
 * nobody looks into it. True for types without such bounds. */
bool object_is_processable(const struct object *object) MUST_USE;

/* It has ended: no longer announced or served. */
bool object_is_expired(const struct object *object, int64_t now_sec) MUST_USE;

void object_hash(uint8_t out[OBJECT_HASH_BYTES], struct bytes whole);
/* The first 32 bytes after the header, of whatever type: what pubkeys (version 4) and broadcasts
 * (version 5) are found by. False when there are fewer. */
bool object_tag(uint8_t out[OBJECT_TAG_BYTES], const struct object *object) MUST_USE;

/* ---- making one */

/* What the maker of an object chooses beside its content. */
struct object_head {
    uint64_t expires_sec;
    uint32_t type;
    uint64_t version;
    uint64_t stream;
};

/* Append the header with nonce 0; the payload follows. */
void object_write_header(struct buf *out, const struct object_head *head);
/* Put the proof of work into a whole object. */
void object_set_nonce(struct buf *whole, uint64_t nonce);
/* The time to live for which work must be done: at least 300 s and what is left until it expires.
 */
int64_t object_ttl_sec(uint64_t expires_sec, int64_t now_sec) MUST_USE;

#endif
