// SPDX-License-Identifier: MIT
#include "node/wire/peer_addr.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/netaddr.h"
#include "base/str.h"

enum {
    IPV4_BYTES = 4,
    IPV6_BYTES = 16,
    ONION_V2_BYTES = 10,
    ONION_V3_BYTES = 35,
    ONION_V3_VERSION_OFFSET = 34, /* key 32, checksum 2, version 1 */
    ONION_PREFIX_BYTES = 6,
    MAPPED_PREFIX_BYTES = 12,
    MAX_HOST_CHARS = 64
};

static const uint8_t mapped_prefix[MAPPED_PREFIX_BYTES] = {[10] = 0xff, [11] = 0xff};
static const uint8_t onion_prefix[ONION_PREFIX_BYTES] = {0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43};
static const char onion_suffix[] = ".onion";

/* Home networks; an IPv4 one in its 16 bytes. */
static const struct {
    uint8_t bytes[IPV6_BYTES];
    unsigned n_bits;
} private_ranges[] = {
    {{[10] = 0xff, 0xff, 10}, 96 + 8},
    {{[10] = 0xff, 0xff, 172, 16}, 96 + 12},
    {{[10] = 0xff, 0xff, 192, 168}, 96 + 16},
    {{[10] = 0xff, 0xff, 169, 254}, 96 + 16},
    {{0xfc}, 7},
    {{0xfe, 0x80}, 10},
};

static size_t host_len(enum peer_addr_kind kind)
{
    switch (kind) {
    case PEER_ADDR_IPV4:
        return IPV4_BYTES;
    case PEER_ADDR_IPV6:
        return IPV6_BYTES;
    case PEER_ADDR_ONION_V2:
        return ONION_V2_BYTES;
    case PEER_ADDR_ONION_V3:
        return ONION_V3_BYTES;
    case PEER_ADDR_NONE:
        break;
    }
    return 0;
}

static struct peer_addr make(enum peer_addr_kind kind, const uint8_t *host, uint16_t port)
{
    struct peer_addr addr = {.kind = kind, .port = port};
    memcpy(addr.host, host, host_len(kind));
    return addr;
}

/* ---- the wire's forms */

struct peer_addr peer_addr_of_wire(const uint8_t ip[16], uint16_t port)
{
    if (memcmp(ip, mapped_prefix, MAPPED_PREFIX_BYTES) == 0) {
        return make(PEER_ADDR_IPV4, ip + MAPPED_PREFIX_BYTES, port);
    }
    if (memcmp(ip, onion_prefix, ONION_PREFIX_BYTES) == 0) {
        return make(PEER_ADDR_ONION_V2, ip + ONION_PREFIX_BYTES, port);
    }
    return make(PEER_ADDR_IPV6, ip, port);
}

bool peer_addr_to_wire(uint8_t out_ip[16], const struct peer_addr *addr)
{
    memset(out_ip, 0, IPV6_BYTES);
    switch (addr->kind) {
    case PEER_ADDR_IPV4:
        memcpy(out_ip, mapped_prefix, MAPPED_PREFIX_BYTES);
        memcpy(out_ip + MAPPED_PREFIX_BYTES, addr->host, IPV4_BYTES);
        return true;
    case PEER_ADDR_IPV6:
        memcpy(out_ip, addr->host, IPV6_BYTES);
        return true;
    case PEER_ADDR_ONION_V2:
        memcpy(out_ip, onion_prefix, ONION_PREFIX_BYTES);
        memcpy(out_ip + ONION_PREFIX_BYTES, addr->host, ONION_V2_BYTES);
        return true;
    case PEER_ADDR_ONION_V3:
    case PEER_ADDR_NONE:
        break;
    }
    return false;
}

