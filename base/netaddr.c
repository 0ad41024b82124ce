// SPDX-License-Identifier: MIT
#include "base/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip_range {
    uint8_t start[16];
    unsigned n_bits;
};

/* What is not routed in the Internet, of the IANA IPv4 Special-Purpose Address Registry, with
 * multicast and class E. */
static const struct ip_range local_ipv4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared (carrier NAT) */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 31, 196}, 24}, /* AS112 */
    {{192, 52, 193}, 24}, /* AMT */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{192, 175, 48}, 24}, /* AS112 */
    {{198, 18}, 15},      /* benchmarking */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 3},           /* multicast, reserved, broadcast */
};

/* Of IPv6 only 2000::/3 is handed out; these of it are not for hosts in general. */
static const struct ip_range local_ipv6[] = {
    {{0x20, 0x01, 0x00}, 23},             /* protocol assignments: Teredo, ORCHID, benchmarking */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation */
    {{0x20, 0x02}, 16},                   /* 6to4 */
    {{0x26, 0x20, 0x00, 0x4f, 0x80}, 48}, /* AS112 */
    {{0x3f, 0xff}, 20},                   /* documentation */
};

static bool in_range(const uint8_t *ip, const struct ip_range *range)
{
    size_t n_whole = range->n_bits / 8;
    unsigned n_rest = range->n_bits % 8;
    if (memcmp(ip, range->start, n_whole) != 0) {
        return false;
    }
    uint8_t mask = (uint8_t)(0xff00u >> n_rest);
    return n_rest == 0 || (ip[n_whole] & mask) == (range->start[n_whole] & mask);
}

static bool in_any(const uint8_t *ip, const struct ip_range *ranges, size_t n_ranges)
{
    for (size_t i = 0; i < n_ranges; i++) {
        if (in_range(ip, &ranges[i])) {
            return true;
        }
    }
    return false;
}

bool netaddr_is_ipv4(const struct netaddr *address)
{
    return memcmp(address->ip, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

bool netaddr_is_none(const struct netaddr *address)
{
    static const struct netaddr none;
    return netaddr_equal(address, &none);
}

bool netaddr_same_ip(const struct netaddr *a, const struct netaddr *b)
{
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
    return netaddr_same_ip(a, b) && a->port == b->port;
}

bool netaddr_is_loopback(const struct netaddr *address)
{
    static const uint8_t ipv6_loopback[16] = {[15] = 1};
    return netaddr_is_ipv4(address) ? address->ip[12] == 127
                                    : memcmp(address->ip, ipv6_loopback, 16) == 0;
}

bool netaddr_is_global(const struct netaddr *address)
{
    if (netaddr_is_ipv4(address)) {
        return !in_any(address->ip + 12, local_ipv4, ARRAY_LEN(local_ipv4));
    }
    return (address->ip[0] & 0xe0) == 0x20 &&
           !in_any(address->ip, local_ipv6, ARRAY_LEN(local_ipv6));
}

void netaddr_group(uint8_t out[NETADDR_GROUP_BYTES], const struct netaddr *address)
{
    memset(out, 0, NETADDR_GROUP_BYTES);
    if (netaddr_is_loopback(address)) {
        out[0] = 1;
    } else if (netaddr_is_ipv4(address)) {
        out[0] = 4;
        memcpy(out + 1, address->ip + 12, 2);
    } else {
        out[0] = 6;
        memcpy(out + 1, address->ip, 4);
    }
}

bool netaddr_parse_ip(uint8_t out_ip[16], const char *text)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, text, &ipv4) == 1) {
        memcpy(out_ip, ipv4_prefix, sizeof ipv4_prefix);
        memcpy(out_ip + 12, &ipv4, 4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &ipv6) == 1) {
        memcpy(out_ip, &ipv6, 16);
        return true;
    }
    return false;
}

/* The host and port parts of `text`; an absent port is {0}. False when the brackets are wrong. */
static bool split_parts(struct bytes *out_host, struct bytes *out_port, const char *text)
{
    struct bytes whole = bytes_of_str(text);
    *out_port = (struct bytes){0};
    if (text[0] == '[') {
        size_t end = bytes_find(whole, ']');
        *out_host = bytes_slice(whole, 1, end - 1);
        struct bytes rest = bytes_slice(whole, end + 1, whole.len);
        if (end == whole.len || (rest.len > 0 && rest.data[0] != ':')) {
            return false;
        }
        *out_port = bytes_slice(rest, 1, rest.len);
        return rest.len != 1;
    }
    size_t colon = bytes_find(whole, ':');
    struct bytes rest = bytes_slice(whole, colon + 1, whole.len);
    if (colon == whole.len || bytes_find(rest, ':') != rest.len) {
        *out_host = whole; /* no colon, or an IPv6 address without brackets */
        return true;
    }
    *out_host = bytes_slice(whole, 0, colon);
    *out_port = rest;
    return rest.len > 0;
}

