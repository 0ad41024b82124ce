// SPDX-License-Identifier: MIT
#include "node/wire/peer_addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
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

struct prefix {
    uint8_t bytes[IPV6_BYTES];
    unsigned n_bits;
};

/* RFC 6890 and its registry: what can't be reached from everywhere. */
static const struct prefix ipv4_special[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared by carriers */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* former 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

static const struct prefix ipv4_private[] = {
    {{10}, 8}, {{172, 16}, 12}, {{192, 168}, 16}, {{169, 254}, 16}};

/* Global unicast is 2000::/3 alone, less these. */
static const struct prefix ipv6_unicast = {{0x20}, 3};
static const struct prefix ipv6_special[] = {
    {{0x20, 0x01}, 23},             /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
    {{0x3f, 0xff}, 20},             /* documentation */
};

static const struct prefix ipv6_private[] = {{{0xfc}, 7}, {{0xfe, 0x80}, 10}};

static bool has_prefix(const uint8_t *host, const struct prefix *prefix)
{
    size_t n_bytes = prefix->n_bits / 8;
    unsigned n_rest = prefix->n_bits % 8;
    if (memcmp(host, prefix->bytes, n_bytes) != 0) {
        return false;
    }
    return n_rest == 0 || (host[n_bytes] ^ prefix->bytes[n_bytes]) >> (8 - n_rest) == 0;
}

static bool has_any_prefix(const uint8_t *host, const struct prefix *prefixes, size_t n_prefixes)
{
    for (size_t i = 0; i < n_prefixes; i++) {
        if (has_prefix(host, &prefixes[i])) {
            return true;
        }
    }
    return false;
}

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
    if (inet_pton(AF_INET, text, ip) == 1) {
        *out = make(PEER_ADDR_IPV4, ip, port);
        return true;
    }
    if (inet_pton(AF_INET6, text, ip) == 1) {
        *out = peer_addr_of_wire(ip, port);
        return true;
    }
    return false;
}

void peer_addr_host_text(char out[PEER_ADDR_TEXT_BYTES], const struct peer_addr *addr)
{
    switch (addr->kind) {
    case PEER_ADDR_IPV4:
        (void)inet_ntop(AF_INET, addr->host, out, PEER_ADDR_TEXT_BYTES);
        return;
    case PEER_ADDR_IPV6:
        (void)inet_ntop(AF_INET6, addr->host, out, PEER_ADDR_TEXT_BYTES);
        return;
    case PEER_ADDR_ONION_V2:
    case PEER_ADDR_ONION_V3:
        base32_encode(out, addr->host, host_len(addr->kind));
        memcpy(out + strlen(out), onion_suffix, sizeof onion_suffix);
        return;
    case PEER_ADDR_NONE:
        break;
    }
    memcpy(out, "nowhere", sizeof "nowhere");
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
    static const uint8_t ipv6_loopback[IPV6_BYTES] = {[15] = 1};
    if (addr->kind == PEER_ADDR_IPV4) {
        return addr->host[0] == 127;
    }
    return addr->kind == PEER_ADDR_IPV6 && memcmp(addr->host, ipv6_loopback, IPV6_BYTES) == 0;
}

bool peer_addr_is_global(const struct peer_addr *addr)
{
    switch (addr->kind) {
    case PEER_ADDR_IPV4:
        return !has_any_prefix(addr->host, ipv4_special, ARRAY_LEN(ipv4_special));
    case PEER_ADDR_IPV6:
        return has_prefix(addr->host, &ipv6_unicast) &&
               !has_any_prefix(addr->host, ipv6_special, ARRAY_LEN(ipv6_special));
    case PEER_ADDR_ONION_V2:
    case PEER_ADDR_ONION_V3:
        return true;
    case PEER_ADDR_NONE:
        break;
    }
    return false;
}

bool peer_addr_is_private(const struct peer_addr *addr)
{
    if (addr->kind == PEER_ADDR_IPV4) {
        return has_any_prefix(addr->host, ipv4_private, ARRAY_LEN(ipv4_private));
    }
    return addr->kind == PEER_ADDR_IPV6 &&
           has_any_prefix(addr->host, ipv6_private, ARRAY_LEN(ipv6_private));
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
