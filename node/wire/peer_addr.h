// SPDX-License-Identifier: MIT
/* Where a node of the network is: an IPv4 or IPv6 address or a Tor name, and a port.
 *
 * On the wire a host is 16 bytes: IPv6, IPv4 as ::ffff:a.b.c.d, or a Tor version 2 name in the
 * prefix fd87:d87e:eb43::/48. A Tor version 3 name takes 41 bytes and occurs in onionpeer objects
 * alone.
 *
 * A peer_addr that came from one of the makers below is canonical: an IPv4 address is never hidden
 * in an IPv6 one, so that equal places are equal bytes. {0} is no place at all. */
#ifndef BITTERN_NODE_WIRE_PEER_ADDR_H
#define BITTERN_NODE_WIRE_PEER_ADDR_H

#include <stdint.h>

#include "base/bytes.h"

struct netaddr;

enum peer_addr_kind {
    PEER_ADDR_NONE = 0,
    PEER_ADDR_IPV4,
    PEER_ADDR_IPV6,
    PEER_ADDR_ONION_V2,
    PEER_ADDR_ONION_V3
};

enum {
    PEER_ADDR_MAX_HOST_BYTES = 35,
    /* "[host]:port" and its NUL; the longest host is a Tor version 3 name, 62 characters */
    PEER_ADDR_TEXT_BYTES = 72,
    PEER_ADDR_KEY_BYTES = 1 + PEER_ADDR_MAX_HOST_BYTES + 2,
    PEER_ADDR_GROUP_BYTES = 1 + PEER_ADDR_MAX_HOST_BYTES,
    ONION_V2_WIRE_BYTES = 16,
    ONION_V3_WIRE_BYTES = 41
};

struct peer_addr {
    enum peer_addr_kind kind;
    uint8_t host[PEER_ADDR_MAX_HOST_BYTES]; /* 4, 16, 10 or 35 bytes by kind; the rest is zero */
    uint16_t port;
};

/* From the 16 bytes of `version` and `addr`. Always finds a kind; whether the place can be reached
 * is for peer_addr_is_global to say. */
struct peer_addr peer_addr_of_wire(const uint8_t ip[16], uint16_t port) MUST_USE;
/* Into 16 bytes. A Tor version 3 name does not fit and gives false and zeros. */
bool peer_addr_to_wire(uint8_t out_ip[16], const struct peer_addr *addr) MUST_USE;

/* An onionpeer's host: exactly 16 bytes (version 2) or 41 (version 3) with Tor's prefix. */
bool peer_addr_of_onion(struct peer_addr *out, struct bytes host, uint16_t port) MUST_USE;
/* Append those bytes; `addr` is a Tor name. */
void peer_addr_write_onion(struct buf *out, const struct peer_addr *addr);

/* The same for the system's sockets. A Tor name gives false. */
struct peer_addr peer_addr_of_netaddr(const struct netaddr *address) MUST_USE;
bool peer_addr_to_netaddr(struct netaddr *out, const struct peer_addr *addr) MUST_USE;

/* From text: an IPv4 or IPv6 address (with or without brackets) or a name in .onion, without a
 * port. False for anything else, such as a DNS name. */
bool peer_addr_of_host(struct peer_addr *out, struct bytes host, uint16_t port) MUST_USE;
/* "1.2.3.4", "2001:db8::1", "name.onion", NUL-terminated. */
void peer_addr_host_text(char out[PEER_ADDR_TEXT_BYTES], const struct peer_addr *addr);
/* "1.2.3.4:8444", "[2001:db8::1]:8444", "name.onion:8444". */
void peer_addr_text(char out[PEER_ADDR_TEXT_BYTES], const struct peer_addr *addr);

bool peer_addr_is_onion(const struct peer_addr *addr) MUST_USE;
/* This machine itself: 127/8, ::1. */
bool peer_addr_is_loopback(const struct peer_addr *addr) MUST_USE;
/* Reachable from anywhere: no private, link-local, shared, loopback, multicast, documentation,
 * benchmark, translation or reserved range (base/netaddr.h). Tor names are. */
bool peer_addr_is_global(const struct peer_addr *addr) MUST_USE;
/* Home networks: 10/8, 172.16/12, 192.168/16, 169.254/16, fc00::/7, fe80::/10. */
bool peer_addr_is_private(const struct peer_addr *addr) MUST_USE;

bool peer_addr_equal(const struct peer_addr *a, const struct peer_addr *b) MUST_USE;
/* Equal apart from the port. */
bool peer_addr_same_host(const struct peer_addr *a, const struct peer_addr *b) MUST_USE;
/* A key for maps and databases: kind, host, port. Returns its view of `out`. */
struct bytes peer_addr_key(uint8_t out[PEER_ADDR_KEY_BYTES], const struct peer_addr *addr) MUST_USE;
/* What an attacker can fill cheaply counts as one group: an IPv4 /16, an IPv6 /32, a Tor name by
 * itself, and all that is not global of a family together. Returns its view of `out`. */
struct bytes peer_addr_group(uint8_t out[PEER_ADDR_GROUP_BYTES],
                             const struct peer_addr *addr) MUST_USE;

#endif
