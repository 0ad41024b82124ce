// SPDX-License-Identifier: MIT
/* Bounds on peers by address: bad marks, bans, and how many connections one address, or one network
 * (peer_addr_group), may open.
 *
 * Each breach of the protocol gives bad marks; they fade with time. At LIMITS_BAN_MARKS the address
 * is banned for a while. Nobody is banned for the clock: all times are monotonic. Loopback peers of
 * a private network are exempt where the settings say so (they share one address), and always those
 * that are known by name alone (they have none). */
#ifndef BITTERN_NODE_P2P_LIMITS_H
#define BITTERN_NODE_P2P_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/wire/peer_addr.h"

enum {
    LIMITS_BAN_MARKS = 100,
    LIMITS_BAN_SEC = 3600,
    LIMITS_FADE_SEC = 60, /* in which LIMITS_FADE_MARKS fade */
    LIMITS_FADE_MARKS = 10,
    LIMITS_MAX_HOSTS = 20000, /* remembered; the ones with fewest marks go first */
    LIMITS_MAX_OBEYED_BAN_SEC = 86400
};

/* What a peer can do wrong, and its price. */
enum misdeed {
    MISDEED_BROKEN_STREAM, /* bad magic, checksum, oversize, out of state: the connection ends */
    MISDEED_MALFORMED,     /* a payload that does not parse */
    MISDEED_BAD_OBJECT,    /* no proof of work, too big, too far in the future */
    MISDEED_NOT_DELIVERED, /* announced and never sent */
    MISDEED_FLOOD,         /* more of something than anybody needs */
    MISDEED_N
};

struct limits;

struct limits_options {
    uint32_t max_inbound;
    uint32_t max_per_address;
    uint32_t max_per_network;
    bool exempt_loopback;
};

struct limits *limits_new(const struct limits_options *options) MUST_USE;
void limits_free(struct limits **limits);

/* Give the host its marks. True when it is banned by them. */
bool limits_misdeed(struct limits *limits, const struct peer_addr *host, enum misdeed misdeed,
                    int64_t now_ms);
/* As it was asked for by an `error` of the peer (cut to LIMITS_MAX_OBEYED_BAN_SEC), or a person. */
void limits_ban(struct limits *limits, const struct peer_addr *host, uint64_t sec, int64_t now_ms);
bool limits_is_banned(const struct limits *limits, const struct peer_addr *host,
                      int64_t now_ms) MUST_USE;
/* Seconds that are left of its ban, rounded up; 0: not banned. */
uint64_t limits_ban_left_sec(const struct limits *limits, const struct peer_addr *host,
                             int64_t now_ms) MUST_USE;
size_t limits_n_banned(const struct limits *limits, int64_t now_ms) MUST_USE;

enum limits_verdict {
    LIMITS_WELCOME,
    LIMITS_BANNED,
    LIMITS_FULL,
    LIMITS_ADDRESS_FULL,
    LIMITS_NETWORK_FULL
};

/* An inbound connection came. LIMITS_WELCOME: it is counted until limits_leave. */
enum limits_verdict limits_enter(struct limits *limits, const struct peer_addr *host,
                                 int64_t now_ms) MUST_USE;
void limits_leave(struct limits *limits, const struct peer_addr *host);
size_t limits_n_inbound(const struct limits *limits) MUST_USE;

#endif
