// SPDX-License-Identifier: MIT
/* The payloads of network messages: one struct, one decoder and one writer each (Bitmessage
 * protocol, "Message types").
 *
 * Decoders are strict: every var_int in its shortest form, every count within its bound and equal
 * to what is left of the payload before an item is touched, and no byte after the end. They copy
 * nothing: what a struct points to borrows from the payload. They judge form alone; whether a value
 * is welcome (a clock that is off, a foreign stream) is for the session to say.
 *
 * verack, ping, pong and portcheck have no payload, and bytes in it are to be ignored: they have
 * nothing to decode here. An object's payload is the object itself (node/objects). */
#ifndef BITTERN_NODE_WIRE_MESSAGES_H
#define BITTERN_NODE_WIRE_MESSAGES_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

enum {
    WIRE_PROTOCOL_VERSION = 3,
    WIRE_HASH_BYTES = 32, /* an inventory vector */
    WIRE_IP_BYTES = 16,   /* see peer_addr.h */

    VERSION_MAX_USER_AGENT_BYTES = 5000,
    VERSION_MAX_STREAMS = 160000,
    ADDR_MAX_ENTRIES = 1000,
    ADDR_ENTRY_BYTES = 38,
    INV_MAX_HASHES = 50000,
    /* What we put into one packet: some peers refuse a full one. */
    INV_SEND_MAX_HASHES = 49999,
    ERROR_MAX_TEXT_BYTES = 5000
};

/* Bits of `services`. */
enum {
    SERVICE_NODE_NETWORK = 1,  /* a normal node; always set */
    SERVICE_NODE_SSL = 2,      /* can do TLS in this role on this connection */
    SERVICE_NODE_DANDELION = 8 /* understands dinv */
};

/* ---- version */

/* var_ints one after the other, in encoded form: a peer may name 160,000 streams, and nobody asks
 * for more than one of them. */
struct stream_list {
    uint64_t n_streams;
    struct bytes encoded;
};

struct version_message {
    uint32_t protocol_version;
    uint64_t services;
    uint64_t time_sec;
    uint64_t recv_services;
    uint8_t recv_ip[WIRE_IP_BYTES];
    uint16_t recv_port;
    uint64_t from_services;
    uint8_t from_ip[WIRE_IP_BYTES];
    uint16_t from_port;
    uint64_t nonce;
    struct bytes user_agent; /* any bytes: see user_agent_to_text */
    struct stream_list streams;
};

bool version_decode(struct version_message *out, struct bytes payload,
                    struct fault *fault) MUST_USE;
/* out->failed is set when a bound above is broken. */
void version_write(struct buf *out, const struct version_message *message);

/* Append each stream's var_int; `out` is then the list's `encoded`. */
void stream_list_write(struct buf *out, const uint64_t *streams, size_t n_streams);
bool stream_list_has(const struct stream_list *list, uint64_t stream) MUST_USE;

/* True when the bytes have the form /Name:1.../ that other nodes expect. */
bool user_agent_is_well_formed(struct bytes user_agent) MUST_USE;
/* For people's eyes and the log: printable ASCII alone, others as '?', cut to `size` - 1 bytes,
 * NUL-terminated. */
void user_agent_to_text(char *out, size_t size, struct bytes user_agent);

/* ---- addr */

struct addr_entry {
    uint64_t time_sec; /* when the node was last seen */
    uint32_t stream;
    uint64_t services;
    uint8_t ip[WIRE_IP_BYTES];
    uint16_t port;
};

struct addr_message {
    size_t n_entries;
    struct bytes entries; /* n_entries * ADDR_ENTRY_BYTES */
};

bool addr_decode(struct addr_message *out, struct bytes payload, struct fault *fault) MUST_USE;
/* The entry of that index, < n_entries. */
struct addr_entry addr_entry_at(const struct addr_message *message, size_t index) MUST_USE;
/* A whole payload; more than ADDR_MAX_ENTRIES mark `out` failed. */
void addr_write(struct buf *out, const struct addr_entry *entries, size_t n_entries);

/* ---- inv, dinv, getdata */

struct hash_list {
    size_t n_hashes;
    struct bytes hashes; /* n_hashes * WIRE_HASH_BYTES */
};

/* More than INV_MAX_HASHES are FAULT_LIMIT, anything else that is wrong FAULT_INVALID. */
bool hash_list_decode(struct hash_list *out, struct bytes payload, struct fault *fault) MUST_USE;
/* The 32 bytes of that index, < n_hashes. Borrowed like the list. */
const uint8_t *hash_list_at(const struct hash_list *list, size_t index) MUST_USE;
/* A whole payload from n_hashes * WIRE_HASH_BYTES bytes; more than INV_MAX_HASHES, or a length that
 * is no multiple, mark `out` failed. */
void hash_list_write(struct buf *out, struct bytes hashes);

/* ---- error */

enum { ERROR_WARNING = 0, ERROR_ERROR = 1, ERROR_FATAL = 2 };

struct error_message {
    uint64_t fatal; /* ERROR_WARNING ..., or what the peer made up */
    uint64_t ban_time_sec;
    struct bytes inventory_vector; /* empty or WIRE_HASH_BYTES */
    struct bytes text;             /* any bytes */
};

bool error_decode(struct error_message *out, struct bytes payload, struct fault *fault) MUST_USE;
void error_write(struct buf *out, const struct error_message *message);

#endif
