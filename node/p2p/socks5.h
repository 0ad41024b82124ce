// SPDX-License-Identifier: MIT
/* The client's side of SOCKS5 (RFC 1928, RFC 1929), without I/O: CONNECT to a host by name or
 * address. Names go to the proxy as they are; nothing is looked up here.
 *
 * With a user name, it is offered together with "no authentication". Tor keeps connections with
 * different user names on different circuits, so a caller that wants each peer on its own gives
 * each a random one. */
#ifndef BITTERN_NODE_P2P_SOCKS5_H
#define BITTERN_NODE_P2P_SOCKS5_H

#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fault.h"

enum { SOCKS5_MAX_TEXT_BYTES = 255 };

enum socks5_state { SOCKS5_METHOD, SOCKS5_AUTH, SOCKS5_REPLY, SOCKS5_DONE, SOCKS5_FAILED };

struct socks5 {
    enum socks5_state state;
    char host[SOCKS5_MAX_TEXT_BYTES + 1];
    char user[SOCKS5_MAX_TEXT_BYTES + 1];
    char password[SOCKS5_MAX_TEXT_BYTES + 1];
    uint16_t port;
    struct buf out; /* to be sent; the owner drops what it has taken */
};

/* Begin; the first words are in `out`. `host` is an IPv4 or IPv6 address or a name; user and
 * password may be "". FAULT_LIMIT when one is longer than 255 bytes or the host is empty. */
bool socks5_init(struct socks5 *socks, const char *host, uint16_t port, const char *user,
                 const char *password, struct fault *fault) MUST_USE;
void socks5_clear(struct socks5 *socks);

/* PARSE_DONE: connected; what follows *out_used bytes comes from the host. PARSE_MORE: *out_used
 * bytes are done with, and there may be output. PARSE_BAD: refused, in words. */
enum parse_result socks5_read(struct socks5 *socks, size_t *out_used, struct bytes in,
                              struct fault *fault) MUST_USE;

#endif