bool peer_addr_of_onion(struct peer_addr *out, struct bytes host, uint16_t port)
{
    struct bytes name = bytes_slice(host, ONION_PREFIX_BYTES, SIZE_MAX);
    if (!bytes_starts_with(host, (struct bytes){onion_prefix, ONION_PREFIX_BYTES})) {
        return false;
    }
    if (host.len == ONION_V2_WIRE_BYTES) {
        *out = make(PEER_ADDR_ONION_V2, name.data, port);
        return true;
    }
    if (host.len == ONION_V3_WIRE_BYTES && name.data[ONION_V3_VERSION_OFFSET] == 3) {
        *out = make(PEER_ADDR_ONION_V3, name.data, port);
        return true;
    }
    return false;
}

void peer_addr_write_onion(struct buf *out, const struct peer_addr *addr)
{
    assert(peer_addr_is_onion(addr));
    buf_append(out, onion_prefix, ONION_PREFIX_BYTES);
    buf_append(out, addr->host, host_len(addr->kind));
}

struct peer_addr peer_addr_of_netaddr(const struct netaddr *address)
{
    return peer_addr_of_wire(address->ip, address->port);
}

bool peer_addr_to_netaddr(struct netaddr *out, const struct peer_addr *addr)
{
    out->port = addr->port;
    return !peer_addr_is_onion(addr) && peer_addr_to_wire(out->ip, addr);
}

/* ---- text */

/* RFC 4648 base32 in small letters, as Tor writes names; `len` is a multiple of 5. */
static void base32_encode(char *out, const uint8_t *in, size_t len)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned pending = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < len; i++) {
        pending = (pending << 8 | in[i]) & 0xffff;
        for (n_bits += 8; n_bits >= 5; n_bits -= 5) {
            *out++ = alphabet[pending >> (n_bits - 5) & 31];
        }
    }
    *out = '\0';
}

/* Exactly `len` bytes, a multiple of 5, from letters of either case. */
static bool base32_decode(uint8_t *out, size_t len, struct bytes text)
{
    if (text.len != len / 5 * 8) {
        return false;
    }
    unsigned pending = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = ascii_lower((char)text.data[i]);
        unsigned value;
        if (c >= 'a' && c <= 'z') {
            value = (unsigned)(c - 'a');
        } else if (c >= '2' && c <= '7') {
            value = (unsigned)(c - '2') + 26;
        } else {
            return false;
        }
        pending = (pending << 5 | value) & 0xffff;
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            *out++ = (uint8_t)(pending >> n_bits);
        }
    }
    return true;
}

static bool onion_of_text(struct peer_addr *out, struct bytes name, uint16_t port)
{
    uint8_t host[ONION_V3_BYTES];
    if (base32_decode(host, ONION_V2_BYTES, name)) {
        *out = make(PEER_ADDR_ONION_V2, host, port);
        return true;
    }
    if (base32_decode(host, ONION_V3_BYTES, name) && host[ONION_V3_VERSION_OFFSET] == 3) {
        *out = make(PEER_ADDR_ONION_V3, host, port);
        return true;
    }
    return false;
}

bool peer_addr_of_host(struct peer_addr *out, struct bytes host, uint16_t port)
{
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = bytes_slice(host, 1, host.len - 2);
    }
    char text[MAX_HOST_CHARS + 1] = "";
    if (host.len == 0 || host.len > MAX_HOST_CHARS || bytes_find(host, 0) != host.len) {
        return false;
    }
    memcpy(text, host.data, host.len);

    if (str_ends_with_ci(text, onion_suffix)) {
        return onion_of_text(out, bytes_slice(host, 0, host.len - strlen(onion_suffix)), port);
    }
    uint8_t ip[IPV6_BYTES];
    if (!netaddr_parse_ip(ip, text)) {
        return false;
    }
    *out = peer_addr_of_wire(ip, port);
    return true;
}

