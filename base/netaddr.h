// SPDX-License-Identifier: MIT
/* Network addresses: an IPv4 or IPv6 address with a port, as value.
 *
 * The 16 bytes are the form that Bitmessage's packets have: IPv4 as ::ffff:a.b.c.d. Names (onion,
 * DNS) are no addresses; netaddr_split_host takes "HOST:PORT" apart without asking anybody. */
#ifndef BITTERN_BASE_NETADDR_H
#define BITTERN_BASE_NETADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "base/fault.h"

/* {0} is "no address" (the unspecified address, port 0). */
struct netaddr {
    uint8_t ip[16];
    uint16_t port; /* host byte order */
};

enum { NETADDR_TEXT_BYTES = 56, NETADDR_GROUP_BYTES = 5, NETADDR_HOST_BYTES = 256 };

struct netaddr_text {
    char text[NETADDR_TEXT_BYTES];
};

/* "1.2.3.4:5", "[::1]:5"; without a port "1.2.3.4", "::1", "[::1]" with `default_port`. A `*` or an
 * empty host is the IPv6 wildcard (which takes IPv4 as well), "localhost" is 127.0.0.1. */
bool netaddr_parse(struct netaddr *out, const char *text, uint16_t default_port,
                   struct fault *fault) MUST_USE;
/* The address alone, no brackets, no port. */
bool netaddr_parse_ip(uint8_t out_ip[16], const char *text) MUST_USE;
/* "HOST:PORT" or "[IPV6]:PORT" or HOST alone into its parts; no look-up. A host of letters, digits,
 * `-`, `.`, `_` and, for IPv6, `:`. */
bool netaddr_split_host(char out_host[NETADDR_HOST_BYTES], uint16_t *out_port, const char *text,
                        uint16_t default_port, struct fault *fault) MUST_USE;

/* "1.2.3.4:5" or "[2001:db8::1]:5". */
struct netaddr_text netaddr_format(const struct netaddr *address) MUST_USE;
/* The address without the port and without brackets. */
struct netaddr_text netaddr_format_ip(const struct netaddr *address) MUST_USE;

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b) MUST_USE;
bool netaddr_same_ip(const struct netaddr *a, const struct netaddr *b) MUST_USE;
bool netaddr_is_ipv4(const struct netaddr *address) MUST_USE;
/* {0}: nothing in it. */
bool netaddr_is_none(const struct netaddr *address) MUST_USE;
bool netaddr_is_loopback(const struct netaddr *address) MUST_USE;
/* True for unicast addresses that are routed in the Internet: no private, shared, link-local,
 * loopback, documentation, benchmarking, multicast, reserved, tunnel or translation range (the
 * IANA special-purpose registries, RFC 6890). The port is not looked at. */
bool netaddr_is_global(const struct netaddr *address) MUST_USE;
/* Bytes that are equal for addresses under likely one control: IPv4 /16, IPv6 /32, with a byte in
 * front that tells the kinds apart. Loopback is a group of its own. */
void netaddr_group(uint8_t out[NETADDR_GROUP_BYTES], const struct netaddr *address);

/* To and from the system's form. An IPv4 address gives AF_INET. */
void netaddr_to_sockaddr(struct sockaddr_storage *out, socklen_t *out_len,
                         const struct netaddr *address);
/* False for another family (a Unix socket). */
bool netaddr_from_sockaddr(struct netaddr *out, const struct sockaddr_storage *in) MUST_USE;

#endif
