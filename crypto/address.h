// SPDX-License-Identifier: MIT
/* Bitmessage addresses: what they hold, their text, and what follows from them.
 *
 * An address is a version, a stream and the 20 bytes of a ripe (always at full length here). Its
 * text is "BM-" and base 58 of version, stream, the ripe without leading zeros, and a checksum.
 * More than one text can stand for one address (leading '1's; zeros left in place), so texts are
 * never compared: decode, and compare or key by the struct, or encode again. */
#ifndef BITTERN_CRYPTO_ADDRESS_H
#define BITTERN_CRYPTO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/key.h"

enum {
    ADDRESS_MIN_VERSION = 1,
    ADDRESS_MAX_VERSION = 4,
    ADDRESS_TEXT_BYTES = 64,       /* the longest text (stream of 9 bytes) and its NUL fit */
    ADDRESS_MAX_INPUT_BYTES = 256, /* of a text to decode, spaces included */
    ADDRESS_KEY_BYTES = 36,
    ADDRESS_TAG_BYTES = 32
};

struct address {
    uint64_t version; /* 1 to 4; we make 3 and 4 */
    uint64_t stream;  /* any; only 1 is in use */
    uint8_t ripe[RIPE_BYTES];
};

/* Why a text is no address; the order of the checks is PyBitmessage's. */
enum address_status {
    ADDRESS_OK,
    ADDRESS_INVALID_CHARACTERS, /* or empty, or longer than any address */
    ADDRESS_CHECKSUM_FAILED,
    ADDRESS_VARINT_MALFORMED,
    ADDRESS_VERSION_TOO_HIGH, /* or 0 */
    ADDRESS_RIPE_TOO_SHORT,
    ADDRESS_RIPE_TOO_LONG,
    ADDRESS_ENCODING_PROBLEM /* version 4 with a leading zero left in */
};

/* PyBitmessage's word for it, such as "checksumfailed". Static storage. */
const char *address_status_name(enum address_status status) MUST_USE;
/* A sentence for a person. Static storage. */
const char *address_status_text(enum address_status status) MUST_USE;

/* Decode, with or without "BM-", spaces around it allowed. ADDRESS_OK fills *out; else it is
 * untouched. */
enum address_status address_decode(struct address *out, struct bytes text) MUST_USE;
/* The canonical text, NUL-terminated. The version is 1 to 4. */
void address_encode(char out[ADDRESS_TEXT_BYTES], const struct address *address);

bool address_equal(const struct address *a, const struct address *b) MUST_USE;
/* <0, 0, >0: a total order. */
int address_compare(const struct address *a, const struct address *b) MUST_USE;
/* The address as the key of a map or a database row: version, stream (big-endian), ripe. */
void address_key(uint8_t out[ADDRESS_KEY_BYTES], const struct address *address);
bool address_from_key(struct address *out, struct bytes key) MUST_USE;

/* The address of two public keys. */
struct address address_of_keys(uint64_t version, uint64_t stream, const struct public_key *signing,
                               const struct public_key *encryption) MUST_USE;

/* What finds the pubkey (version 4) and the broadcasts (version 5) of an address: the second half
 * of dsha512(version || stream || ripe). */
void address_tag(uint8_t out[ADDRESS_TAG_BYTES], const struct address *address);
/* The key that those are encrypted with: the first half. Whoever knows the address knows it. False
 * when the value is no valid scalar (1 case in 2^128). */
bool address_tag_key(struct private_key *out, const struct address *address) MUST_USE;
/* The key of the address's broadcasts: of version 4 ones (SHA512(version || stream || ripe)[0:32])
 * for an address of version 3 and below, that of address_tag_key for version 4. */
bool address_broadcast_key(struct private_key *out, const struct address *address) MUST_USE;

#endif
