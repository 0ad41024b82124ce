// SPDX-License-Identifier: MIT
/* Whom to dial, and when: the peers that the settings name, always; others out of the book, as many
 * as asked for, each in a network group of its own.
 *
 * Only the decision lives here. Each target gets a ticket; whoever dials tells how it went. No I/O,
 * no clock. */
#ifndef BITTERN_NODE_P2P_DIAL_H
#define BITTERN_NODE_P2P_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/netaddr.h"
#include "node/wire/peer_addr.h"

struct dial;
struct peer_book;

enum {
    DIAL_MAX_NAMED = 64,
    DIAL_MAX_HALF_OPEN = 64,
    DIAL_MAX_HALF_OPEN_BY_PROXY = 4,
    DIAL_FIRST_RETRY_MS = 1000, /* for named peers; doubles up to the next */
    DIAL_MAX_RETRY_MS = 60 * 1000,
    DIAL_BOOTSTRAP_AGAIN_SEC = 600,
    DIAL_TEST_PERIOD_MS = 30 * 1000, /* between two tests of tried peers */
    DIAL_MAX_OWN_ADDRESSES = 64,
    DIAL_MAX_OFFERS = 32,
    DIAL_OFFER_SEC = 300
};

struct dial_options {
    const char *connect; /* "HOST:PORT, ...": named peers */
    uint16_t default_port;
    bool others; /* dial peers out of the book, too */
    uint32_t max_outbound;
    bool by_proxy;       /* names and Tor names can be dialled */
    bool allow_loopback; /* no groups among loopback peers */
    /* True when that host is connected already, in whatever direction. */
    bool (*is_connected)(void *context, const struct peer_addr *addr);
    void *context;
};

struct dial_target {
    uint32_t ticket; /* never 0 */
    char host[NETADDR_HOST_BYTES];
    uint16_t port;
    struct peer_addr addr; /* PEER_ADDR_NONE: `host` is a name */
    bool is_named;
    bool is_test; /* only whether it answers: end it once it is established */
};

/* NULL when `connect` does not parse. The book must outlive it. */
struct dial *dial_new(const struct dial_options *options, struct peer_book *book,
                      struct fault *fault) MUST_USE;
void dial_free(struct dial **dial);

/* The next to dial now, if any. It counts as under way until dial_ended. */
bool dial_next(struct dial *dial, struct dial_target *out, int64_t now_ms,
               int64_t now_sec) MUST_USE;
/* A peer that was found in the local network: dialled before those of the book, for a while. It may
 * have a private address. */
void dial_offer(struct dial *dial, const struct peer_addr *addr, int64_t now_ms);
/* A ticket for a name that the caller dials through the proxy to be introduced. */
uint32_t dial_begin_introduction(struct dial *dial) MUST_USE;
/* The handshake is through. */
void dial_established(struct dial *dial, uint32_t ticket, int64_t now_sec);
/* It does not want us: if the settings name it, it is left alone for so long. */
void dial_postpone(struct dial *dial, uint32_t ticket, int64_t until_ms);
/* It is over, or came to nothing. */
void dial_ended(struct dial *dial, uint32_t ticket, int64_t now_ms, int64_t now_sec);
/* That address turned out to be ourselves: not again, while it is among the last
 * DIAL_MAX_OWN_ADDRESSES of them (an address may change each day). */
void dial_forbid(struct dial *dial, const struct peer_addr *addr);

/* True, once in a while, when nobody is connected and the book knows nobody: ask for introductions.
 */
bool dial_wants_bootstrap(struct dial *dial, int64_t now_sec) MUST_USE;
size_t dial_n_established(const struct dial *dial) MUST_USE;
size_t dial_n_half_open(const struct dial *dial) MUST_USE;

#endif