static bool is_host_char(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || strchr("-._:", c) != NULL;
}

static bool split(char out_host[NETADDR_HOST_BYTES], uint16_t *out_port, const char *text,
                  uint16_t default_port)
{
    struct bytes host;
    struct bytes port_text;
    uint64_t port = default_port;
    if (!split_parts(&host, &port_text, text) || host.len >= NETADDR_HOST_BYTES) {
        return false;
    }
    if (port_text.len > 0 && !parse_u64(port_text, UINT16_MAX, &port)) {
        return false;
    }
    if (host.len > 0) {
        memcpy(out_host, host.data, host.len);
    }
    out_host[host.len] = '\0';
    *out_port = (uint16_t)port;
    return true;
}

bool netaddr_split_host(char out_host[NETADDR_HOST_BYTES], uint16_t *out_port, const char *text,
                        uint16_t default_port, struct fault *fault)
{
    char host[NETADDR_HOST_BYTES];
    uint16_t port;
    bool ok = split(host, &port, text, default_port) && host[0] != '\0';
    for (const char *c = host; ok && *c != '\0'; c++) {
        ok = is_host_char(*c);
    }
    if (!ok) {
        return fault_set(fault, FAULT_INVALID, "'%.80s' is not HOST:PORT", text);
    }
    memcpy(out_host, host, sizeof host);
    *out_port = port;
    return true;
}

bool netaddr_parse(struct netaddr *out, const char *text, uint16_t default_port,
                   struct fault *fault)
{
    struct netaddr address = {0};
    char host[NETADDR_HOST_BYTES];
    bool ok = split(host, &address.port, text, default_port);
    if (ok && str_equal_ci(host, "localhost")) {
        ok = netaddr_parse_ip(address.ip, "127.0.0.1");
    } else if (ok && host[0] != '\0' && strcmp(host, "*") != 0) {
        ok = netaddr_parse_ip(address.ip, host);
    }
    if (!ok) {
        return fault_set(fault, FAULT_INVALID, "'%.80s' is not ADDRESS:PORT", text);
    }
    *out = address;
    return true;
}

struct netaddr_text netaddr_format_ip(const struct netaddr *address)
{
    struct netaddr_text out = {0};
    bool ipv4 = netaddr_is_ipv4(address);
    inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? address->ip + 12 : address->ip, out.text,
              sizeof out.text);
    return out;
}

struct netaddr_text netaddr_format(const struct netaddr *address)
{
    struct netaddr_text ip = netaddr_format_ip(address);
    struct netaddr_text out;
    if (netaddr_is_ipv4(address)) {
        snprintf(out.text, sizeof out.text, "%.46s:%u", ip.text, (unsigned)address->port);
    } else {
        snprintf(out.text, sizeof out.text, "[%.46s]:%u", ip.text, (unsigned)address->port);
    }
    return out;
}

void netaddr_to_sockaddr(struct sockaddr_storage *out, socklen_t *out_len,
                         const struct netaddr *address)
{
    memset(out, 0, sizeof *out);
    if (netaddr_is_ipv4(address)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(address->port);
        memcpy(&in->sin_addr, address->ip + 12, 4);
        *out_len = sizeof *in;
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(address->port);
        memcpy(&in6->sin6_addr, address->ip, 16);
        *out_len = sizeof *in6;
    }
}

bool netaddr_from_sockaddr(struct netaddr *out, const struct sockaddr_storage *in)
{
    if (in->ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)in;
        memcpy(out->ip, ipv4_prefix, sizeof ipv4_prefix);
        memcpy(out->ip + 12, &in4->sin_addr, 4);
        out->port = ntohs(in4->sin_port);
        return true;
    }
    if (in->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)in;
        memcpy(out->ip, &in6->sin6_addr, 16);
        out->port = ntohs(in6->sin6_port);
        return true;
    }
    return false;
}