void peer_addr_host_text(char out[PEER_ADDR_TEXT_BYTES], const struct peer_addr *addr)
{
    struct netaddr ip;
    if (peer_addr_is_onion(addr)) {
        base32_encode(out, addr->host, host_len(addr->kind));
        memcpy(out + strlen(out), onion_suffix, sizeof onion_suffix);
    } else if (peer_addr_to_netaddr(&ip, addr)) {
        struct netaddr_text text = netaddr_format_ip(&ip);
        memcpy(out, text.text, strlen(text.text) + 1);
    } else {
        memcpy(out, "nowhere", sizeof "nowhere");
    }
}

void peer_addr_text(char out[PEER_ADDR_TEXT_BYTES], const struct peer_addr *addr)
{
    char host[PEER_ADDR_TEXT_BYTES];
    peer_addr_host_text(host, addr);
    bool is_ipv6 = addr->kind == PEER_ADDR_IPV6;
    (void)snprintf(out, PEER_ADDR_TEXT_BYTES, "%s%.62s%s:%u", is_ipv6 ? "[" : "", host,
                   is_ipv6 ? "]" : "", (unsigned)addr->port);
}

/* ---- what kind of place */

bool peer_addr_is_onion(const struct peer_addr *addr)
{
    return addr->kind == PEER_ADDR_ONION_V2 || addr->kind == PEER_ADDR_ONION_V3;
}

bool peer_addr_is_loopback(const struct peer_addr *addr)
{
    struct netaddr ip;
    return peer_addr_to_netaddr(&ip, addr) && netaddr_is_loopback(&ip);
}

bool peer_addr_is_global(const struct peer_addr *addr)
{
    struct netaddr ip;
    return peer_addr_is_onion(addr) || (peer_addr_to_netaddr(&ip, addr) && netaddr_is_global(&ip));
}

static bool has_prefix(const uint8_t *host, const uint8_t *prefix, unsigned n_bits)
{
    size_t n_bytes = n_bits / 8;
    unsigned n_rest = n_bits % 8;
    return memcmp(host, prefix, n_bytes) == 0 &&
           (n_rest == 0 || (host[n_bytes] ^ prefix[n_bytes]) >> (8 - n_rest) == 0);
}

bool peer_addr_is_private(const struct peer_addr *addr)
{
    struct netaddr ip;
    if (!peer_addr_to_netaddr(&ip, addr)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(private_ranges); i++) {
        if (has_prefix(ip.ip, private_ranges[i].bytes, private_ranges[i].n_bits)) {
            return true;
        }
    }
    return false;
}

/* ---- equality, keys, groups */

bool peer_addr_same_host(const struct peer_addr *a, const struct peer_addr *b)
{
    return a->kind == b->kind && memcmp(a->host, b->host, sizeof a->host) == 0;
}

bool peer_addr_equal(const struct peer_addr *a, const struct peer_addr *b)
{
    return a->port == b->port && peer_addr_same_host(a, b);
}

struct bytes peer_addr_key(uint8_t out[PEER_ADDR_KEY_BYTES], const struct peer_addr *addr)
{
    size_t len = host_len(addr->kind);
    out[0] = (uint8_t)addr->kind;
    memcpy(out + 1, addr->host, len);
    out[1 + len] = (uint8_t)(addr->port >> 8);
    out[2 + len] = (uint8_t)addr->port;
    return (struct bytes){out, 3 + len};
}

struct bytes peer_addr_group(uint8_t out[PEER_ADDR_GROUP_BYTES], const struct peer_addr *addr)
{
    enum { IPV4_GROUP_BYTES = 2, IPV6_GROUP_BYTES = 4 };
    size_t len = 0;
    if (peer_addr_is_onion(addr)) {
        len = host_len(addr->kind);
    } else if (peer_addr_is_global(addr)) {
        len = addr->kind == PEER_ADDR_IPV4 ? IPV4_GROUP_BYTES : IPV6_GROUP_BYTES;
    }
    out[0] = (uint8_t)addr->kind;
    memcpy(out + 1, addr->host, len);
    return (struct bytes){out, 1 + len};
}
